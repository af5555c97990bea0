//! Calls a scheduler can make.

use std::time::Duration;

use tokio::sync::mpsc;

use super::subscription::Subscription;
use crate::ack::{AckToken, OperationAckToken};
use crate::client::calls::Queue;
use crate::client::link::Control;
use crate::client::{CallError, Pending};
use crate::v1::scheduler::{Call, OfferConstraints, call};
use crate::v1::{
    AgentId, ExecutorId, Filters, FrameworkInfo, KillPolicy, OfferId, OperationId, Request,
    ResourceProviderId, TaskId, offer,
};

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
///
/// | call | method |
/// |---|---|
/// | SUBSCRIBE | made by the driver; [`Builder`](super::Builder) says with what |
/// | TEARDOWN | [`stop`](Self::stop) |
/// | ACCEPT | [`accept`](Self::accept), with [`operation`](crate::operation) |
/// | DECLINE | [`decline`](Self::decline) |
/// | ACCEPT_INVERSE_OFFERS, DECLINE_INVERSE_OFFERS | [`accept_inverse`](Self::accept_inverse), [`decline_inverse`](Self::decline_inverse) |
/// | REVIVE, SUPPRESS | [`revive`](Self::revive), [`revive_roles`](Self::revive_roles), [`suppress`](Self::suppress), [`suppress_roles`](Self::suppress_roles) |
/// | KILL | [`kill`](Self::kill), [`kill_with`](Self::kill_with) |
/// | SHUTDOWN | [`shutdown_executor`](Self::shutdown_executor) |
/// | ACKNOWLEDGE, ACKNOWLEDGE_OPERATION_STATUS | [`acknowledge`](Self::acknowledge), [`acknowledge_operation`](Self::acknowledge_operation) |
/// | RECONCILE, RECONCILE_OPERATIONS | [`reconcile`](Self::reconcile), [`reconcile_operations`](Self::reconcile_operations) |
/// | MESSAGE | [`message`](Self::message) |
/// | REQUEST | [`request`](Self::request) |
/// | UPDATE_FRAMEWORK | [`update_framework`](Self::update_framework) |
#[derive(Debug, Clone)]
pub struct Calls {
    pub(super) queue: Queue<Call>,
    pub(super) control: mpsc::UnboundedSender<Control>,
    pub(super) subscription: Subscription,
}

impl Calls {
    /// Any call; the framework id is filled in. SUBSCRIBE is the driver's own.
    pub fn send(&self, call: Call) -> Pending {
        self.subscription.wanted(&call);
        self.queue.push(call)
    }

    /// Uses offers of one agent and one role; what the operations leave is refused for
    /// `refuse`. [`operation`](crate::operation) has a function for each kind. Without
    /// operations it is a decline.
    ///
    /// Offers are used up whatever comes of it. With
    /// [`Builder::keep_id`](super::Builder::keep_id) the call waits until the framework id is kept.
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

    /// Says that resources on agents will be given back, as inverse offers ask for before
    /// maintenance; the same is not asked again for `refuse`.
    #[doc(alias = "acceptInverseOffers")]
    pub fn accept_inverse(&self, inverse_offer_ids: Vec<OfferId>, refuse: Duration) -> Pending {
        let filters = Some(filters(refuse));
        let accept = call::AcceptInverseOffers { inverse_offer_ids, filters };
        let accept_inverse_offers = Some(accept);
        self.send(Call { accept_inverse_offers, ..of_type(call::Type::AcceptInverseOffers) })
    }

    /// Says that resources on agents will not be given back before maintenance; the same is
    /// not asked again for `refuse`.
    #[doc(alias = "declineInverseOffers")]
    pub fn decline_inverse(&self, inverse_offer_ids: Vec<OfferId>, refuse: Duration) -> Pending {
        let filters = Some(filters(refuse));
        let decline = call::DeclineInverseOffers { inverse_offer_ids, filters };
        let decline_inverse_offers = Some(decline);
        self.send(Call { decline_inverse_offers, ..of_type(call::Type::DeclineInverseOffers) })
    }

    /// Gives offers back and asks not to see the same resources for `refuse`.
    #[doc(alias = "declineOffer")]
    pub fn decline(&self, offer_ids: Vec<OfferId>, refuse: Duration) -> Pending {
        let decline = call::Decline { offer_ids, filters: Some(filters(refuse)) };
        self.send(Call { decline: Some(decline), ..of_type(call::Type::Decline) })
    }

    /// Ends suppression, drops all filters and makes the master allocate at once, for all
    /// roles. Made while disconnected it fails, but the next subscription is without
    /// suppression all the same.
    #[doc(alias = "reviveOffers")]
    pub fn revive(&self) -> Pending {
        self.revive_in(Vec::new())
    }

    /// The same for these roles alone. No roles: nothing is sent.
    pub fn revive_roles(&self, roles: impl IntoIterator<Item = impl Into<String>>) -> Pending {
        let roles: Vec<_> = roles.into_iter().map(Into::into).collect();
        // On the wire an empty list means all roles.
        if roles.is_empty() { Pending::done() } else { self.revive_in(roles) }
    }

    /// Asks for no more offers until the next revive, for all roles; the ones that are out
    /// stay valid. It holds over later subscriptions, even if made while disconnected.
    #[doc(alias = "suppressOffers")]
    pub fn suppress(&self) -> Pending {
        self.suppress_in(Vec::new())
    }

    /// The same for these roles alone. No roles: nothing is sent.
    pub fn suppress_roles(&self, roles: impl IntoIterator<Item = impl Into<String>>) -> Pending {
        let roles: Vec<_> = roles.into_iter().map(Into::into).collect();
        if roles.is_empty() { Pending::done() } else { self.suppress_in(roles) }
    }

    fn revive_in(&self, roles: Vec<String>) -> Pending {
        self.send(Call { revive: Some(call::Revive { roles }), ..of_type(call::Type::Revive) })
    }

    fn suppress_in(&self, roles: Vec<String>) -> Pending {
        let suppress = Some(call::Suppress { roles });
        self.send(Call { suppress, ..of_type(call::Type::Suppress) })
    }

    /// Acknowledges a status update, so that the task's next one can come.
    #[doc(alias = "acknowledgeStatusUpdate")]
    pub fn acknowledge(&self, token: AckToken) -> Pending {
        let (agent_id, task_id, uuid) = token.into_parts();
        let acknowledge = call::Acknowledge { agent_id, task_id, uuid };
        self.send(Call { acknowledge: Some(acknowledge), ..of_type(call::Type::Acknowledge) })
    }

    /// Acknowledges an update of an offer operation.
    #[doc(alias = "acknowledgeOperationStatus")]
    pub fn acknowledge_operation(&self, token: OperationAckToken) -> Pending {
        let (agent_id, resource_provider_id, operation_id, uuid) = token.into_parts();
        let acknowledge = call::AcknowledgeOperationStatus {
            agent_id: Some(agent_id),
            resource_provider_id,
            uuid,
            operation_id,
        };
        self.send(Call {
            acknowledge_operation_status: Some(acknowledge),
            ..of_type(call::Type::AcknowledgeOperationStatus)
        })
    }

    /// Asks to kill a task. Not reliable: repeat it until a terminal update comes;
    /// [`Kills`](crate::helpers::Kills) say when. A wrong `agent_id` makes the master drop it silently.
    #[doc(alias = "killTask")]
    pub fn kill(&self, task_id: TaskId, agent_id: Option<AgentId>) -> Pending {
        self.kill_with(task_id, agent_id, None)
    }

    /// The same with a policy in place of the task's own, such as a grace period.
    pub fn kill_with(
        &self,
        task_id: TaskId,
        agent_id: Option<AgentId>,
        kill_policy: impl Into<Option<KillPolicy>>,
    ) -> Pending {
        let kill = call::Kill { task_id, agent_id, kill_policy: kill_policy.into() };
        self.send(Call { kill: Some(kill), ..of_type(call::Type::Kill) })
    }

    /// Asks for the state of tasks; an empty list asks for all that the master knows.
    #[doc(alias = "reconcileTasks")]
    pub fn reconcile(&self, tasks: Vec<(TaskId, Option<AgentId>)>) -> Pending {
        let task = |(task_id, agent_id)| call::reconcile::Task { task_id, agent_id };
        let reconcile = call::Reconcile { tasks: tasks.into_iter().map(task).collect() };
        self.send(Call { reconcile: Some(reconcile), ..of_type(call::Type::Reconcile) })
    }

    /// Asks for the state of offer operations. The answers are updates without a token.
    #[doc(alias = "reconcileOperations")]
    pub fn reconcile_operations(
        &self,
        operations: Vec<(OperationId, Option<AgentId>, Option<ResourceProviderId>)>,
    ) -> Pending {
        let operation = |(operation_id, agent_id, resource_provider_id)| {
            call::reconcile_operations::Operation { operation_id, agent_id, resource_provider_id }
        };
        let operations = operations.into_iter().map(operation).collect();
        let reconcile_operations = Some(call::ReconcileOperations { operations });
        self.send(Call { reconcile_operations, ..of_type(call::Type::ReconcileOperations) })
    }

    /// Sends bytes to an executor, at most once.
    #[doc(alias = "sendFrameworkMessage")]
    pub fn message(&self, agent_id: AgentId, executor_id: ExecutorId, data: Vec<u8>) -> Pending {
        let message = call::Message { agent_id, executor_id, data };
        self.send(Call { message: Some(message), ..of_type(call::Type::Message) })
    }

    /// Asks an executor to end; what comes of it is told by updates and
    /// [`Event::ExecutorLost`](super::Event::ExecutorLost).
    #[doc(alias = "shutdownExecutor")]
    pub fn shutdown_executor(&self, executor_id: ExecutorId, agent_id: AgentId) -> Pending {
        let shutdown = call::Shutdown { executor_id, agent_id };
        self.send(Call { shutdown: Some(shutdown), ..of_type(call::Type::Shutdown) })
    }

    /// Tells the allocator what would be welcome. The one that is built into Mesos ignores it.
    #[doc(alias = "requestResources")]
    pub fn request(&self, requests: Vec<Request>) -> Pending {
        let request = Some(call::Request { requests });
        self.send(Call { request, ..of_type(call::Type::Request) })
    }

    /// Changes what the master knows of the framework: everything is replaced, suppressed
    /// roles and offer constraints too. User, principal and checkpointing cannot change.
    /// The framework id is filled in. Once taken it holds for later subscriptions.
    #[doc(alias = "updateFramework")]
    pub fn update_framework(
        &self,
        framework_info: FrameworkInfo,
        suppressed_roles: Vec<String>,
        offer_constraints: Option<OfferConstraints>,
    ) -> Pending {
        let update = call::UpdateFramework { framework_info, suppressed_roles, offer_constraints };
        let update_framework = Some(update);
        self.send(Call { update_framework, ..of_type(call::Type::UpdateFramework) })
    }

    fn teardown(&self) -> Pending {
        self.send(of_type(call::Type::Teardown))
    }

    /// Ends the driver, after all calls made before have their answers.
    ///
    /// # Errors
    ///
    /// When the teardown did not reach the master; the driver ends all the same.
    pub async fn stop(&self, how: Stop) -> Result<(), CallError> {
        let result = match how {
            Stop::Teardown => self.teardown().await,
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

#[cfg(test)]
#[path = "calls_tests.rs"]
mod tests;
