//! What can happen.

use mesos::ack::AckToken;
use mesos::v1::{
    AgentId, ExecutorId, FrameworkId, InverseOffer, Offer, OfferId, TaskId, TaskStatus,
};
use protocol::Class;

/// Something that happened.
///
/// Events of Mesos are given in the order in which they came.
#[derive(Debug)]
pub enum Input {
    /// Images of the list. They may come in several portions, before or after
    /// everything else; an index that is known already is ignored.
    Submit(Vec<Entry>),
    /// The list has no more entries.
    ListEnded,
    /// The master took the subscription. Earlier offers are void; every task that is
    /// out is reconciled.
    Subscribed {
        /// What to subscribe with from now on.
        framework_id: FrameworkId,
        /// Whether it is the first subscription since the program started.
        first: bool,
    },
    /// The connection is gone. Nothing is lost: calls stop until [`Input::Subscribed`].
    Disconnected,
    /// The master offers resources.
    Offers(Vec<Offer>),
    /// An offer is void. As no offer is kept, nothing follows.
    Rescinded(OfferId),
    /// An operator asks for the resources of agents back, before maintenance.
    InverseOffers(Vec<InverseOffer>),
    /// The operator has thought better of it.
    InverseOfferRescinded(OfferId),
    /// What became of a task.
    Update {
        /// The update itself.
        status: Box<TaskStatus>,
        /// The duty to acknowledge it, if there is one.
        ack: Option<AckToken>,
    },
    /// An agent is gone; its tasks are asked about.
    AgentLost(AgentId),
    /// An executor ended; its tasks are asked about.
    ExecutorLost {
        /// Where it ran.
        agent_id: AgentId,
        /// Which one.
        executor_id: ExecutorId,
    },
    /// An ACCEPT could not be delivered: its tasks are launched again under new ids,
    /// at no cost to their budgets. To be given after the other calls that were released
    /// with it have been sent.
    LaunchFailed {
        /// The tasks of the call.
        tasks: Vec<TaskId>,
    },
    /// Time passed: to be given at or soon after [`wake_at`](crate::Effects::wake_at).
    Tick,
    /// Launch nothing new, finish what runs; it cannot be taken back.
    Drain,
}

/// One line of the list. The engine keeps its index and no text: what a task needs of it, and
/// what is to be said of it later, is kept by who reads the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The image's number, from 1, in the order of the list.
    pub index: u64,
    /// The line it stands on, from 1.
    pub line: u64,
    /// Where it is; for a line that is no URL, the line.
    pub url: String,
    /// The name of the result without extension, as
    /// [`protocol::names::output_stem`] makes it.
    pub name: String,
    /// What is to be done with it.
    pub given: Given,
}

/// What the list says of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// Process it.
    Process,
    /// The same URL stands earlier: it ends as that one does, without being processed.
    /// If there is no such earlier image, it is processed itself.
    Duplicate {
        /// The index of the first one, which is to be processed itself.
        of: u64,
    },
    /// It cannot be processed: it has failed already.
    Rejected {
        /// In a word.
        class: Class,
        /// In a sentence.
        message: String,
    },
}
