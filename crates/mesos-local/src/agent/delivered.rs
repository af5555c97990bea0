//! Tasks that an executor got, and how they are written to disk.

use bytes::Bytes;
use mesos::v1::{TaskInfo, TaskState};
use prost::Message;

use super::encoded::Encoded;

/// A task that is, or was, in an executor's hands.
#[derive(Debug)]
pub(super) struct Delivered {
    /// Without its data, which the executor has.
    pub(super) info: Encoded<TaskInfo>,
    pub(super) state: TaskState,
}

/// A task that has ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// As long as its end is not acknowledged.
    pub(super) task: Option<Delivered>,
    kept: Bytes,
}

/// A task as it is written to disk; of an ended one perhaps the id alone.
#[derive(Clone, PartialEq, Message)]
pub(super) struct KeptTask {
    #[prost(string, tag = "1")]
    pub(super) id: String,
    /// An encoded `TaskInfo`, or nothing.
    #[prost(bytes = "bytes", tag = "2")]
    info: Bytes,
    #[prost(enumeration = "TaskState", tag = "3")]
    state: i32,
}

impl Delivered {
    pub(super) fn new(info: TaskInfo, state: TaskState) -> Self {
        Self { info: TaskInfo { data: None, ..info }.into(), state }
    }

    pub(super) fn kept(&self) -> KeptTask {
        let id = self.info.task_id.value.clone();
        KeptTask { id, info: self.info.bytes(), state: self.state.into() }
    }
}

impl Ended {
    /// One of which only the id is known.
    pub(super) fn named(id: &str) -> Self {
        let kept = KeptTask { id: id.to_owned(), ..KeptTask::default() };
        Self { task: None, kept: kept.encode_to_vec().into() }
    }

    /// An encoded [`KeptTask`].
    pub(super) fn kept(&self) -> Bytes {
        self.kept.clone()
    }
}

impl From<Delivered> for Ended {
    fn from(task: Delivered) -> Self {
        Self { kept: task.kept().encode_to_vec().into(), task: Some(task) }
    }
}

impl KeptTask {
    /// Id and task, if more than the id was kept.
    pub(super) fn restore(self) -> (String, Option<Delivered>) {
        let state = self.state();
        let info = Some(self.info).filter(|info| !info.is_empty()).and_then(Encoded::read);
        (self.id, info.map(|info| Delivered { info, state }))
    }
}
