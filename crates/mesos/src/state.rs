//! What the states of a task mean.

use crate::v1::TaskState;

/// Questions one asks of a task's state.
///
/// Source: MESOS "Task State Reasons" and `TaskState` in mesos.proto.
pub trait TaskStateExt: Copy {
    /// Whether the task has ended for Mesos: no other state follows, except that a
    /// task reported lost or gone may come back when its agent does.
    fn is_terminal(self) -> bool;

    /// Whether the machinery failed rather than the task: a lost or drained agent, an
    /// offer that raced, a launch that reached no executor. Running it again may help.
    fn is_infrastructure_failure(self) -> bool;

    /// The name on the wire, for example `TASK_RUNNING`.
    fn name(self) -> &'static str;
}

impl TaskStateExt for TaskState {
    fn is_terminal(self) -> bool {
        match self {
            Self::TaskFinished
            | Self::TaskFailed
            | Self::TaskKilled
            | Self::TaskError
            | Self::TaskLost
            | Self::TaskDropped
            | Self::TaskGone
            | Self::TaskGoneByOperator => true,
            Self::TaskStaging
            | Self::TaskStarting
            | Self::TaskRunning
            | Self::TaskKilling
            | Self::TaskUnreachable
            | Self::TaskUnknown => false,
        }
    }

    fn is_infrastructure_failure(self) -> bool {
        match self {
            Self::TaskLost
            | Self::TaskDropped
            | Self::TaskGone
            | Self::TaskGoneByOperator
            | Self::TaskUnreachable
            | Self::TaskUnknown => true,
            Self::TaskStaging
            | Self::TaskStarting
            | Self::TaskRunning
            | Self::TaskKilling
            | Self::TaskFinished
            | Self::TaskFailed
            | Self::TaskKilled
            | Self::TaskError => false,
        }
    }

    fn name(self) -> &'static str {
        self.as_str_name()
    }
}
