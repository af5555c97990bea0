//! When the next request to a host may start.

use std::time::Duration;

use tokio::time::Instant;

/// The first pause when a host asks for patience without saying how much.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest of these pauses.
const LONGEST_OWN_PAUSE: Duration = Duration::from_secs(30);
/// The longest pause that a host can ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);

/// The pace of one host. It has no clock of its own.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    interval: Duration,
    next_start: Option<Instant>,
    paused_until: Option<Instant>,
    /// Pauses in a row that were not told how long to be.
    pauses: u32,
}

impl Pace {
    /// At least `interval` from start to start.
    pub(crate) fn new(interval: Duration) -> Self {
        Self { interval, next_start: None, paused_until: None, pauses: 0 }
    }

    /// How long the host has to be left alone yet.
    pub(crate) fn pause(&self, now: Instant) -> Option<Duration> {
        let left = self.paused_until?.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// Takes the next turn; the caller is to start after this wait.
    pub(crate) fn take_turn(&mut self, now: Instant) -> Duration {
        if self.interval.is_zero() {
            return Duration::ZERO;
        }
        let start = self.next_start.map_or(now, |next| next.max(now));
        self.next_start = start.checked_add(self.interval);
        start.saturating_duration_since(now)
    }

    /// The host asks for patience, possibly for a time. Those who hear it while it is paused
    /// already had asked before.
    pub(crate) fn push_back(&mut self, now: Instant, asked: Option<Duration>) {
        let pause = match (asked, self.pause(now)) {
            (Some(asked), _) => asked.min(LONGEST_PAUSE),
            (None, Some(_)) => return,
            (None, None) => self.own_pause(),
        };
        let until = now.checked_add(pause);
        self.paused_until = self.paused_until.max(until);
    }

    /// The host has answered well.
    pub(crate) fn went_well(&mut self) {
        self.pauses = 0;
    }

    fn own_pause(&mut self) -> Duration {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.pauses.min(16));
        self.pauses = self.pauses.saturating_add(1);
        pause.min(LONGEST_OWN_PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn turns_are_an_interval_apart_and_none_is_saved_up() {
        let now = Instant::now();
        let mut pace = Pace::new(SECOND);
        let waits: Vec<_> = (0..3).map(|_| pace.take_turn(now)).collect();
        assert_eq!(waits, [Duration::ZERO, SECOND, 2 * SECOND]);
        let later = now + 10 * SECOND;
        assert_eq!((pace.take_turn(later), pace.take_turn(later)), (Duration::ZERO, SECOND));
        let mut free = Pace::new(Duration::ZERO);
        assert_eq!((free.take_turn(now), free.take_turn(now)), (Duration::ZERO, Duration::ZERO));
    }

    #[test]
    fn a_host_is_left_alone_as_long_as_it_asks_within_reason() {
        let now = Instant::now();
        let mut pace = Pace::new(Duration::ZERO);
        pace.push_back(now, Some(7 * SECOND));
        pace.push_back(now, Some(3 * SECOND));
        assert_eq!(pace.pause(now), Some(7 * SECOND), "the longer one counts");
        assert_eq!(pace.pause(now + 7 * SECOND), None);
        pace.push_back(now, Some(Duration::MAX));
        assert_eq!(pace.pause(now), Some(LONGEST_PAUSE));
    }

    #[test]
    fn pauses_without_a_time_grow_until_it_goes_well() {
        let mut now = Instant::now();
        let mut pace = Pace::new(Duration::ZERO);
        let mut pauses = Vec::new();
        for _ in 0..7 {
            // Those who were under way hear the same; that counts once.
            (0..8).for_each(|_| pace.push_back(now, None));
            let pause = pace.pause(now).unwrap();
            pauses.push(pause.as_secs());
            now += pause;
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
        pace.went_well();
        pace.push_back(now, None);
        assert_eq!(pace.pause(now), Some(SECOND));
    }
}
