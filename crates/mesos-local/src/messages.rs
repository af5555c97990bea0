//! What master and agents say to each other inside the process.
//!
//! The real ones speak libprocess messages; these carry the same facts.

use mesos::v1::{
    AgentInfo, ExecutorId, ExecutorInfo, FrameworkId, FrameworkInfo, KillPolicy, Resource, TaskId,
    TaskInfo, TaskState, TaskStatus,
};

/// From the master to one agent.
#[derive(Debug, Clone)]
pub(crate) enum ToAgent {
    /// Launch a task, on its executor or (with a command only) on a built-in one.
    Run {
        /// The framework with its id set.
        framework: Box<FrameworkInfo>,
        /// The task, valid, with the framework id in its executor.
        task: Box<TaskInfo>,
    },
    /// Launch tasks together on the executor that each of them names.
    RunGroup {
        /// The framework with its id set.
        framework: Box<FrameworkInfo>,
        /// The tasks, valid, at least one.
        tasks: Vec<TaskInfo>,
    },
    /// Kill a task.
    Kill {
        /// Whose task.
        framework_id: FrameworkId,
        /// Which task.
        task_id: TaskId,
        /// How, if the scheduler said.
        policy: Option<KillPolicy>,
    },
    /// The scheduler acknowledged an update.
    Acknowledge {
        /// Whose task.
        framework_id: FrameworkId,
        /// Which task.
        task_id: TaskId,
        /// Which update.
        uuid: Vec<u8>,
    },
    /// Ask an executor to end.
    ShutdownExecutor {
        /// Whose executor.
        framework_id: FrameworkId,
        /// Which executor.
        executor_id: ExecutorId,
    },
    /// The framework is gone: end all its executors and forget it.
    ShutdownFramework(FrameworkId),
    /// The framework (re)subscribed: send the oldest unacknowledged update of each task at once.
    FrameworkSubscribed(Box<FrameworkInfo>),
    /// What the agent has from now on, after operations.
    Resources(Vec<Resource>),
    /// There is a new master, or the old one has forgotten the agent: register again.
    Reregister,
    /// The master counts tasks that the agent did not name when it registered again.
    UnknownTasks {
        /// Whose tasks.
        framework: Box<FrameworkInfo>,
        /// Which tasks, each with its executor unless that is the built-in one.
        tasks: Vec<(TaskId, Option<ExecutorId>)>,
    },
    /// Bytes from the scheduler for an executor.
    Message {
        /// Whose executor.
        framework_id: FrameworkId,
        /// Which executor.
        executor_id: ExecutorId,
        /// The bytes.
        data: Vec<u8>,
    },
}

/// What an agent runs when it registers with a master again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Returning {
    /// The agent, with its id and resources set.
    pub(crate) info: AgentInfo,
    /// The frameworks of the tasks and executors, with their ids set.
    pub(crate) frameworks: Vec<FrameworkInfo>,
    /// Executors other than built-in ones, with their framework ids set.
    pub(crate) executors: Vec<ExecutorInfo>,
    /// Tasks that run, and those whose end was not acknowledged.
    pub(crate) tasks: Vec<ReturningTask>,
}

/// A task on an agent that registers again.
#[derive(Debug, Clone)]
pub(crate) struct ReturningTask {
    /// Whose task.
    pub(crate) framework_id: FrameworkId,
    /// The task, without its data.
    pub(crate) info: TaskInfo,
    /// Its newest state at the agent.
    pub(crate) latest_state: TaskState,
    /// The update under way, which was sent at least once; nothing when none is.
    pub(crate) sent: Option<TaskStatus>,
}

/// From one agent to the master.
#[derive(Debug, Clone)]
pub(crate) enum FromAgent {
    /// The agent is there, with its id and resources set.
    Registered(Box<AgentInfo>),
    /// The agent is back, or still there, with what it runs.
    Reregistered(Box<Returning>),
    /// A status update, to be forwarded; retried by the agent until acknowledged.
    Update {
        /// Whose task.
        framework_id: FrameworkId,
        /// The update, with uuid, agent id, source and timestamp set.
        status: Box<TaskStatus>,
        /// The task's newest state at the agent, which may be ahead of `status`.
        latest_state: TaskState,
    },
    /// An executor's process came up: it holds its resources from now on.
    ExecutorStarted {
        /// Whose executor.
        framework_id: FrameworkId,
        /// The executor.
        executor: Box<ExecutorInfo>,
    },
    /// An executor's process ended.
    ExecutorExited {
        /// Whose executor.
        framework_id: FrameworkId,
        /// Which executor.
        executor_id: ExecutorId,
        /// The raw wait status, -1 if unknown.
        status: i32,
    },
    /// Bytes from an executor for its scheduler.
    Message {
        /// Whose executor.
        framework_id: FrameworkId,
        /// Which executor.
        executor_id: ExecutorId,
        /// The bytes.
        data: Vec<u8>,
    },
}
