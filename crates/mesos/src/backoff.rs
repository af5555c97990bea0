//! How long to wait before the next try, with randomness from outside.

use std::time::Duration;

/// Waits that double from `first` to `longest`, each shortened at random so that
/// many clients do not come back at the same moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The upper bound of the first wait.
    pub first: Duration,
    /// The upper bound of every wait.
    pub longest: Duration,
}

impl Backoff {
    /// 0.5 s doubling to 15 s: what the Mesos documentation suggests for resubscribing.
    pub const SCHEDULER: Self =
        Self { first: Duration::from_millis(500), longest: Duration::from_secs(15) };

    /// 50 ms doubling to 1 s: an executor has two seconds to come back to a restarted agent.
    pub const EXECUTOR: Self =
        Self { first: Duration::from_millis(50), longest: Duration::from_secs(1) };

    /// The wait before try number `attempt` (from 0): at least half, at most all of
    /// its bound, by `jitter` between 0 and 1.
    ///
    /// ```
    /// use mesos::backoff::Backoff;
    /// use std::time::Duration;
    /// let wait = Backoff::SCHEDULER.wait(1, 0.5);
    /// assert_eq!(wait, Duration::from_millis(750));
    /// ```
    #[must_use]
    pub fn wait(&self, attempt: u32, jitter: f64) -> Duration {
        let doubled = self.first.saturating_mul(1_u32.checked_shl(attempt.min(31)).unwrap_or(1));
        let bound = doubled.min(self.longest);
        bound.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let waits: Vec<_> = (0..7).map(|n| Backoff::SCHEDULER.wait(n, 1.0).as_millis()).collect();
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 15000, 15000]);
        assert_eq!(Backoff::SCHEDULER.wait(u32::MAX, 1.0), Duration::from_secs(15));
    }

    #[test]
    fn jitter_shortens_by_at_most_half() {
        assert_eq!(Backoff::SCHEDULER.wait(0, 0.0), Duration::from_millis(250));
        assert_eq!(Backoff::SCHEDULER.wait(0, 1.0), Duration::from_millis(500));
        assert_eq!(Backoff::SCHEDULER.wait(0, 9.0), Duration::from_millis(500));
    }
}
