//! What the master knows of one task.

use mesos::resources::Resources;
use mesos::state::TaskStateExt as _;
use mesos::v1::{
    AgentId, DiscoveryInfo, ExecutorId, Labels, TaskId, TaskInfo, TaskState, TaskStatus,
};

#[derive(Debug)]
pub(super) struct Task {
    pub(super) id: TaskId,
    pub(super) name: String,
    pub(super) agent_id: AgentId,
    /// Nothing for a command task.
    pub(super) executor_id: Option<ExecutorId>,
    pub(super) role: String,
    pub(super) resources: Resources,
    /// Whether the resources are still counted as used.
    pub(super) holds_resources: bool,
    /// The state last forwarded to the scheduler.
    pub(super) state: TaskState,
    /// The last status of every state, without its data, the newest last.
    pub(super) statuses: Vec<TaskStatus>,
    pub(super) labels: Option<Labels>,
    pub(super) discovery: Option<DiscoveryInfo>,
}

impl Task {
    pub(super) fn new(info: &TaskInfo, role: String, resources: Resources) -> Self {
        Self {
            id: info.task_id.clone(),
            name: info.name.clone(),
            agent_id: info.agent_id.clone(),
            executor_id: info.executor.as_ref().map(|executor| executor.executor_id.clone()),
            role,
            resources,
            holds_resources: true,
            state: TaskState::TaskStaging,
            statuses: Vec::new(),
            labels: info.labels.clone(),
            discovery: info.discovery.clone(),
        }
    }

    pub(super) fn record(&mut self, status: &TaskStatus) {
        self.state = status.state();
        self.statuses.retain(|old| old.state != status.state);
        self.statuses.push(TaskStatus { data: None, ..status.clone() });
    }

    /// Whether acknowledging `uuid` ends the master's interest in the task.
    pub(super) fn ends_with(&self, uuid: &[u8]) -> bool {
        self.state.is_terminal()
            && self.statuses.last().and_then(|last| last.uuid.as_deref()) == Some(uuid)
    }
}
