//! What an agent knows about a framework and its executors.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use mesos::v1::framework_info::capability;
use mesos::v1::task_status::Reason;
use mesos::v1::{ExecutorInfo, FrameworkInfo, TaskId, TaskInfo, TaskState};

use super::delivered::{Delivered, Ended};
use super::encoded::Encoded;
use super::work::Work;

/// Of how many ended tasks an executor's agent remembers the ids after their end was acknowledged:
/// as many as the real one (`MAX_COMPLETED_TASKS_PER_EXECUTOR` in `slave/constants.hpp`).
pub(super) const MAX_COMPLETED_TASKS: usize = 200;

/// Names one HTTP request, and the event stream that answers it.
pub(crate) type RequestId = u64;

/// A framework with something on this agent.
#[derive(Debug)]
pub(super) struct Framework {
    pub(super) info: Encoded<FrameworkInfo>,
    pub(super) executors: BTreeMap<String, Executor>,
    /// Its executors are being ended and its updates go nowhere.
    pub(super) is_terminating: bool,
}

impl Framework {
    pub(super) fn new(info: FrameworkInfo) -> Self {
        Self { info: info.into(), executors: BTreeMap::new(), is_terminating: false }
    }

    /// The executor that has, or had, the task.
    pub(super) fn executor_of(&mut self, task: &TaskId) -> Option<&mut Executor> {
        self.executors.values_mut().find(|executor| executor.knows(task))
    }
}

/// Whether a framework has a capability.
pub(super) fn can(framework: &FrameworkInfo, capability: capability::Type) -> bool {
    framework.capabilities.iter().any(|one| one.r#type() == capability)
}

/// The state of a task whose launch reached no executor.
pub(super) fn dropped_state(framework: &FrameworkInfo) -> TaskState {
    if can(framework, capability::Type::PartitionAware) {
        TaskState::TaskDropped
    } else {
        TaskState::TaskLost
    }
}

/// The state of the tasks of an executor that did not come back.
pub(super) fn gone_state(framework: &FrameworkInfo) -> TaskState {
    if can(framework, capability::Type::PartitionAware) {
        TaskState::TaskGone
    } else {
        TaskState::TaskLost
    }
}

/// Who speaks for the process in the container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The process itself, over HTTP.
    Custom,
    /// The agent: the process is the command of a task without an executor.
    Command {
        /// The scheduler asked for the task's end.
        is_killed: bool,
    },
}

/// How far an executor has come.
#[derive(Debug)]
pub(super) enum Phase {
    /// Its container is being made, or its process has not subscribed.
    Registering { until: Duration },
    /// Its agent was restarted, and it has not subscribed since.
    Reregistering { until: Duration },
    /// It takes tasks.
    Running { heartbeat_at: Duration },
    /// It was told to end.
    Terminating {
        /// When it is killed; `Duration::MAX` once it was.
        kill_at: Duration,
        /// Why its tasks fail, when that is not simply its end.
        blame: Option<Blame>,
    },
    /// Its process has ended, but the scheduler has not acknowledged all its updates.
    Terminated,
}

/// Why tasks fail with their executor.
#[derive(Debug, Clone)]
pub(super) struct Blame {
    pub(super) reason: Reason,
    pub(super) message: String,
}

/// One executor, or the built-in one of a task with a command.
#[derive(Debug)]
pub(super) struct Executor {
    pub(super) info: Encoded<ExecutorInfo>,
    pub(super) kind: Kind,
    pub(super) container_id: String,
    /// The leader of its process group, or 0 while that is not known.
    pub(super) process: i32,
    pub(super) phase: Phase,
    /// Its newest event stream; it may be broken, and then events are lost.
    pub(super) stream: Option<RequestId>,
    /// Tasks that were not given to it yet.
    pub(super) queued: Vec<TaskInfo>,
    /// Which of them are to come to it together.
    pub(super) groups: Vec<Vec<TaskId>>,
    /// Tasks that were, and have not ended.
    pub(super) live: BTreeMap<String, Delivered>,
    /// Tasks that have ended, described as long as their end is not acknowledged.
    pub(super) done: BTreeMap<String, Ended>,
    /// Those of them whose end is acknowledged, in that order.
    pub(super) completed: VecDeque<String>,
    pub(super) grace: Duration,
}

impl Executor {
    pub(super) fn knows(&self, task: &TaskId) -> bool {
        self.live.contains_key(&task.value)
            || self.done.contains_key(&task.value)
            || self.is_queued(task)
    }

    pub(super) fn is_queued(&self, task: &TaskId) -> bool {
        self.queued.iter().any(|queued| queued.task_id == *task)
    }

    pub(super) fn is_custom(&self) -> bool {
        self.kind == Kind::Custom
    }

    /// Keeps tasks until the executor subscribes.
    pub(super) fn enqueue(&mut self, work: Work) {
        match work {
            Work::Task(task) => self.queued.push(*task),
            Work::Group(tasks) => {
                self.groups.push(tasks.iter().map(|task| task.task_id.clone()).collect());
                self.queued.extend(tasks);
            }
        }
    }

    /// Empties the queue: single tasks first, then groups.
    pub(super) fn dequeue(&mut self) -> Vec<Work> {
        let groups = std::mem::take(&mut self.groups);
        let mut grouped: Vec<Vec<TaskInfo>> = groups.iter().map(|_| Vec::new()).collect();
        let mut work = Vec::new();
        for task in std::mem::take(&mut self.queued) {
            let place = groups.iter().position(|ids| ids.contains(&task.task_id));
            match place.and_then(|place| grouped.get_mut(place)) {
                Some(group) => group.push(task),
                None => work.push(Work::Task(Box::new(task))),
            }
        }
        work.extend(grouped.into_iter().filter(|group| !group.is_empty()).map(Work::Group));
        work
    }

    /// The queued tasks that live and die with this one, itself included.
    pub(super) fn launched_with(&self, task: &TaskId) -> Vec<TaskId> {
        let group = self.groups.iter().find(|group| group.contains(task));
        group.cloned().unwrap_or_else(|| vec![task.clone()])
    }

    /// Takes a task out of the queue as ended; says whether it was there.
    pub(super) fn unqueue(&mut self, task: &TaskId) -> bool {
        let place = self.queued.iter().position(|queued| queued.task_id == *task);
        let was_there = place.map(|place| self.queued.remove(place));
        let is_there = was_there.is_some();
        if let Some(info) = was_there {
            self.remember(Delivered::new(info, TaskState::TaskStaging));
        }
        is_there
    }

    /// Notes that a task that the executor had has ended.
    pub(super) fn finish(&mut self, task: &str) {
        match self.live.remove(task) {
            Some(task) => self.remember(task),
            None => {
                self.done.entry(task.to_owned()).or_insert_with(|| Ended::named(task));
            }
        }
    }

    /// Keeps of an ended task what it takes to tell a new master about it.
    fn remember(&mut self, task: Delivered) {
        self.done.insert(task.info.task_id.value.clone(), task.into());
    }

    /// Notes that the scheduler has acknowledged a task's end, and forgets those long over.
    pub(super) fn complete(&mut self, task: &str) {
        let Some(ended @ Ended { task: Some(_), .. }) = self.done.get_mut(task) else { return };
        *ended = Ended::named(task);
        self.completed.push_back(task.to_owned());
        while self.completed.len() > MAX_COMPLETED_TASKS {
            let oldest = self.completed.pop_front();
            oldest.and_then(|oldest| self.done.remove(&oldest));
        }
    }

    /// Notes that the task is in the executor's hands.
    pub(super) fn deliver(&mut self, info: TaskInfo) {
        let task = Delivered::new(info, TaskState::TaskStaging);
        self.live.insert(task.info.task_id.value.clone(), task);
    }

    /// Ends all tasks here; gives their ids.
    pub(super) fn end_tasks(&mut self) -> Vec<TaskId> {
        let queued = std::mem::take(&mut self.queued).into_iter();
        let queued = queued.map(|info| Delivered::new(info, TaskState::TaskStaging));
        let live = std::mem::take(&mut self.live).into_values();
        let ended: Vec<Delivered> = live.chain(queued).collect();
        let ids = ended.iter().map(|task| task.info.task_id.clone()).collect();
        for task in ended {
            self.remember(task);
        }
        ids
    }

    /// Whether everything it was started for was killed before it could begin.
    pub(super) fn has_nothing_to_begin_with(&self) -> bool {
        self.queued.is_empty()
            && self.live.is_empty()
            && matches!(self.phase, Phase::Registering { .. })
    }

    pub(super) fn has_process(&self) -> bool {
        !matches!(self.phase, Phase::Terminated)
    }

    /// When something is to be done about it.
    pub(super) fn deadline(&self) -> Option<Duration> {
        match self.phase {
            Phase::Registering { until } | Phase::Reregistering { until } => Some(until),
            Phase::Running { heartbeat_at } if self.stream.is_some() => Some(heartbeat_at),
            Phase::Terminating { kill_at, .. } => Some(kill_at),
            Phase::Running { .. } | Phase::Terminated => None,
        }
    }
}
