//! The client for downloads. Its connections read little ahead.
//!
//! That of `reqwest` has no limit to set: a connection on which much comes at once reads 400 KiB
//! at a time, and has two of such pieces waiting, which is more than all else that a picture
//! takes on its way through. Requests and answers are those of `reqwest` all the same.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Body, RequestBuilder, Response};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower::Service;
use url::Url;

use super::resolver::Resolver;
use super::{IDLE_CONNECTION, IDLE_CONNECTIONS};
use crate::probe;

/// How much a connection reads at a time, and the longest head of an answer. Two such pieces
/// are there at once: one in use, and one behind it.
pub(crate) const READ_BYTES: usize = 32 << 10;
/// How long an origin may be silent before it is asked whether it is still there, and how
/// often: as `reqwest` does it.
const KEEPALIVE: Duration = Duration::from_secs(15);
const KEEPALIVES: u32 = 3;

/// A client for downloads. Its clones share their connections.
#[derive(Debug, Clone)]
pub struct Origin {
    requests: reqwest::Client,
    client: Client<Connector, Body>,
}

/// A request that is not sent yet.
#[derive(Debug)]
pub struct Request {
    builder: RequestBuilder,
    client: Client<Connector, Body>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// There cannot be such a request.
    #[error(transparent)]
    Request(#[from] reqwest::Error),
    /// There is no connection, or it broke.
    #[error(transparent)]
    Connection(#[from] legacy::Error),
}

impl Broken {
    /// Whether it did not even come to a connection.
    #[must_use]
    pub fn is_connect(&self) -> bool {
        match self {
            Self::Request(error) => error.is_connect(),
            Self::Connection(error) => error.is_connect(),
        }
    }
}

impl Origin {
    pub(super) fn new(
        requests: reqwest::Client,
        tls: ClientConfig,
        resolver: Resolver,
        connect_timeout: Option<Duration>,
    ) -> Self {
        let mut http = HttpConnector::new_with_resolver(resolver);
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(connect_timeout);
        http.set_keepalive(Some(KEEPALIVE));
        http.set_keepalive_interval(Some(KEEPALIVE));
        http.set_keepalive_retries(Some(KEEPALIVES));
        let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
        let https = https.enable_http1().wrap_connector(http);
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_CONNECTION)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .http1_max_buf_size(READ_BYTES)
            .build(Connector { https, patience: connect_timeout });
        Self { requests, client }
    }

    /// A GET of `url`.
    #[must_use]
    pub fn get(&self, url: &Url) -> Request {
        Request { builder: self.requests.get(url.clone()), client: self.client.clone() }
    }
}

impl Request {
    /// The same with one header more.
    #[must_use]
    pub fn header<V>(self, name: HeaderName, value: V) -> Self
    where
        HeaderValue: TryFrom<V>,
        <HeaderValue as TryFrom<V>>::Error: Into<http::Error>,
    {
        Self { builder: self.builder.header(name, value), client: self.client }
    }

    /// Sends it and waits for the head of the answer.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub async fn send(self) -> Result<Response, Broken> {
        let request = http::Request::<Body>::try_from(self.builder.build()?)?;
        Ok(self.client.request(request).await?.map(Body::wrap).into())
    }
}

/// Makes connections, in time.
#[derive(Debug, Clone)]
struct Connector {
    https: HttpsConnector<HttpConnector<Resolver>>,
    patience: Option<Duration>,
}

type Connection = MaybeHttpsStream<TokioIo<TcpStream>>;
type AnyError = Box<dyn Error + Send + Sync>;

impl Service<Uri> for Connector {
    type Response = Connection;
    type Error = AnyError;
    type Future = Pin<Box<dyn Future<Output = Result<Connection, AnyError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), AnyError>> {
        self.https.poll_ready(context)
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let (connecting, patience) = (self.https.call(target), self.patience);
        Box::pin(probe::connecting(async move {
            let Some(limit) = patience else { return connecting.await };
            let late = |_| Err(io::Error::from(io::ErrorKind::TimedOut).into());
            timeout(limit, connecting).await.unwrap_or_else(late)
        }))
    }
}
