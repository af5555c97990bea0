//! From the stream of a scheduler to its callbacks.

use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::{Scheduler, SchedulerDriver};
use crate::client::Error;
use crate::scheduler::{Event, Events};
use crate::v1::TaskStatus;

/// What the thread of a driver works on.
pub(super) struct Served {
    pub(super) runtime: Runtime,
    pub(super) events: Events,
    /// Updates that the driver makes itself.
    pub(super) updates: mpsc::UnboundedReceiver<TaskStatus>,
}

/// One thing to call back about.
enum Happened {
    Made(TaskStatus),
    Item(Result<Event, Error>),
}

impl Served {
    /// Calls back until the driver is left. Callbacks run outside of the runtime, so that
    /// they may block.
    pub(super) fn run(mut self, driver: &SchedulerDriver, mut scheduler: Box<dyn Scheduler>) {
        let runtime = self.runtime;
        while let Some(happened) =
            runtime.block_on(next(driver, &mut self.events, &mut self.updates))
        {
            match happened {
                Happened::Made(status) => scheduler.status_update(driver, status),
                Happened::Item(Ok(event)) => dispatch(driver, scheduler.as_mut(), event),
                Happened::Item(Err(error)) if error.is_terminal() => {
                    driver.failed();
                    scheduler.error(driver, &error.to_string());
                }
                Happened::Item(Err(error)) => tracing::warn!("{error}"),
            }
        }
        runtime.block_on(driver.leave());
        // Nothing of what is left needs to be waited for.
        runtime.shutdown_background();
    }
}

/// What comes first; `None` when the driver is left.
async fn next(
    driver: &SchedulerDriver,
    events: &mut Events,
    updates: &mut mpsc::UnboundedReceiver<TaskStatus>,
) -> Option<Happened> {
    tokio::select! {
        biased;
        () = driver.left() => None,
        Some(status) = updates.recv() => Some(Happened::Made(status)),
        item = events.next() => item.map(Happened::Item),
    }
}

fn dispatch(driver: &SchedulerDriver, scheduler: &mut dyn Scheduler, event: Event) {
    match event {
        Event::Subscribed { framework_id, master, first: true } => {
            scheduler.registered(driver, framework_id, master);
        }
        Event::Subscribed { master, first: false, .. } => scheduler.reregistered(driver, master),
        Event::Disconnected { reason } => {
            tracing::info!("disconnected: {reason}");
            scheduler.disconnected(driver);
        }
        Event::Offers(offers) if offers.is_empty() => {}
        Event::Offers(offers) => scheduler.resource_offers(driver, offers),
        Event::OfferRescinded(offer_id) => scheduler.offer_rescinded(driver, offer_id),
        Event::Update { status, ack } => {
            scheduler.status_update(driver, *status);
            driver.updated(ack);
        }
        Event::Message { agent_id, executor_id, data } => {
            scheduler.framework_message(driver, executor_id, agent_id, data);
        }
        Event::AgentLost(agent_id) => scheduler.agent_lost(driver, agent_id),
        Event::ExecutorLost { executor_id, agent_id, status } => {
            scheduler.executor_lost(driver, executor_id, agent_id, status);
        }
        Event::OperationUpdate { ack, .. } => driver.operation_updated(ack),
        Event::Error(message) => tracing::warn!("the master says: {message}"),
        Event::InverseOffers(_) | Event::InverseOfferRescinded(_) | Event::Unknown { .. } => {
            tracing::debug!("an event without a classic callback: {event:?}");
        }
    }
}
