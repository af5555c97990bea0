//! The master's rules, one situation at a time, with a made-up clock.

mod launching;
mod offering;
mod operating;
mod returning;
mod subscribing;
mod updating;
mod viewing;

use std::time::Duration;

use mesos::v1::offer::{Operation, operation};
use mesos::v1::scheduler::{Call, Event, call, event};
use mesos::v1::{
    AgentInfo, CommandInfo, ExecutorInfo, FrameworkId, FrameworkInfo, Offer, OfferId, TaskInfo,
    TaskState, TaskStatus, framework_info,
};

use super::{Identity, Input, Master, Output, Reply, StreamId};
use crate::messages::{FromAgent, ToAgent};
use crate::settings::MasterSettings;
use mesos::resources::Resources;

/// A master with its clock, and what came out of it last.
struct Bench {
    master: Master,
    now: Duration,
    streams: u32,
}

/// One framework's view of a bench.
#[derive(Debug, Clone)]
struct Client {
    id: FrameworkId,
    stream: StreamId,
}

fn bundle(text: &str) -> Resources {
    text.parse().unwrap()
}

fn info() -> FrameworkInfo {
    FrameworkInfo { user: "root".into(), name: "test".into(), ..FrameworkInfo::default() }
}

fn capable(capabilities: &[framework_info::capability::Type]) -> FrameworkInfo {
    let capabilities = capabilities
        .iter()
        .map(|&kind| framework_info::Capability { r#type: Some(kind.into()) })
        .collect();
    FrameworkInfo { capabilities, ..info() }
}

fn command_task(id: &str, offer: &Offer, resources: &str) -> TaskInfo {
    TaskInfo {
        name: id.into(),
        task_id: id.into(),
        agent_id: offer.agent_id.clone(),
        resources: bundle(resources).to_wire(),
        command: Some(CommandInfo { value: Some("true".into()), ..CommandInfo::default() }),
        ..TaskInfo::default()
    }
}

fn executor_task(id: &str, offer: &Offer, resources: &str, executor: ExecutorInfo) -> TaskInfo {
    TaskInfo { command: None, executor: Some(executor), ..command_task(id, offer, resources) }
}

fn executor(id: &str, resources: &str) -> ExecutorInfo {
    ExecutorInfo {
        executor_id: id.into(),
        command: Some(CommandInfo { value: Some("./run".into()), ..CommandInfo::default() }),
        resources: bundle(resources).to_wire(),
        ..ExecutorInfo::default()
    }
}

fn launch(tasks: Vec<TaskInfo>) -> Operation {
    Operation {
        r#type: Some(operation::Type::Launch.into()),
        launch: Some(operation::Launch { task_infos: tasks }),
        ..Operation::default()
    }
}

impl Bench {
    /// A master with agents `S0`, `S1`, ... of these resources.
    fn with_agents(agents: &[&str]) -> Self {
        let identity = Identity {
            id: "M".into(),
            ip: [127, 0, 0, 1].into(),
            port: 5050,
            started_unix_seconds: 1000.0,
        };
        let mut bench = Self {
            master: Master::new(identity, MasterSettings::default()),
            now: Duration::from_millis(1500),
            streams: 0,
        };
        for (index, resources) in agents.iter().enumerate() {
            bench.add_agent(&format!("S{index}"), resources);
        }
        bench
    }

    fn add_agent(&mut self, id: &str, resources: &str) -> Vec<Output> {
        let info = AgentInfo {
            hostname: "127.0.0.1".into(),
            id: Some(id.into()),
            port: Some(5051),
            resources: bundle(resources).to_wire(),
            ..AgentInfo::default()
        };
        self.agent(id, FromAgent::Registered(Box::new(info)))
    }

    fn handle(&mut self, input: Input) -> Vec<Output> {
        self.master.handle(self.now, input)
    }

    /// Lets time pass, waking the master whenever it wants to.
    fn pass(&mut self, time: Duration) -> Vec<Output> {
        let until = self.now + time;
        let mut outputs = Vec::new();
        while let Some(wake) = self.master.next_wake().filter(|wake| *wake <= until) {
            self.now = wake.max(self.now);
            outputs.extend(self.handle(Input::Wake));
        }
        self.now = until;
        outputs
    }

    fn agent(&mut self, id: &str, message: FromAgent) -> Vec<Output> {
        self.handle(Input::Agent(id.into(), message))
    }

    fn subscribe(&mut self, info: FrameworkInfo) -> (Client, Vec<Output>) {
        self.subscribe_with(info, &[])
    }

    fn subscribe_with(
        &mut self,
        framework_info: FrameworkInfo,
        suppressed: &[&str],
    ) -> (Client, Vec<Output>) {
        self.streams += 1;
        let stream = StreamId(format!("stream-{}", self.streams));
        let subscribe = call::Subscribe {
            framework_info,
            suppressed_roles: suppressed.iter().map(|role| (*role).to_owned()).collect(),
            ..call::Subscribe::default()
        };
        let outputs =
            self.handle(Input::Subscribe { stream: stream.clone(), subscribe: subscribe.into() });
        let subscribed = events(&stream, &outputs).into_iter().find_map(|event| event.subscribed);
        let id = subscribed.map(|subscribed| subscribed.framework_id).unwrap_or_default();
        (Client { id, stream }, outputs)
    }

    fn call(&mut self, client: &Client, kind: call::Type, call: Call) -> Vec<Output> {
        let outputs = self.try_call(client, kind, call);
        assert_eq!(reply(&outputs).status, 202, "{outputs:?}");
        outputs
    }

    fn try_call(&mut self, client: &Client, kind: call::Type, call: Call) -> Vec<Output> {
        let call =
            Call { framework_id: Some(client.id.clone()), r#type: Some(kind.into()), ..call };
        let stream = Some(client.stream.clone());
        self.handle(Input::Call { stream, principal: None, call: Box::new(call) })
    }

    fn accept(
        &mut self,
        client: &Client,
        offer_ids: &[OfferId],
        tasks: Vec<TaskInfo>,
    ) -> Vec<Output> {
        let accept = call::Accept {
            offer_ids: offer_ids.to_vec(),
            operations: vec![launch(tasks)],
            filters: None,
        };
        let call = Call { accept: Some(accept), ..Call::default() };
        self.call(client, call::Type::Accept, call)
    }

    fn decline(
        &mut self,
        client: &Client,
        offers: &[Offer],
        refuse_seconds: Option<f64>,
    ) -> Vec<Output> {
        let decline = call::Decline {
            offer_ids: offers.iter().map(|offer| offer.id.clone()).collect(),
            filters: Some(mesos::v1::Filters { refuse_seconds }),
        };
        let call = Call { decline: Some(decline), ..Call::default() };
        self.call(client, call::Type::Decline, call)
    }

    /// An update as an agent sends it, with the uuid made of `uuid`.
    fn update(&mut self, client: &Client, task: &str, state: TaskState, uuid: u8) -> Vec<Output> {
        let status = TaskStatus {
            task_id: task.into(),
            state: state.into(),
            agent_id: Some("S0".into()),
            uuid: Some(vec![uuid; 16]),
            data: Some(b"report".to_vec()),
            ..TaskStatus::default()
        };
        let framework_id = client.id.clone();
        let status = Box::new(status);
        self.agent("S0", FromAgent::Update { framework_id, status, latest_state: state })
    }

    fn acknowledge(&mut self, client: &Client, task: &str, uuid: u8) -> Vec<Output> {
        let acknowledge =
            call::Acknowledge { agent_id: "S0".into(), task_id: task.into(), uuid: vec![uuid; 16] };
        let call = Call { acknowledge: Some(acknowledge), ..Call::default() };
        self.call(client, call::Type::Acknowledge, call)
    }

    fn reconcile(&mut self, client: &Client, tasks: &[(&str, Option<&str>)]) -> Vec<TaskStatus> {
        let tasks = tasks
            .iter()
            .map(|(task, agent)| call::reconcile::Task {
                task_id: (*task).into(),
                agent_id: agent.map(Into::into),
            })
            .collect();
        let reconcile = Some(call::Reconcile { tasks });
        let call = Call { reconcile, ..Call::default() };
        updates(client, &self.call(client, call::Type::Reconcile, call))
    }
}

fn reply(outputs: &[Output]) -> &Reply {
    let mut replies = outputs.iter().filter_map(|output| match output {
        Output::Reply(reply) => Some(reply),
        Output::Event(..) | Output::Close(_) | Output::Agent(..) => None,
    });
    let first = replies.next().expect("a reply");
    assert!(replies.next().is_none(), "one reply only");
    first
}

fn events(stream: &StreamId, outputs: &[Output]) -> Vec<Event> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Event(to, event) if to == stream => Some((**event).clone()),
            Output::Event(..) | Output::Reply(_) | Output::Close(_) | Output::Agent(..) => None,
        })
        .collect()
}

fn kinds(client: &Client, outputs: &[Output]) -> Vec<event::Type> {
    events(&client.stream, outputs).iter().map(Event::r#type).collect()
}

fn offers(client: &Client, outputs: &[Output]) -> Vec<Offer> {
    let events = events(&client.stream, outputs);
    events.into_iter().filter_map(|event| event.offers).flat_map(|offers| offers.offers).collect()
}

fn updates(client: &Client, outputs: &[Output]) -> Vec<TaskStatus> {
    let events = events(&client.stream, outputs);
    events.into_iter().filter_map(|event| event.update).map(|update| update.status).collect()
}

fn errors(stream: &StreamId, outputs: &[Output]) -> Vec<String> {
    let events = events(stream, outputs);
    events.into_iter().filter_map(|event| event.error).map(|error| error.message).collect()
}

fn is_closed(stream: &StreamId, outputs: &[Output]) -> bool {
    outputs.iter().any(|output| matches!(output, Output::Close(closed) if closed == stream))
}

fn launched(outputs: &[Output]) -> Vec<&TaskInfo> {
    to_agents(outputs)
        .into_iter()
        .filter_map(|message| match message {
            ToAgent::Run { task, .. } => Some(&**task),
            ToAgent::RunGroup { .. }
            | ToAgent::Kill { .. }
            | ToAgent::Acknowledge { .. }
            | ToAgent::ShutdownExecutor { .. }
            | ToAgent::ShutdownFramework(_)
            | ToAgent::FrameworkSubscribed(_)
            | ToAgent::Reregister
            | ToAgent::Resources(_)
            | ToAgent::UnknownTasks { .. }
            | ToAgent::Message { .. } => None,
        })
        .collect()
}

fn to_agents(outputs: &[Output]) -> Vec<&ToAgent> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Agent(_, message) => Some(message),
            Output::Event(..) | Output::Reply(_) | Output::Close(_) => None,
        })
        .collect()
}
