//! Does the master owe us offers?
//!
//! Mesos hands out freed resources once a second. A REVIVE makes it do so at once, and
//! takes back what we refused; a SUPPRESS ends the offers.
//!
//! A REVIVE often brings nothing though the cluster has room: the resources of a task that ended
//! may have come with offers that were on their way already. So the next one waits a moment only,
//! and longer with each that brings nothing, until a cluster that is full is asked seldom.

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
    /// How many REVIVEs before that one brought no offers either.
    fruitless: u32,
}

/// The first wait is this part of the longest: long enough for ends that are told together.
const FIRST_WAIT: u32 = 200;

impl Demand {
    /// A new subscription is not suppressed, whatever was before.
    pub(crate) fn subscribed(&mut self) {
        self.suppressed = false;
    }

    /// Offers have come, so the master has done what the last REVIVE asked for: the next one need
    /// not wait.
    pub(crate) fn offered(&mut self) {
        self.revived_at = None;
        self.fruitless = 0;
    }

    /// Room or work has appeared.
    pub(crate) fn want(&mut self) {
        self.wanted = true;
    }

    /// The call that is due, if any. REVIVEs that bring nothing follow each other after `longest`
    /// at last.
    pub(crate) fn decide(&mut self, now: Time, has_work: bool, longest: Duration) -> Option<Call> {
        if !has_work {
            self.wanted = false;
            return (!std::mem::replace(&mut self.suppressed, true)).then_some(Call::Suppress);
        }
        if self.revive_at(has_work, longest)? > now {
            return None;
        }
        let fruitless = self.revived_at.map_or(0, |_| self.fruitless.saturating_add(1));
        *self = Self { suppressed: false, wanted: false, revived_at: Some(now), fruitless };
        Some(Call::Revive)
    }

    /// From when on REVIVE is due, if it is.
    pub(crate) fn revive_at(&self, has_work: bool, longest: Duration) -> Option<Time> {
        let wait = self.wait(longest);
        let due = self.revived_at.map_or(Time::ZERO, |at| at.saturating_add(wait));
        (has_work && (self.suppressed || self.wanted)).then_some(due)
    }

    fn wait(&self, longest: Duration) -> Duration {
        let doubled = 1_u32.checked_shl(self.fruitless).unwrap_or(u32::MAX);
        longest.min((longest / FIRST_WAIT).saturating_mul(doubled))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_millis(50);

    fn at(millis: u64) -> Time {
        Time::from_millis(millis)
    }

    #[test]
    fn suppress_is_said_once_and_revive_takes_it_back() {
        let mut demand = Demand::default();
        assert_eq!(demand.decide(at(0), false, LONGEST), Some(Call::Suppress));
        assert_eq!(demand.decide(at(1), false, LONGEST), None);
        assert_eq!(demand.decide(at(2), true, LONGEST), Some(Call::Revive));
        assert_eq!(demand.decide(at(3), true, LONGEST), None);
    }

    #[test]
    fn revives_keep_their_distance_and_none_is_lost() {
        let mut demand = Demand::default();
        demand.want();
        assert_eq!(demand.decide(at(0), true, LONGEST), Some(Call::Revive));
        demand.want();
        assert_eq!(demand.decide(at(0), true, LONGEST), None);
        assert_eq!(demand.revive_at(true, LONGEST), Some(Time::from_micros(250)));
        assert_eq!(demand.decide(at(1), true, LONGEST), Some(Call::Revive));
        assert_eq!(demand.revive_at(true, LONGEST), None);
    }

    /// When REVIVE is sent while there always is something to ask for.
    fn revives(demand: &mut Demand, millis: std::ops::Range<u64>) -> Vec<u64> {
        let sends = |demand: &mut Demand, milli| {
            demand.want();
            demand.decide(at(milli), true, LONGEST).is_some()
        };
        millis.filter(|milli| sends(demand, *milli)).collect()
    }

    #[test]
    fn a_cluster_that_is_full_is_asked_less_and_less() {
        let mut demand = Demand::default();
        assert_eq!(revives(&mut demand, 0..200), [0, 1, 2, 3, 5, 9, 17, 33, 65, 115, 165]);
        demand.offered();
        assert_eq!(
            revives(&mut demand, 200..206),
            [200, 201, 202, 203, 205],
            "there is room again"
        );
    }

    #[test]
    fn a_revive_that_was_answered_holds_none_back() {
        let mut demand = Demand::default();
        demand.want();
        assert_eq!(demand.decide(at(0), true, LONGEST), Some(Call::Revive));
        demand.offered();
        assert_eq!(demand.decide(at(1), true, LONGEST), None, "there is nothing new to ask for");
        demand.want();
        assert_eq!(demand.decide(at(2), true, LONGEST), Some(Call::Revive));
    }
}
