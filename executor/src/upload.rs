//! Brings one result to the file server.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use protocol::paths;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Response, StatusCode};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use url::Url;

use crate::{classify, shown};

/// Waits between tries. An upload can be repeated: the same bytes go to the same name.
const WAITS: [Duration; 3] =
    [Duration::from_millis(200), Duration::from_millis(600), Duration::from_millis(1800)];
/// How much of an answer is read.
const MAX_ANSWER_BYTES: usize = 16 << 10;
/// How much of a refusal is told.
const MAX_TOLD_CHARACTERS: usize = 200;

/// A processed picture to store.
#[derive(Debug, Clone)]
pub struct Picture<'a> {
    /// The job whose result it is.
    pub job: &'a str,
    /// Its file name.
    pub name: &'a str,
    /// Its media type.
    pub media_type: &'static str,
    /// The file.
    pub bytes: Bytes,
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

/// Why a result is not stored: one sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Failure(String);

/// What came of one try.
enum Failed {
    /// May go better.
    Again(String),
    /// Will not.
    Final(String),
}

/// What the file server says it stored.
#[derive(Deserialize)]
struct Receipt {
    bytes: u64,
    sha256: String,
}

impl FileServer<'_> {
    /// Stores `picture` and gives its SHA-256 in hexadecimal, once the file server has
    /// confirmed size and digest. Breaks in the connection and failures of the server are
    /// tried again a few times.
    ///
    /// # Errors
    ///
    /// When the file server refuses the result or cannot be reached.
    pub async fn store(&self, picture: &Picture<'_>) -> Result<String, Failure> {
        let url = self.url(picture)?;
        let digest = Sha256::digest(&picture.bytes);
        let mut waits = WAITS.iter();
        loop {
            match (self.attempt(&url, picture, &digest).await, waits.next()) {
                (Ok(()), _) => return Ok(hex(&digest)),
                (Err(Failed::Again(why)), Some(wait)) => {
                    tracing::debug!("the upload is tried again: {why}");
                    tokio::time::sleep(*wait).await;
                }
                (Err(Failed::Again(why)), None) => {
                    let tries = WAITS.len() + 1;
                    return Err(Failure(format!("{why}, {tries} times")));
                }
                (Err(Failed::Final(why)), _) => return Err(Failure(why)),
            }
        }
    }

    fn url(&self, picture: &Picture<'_>) -> Result<Url, Failure> {
        let path = paths::upload(picture.job, picture.name);
        self.base.join(&path).map_err(|error| Failure(format!("no URL for {path}: {error}")))
    }

    async fn attempt(&self, url: &Url, picture: &Picture<'_>, digest: &[u8]) -> Result<(), Failed> {
        let mut request = self
            .client
            .put(url.clone())
            .header(CONTENT_TYPE, picture.media_type)
            .header(paths::DIGEST_HEADER, format!("sha-256=:{}:", STANDARD.encode(digest)))
            .body(picture.bytes.clone());
        if let Some(token) = self.token {
            request = request.bearer_auth(token);
        }
        if let Some(timeout) = self.timeout {
            request = request.timeout(timeout);
        }
        let response = request.send().await.map_err(|error| broken(url, &error))?;
        let status = response.status();
        let answer = answer(response).await.map_err(|error| broken(url, &error))?;
        if status.is_success() {
            confirm(url, &answer, picture.bytes.len(), digest)
        } else {
            Err(refused(url, status, &answer))
        }
    }
}

fn broken(url: &Url, error: &reqwest::Error) -> Failed {
    let reason = classify::request(error);
    Failed::Again(format!(
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
    if again { Failed::Again(why) } else { Failed::Final(why) }
}

/// The file server must have stored exactly what was sent.
fn confirm(url: &Url, answer: &[u8], bytes: usize, digest: &[u8]) -> Result<(), Failed> {
    let shown = shown::url(url);
    let receipt: Receipt = serde_json::from_slice(answer).map_err(|_| {
        Failed::Final(format!("what answers at {shown} is not this project's file server"))
    })?;
    if receipt.bytes == bytes as u64 && receipt.sha256 == hex(digest) {
        return Ok(());
    }
    Err(Failed::Again(format!(
        "the file server stored other bytes for {shown} than were sent: {} of {bytes} with SHA-256 {}",
        receipt.bytes, receipt.sha256
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

/// Lower-case hexadecimal.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
