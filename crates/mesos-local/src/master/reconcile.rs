//! RECONCILE and KILL: what the master answers about tasks.

use mesos::v1::scheduler::call;
use mesos::v1::task_status::{Reason, Source};
use mesos::v1::{AgentId, FrameworkId, TaskId, TaskState, TaskStatus, TimeInfo};

use super::Master;
use super::task::Task;
use super::updates::Verdict;
use crate::messages::ToAgent;

impl Master {
    /// Answers for the tasks asked about, or for all that the master holds.
    pub(super) fn reconcile(&mut self, id: &FrameworkId, asked: &[call::reconcile::Task]) {
        let Some(framework) = self.frameworks.get(id) else { return };
        let answers: Vec<TaskStatus> = if asked.is_empty() {
            framework.tasks.values().map(|task| self.latest(task)).collect()
        } else {
            let answer = |task: &call::reconcile::Task| {
                self.answer(id, &task.task_id, task.agent_id.as_ref())
            };
            asked.iter().filter_map(answer).collect()
        };
        for status in answers {
            self.send_update(id, status);
        }
    }

    pub(super) fn kill(&mut self, id: &FrameworkId, call: &call::Kill) {
        let known = self.frameworks.get(id).and_then(|f| f.tasks.get(&call.task_id));
        let Some(task) = known else {
            if let Some(status) = self.answer(id, &call.task_id, call.agent_id.as_ref()) {
                self.send_update(id, status);
            }
            return;
        };
        let agent_id = task.agent_id.clone();
        if call.agent_id.as_ref().is_some_and(|given| *given != agent_id) {
            return;
        }
        if let Some(agent) = self.agents.get_mut(&agent_id.value).filter(|one| !one.is_connected) {
            return agent.kills.push((id.clone(), call.task_id.clone(), call.kill_policy));
        }
        let message = ToAgent::Kill {
            framework_id: id.clone(),
            task_id: call.task_id.clone(),
            policy: call.kill_policy,
        };
        self.tell_agent(&agent_id, message);
    }

    /// What is known of a task; nothing while the agent that knows may still return.
    fn answer(
        &self,
        id: &FrameworkId,
        task: &TaskId,
        agent: Option<&AgentId>,
    ) -> Option<TaskStatus> {
        let known = self.frameworks.get(id).and_then(|framework| framework.tasks.get(task));
        if let Some(known) = known {
            return Some(self.latest(known));
        }
        let is_awaited = match agent {
            Some(agent) => self.recovered.contains_key(&agent.value),
            None => !self.recovered.is_empty(),
        };
        if is_awaited {
            return None;
        }
        let registered = agent.is_some_and(|agent| self.agents.contains_key(&agent.value));
        let unreachable = agent.and_then(|agent| self.unreachable.get(agent));
        let (state, what) = if registered {
            (TaskState::TaskGone, "unknown to the agent")
        } else if unreachable.is_some() {
            (TaskState::TaskUnreachable, "unreachable")
        } else {
            (TaskState::TaskUnknown, "unknown")
        };
        let message = format!("Reconciliation: Task is {what}");
        let verdict = Verdict { state, reason: Reason::Reconciliation, message };
        let unreachable_time = unreachable.copied().map(time_info);
        Some(TaskStatus { unreachable_time, ..self.status_of(id, task, agent, &verdict) })
    }

    /// The state last forwarded, with what is known of health, checks and container.
    fn latest(&self, task: &Task) -> TaskStatus {
        let last = task.statuses.last().cloned().unwrap_or_default();
        TaskStatus {
            task_id: task.id.clone(),
            state: task.state.into(),
            message: Some("Reconciliation: Latest task state".to_owned()),
            source: Some(Source::Master.into()),
            reason: Some(Reason::Reconciliation.into()),
            agent_id: Some(task.agent_id.clone()),
            executor_id: task.executor_id.clone(),
            timestamp: Some(self.unix_seconds()),
            healthy: last.healthy,
            check_status: last.check_status,
            container_status: last.container_status,
            ..TaskStatus::default()
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "nanoseconds fit until the year 2262")]
pub(super) fn time_info(unix_seconds: f64) -> TimeInfo {
    TimeInfo { nanoseconds: (unix_seconds * 1e9) as i64 }
}
