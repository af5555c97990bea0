//! The rules of a subscription, without I/O.
//!
//! A [`Session`] is told what happened and when, and says what to do: where to
//! connect, what to report, when to look again. It knows redirects, heartbeats,
//! backoff and which errors end everything; sockets, clocks and randomness are its
//! caller's. Both drivers of this crate are such callers.

use std::time::Duration;

use url::Url;

use crate::backoff::Backoff;

mod endpoints;
mod machine;
mod problem;
#[cfg(test)]
mod tests;

pub use machine::Session;
pub use problem::Problem;

/// How many heartbeat intervals may pass in silence before the stream counts as dead.
///
/// Source: MESOS "Scheduler HTTP API", HEARTBEAT.
pub const MISSED_HEARTBEATS: u32 = 5;

/// How many redirects in a row are followed before waiting.
pub const MAX_REDIRECTS: u32 = 5;

/// What differs between schedulers and executors, and what tests change.
#[derive(Debug, Clone)]
pub struct Config {
    /// Whether the answer to SUBSCRIBE must carry a `Mesos-Stream-Id`.
    pub needs_stream_id: bool,
    /// Waits between tries.
    pub backoff: Backoff,
    /// How long to try for the first subscription; `None` is for ever.
    pub give_up_first: Option<Duration>,
    /// How long to try after a loss before giving up; `None` is for ever, zero is not at all.
    pub give_up_after: Option<Duration>,
    /// How long an answer to SUBSCRIBE and the SUBSCRIBED event may take.
    pub subscribe_timeout: Duration,
}

/// A moment: the time since some fixed one, by a clock that never goes back.
pub type Time = Duration;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Who leads, or that nobody does: the endpoints to subscribe at. Several are of
    /// masters of one cluster, any of which redirects to the one that leads; none
    /// means that there is nobody to subscribe with. The first such news begins the session.
    Master(Vec<Url>),
    /// Who leads cannot be told; what was told before still counts.
    DetectionFailed {
        /// What happened, as a sentence.
        message: String,
        /// Whether to give up.
        fatal: bool,
    },
    /// The other side answered SUBSCRIBE.
    Answered {
        /// The status.
        status: u16,
        /// The `Location` header.
        location: Option<String>,
        /// The `Mesos-Stream-Id` header.
        stream_id: Option<String>,
        /// The beginning of the body, unless it is the event stream.
        body: String,
    },
    /// No answer came.
    ConnectFailed(String),
    /// A record came in; any one proves that the other side lives.
    Heard,
    /// The SUBSCRIBED event, with the promised interval of heartbeats.
    Subscribed {
        /// `None` if the other side promises none.
        heartbeat: Option<Duration>,
    },
    /// The ERROR event; `fatal` if subscribing again cannot help.
    ErrorEvent {
        /// Its text.
        message: String,
        /// Whether to give up.
        fatal: bool,
    },
    /// The stream ended or broke.
    StreamEnded(String),
    /// An answer to a call says that our subscription is gone.
    SubscriptionLost(String),
    /// Time passed; see [`Session::wake_at`].
    Tick,
}

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Send SUBSCRIBE there, without a stream id, after dropping any earlier stream.
    Connect(Url),
    /// Drop the stream; calls fail until the next [`Output::Up`].
    Hangup,
    /// The subscription stands; calls go to the endpoint, with the stream id.
    Up {
        /// Where the other side was found.
        endpoint: Url,
        /// For the `Mesos-Stream-Id` header.
        stream_id: Option<String>,
        /// Whether it is the first of this session.
        first: bool,
    },
    /// The subscription that stood is gone.
    Down(String),
    /// Something to tell; the session goes on by itself.
    Report(Problem),
    /// The session is over.
    GiveUp(Problem),
}
