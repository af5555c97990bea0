//! What the master knows of one agent.

use std::collections::{HashMap, HashSet};

use mesos::resources::Resources;
use mesos::v1::{
    AgentId, AgentInfo, ExecutorId, ExecutorInfo, FrameworkId, KillPolicy, OfferId, TaskId,
};

#[derive(Debug)]
pub(super) struct Agent {
    pub(super) id: AgentId,
    pub(super) info: AgentInfo,
    pub(super) total: Resources,
    pub(super) executors: HashMap<(FrameworkId, ExecutorId), Executor>,
    pub(super) tasks: HashSet<(FrameworkId, TaskId)>,
    pub(super) offers: HashSet<OfferId>,
    pub(super) registered_unix_seconds: f64,
    pub(super) reregistered_unix_seconds: Option<f64>,
    /// Whether the master hears of it. One it does not hear of is offered to nobody.
    pub(super) is_connected: bool,
    /// How many times it was lost out of hearing; its timers are about one of them.
    pub(super) silences: u64,
    /// KILLs that wait for its return.
    pub(super) kills: Vec<(FrameworkId, TaskId, Option<KillPolicy>)>,
}

/// An executor that holds resources on an agent.
#[derive(Debug)]
pub(super) struct Executor {
    pub(super) info: ExecutorInfo,
    pub(super) role: String,
    pub(super) resources: Resources,
    /// Whether the agent has said that it runs.
    pub(super) is_started: bool,
}

impl Agent {
    pub(super) fn new(id: AgentId, info: AgentInfo, unix_seconds: f64) -> Self {
        Self {
            total: Resources::from(&info.resources),
            id,
            info,
            executors: HashMap::new(),
            tasks: HashSet::new(),
            offers: HashSet::new(),
            registered_unix_seconds: unix_seconds,
            reregistered_unix_seconds: None,
            is_connected: true,
            silences: 0,
            kills: Vec::new(),
        }
    }

    pub(super) fn executor(&self, framework: &FrameworkId, id: &ExecutorId) -> Option<&Executor> {
        self.executors.get(&(framework.clone(), id.clone()))
    }

    /// The framework's executors here, as offers name them.
    pub(super) fn executor_ids(&self, framework: &FrameworkId) -> Vec<ExecutorId> {
        let own = self.executors.keys().filter(|(owner, _)| owner == framework);
        own.map(|(_, id)| id.clone()).collect()
    }
}
