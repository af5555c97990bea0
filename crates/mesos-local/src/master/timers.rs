//! What the master is to do at a later time.

use std::collections::BTreeMap;
use std::time::Duration;

use mesos::v1::{AgentId, FrameworkId};

use super::StreamId;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Timer {
    /// Allocate everything that is free.
    Allocation,
    /// Send the next HEARTBEAT, if the stream is still there.
    Heartbeat(StreamId),
    /// Remove the framework, if it did not subscribe since.
    Failover { framework_id: FrameworkId, subscription: u64 },
    /// Give the agent up, if it was not heard of since.
    Silence { agent_id: AgentId, silence: u64 },
    /// Give up an agent that an earlier master had, if it did not return.
    Return(AgentId),
}

/// Timers in the order they fall due.
#[derive(Debug, Default)]
pub(super) struct Timers {
    due: BTreeMap<(Duration, u64), Timer>,
    set: u64,
}

impl Timers {
    pub(super) fn set(&mut self, at: Duration, timer: Timer) {
        self.set += 1;
        self.due.insert((at, self.set), timer);
    }

    pub(super) fn next(&self) -> Option<Duration> {
        self.due.first_key_value().map(|((at, _), _)| *at)
    }

    pub(super) fn take_due(&mut self, now: Duration) -> Option<Timer> {
        let first = self.due.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }
}
