//! What agents say, and how they go.

use mesos::state::TaskStateExt as _;
use mesos::v1::scheduler::{Event, event};
use mesos::v1::task_status::Reason;
use mesos::v1::{AgentId, AgentInfo, ExecutorId, FrameworkId, TaskId, TaskState, TaskStatus};

use super::Master;
use super::agent::Agent;
use super::reconcile::time_info;
use super::updates::Verdict;
use crate::messages::FromAgent;

impl Master {
    pub(super) fn on_agent_message(&mut self, agent_id: &AgentId, message: FromAgent) {
        let is_heard = self.agents.get(&agent_id.value).is_some_and(|agent| agent.is_connected);
        match message {
            FromAgent::Registered(info) => self.register_agent(agent_id, *info),
            FromAgent::Reregistered(returning) => self.reregister_agent(agent_id, *returning),
            // It will say all of this again, and more, when it registers again.
            _ if !is_heard => {}
            FromAgent::Update { framework_id, status, latest_state } => {
                self.on_update(&framework_id, *status, latest_state);
            }
            FromAgent::ExecutorStarted { framework_id, executor } => {
                self.on_executor_started(agent_id, &framework_id, *executor);
            }
            FromAgent::ExecutorExited { framework_id, executor_id, status } => {
                self.on_executor_exited(agent_id, &framework_id, &executor_id, status);
            }
            FromAgent::Message { framework_id, executor_id, data } => {
                self.message_to_scheduler(agent_id, &framework_id, executor_id, data);
            }
        }
    }

    fn register_agent(&mut self, id: &AgentId, info: AgentInfo) {
        let agent = Agent::new(id.clone(), info, self.unix_seconds());
        self.unreachable.remove(id);
        self.recovered.remove(&id.value);
        self.allocator.add_agent(id, &agent.total);
        self.agents.insert(id.value.clone(), agent);
        self.must_allocate = true;
    }

    fn message_to_scheduler(
        &mut self,
        agent_id: &AgentId,
        framework_id: &FrameworkId,
        executor_id: ExecutorId,
        data: Vec<u8>,
    ) {
        let event = Event {
            r#type: Some(event::Type::Message.into()),
            message: Some(event::Message { agent_id: agent_id.clone(), executor_id, data }),
            ..Event::default()
        };
        self.send(framework_id, event);
    }

    /// The agent is gone: first its tasks, then its offers, then the failure itself.
    pub(super) fn lose_agent(&mut self, id: &AgentId) {
        let Some(agent) = self.agents.remove(&id.value) else { return };
        self.allocator.remove_agent(id);
        let now = self.unix_seconds();
        self.unreachable.insert(id.clone(), now);
        for (framework, task) in &agent.tasks {
            self.lose_task(framework, task, now);
        }
        for ((framework, _), executor) in &agent.executors {
            self.allocator.release(framework, &executor.role, id, &executor.resources);
        }
        for offer in &agent.offers {
            self.rescind_offer(offer);
        }
        self.announce_failure(id);
    }

    /// Tells every framework that the agent is gone.
    pub(super) fn announce_failure(&mut self, id: &AgentId) {
        let frameworks: Vec<FrameworkId> = self.frameworks.keys().cloned().collect();
        for framework in frameworks {
            self.send(&framework, failure(id, None, None));
        }
    }

    fn lose_task(&mut self, id: &FrameworkId, task_id: &TaskId, unix_seconds: f64) {
        let Some(framework) = self.frameworks.get_mut(id) else { return };
        let Some(mut task) = framework.tasks.remove(task_id) else { return };
        self.stop_holding(id, &mut task);
        if task.state.is_terminal() {
            // Its end was reported; only the acknowledgement is missing.
            if let Some(framework) = self.frameworks.get_mut(id) {
                framework.remember_completed(task);
            }
            return;
        }
        let verdict = Verdict {
            state: TaskState::TaskUnreachable,
            reason: Reason::AgentRemoved,
            message: format!("Agent {} is unreachable", task.agent_id),
        };
        let status = TaskStatus {
            unreachable_time: Some(time_info(unix_seconds)),
            ..self.status_of(id, task_id, Some(&task.agent_id), &verdict)
        };
        task.record(&status);
        if let Some(framework) = self.frameworks.get_mut(id) {
            framework.unreachable_tasks.insert(task_id.clone(), task);
        }
        self.send_update(id, status);
    }
}

/// An agent's failure, or that of one executor with its wait status.
pub(super) fn failure(
    agent: &AgentId,
    executor: Option<&ExecutorId>,
    status: Option<i32>,
) -> Event {
    let failure =
        event::Failure { agent_id: Some(agent.clone()), executor_id: executor.cloned(), status };
    Event { r#type: Some(event::Type::Failure.into()), failure: Some(failure), ..Event::default() }
}
