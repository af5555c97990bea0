//! How times are spread, in a few hundred numbers however many times there are.

use std::time::Duration;

use serde::Serialize;

/// Steps in each doubling: quantiles are right to 1/16.
const STEPS: u64 = 16;

/// Counts times by their length in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spread {
    counts: Vec<u64>,
    count: u64,
    total_ms: u64,
    max_ms: u64,
}

/// What is said of a [`Spread`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Quantiles {
    /// How many times there were.
    pub count: u64,
    /// Their mean.
    pub mean_ms: u64,
    /// Half of them are no longer.
    pub p50_ms: u64,
    /// 95 of 100 are no longer.
    pub p95_ms: u64,
    /// The longest.
    pub max_ms: u64,
}

impl Spread {
    /// Counts one more.
    pub fn add(&mut self, time: Duration) {
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let place = place(ms);
        if self.counts.len() <= place {
            self.counts.resize(place + 1, 0);
        }
        if let Some(count) = self.counts.get_mut(place) {
            *count += 1;
        }
        self.count += 1;
        self.total_ms = self.total_ms.saturating_add(ms);
        self.max_ms = self.max_ms.max(ms);
    }

    /// What is to be said of it.
    #[must_use]
    pub fn quantiles(&self) -> Quantiles {
        Quantiles {
            count: self.count,
            mean_ms: self.total_ms.checked_div(self.count).unwrap_or(0),
            p50_ms: self.quantile(50),
            p95_ms: self.quantile(95),
            max_ms: self.max_ms,
        }
    }

    fn quantile(&self, percent: u64) -> u64 {
        let wanted = (self.count * percent).div_ceil(100);
        let mut seen = 0;
        let found = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        found.map_or(0, |place| longest(place).min(self.max_ms))
    }
}

fn place(ms: u64) -> usize {
    let doublings = ms.max(1).ilog2().saturating_sub(STEPS.ilog2());
    let place = u64::from(doublings) * STEPS + (ms >> doublings);
    usize::try_from(place).unwrap_or(usize::MAX)
}

/// The longest time that is counted at a place.
fn longest(place: usize) -> u64 {
    let place = u64::try_from(place).unwrap_or(u64::MAX);
    let doublings = (place / STEPS).saturating_sub(1);
    let within = place - doublings * STEPS;
    ((within + 1) << doublings) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_has_a_place_that_is_nearly_as_long() {
        for ms in (0..5_000).chain([1 << 20, (1 << 30) + 77, 1 << 40]) {
            let longest = longest(place(ms));
            assert!(longest >= ms && longest - ms <= ms / 16, "{ms}: {longest}");
        }
    }

    #[test]
    fn quantiles_are_told() {
        let mut spread = Spread::default();
        assert_eq!(spread.quantiles(), Quantiles::default());
        (1..=100).for_each(|ms| spread.add(Duration::from_millis(ms)));
        let told = spread.quantiles();
        assert_eq!((told.count, told.mean_ms, told.max_ms), (100, 50, 100));
        assert!((50..=53).contains(&told.p50_ms) && (95..=100).contains(&told.p95_ms), "{told:?}");
    }
}
