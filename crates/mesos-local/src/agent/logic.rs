//! What does an agent do when the master, an executor or a process says something?
//!
//! Pure: the time is an argument, and what is to be done comes back as a list.

use std::time::Duration;

use mesos::v1::executor::Call;
use mesos::v1::task_status::Reason;
use mesos::v1::{FrameworkId, FrameworkInfo, KillPolicy, TaskId};

use super::checkpoint::Checkpoint;
use super::inventory::{Agent, executor};
use super::outbox::{Output, Signal, from_agent};
use super::state::{Executor, Framework, Kind, Phase, RequestId, dropped_state};
use super::work::Work;
use super::{calls, commands, events, executors, recovery};
use crate::messages::ToAgent;

/// What can happen to an agent.
#[derive(Debug)]
pub(crate) enum Input {
    /// The master says something.
    Master(ToAgent),
    /// An executor calls; the call is well-formed.
    Call { request: RequestId, call: Box<Call> },
    /// Something happened to a container.
    Container { container_id: String, event: ContainerEvent },
    /// A deadline may have passed.
    Tick,
    /// First of all: what an earlier process left.
    Restore(Box<Checkpoint>),
    /// The agent shall end, with everything on it.
    Stop,
}

/// What can happen to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ContainerEvent {
    /// Its command runs, in a process group of this leader if that is known.
    Started(Option<i32>),
    /// It could not be made; why.
    Failed(String),
    /// Its command ended, with the raw wait status if it is known.
    Exited(Option<i32>),
}

impl Agent {
    /// What would survive if the agent's process ended now.
    pub(crate) fn checkpoint(&self) -> Checkpoint {
        recovery::checkpoint(self)
    }

    /// What is to be done if the agent's process ends now, and another one follows.
    pub(crate) fn orphans(&self) -> Vec<Output> {
        recovery::orphans(self)
    }

    /// Takes one input and says what is to be done, in order.
    pub(crate) fn handle(&mut self, now: Duration, input: Input) -> Vec<Output> {
        match input {
            Input::Master(message) => self.hear_master(now, message),
            Input::Call { request, call } => calls::handle(self, now, request, *call),
            Input::Container { container_id, event } => self.container(now, &container_id, event),
            Input::Tick => self.tick(now),
            Input::Stop => self.stop(now),
            Input::Restore(checkpoint) => recovery::restore(self, now, *checkpoint),
        }
        recovery::finish_if_ready(self, now);
        self.forget_finished();
        self.outbox.take()
    }

    fn hear_master(&mut self, now: Duration, message: ToAgent) {
        match message {
            ToAgent::Run { framework, task } => self.run(now, *framework, Work::Task(task)),
            ToAgent::RunGroup { framework, tasks } => {
                self.run(now, *framework, Work::Group(tasks));
            }
            ToAgent::Kill { framework_id, task_id, policy } => {
                self.kill(now, &framework_id, task_id, policy);
            }
            ToAgent::Acknowledge { framework_id, task_id, uuid } => {
                let next =
                    self.outbox.updates.acknowledge(now, &framework_id, &task_id.value, &uuid);
                self.outbox.forward(next);
                self.forget_ended(&framework_id, &task_id);
            }
            ToAgent::Resources(resources) => self.outbox.identity.info.resources = resources,
            ToAgent::Reregister => recovery::register_again(self, now),
            ToAgent::UnknownTasks { framework, tasks } => {
                recovery::deny(self, now, &framework, tasks);
            }
            ToAgent::ShutdownExecutor { framework_id, executor_id } => {
                if let Some(executor) = executor(&mut self.frameworks, &framework_id, &executor_id)
                {
                    executors::shut_down(now, executor, &mut self.outbox);
                }
            }
            ToAgent::ShutdownFramework(id) => self.shut_down_framework(now, &id),
            ToAgent::FrameworkSubscribed(info) => self.framework_subscribed(now, *info),
            ToAgent::Message { framework_id, executor_id, data } => {
                let executor = executor(&mut self.frameworks, &framework_id, &executor_id);
                if let Some(Executor { phase: Phase::Running { .. }, stream, .. }) = executor {
                    self.outbox.event(*stream, events::message(data));
                }
            }
        }
    }

    fn run(&mut self, now: Duration, info: FrameworkInfo, work: Work) {
        let id = info.id.clone().unwrap_or_default().value;
        let framework =
            self.frameworks.entry(id).or_insert_with(|| Framework::new(FrameworkInfo::default()));
        framework.info = info.into();
        if !framework.is_terminating {
            executors::run(now, framework, work, &mut self.outbox);
        }
    }

    fn kill(
        &mut self,
        now: Duration,
        framework_id: &FrameworkId,
        task_id: TaskId,
        policy: Option<KillPolicy>,
    ) {
        let Some(framework) = self.frameworks.get_mut(&framework_id.value) else { return };
        let lost = dropped_state(&framework.info);
        let can_say_killing = commands::can_say_killing(framework);
        let Some(executor) = framework.executor_of(&task_id) else {
            let message = "Cannot find executor";
            let status = from_agent(task_id, lost, Reason::ExecutorTerminated, message);
            self.outbox.update(now, framework_id, status);
            return;
        };
        match (&executor.phase, executor.kind) {
            (Phase::Registering { .. } | Phase::Reregistering { .. }, _) => {
                executors::kill_queued(now, framework_id, executor, &task_id, &mut self.outbox);
            }
            (Phase::Running { .. }, Kind::Custom) => {
                if executor.live.contains_key(&task_id.value) {
                    self.outbox.event(executor.stream, events::kill(task_id, policy));
                }
            }
            (Phase::Running { .. }, Kind::Command { .. }) => {
                let killing = can_say_killing.then_some(framework_id);
                commands::kill(now, killing, executor, policy, &mut self.outbox);
            }
            (Phase::Terminating { .. } | Phase::Terminated, _) => {}
        }
    }

    fn framework_subscribed(&mut self, now: Duration, info: FrameworkInfo) {
        let id = info.id.clone().unwrap_or_default().value;
        if let Some(framework) = self.frameworks.get_mut(&id) {
            framework.info = info.into();
            let oldest = self.outbox.updates.resend(now, &id);
            self.outbox.forward(oldest);
        }
    }

    fn shut_down_framework(&mut self, now: Duration, id: &FrameworkId) {
        self.outbox.updates.forget(&id.value);
        if let Some(framework) = self.frameworks.get_mut(&id.value) {
            framework.is_terminating = true;
            for executor in framework.executors.values_mut() {
                executors::shut_down(now, executor, &mut self.outbox);
            }
        }
    }

    fn container(&mut self, now: Duration, container_id: &str, event: ContainerEvent) {
        for framework in self.frameworks.values_mut() {
            let can_tell = !framework.is_terminating;
            let info = framework.info.clone();
            let framework_id = info.id.clone().unwrap_or_default();
            let found = framework.executors.values_mut().find(|e| e.container_id == container_id);
            let Some(executor) = found else { continue };
            let owner = can_tell.then_some(&framework_id);
            match event {
                ContainerEvent::Started(process) => {
                    executor.process = process.unwrap_or_default();
                    commands::started(now, owner, executor, &mut self.outbox);
                }
                ContainerEvent::Failed(why) => {
                    executors::launch_failed(executor, &why);
                    executors::ended(now, &info, can_tell, executor, None, &mut self.outbox);
                }
                ContainerEvent::Exited(status) => {
                    commands::ended(now, owner, executor, status, &mut self.outbox);
                    let outbox = &mut self.outbox;
                    executors::ended(now, &info, can_tell, executor, status, outbox);
                }
            }
            return;
        }
    }

    fn tick(&mut self, now: Duration) {
        let due = self.outbox.updates.due(now);
        self.outbox.forward(due);
        for executor in self.frameworks.values_mut().flat_map(|one| one.executors.values_mut()) {
            if executor.deadline().is_some_and(|deadline| deadline <= now) {
                executors::deadline_passed(now, executor, &mut self.outbox);
            }
        }
    }

    fn stop(&mut self, now: Duration) {
        for executor in self.frameworks.values_mut().flat_map(|one| one.executors.values_mut()) {
            executor.grace = executor.grace.min(executors::STOP_GRACE);
            executors::shut_down(now, executor, &mut self.outbox);
            if executor.is_custom() && executor.stream.is_none() && executor.has_process() {
                self.outbox.signal(&executor.container_id, Signal::Kill);
            }
        }
    }
}
