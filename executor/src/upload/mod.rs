//! Brings one result to the file server: whole, or while it is being made.
//!
//! A whole result goes with its SHA-256 in the header `Repr-Digest`, and is sent again when
//! the connection breaks. A growing one goes in chunks, with the digest as a trailer; the file
//! server stores it only when the trailer has come and is right. Its bytes are not kept, so
//! sending it again is up to the caller.

mod growing;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use protocol::{Class, paths};
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue, TRAILER};
use reqwest::{Body, Client, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::time::timeout;
use url::Url;

use crate::{classify, shown};

pub use growing::{BrokenOff, Closed, Growing, Writer, growing};

/// Waits between tries. An upload can be repeated: the same bytes go to the same name.
pub const WAITS: [Duration; 3] =
    [Duration::from_millis(200), Duration::from_millis(600), Duration::from_millis(1800)];
/// How much of an answer is read.
const MAX_ANSWER_BYTES: usize = 16 << 10;
/// How much of a refusal is told.
const MAX_TOLD_CHARACTERS: usize = 200;

/// What a result is called.
#[derive(Debug, Clone, Copy)]
pub struct Label<'a> {
    /// The job whose result it is.
    pub job: &'a str,
    /// Its file name.
    pub name: &'a str,
    /// Its media type.
    pub media_type: &'static str,
}

/// Where results go, and with which right.
#[derive(Debug)]
pub struct FileServer<'a> {
    /// The client to use.
    pub client: &'a Client,
    /// Its address.
    pub base: &'a Url,
    /// Its token, if it wants one.
    pub token: Option<&'a str>,
    /// Time for one try; `None` for as long as it takes.
    pub timeout: Option<Duration>,
}

/// Why a result is not stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct Failure {
    /// Whether for want of room or otherwise.
    pub class: Class,
    sentence: String,
}

impl Failure {
    fn upload(sentence: String) -> Self {
        Self { class: Class::Upload, sentence }
    }
}

/// What came of one try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failed {
    /// May go better.
    Again(Failure),
    /// Will not.
    Final(Failure),
}

impl Failed {
    fn again(sentence: String) -> Self {
        Self::Again(Failure::upload(sentence))
    }

    fn finally(sentence: String) -> Self {
        Self::Final(Failure::upload(sentence))
    }
}

/// What the writer of a growing result knows at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// How much was written.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: [u8; 32],
}

impl Sum {
    /// The value of `Repr-Digest`.
    #[must_use]
    pub fn header(&self) -> HeaderValue {
        let text = format!("sha-256=:{}:", STANDARD.encode(self.sha256));
        // Base64 is always a valid value.
        HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// The SHA-256 in lower-case hexadecimal.
    #[must_use]
    pub fn hexadecimal(&self) -> String {
        self.sha256.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// How a growing result ended before its answer was due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stopped<E> {
    /// The upload took no more; its answer says why.
    Closed,
    /// There is no whole result, for a reason of its own.
    Source(E),
}

impl<E> From<Closed> for Stopped<E> {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

/// How a growing result failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotStored<E> {
    /// The upload.
    Upload(Failed),
    /// What was to be uploaded.
    Source(E),
}

/// What the file server says it stored.
#[derive(Deserialize)]
struct Receipt {
    bytes: u64,
    sha256: String,
}

impl FileServer<'_> {
    /// Stores a whole result and gives its SHA-256 in hexadecimal, once the file server has
    /// confirmed size and digest. Breaks in the connection and failures of the server are
    /// tried again a few times.
    ///
    /// # Errors
    ///
    /// When the file server refuses the result or cannot be reached.
    pub async fn store(&self, label: &Label<'_>, bytes: Bytes) -> Result<String, Failure> {
        let sum = Sum { bytes: bytes.len() as u64, sha256: Sha256::digest(&bytes).into() };
        let mut waits = WAITS.iter();
        loop {
            match (self.attempt(label, bytes.clone(), &sum).await, waits.next()) {
                (Ok(()), _) => return Ok(sum.hexadecimal()),
                (Err(Failed::Again(why)), Some(wait)) => {
                    tracing::debug!("the upload is tried again: {why}");
                    tokio::time::sleep(*wait).await;
                }
                (Err(Failed::Again(why)), None) => return Err(given_up(&why)),
                (Err(Failed::Final(why)), _) => return Err(why),
            }
        }
    }

    /// Stores, in one try, what `filling` writes into the [`Writer`] of `body`.
    ///
    /// # Errors
    ///
    /// When the file server does not take the result, or when `filling` fails. What was sent
    /// until then is dropped by the file server.
    pub async fn store_growing<T, E>(
        &self,
        label: &Label<'_>,
        body: Growing,
        filling: impl Future<Output = Result<(T, Sum), Stopped<E>>>,
    ) -> Result<(T, Sum), NotStored<E>> {
        let url = self.url(label).map_err(NotStored::Upload)?;
        let request = self.request(&url, label).header(TRAILER, digest_name());
        let mut answering = std::pin::pin!(send(&url, request.body(Body::wrap(body))));
        let filled = tokio::select! {
            biased;
            filled = filling => filled,
            answer = &mut answering => return Err(NotStored::Upload(too_early(&url, answer))),
        };
        match filled {
            Ok((filled, sum)) => {
                let receipt = self.in_time(&url, answering).await.map_err(NotStored::Upload)?;
                confirm(&url, &receipt, &sum).map_err(NotStored::Upload)?;
                Ok((filled, sum))
            }
            Err(Stopped::Closed) => {
                let answer = self.in_time(&url, answering).await;
                Err(NotStored::Upload(too_early(&url, answer)))
            }
            Err(Stopped::Source(error)) => Err(NotStored::Source(error)),
        }
    }

    fn url(&self, label: &Label<'_>) -> Result<Url, Failed> {
        let path = paths::upload(label.job, label.name);
        self.base
            .join(&path)
            .map_err(|error| Failed::finally(format!("no URL for {path}: {error}")))
    }

    fn request(&self, url: &Url, label: &Label<'_>) -> RequestBuilder {
        let request = self.client.put(url.clone()).header(CONTENT_TYPE, label.media_type);
        match self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn attempt(&self, label: &Label<'_>, bytes: Bytes, sum: &Sum) -> Result<(), Failed> {
        let url = self.url(label)?;
        let request = self.request(&url, label).header(digest_name(), sum.header()).body(bytes);
        let request = match self.timeout {
            Some(timeout) => request.timeout(timeout),
            None => request,
        };
        confirm(&url, &send(&url, request).await?, sum)
    }

    async fn in_time(
        &self,
        url: &Url,
        answering: impl Future<Output = Result<Vec<u8>, Failed>>,
    ) -> Result<Vec<u8>, Failed> {
        let Some(limit) = self.timeout else { return answering.await };
        timeout(limit, answering).await.unwrap_or_else(|_| {
            let shown = shown::url(url);
            Err(Failed::again(format!("the file server did not answer for {shown} in {limit:?}")))
        })
    }
}

/// The name of the header that carries the digest.
fn digest_name() -> HeaderName {
    HeaderName::from_static(paths::DIGEST_HEADER)
}

/// Tries that were all in vain.
#[must_use]
pub fn given_up(why: &Failure) -> Failure {
    let tries = WAITS.len() + 1;
    Failure { sentence: format!("{why}, {tries} times"), class: why.class }
}

/// Sends a request and gives the answer to it, if that is a success.
async fn send(url: &Url, request: RequestBuilder) -> Result<Vec<u8>, Failed> {
    let response = request.send().await.map_err(|error| broken(url, &error))?;
    let status = response.status();
    let answer = answer(response).await.map_err(|error| broken(url, &error))?;
    if status.is_success() { Ok(answer) } else { Err(refused(url, status, &answer)) }
}

/// What an answer means that did not wait for the end of the upload.
fn too_early(url: &Url, answer: Result<Vec<u8>, Failed>) -> Failed {
    let shown = shown::url(url);
    answer.err().unwrap_or_else(|| {
        Failed::again(format!("the file server called {shown} stored before it was sent"))
    })
}

fn broken(url: &Url, error: &reqwest::Error) -> Failed {
    let reason = classify::request(error);
    Failed::again(format!(
        "the file server did not take {} ({}): {}",
        shown::url(url),
        reason.class,
        reason.text
    ))
}

fn refused(url: &Url, status: StatusCode, answer: &[u8]) -> Failed {
    let text = String::from_utf8_lossy(answer);
    let line: String =
        text.lines().next().unwrap_or("").chars().take(MAX_TOLD_CHARACTERS).collect();
    let said = if line.is_empty() { String::new() } else { format!(": {line}") };
    let why =
        format!("the file server answered {status} to the upload of {}{said}", shown::url(url));
    let again = status.is_server_error()
        || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
    let is_full = status == StatusCode::INSUFFICIENT_STORAGE;
    let class = if is_full { Class::DiskFull } else { Class::Upload };
    let failure = Failure { class, sentence: why };
    if again { Failed::Again(failure) } else { Failed::Final(failure) }
}

/// The file server must have stored exactly what was sent.
fn confirm(url: &Url, answer: &[u8], sum: &Sum) -> Result<(), Failed> {
    let shown = shown::url(url);
    let receipt: Receipt = serde_json::from_slice(answer).map_err(|_| {
        Failed::finally(format!("what answers at {shown} is not this project's file server"))
    })?;
    if receipt.bytes == sum.bytes && receipt.sha256 == sum.hexadecimal() {
        return Ok(());
    }
    Err(Failed::again(format!(
        "the file server stored other bytes for {shown} than were sent: {} of {} with SHA-256 {}",
        receipt.bytes, sum.bytes, receipt.sha256
    )))
}

async fn answer(mut response: Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut answer = Vec::new();
    while let Some(piece) = response.chunk().await? {
        let room = MAX_ANSWER_BYTES.saturating_sub(answer.len());
        answer.extend(piece.iter().take(room));
        if room == 0 {
            break;
        }
    }
    Ok(answer)
}
