//! The driver: subscribes, keeps subscribed, and connects events and calls.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use tokio::sync::{mpsc, watch};

use super::Calls;
use super::event::{Event, convert, heartbeat};
use super::gate::Gate;
use super::offers::{OfferBook, SchedulerRules};
use super::subscription::{Subscription, Wishes};
use crate::backoff::Backoff;
use crate::client::http::Http;
use crate::client::pump::{Channels, Masters, Pump, Side};
use crate::client::tls::Tls;
use crate::client::{Error, calls};
use crate::codec::Codec;
use crate::detect::{Detection, MasterDetector, News};
use crate::framework_id::FrameworkIdStore;
use crate::master::{Credential, Master, MasterSpec};
use crate::session::{Config, Input, Session};
use crate::v1::scheduler::{Event as WireEvent, OfferConstraints, event};
use crate::v1::{FrameworkId, FrameworkInfo};

/// How many events wait for a slow user before nothing more is read.
const DEFAULT_EVENT_CAPACITY: usize = 64;
/// How long a master may take to answer SUBSCRIBE.
const SUBSCRIBE_TIMEOUT: Duration = Duration::from_secs(15);
/// Where schedulers talk to masters.
const PATH: &str = "/api/v1/scheduler";

/// The way to a subscription.
#[derive(Debug)]
pub struct Driver;

impl Driver {
    /// Begins with what the master shall know of the framework.
    ///
    /// With `framework.id` set, the scheduler takes over the tasks of that framework.
    #[must_use]
    pub fn builder(framework: FrameworkInfo) -> Builder {
        Builder {
            wishes: Wishes { framework, ..Wishes::default() },
            id_store: None,
            master: None,
            credential: None,
            tls: None,
            codec: Codec::default(),
            backoff: Backoff::SCHEDULER,
            event_capacity: DEFAULT_EVENT_CAPACITY,
        }
    }
}

/// What can be chosen before connecting.
#[derive(Clone)]
pub struct Builder {
    wishes: Wishes,
    id_store: Option<Arc<dyn FrameworkIdStore>>,
    master: Option<MasterSpec>,
    credential: Option<Credential>,
    tls: Option<Tls>,
    codec: Codec,
    backoff: Backoff,
    event_capacity: usize,
}

impl Builder {
    /// The framework as it will subscribe.
    #[must_use]
    pub fn framework(&self) -> &FrameworkInfo {
        &self.wishes.framework
    }

    /// Where the master is. Without it: `127.0.0.1:5050`.
    #[must_use]
    pub fn master(mut self, master: MasterSpec) -> Self {
        self.master = Some(master);
        self
    }

    /// Who we say we are; also fills `FrameworkInfo.principal`. `None`: nobody.
    #[must_use]
    pub fn credential(mut self, credential: Option<Credential>) -> Self {
        if let Some(credential) = &credential {
            self.wishes.framework.principal = Some(credential.principal.clone());
        }
        self.credential = credential;
        self
    }

    /// Roles to begin with that get no offers. Default: none. Those that are not roles of
    /// the framework are left out, as the master would refuse the subscription.
    ///
    /// [`Calls::suppress`], [`Calls::revive`] and [`Calls::update_framework`] change them;
    /// every later subscription is made with what they left.
    #[must_use]
    pub fn suppressed_roles(mut self, roles: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.wishes.suppressed = roles.into_iter().map(Into::into).collect();
        self
    }

    /// Which agents' offers are wanted, by role. Default: all.
    ///
    /// Source: MESOS "Scheduler HTTP API", SUBSCRIBE, `offer_constraints`.
    #[must_use]
    pub fn offer_constraints(mut self, constraints: OfferConstraints) -> Self {
        self.wishes.constraints = Some(constraints);
        self
    }

    /// Keeps the framework id in `store`. Default: nowhere.
    ///
    /// An id that is there already takes the place of `FrameworkInfo.id`, so that the scheduler
    /// comes back to its tasks. Otherwise the one that the master gives is kept as soon as it
    /// is known, and an ACCEPT waits for that: if the id cannot be kept, the call fails with
    /// [`CallError::NotKept`](crate::client::CallError::NotKept) and nothing is launched. A
    /// teardown leaves it there; [`FrameworkIdStore::forget`] is for that.
    #[must_use]
    pub fn keep_id(mut self, store: impl FrameworkIdStore) -> Self {
        self.id_store = Some(Arc::new(store));
        self
    }

    /// Whom to trust and who we are over https. With it, masters that ZooKeeper names are
    /// spoken to by https. Default, with `None`: the certificate authorities of the system,
    /// no certificate of our own, and http for masters that ZooKeeper names.
    #[must_use]
    pub fn tls(mut self, tls: Option<Tls>) -> Self {
        self.tls = tls;
        self
    }

    /// The encoding on the wire. Default: protobuf.
    #[must_use]
    pub fn codec(mut self, codec: Codec) -> Self {
        self.codec = codec;
        self
    }

    /// Waits between tries. Default: [`Backoff::SCHEDULER`], without end.
    #[must_use]
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// How many events may wait before nothing more is read from the master. Default: 64.
    #[must_use]
    pub fn event_capacity(mut self, events: usize) -> Self {
        self.event_capacity = events.max(1);
        self
    }

    /// Starts subscribing, in the background, on the current tokio runtime.
    ///
    /// # Errors
    ///
    /// [`Error::Setup`] only; whether the master can be reached is told by the stream.
    pub fn connect(self) -> Result<(Events, Calls), Error> {
        let spec = self.master.clone().unwrap_or_else(default_master);
        let https = self.tls.is_some();
        self.connect_with(Detection::of(spec).https(https))
    }

    /// The same with the master that `detector` names instead of [`Builder::master`]'s.
    ///
    /// # Errors
    ///
    /// As [`Builder::connect`].
    pub fn connect_with(mut self, detector: impl MasterDetector) -> Result<(Events, Calls), Error> {
        let gate = self.gate()?;
        let tls = self.tls.map_or_else(Tls::system, Ok);
        let tls = tls.map_err(|error| Error::Setup(error.to_string()))?;
        let http = Http::new(self.codec, self.credential, tls)?;
        let (items, receiver) = mpsc::channel(self.event_capacity);
        let (control, control_receiver) = mpsc::unbounded_channel();
        let (links, links_receiver) = watch::channel(None);
        gate.watch(links_receiver.clone());
        let book = OfferBook::default();
        let subscription = Subscription::new(self.wishes);
        let rules = SchedulerRules { book: book.clone(), subscription: subscription.clone(), gate };
        let queue = calls::start(http.clone(), links_receiver, control.clone(), rules);
        let session = Session::new(config(self.backoff));
        let side = SchedulerSide { subscription: subscription.clone(), book };
        let channels = Channels { items, control: control_receiver, links };
        tokio::spawn(Pump::new(side, session, http, masters(detector), channels).run());
        Ok((Events(receiver), Calls { queue, control, subscription }))
    }

    /// The gate before ACCEPT; an id that was kept becomes the framework's.
    fn gate(&mut self) -> Result<Gate, Error> {
        let Some(store) = self.id_store.take() else { return Ok(Gate::default()) };
        let kept = store.load().map_err(|error| {
            Error::Setup(format!("the framework id cannot be read from its place: {error}"))
        })?;
        if kept.is_some() {
            self.wishes.framework.id.clone_from(&kept);
        }
        Ok(Gate::before(store, kept))
    }
}

/// Without the place of the framework id.
impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("framework", &self.wishes.framework)
            .field("master", &self.master)
            .field("credential", &self.credential)
            .field("codec", &self.codec)
            .finish_non_exhaustive()
    }
}

fn config(backoff: Backoff) -> Config {
    Config {
        needs_stream_id: true,
        backoff,
        give_up_first: None,
        give_up_after: None,
        subscribe_timeout: SUBSCRIBE_TIMEOUT,
    }
}

/// What the detector says, for the session.
fn masters(detector: impl MasterDetector) -> Masters {
    let input = |news: News| match news {
        Ok(master) => Input::Master(master.map_or_else(Vec::new, |master| master.endpoints(PATH))),
        Err(error) => {
            Input::DetectionFailed { message: error.to_string(), fatal: error.is_terminal() }
        }
    };
    detector.masters().map(input).boxed()
}

#[expect(clippy::expect_used, reason = "a constant")]
fn default_master() -> MasterSpec {
    Master::at(url::Url::parse("http://127.0.0.1:5050/").expect("a valid address")).into()
}

/// The events of a framework. Dropping it ends the driver, as a failover would.
#[derive(Debug)]
pub struct Events(mpsc::Receiver<Result<Event, Error>>);

impl Events {
    /// The next event, or `None` after [`Calls::stop`] or a terminal error.
    pub async fn next(&mut self) -> Option<Result<Event, Error>> {
        self.0.recv().await
    }
}

impl Stream for Events {
    type Item = Result<Event, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}

/// What the pump needs to know of schedulers.
struct SchedulerSide {
    subscription: Subscription,
    book: OfferBook,
}

impl Side for SchedulerSide {
    type Event = WireEvent;
    type Item = Event;

    fn subscribe(&mut self, http: &Http) -> Vec<u8> {
        http.codec().encode(&self.subscription.subscribe())
    }

    fn for_session(&self, event: &WireEvent) -> Input {
        if let Some(subscribed) = &event.subscribed {
            return Input::Subscribed { heartbeat: heartbeat(subscribed) };
        }
        match &event.error {
            Some(event::Error { message }) => {
                Input::ErrorEvent { message: message.clone(), fatal: is_fatal(message) }
            }
            None => Input::Heard,
        }
    }

    fn for_user(&mut self, event: WireEvent, first: bool) -> Option<Result<Event, Error>> {
        let converted = convert(event, first)?;
        match &converted {
            Ok(Event::Offers(offers)) => self.book.add(offers.iter().map(|o| o.id.clone())),
            Ok(Event::OfferRescinded(id)) => {
                self.book.remove(id);
            }
            // The session has already reported it.
            Ok(Event::Error(_)) => return None,
            Ok(_) | Err(_) => {}
        }
        Some(converted)
    }

    fn learn(&mut self, event: &WireEvent) {
        if let Some(subscribed) = &event.subscribed {
            self.subscription.learn_id(subscribed.framework_id.clone());
        }
    }

    fn framework_id(&self) -> Option<FrameworkId> {
        self.subscription.framework_id()
    }

    fn down(&mut self, reason: String) -> Event {
        self.book.clear();
        Event::Disconnected { reason }
    }

    fn last(&mut self) -> Option<Event> {
        None
    }
}

/// Texts of ERROR events after which subscribing again with the same id cannot help.
///
/// Source: `Master::subscribe` and `Master::failoverFramework` of 1.11.0.
fn is_fatal(message: &str) -> bool {
    [
        "Framework has been removed",
        "Framework failed over",
        "Changing framework's principal",
        "Not authorized",
        "is not present in the master's --roles",
        "not a valid role",
        "Role ",
        "User 'root' is not allowed",
        "contains invalid",
    ]
    .iter()
    .any(|text| message.contains(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::scheduler::Call;

    #[test]
    fn subscribing_again_carries_the_id_in_both_places() {
        let subscription = Subscription::new(Wishes::default());
        let mut side = SchedulerSide { subscription, book: OfferBook::default() };
        side.learn(&WireEvent {
            subscribed: Some(event::Subscribed {
                framework_id: "f-1".into(),
                ..event::Subscribed::default()
            }),
            ..WireEvent::default()
        });
        let http = Http::new(Codec::Protobuf, None, Tls::system().unwrap()).unwrap();
        let call: Call = Codec::Protobuf.decode(&side.subscribe(&http)).unwrap();
        assert_eq!(call.framework_id, Some("f-1".into()));
        assert_eq!(call.subscribe.unwrap().framework_info.id, Some("f-1".into()));
    }

    #[test]
    fn a_removed_framework_is_final_and_a_passing_error_is_not() {
        assert!(is_fatal("Framework has been removed"));
        assert!(!is_fatal("Failed to authorize: timed out"));
    }
}
