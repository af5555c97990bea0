//! A connection on which requests do not wait for the answers to those before them.
//!
//! Answers come in the order of the requests, so that a call needs neither a connection of its own
//! nor a turn there and back of its own. Mesos' own library does so too.

use std::collections::VecDeque;
use std::error::Error as StdError;
use std::future::pending;
use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tower::ServiceExt;

use super::http::{CONNECT_TIMEOUT, describe};
use super::response::{After, Response, Responses};
use super::tls::Tls;

/// How long an answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// A connection that was not used for so long may have been forgotten on the way.
const MAX_IDLE: Duration = Duration::from_secs(60);
/// How often, and with how many tries, a silent connection is probed.
const KEEPALIVE: Duration = Duration::from_secs(15);
const KEEPALIVE_RETRIES: u32 = 3;
/// How many requests may be without an answer.
const MAX_WINDOW: usize = 128;
const READ_BYTES: usize = 16 * 1024;
const CLOSED: &str = "the connection was closed";

type Connector = HttpsConnector<HttpConnector>;
type Stream = TokioIo<MaybeHttpsStream<TokioIo<TcpStream>>>;
type Connecting = BoxFuture<'static, Result<Stream, Broken>>;

/// Why there is no answer, nor one to any request after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Broken {
    /// It took too long.
    Timeout,
    /// The connection could not be made, or failed.
    Failed(String),
}

/// Requests in, answers out.
pub(crate) struct Pipeline {
    connector: Connector,
    /// Scheme, host and port.
    origin: Uri,
    connecting: Option<Connecting>,
    connection: Option<Connection>,
    /// Those without an answer, oldest first.
    waiting: VecDeque<Request>,
}

/// A request as it goes over the wire, and until when it waits for its answer, once it was written.
struct Request {
    bytes: Bytes,
    until: Option<Instant>,
}

struct Connection {
    reader: ReadHalf<Stream>,
    writer: WriteHalf<Stream>,
    unsent: BytesMut,
    needs_flush: bool,
    received: BytesMut,
    responses: Responses,
    /// How many of those that wait are on it.
    written: usize,
    /// How many may be. It begins with one, as nobody knows yet whether the other side takes more
    /// than one request on a connection, and doubles with each answer.
    window: usize,
    used: Instant,
    /// Why nothing more comes.
    failure: Option<String>,
}

impl Pipeline {
    pub(crate) fn new(tls: &Tls) -> Self {
        let mut http = HttpConnector::new();
        http.set_nodelay(true);
        http.set_connect_timeout(Some(CONNECT_TIMEOUT));
        http.set_keepalive(Some(KEEPALIVE));
        http.set_keepalive_interval(Some(KEEPALIVE));
        http.set_keepalive_retries(Some(KEEPALIVE_RETRIES));
        #[cfg(target_os = "linux")]
        http.set_tcp_user_timeout(Some(ANSWER_TIMEOUT));
        http.enforce_http(false);
        let builder = HttpsConnectorBuilder::new().with_tls_config(tls.config());
        let connector = builder.https_or_http().enable_http1().wrap_connector(http);
        let (connecting, connection) = (None, None);
        Self { connector, origin: Uri::default(), connecting, connection, waiting: VecDeque::new() }
    }

    /// Whether one more request would be sent at once.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting.len() < self.connection.as_ref().map_or(1, |connection| connection.window)
    }

    /// Sends a request there, as soon as somebody waits for [`Self::next`]. Those that still wait
    /// must go to the same place: see [`Self::drop_all`].
    pub(crate) fn push(&mut self, origin: &Uri, bytes: Bytes) {
        if self.origin != *origin {
            self.drop_all();
            self.origin = origin.clone();
        }
        self.waiting.push_back(Request { bytes, until: None });
    }

    /// The answer to the oldest request. Waits for ever while there is none. Dropping the wait
    /// loses nothing.
    ///
    /// # Errors
    ///
    /// When there will be no answer. Whether the requests that were sent took effect is unknown
    /// then; they are still there for [`Self::drop_all`].
    pub(crate) async fn next(&mut self) -> Result<Response, Broken> {
        loop {
            let Some(oldest) = self.waiting.front() else { return pending().await };
            let step = match oldest.until {
                Some(until) => timeout_at(until, self.step()).await.unwrap_or(Err(Broken::Timeout)),
                None => self.step().await,
            };
            if let Some(response) = step? {
                self.answered(&response);
                return Ok(response);
            }
        }
    }

    /// Forgets all requests and gives the connection up; how many of them may have taken effect.
    pub(crate) fn drop_all(&mut self) -> usize {
        let sent = self.connection.take().map_or(0, |connection| connection.written);
        self.connecting = None;
        self.waiting.clear();
        sent
    }

    /// Forgets the requests that were not written yet; how many they were.
    pub(crate) fn drop_unsent(&mut self) -> usize {
        let sent = self.connection.as_ref().map_or(0, |connection| connection.written);
        let unsent = self.waiting.len().saturating_sub(sent);
        self.waiting.truncate(sent);
        unsent
    }

    fn answered(&mut self, response: &Response) {
        self.waiting.pop_front();
        let Some(connection) = &mut self.connection else { return };
        connection.written = connection.written.saturating_sub(1);
        connection.window = (connection.window * 2).min(MAX_WINDOW);
        connection.used = Instant::now();
        match response.after {
            After::Next => {}
            After::Lost if connection.written > 0 => connection.failure = Some(CLOSED.to_owned()),
            // What was sent after it goes again: it was not looked at.
            After::Lost | After::Closed => {
                self.connection = None;
                self.waiting.iter_mut().for_each(|request| request.until = None);
            }
        }
    }

    /// Does what comes next; it may have to be called again.
    async fn step(&mut self) -> Result<Option<Response>, Broken> {
        if self.connection.as_mut().is_some_and(|connection| !connection.is_usable()) {
            self.connection = None;
        }
        let Some(connection) = &mut self.connection else {
            return self.connect().await.map(|()| None);
        };
        connection.fill(&mut self.waiting);
        connection.exchange().await.map_err(Broken::Failed)
    }

    async fn connect(&mut self) -> Result<(), Broken> {
        let (connector, origin) = (&self.connector, &self.origin);
        let connecting = self
            .connecting
            .get_or_insert_with(|| connect(connector.clone(), origin.clone()).boxed());
        let stream = connecting.await;
        self.connecting = None;
        self.connection = Some(Connection::new(stream?));
        Ok(())
    }
}

async fn connect(connector: Connector, origin: Uri) -> Result<Stream, Broken> {
    let stream = timeout(CONNECT_TIMEOUT, connector.oneshot(origin)).await;
    let stream = stream.map_err(|_| Broken::Timeout)?;
    stream.map(TokioIo::new).map_err(|error| {
        let error: &(dyn StdError + 'static) = &*error;
        if is_timeout(error) { Broken::Timeout } else { Broken::Failed(describe(error)) }
    })
}

fn is_timeout(error: &(dyn StdError + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(current) = cause {
        let io: Option<&io::Error> = current.downcast_ref();
        if io.is_some_and(|error| error.kind() == io::ErrorKind::TimedOut) {
            return true;
        }
        cause = current.source();
    }
    false
}

impl Connection {
    fn new(stream: Stream) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        Self {
            reader,
            writer,
            unsent: BytesMut::new(),
            needs_flush: false,
            received: BytesMut::with_capacity(READ_BYTES),
            responses: Responses::default(),
            written: 0,
            window: 1,
            used: Instant::now(),
            failure: None,
        }
    }

    /// Whether a request can be sent on it. One that nothing is awaited from may have been closed
    /// meanwhile, or be in disorder.
    fn is_usable(&mut self) -> bool {
        let is_in_use = self.written > 0;
        let is_clean = self.unsent.is_empty()
            && self.received.is_empty()
            && self.responses.is_idle()
            && self.failure.is_none();
        is_in_use
            || is_clean
                && self.used.elapsed() < MAX_IDLE
                && self.reader.read_buf(&mut self.received).now_or_never().is_none()
    }

    /// Takes requests on.
    fn fill(&mut self, waiting: &mut VecDeque<Request>) {
        if self.failure.is_some() {
            return;
        }
        let room = self.window.saturating_sub(self.written);
        for request in waiting.iter_mut().skip(self.written).take(room) {
            self.unsent.extend_from_slice(&request.bytes);
            request.until = Some(Instant::now() + ANSWER_TIMEOUT);
            self.written += 1;
            self.needs_flush = true;
        }
    }

    /// Writes and reads until there is something new.
    async fn exchange(&mut self) -> Result<Option<Response>, String> {
        let response = self.responses.next(&mut self.received);
        if let Some(response) = response.map_err(|error| error.to_string())? {
            return Ok(Some(response));
        }
        self.received.reserve(READ_BYTES);
        tokio::select! {
            biased;
            sent = send(&mut self.writer, &mut self.unsent), if self.needs_flush => {
                self.sent(sent);
                Ok(None)
            }
            read = self.reader.read_buf(&mut self.received) => match read {
                Ok(0) => self.closed(),
                Ok(_) => Ok(None),
                Err(error) => Err(self.failure.take().unwrap_or_else(|| describe(&error))),
            }
        }
    }

    fn sent(&mut self, sent: io::Result<bool>) {
        match sent {
            Ok(is_all) => self.needs_flush = !is_all,
            // What the other side answered before it broke off may still be there to be read.
            Err(error) => {
                self.failure = Some(describe(&error));
                self.unsent.clear();
                self.needs_flush = false;
            }
        }
    }

    /// The other side has ended it.
    fn closed(&mut self) -> Result<Option<Response>, String> {
        let response = self.responses.end(&self.received).map_err(|error| error.to_string())?;
        self.received.clear();
        let failure = self.failure.get_or_insert_with(|| CLOSED.to_owned());
        response.map(Some).ok_or_else(|| failure.clone())
    }
}

/// Writes some of the bytes, or sees that all that were written are on their way: true then.
/// Dropping the wait loses nothing.
async fn send(writer: &mut WriteHalf<Stream>, unsent: &mut BytesMut) -> io::Result<bool> {
    if unsent.is_empty() {
        writer.flush().await?;
        return Ok(true);
    }
    writer.write_buf(unsent).await?;
    Ok(false)
}
