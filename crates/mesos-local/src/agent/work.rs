//! What the master hands over at once.

use mesos::v1::TaskInfo;

/// Tasks that are launched by one message.
#[derive(Debug)]
pub(super) enum Work {
    /// One by itself.
    Task(Box<TaskInfo>),
    /// Several of one executor, which come to it together.
    Group(Vec<TaskInfo>),
}

impl Work {
    pub(super) fn first(&self) -> Option<&TaskInfo> {
        match self {
            Self::Task(task) => Some(task),
            Self::Group(tasks) => tasks.first(),
        }
    }

    pub(super) fn into_tasks(self) -> Vec<TaskInfo> {
        match self {
            Self::Task(task) => vec![*task],
            Self::Group(tasks) => tasks,
        }
    }
}
