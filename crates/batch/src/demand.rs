//! Does the master owe us offers?
//!
//! Mesos hands out freed resources once a second. A REVIVE makes it do so at once, and
//! takes back what we refused; a SUPPRESS ends the offers.
//!
//! A REVIVE often brings nothing though the cluster has room: the resources of a task that ended
//! may have come with offers that were on their way already. So the next one waits a moment only,
//! and longer with each that brings nothing, until a cluster that is full is asked seldom.
//!
//! Each costs the master an allocation. So where many tasks run, a moment is waited for more of them
//! to end, and their room comes with one offer; where few run, each that ends is asked for at once.

use std::time::Duration;

use crate::{Call, Time};

/// What the master has been told of our wish for offers.
#[derive(Debug, Default)]
pub(crate) struct Demand {
    suppressed: bool,
    wish: Wish,
    /// When the last REVIVE was sent, unless it was answered.
    revived_at: Option<Time>,
    /// How many REVIVEs before that one brought no offers either.
    fruitless: u32,
}

/// What happened since the last REVIVE after which an allocation would bring offers.
#[derive(Debug, Clone, Copy, Default)]
enum Wish {
    #[default]
    Nothing,
    /// So many tasks have ended, the first of them then.
    Room { ended: usize, since: Time },
    /// Something else.
    Urgent,
}

/// What a REVIVE depends on beside what was told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Needs {
    /// Whether there is something to launch.
    pub(crate) work: bool,
    /// How many tasks run.
    pub(crate) running: usize,
    /// The longest wait between two REVIVEs that bring nothing.
    pub(crate) longest: Duration,
}

/// The first wait is this part of the longest: long enough for ends that are told together.
const FIRST_WAIT: u32 = 200;
/// Room waits for more of it during at most this part of the longest wait.
const GATHERING: u32 = 8;
/// It waits no more when one task of so many has ended.
const ENOUGH: usize = 8;

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

    /// Work has appeared, or what was said to the master may not hold any more.
    pub(crate) fn want(&mut self) {
        self.wish = Wish::Urgent;
    }

    /// A task has ended.
    pub(crate) fn want_room(&mut self, now: Time) {
        self.wish = match self.wish {
            Wish::Nothing => Wish::Room { ended: 1, since: now },
            Wish::Room { ended, since } => Wish::Room { ended: ended + 1, since },
            Wish::Urgent => Wish::Urgent,
        };
    }

    /// The call that is due, if any. REVIVEs that bring nothing follow each other after the longest
    /// wait at last.
    pub(crate) fn decide(&mut self, now: Time, needs: Needs) -> Option<Call> {
        if !needs.work {
            self.wish = Wish::Nothing;
            return (!std::mem::replace(&mut self.suppressed, true)).then_some(Call::Suppress);
        }
        if self.revive_at(needs)? > now {
            return None;
        }
        let fruitless = self.revived_at.map_or(0, |_| self.fruitless.saturating_add(1));
        *self = Self { suppressed: false, wish: Wish::Nothing, revived_at: Some(now), fruitless };
        Some(Call::Revive)
    }

    /// From when on REVIVE is due, if it is.
    pub(crate) fn revive_at(&self, needs: Needs) -> Option<Time> {
        if !needs.work {
            return None;
        }
        let wait = self.wait(needs.longest);
        let distant = self.revived_at.map_or(Time::ZERO, |at| at.saturating_add(wait));
        match self.wish {
            Wish::Nothing => self.suppressed.then_some(distant),
            Wish::Urgent => Some(distant),
            Wish::Room { ended, since } => {
                let is_enough = ended.saturating_mul(ENOUGH) >= ended + needs.running;
                let until = since.saturating_add(needs.longest / GATHERING);
                Some(if is_enough { distant } else { distant.max(until) })
            }
        }
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
    const BUSY: Needs = Needs { work: true, running: 40, longest: LONGEST };
    const IDLE: Needs = Needs { work: false, ..BUSY };

    fn at(millis: u64) -> Time {
        Time::from_millis(millis)
    }

    #[test]
    fn suppress_is_said_once_and_revive_takes_it_back() {
        let mut demand = Demand::default();
        assert_eq!(demand.decide(at(0), IDLE), Some(Call::Suppress));
        assert_eq!(demand.decide(at(1), IDLE), None);
        assert_eq!(demand.decide(at(2), BUSY), Some(Call::Revive));
        assert_eq!(demand.decide(at(3), BUSY), None);
    }

    #[test]
    fn revives_keep_their_distance_and_none_is_lost() {
        let mut demand = Demand::default();
        demand.want();
        assert_eq!(demand.decide(at(0), BUSY), Some(Call::Revive));
        demand.want();
        assert_eq!(demand.decide(at(0), BUSY), None);
        assert_eq!(demand.revive_at(BUSY), Some(Time::from_micros(250)));
        assert_eq!(demand.decide(at(1), BUSY), Some(Call::Revive));
        assert_eq!(demand.revive_at(BUSY), None);
    }

    /// When REVIVE is sent while there always is something to ask for.
    fn revives(demand: &mut Demand, millis: std::ops::Range<u64>) -> Vec<u64> {
        let sends = |demand: &mut Demand, milli| {
            demand.want();
            demand.decide(at(milli), BUSY).is_some()
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
        assert_eq!(demand.decide(at(0), BUSY), Some(Call::Revive));
        demand.offered();
        assert_eq!(demand.decide(at(1), BUSY), None, "there is nothing new to ask for");
        demand.want();
        assert_eq!(demand.decide(at(2), BUSY), Some(Call::Revive));
    }

    #[test]
    fn room_waits_for_more_where_many_tasks_run() {
        let mut demand = Demand::default();
        demand.want_room(at(0));
        assert_eq!(demand.decide(at(0), BUSY), None, "one of 41");
        assert_eq!(demand.revive_at(BUSY), Some(Time::from_micros(6250)));
        (1..5).for_each(|milli| demand.want_room(at(milli)));
        assert_eq!(demand.decide(at(5), BUSY), None, "five of 45");
        demand.want_room(at(5));
        assert_eq!(demand.decide(at(5), BUSY), Some(Call::Revive), "six of 46");
    }

    #[test]
    fn room_is_asked_for_in_the_end_however_little_it_is() {
        let mut demand = Demand::default();
        demand.want_room(at(0));
        assert_eq!(demand.decide(at(6), BUSY), None);
        assert_eq!(demand.decide(at(7), BUSY), Some(Call::Revive));
    }

    #[test]
    fn where_few_tasks_run_and_for_new_work_nothing_waits() {
        let mut demand = Demand::default();
        demand.want_room(at(0));
        let few = Needs { running: 7, ..BUSY };
        assert_eq!(demand.decide(at(0), few), Some(Call::Revive));
        demand.offered();
        demand.want_room(at(1));
        demand.want();
        demand.want_room(at(1));
        assert_eq!(demand.decide(at(1), BUSY), Some(Call::Revive));
    }
}
