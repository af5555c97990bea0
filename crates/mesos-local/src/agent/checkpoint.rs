//! What of an agent outlives its process: frameworks that checkpoint, with their executors,
//! tasks and unacknowledged updates.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use mesos::v1::{FrameworkInfo, Resource, TaskId, TaskInfo, TaskState};
use prost::Message;

use super::delivered::{Delivered, Ended, KeptTask};
use super::encoded::Encoded;
use super::state::{Executor, Framework, Kind, Phase};
use super::updates::Kept;

/// The state of one agent, as it is written to disk.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Checkpoint {
    #[prost(message, repeated, tag = "1")]
    pub(super) frameworks: Vec<KeptFramework>,
    /// What the agent has, reservations and volumes included.
    #[prost(message, repeated, tag = "2")]
    pub(super) resources: Vec<Resource>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct KeptFramework {
    /// An encoded `FrameworkInfo`.
    #[prost(bytes = "bytes", tag = "1")]
    info: Bytes,
    #[prost(message, repeated, tag = "2")]
    executors: Vec<KeptExecutor>,
    #[prost(message, repeated, tag = "3")]
    updates: Vec<KeptUpdates>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct KeptExecutor {
    /// An encoded `ExecutorInfo`.
    #[prost(bytes = "bytes", tag = "1")]
    info: Bytes,
    #[prost(string, tag = "2")]
    container_id: String,
    #[prost(bool, tag = "3")]
    is_custom: bool,
    #[prost(bool, tag = "4")]
    is_killed: bool,
    #[prost(bool, tag = "5")]
    is_terminated: bool,
    #[prost(uint64, tag = "6")]
    grace_milliseconds: u64,
    /// The process, or 0 while it is not known.
    #[prost(int32, tag = "7")]
    process: i32,
    #[prost(message, repeated, tag = "8")]
    queued: Vec<TaskInfo>,
    #[prost(message, repeated, tag = "9")]
    live: Vec<KeptTask>,
    /// Each as an encoded [`KeptTask`].
    #[prost(bytes = "bytes", repeated, tag = "10")]
    done: Vec<Bytes>,
    #[prost(message, repeated, tag = "11")]
    groups: Vec<KeptGroup>,
}

/// Tasks that are to come to their executor together.
#[derive(Clone, PartialEq, Message)]
pub(super) struct KeptGroup {
    #[prost(message, repeated, tag = "1")]
    tasks: Vec<TaskId>,
}

/// The updates of one task, oldest first.
#[derive(Clone, PartialEq, Message)]
pub(super) struct KeptUpdates {
    #[prost(string, tag = "1")]
    task_id: String,
    /// Each as an encoded `TaskStatus`.
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pending: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "3")]
    seen: Vec<Bytes>,
    #[prost(enumeration = "TaskState", tag = "4")]
    latest_state: i32,
}

/// A container of which the next process is to take charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Survivor {
    pub(crate) container_id: String,
    pub(crate) process: i32,
}

impl Checkpoint {
    /// The containers whose processes may still run.
    pub(crate) fn survivors(&self) -> Vec<Survivor> {
        let executors = self.frameworks.iter().flat_map(|framework| &framework.executors);
        executors
            .filter(|executor| !executor.is_terminated)
            .map(|executor| Survivor {
                container_id: executor.container_id.clone(),
                process: executor.process,
            })
            .collect()
    }
}

impl KeptFramework {
    pub(super) fn of(framework: &Framework, updates: Vec<Kept>) -> Self {
        let keep = |(task_id, pending, seen, latest_state): Kept| KeptUpdates {
            task_id,
            pending,
            seen,
            latest_state: latest_state.into(),
        };
        Self {
            info: framework.info.bytes(),
            executors: framework.executors.values().map(KeptExecutor::of).collect(),
            updates: updates.into_iter().map(keep).collect(),
        }
    }

    /// The framework and its updates; its executors have until `until` to return.
    /// Nothing where it cannot be read.
    pub(super) fn restore(self, until: Duration) -> Option<(Framework, Vec<Kept>)> {
        let info = Encoded::<FrameworkInfo>::read(self.info)?;
        let mut framework = Framework::new(info.into_inner());
        for executor in self.executors.into_iter().filter_map(|kept| kept.restore(until)) {
            framework.executors.insert(executor.info.executor_id.value.clone(), executor);
        }
        let restore = |kept: KeptUpdates| {
            let latest_state = kept.latest_state();
            (kept.task_id, kept.pending, kept.seen, latest_state)
        };
        Some((framework, self.updates.into_iter().map(restore).collect()))
    }
}

impl KeptExecutor {
    fn of(executor: &Executor) -> Self {
        Self {
            info: executor.info.bytes(),
            container_id: executor.container_id.clone(),
            is_custom: executor.is_custom(),
            is_killed: executor.kind == Kind::Command { is_killed: true },
            is_terminated: !executor.has_process(),
            grace_milliseconds: u64::try_from(executor.grace.as_millis()).unwrap_or(u64::MAX),
            process: executor.process,
            queued: executor.queued.clone(),
            live: executor.live.values().map(Delivered::kept).collect(),
            done: executor.done.values().map(Ended::kept).collect(),
            groups: executor.groups.iter().cloned().map(|tasks| KeptGroup { tasks }).collect(),
        }
    }

    fn restore(self, until: Duration) -> Option<Executor> {
        let kind =
            if self.is_custom { Kind::Custom } else { Kind::Command { is_killed: self.is_killed } };
        let phase = match (self.is_terminated, self.is_custom) {
            (true, _) => Phase::Terminated,
            (false, true) => Phase::Reregistering { until },
            // Nobody returns for a command: the agent speaks for it.
            (false, false) if self.live.is_empty() => Phase::Registering { until: Duration::MAX },
            (false, false) => Phase::Running { heartbeat_at: Duration::MAX },
        };
        let done = self.done.into_iter().filter_map(|kept| KeptTask::decode(kept).ok());
        let done: BTreeMap<_, _> = done.map(KeptTask::restore).map(ended).collect();
        let completed = done.iter().filter(|(_, ended)| ended.task.is_none());
        let completed = completed.map(|(id, _)| id.clone()).collect();
        let live = self.live.into_iter().map(KeptTask::restore);
        Some(Executor {
            info: Encoded::read(self.info)?,
            kind,
            container_id: self.container_id,
            process: self.process,
            phase,
            stream: None,
            queued: self.queued,
            groups: self.groups.into_iter().map(|group| group.tasks).collect(),
            live: live.filter_map(|(id, task)| Some((id, task?))).collect(),
            done,
            completed,
            grace: Duration::from_millis(self.grace_milliseconds),
        })
    }
}

fn ended((id, task): (String, Option<Delivered>)) -> (String, Ended) {
    let ended = task.map_or_else(|| Ended::named(&id), Ended::from);
    (id, ended)
}
