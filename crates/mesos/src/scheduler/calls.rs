//! Calls a scheduler can make.

use std::time::Duration;

use tokio::sync::mpsc;

use crate::ack::AckToken;
use crate::client::calls::Queue;
use crate::client::link::Control;
use crate::client::{CallError, Pending};
use crate::v1::scheduler::{Call, call};
use crate::v1::{AgentId, ExecutorId, Filters, OfferId, TaskId, offer};

/// How a scheduler leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Remove the framework: its tasks are killed and its id can never be used again.
    Teardown,
    /// Go away and leave the tasks running for the framework's failover timeout.
    Failover,
}

/// The handle for calls; clones share one queue.
///
/// Every call is queued at once, in order; the returned [`Pending`] is its answer.
/// "Accepted" means that the master will act on it, not that it has: what comes of
/// a call is told by events.
#[derive(Debug, Clone)]
pub struct Calls {
    pub(super) queue: Queue<Call>,
    pub(super) control: mpsc::UnboundedSender<Control>,
}

impl Calls {
    /// Any call; the framework id is filled in. SUBSCRIBE is the driver's own.
    pub fn send(&self, call: Call) -> Pending {
        self.queue.push(call)
    }

    /// Uses offers of one agent; what the operations leave is refused for `refuse`.
    #[doc(alias = "acceptOffers")]
    #[doc(alias = "launchTasks")]
    pub fn accept(
        &self,
        offer_ids: Vec<OfferId>,
        operations: Vec<offer::Operation>,
        refuse: Duration,
    ) -> Pending {
        let filters = Some(filters(refuse));
        let accept = call::Accept { offer_ids, operations, filters };
        self.send(Call { accept: Some(accept), ..of_type(call::Type::Accept) })
    }

    /// Gives offers back and asks not to see the same resources for `refuse`.
    #[doc(alias = "declineOffer")]
    pub fn decline(&self, offer_ids: Vec<OfferId>, refuse: Duration) -> Pending {
        let decline = call::Decline { offer_ids, filters: Some(filters(refuse)) };
        self.send(Call { decline: Some(decline), ..of_type(call::Type::Decline) })
    }

    /// Ends suppression, drops all filters and makes the master allocate at once.
    #[doc(alias = "reviveOffers")]
    pub fn revive(&self) -> Pending {
        self.send(of_type(call::Type::Revive))
    }

    /// Asks for no more offers until the next revive.
    #[doc(alias = "suppressOffers")]
    pub fn suppress(&self) -> Pending {
        self.send(of_type(call::Type::Suppress))
    }

    /// Acknowledges a status update, so that the task's next one can come.
    #[doc(alias = "acknowledgeStatusUpdate")]
    pub fn acknowledge(&self, token: AckToken) -> Pending {
        let (agent_id, task_id, uuid) = token.into_parts();
        let acknowledge = call::Acknowledge { agent_id, task_id, uuid };
        self.send(Call { acknowledge: Some(acknowledge), ..of_type(call::Type::Acknowledge) })
    }

    /// Asks to kill a task. Not reliable: repeat it until a terminal update comes.
    #[doc(alias = "killTask")]
    pub fn kill(&self, task_id: TaskId, agent_id: Option<AgentId>) -> Pending {
        let kill = call::Kill { task_id, agent_id, kill_policy: None };
        self.send(Call { kill: Some(kill), ..of_type(call::Type::Kill) })
    }

    /// Asks for the state of tasks; an empty list asks for all that the master knows.
    #[doc(alias = "reconcileTasks")]
    pub fn reconcile(&self, tasks: Vec<(TaskId, Option<AgentId>)>) -> Pending {
        let task = |(task_id, agent_id)| call::reconcile::Task { task_id, agent_id };
        let reconcile = call::Reconcile { tasks: tasks.into_iter().map(task).collect() };
        self.send(Call { reconcile: Some(reconcile), ..of_type(call::Type::Reconcile) })
    }

    /// Sends bytes to an executor, at most once.
    #[doc(alias = "sendFrameworkMessage")]
    pub fn message(&self, agent_id: AgentId, executor_id: ExecutorId, data: Vec<u8>) -> Pending {
        let message = call::Message { agent_id, executor_id, data };
        self.send(Call { message: Some(message), ..of_type(call::Type::Message) })
    }

    /// Asks an executor to end.
    pub fn shutdown_executor(&self, executor_id: ExecutorId, agent_id: AgentId) -> Pending {
        let shutdown = call::Shutdown { executor_id, agent_id };
        self.send(Call { shutdown: Some(shutdown), ..of_type(call::Type::Shutdown) })
    }

    /// Ends the driver, after all calls made before have their answers.
    ///
    /// # Errors
    ///
    /// When the teardown did not reach the master; the driver ends all the same.
    pub async fn stop(&self, how: Stop) -> Result<(), CallError> {
        let result = match how {
            Stop::Teardown => self.send(of_type(call::Type::Teardown)).await,
            Stop::Failover => self.queue.barrier().await,
        };
        let _ = self.control.send(Control::Stop);
        result
    }
}

fn of_type(kind: call::Type) -> Call {
    Call { r#type: Some(kind.into()), ..Call::default() }
}

fn filters(refuse: Duration) -> Filters {
    Filters { refuse_seconds: Some(refuse.as_secs_f64()) }
}
