//! What the master counts.

use std::collections::BTreeMap;

use mesos::state::TaskStateExt as _;
use mesos::v1::TaskState;
use mesos::v1::scheduler::call;

#[derive(Debug, Default)]
pub(super) struct Metrics {
    pub(super) offers_sent: u64,
    pub(super) offers_accepted: u64,
    pub(super) offers_declined: u64,
    pub(super) tasks_launched: u64,
    pub(super) updates: u64,
    calls: BTreeMap<&'static str, u64>,
    ended: BTreeMap<&'static str, u64>,
}

impl Metrics {
    pub(super) fn count_call(&mut self, kind: call::Type) {
        *self.calls.entry(kind.as_str_name()).or_default() += 1;
    }

    pub(super) fn count_update(&mut self) {
        self.updates += 1;
    }

    pub(super) fn count_end(&mut self, state: TaskState) {
        *self.ended.entry(state.name()).or_default() += 1;
    }

    pub(super) fn calls(&self, kind: call::Type) -> u64 {
        self.calls.get(kind.as_str_name()).copied().unwrap_or_default()
    }

    pub(super) fn ended(&self, state: TaskState) -> u64 {
        self.ended.get(state.name()).copied().unwrap_or_default()
    }
}
