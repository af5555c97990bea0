//! A file on its way: pieces, and an end.

use std::time::Duration;

use bytes::Bytes;
use protocol::{Class, Limits};
use reqwest::Response;
use reqwest::header::CONTENT_LENGTH;

use crate::budget::Slot;
use crate::hosts::Visit;

use super::deadline::Deadline;
use super::failure::Failure;
use super::trip::Trip;

/// The answer of an origin that has begun with success. Its deadlines and its cap hold
/// for every piece.
#[derive(Debug)]
pub struct Incoming {
    response: Response,
    trip: Trip,
    terms: Terms,
    received_bytes: u64,
    /// Over at the end.
    visit: Option<Visit>,
    _slot: Slot,
}

/// What a file may take.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) limits: Limits,
    pub(super) cap_bytes: u64,
    pub(super) deadline: Deadline,
}

impl Incoming {
    /// Refuses what is announced as longer than is allowed.
    pub(super) fn new(
        response: Response,
        trip: Trip,
        terms: Terms,
        (visit, slot): (Visit, Slot),
    ) -> Result<Self, Failure> {
        let visit = Some(visit);
        let incoming = Self { response, trip, terms, received_bytes: 0, visit, _slot: slot };
        let most = incoming.terms.cap_bytes;
        match incoming.announced_bytes() {
            Some(bytes) if bytes > most => {
                let text = format!("is {bytes} bytes long, at most {most} are allowed");
                Err(incoming.trip.fail(Class::TooLarge, &text))
            }
            _ => Ok(incoming),
        }
    }

    /// The status of the answer.
    #[must_use]
    pub fn http_status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// Where redirects led, without credentials; `None` if there were none.
    #[must_use]
    pub fn final_url(&self) -> Option<&str> {
        self.trip.final_url.as_deref()
    }

    /// How long the file is going to be, if the origin has said so. A claim.
    #[must_use]
    pub fn announced_bytes(&self) -> Option<u64> {
        self.response.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
    }

    /// A failure of this download that is not the origin's.
    #[must_use]
    pub fn fail(&self, class: Class, happened: &str) -> Failure {
        self.trip.fail(class, happened)
    }

    /// How much has come so far.
    #[must_use]
    pub fn received_bytes(&self) -> u64 {
        self.received_bytes
    }

    /// Time that we let the origin wait does not count against it.
    pub fn excuse(&mut self, waited: Duration) {
        self.terms.deadline.extend(waited);
    }

    /// The next piece, `None` after the last. Not to be called again after an error.
    ///
    /// # Errors
    ///
    /// When a deadline passes, the transfer breaks off, the file is longer than allowed, or
    /// it has ended without a byte.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        let silence = Limits::duration(self.terms.limits.idle_timeout_ms);
        let piece = match self.terms.deadline.within(silence, self.response.chunk()).await {
            Ok(Ok(piece)) => piece,
            Ok(Err(error)) => return Err(self.trip.broken(&error.into(), &self.terms.limits)),
            Err(limit) => return Err(self.late(limit)),
        };
        let Some(piece) = piece else { return self.end() };
        self.received_bytes = self.received_bytes.saturating_add(piece.len() as u64);
        if self.received_bytes > self.terms.cap_bytes {
            let text = format!("is longer than the allowed {} bytes", self.terms.cap_bytes);
            return Err(self.trip.fail(Class::TooLarge, &text));
        }
        Ok(Some(piece))
    }

    fn end(&mut self) -> Result<Option<Bytes>, Failure> {
        if self.received_bytes == 0 {
            let text = "answered with nothing: the file is empty";
            return Err(self.trip.fail(Class::Empty, text));
        }
        self.visit = None;
        Ok(None)
    }

    fn late(&mut self, limit: Duration) -> Failure {
        if let Some(visit) = self.visit.take() {
            visit.gave_trouble();
        }
        let bytes = self.received_bytes;
        let text = format!("is too slow: {bytes} bytes came, then the limit of {limit:?} was over");
        self.trip.fail(Class::Timeout, &text)
    }
}
