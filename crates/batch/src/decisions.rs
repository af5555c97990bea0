//! What became of the last offers, for people who wonder.

use std::collections::VecDeque;

use mesos::resources::{Resources, Scalar};
use mesos::v1::{AgentId, Offer, OfferId};

use crate::{DeclineReason, Time};

/// How many are remembered.
const MOST: usize = 512;

/// What became of an offer.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// When.
    pub at: Time,
    /// The offer.
    pub offer_id: OfferId,
    /// Whose resources they were.
    pub agent_id: AgentId,
    /// The name of that machine.
    pub hostname: String,
    /// Processors, in cores.
    pub cpus: Scalar,
    /// Memory, in MiB.
    pub mem_mib: Scalar,
    /// What was done with it.
    pub choice: Choice,
}

/// What was done with an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// It was used, possibly together with others of its agent.
    Launched {
        /// For so many tasks.
        tasks: usize,
    },
    /// It was given back.
    Declined(DeclineReason),
}

/// The last decisions, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Decisions(VecDeque<Decision>);

impl Decisions {
    pub(crate) fn note(&mut self, at: Time, offer: &Offer, resources: &Resources, choice: Choice) {
        if self.0.len() >= MOST {
            self.0.pop_front();
        }
        self.0.push_back(Decision {
            at,
            offer_id: offer.id.clone(),
            agent_id: offer.agent_id.clone(),
            hostname: offer.hostname.clone(),
            cpus: resources.cpus(),
            mem_mib: resources.mem_mib(),
            choice,
        });
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Decision> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_ones_are_remembered() {
        let mut decisions = Decisions::default();
        for n in 0..MOST + 3 {
            let offer = Offer { id: n.to_string().as_str().into(), ..Offer::default() };
            let choice = Choice::Declined(DeclineReason::TooSmall);
            decisions.note(Time::ZERO, &offer, &Resources::default(), choice);
        }
        assert_eq!(decisions.iter().count(), MOST);
        assert_eq!(decisions.iter().next().unwrap().offer_id.value, "3");
    }
}
