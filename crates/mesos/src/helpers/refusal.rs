//! For how long to refuse what an offer holds.

use std::time::Duration;

/// How long to refuse resources: at least half, at most all of a time, so that the offers
/// of many agents do not come back in the same moment.
///
/// A refusal ends earlier when more becomes free on the agent, and with REVIVE. Mesos takes
/// times above 365 days as 365 days. Source: MESOS `Filters.refuse_seconds`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal(pub Duration);

impl Refusal {
    /// 5 s, what Mesos takes if nothing is said: the offer does not fit now, but may soon.
    pub const SHORT: Self = Self(Duration::from_secs(5));

    /// An hour: nothing to do. A REVIVE brings the offers back when there is.
    pub const LONG: Self = Self(Duration::from_secs(60 * 60));

    /// The time for one call, by `jitter` between 0 and 1.
    ///
    /// ```
    /// use mesos::helpers::Refusal;
    /// use std::time::Duration;
    /// assert_eq!(Refusal::SHORT.with(0.5), Duration::from_millis(3750));
    /// ```
    #[must_use]
    pub fn with(self, jitter: f64) -> Duration {
        self.0.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_shortens_by_at_most_half() {
        assert_eq!(Refusal::LONG.with(1.0), Duration::from_secs(3600));
        assert_eq!(Refusal::LONG.with(0.0), Duration::from_secs(1800));
        assert_eq!(Refusal::LONG.with(7.0), Duration::from_secs(3600));
        assert_eq!(Refusal(Duration::ZERO).with(0.5), Duration::ZERO);
    }
}
