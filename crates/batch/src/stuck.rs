//! Why does nothing go on?
//!
//! When there is work but no task is out, and no offer fits for a while, one sentence says what is
//! missing; again from time to time, ever less often.

use std::fmt;
use std::time::Duration;

use mesos::resources::Scalar;

use crate::effects::DeclineReason;
use crate::{Backoff, Time};

/// When the sentence comes for the first time, and how much later each time.
const PATIENCE: Backoff = Backoff::seconds(10, 300);

/// What stands in the way of a job that does not go on.
#[derive(Debug, Clone, PartialEq)]
pub enum Obstacle {
    /// The master offers nothing at all.
    NoOffers {
        /// The roles for which it might.
        roles: String,
    },
    /// No offer is large enough for a task.
    TooSmall {
        /// What a task takes with an executor of its own, in cores.
        cpus: Scalar,
        /// The same, in MiB.
        mem_mib: Scalar,
        /// The most processors that an offer had.
        most_cpus: Scalar,
        /// The most memory that an offer had, in MiB.
        most_mem_mib: Scalar,
    },
    /// No agent suits this constraint.
    Constraint {
        /// The constraint, as it was given.
        constraint: String,
    },
    /// Tasks were lost on all agents there are.
    Avoided {
        /// When the first of them gets another chance, from now.
        again_in: Duration,
    },
    /// All agents there are will be in maintenance, or are.
    Maintenance,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoOffers { roles } => write!(
                f,
                "the master makes no offers for the role {roles}: no agent has resources for it, \
                 or other frameworks have them"
            ),
            Self::TooSmall { cpus, mem_mib, most_cpus, most_mem_mib } => write!(
                f,
                "a task with its executor needs {cpus} cpus and {mem_mib} MiB, and the largest \
                 offers had {most_cpus} cpus and {most_mem_mib} MiB"
            ),
            Self::Constraint { constraint } => {
                write!(f, "no agent that offers resources suits the constraint {constraint}")
            }
            Self::Avoided { again_in } => write!(
                f,
                "tasks were lost on all agents that offer resources, several in a row; the next \
                 try is in {} s",
                again_in.as_secs()
            ),
            Self::Maintenance => {
                f.write_str("all agents that offer resources are about to be, or in, maintenance")
            }
        }
    }
}

/// What has come, and not helped, since something last went on.
#[derive(Debug, Default)]
pub(crate) struct Stuck {
    since: Option<Time>,
    said: u32,
    say_at: Time,
    most_cpus: Scalar,
    most_mem_mib: Scalar,
    /// Why the last offer was declined that was not too small.
    last: Option<(DeclineReason, String)>,
    too_small: bool,
}

impl Stuck {
    /// Something goes on, or there is nothing to do.
    pub(crate) fn free(&mut self) {
        *self = Self::default();
    }

    /// There is work, and no task is out.
    pub(crate) fn waits(&mut self, now: Time) {
        if self.since.is_none() {
            self.since = Some(now);
            self.say_at = now.saturating_add(PATIENCE.first);
        }
    }

    /// An offer has not helped. `detail` is the constraint that it did not suit, if any.
    pub(crate) fn declined(
        &mut self,
        reason: DeclineReason,
        cpus: Scalar,
        mem_mib: Scalar,
        detail: &str,
    ) {
        self.most_cpus = self.most_cpus.max(cpus);
        self.most_mem_mib = self.most_mem_mib.max(mem_mib);
        if reason == DeclineReason::TooSmall {
            self.too_small = true;
        } else {
            self.last = Some((reason, detail.to_owned()));
        }
    }

    /// What to say now, and for how long nothing has gone on. `needs` are the processors and the
    /// memory of a task with its executor.
    pub(crate) fn due(
        &mut self,
        now: Time,
        needs: (Scalar, Scalar),
        roles: &str,
    ) -> Option<(Obstacle, Duration)> {
        let since = self.since.filter(|_| self.say_at <= now)?;
        self.said = self.said.saturating_add(1);
        self.say_at = now.saturating_add(PATIENCE.after(self.said.saturating_add(1)));
        Some((self.obstacle(needs, roles), now.saturating_sub(since)))
    }

    /// When there is something to say.
    pub(crate) fn wake_at(&self) -> Option<Time> {
        self.since.map(|_| self.say_at)
    }

    fn obstacle(&self, (cpus, mem_mib): (Scalar, Scalar), roles: &str) -> Obstacle {
        let (most_cpus, most_mem_mib) = (self.most_cpus, self.most_mem_mib);
        match &self.last {
            _ if self.too_small => Obstacle::TooSmall { cpus, mem_mib, most_cpus, most_mem_mib },
            Some((DeclineReason::Constraint, constraint)) => {
                Obstacle::Constraint { constraint: constraint.clone() }
            }
            Some((DeclineReason::Avoided { again_in }, _)) => {
                Obstacle::Avoided { again_in: *again_in }
            }
            Some((DeclineReason::Maintenance, _)) => Obstacle::Maintenance,
            Some(_) | None => Obstacle::NoOffers { roles: roles.to_owned() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::from_secs(seconds)
    }

    fn cores(thousandths: i64) -> Scalar {
        Scalar::from_thousandths(thousandths)
    }

    fn said(stuck: &mut Stuck, now: u64) -> Option<String> {
        let needs = (cores(1_000), cores(160_000));
        stuck.due(at(now), needs, "images").map(|(obstacle, _)| obstacle.to_string())
    }

    #[test]
    fn says_what_is_missing_after_a_while_and_again_ever_less_often() {
        let mut stuck = Stuck::default();
        stuck.waits(at(5));
        let times: Vec<_> = (0..1_000).filter(|now| said(&mut stuck, *now).is_some()).collect();
        assert_eq!(times, [15, 35, 75, 155, 315, 615, 915]);
        stuck.free();
        assert_eq!(stuck.wake_at(), None);
    }

    #[test]
    fn offers_of_times_when_work_went_on_explain_nothing() {
        let mut stuck = Stuck::default();
        stuck.declined(DeclineReason::TooSmall, cores(8_000), cores(16_000_000), "");
        stuck.free();
        stuck.waits(at(0));
        assert!(said(&mut stuck, 10).unwrap().contains("no offers for the role images"));
    }

    #[test]
    fn the_sentence_names_the_thing() {
        let mut stuck = Stuck::default();
        stuck.waits(at(0));
        assert!(said(&mut stuck, 10).unwrap().contains("no offers for the role images"));
        stuck.declined(DeclineReason::Constraint, cores(4_000), cores(0), "rack:IS:a");
        assert!(said(&mut stuck, 100).unwrap().contains("the constraint rack:IS:a"));
        let avoided = DeclineReason::Avoided { again_in: Duration::from_secs(30) };
        stuck.declined(avoided, cores(4_000), cores(0), "");
        assert!(said(&mut stuck, 200).unwrap().contains("in 30 s"));
        stuck.declined(DeclineReason::TooSmall, cores(500), cores(64_000), "");
        let text = said(&mut stuck, 1_000).unwrap();
        assert!(text.contains("needs 1 cpus and 160 MiB"), "{text}");
    }
}
