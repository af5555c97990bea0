//! Events as a scheduler meets them.

use std::time::Duration;

use crate::ack::{AckToken, OperationAckToken};
use crate::client::Error;
use crate::v1::scheduler::{Event as Wire, event};
use crate::v1::{
    AgentId, ExecutorId, FrameworkId, InverseOffer, MasterInfo, Offer, OfferId, OperationStatus,
    TaskStatus,
};

/// What a master tells a scheduler, and what the driver adds.
///
/// Exhaustive on purpose: the API of Mesos is frozen, and the compiler then makes
/// every user think of every event. Compared with the wire, HEARTBEAT is absent,
/// [`Event::Disconnected`] is the driver's, and FAILURE is split in two.
#[derive(Debug)]
pub enum Event {
    /// The subscription stands. All offers of an earlier one are void.
    #[doc(alias = "registered")]
    #[doc(alias = "reregistered")]
    Subscribed {
        /// The framework's id: keep it durably before accepting an offer.
        framework_id: FrameworkId,
        /// The master, if it says who it is.
        master: Option<MasterInfo>,
        /// Whether this is the first subscription of this driver.
        first: bool,
    },
    /// The subscription is gone; the driver is already trying again.
    #[doc(alias = "disconnected")]
    Disconnected {
        /// Why.
        reason: String,
    },
    /// Resources to use or decline. Valid until used, declined, rescinded or disconnected.
    #[doc(alias = "resourceOffers")]
    Offers(Vec<Offer>),
    /// Requests to give resources back, before maintenance.
    InverseOffers(Vec<InverseOffer>),
    /// An offer that is no longer valid.
    #[doc(alias = "offerRescinded")]
    OfferRescinded(OfferId),
    /// An inverse offer that is no longer valid.
    InverseOfferRescinded(OfferId),
    /// A task's status.
    #[doc(alias = "statusUpdate")]
    Update {
        /// The status.
        status: Box<TaskStatus>,
        /// Present if the update must be acknowledged, after what it says is durable.
        ack: Option<AckToken>,
    },
    /// An offer operation's status; only operations with an id have one.
    #[doc(alias = "UPDATE_OPERATION_STATUS")]
    OperationUpdate {
        /// The status.
        status: Box<OperationStatus>,
        /// Present if the update must be acknowledged, after what it says is durable.
        ack: Option<OperationAckToken>,
    },
    /// Bytes from an executor, at most once.
    #[doc(alias = "frameworkMessage")]
    Message {
        /// Where the executor runs.
        agent_id: AgentId,
        /// Which executor.
        executor_id: ExecutorId,
        /// The bytes.
        data: Vec<u8>,
    },
    /// An agent was removed or became unreachable. Not reliably delivered.
    #[doc(alias = "slaveLost")]
    AgentLost(AgentId),
    /// An executor ended. Not reliably delivered.
    #[doc(alias = "executorLost")]
    ExecutorLost {
        /// Which executor.
        executor_id: ExecutorId,
        /// Where it ran.
        agent_id: AgentId,
        /// The raw wait status, if known.
        status: Option<i32>,
    },
    /// The master refused the subscription with this text.
    #[doc(alias = "error")]
    Error(String),
    /// An event of a later Mesos.
    Unknown {
        /// Its number.
        type_number: i32,
    },
}

/// The event of the wire for a user: `None` if it is the driver's business alone.
pub(super) fn convert(wire: Wire, first: bool) -> Option<Result<Event, Error>> {
    use event::Type;
    let number = wire.r#type.unwrap_or_default();
    let converted = match Type::try_from(number).unwrap_or(Type::Unknown) {
        Type::Unknown => Some(Event::Unknown { type_number: number }),
        Type::Heartbeat => return None,
        Type::Subscribed => wire.subscribed.map(|subscribed| Event::Subscribed {
            framework_id: subscribed.framework_id,
            master: subscribed.master_info,
            first,
        }),
        Type::Offers => wire.offers.map(|offers| Event::Offers(offers.offers)),
        Type::InverseOffers => {
            wire.inverse_offers.map(|offers| Event::InverseOffers(offers.inverse_offers))
        }
        Type::Rescind => wire.rescind.map(|rescind| Event::OfferRescinded(rescind.offer_id)),
        Type::RescindInverseOffer => wire
            .rescind_inverse_offer
            .map(|rescind| Event::InverseOfferRescinded(rescind.inverse_offer_id)),
        Type::Update => wire.update.map(|update| update_event(update.status)),
        Type::UpdateOperationStatus => {
            wire.update_operation_status.map(|update| operation_event(update.status))
        }
        Type::Message => wire.message.map(|message| Event::Message {
            agent_id: message.agent_id,
            executor_id: message.executor_id,
            data: message.data,
        }),
        Type::Failure => wire.failure.and_then(failure),
        Type::Error => wire.error.map(|error| Event::Error(error.message)),
    };
    Some(
        converted
            .ok_or_else(|| Error::Protocol(format!("an event of type {number} lacks its content"))),
    )
}

fn update_event(status: TaskStatus) -> Event {
    let ack = AckToken::of(&status);
    Event::Update { status: Box::new(status), ack }
}

fn operation_event(status: OperationStatus) -> Event {
    let ack = OperationAckToken::of(&status);
    Event::OperationUpdate { status: Box::new(status), ack }
}

fn failure(failure: event::Failure) -> Option<Event> {
    let agent_id = failure.agent_id?;
    Some(match failure.executor_id {
        Some(executor_id) => Event::ExecutorLost { executor_id, agent_id, status: failure.status },
        None => Event::AgentLost(agent_id),
    })
}

/// What the SUBSCRIBED event promises of heartbeats.
pub(super) fn heartbeat(subscribed: &event::Subscribed) -> Option<Duration> {
    subscribed
        .heartbeat_interval_seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|interval| !interval.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_without_an_agent_is_a_protocol_error_not_a_panic() {
        let wire = Wire {
            r#type: Some(event::Type::Failure.into()),
            failure: Some(event::Failure::default()),
            ..Wire::default()
        };
        assert!(matches!(convert(wire, false), Some(Err(Error::Protocol(_)))));
    }

    #[test]
    fn a_failure_is_split_by_its_executor() {
        let failure = |executor_id| Wire {
            r#type: Some(event::Type::Failure.into()),
            failure: Some(event::Failure { agent_id: Some("a".into()), executor_id, status: None }),
            ..Wire::default()
        };
        assert!(matches!(convert(failure(None), false), Some(Ok(Event::AgentLost(_)))));
        let lost = convert(failure(Some("e".into())), false);
        assert!(matches!(lost, Some(Ok(Event::ExecutorLost { status: None, .. }))));
    }

    #[test]
    fn unknown_events_keep_their_number_and_heartbeats_stay_inside() {
        let wire = |number| Wire { r#type: Some(number), ..Wire::default() };
        assert!(matches!(convert(wire(99), false), Some(Ok(Event::Unknown { type_number: 99 }))));
        assert!(convert(wire(event::Type::Heartbeat.into()), false).is_none());
        assert!(matches!(convert(wire(event::Type::Offers.into()), false), Some(Err(_))));
    }
}
