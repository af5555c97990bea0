//! Does the master owe us offers?
//!
//! Mesos hands out freed resources once a second. A REVIVE makes it do so at once, and
//! takes back what we refused; a SUPPRESS ends the offers.

use std::time::Duration;

use crate::{Call, Time};

/// What the master has been told of our wish for offers.
#[derive(Debug, Default)]
pub(crate) struct Demand {
    suppressed: bool,
    /// Something happened after which an allocation would bring offers.
    wanted: bool,
    /// When the last REVIVE was sent, unless it was answered.
    revived_at: Option<Time>,
}

impl Demand {
    /// A new subscription is not suppressed, whatever was before.
    pub(crate) fn subscribed(&mut self) {
        self.suppressed = false;
    }

    /// Offers have come, so the master has done what the last REVIVE asked for: the next one need
    /// not wait.
    pub(crate) fn offered(&mut self) {
        self.revived_at = None;
    }

    /// Room or work has appeared.
    pub(crate) fn want(&mut self) {
        self.wanted = true;
    }

    /// The call that is due, if any.
    pub(crate) fn decide(&mut self, now: Time, has_work: bool, interval: Duration) -> Option<Call> {
        if !has_work {
            self.wanted = false;
            return (!std::mem::replace(&mut self.suppressed, true)).then_some(Call::Suppress);
        }
        if self.revive_at(has_work, interval)? > now {
            return None;
        }
        *self = Self { suppressed: false, wanted: false, revived_at: Some(now) };
        Some(Call::Revive)
    }

    /// From when on REVIVE is due, if it is.
    pub(crate) fn revive_at(&self, has_work: bool, interval: Duration) -> Option<Time> {
        let due = self.revived_at.map_or(Time::ZERO, |at| at.saturating_add(interval));
        (has_work && (self.suppressed || self.wanted)).then_some(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(50);

    fn at(millis: u64) -> Time {
        Time::from_millis(millis)
    }

    #[test]
    fn suppress_is_said_once_and_revive_takes_it_back() {
        let mut demand = Demand::default();
        assert_eq!(demand.decide(at(0), false, INTERVAL), Some(Call::Suppress));
        assert_eq!(demand.decide(at(1), false, INTERVAL), None);
        assert_eq!(demand.decide(at(2), true, INTERVAL), Some(Call::Revive));
        assert_eq!(demand.decide(at(3), true, INTERVAL), None);
    }

    #[test]
    fn revives_keep_their_distance_and_none_is_lost() {
        let mut demand = Demand::default();
        demand.want();
        assert_eq!(demand.decide(at(0), true, INTERVAL), Some(Call::Revive));
        demand.want();
        assert_eq!(demand.decide(at(49), true, INTERVAL), None);
        assert_eq!(demand.revive_at(true, INTERVAL), Some(at(50)));
        assert_eq!(demand.decide(at(50), true, INTERVAL), Some(Call::Revive));
        assert_eq!(demand.revive_at(true, INTERVAL), None);
    }

    #[test]
    fn a_revive_that_was_answered_holds_none_back() {
        let mut demand = Demand::default();
        demand.want();
        assert_eq!(demand.decide(at(0), true, INTERVAL), Some(Call::Revive));
        demand.offered();
        assert_eq!(demand.decide(at(1), true, INTERVAL), None, "there is nothing new to ask for");
        demand.want();
        assert_eq!(demand.decide(at(2), true, INTERVAL), Some(Call::Revive));
    }
}
