//! Status updates on their way from agents, or from the master itself, to schedulers.

use mesos::state::TaskStateExt as _;
use mesos::v1::scheduler::{Event, event};
use mesos::v1::task_status::{Reason, Source};
use mesos::v1::{AgentId, FrameworkId, TaskId, TaskState, TaskStatus};

use super::Master;

/// What the master itself has to say of a task.
#[derive(Debug, Clone)]
pub(super) struct Verdict {
    pub(super) state: TaskState,
    pub(super) reason: Reason,
    pub(super) message: String,
}

impl Master {
    /// Notes and forwards an agent's update. The task's resources are free as soon as
    /// its newest state is terminal, however many updates are unacknowledged.
    pub(super) fn on_update(
        &mut self,
        id: &FrameworkId,
        mut status: TaskStatus,
        latest_state: TaskState,
    ) {
        let Some(framework) = self.frameworks.get_mut(id) else { return };
        let state = framework.capabilities.known_state(status.state());
        status.state = state.into();
        let mut ended = None;
        if let Some(task) = framework.tasks.get_mut(&status.task_id) {
            task.record(&status);
            if task.holds_resources && (latest_state.is_terminal() || state.is_terminal()) {
                task.holds_resources = false;
                self.allocator.release(id, &task.role, &task.agent_id, &task.resources);
                ended = Some((task.agent_id.clone(), task.executor_id.clone()));
            }
        }
        if let Some((agent_id, executor_id)) = ended {
            self.metrics.count_end(latest_state);
            if let Some(executor_id) = executor_id {
                self.forget_unstarted_executor(&agent_id, id, &executor_id);
            }
        }
        self.send_update(id, status);
    }

    /// Sends an update that nobody has to acknowledge.
    pub(super) fn send_verdict(
        &mut self,
        id: &FrameworkId,
        task_id: &TaskId,
        agent_id: Option<&AgentId>,
        verdict: &Verdict,
    ) {
        let status = self.status_of(id, task_id, agent_id, verdict);
        self.send_update(id, status);
    }

    /// The verdict as a status, in a state that the framework knows.
    pub(super) fn status_of(
        &self,
        id: &FrameworkId,
        task_id: &TaskId,
        agent_id: Option<&AgentId>,
        verdict: &Verdict,
    ) -> TaskStatus {
        let capabilities = self.frameworks.get(id).map(|f| f.capabilities).unwrap_or_default();
        TaskStatus {
            task_id: task_id.clone(),
            state: capabilities.known_state(verdict.state).into(),
            message: Some(verdict.message.clone()),
            source: Some(Source::Master.into()),
            reason: Some(verdict.reason.into()),
            agent_id: agent_id.cloned(),
            timestamp: Some(self.unix_seconds()),
            ..TaskStatus::default()
        }
    }

    pub(super) fn send_update(&mut self, id: &FrameworkId, status: TaskStatus) {
        self.metrics.count_update();
        let event = Event {
            r#type: Some(event::Type::Update.into()),
            update: Some(event::Update { status }),
            ..Event::default()
        };
        self.send(id, event);
    }
}
