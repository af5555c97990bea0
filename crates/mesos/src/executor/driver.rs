//! The driver: subscribes with the agent, keeps subscribed, keeps the ledger.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{Stream, StreamExt, stream};
use tokio::sync::{mpsc, watch};

use super::calls::{ExecutorRules, subscribe, update};
use super::event::{Event, convert};
use super::ledger::Ledger;
use super::{Calls, Environment};
use crate::backoff::Backoff;
use crate::client::Error;
use crate::client::calls::{self, Queue};
use crate::client::http::Http;
use crate::client::pump::{Channels, Pump, Side};
use crate::codec::Codec;
use crate::session::{Config, Input, Session};
use crate::v1::FrameworkId;
use crate::v1::executor::{Call, Event as WireEvent};

/// How many events wait for a slow user before nothing more is read.
const DEFAULT_EVENT_CAPACITY: usize = 64;
/// How long an agent may take to answer SUBSCRIBE.
const SUBSCRIBE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the first subscription is tried: as long as an agent waits for it by default.
const FIRST_SUBSCRIPTION: Duration = Duration::from_secs(60);

/// The way to a subscription.
#[derive(Debug)]
pub struct Driver;

impl Driver {
    /// Begins with where and as whom the executor runs.
    #[must_use]
    pub fn builder(environment: Environment) -> Builder {
        Builder {
            environment,
            codec: Codec::default(),
            event_capacity: DEFAULT_EVENT_CAPACITY,
            acknowledgements: false,
        }
    }

    /// The same as [`Driver::builder`] and [`Builder::connect`], with nothing chosen.
    ///
    /// # Errors
    ///
    /// As [`Builder::connect`].
    pub fn connect(environment: Environment) -> Result<(Events, Calls), Error> {
        Self::builder(environment).connect()
    }
}

/// What can be chosen before connecting.
#[derive(Debug, Clone)]
pub struct Builder {
    environment: Environment,
    codec: Codec,
    event_capacity: usize,
    acknowledgements: bool,
}

impl Builder {
    /// The encoding on the wire. Default: protobuf.
    #[must_use]
    pub fn codec(mut self, codec: Codec) -> Self {
        self.codec = codec;
        self
    }

    /// How many events may wait before nothing more is read from the agent. Default: 64.
    #[must_use]
    pub fn event_capacity(mut self, events: usize) -> Self {
        self.event_capacity = events.max(1);
        self
    }

    /// Tells of [`Event::Acknowledged`] too. Default: no, as the driver keeps the books.
    ///
    /// Then keep reading events while [`Calls::flushed`] waits: an acknowledgement that
    /// nobody reads holds up the next one.
    #[must_use]
    pub fn acknowledgements(mut self, tell: bool) -> Self {
        self.acknowledgements = tell;
        self
    }

    /// Starts subscribing, in the background, on the current tokio runtime.
    ///
    /// # Errors
    ///
    /// [`Error::Setup`] only; whether the agent can be reached is told by the stream.
    pub fn connect(self) -> Result<(Events, Calls), Error> {
        let environment = self.environment;
        let tls = environment.tls().map_err(|error| Error::Setup(error.to_string()))?;
        let http = Http::new(self.codec, None, tls)?.with_bearer(environment.token());
        let (items, receiver) = mpsc::channel(self.event_capacity);
        let (control, control_receiver) = mpsc::unbounded_channel();
        let (links, links_receiver) = watch::channel(None);
        let ledger = Ledger::new();
        let rules = ExecutorRules { environment: environment.clone(), ledger: ledger.clone() };
        let queue = calls::start(http.clone(), links_receiver, control.clone(), rules);
        let session = Session::new(config(&environment));
        let side = ExecutorSide {
            environment: environment.clone(),
            ledger: ledger.clone(),
            queue: queue.clone(),
            acknowledgements: self.acknowledgements,
        };
        let channels = Channels { items, control: control_receiver, links };
        let agent = Input::Master(vec![environment.endpoint.clone()]);
        let agent = stream::once(async { agent }).boxed();
        tokio::spawn(Pump::new(side, session, http, agent, channels).run());
        Ok((Events { receiver, _control: control }, Calls { queue, ledger, environment }))
    }
}

fn config(environment: &Environment) -> Config {
    let longest = environment.subscription_backoff_max.unwrap_or(Backoff::EXECUTOR.longest);
    let backoff = Backoff { longest: longest.min(Backoff::EXECUTOR.longest), ..Backoff::EXECUTOR };
    let after_loss =
        if environment.checkpoint { environment.recovery_timeout } else { Duration::ZERO };
    Config {
        needs_stream_id: false,
        backoff,
        give_up_first: Some(FIRST_SUBSCRIPTION),
        give_up_after: Some(after_loss),
        subscribe_timeout: SUBSCRIBE_TIMEOUT,
    }
}

/// The events of an executor. Dropping it ends the driver.
#[derive(Debug)]
pub struct Events {
    receiver: mpsc::Receiver<Result<Event, Error>>,
    /// Keeps the pump's way to be stopped open.
    _control: mpsc::UnboundedSender<crate::client::link::Control>,
}

impl Events {
    /// The next event, or `None` after the driver's own [`Event::Shutdown`].
    pub async fn next(&mut self) -> Option<Result<Event, Error>> {
        self.receiver.recv().await
    }
}

impl Stream for Events {
    type Item = Result<Event, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.receiver.poll_recv(context)
    }
}

/// What the pump needs to know of executors.
struct ExecutorSide {
    environment: Environment,
    ledger: Ledger,
    queue: Queue<Call>,
    acknowledgements: bool,
}

impl Side for ExecutorSide {
    type Event = WireEvent;
    type Item = Event;

    fn subscribe(&mut self, http: &Http) -> Vec<u8> {
        http.codec().encode(&subscribe(&self.environment, &self.ledger))
    }

    fn for_session(&self, event: &WireEvent) -> Input {
        // An agent heartbeats every half hour, so silence tells nothing: the stream is
        // local and its end is.
        if event.subscribed.is_some() {
            Input::Subscribed { heartbeat: None }
        } else {
            Input::Heard
        }
    }

    fn learn(&mut self, event: &WireEvent) {
        if let Some(acknowledged) = &event.acknowledged {
            self.ledger.acknowledged(&acknowledged.task_id.value, &acknowledged.uuid);
        }
        if let Some(launch) = &event.launch {
            self.ledger.launched(launch.task.clone());
        }
        if let Some(launch) = &event.launch_group {
            launch.task_group.tasks.iter().for_each(|task| self.ledger.launched(task.clone()));
        }
    }

    fn for_user(&mut self, event: WireEvent, first: bool) -> Option<Result<Event, Error>> {
        if event.subscribed.is_some() {
            // What was made while SUBSCRIBE was under way is in nothing that the agent got.
            self.ledger.unlisted().into_iter().for_each(|it| drop(self.queue.push(update(it))));
        }
        if event.acknowledged.is_some() && !self.acknowledgements {
            return None;
        }
        convert(event, first)
    }

    fn framework_id(&self) -> Option<FrameworkId> {
        Some(self.environment.framework_id.clone())
    }

    fn down(&mut self, reason: String) -> Event {
        Event::Disconnected { reason }
    }

    fn last(&mut self) -> Option<Event> {
        Some(Event::Shutdown)
    }
}
