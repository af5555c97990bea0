//! What follows: records, sealed calls, notices, and when to ask again.

use std::fmt;
use std::time::Duration;

use mesos::ack::AckToken;
use mesos::resources::{Resources, Scalar};
use mesos::v1::{AgentId, ExecutorId, OfferId, TaskId, TaskState};
use protocol::Class;

use crate::{Attempt, MaxFailures, Obstacle, Receipt, Record, Store, Time};

/// What follows from one input.
///
/// Calls and notices are sealed until the records are durable, so that an update
/// is acknowledged, or a task launched, only when a crash cannot make us forget it.
#[derive(Debug, Default)]
#[must_use = "calls that are not released are never made"]
pub struct Effects {
    /// When to give [`Input::Tick`](crate::Input::Tick) at the latest, unless another
    /// input comes before; `None` if time alone changes nothing.
    pub wake_at: Option<Time>,
    pub(crate) records: Vec<Record>,
    pub(crate) calls: Vec<Call>,
    pub(crate) notices: Vec<Notice>,
}

impl Effects {
    /// What has to be durable before the calls may be made, oldest first.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Adds what followed from a later input, so that both are written at once.
    pub fn join(&mut self, later: Self) {
        self.wake_at = later.wake_at;
        self.records.extend(later.records);
        self.calls.extend(later.calls);
        self.notices.extend(later.notices);
    }

    /// Writes the records, then opens the seal.
    ///
    /// # Errors
    ///
    /// When the store fails. The calls are lost then and the engine is ahead of its
    /// records: make a new one from the records that are durable. Nothing else is
    /// lost, as Mesos repeats what was not acknowledged.
    pub fn commit<S: Store + ?Sized>(self, store: &mut S) -> Result<Released, S::Error> {
        let receipt = Receipt::of(store, &self.records)?;
        Ok(self.release(receipt))
    }

    /// Opens the seal; [`Effects::commit`] is the only way to a receipt.
    fn release(self, _receipt: Receipt) -> Released {
        Released { calls: self.calls, notices: self.notices }
    }
}

/// What may be done now that the records are durable.
#[derive(Debug, Default, PartialEq)]
pub struct Released {
    /// To be sent in this order.
    pub calls: Vec<Call>,
    /// To be shown in this order.
    pub notices: Vec<Notice>,
}

/// A call to the master.
#[derive(Debug, PartialEq)]
pub enum Call {
    /// Launch tasks on an offer. If it cannot be delivered, give
    /// [`Input::LaunchFailed`](crate::Input::LaunchFailed) with its tasks.
    Accept {
        /// The offers, all of one agent.
        offer_ids: Vec<OfferId>,
        /// That agent.
        agent_id: AgentId,
        /// The tasks, at least one.
        launches: Vec<Launch>,
        /// How long not to be offered the rest.
        refuse: Duration,
    },
    /// Give offers back.
    Decline {
        /// The offers.
        offer_ids: Vec<OfferId>,
        /// How long not to be offered them again.
        refuse: Duration,
    },
    /// Agree to give agents back before maintenance.
    AcceptInverse {
        /// The inverse offers.
        offer_ids: Vec<OfferId>,
        /// How long not to be asked the same again.
        refuse: Duration,
    },
    /// Ask for no more offers.
    Suppress,
    /// Ask for offers again, and for those that were refused.
    Revive,
    /// Acknowledge an update.
    Acknowledge(AckToken),
    /// Ask what became of these tasks; never empty.
    Reconcile(Vec<(TaskId, Option<AgentId>)>),
    /// End a task.
    Kill {
        /// The task.
        task_id: TaskId,
        /// Where it runs, if known.
        agent_id: Option<AgentId>,
    },
}

/// One task to launch.
#[derive(Debug, Clone, PartialEq)]
pub struct Launch {
    /// Its id.
    pub task_id: TaskId,
    /// The same, taken apart.
    pub attempt: Attempt,
    /// Where.
    pub agent_id: AgentId,
    /// What it takes from the offer, with the offer's roles and reservations.
    pub resources: Resources,
    /// The images it has to process, by index.
    pub images: Vec<u64>,
    /// The executor: one an agent and role.
    pub executor_id: ExecutorId,
    /// Whether the agent has no executor of ours yet, as far as we know.
    pub executor_is_new: bool,
    /// For `ExecutorInfo.resources`: the same for every task while an executor runs, as
    /// Mesos wants. If the executor is new they are part of what is taken.
    pub executor_resources: Resources,
}

/// Why an offer was given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeclineReason {
    /// There is nothing to launch at the moment.
    NothingToLaunch,
    /// There is something to launch, but it needs more.
    TooSmall,
    /// Nothing is launched any more.
    Draining,
    /// Its agent does not suit a constraint.
    Constraint,
    /// Several tasks in a row were lost on its agent.
    Avoided {
        /// When the agent gets another chance, from now.
        again_in: Duration,
    },
    /// Its agent may be taken away for maintenance before a task could end.
    Maintenance,
    /// All that is left to launch are second runs of tasks that are slow on this very agent.
    OnlyStragglers,
}

impl fmt::Display for DeclineReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingToLaunch => f.write_str("nothing to launch"),
            Self::TooSmall => f.write_str("too small for a task"),
            Self::Draining => f.write_str("no new tasks"),
            Self::Constraint => f.write_str("its agent does not suit a constraint"),
            Self::Avoided { again_in } => {
                write!(f, "tasks were lost on its agent; avoided for {} s", again_in.as_secs())
            }
            Self::Maintenance => f.write_str("its agent is about to be in maintenance"),
            Self::OnlyStragglers => f.write_str("what is left to launch is slow on its agent"),
        }
    }
}

/// What people may want to see. Nothing depends on it.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// The master knows the framework.
    Subscribed {
        /// By this id.
        framework_id: String,
    },
    /// An offer came.
    Offer {
        /// Its id.
        offer_id: OfferId,
        /// Whose resources they are.
        agent_id: AgentId,
        /// The name of that machine.
        hostname: String,
        /// Processors, in cores.
        cpus: Scalar,
        /// Memory, in MiB.
        mem_mib: Scalar,
    },
    /// An offer was given back.
    Declined {
        /// The offer.
        offer_id: OfferId,
        /// Why.
        reason: DeclineReason,
    },
    /// A task was put together.
    Prepared {
        /// The task.
        task_id: TaskId,
        /// The images in it, by index.
        images: Vec<u64>,
        /// The offer it goes to.
        offer_id: OfferId,
    },
    /// A task takes far longer than others; a second one with the same images races against it.
    SecondRun {
        /// The slow one.
        straggler: TaskId,
        /// The second one.
        task_id: TaskId,
    },
    /// An offer is being used.
    Launching {
        /// How many tasks.
        tasks: usize,
        /// The offer.
        offer_id: OfferId,
    },
    /// An update came.
    TaskState {
        /// The task.
        task_id: TaskId,
        /// Its state.
        state: TaskState,
        /// What Mesos or the executor says of it; often empty.
        message: String,
        /// Whether it is of a task that counts; others are of earlier attempts, or
        /// came before.
        current: bool,
    },
    /// An image is done.
    ImageDone {
        /// Its index.
        index: u64,
        /// The name of the result.
        output: Box<str>,
    },
    /// An image has failed for good.
    ImageFailed {
        /// Its index.
        index: u64,
        /// In a word.
        class: Class,
        /// In a sentence.
        message: String,
    },
    /// An image failed in a way that may go better next time.
    ImageRetry {
        /// Its index.
        index: u64,
        /// In a word.
        class: Class,
        /// In a sentence.
        message: String,
        /// When it is tried again, from now.
        after: Duration,
    },
    /// The machinery failed; the batch is launched again.
    TaskRetry {
        /// The task that ended.
        task_id: TaskId,
        /// In a sentence.
        message: String,
        /// When it is launched again, from now.
        after: Duration,
    },
    /// Tasks were lost on an agent several times in a row; it gets no new ones for a while, unless
    /// there is no better agent.
    AgentAvoided {
        /// The agent.
        agent_id: AgentId,
        /// For how long.
        time: Duration,
    },
    /// An agent will be taken away for maintenance.
    Maintenance {
        /// The agent.
        agent_id: AgentId,
        /// When, from now.
        starts_in: Duration,
        /// How many tasks are out there. What has not ended then is launched elsewhere.
        tasks: usize,
    },
    /// There is work, but for some time nothing could be launched. Said from time to time.
    NoProgress {
        /// Why.
        obstacle: Obstacle,
        /// For how long.
        time: Duration,
    },
    /// Too many images have failed: what runs is killed, and nothing is launched any more.
    Aborted {
        /// How many have failed.
        failed: u64,
        /// How many may.
        max_failures: MaxFailures,
    },
    /// Every image of the whole list has an outcome. Said once.
    JobDone,
}
