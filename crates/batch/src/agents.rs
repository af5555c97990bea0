//! Which agents are avoided, and for how long?
//!
//! An agent on which several tasks in a row are lost, or fail for a reason that is not their
//! images', gets no new ones for a while: longer each time, but never for ever, and never when there
//! is no better one.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Backoff, Time};

/// From so many losses in a row on, an agent is avoided.
const LOSSES: u32 = 3;
/// How long, at first and at most.
const AVOID: Backoff = Backoff::seconds(30, 600);
/// An agent that was not seen for so long is no alternative to a bad one.
const FRESH: Duration = Duration::from_secs(120);

/// What is known of agents. It is not recorded: a new engine gives all of them a new chance.
#[derive(Debug, Default)]
pub(crate) struct Agents {
    of: BTreeMap<String, Standing>,
    /// How many have ever been avoided and not redeemed.
    bad: usize,
}

#[derive(Debug, Default)]
struct Standing {
    /// When something was heard of it; `None` since it is gone.
    seen: Option<Time>,
    /// Losses in a row.
    losses: u32,
    lost_at: Time,
    avoided_until: Time,
}

impl Agents {
    /// Something was heard of the agent: an offer, or news of a task.
    pub(crate) fn seen(&mut self, now: Time, agent: &str) {
        if let Some(standing) = self.of.get_mut(agent) {
            standing.seen = Some(now);
        } else {
            self.of.insert(agent.to_owned(), Standing { seen: Some(now), ..Standing::default() });
        }
    }

    /// A task ended there as it should.
    pub(crate) fn did_well(&mut self, agent: &str) {
        if let Some(standing) = self.of.get_mut(agent) {
            self.bad -= usize::from(standing.losses >= LOSSES);
            (standing.losses, standing.avoided_until) = (0, Time::ZERO);
        }
    }

    /// A task was lost there that was launched at `launched`. Tasks that are lost together count
    /// once. Returns for how long the agent is avoided, if this begins it.
    pub(crate) fn lost(&mut self, now: Time, agent: &str, launched: Time) -> Option<Duration> {
        let standing = self.of.entry(agent.to_owned()).or_default();
        if standing.losses > 0 && launched < standing.lost_at {
            return None;
        }
        standing.losses = standing.losses.saturating_add(1);
        standing.lost_at = now;
        let times = standing.losses.checked_sub(LOSSES - 1).filter(|times| *times > 0)?;
        self.bad += usize::from(times == 1);
        let wait = AVOID.after(times);
        standing.avoided_until = now.saturating_add(wait);
        Some(wait)
    }

    /// The agent is gone.
    pub(crate) fn gone(&mut self, agent: &str) {
        if let Some(standing) = self.of.get_mut(agent) {
            standing.seen = None;
        }
    }

    /// For how long the agent is still avoided; `None` if it may be used.
    pub(crate) fn avoided(&self, now: Time, agent: &str) -> Option<Duration> {
        if self.bad == 0 {
            return None;
        }
        let standing = self.of.get(agent)?;
        let left = standing.avoided_until.checked_sub(now).filter(|left| !left.is_zero())?;
        (self.least_bad(now) != Some(agent)).then_some(left)
    }

    /// The agent to use though it is avoided, as there is no better one.
    fn least_bad(&self, now: Time) -> Option<&str> {
        let is_fresh = |seen: Time| now.saturating_sub(seen) <= FRESH;
        let fresh = || self.of.iter().filter(|(_, of)| of.seen.is_some_and(is_fresh));
        if fresh().any(|(_, standing)| standing.avoided_until <= now) {
            return None;
        }
        let least = fresh().min_by_key(|(_, of)| (of.losses, of.avoided_until));
        least.map(|(agent, _)| agent.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::from_secs(seconds)
    }

    /// Agents `good` and `bad`, and `bad` has lost so many tasks, one after another.
    fn after(losses: u64) -> Agents {
        let mut agents = Agents::default();
        for agent in ["bad", "good"] {
            agents.seen(at(1), agent);
        }
        for n in 1..=losses {
            agents.lost(at(n), "bad", at(n));
        }
        agents
    }

    #[test]
    fn an_agent_that_loses_several_tasks_in_a_row_is_avoided_for_a_growing_bounded_time() {
        assert_eq!(after(2).avoided(at(2), "bad"), None);
        assert_eq!(after(3).avoided(at(3), "bad"), Some(Duration::from_secs(30)));
        assert_eq!(after(4).avoided(at(4), "bad"), Some(Duration::from_secs(60)));
        assert_eq!(after(99).avoided(at(99), "bad"), Some(Duration::from_secs(600)));
        assert_eq!(after(3).avoided(at(33), "bad"), None);
        assert_eq!(after(3).avoided(at(3), "good"), None);
    }

    #[test]
    fn tasks_that_are_lost_together_count_once() {
        let mut agents = Agents::default();
        agents.seen(at(0), "good");
        for _ in 0..10 {
            assert_eq!(agents.lost(at(5), "bad", at(1)), None);
        }
        assert_eq!(agents.avoided(at(5), "bad"), None);
    }

    #[test]
    fn one_task_that_ends_well_redeems_an_agent() {
        let mut agents = after(5);
        agents.did_well("bad");
        assert_eq!(agents.avoided(at(6), "bad"), None);
        assert_eq!(agents.lost(at(7), "bad", at(6)), None);
    }

    #[test]
    fn the_least_bad_agent_is_used_when_there_is_no_good_one() {
        let mut agents = after(5);
        for n in 1..=4 {
            agents.lost(at(n), "good", at(n));
        }
        assert_eq!(agents.avoided(at(5), "good"), None);
        assert!(agents.avoided(at(5), "bad").is_some());
        agents.gone("good");
        assert_eq!(agents.avoided(at(5), "bad"), None);
    }

    #[test]
    fn an_agent_that_is_no_longer_there_is_no_alternative() {
        let mut agents = after(20);
        agents.seen(at(130), "bad");
        assert!(agents.avoided(at(121), "bad").is_some());
        assert_eq!(agents.avoided(at(130), "bad"), None);
    }
}
