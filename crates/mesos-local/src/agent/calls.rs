//! What does an executor's call do?

use std::time::Duration;

use mesos::state::TaskStateExt as _;
use mesos::v1::executor::{Call, call};
use mesos::v1::task_status::{Reason, Source};
use mesos::v1::{FrameworkId, FrameworkInfo, TaskInfo, TaskState, TaskStatus};

use super::events::{self, HEARTBEAT};
use super::executors;
use super::inventory::Agent;
use super::outbox::{Answer, Outbox, Output, from_agent};
use super::state::{Executor, Framework, Phase, RequestId, dropped_state};
use crate::messages::FromAgent;

/// Answers a well-formed call and does what it asks.
pub(super) fn handle(agent: &mut Agent, now: Duration, request: RequestId, call: Call) {
    let is_early = agent.is_recovering && call.r#type() != call::Type::Subscribe;
    let outbox = &mut agent.outbox;
    let refuse = |outbox: &mut Outbox, status, message| {
        outbox.answer(request, Answer::Refused { status, message });
    };
    if is_early {
        return refuse(outbox, 503, "Agent has not finished recovery");
    }
    let Some(framework) = agent.frameworks.get_mut(&call.framework_id.value) else {
        return refuse(outbox, 400, "Framework cannot be found");
    };
    let Framework { info, executors, is_terminating } = framework;
    let known = executors.get_mut(&call.executor_id.value).filter(|one| one.is_custom());
    let Some(executor) = known else {
        return refuse(outbox, 400, "Executor cannot be found");
    };
    if call.r#type() != call::Type::Subscribe && executor.stream.is_none() {
        return refuse(outbox, 403, "Executor is not subscribed");
    }
    let mut turn = Turn { now, framework: info, is_wanted: !*is_terminating, executor, outbox };
    match (call.r#type(), call.subscribe, call.update, call.message) {
        (call::Type::Subscribe, Some(subscribe), _, _) => {
            turn.outbox.answer(request, Answer::Stream);
            turn.subscribe(request, subscribe);
        }
        (call::Type::Update, _, Some(update), _) => {
            turn.outbox.answer(request, Answer::Accepted);
            turn.update(update.status);
        }
        (call::Type::Message, _, _, Some(message)) => {
            turn.outbox.answer(request, Answer::Accepted);
            turn.relay(message.data);
        }
        _ => refuse(turn.outbox, 501, "This type of call is not implemented"),
    }
}

/// One executor's call, being done.
struct Turn<'a> {
    now: Duration,
    framework: &'a FrameworkInfo,
    /// The framework still wants to hear of its tasks.
    is_wanted: bool,
    executor: &'a mut Executor,
    outbox: &'a mut Outbox,
}

impl Turn<'_> {
    fn subscribe(&mut self, stream: RequestId, call: call::Subscribe) {
        if let Some(old) = self.executor.stream.replace(stream) {
            self.outbox.push(Output::Close { stream: old });
        }
        if matches!(self.executor.phase, Phase::Terminating { .. } | Phase::Terminated) {
            self.outbox.event(Some(stream), events::shutdown());
            self.outbox.push(Output::Close { stream });
            return;
        }
        self.executor.phase = Phase::Running { heartbeat_at: self.now + HEARTBEAT };
        let agent = &self.outbox.identity.info;
        let Executor { info, container_id, .. } = &*self.executor;
        let event = events::subscribed(info, self.framework, agent, container_id);
        self.outbox.event(Some(stream), event);
        for update in call.unacknowledged_updates {
            self.update(update.status);
        }
        self.drop_unheard_of(&call.unacknowledged_tasks);
        for work in self.executor.dequeue() {
            executors::hand_over(self.executor, work, self.outbox);
        }
    }

    /// Ends tasks whose LAUNCH was lost with an earlier stream.
    fn drop_unheard_of(&mut self, heard_of: &[TaskInfo]) {
        let live = self.executor.live.values();
        let lost: Vec<_> = live
            .filter(|task| task.state == TaskState::TaskStaging)
            .map(|task| task.info.task_id.clone())
            .filter(|task_id| !heard_of.iter().any(|task| task.task_id == *task_id))
            .collect();
        let state = dropped_state(self.framework);
        for task_id in lost {
            self.executor.finish(&task_id.value);
            let message = "Task launched during agent restart";
            let mut status = from_agent(task_id, state, Reason::AgentRestarted, message);
            status.executor_id = Some(self.executor.info.executor_id.clone());
            self.forward(status);
        }
    }

    fn update(&mut self, mut status: TaskStatus) {
        let is_for_another =
            status.agent_id.as_ref().is_some_and(|id| id.value != self.outbox.identity.id());
        if is_for_another || !self.is_wanted {
            return;
        }
        let task = status.task_id.clone();
        let acknowledged = events::acknowledged(task.clone(), status.uuid().to_vec());
        if self.is_old(&status) {
            self.outbox.event(self.executor.stream, acknowledged);
            return;
        }
        let state = status.state();
        if self.executor.is_queued(&task) && !state.is_terminal() {
            tracing::warn!(%task, "an executor reports a task that it was not given; ignored");
            return;
        }
        let is_its_own =
            self.executor.live.contains_key(&task.value) || self.executor.unqueue(&task);
        status.source = Some(Source::Executor.into());
        let container = self.outbox.container_status(&self.executor.container_id);
        status.container_status.get_or_insert(container);
        self.forward(status);
        if is_its_own {
            self.record(&task.value, state);
            self.outbox.event(self.executor.stream, acknowledged);
        }
    }

    /// Whether the task has ended already, or the update was taken before.
    fn is_old(&self, status: &TaskStatus) -> bool {
        let task = &status.task_id.value;
        let framework = self.framework_id().value;
        self.executor.done.contains_key(task)
            || self.outbox.updates.is_known(&framework, task, status.uuid())
    }

    fn record(&mut self, task: &str, state: TaskState) {
        if state.is_terminal() {
            self.executor.finish(task);
        } else if let Some(live) = self.executor.live.get_mut(task) {
            live.state = state;
        }
    }

    fn relay(&mut self, data: Vec<u8>) {
        if self.is_wanted {
            let framework_id = self.framework_id();
            let executor_id = self.executor.info.executor_id.clone();
            self.outbox.tell_master(FromAgent::Message { framework_id, executor_id, data });
        }
    }

    fn forward(&mut self, status: TaskStatus) {
        self.outbox.update(self.now, &self.framework_id(), status);
    }

    fn framework_id(&self) -> FrameworkId {
        self.framework.id.clone().unwrap_or_default()
    }
}
