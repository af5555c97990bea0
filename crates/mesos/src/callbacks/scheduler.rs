//! The ten callbacks of a scheduler.

use std::time::Duration;

use super::SchedulerDriver;
use crate::v1::{AgentId, ExecutorId, FrameworkId, MasterInfo, Offer, OfferId, TaskStatus};

/// How long offers are refused that nobody looked at: the default of Mesos.
const REFUSE: Duration = Duration::from_secs(5);

/// What a scheduler is told. Every method has a default.
///
/// The callbacks come one at a time, on a thread of the driver; see
/// [`callbacks`](super) for what they may do.
#[expect(unused_variables, reason = "defaults, whose parameters have names for the reader")]
pub trait Scheduler: Send {
    /// The first subscription of this driver stands, also when it began with the id of a
    /// framework from before. Default: nothing.
    fn registered(
        &mut self,
        driver: &SchedulerDriver,
        framework_id: FrameworkId,
        master: Option<MasterInfo>,
    ) {
    }

    /// A later subscription stands: every offer from before is void. Default: nothing.
    fn reregistered(&mut self, driver: &SchedulerDriver, master: Option<MasterInfo>) {}

    /// The subscription is gone; the driver is already trying again. Default: nothing.
    fn disconnected(&mut self, driver: &SchedulerDriver) {}

    /// Resources to use or to decline. Default: declines all for 5 s, so that a framework
    /// that is only half written keeps nothing from others.
    #[doc(alias = "resourceOffers")]
    fn resource_offers(&mut self, driver: &SchedulerDriver, offers: Vec<Offer>) {
        for offer in offers {
            driver.decline_offer(offer.id, REFUSE);
        }
    }

    /// An offer that is no longer valid. Default: nothing.
    #[doc(alias = "offerRescinded")]
    fn offer_rescinded(&mut self, driver: &SchedulerDriver, offer_id: OfferId) {}

    /// A task's status. It is acknowledged when this returns, unless the driver was
    /// stopped or aborted meanwhile, or acknowledges explicitly
    /// ([`SchedulerDriver::explicit_acknowledgements`]). May repeat. Default: nothing, so it
    /// is acknowledged.
    #[doc(alias = "statusUpdate")]
    fn status_update(&mut self, driver: &SchedulerDriver, status: TaskStatus) {}

    /// Bytes from an executor, at most once. Default: nothing.
    #[doc(alias = "frameworkMessage")]
    fn framework_message(
        &mut self,
        driver: &SchedulerDriver,
        executor_id: ExecutorId,
        agent_id: AgentId,
        data: Vec<u8>,
    ) {
    }

    /// An agent was removed or became unreachable. Not reliably delivered. Default: nothing.
    #[doc(alias = "slaveLost")]
    fn agent_lost(&mut self, driver: &SchedulerDriver, agent_id: AgentId) {}

    /// An executor ended, with the raw wait status if it is known; its tasks get updates of
    /// their own. Not reliably delivered. Default: nothing.
    #[doc(alias = "executorLost")]
    fn executor_lost(
        &mut self,
        driver: &SchedulerDriver,
        executor_id: ExecutorId,
        agent_id: AgentId,
        status: Option<i32>,
    ) {
    }

    /// Something after which the driver cannot go on; it is aborted already. Unlike in
    /// libmesos, errors after which it can subscribe again do not come here. Default: logs it.
    fn error(&mut self, driver: &SchedulerDriver, message: &str) {
        tracing::error!("{message}");
    }
}
