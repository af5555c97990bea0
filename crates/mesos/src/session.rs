//! The rules of a subscription, without I/O.
//!
//! A [`Session`] is told what happened and when, and says what to do: where to
//! connect, what to report, when to look again. It knows redirects, heartbeats,
//! backoff and which errors end everything; sockets, clocks and randomness are its
//! caller's. Both drivers of this crate are such callers.

use std::time::Duration;

use url::Url;

use crate::backoff::Backoff;
use crate::status::{Meaning, of_subscribe};

/// How many heartbeat intervals may pass in silence before the stream counts as dead.
///
/// Source: MESOS "Scheduler HTTP API", HEARTBEAT.
pub const MISSED_HEARTBEATS: u32 = 5;

/// How many redirects in a row are followed before waiting.
pub const MAX_REDIRECTS: u32 = 5;

/// What differs between schedulers and executors, and what tests change.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to subscribe.
    pub endpoint: Url,
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
    /// Begin.
    Start,
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

/// Where the session stands; the data of each state lives in its variant.
#[derive(Debug)]
enum State {
    Idle,
    Connecting { endpoint: Url, redirects: u32, deadline: Time },
    Subscribing { endpoint: Url, stream_id: Option<String>, deadline: Time },
    Live { heard_at: Time, silence: Option<Duration> },
    Waiting { until: Time },
    Over,
}

/// The rules of one subscription and all that follow it.
#[derive(Debug)]
pub struct Session {
    config: Config,
    state: State,
    /// Tries since the last subscription that stood.
    attempt: u32,
    /// When the last subscription was lost, or the session began.
    lost_at: Time,
    ever_up: bool,
}

impl Session {
    /// A session that has not begun; give it [`Input::Start`].
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { config, state: State::Idle, attempt: 0, lost_at: Time::ZERO, ever_up: false }
    }

    /// When to give [`Input::Tick`] if nothing else happens before.
    #[must_use]
    pub fn wake_at(&self) -> Option<Time> {
        match &self.state {
            State::Connecting { deadline, .. } | State::Subscribing { deadline, .. } => {
                Some(*deadline)
            }
            State::Live { heard_at, silence } => silence.map(|silence| *heard_at + silence),
            State::Waiting { until } => Some(*until),
            State::Idle | State::Over => None,
        }
    }

    /// Takes what happened at `now`; `jitter` between 0 and 1 spreads waits.
    pub fn handle(&mut self, now: Time, jitter: f64, input: Input) -> Vec<Output> {
        match (&self.state, input) {
            (State::Over, _) => Vec::new(),
            (State::Idle, Input::Start) => {
                self.lost_at = now;
                self.connect(now, self.config.endpoint.clone(), 0)
            }
            (State::Connecting { .. }, Input::Answered { status, location, stream_id, body }) => {
                self.answered(now, jitter, status, location.as_deref(), stream_id, body)
            }
            (State::Subscribing { .. }, Input::Subscribed { heartbeat }) => {
                self.subscribed(now, heartbeat)
            }
            (State::Connecting { .. }, Input::ConnectFailed(reason)) => {
                let endpoint = self.place();
                self.retry(now, jitter, Problem::Connect { endpoint, reason })
            }
            (State::Live { silence, .. }, Input::Heard) => {
                self.state = State::Live { heard_at: now, silence: *silence };
                Vec::new()
            }
            (_, Input::ErrorEvent { message, fatal }) => self.error(now, jitter, message, fatal),
            (_, Input::StreamEnded(reason)) => self.stream_ended(now, jitter, reason),
            (State::Live { .. }, Input::SubscriptionLost(reason)) => {
                self.lose(now, jitter, reason, None)
            }
            (_, Input::Tick) if self.wake_at().is_some_and(|at| at <= now) => {
                self.time_is_up(now, jitter)
            }
            // Everything else is about a stream or a state that is already gone.
            (_, _) => Vec::new(),
        }
    }

    fn connect(&mut self, now: Time, endpoint: Url, redirects: u32) -> Vec<Output> {
        let deadline = now + self.config.subscribe_timeout;
        self.state = State::Connecting { endpoint: endpoint.clone(), redirects, deadline };
        vec![Output::Connect(endpoint)]
    }

    fn answered(
        &mut self,
        now: Time,
        jitter: f64,
        status: u16,
        location: Option<&str>,
        stream_id: Option<String>,
        body: String,
    ) -> Vec<Output> {
        let endpoint = self.place();
        match of_subscribe(status) {
            Meaning::Accepted if self.config.needs_stream_id && stream_id.is_none() => {
                self.retry(now, jitter, Problem::NoStreamId { endpoint })
            }
            Meaning::Accepted => {
                self.await_subscribed(now, stream_id);
                Vec::new()
            }
            Meaning::Redirect => self.redirect(now, jitter, location),
            Meaning::TryAgain => {
                self.retry(now, jitter, Problem::NotNow { endpoint, status, body })
            }
            Meaning::Unauthorized => self.end(Problem::Unauthorized { endpoint, status }),
            Meaning::NotSubscribed | Meaning::Refused => {
                self.end(Problem::Refused { endpoint, status, body })
            }
        }
    }

    fn await_subscribed(&mut self, now: Time, stream_id: Option<String>) {
        if let State::Connecting { endpoint, .. } = &self.state {
            let deadline = now + self.config.subscribe_timeout;
            self.state = State::Subscribing { endpoint: endpoint.clone(), stream_id, deadline };
        }
    }

    fn redirect(&mut self, now: Time, jitter: f64, location: Option<&str>) -> Vec<Output> {
        let State::Connecting { endpoint, redirects, .. } = &self.state else { return Vec::new() };
        let target = location.and_then(|location| resolve(endpoint, location));
        match target {
            Some(target) if *redirects < MAX_REDIRECTS => {
                let redirects = *redirects + 1;
                self.connect(now, target, redirects)
            }
            _ => {
                let endpoint = self.place();
                self.retry(now, jitter, Problem::Redirect { endpoint })
            }
        }
    }

    fn subscribed(&mut self, now: Time, heartbeat: Option<Duration>) -> Vec<Output> {
        let silence = heartbeat.map(|interval| interval * MISSED_HEARTBEATS);
        let live = State::Live { heard_at: now, silence };
        let State::Subscribing { endpoint, stream_id, .. } =
            std::mem::replace(&mut self.state, live)
        else {
            return Vec::new();
        };
        let first = !std::mem::replace(&mut self.ever_up, true);
        self.attempt = 0;
        vec![Output::Up { endpoint, stream_id, first }]
    }

    fn error(&mut self, now: Time, jitter: f64, message: String, fatal: bool) -> Vec<Output> {
        let problem = Problem::Event { message };
        if fatal {
            return self.end(problem);
        }
        match self.state {
            State::Live { .. } => self.lose(now, jitter, problem.to_string(), Some(problem)),
            State::Subscribing { .. } => self.retry(now, jitter, problem),
            State::Idle | State::Connecting { .. } | State::Waiting { .. } | State::Over => {
                Vec::new()
            }
        }
    }

    fn stream_ended(&mut self, now: Time, jitter: f64, reason: String) -> Vec<Output> {
        match self.state {
            State::Live { .. } => self.lose(now, jitter, reason, None),
            State::Subscribing { .. } => {
                let endpoint = self.place();
                self.retry(now, jitter, Problem::Connect { endpoint, reason })
            }
            State::Idle | State::Connecting { .. } | State::Waiting { .. } | State::Over => {
                Vec::new()
            }
        }
    }

    fn time_is_up(&mut self, now: Time, jitter: f64) -> Vec<Output> {
        match self.state {
            State::Waiting { .. } => self.connect(now, self.config.endpoint.clone(), 0),
            State::Live { silence, .. } => {
                let silence = silence.unwrap_or_default();
                self.lose(now, jitter, format!("nothing came for {} s", silence.as_secs()), None)
            }
            State::Connecting { .. } | State::Subscribing { .. } => {
                let endpoint = self.place();
                let reason =
                    format!("no answer within {} s", self.config.subscribe_timeout.as_secs());
                self.retry(now, jitter, Problem::Connect { endpoint, reason })
            }
            State::Idle | State::Over => Vec::new(),
        }
    }

    /// The subscription that stood is gone.
    fn lose(
        &mut self,
        now: Time,
        jitter: f64,
        reason: String,
        problem: Option<Problem>,
    ) -> Vec<Output> {
        self.lost_at = now;
        let mut outputs = vec![Output::Hangup, Output::Down(reason)];
        outputs.extend(problem.map(Output::Report));
        outputs.extend(self.wait_or_give_up(now, jitter));
        outputs
    }

    /// A try failed.
    fn retry(&mut self, now: Time, jitter: f64, problem: Problem) -> Vec<Output> {
        let mut outputs = vec![Output::Hangup, Output::Report(problem)];
        outputs.extend(self.wait_or_give_up(now, jitter));
        outputs
    }

    fn wait_or_give_up(&mut self, now: Time, jitter: f64) -> Option<Output> {
        let until = now + self.config.backoff.wait(self.attempt, jitter);
        let limit =
            if self.ever_up { self.config.give_up_after } else { self.config.give_up_first };
        match limit {
            Some(limit) if until > self.lost_at + limit => {
                self.state = State::Over;
                let endpoint = origin(&self.config.endpoint);
                Some(Output::GiveUp(Problem::GaveUp { endpoint, waited: now - self.lost_at }))
            }
            _ => {
                self.attempt = self.attempt.saturating_add(1);
                self.state = State::Waiting { until };
                None
            }
        }
    }

    fn end(&mut self, problem: Problem) -> Vec<Output> {
        let was_live = matches!(self.state, State::Live { .. });
        self.state = State::Over;
        let down = was_live.then(|| Output::Down(problem.to_string()));
        let hangup = std::iter::once(Output::Hangup);
        hangup.chain(down).chain(std::iter::once(Output::GiveUp(problem))).collect()
    }

    /// Where we are talking to, for messages.
    fn place(&self) -> String {
        match &self.state {
            State::Connecting { endpoint, .. } | State::Subscribing { endpoint, .. } => {
                origin(endpoint)
            }
            State::Idle | State::Live { .. } | State::Waiting { .. } | State::Over => {
                origin(&self.config.endpoint)
            }
        }
    }
}

/// A `Location`, which Mesos writes without a scheme (`//host:port/path`).
fn resolve(from: &Url, location: &str) -> Option<Url> {
    let mut target = from.join(location).ok()?;
    if !matches!(target.scheme(), "http" | "https") {
        return None;
    }
    if target.path() == "/" {
        target.set_path(from.path());
    }
    Some(target)
}

/// Scheme, host and port, for messages.
fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
