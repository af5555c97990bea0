//! What the master knows of one agent.

use std::collections::{HashMap, HashSet};

use mesos::resources::Resources;
use mesos::v1::{AgentId, AgentInfo, ExecutorId, ExecutorInfo, FrameworkId, OfferId, TaskId};

#[derive(Debug)]
pub(super) struct Agent {
    pub(super) id: AgentId,
    pub(super) info: AgentInfo,
    pub(super) total: Resources,
    pub(super) executors: HashMap<(FrameworkId, ExecutorId), Executor>,
    pub(super) tasks: HashSet<(FrameworkId, TaskId)>,
    pub(super) offers: HashSet<OfferId>,
    pub(super) registered_unix_seconds: f64,
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
