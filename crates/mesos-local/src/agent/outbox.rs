//! What the agent's logic wants done, in order.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use mesos::v1::executor::Event;
use mesos::v1::task_status::{Reason, Source};
use mesos::v1::{
    AgentInfo, CommandInfo, ContainerId, ContainerStatus, FrameworkId, NetworkInfo, TaskId,
    TaskState, TaskStatus, network_info,
};
use uuid::Uuid;

use super::state::RequestId;
use super::updates::{Forward, Updates};
use crate::messages::FromAgent;
use crate::settings::AgentSettings;

/// One thing to do.
#[derive(Debug)]
pub(crate) enum Output {
    /// Tell the master.
    ToMaster(FromAgent),
    /// Answer an HTTP request.
    Answer { request: RequestId, answer: Answer },
    /// Write an event to a stream; if that is broken, the event is lost.
    Event { stream: RequestId, event: Box<Event> },
    /// End a stream.
    Close { stream: RequestId },
    /// Make a container and run its command.
    Launch(Box<Launch>),
    /// Signal a container's processes; `Kill` also stops its making.
    Signal { container_id: String, signal: Signal },
}

/// The answer to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// 202.
    Accepted,
    /// 200 and a stream of events.
    Stream,
    /// Another status with a sentence.
    Refused { status: u16, message: &'static str },
}

/// A container to make.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    /// Its id.
    pub(crate) container_id: String,
    /// Where it works.
    pub(crate) sandbox: PathBuf,
    /// What it runs.
    pub(crate) command: CommandInfo,
    /// The whole environment of the command.
    pub(crate) environment: Vec<(String, String)>,
}

/// What to send to a process group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// SIGTERM.
    Terminate,
    /// SIGKILL.
    Kill,
}

/// Who the agent is.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// With id, host name, port and resources.
    pub(crate) info: AgentInfo,
    /// Where its HTTP API listens.
    pub(crate) address: SocketAddr,
    /// Where sandboxes are made.
    pub(crate) work_dir: PathBuf,
}

impl Identity {
    /// The agent's id.
    pub(crate) fn id(&self) -> &str {
        self.info.id.as_ref().map_or("", |id| &id.value)
    }
}

/// Collects outputs, and takes charge of every status update.
pub(super) struct Outbox {
    pub(super) identity: Identity,
    pub(super) settings: AgentSettings,
    pub(super) updates: Updates,
    outputs: Vec<Output>,
    new_uuid: Box<dyn FnMut() -> Uuid + Send>,
}

impl Outbox {
    pub(super) fn new(
        identity: Identity,
        settings: AgentSettings,
        new_uuid: Box<dyn FnMut() -> Uuid + Send>,
    ) -> Self {
        let (updates, outputs) = (Updates::default(), Vec::new());
        Self { identity, settings, updates, outputs, new_uuid }
    }

    pub(super) fn take(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.outputs)
    }

    pub(super) fn push(&mut self, output: Output) {
        self.outputs.push(output);
    }

    pub(super) fn tell_master(&mut self, message: FromAgent) {
        self.push(Output::ToMaster(message));
    }

    pub(super) fn event(&mut self, stream: Option<RequestId>, event: Event) {
        if let Some(stream) = stream {
            self.push(Output::Event { stream, event: Box::new(event) });
        }
    }

    pub(super) fn signal(&mut self, container_id: &str, signal: Signal) {
        self.push(Output::Signal { container_id: container_id.to_owned(), signal });
    }

    pub(super) fn answer(&mut self, request: RequestId, answer: Answer) {
        self.push(Output::Answer { request, answer });
    }

    pub(super) fn new_uuid(&mut self) -> Uuid {
        (self.new_uuid)()
    }

    /// Sends an update to the master, now or when its turn comes.
    pub(super) fn update(
        &mut self,
        now: Duration,
        framework: &FrameworkId,
        mut status: TaskStatus,
    ) {
        status.agent_id.get_or_insert_with(|| self.identity.id().into());
        status.timestamp.get_or_insert(now.as_secs_f64());
        if status.uuid.is_none() {
            status.uuid = Some(self.new_uuid().as_bytes().to_vec());
        }
        let forward = self.updates.add(now, framework, status);
        self.forward(forward);
    }

    /// Sends what the update manager says is due.
    pub(super) fn forward(&mut self, updates: impl IntoIterator<Item = Forward>) {
        for Forward { framework_id, status, latest_state } in updates {
            let status = Box::new(status);
            self.tell_master(FromAgent::Update { framework_id, status, latest_state });
        }
    }

    /// What the agent adds to an update of a task that runs in a container.
    pub(super) fn container_status(&self, container_id: &str) -> ContainerStatus {
        let address = network_info::IpAddress {
            ip_address: Some(self.identity.address.ip().to_string()),
            ..network_info::IpAddress::default()
        };
        ContainerStatus {
            container_id: Some(ContainerId { value: container_id.to_owned(), parent: None }),
            network_infos: vec![NetworkInfo {
                ip_addresses: vec![address],
                ..NetworkInfo::default()
            }],
            ..ContainerStatus::default()
        }
    }
}

/// An update that the agent makes itself.
pub(super) fn from_agent(
    task_id: TaskId,
    state: TaskState,
    reason: Reason,
    message: impl Into<String>,
) -> TaskStatus {
    TaskStatus {
        task_id,
        state: state.into(),
        source: Some(Source::Agent.into()),
        reason: Some(reason.into()),
        message: Some(message.into()),
        ..TaskStatus::default()
    }
}
