//! Runs a session against a socket and turns the stream into items.

use std::future::pending;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, Fuse};
use reqwest::Response;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::http::{Http, head, short_body};
use super::link::{Control, Link};
use super::{Error, jitter};
use crate::recordio::Decoder;
use crate::session::{Input, Output, Session, Time};
use crate::v1::FrameworkId;
use crate::wire::Wire;

/// What scheduler and executor do differently.
pub(crate) trait Side: Send + 'static {
    /// The event on the wire.
    type Event: Wire + Send;
    /// What the user of the stream gets.
    type Item: Send + 'static;

    /// The SUBSCRIBE call as it must be now, encoded.
    fn subscribe(&mut self, http: &Http) -> Vec<u8>;
    /// What `event` means for the session, beyond being a sign of life.
    fn for_session(&self, event: &Self::Event) -> Input;
    /// Takes note of what later calls need, before anything else is done with `event`.
    fn learn(&mut self, event: &Self::Event);
    /// What `event` is for the user, if anything.
    fn for_user(&mut self, event: Self::Event, first: bool) -> Option<Result<Self::Item, Error>>;
    /// The framework id for calls, once known.
    fn framework_id(&self) -> Option<FrameworkId>;
    /// The subscription is gone.
    fn down(&mut self, reason: String) -> Self::Item;
    /// The last item before the stream ends by itself, if this side has one.
    fn last(&mut self) -> Option<Self::Item>;
}

/// What the pump talks through.
pub(crate) struct Channels<I> {
    pub(crate) items: mpsc::Sender<Result<I, Error>>,
    pub(crate) control: mpsc::UnboundedReceiver<Control>,
    pub(crate) links: watch::Sender<Option<Link>>,
}

/// Who leads, as [`Input::Master`] or [`Input::DetectionFailed`].
pub(crate) type Masters = BoxStream<'static, Input>;

type Connecting = BoxFuture<'static, Result<Response, String>>;

/// The pump of one driver.
pub(crate) struct Pump<S: Side> {
    side: S,
    session: Session,
    http: Http,
    masters: Fuse<Masters>,
    channels: Channels<S::Item>,
    started: Instant,
    connecting: Option<Connecting>,
    stream: Option<Response>,
    decoder: Decoder,
    buffer: BytesMut,
    over: bool,
}

/// One thing that happened outside.
enum Happened {
    Input(Input),
    Response(Response),
    Bytes(Bytes),
    Stop,
}

impl<S: Side> Pump<S> {
    pub(crate) fn new(
        side: S,
        session: Session,
        http: Http,
        masters: Masters,
        channels: Channels<S::Item>,
    ) -> Self {
        Self {
            side,
            session,
            http,
            masters: masters.fuse(),
            channels,
            started: Instant::now(),
            connecting: None,
            stream: None,
            decoder: Decoder::default(),
            buffer: BytesMut::new(),
            over: false,
        }
    }

    pub(crate) async fn run(mut self) {
        while !self.over {
            match self.next().await {
                Happened::Input(input) => {
                    self.tell(input).await;
                }
                Happened::Response(response) => self.answered(response).await,
                Happened::Bytes(bytes) => self.received(&bytes).await,
                Happened::Stop => self.over = true,
            }
        }
        self.channels.links.send_replace(None);
    }

    /// Waits for whatever comes first; decides nothing.
    async fn next(&mut self) -> Happened {
        let wake_at = self.session.wake_at().map(|at| self.started + at);
        tokio::select! {
            biased;
            control = self.channels.control.recv() => match control {
                Some(Control::Lost(reason)) => Happened::Input(Input::SubscriptionLost(reason)),
                Some(Control::Stop) | None => Happened::Stop,
            },
            () = self.channels.items.closed() => Happened::Stop,
            Some(input) = self.masters.next() => Happened::Input(input),
            answer = connected(&mut self.connecting) => {
                self.connecting = None;
                match answer {
                    Ok(response) => Happened::Response(response),
                    Err(reason) => Happened::Input(Input::ConnectFailed(reason)),
                }
            },
            piece = received(&mut self.stream) => match piece {
                Ok(Some(bytes)) => Happened::Bytes(bytes),
                Ok(None) => Happened::Input(Input::StreamEnded("the stream was closed".into())),
                Err(reason) => Happened::Input(Input::StreamEnded(reason)),
            },
            () = at(wake_at) => Happened::Input(Input::Tick),
        }
    }

    async fn answered(&mut self, response: Response) {
        let head = head(&response);
        let body = if head.status == 200 {
            self.decoder = Decoder::default();
            self.buffer.clear();
            self.stream = Some(response);
            String::new()
        } else {
            short_body(response).await
        };
        let (status, location, stream_id) = (head.status, head.location, head.stream_id);
        self.tell(Input::Answered { status, location, stream_id, body }).await;
    }

    async fn received(&mut self, bytes: &Bytes) {
        self.buffer.extend_from_slice(bytes);
        while self.stream.is_some() && !self.over {
            match self.decoder.decode(&mut self.buffer) {
                Ok(Some(record)) => self.record(&record).await,
                Ok(None) => return,
                Err(error) => {
                    self.tell(Input::StreamEnded(error.to_string())).await;
                }
            }
        }
    }

    async fn record(&mut self, record: &Bytes) {
        match self.http.codec().decode::<S::Event>(record) {
            Ok(event) => {
                self.side.learn(&event);
                let first = self.tell(self.side.for_session(&event)).await;
                if let Some(item) = self.side.for_user(event, first) {
                    self.deliver(item).await;
                }
            }
            Err(error) => self.deliver(Err(Error::Protocol(error.to_string()))).await,
        }
    }

    /// Tells the session and does what it says; true if this was the first subscription.
    async fn tell(&mut self, input: Input) -> bool {
        let mut was_first = false;
        for output in self.session.handle(self.now(), jitter(), input) {
            match output {
                Output::Connect(url) => self.connect(url),
                Output::Hangup => self.hang_up(),
                Output::Up { endpoint, stream_id, first } => {
                    was_first = first;
                    let framework_id = self.side.framework_id();
                    let link = Link { endpoint, stream_id, framework_id };
                    self.channels.links.send_replace(Some(link));
                }
                Output::Down(reason) => {
                    let item = self.side.down(reason);
                    self.deliver(Ok(item)).await;
                }
                Output::Report(problem) => self.deliver(Err(Error::Transient(problem))).await,
                Output::GiveUp(problem) => {
                    self.deliver(Err(Error::terminal(problem))).await;
                    if let Some(item) = self.side.last() {
                        self.deliver(Ok(item)).await;
                    }
                    self.over = true;
                }
            }
        }
        was_first
    }

    fn connect(&mut self, url: url::Url) {
        self.stream = None;
        let body = self.side.subscribe(&self.http);
        let http = self.http.clone();
        self.connecting = Some(Box::pin(async move { http.subscribe(url, body).await }));
    }

    fn hang_up(&mut self) {
        self.connecting = None;
        self.stream = None;
        self.channels.links.send_replace(None);
    }

    /// Hands an item over. While the user is too slow to take it nothing is read, so
    /// that silence is ours and does not count against the other side.
    async fn deliver(&mut self, item: Result<S::Item, Error>) {
        if self.channels.items.send(item).await.is_err() {
            self.over = true;
        }
        let now = self.now();
        self.session.handle(now, 0.0, Input::Heard);
    }

    fn now(&self) -> Time {
        self.started.elapsed()
    }
}

async fn connected(connecting: &mut Option<Connecting>) -> Result<Response, String> {
    match connecting {
        Some(future) => future.await,
        None => pending().await,
    }
}

async fn received(stream: &mut Option<Response>) -> Result<Option<Bytes>, String> {
    match stream {
        Some(response) => response.chunk().await.map_err(|error| super::http::describe(&error)),
        None => pending().await,
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}
