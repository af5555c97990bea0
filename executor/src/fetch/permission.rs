//! Asks origins whether they want their pictures fetched.

use protocol::{Class, Limits};
use reqwest::Response;

use super::deadline::Deadline;
use super::failure::Failure;
use super::{Answer, Download, Hop};
use crate::robots::{self, MAX_REDIRECTS, MAX_RULES_BYTES, Rules, Unknown};

impl Download<'_> {
    /// Refuses what the `robots.txt` of the host does not allow, if it is to be obeyed.
    pub(super) async fn check_rules(&self, hop: &Hop<'_>) -> Result<(), Failure> {
        let Some(library) = self.origins.rules(hop.chosen, &hop.at) else { return Ok(()) };
        let allowed = library.allows(&hop.at, || self.rules(hop)).await;
        match allowed {
            Ok(true) => Ok(()),
            Ok(false) => {
                let text = "is not fetched: the robots.txt of its host does not allow it";
                Err(hop.trip().fail(Class::Robots, text))
            }
            Err(unknown) => {
                let text = format!(
                    "is not fetched, as it is not known whether it may be: {}",
                    unknown.why
                );
                let failure = hop.trip().fail(unknown.class, &text);
                let not_asked = unknown.not_asked && hop.at == *hop.first;
                Err(Failure { retry_after: unknown.retry_after, not_asked, ..failure })
            }
        }
    }

    /// Refuses what the head of an answer asks programs to leave alone.
    pub(super) fn check_tag(&self, hop: &Hop<'_>, response: &Response) -> Result<(), Failure> {
        if !self.origins.honors_tag(hop.chosen, &hop.at) {
            return Ok(());
        }
        match robots::refusal(response.headers(), self.origins.user_agent()) {
            None => Ok(()),
            Some(directive) => {
                let text = format!("is not taken: its X-Robots-Tag says {directive}");
                let failure = hop.trip().fail(Class::Robots, &text);
                Err(Failure { http_status: Some(response.status().as_u16()), ..failure })
            }
        }
    }

    /// The rules of a host, by RFC 9309: what it does not have forbids nothing, what it cannot
    /// show forbids everything.
    async fn rules(&self, for_hop: &Hop<'_>) -> Result<Rules, Unknown> {
        let mut deadline = Deadline::new(Limits::duration(self.limits.download_timeout_ms));
        let Some(first) = robots::address(&for_hop.at) else { return Ok(Rules::none()) };
        let mut hop = Hop { first: &first, at: first.clone(), chosen: for_hop.chosen };
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.ask(&hop, &mut deadline).await.map_err(Unknown::from)?;
            match hop.trip().target(&hop.at, &answer.response) {
                Ok(Some(next)) => self.step(&mut hop, next, &answer.response),
                Ok(None) => return self.read_rules(&hop, answer, &deadline).await,
                Err(_) => return Ok(Rules::none()),
            }
        }
        Ok(Rules::none())
    }

    async fn read_rules(
        &self,
        hop: &Hop<'_>,
        mut answer: Answer,
        deadline: &Deadline,
    ) -> Result<Rules, Unknown> {
        let trip = hop.trip();
        match answer.response.status().as_u16() {
            200..=299 => {}
            400..=499 if answer.response.status().as_u16() != 429 => return Ok(Rules::none()),
            _ => {
                let Err(failure) = trip.refuse_status(&answer.response) else {
                    return Ok(Rules::none());
                };
                answer.visit.was_refused(&failure);
                return Err(failure.into());
            }
        }
        let mut text = Vec::new();
        let silence = Limits::duration(self.limits.idle_timeout_ms);
        while text.len() <= MAX_RULES_BYTES {
            match deadline.within(silence, answer.response.chunk()).await {
                Ok(Ok(Some(piece))) => text.extend_from_slice(&piece),
                Ok(Ok(None)) => break,
                Ok(Err(error)) => return Err(trip.broken(&error.into(), self.limits).into()),
                Err(limit) => {
                    let late = format!("did not come within {limit:?}");
                    return Err(trip.fail(Class::Timeout, &late).into());
                }
            }
        }
        Ok(Rules::read(&text, self.origins.user_agent()))
    }
}

impl From<Failure> for Unknown {
    fn from(failure: Failure) -> Self {
        let Failure { class, message: why, retry_after, not_asked, .. } = failure;
        Self { class, why, retry_after, not_asked }
    }
}
