//! Downloads one image within its limits.
//!
//! [`Download::open`] follows the redirects by hand until an answer is a success; what comes
//! then are the pieces of [`Incoming`].

mod deadline;
pub mod failure;
mod incoming;
mod permission;
mod trip;

use std::sync::Arc;

use protocol::{Class, Limits};
use reqwest::Response;
use tokio::time::Instant;
use url::Url;

use crate::budget::{Share, Slot};
use crate::guard::{Chosen, Forbidden};
use crate::hosts::Visit;
use crate::origins::Origins;
use crate::probe::Probe;

use deadline::Deadline;
use failure::Failure;
pub use incoming::Incoming;
use incoming::Terms;
use trip::Trip;

/// Redirects that are followed when the task sets no limit: a loop ends even so.
const MAX_REDIRECTS: u32 = 100;

/// One download: what stays the same over its redirects.
#[derive(Debug)]
pub struct Download<'a> {
    /// How the origins are asked.
    pub origins: &'a Origins,
    /// What this image may cost.
    pub limits: &'a Limits,
    /// Where a slot is to be had.
    pub share: &'a Share,
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
    slot: Slot,
}

impl Download<'_> {
    /// Asks for `url`, following redirects, until its pieces can come. Waits for a place of
    /// its host, which is held until the end of the file, and then for a slot of its task.
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
            answer.visit.was_refused(&failure);
            return Err(failure);
        }
        let Answer { response, visit, slot } = answer;
        visit.went_well();
        let terms = Terms { limits: *self.limits, cap_bytes: self.cap_bytes(), deadline };
        Incoming::new(response, trip, terms, (visit, slot))
    }

    /// The first answer that is no redirect, and where it came from.
    async fn follow(&self, first: &Url, deadline: &mut Deadline) -> Result<(Url, Answer), Failure> {
        let max =
            if self.limits.max_redirects > 0 { self.limits.max_redirects } else { MAX_REDIRECTS };
        let mut hop = Hop { first, at: first.clone(), chosen: Chosen::ByList };
        for _ in 0..=max {
            self.check_rules(&hop).await?;
            let answer = self.ask(&hop, deadline).await?;
            match hop.trip().target(&hop.at, &answer.response)? {
                Some(next) => self.step(&mut hop, next, &answer.response),
                None => {
                    self.check_tag(&hop, &answer.response)?;
                    return Ok((hop.at, answer));
                }
            }
        }
        let text = format!("leads in circles or too far: more than {max} redirects");
        Err(hop.trip().fail(Class::Redirect, &text))
    }

    /// Goes where a redirect leads.
    fn step(&self, hop: &mut Hop<'_>, next: Url, redirect: &Response) {
        let from = redirect.remote_addr().map(|address| address.ip());
        hop.chosen = self.origins.redirected(hop.chosen, from);
        hop.at = next;
    }

    /// One request, until the head of the answer.
    async fn ask(&self, hop: &Hop<'_>, deadline: &mut Deadline) -> Result<Answer, Failure> {
        let forbidden = |error: Forbidden| {
            hop.trip().fail(Class::ForbiddenAddress, &format!("is not fetched: {error}"))
        };
        let request = self.origins.get(hop.chosen, &hop.at).map_err(forbidden)?;
        let (visit, slot) = self.turn(hop, deadline).await?;
        let request = if visit.keeps_connection { request } else { Origins::once(request) };
        let connect = Limits::duration(self.limits.connect_timeout_ms);
        let idle = Limits::duration(self.limits.idle_timeout_ms);
        let silence = idle.map(|idle| idle.saturating_add(connect.unwrap_or_default()));
        let failure = match deadline.within(silence, self.probe.request(request.send())).await {
            Ok(Ok(response)) => return Ok(Answer { response, visit, slot }),
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
    async fn turn(&self, hop: &Hop<'_>, deadline: &mut Deadline) -> Result<(Visit, Slot), Failure> {
        let before = Instant::now();
        let turn = match self.origins.visit(hop.chosen, &hop.at).await {
            Ok(visit) => Ok((visit, self.share.slot().await)),
            Err(paused) => Err(paused),
        };
        let waited = before.elapsed();
        deadline.extend(waited);
        self.probe.add_waited(waited);
        match turn {
            Ok(turn) => Ok(turn),
            Err(paused) => Err(Failure {
                retry_after: Some(paused.left),
                // Who was redirected has asked somebody.
                not_asked: hop.at == *hop.first,
                ..hop.trip().fail(
                    Class::TooManyRequests,
                    &format!("is not asked: its host wants patience for {:.0?} yet", paused.left),
                )
            }),
        }
    }

    /// Zero means no limit in a task.
    fn cap_bytes(&self) -> u64 {
        match self.limits.max_download_bytes {
            0 => u64::MAX,
            limit => limit,
        }
    }
}
