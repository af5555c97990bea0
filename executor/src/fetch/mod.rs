//! Downloads one image within its limits.
//!
//! [`Download::open`] follows the redirects by hand until an answer is a success; what comes
//! then are the pieces of [`Incoming`]. [`Download::run`] puts them together.

mod deadline;
mod incoming;
mod trip;

use std::sync::Arc;

use protocol::{Class, Limits};
use reqwest::Response;
use tokio::time::Instant;
use url::Url;

use crate::budget::{Budget, MAX_BUFFERED_BYTES, Place};
use crate::guard::{Chosen, Forbidden};
use crate::hosts::Visit;
use crate::origins::Origins;
use crate::probe::Probe;

use deadline::Deadline;
pub use incoming::Incoming;
use incoming::Terms;
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
    /// The memory that was set aside for the file.
    pub memory: Option<Place>,
}

/// One download: what stays the same over its redirects.
#[derive(Debug)]
pub struct Download<'a> {
    /// How the origins are asked.
    pub origins: &'a Origins,
    /// What this image may cost.
    pub limits: &'a Limits,
    /// The places and the memory to share.
    pub budget: &'a Budget,
    /// Takes the times.
    pub probe: &'a Arc<Probe>,
}

/// The way so far, for one request.
struct Hop<'a> {
    first: &'a Url,
    at: Url,
    chosen: Chosen,
}

impl Hop<'_> {
    fn trip(&self) -> Trip {
        Trip::new(self.first, &self.at)
    }
}

/// The head of an answer, and the places that hold until its end.
struct Answer {
    response: Response,
    visit: Visit,
    place: Option<Place>,
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
        self.probe.add_waited(waited);
        let mut bytes = Vec::with_capacity(capacity(announced));
        while let Some(piece) = incoming.next().await? {
            bytes.extend_from_slice(&piece);
        }
        let http_status = incoming.http_status();
        let final_url = incoming.final_url().map(str::to_owned);
        Ok(Fetched { bytes, http_status, final_url, memory })
    }

    /// Asks for `url`, following redirects, until its pieces can come. Waits for a place of
    /// its host, and then for one of the executor's; both are held until the end of the file.
    ///
    /// # Errors
    ///
    /// A class and a sentence when there will be no pieces.
    pub async fn open(&self, url: &str) -> Result<Incoming, Failure> {
        let first = trip::parse(url)?;
        let mut deadline = Deadline::new(Limits::duration(self.limits.download_timeout_ms));
        let (last, answer) = self.follow(&first, &mut deadline).await?;
        let mut trip = Trip::new(&first, &last);
        trip.http_status = Some(answer.response.status().as_u16());
        if let Err(failure) = trip.refuse_status(&answer.response) {
            if matches!(answer.response.status().as_u16(), 429 | 503) {
                answer.visit.was_pushed_back(failure.retry_after);
            }
            return Err(failure);
        }
        let Answer { response, visit, place } = answer;
        visit.went_well();
        let terms = Terms { limits: *self.limits, cap_bytes: self.cap_bytes(), deadline };
        Incoming::new(response, trip, terms, (visit, place))
    }

    /// The first answer that is no redirect, and where it came from.
    async fn follow(&self, first: &Url, deadline: &mut Deadline) -> Result<(Url, Answer), Failure> {
        let max =
            if self.limits.max_redirects > 0 { self.limits.max_redirects } else { MAX_REDIRECTS };
        let mut hop = Hop { first, at: first.clone(), chosen: Chosen::ByList };
        for _ in 0..=max {
            let answer = self.ask(&hop, deadline).await?;
            match hop.trip().target(&hop.at, &answer.response)? {
                Some(next) => {
                    let from = answer.response.remote_addr().map(|address| address.ip());
                    hop.chosen = self.origins.redirected(hop.chosen, from);
                    hop.at = next;
                }
                None => return Ok((hop.at, answer)),
            }
        }
        let text = format!("leads in circles or too far: more than {max} redirects");
        Err(hop.trip().fail(Class::Redirect, &text))
    }

    /// One request, until the head of the answer.
    async fn ask(&self, hop: &Hop<'_>, deadline: &mut Deadline) -> Result<Answer, Failure> {
        let forbidden = |error: Forbidden| {
            hop.trip().fail(Class::ForbiddenAddress, &format!("is not fetched: {error}"))
        };
        let request = self.origins.get(hop.chosen, &hop.at).map_err(forbidden)?;
        let (visit, place) = self.turn(hop, deadline).await?;
        let request = if visit.keeps_connection { request } else { Origins::once(request) };
        let connect = Limits::duration(self.limits.connect_timeout_ms);
        let idle = Limits::duration(self.limits.idle_timeout_ms);
        let silence = idle.map(|idle| idle.saturating_add(connect.unwrap_or_default()));
        let failure = match deadline.within(silence, self.probe.request(request.send())).await {
            Ok(Ok(response)) => return Ok(Answer { response, visit, place }),
            Ok(Err(error)) => hop.trip().broken(&error, self.limits),
            Err(limit) => {
                hop.trip().fail(Class::Timeout, &format!("did not answer within {limit:?}"))
            }
        };
        if matches!(failure.class, Class::Timeout | Class::Connect) {
            visit.gave_trouble();
        }
        Err(failure)
    }

    /// Waits for the host first, so that nobody waits for it in a place that others need.
    async fn turn(
        &self,
        hop: &Hop<'_>,
        deadline: &mut Deadline,
    ) -> Result<(Visit, Option<Place>), Failure> {
        let before = Instant::now();
        let visit = self.origins.visit(hop.chosen, &hop.at).await;
        let place = match &visit {
            Ok(_) => self.budget.download().await,
            Err(_) => None,
        };
        let waited = before.elapsed();
        deadline.extend(waited);
        self.probe.add_waited(waited);
        match visit {
            Ok(visit) => Ok((visit, place)),
            Err(paused) => Err(Failure {
                retry_after: Some(paused.left),
                ..hop.trip().fail(
                    Class::TooManyRequests,
                    &format!("is not asked: its host wants patience for {:.0?} yet", paused.left),
                )
            }),
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
