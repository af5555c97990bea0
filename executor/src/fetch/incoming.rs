//! A file on its way: pieces, and an end.

use std::time::Duration;

use bytes::Bytes;
use protocol::{Class, Limits};
use reqwest::Response;
use reqwest::header::CONTENT_LENGTH;

use super::deadline::Deadline;
use super::trip::{Failure, Trip};

/// The answer of an origin that has begun with success. Its deadlines and its cap hold
/// for every piece.
#[derive(Debug)]
pub struct Incoming {
    response: Response,
    trip: Trip,
    limits: Limits,
    cap_bytes: u64,
    deadline: Deadline,
    received_bytes: u64,
}

impl Incoming {
    /// Refuses what is announced as longer than `cap_bytes`.
    pub(super) fn new(
        response: Response,
        trip: Trip,
        limits: Limits,
        cap_bytes: u64,
        deadline: Deadline,
    ) -> Result<Self, Failure> {
        let incoming = Self { response, trip, limits, cap_bytes, deadline, received_bytes: 0 };
        match incoming.announced_bytes() {
            Some(bytes) if bytes > cap_bytes => {
                let text = format!("is {bytes} bytes long, at most {cap_bytes} are allowed");
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

    /// How much has come so far.
    #[must_use]
    pub fn received_bytes(&self) -> u64 {
        self.received_bytes
    }

    /// Time that we let the origin wait does not count against it.
    pub fn excuse(&mut self, waited: Duration) {
        self.deadline.extend(waited);
    }

    /// The next piece, `None` after the last. Not to be called again after an error.
    ///
    /// # Errors
    ///
    /// When a deadline passes, the transfer breaks off, the file is longer than allowed, or
    /// it has ended without a byte.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        let silence = Limits::duration(self.limits.idle_timeout_ms);
        let piece = match self.deadline.within(silence, self.response.chunk()).await {
            Ok(Ok(piece)) => piece,
            Ok(Err(error)) => return Err(self.trip.broken(&error, &self.limits)),
            Err(limit) => return Err(self.late(limit)),
        };
        let Some(piece) = piece else { return self.end() };
        self.received_bytes = self.received_bytes.saturating_add(piece.len() as u64);
        if self.received_bytes > self.cap_bytes {
            let text = format!("is longer than the allowed {} bytes", self.cap_bytes);
            return Err(self.trip.fail(Class::TooLarge, &text));
        }
        Ok(Some(piece))
    }

    fn end(&self) -> Result<Option<Bytes>, Failure> {
        if self.received_bytes == 0 {
            let text = "answered with nothing: the file is empty";
            return Err(self.trip.fail(Class::Empty, text));
        }
        Ok(None)
    }

    fn late(&self, limit: Duration) -> Failure {
        let bytes = self.received_bytes;
        let text = format!("is too slow: {bytes} bytes came, then the limit of {limit:?} was over");
        self.trip.fail(Class::Timeout, &text)
    }
}
