//! The agent's rules with a made-up clock. C numbers: conformance checks of MESOS.md.

mod commands;
mod groups;
mod restarts;

use std::time::Duration;

use mesos::v1::executor::{Call, Event, call, event};
use mesos::v1::task_status::{Reason, Source};
use mesos::v1::{
    AgentInfo, CommandInfo, ExecutorInfo, FrameworkInfo, TaskInfo, TaskState, TaskStatus,
    framework_info,
};
use uuid::Uuid;

use super::inventory::Agent;
use super::logic::{ContainerEvent, Input};
use super::outbox::{Answer, Identity, Output, Signal};
use super::state::MAX_COMPLETED_TASKS;
use crate::messages::{FromAgent, ToAgent};
use crate::settings::AgentSettings;

fn at(seconds: u64) -> Duration {
    Duration::from_secs(1_700_000_000 + seconds)
}

/// An agent, and everything it wanted done since it was last asked.
struct World {
    agent: Agent,
    now: Duration,
    outputs: Vec<Output>,
    requests: u64,
    partition_aware: bool,
    checkpoints: bool,
}

impl World {
    fn new() -> Self {
        let mut count = 0;
        let identity = Identity {
            info: AgentInfo { id: Some("a".into()), ..AgentInfo::default() },
            address: "127.0.0.1:5051".parse().unwrap(),
            work_dir: "/w".into(),
        };
        let new_uuid = move || {
            count += 1;
            Uuid::from_u128(count)
        };
        let agent = Agent::new(identity, AgentSettings::default(), Box::new(new_uuid));
        Self {
            agent,
            now: at(0),
            outputs: vec![],
            requests: 0,
            partition_aware: false,
            checkpoints: false,
        }
    }

    fn input(&mut self, input: Input) {
        let outputs = self.agent.handle(self.now, input);
        self.outputs.extend(outputs);
    }

    fn framework(&self) -> Box<FrameworkInfo> {
        let checkpoint = Some(self.checkpoints);
        let id = Some("f".into());
        let mut info = FrameworkInfo { id, checkpoint, ..FrameworkInfo::default() };
        if self.partition_aware {
            let r#type = Some(framework_info::capability::Type::PartitionAware.into());
            info.capabilities.push(framework_info::Capability { r#type });
        }
        Box::new(info)
    }

    fn run(&mut self, task: &str) {
        let executor = ExecutorInfo { executor_id: "e".into(), ..ExecutorInfo::default() };
        let task =
            TaskInfo { task_id: task.into(), executor: Some(executor), ..TaskInfo::default() };
        let framework = self.framework();
        self.input(Input::Master(ToAgent::Run { framework, task: Box::new(task) }));
    }

    fn run_command(&mut self, task: &str) {
        let command = CommandInfo { value: Some("true".into()), ..CommandInfo::default() };
        let task = TaskInfo { task_id: task.into(), command: Some(command), ..TaskInfo::default() };
        let framework = self.framework();
        self.input(Input::Master(ToAgent::Run { framework, task: Box::new(task) }));
    }

    fn kill(&mut self, task: &str) {
        self.input(Input::Master(ToAgent::Kill {
            framework_id: "f".into(),
            task_id: task.into(),
            policy: None,
        }));
    }

    fn call(&mut self, call: Call) -> u64 {
        self.requests += 1;
        let call = Box::new(Call { executor_id: "e".into(), framework_id: "f".into(), ..call });
        self.input(Input::Call { request: self.requests, call });
        self.requests
    }

    fn subscribe(&mut self, subscribe: call::Subscribe) -> u64 {
        let r#type = Some(call::Type::Subscribe.into());
        self.call(Call { r#type, subscribe: Some(subscribe), ..Call::default() })
    }

    fn update(&mut self, status: TaskStatus) -> u64 {
        let r#type = Some(call::Type::Update.into());
        self.call(Call { r#type, update: Some(call::Update { status }), ..Call::default() })
    }

    fn container(&mut self, event: ContainerEvent) {
        let container_id = self.container_id();
        self.input(Input::Container { container_id, event });
    }

    /// Of the only executor there is.
    fn container_id(&self) -> String {
        self.agent.frameworks["f"].executors.values().next().unwrap().container_id.clone()
    }

    fn acknowledge(&mut self, task: &str, uuid: Vec<u8>) {
        self.input(Input::Master(ToAgent::Acknowledge {
            framework_id: "f".into(),
            task_id: task.into(),
            uuid,
        }));
    }

    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.input(Input::Tick);
    }

    /// An executor that has subscribed and got the task `t`; nothing left to look at.
    fn with_running_task() -> Self {
        let mut world = Self::new();
        world.run("t");
        world.container(ContainerEvent::Started(None));
        world.subscribe(call::Subscribe::default());
        world.outputs.clear();
        world
    }

    fn updates(&self) -> Vec<TaskStatus> {
        let update = |output: &Output| {
            if let Output::ToMaster(FromAgent::Update { status, .. }) = output {
                Some((**status).clone())
            } else {
                None
            }
        };
        self.outputs.iter().filter_map(update).collect()
    }

    /// State and reason of each update since the last look.
    fn take_states(&mut self) -> Vec<(TaskState, Option<Reason>)> {
        let states = self
            .updates()
            .iter()
            .map(|status| (status.state(), status.reason.map(|_| status.reason())))
            .collect();
        self.outputs.clear();
        states
    }

    fn events(&self) -> Vec<(u64, event::Type)> {
        let event = |output: &Output| {
            if let Output::Event { stream, event } = output {
                Some((*stream, event.r#type()))
            } else {
                None
            }
        };
        self.outputs.iter().filter_map(event).collect()
    }

    fn answers(&self) -> Vec<Answer> {
        let answer = |output: &Output| {
            if let Output::Answer { answer, .. } = output { Some(*answer) } else { None }
        };
        self.outputs.iter().filter_map(answer).collect()
    }

    fn signals(&self) -> Vec<Signal> {
        let signal = |output: &Output| {
            if let Output::Signal { signal, .. } = output { Some(*signal) } else { None }
        };
        self.outputs.iter().filter_map(signal).collect()
    }

    fn exits(&self) -> Vec<i32> {
        let exit = |output: &Output| {
            if let Output::ToMaster(FromAgent::ExecutorExited { status, .. }) = output {
                Some(*status)
            } else {
                None
            }
        };
        self.outputs.iter().filter_map(exit).collect()
    }
}

fn status(task: &str, uuid: u8, state: TaskState) -> TaskStatus {
    TaskStatus {
        task_id: task.into(),
        state: state.into(),
        source: Some(Source::Executor.into()),
        uuid: Some(vec![uuid; 16]),
        ..TaskStatus::default()
    }
}

fn first_event(world: &World) -> Event {
    let event = |output: &Output| {
        if let Output::Event { event, .. } = output { Some((**event).clone()) } else { None }
    };
    world.outputs.iter().find_map(event).unwrap()
}

#[test]
fn c48_the_first_task_starts_the_executor_which_gets_it_after_subscribed() {
    let mut world = World::new();
    world.run("t1");
    world.run("t2");
    let launches = world.outputs.iter().filter(|o| matches!(o, Output::Launch(_))).count();
    assert_eq!(launches, 1);
    let started = |o: &&Output| matches!(o, Output::ToMaster(FromAgent::ExecutorStarted { .. }));
    assert_eq!(world.outputs.iter().filter(started).count(), 1);
    world.container(ContainerEvent::Started(None));
    world.outputs.clear();
    let stream = world.subscribe(call::Subscribe::default());
    assert_eq!(world.answers(), [Answer::Stream]);
    let kinds = [event::Type::Subscribed, event::Type::Launch, event::Type::Launch];
    assert_eq!(world.events(), kinds.map(|kind| (stream, kind)));
    let subscribed = first_event(&world).subscribed.unwrap();
    assert_eq!(subscribed.executor_info.executor_id.value, "e");
    assert_eq!(subscribed.agent_info.id.unwrap().value, "a");
    assert!(!subscribed.container_id.unwrap().value.is_empty());
}

#[test]
fn a_later_task_goes_to_the_running_executor() {
    let mut world = World::with_running_task();
    world.run("t2");
    assert_eq!(world.events(), [(1, event::Type::Launch)]);
    assert_eq!(world.outputs.len(), 1);
}

#[test]
fn c33_an_update_is_forwarded_with_what_the_agent_knows_and_acknowledged_to_the_executor() {
    let mut world = World::with_running_task();
    world.update(status("t", 1, TaskState::TaskRunning));
    assert_eq!(world.answers(), [Answer::Accepted]);
    assert_eq!(world.events(), [(1, event::Type::Acknowledged)]);
    let update = world.updates().remove(0);
    assert_eq!(update.agent_id.as_ref().unwrap().value, "a");
    assert_eq!(update.timestamp, Some(at(0).as_secs_f64()));
    assert_eq!(update.source(), Source::Executor);
    assert!(update.container_status.unwrap().container_id.is_some());
}

#[test]
fn c34_the_next_state_is_withheld_and_the_first_repeated_until_acknowledged() {
    let mut world = World::with_running_task();
    world.update(status("t", 1, TaskState::TaskRunning));
    world.update(status("t", 2, TaskState::TaskFinished));
    assert_eq!(world.take_states(), [(TaskState::TaskRunning, None)]);
    world.pass(10);
    assert_eq!(world.take_states(), [(TaskState::TaskRunning, None)]);
    world.acknowledge("t", vec![1; 16]);
    assert_eq!(world.take_states(), [(TaskState::TaskFinished, None)]);
}

#[test]
fn a_repeated_update_is_acknowledged_again_but_not_forwarded() {
    let mut world = World::with_running_task();
    world.update(status("t", 1, TaskState::TaskFinished));
    world.acknowledge("t", vec![1; 16]);
    world.outputs.clear();
    world.update(status("t", 1, TaskState::TaskFinished));
    world.update(status("t", 2, TaskState::TaskFailed));
    assert_eq!(world.events(), [(1, event::Type::Acknowledged); 2]);
    assert!(world.updates().is_empty());
}

#[test]
fn updates_of_another_agent_or_of_undelivered_tasks_are_dropped() {
    let mut world = World::with_running_task();
    let elsewhere =
        TaskStatus { agent_id: Some("other".into()), ..status("t", 1, TaskState::TaskRunning) };
    world.update(elsewhere);
    assert_eq!(world.answers(), [Answer::Accepted]);
    assert!(world.updates().is_empty() && world.events().is_empty());
}

#[test]
fn an_update_of_a_task_that_is_not_the_executors_is_forwarded_without_acknowledged() {
    let mut world = World::with_running_task();
    world.update(status("stranger", 1, TaskState::TaskRunning));
    assert_eq!(world.updates().len(), 1);
    assert!(world.events().is_empty());
}

#[test]
fn c50_calls_of_strangers_are_refused() {
    let mut world = World::new();
    world.subscribe(call::Subscribe::default());
    let refusal = |status, message| Answer::Refused { status, message };
    assert_eq!(world.answers(), [refusal(400, "Framework cannot be found")]);
    world.outputs.clear();
    world.run_command("t");
    world.subscribe(call::Subscribe::default());
    assert_eq!(world.answers(), [refusal(400, "Executor cannot be found")]);
    let mut world = World::new();
    world.run("t");
    world.update(status("t", 1, TaskState::TaskRunning));
    assert_eq!(world.answers(), [refusal(403, "Executor is not subscribed")]);
}

#[test]
fn c53_a_heartbeat_comes_every_30_minutes() {
    let mut world = World::with_running_task();
    assert_eq!(world.agent.next_deadline(), Some(at(1800)));
    world.pass(1799);
    assert!(world.events().is_empty());
    world.pass(1);
    assert_eq!(world.events(), [(1, event::Type::Heartbeat)]);
    assert_eq!(world.agent.next_deadline(), Some(at(3600)));
}

#[test]
fn c54_an_executor_that_never_subscribes_is_killed_after_60_s() {
    let mut world = World::new();
    world.run("t");
    world.container(ContainerEvent::Started(None));
    world.pass(59);
    assert!(world.signals().is_empty());
    world.pass(1);
    assert_eq!(world.signals(), [Signal::Kill]);
    world.container(ContainerEvent::Exited(Some(9)));
    assert_eq!(world.exits(), [9]);
    let wanted = (TaskState::TaskFailed, Some(Reason::ExecutorRegistrationTimeout));
    assert_eq!(world.take_states(), [wanted]);
}

#[test]
fn c55_tasks_fail_with_their_executor() {
    let mut world = World::with_running_task();
    world.update(status("t", 1, TaskState::TaskRunning));
    world.acknowledge("t", vec![1; 16]);
    world.outputs.clear();
    world.container(ContainerEvent::Exited(Some(256)));
    assert_eq!(world.exits(), [256]);
    assert!(world.outputs.iter().any(|o| matches!(o, Output::Close { stream: 1 })));
    let update = world.updates().remove(0);
    assert_eq!(update.source(), Source::Agent);
    assert_eq!(update.executor_id.unwrap().value, "e");
    let wanted = (TaskState::TaskFailed, Some(Reason::ExecutorTerminated));
    assert_eq!(world.take_states(), [wanted]);
}

#[test]
fn c56_a_second_subscription_closes_the_first_takes_updates_and_drops_unheard_of_tasks() {
    let mut world = World::with_running_task();
    world.run("t2");
    world.run("t3");
    world.outputs.clear();
    let status = status("t", 1, TaskState::TaskFinished);
    let known = TaskInfo { task_id: "t2".into(), ..TaskInfo::default() };
    let stream = world.subscribe(call::Subscribe {
        unacknowledged_tasks: vec![known],
        unacknowledged_updates: vec![call::Update { status }],
    });
    assert!(matches!(world.outputs[0..2], [Output::Answer { .. }, Output::Close { stream: 1 }]));
    let kinds = [event::Type::Subscribed, event::Type::Acknowledged];
    assert_eq!(world.events(), kinds.map(|kind| (stream, kind)));
    let tasks: Vec<_> = world.updates().into_iter().map(|one| one.task_id.value).collect();
    assert_eq!(tasks, ["t", "t3"]);
    let lost = (TaskState::TaskLost, Some(Reason::AgentRestarted));
    assert_eq!(world.take_states(), [(TaskState::TaskFinished, None), lost]);
}

#[test]
fn c57_a_container_that_cannot_be_made_fails_its_tasks() {
    let mut world = World::new();
    world.run("t");
    world.container(ContainerEvent::Failed("Failed to fetch all URIs".into()));
    let update = world.updates().remove(0);
    assert_eq!(update.message(), "Failed to launch container: Failed to fetch all URIs");
    assert_eq!(world.exits(), [-1]);
    let wanted = (TaskState::TaskFailed, Some(Reason::ContainerLaunchFailed));
    assert_eq!(world.take_states(), [wanted]);
}

#[test]
fn c43_a_delivered_task_is_killed_by_its_executor() {
    let mut world = World::with_running_task();
    world.kill("t");
    world.kill("t");
    assert_eq!(world.events(), [(1, event::Type::Kill); 2]);
    assert!(world.updates().is_empty());
}

#[test]
fn c44_a_task_killed_before_delivery_is_killed_and_the_executor_shut_down_with_the_last() {
    let mut world = World::new();
    world.run("t1");
    world.run("t2");
    world.outputs.clear();
    world.kill("t1");
    let killed = (TaskState::TaskKilled, Some(Reason::TaskKilledDuringLaunch));
    assert_eq!(world.take_states(), [killed]);
    world.kill("t2");
    assert_eq!(world.take_states(), [killed]);
    let stream = world.subscribe(call::Subscribe::default());
    assert_eq!(world.events(), [(stream, event::Type::Shutdown)]);
    assert!(world.outputs.iter().any(|o| matches!(o, Output::Close { stream: 1 })));
    world.pass(5);
    assert_eq!(world.signals(), [Signal::Kill]);
}

#[test]
fn an_unknown_task_is_lost_or_dropped_when_killed() {
    for (partition_aware, state) in [(false, TaskState::TaskLost), (true, TaskState::TaskDropped)] {
        let mut world = World::new();
        world.partition_aware = partition_aware;
        world.run("t");
        world.outputs.clear();
        world.kill("stranger");
        assert_eq!(world.take_states(), [(state, Some(Reason::ExecutorTerminated))]);
    }
}

#[test]
fn c45_a_shut_down_executor_has_its_grace_period_and_takes_no_more_tasks() {
    let mut world = World::with_running_task();
    world.input(Input::Master(ToAgent::ShutdownExecutor {
        framework_id: "f".into(),
        executor_id: "e".into(),
    }));
    assert_eq!(world.events(), [(1, event::Type::Shutdown)]);
    world.run("late");
    let lost = (TaskState::TaskLost, Some(Reason::ExecutorTerminated));
    assert_eq!(world.take_states(), [lost]);
    world.update(status("t", 1, TaskState::TaskKilled));
    assert_eq!(world.events(), [(1, event::Type::Acknowledged)], "it may still report");
    world.pass(4);
    assert!(world.signals().is_empty());
    world.pass(1);
    assert_eq!(world.signals(), [Signal::Kill]);
    world.container(ContainerEvent::Exited(Some(9)));
    assert_eq!(world.exits(), [9]);
    assert!(world.agent.is_idle());
}

#[test]
fn an_ended_executor_blocks_its_id_until_its_last_update_is_acknowledged() {
    let mut world = World::with_running_task();
    world.update(status("t", 1, TaskState::TaskFinished));
    world.container(ContainerEvent::Exited(Some(0)));
    world.outputs.clear();
    world.run("t2");
    let lost = (TaskState::TaskLost, Some(Reason::ExecutorTerminated));
    let uuid = world.updates().remove(0).uuid.unwrap();
    assert_eq!(world.take_states(), [lost]);
    world.acknowledge("t2", uuid);
    world.acknowledge("t", vec![1; 16]);
    world.run("t3");
    assert!(world.outputs.iter().any(|o| matches!(o, Output::Launch(_))));
}

#[test]
fn c46_a_framework_that_is_gone_has_its_executors_shut_down_and_its_updates_dropped() {
    let mut world = World::with_running_task();
    world.input(Input::Master(ToAgent::ShutdownFramework("f".into())));
    assert_eq!(world.events(), [(1, event::Type::Shutdown)]);
    world.update(status("t", 1, TaskState::TaskKilled));
    world.container(ContainerEvent::Exited(Some(0)));
    assert!(world.updates().is_empty());
    assert!(world.agent.frameworks.is_empty());
}

#[test]
fn c35_a_framework_that_subscribes_gets_its_oldest_update_at_once() {
    let mut world = World::with_running_task();
    world.update(status("t", 1, TaskState::TaskRunning));
    world.outputs.clear();
    let framework = world.framework();
    world.input(Input::Master(ToAgent::FrameworkSubscribed(framework)));
    assert_eq!(world.take_states(), [(TaskState::TaskRunning, None)]);
}

#[test]
fn c47_messages_pass_both_ways_while_the_executor_runs() {
    let mut world = World::with_running_task();
    let to_executor = || {
        Input::Master(ToAgent::Message {
            framework_id: "f".into(),
            executor_id: "e".into(),
            data: vec![0, 255],
        })
    };
    world.input(to_executor());
    assert_eq!(first_event(&world).message.unwrap().data, [0, 255]);
    let r#type = Some(call::Type::Message.into());
    let message = Some(call::Message { data: vec![7] });
    world.call(Call { r#type, message, ..Call::default() });
    let relayed =
        |o: &Output| matches!(o, Output::ToMaster(FromAgent::Message { data, .. }) if *data == [7]);
    assert!(world.outputs.iter().any(relayed));
    world.container(ContainerEvent::Exited(Some(0)));
    world.outputs.clear();
    world.input(to_executor());
    assert!(world.events().is_empty());
}

#[test]
fn of_tasks_long_over_nothing_is_left() {
    let mut world = World::with_running_task();
    for number in 0..MAX_COMPLETED_TASKS + 50 {
        let task = format!("task-{number}");
        world.run(&task);
        let ended = status(&task, 7, TaskState::TaskFinished);
        world.update(ended.clone());
        world.acknowledge(&task, ended.uuid().to_vec());
        if number == 0 {
            world.outputs.clear();
            world.update(ended);
            assert!(world.updates().is_empty(), "a repetition is not told again");
        }
    }
    let executor = &world.agent.frameworks["f"].executors["e"];
    assert_eq!(executor.done.len(), MAX_COMPLETED_TASKS);
    assert!(!executor.done.contains_key("task-0") && executor.live.contains_key("t"));
}

#[test]
fn an_agent_that_ends_gives_its_executors_two_seconds() {
    let mut world = World::with_running_task();
    world.input(Input::Stop);
    assert_eq!(world.events(), [(1, event::Type::Shutdown)]);
    assert!(!world.agent.is_idle());
    world.pass(2);
    assert_eq!(world.signals(), [Signal::Kill]);
}
