//! The events of the executor API, ready to send.

use std::time::Duration;

use mesos::v1::executor::{Event, event};
use mesos::v1::{
    AgentInfo, ContainerId, ExecutorInfo, FrameworkInfo, KillPolicy, TaskGroupInfo, TaskId,
    TaskInfo,
};

/// The time between two heartbeats to an executor.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(30 * 60);

/// What a new subscriber learns about itself.
pub(super) fn subscribed(
    executor: &ExecutorInfo,
    framework: &FrameworkInfo,
    agent: &AgentInfo,
    container_id: &str,
) -> Event {
    Event {
        subscribed: Some(event::Subscribed {
            executor_info: executor.clone(),
            framework_info: framework.clone(),
            agent_info: agent.clone(),
            container_id: Some(ContainerId { value: container_id.to_owned(), parent: None }),
        }),
        ..bare(event::Type::Subscribed)
    }
}

/// A task to run.
pub(super) fn launch(task: TaskInfo) -> Event {
    Event { launch: Some(event::Launch { task }), ..bare(event::Type::Launch) }
}

/// Tasks to run together.
pub(super) fn launch_group(tasks: Vec<TaskInfo>) -> Event {
    let task_group = TaskGroupInfo { tasks };
    Event {
        launch_group: Some(event::LaunchGroup { task_group }),
        ..bare(event::Type::LaunchGroup)
    }
}

/// A task to end.
pub(super) fn kill(task_id: TaskId, kill_policy: Option<KillPolicy>) -> Event {
    Event { kill: Some(event::Kill { task_id, kill_policy }), ..bare(event::Type::Kill) }
}

/// An update that the agent has taken charge of.
pub(super) fn acknowledged(task_id: TaskId, uuid: Vec<u8>) -> Event {
    Event {
        acknowledged: Some(event::Acknowledged { task_id, uuid }),
        ..bare(event::Type::Acknowledged)
    }
}

/// Bytes from the scheduler.
pub(super) fn message(data: Vec<u8>) -> Event {
    Event { message: Some(event::Message { data }), ..bare(event::Type::Message) }
}

/// The demand to end.
pub(super) fn shutdown() -> Event {
    bare(event::Type::Shutdown)
}

/// A sign of life.
pub(super) fn heartbeat() -> Event {
    bare(event::Type::Heartbeat)
}

fn bare(kind: event::Type) -> Event {
    Event { r#type: Some(kind.into()), ..Event::default() }
}
