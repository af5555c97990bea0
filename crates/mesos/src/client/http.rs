//! The transport: POST a message, read a stream or a short answer.

use std::error::Error as StdError;
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, LOCATION};
use reqwest::{Client, Response, redirect};
use url::{Position, Url};

use super::link::Link;
use crate::client::Error;
use crate::client::tls::{self, Tls};
use crate::codec::Codec;
use crate::master::Credential;

/// The header that ties calls to a subscription.
pub(crate) const STREAM_ID: HeaderName = HeaderName::from_static("mesos-stream-id");

/// How long connecting may take.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How much of an error's body is read.
const MAX_ERROR_BODY_BYTES: usize = 4096;

/// An HTTP client for the stream, and what calls beside it need: an encoding and perhaps a credential.
#[derive(Clone)]
pub(crate) struct Http {
    client: Client,
    codec: Codec,
    tls: Tls,
    credential: Option<Credential>,
    bearer: Option<String>,
}

/// What all calls of a subscription begin with, as it goes over the wire.
pub(crate) struct CallHead {
    origin: Uri,
    /// Up to the length of the body.
    text: Vec<u8>,
}

/// What is known of an answer before its body.
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) stream_id: Option<String>,
}

impl Http {
    pub(crate) fn new(
        codec: Codec,
        credential: Option<Credential>,
        tls: Tls,
    ) -> Result<Self, Error> {
        let client = Client::builder()
            .tls_backend_preconfigured(tls.config())
            .no_proxy()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_max_idle_per_host(1)
            .tcp_nodelay(true)
            .build()
            .map_err(|error| Error::Setup(describe(&error)))?;
        Ok(Self { client, codec, tls, credential, bearer: None })
    }

    /// The same with a bearer token, as agents want it.
    pub(crate) fn with_bearer(self, token: Option<&str>) -> Self {
        Self { bearer: token.map(str::to_owned), ..self }
    }

    pub(crate) fn codec(&self) -> Codec {
        self.codec
    }

    /// Sends SUBSCRIBE; the answer's body may be the event stream.
    pub(crate) async fn subscribe(&self, url: Url, body: Vec<u8>) -> Result<Response, String> {
        let request = self.post(url, body).header(ACCEPT, self.codec.media_type());
        request.send().await.map_err(|error| describe(&error))
    }

    /// What every other call of a subscription begins with.
    ///
    /// # Errors
    ///
    /// When the address or the credential cannot stand in a request.
    pub(crate) fn call_head(&self, link: &Link) -> Result<CallHead, String> {
        let mut request = self.post(link.endpoint.clone(), Vec::new());
        if let Some(stream_id) = &link.stream_id {
            request = request.header(STREAM_ID, stream_id);
        }
        CallHead::of(&request.build().map_err(|error| describe(&error))?)
    }

    pub(crate) fn tls(&self) -> &Tls {
        &self.tls
    }

    fn post(&self, url: Url, body: Vec<u8>) -> reqwest::RequestBuilder {
        let request =
            self.client.post(url).header(CONTENT_TYPE, self.codec.media_type()).body(body);
        match (&self.credential, &self.bearer) {
            (Some(credential), _) => {
                request.basic_auth(&credential.principal, Some(credential.secret()))
            }
            (None, Some(token)) => request.bearer_auth(token),
            (None, None) => request,
        }
    }
}

impl CallHead {
    fn of(request: &reqwest::Request) -> Result<Self, String> {
        let url = request.url();
        let origin =
            url[..Position::BeforePath].parse().map_err(|error| format!("{url}: {error}"))?;
        let host = &url[Position::BeforeHost..Position::BeforePath];
        let target = &url[Position::BeforePath..Position::AfterQuery];
        let mut text = format!("POST {target} HTTP/1.1\r\nhost: {host}\r\n").into_bytes();
        for (name, value) in request.headers() {
            for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                text.extend_from_slice(part);
            }
        }
        text.extend_from_slice(b"content-length: ");
        Ok(Self { origin, text })
    }

    /// Scheme, host and port.
    pub(crate) fn origin(&self) -> &Uri {
        &self.origin
    }

    /// The call with this body.
    pub(crate) fn request(&self, body: &[u8]) -> Bytes {
        let length = format!("{}\r\n\r\n", body.len());
        [self.text.as_slice(), length.as_bytes(), body].concat().into()
    }
}

/// The head of an answer.
pub(crate) fn head(response: &Response) -> Head {
    let text = |headers: &HeaderMap, name: HeaderName| {
        headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    Head {
        status: response.status().as_u16(),
        location: text(response.headers(), LOCATION),
        stream_id: text(response.headers(), STREAM_ID),
    }
}

/// The beginning of a short answer, for messages.
pub(crate) async fn short_body(mut response: Response) -> String {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let chunk: Bytes = chunk;
        let room = MAX_ERROR_BODY_BYTES.saturating_sub(body.len());
        body.extend(chunk.iter().take(room));
        if room == 0 {
            break;
        }
    }
    String::from_utf8_lossy(&body).trim().to_owned()
}

/// What people can act on: what is wrong with a certificate, or else the innermost
/// cause, such as "Connection refused (os error 111)".
pub(crate) fn describe(error: &(dyn StdError + 'static)) -> String {
    if let Some(text) = tls::describe(error) {
        return text;
    }
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
