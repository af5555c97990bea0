//! Downloads one image within its limits.
//!
//! [`Download::open`] follows the redirects by hand until an answer is a success; what comes
//! then are the pieces of [`Incoming`]. [`Download::run`] puts them together.

mod deadline;
mod incoming;
mod trip;

use std::time::Duration;

use protocol::{Class, Limits};
use reqwest::header::USER_AGENT;
use reqwest::{Client, Response};
use tokio::time::Instant;
use url::Url;

use crate::budget::{Budget, MAX_BUFFERED_BYTES, Place};

use deadline::Deadline;
pub use incoming::Incoming;
pub use trip::Failure;
use trip::Trip;

/// Redirects that are followed when the task sets no limit: a loop ends even so.
const MAX_REDIRECTS: u32 = 100;

/// A downloaded file.
#[derive(Debug)]
pub struct Fetched {
    /// The file.
    pub bytes: Vec<u8>,
    /// The status of the answer.
    pub http_status: u16,
    /// Where redirects led, without credentials; `None` if there were none.
    pub final_url: Option<String>,
    /// Time spent waiting for memory, which is not the origin's fault.
    pub waited: Duration,
    /// The memory that was set aside for the file.
    pub memory: Option<Place>,
}

/// One download: what stays the same over its redirects.
#[derive(Debug)]
pub struct Download<'a> {
    /// A client that follows no redirects and has the connect deadline.
    pub client: &'a Client,
    /// What this image may cost.
    pub limits: &'a Limits,
    /// What the origin sees as `User-Agent`; empty for none.
    pub user_agent: &'a str,
    /// The memory to share.
    pub budget: &'a Budget,
}

impl Download<'_> {
    /// Fetches the whole of `url`.
    ///
    /// # Errors
    ///
    /// A class and a sentence when there is no file within the limits.
    pub async fn run(&self, url: &str) -> Result<Fetched, Failure> {
        let mut incoming = self.open(url).await?;
        let announced = incoming.announced_bytes();
        let before = Instant::now();
        let memory = self.budget.memory(announced.unwrap_or(self.cap_bytes())).await;
        let waited = before.elapsed();
        incoming.excuse(waited);
        let mut bytes = Vec::with_capacity(capacity(announced));
        while let Some(piece) = incoming.next().await? {
            bytes.extend_from_slice(&piece);
        }
        let http_status = incoming.http_status();
        let final_url = incoming.final_url().map(str::to_owned);
        Ok(Fetched { bytes, http_status, final_url, waited, memory })
    }

    /// Asks for `url`, following redirects, until its pieces can come.
    ///
    /// # Errors
    ///
    /// A class and a sentence when they will not.
    pub async fn open(&self, url: &str) -> Result<Incoming, Failure> {
        let first = trip::parse(url)?;
        let deadline = Deadline::new(Limits::duration(self.limits.download_timeout_ms));
        let (last, response) = self.follow(&first, &deadline).await?;
        let mut trip = Trip::new(&first, &last);
        trip.http_status = Some(response.status().as_u16());
        trip.refuse_status(&response)?;
        Incoming::new(response, trip, *self.limits, self.cap_bytes(), deadline)
    }

    /// The first answer that is no redirect, and where it came from.
    async fn follow(&self, first: &Url, deadline: &Deadline) -> Result<(Url, Response), Failure> {
        let max =
            if self.limits.max_redirects > 0 { self.limits.max_redirects } else { MAX_REDIRECTS };
        let mut at = first.clone();
        for _ in 0..=max {
            let response = self.ask(first, &at, deadline).await?;
            match Trip::new(first, &at).target(&at, &response)? {
                Some(next) => at = next,
                None => return Ok((at, response)),
            }
        }
        let text = format!("leads in circles or too far: more than {max} redirects");
        Err(Trip::new(first, &at).fail(Class::Redirect, &text))
    }

    /// One request, until the head of the answer.
    async fn ask(&self, first: &Url, at: &Url, deadline: &Deadline) -> Result<Response, Failure> {
        let mut request = self.client.get(at.clone());
        if !self.user_agent.is_empty() {
            request = request.header(USER_AGENT, self.user_agent);
        }
        let trip = Trip::new(first, at);
        let connect = Limits::duration(self.limits.connect_timeout_ms);
        let idle = Limits::duration(self.limits.idle_timeout_ms);
        let silence = idle.map(|idle| idle.saturating_add(connect.unwrap_or_default()));
        match deadline.within(silence, request.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(trip.broken(&error, self.limits)),
            Err(limit) => {
                Err(trip.fail(Class::Timeout, &format!("did not answer within {limit:?}")))
            }
        }
    }

    /// Without a limit in the task, what fits into memory is the limit.
    fn cap_bytes(&self) -> u64 {
        match self.limits.max_download_bytes {
            0 => MAX_BUFFERED_BYTES,
            limit => limit.min(MAX_BUFFERED_BYTES),
        }
    }
}

/// A first allocation: what is announced, but no more than a modest picture before
/// anything came.
fn capacity(announced: Option<u64>) -> usize {
    const MODEST_BYTES: u64 = 4 << 20;
    usize::try_from(announced.unwrap_or(0).min(MODEST_BYTES)).unwrap_or(0)
}
