//! What the master knows of one framework.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use mesos::v1::framework_info::capability;
use mesos::v1::{FrameworkId, FrameworkInfo, OfferId, OperationStatus, TaskId, TaskState};

use super::StreamId;
use super::task::Task;
use crate::allocator::Wishes;

/// How many ended tasks of a framework are remembered.
const MAX_COMPLETED_TASKS: usize = 1000;

#[derive(Debug)]
pub(super) struct Framework {
    pub(super) id: FrameworkId,
    pub(super) info: FrameworkInfo,
    pub(super) roles: BTreeSet<String>,
    pub(super) capabilities: Capabilities,
    /// Where its events go; nothing while it is disconnected.
    pub(super) stream: Option<StreamId>,
    /// Known from agents only: it had subscribed with an earlier master.
    pub(super) is_recovered: bool,
    /// How many times it has subscribed.
    pub(super) subscription: u64,
    pub(super) tasks: HashMap<TaskId, Task>,
    /// Tasks of agents that went away.
    pub(super) unreachable_tasks: HashMap<TaskId, Task>,
    pub(super) completed_tasks: VecDeque<Task>,
    /// The ends of operations that it has not acknowledged.
    pub(super) operations: BTreeMap<String, OperationStatus>,
    pub(super) offers: HashSet<OfferId>,
    pub(super) registered_unix_seconds: f64,
    pub(super) reregistered_unix_seconds: Option<f64>,
    pub(super) unregistered_unix_seconds: f64,
}

/// The capabilities that change what the master does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Capabilities {
    pub(super) partition_aware: bool,
    pub(super) multi_role: bool,
    pub(super) reservation_refinement: bool,
    pub(super) gpu_resources: bool,
}

impl Capabilities {
    pub(super) fn of(info: &FrameworkInfo) -> Self {
        let has = |wanted: capability::Type| {
            info.capabilities.iter().any(|capability| capability.r#type() == wanted)
        };
        Self {
            partition_aware: has(capability::Type::PartitionAware),
            multi_role: has(capability::Type::MultiRole),
            reservation_refinement: has(capability::Type::ReservationRefinement),
            gpu_resources: has(capability::Type::GpuResources),
        }
    }

    /// The state to tell the framework: those it cannot know become TASK_LOST.
    pub(super) fn known_state(self, state: TaskState) -> TaskState {
        match state {
            TaskState::TaskDropped
            | TaskState::TaskUnreachable
            | TaskState::TaskGone
            | TaskState::TaskGoneByOperator
            | TaskState::TaskUnknown
                if !self.partition_aware =>
            {
                TaskState::TaskLost
            }
            TaskState::TaskDropped
            | TaskState::TaskUnreachable
            | TaskState::TaskGone
            | TaskState::TaskGoneByOperator
            | TaskState::TaskUnknown
            | TaskState::TaskStaging
            | TaskState::TaskStarting
            | TaskState::TaskRunning
            | TaskState::TaskKilling
            | TaskState::TaskFinished
            | TaskState::TaskFailed
            | TaskState::TaskKilled
            | TaskState::TaskError
            | TaskState::TaskLost => state,
        }
    }
}

impl Framework {
    pub(super) fn new(
        id: FrameworkId,
        info: FrameworkInfo,
        roles: BTreeSet<String>,
        unix_seconds: f64,
    ) -> Self {
        Self {
            capabilities: Capabilities::of(&info),
            id,
            info,
            roles,
            stream: None,
            is_recovered: false,
            subscription: 0,
            tasks: HashMap::new(),
            unreachable_tasks: HashMap::new(),
            completed_tasks: VecDeque::new(),
            operations: BTreeMap::new(),
            offers: HashSet::new(),
            registered_unix_seconds: unix_seconds,
            reregistered_unix_seconds: None,
            unregistered_unix_seconds: 0.0,
        }
    }

    /// What it says of the offers it wants.
    pub(super) fn wishes(&self) -> Wishes<'_> {
        let takes_gpus = self.capabilities.gpu_resources;
        Wishes { takes_gpus, filters: &self.info.offer_filters }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.stream.is_some()
    }

    /// Takes over what may change; the user and the checkpoint flag stay as they were.
    pub(super) fn update(&mut self, info: FrameworkInfo, roles: BTreeSet<String>) {
        self.capabilities = Capabilities::of(&info);
        self.roles = roles;
        self.info = FrameworkInfo {
            id: Some(self.id.clone()),
            user: self.info.user.clone(),
            checkpoint: self.info.checkpoint,
            ..info
        };
    }

    pub(super) fn remember_completed(&mut self, task: Task) {
        if self.completed_tasks.len() >= MAX_COMPLETED_TASKS {
            self.completed_tasks.pop_front();
        }
        self.completed_tasks.push_back(task);
    }
}
