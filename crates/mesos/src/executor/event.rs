//! Events as an executor meets them.

use crate::client::Error;
use crate::v1::executor::{Event as Wire, event};
use crate::v1::{
    AgentInfo, ContainerId, ExecutorInfo, FrameworkInfo, KillPolicy, TaskId, TaskInfo,
};

/// What an agent tells an executor, and what the driver adds.
#[derive(Debug)]
pub enum Event {
    /// The subscription stands.
    #[doc(alias = "registered")]
    #[doc(alias = "reregistered")]
    Subscribed {
        /// Who we are.
        executor: Box<ExecutorInfo>,
        /// Whose we are.
        framework: Box<FrameworkInfo>,
        /// Where we are.
        agent: Box<AgentInfo>,
        /// The container we are in, if the agent says so.
        container_id: Option<ContainerId>,
        /// Whether this is the first subscription of this driver.
        first: bool,
    },
    /// The agent is gone; the driver is already looking for it, if it may.
    #[doc(alias = "disconnected")]
    Disconnected {
        /// Why.
        reason: String,
    },
    /// A task to run. Answer with updates, the last one terminal.
    #[doc(alias = "launchTask")]
    Launch(Box<TaskInfo>),
    /// Tasks to run together.
    LaunchGroup(Vec<TaskInfo>),
    /// A task to end; may repeat. Answer with a terminal update.
    #[doc(alias = "killTask")]
    Kill {
        /// Which task.
        task_id: TaskId,
        /// How, if the scheduler said.
        policy: Option<KillPolicy>,
    },
    /// The agent has taken charge of an update, so it will not be lost; that the scheduler
    /// has it is not said. Only told after
    /// [`Builder::acknowledgements`](super::Builder::acknowledgements).
    #[doc(alias = "ACKNOWLEDGED")]
    Acknowledged {
        /// Whose update.
        task_id: TaskId,
        /// Which one.
        uuid: Vec<u8>,
    },
    /// Bytes from the scheduler, at most once.
    #[doc(alias = "frameworkMessage")]
    Message(Vec<u8>),
    /// End all tasks, report, and exit within the grace period.
    #[doc(alias = "shutdown")]
    Shutdown,
    /// The agent refused something with this text.
    #[doc(alias = "error")]
    Error(String),
    /// An event of a later Mesos.
    Unknown {
        /// Its number.
        type_number: i32,
    },
}

/// The event of the wire for a user: `None` if it is the driver's business alone.
pub(super) fn convert(wire: Wire, first: bool) -> Option<Result<Event, Error>> {
    use event::Type;
    let number = wire.r#type.unwrap_or_default();
    let converted = match Type::try_from(number).unwrap_or(Type::Unknown) {
        Type::Unknown => Some(Event::Unknown { type_number: number }),
        Type::Heartbeat => return None,
        Type::Acknowledged => wire.acknowledged.map(|acknowledged| Event::Acknowledged {
            task_id: acknowledged.task_id,
            uuid: acknowledged.uuid,
        }),
        Type::Subscribed => wire.subscribed.map(|subscribed| Event::Subscribed {
            executor: Box::new(subscribed.executor_info),
            framework: Box::new(subscribed.framework_info),
            agent: Box::new(subscribed.agent_info),
            container_id: subscribed.container_id,
            first,
        }),
        Type::Launch => wire.launch.map(|launch| Event::Launch(Box::new(launch.task))),
        Type::LaunchGroup => {
            wire.launch_group.map(|launch| Event::LaunchGroup(launch.task_group.tasks))
        }
        Type::Kill => {
            wire.kill.map(|kill| Event::Kill { task_id: kill.task_id, policy: kill.kill_policy })
        }
        Type::Message => wire.message.map(|message| Event::Message(message.data)),
        Type::Shutdown => Some(Event::Shutdown),
        Type::Error => wire.error.map(|error| Event::Error(error.message)),
    };
    Some(
        converted
            .ok_or_else(|| Error::Protocol(format!("an event of type {number} lacks its content"))),
    )
}
