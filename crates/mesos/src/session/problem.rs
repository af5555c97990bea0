//! What can go wrong with a subscription, in sentences for people.

use std::time::Duration;

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Nobody answers there.
    #[error("no connection to {endpoint}: {reason}")]
    Connect {
        /// Scheme, host and port.
        endpoint: String,
        /// Why.
        reason: String,
    },
    /// It answers, but not now.
    #[error("{endpoint} answered {status}: {body}")]
    NotNow {
        /// Scheme, host and port.
        endpoint: String,
        /// The status.
        status: u16,
        /// What it says.
        body: String,
    },
    /// A chain of redirects that leads nowhere.
    #[error("{endpoint} redirects without end or without a usable target")]
    Redirect {
        /// Scheme, host and port.
        endpoint: String,
    },
    /// Nobody leads.
    #[error("no master leads the cluster right now: waiting for one")]
    NoMaster,
    /// It cannot be told right now who leads.
    #[error("{message}")]
    Detection {
        /// What happened, as a sentence.
        message: String,
    },
    /// Those who know who leads do not tell us. Final.
    #[error("{message}")]
    DetectionRefused {
        /// What happened, as a sentence.
        message: String,
    },
    /// The answer is not of a Mesos.
    #[error(
        "{endpoint} accepted the subscription without a Mesos-Stream-Id: is it a Mesos master?"
    )]
    NoStreamId {
        /// Scheme, host and port.
        endpoint: String,
    },
    /// The credentials do not suffice. Final.
    #[error(
        "{endpoint} refused the credentials (status {status}): check the principal and its secret"
    )]
    Unauthorized {
        /// Scheme, host and port.
        endpoint: String,
        /// 401 or 403.
        status: u16,
    },
    /// The subscription is malformed for the other side. Final.
    #[error("{endpoint} refused the subscription with status {status}: {body}")]
    Refused {
        /// Scheme, host and port.
        endpoint: String,
        /// The status.
        status: u16,
        /// What it says.
        body: String,
    },
    /// The ERROR event.
    #[error("{message}")]
    Event {
        /// Its text.
        message: String,
    },
    /// Nobody came back in time. Final.
    #[error("{endpoint} did not come back within {waited:?}")]
    GaveUp {
        /// Scheme, host and port.
        endpoint: String,
        /// How long it was tried.
        waited: Duration,
    },
}
