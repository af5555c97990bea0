//! The state machine.

use std::time::Duration;

use url::Url;

use super::endpoints::{Endpoints, Try, origin};
use super::{Config, Input, MISSED_HEARTBEATS, Output, Problem, Time};
use crate::status::{Meaning, of_subscribe};

/// Where the session stands; the data of each state lives in its variant.
#[derive(Debug)]
enum State {
    /// Nothing was told yet.
    Idle,
    /// Nobody leads.
    NoMaster,
    Connecting {
        at: Try,
        deadline: Time,
    },
    Subscribing {
        endpoint: Url,
        stream_id: Option<String>,
        deadline: Time,
    },
    Live {
        heard_at: Time,
        silence: Option<Duration>,
    },
    Waiting {
        until: Time,
    },
    Over,
}

/// The rules of one subscription and all that follow it.
#[derive(Debug)]
pub struct Session {
    config: Config,
    state: State,
    /// Where the master that leads may be.
    masters: Endpoints,
    /// Tries since the last subscription that stood.
    attempt: u32,
    /// When the last subscription was lost, or the session began.
    lost_at: Time,
    ever_up: bool,
}

impl Session {
    /// A session that has not begun; give it [`Input::Master`].
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            state: State::Idle,
            masters: Endpoints::default(),
            attempt: 0,
            lost_at: Time::ZERO,
            ever_up: false,
        }
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
            State::Idle | State::NoMaster | State::Over => None,
        }
    }

    /// Takes what happened at `now`; `jitter` between 0 and 1 spreads waits.
    pub fn handle(&mut self, now: Time, jitter: f64, input: Input) -> Vec<Output> {
        match (&self.state, input) {
            (State::Over, _) => Vec::new(),
            (_, Input::Master(endpoints)) => self.master(now, jitter, endpoints),
            (_, Input::DetectionFailed { message, fatal: false }) => {
                vec![Output::Report(Problem::Detection { message })]
            }
            (_, Input::DetectionFailed { message, fatal: true }) => {
                self.end(Problem::DetectionRefused { message })
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

    /// Another master leads, or none: what stood with the old one is over.
    fn master(&mut self, now: Time, jitter: f64, endpoints: Vec<Url>) -> Vec<Output> {
        let before = std::mem::replace(&mut self.state, State::NoMaster);
        if matches!(before, State::Idle | State::Live { .. }) {
            self.lost_at = now;
        }
        let nobody = endpoints.is_empty();
        self.masters = Endpoints::new(endpoints);
        self.attempt = 0;
        let mut outputs = left_behind(&before, nobody);
        if nobody {
            let is_news = !matches!(before, State::NoMaster);
            outputs.extend(is_news.then_some(Output::Report(Problem::NoMaster)));
        } else if self.ever_up {
            // All frameworks of the cluster hear of a new leader at the same moment.
            let until = now + self.config.backoff.first.mul_f64(jitter.clamp(0.0, 1.0));
            self.state = State::Waiting { until };
        } else {
            outputs.extend(self.first_try(now));
        }
        outputs
    }

    /// Begins a round of tries.
    fn first_try(&mut self, now: Time) -> Option<Output> {
        self.masters.first().map(|endpoint| self.connect(now, Try::at(endpoint)))
    }

    fn connect(&mut self, now: Time, at: Try) -> Output {
        let endpoint = at.endpoint.clone();
        let deadline = now + self.config.subscribe_timeout;
        self.state = State::Connecting { at, deadline };
        Output::Connect(endpoint)
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
        if let State::Connecting { at, .. } = &self.state {
            let deadline = now + self.config.subscribe_timeout;
            self.state = State::Subscribing { endpoint: at.endpoint.clone(), stream_id, deadline };
        }
    }

    fn redirect(&mut self, now: Time, jitter: f64, location: Option<&str>) -> Vec<Output> {
        let State::Connecting { at, .. } = &self.state else { return Vec::new() };
        if let Some(target) = at.redirected(location) {
            return vec![self.connect(now, target)];
        }
        let endpoint = self.place();
        self.retry(now, jitter, Problem::Redirect { endpoint })
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
            State::Idle
            | State::NoMaster
            | State::Connecting { .. }
            | State::Waiting { .. }
            | State::Over => Vec::new(),
        }
    }

    fn stream_ended(&mut self, now: Time, jitter: f64, reason: String) -> Vec<Output> {
        match self.state {
            State::Live { .. } => self.lose(now, jitter, reason, None),
            State::Subscribing { .. } => {
                let endpoint = self.place();
                self.retry(now, jitter, Problem::Connect { endpoint, reason })
            }
            State::Idle
            | State::NoMaster
            | State::Connecting { .. }
            | State::Waiting { .. }
            | State::Over => Vec::new(),
        }
    }

    fn time_is_up(&mut self, now: Time, jitter: f64) -> Vec<Output> {
        match self.state {
            State::Waiting { .. } => self.first_try(now).into_iter().collect(),
            State::Live { silence, .. } => {
                let silence = silence.unwrap_or_default();
                self.lose(now, jitter, format!("nothing came for {silence:?}"), None)
            }
            State::Connecting { .. } | State::Subscribing { .. } => {
                let endpoint = self.place();
                let reason = format!("no answer within {:?}", self.config.subscribe_timeout);
                self.retry(now, jitter, Problem::Connect { endpoint, reason })
            }
            State::Idle | State::NoMaster | State::Over => Vec::new(),
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

    /// A try failed: the next master of the round, or a wait before the next round.
    fn retry(&mut self, now: Time, jitter: f64, problem: Problem) -> Vec<Output> {
        let mut outputs = vec![Output::Hangup, Output::Report(problem)];
        match self.masters.next() {
            Some(endpoint) => outputs.push(self.connect(now, Try::at(endpoint))),
            None => outputs.extend(self.wait_or_give_up(now, jitter)),
        }
        outputs
    }

    fn wait_or_give_up(&mut self, now: Time, jitter: f64) -> Option<Output> {
        let until = now + self.config.backoff.wait(self.attempt, jitter);
        let limit =
            if self.ever_up { self.config.give_up_after } else { self.config.give_up_first };
        match limit {
            Some(limit) if until > self.lost_at + limit => {
                self.state = State::Over;
                let endpoint = self.masters.place();
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
            State::Connecting { at, .. } => origin(&at.endpoint),
            State::Subscribing { endpoint, .. } => origin(endpoint),
            State::Idle
            | State::NoMaster
            | State::Live { .. }
            | State::Waiting { .. }
            | State::Over => self.masters.place(),
        }
    }
}

/// What has to be told about the state before a change of the master.
fn left_behind(before: &State, nobody: bool) -> Vec<Output> {
    match before {
        State::Idle | State::NoMaster | State::Over => Vec::new(),
        State::Connecting { .. } | State::Subscribing { .. } | State::Waiting { .. } => {
            vec![Output::Hangup]
        }
        State::Live { .. } => {
            let reason = if nobody { "no master leads any more" } else { "another master leads" };
            vec![Output::Hangup, Output::Down(reason.into())]
        }
    }
}
