//! Downloads one image within its limits.

use std::time::{Duration, SystemTime};

use protocol::{Class, Limits};
use reqwest::header::{CONTENT_LENGTH, HeaderMap, LOCATION, RETRY_AFTER, USER_AGENT};
use reqwest::{Client, Response};
use tokio::time::{Instant, timeout};
use url::Url;

use crate::budget::{Budget, MAX_BUFFERED_BYTES, Place};
use crate::{classify, shown};

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

/// Why there is no file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure.
    pub class: Class,
    /// One sentence that names the URL.
    pub message: String,
    /// The status of the answer, if one came.
    pub http_status: Option<u16>,
    /// Where redirects led, if anywhere.
    pub final_url: Option<String>,
    /// How long the origin asks to wait.
    pub retry_after: Option<Duration>,
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
    /// Fetches `url`, following redirects by hand.
    ///
    /// # Errors
    ///
    /// A class and a sentence when there is no file within the limits.
    pub async fn run(&self, url: &str) -> Result<Fetched, Failure> {
        let first = parse(url)?;
        let mut deadline = Deadline::new(Limits::duration(self.limits.download_timeout_ms));
        let (last, response) = self.follow(&first, &deadline).await?;
        let mut trip = Trip::new(&first, &last);
        trip.http_status = Some(response.status().as_u16());
        refuse_status(&trip, &response)?;
        let announced = announced_bytes(response.headers());
        if announced.is_some_and(|bytes| bytes > self.cap_bytes()) {
            return Err(trip.fail(Class::TooLarge, &self.too_large(announced)));
        }
        let before = Instant::now();
        let memory = self.budget.memory(announced.unwrap_or(self.cap_bytes())).await;
        let waited = before.elapsed();
        deadline.extend(waited);
        let bytes = self.body(&trip, response, &deadline, announced).await?;
        if bytes.is_empty() {
            return Err(trip.fail(Class::Empty, "answered with nothing: the file is empty"));
        }
        let http_status = trip.http_status.unwrap_or_default();
        Ok(Fetched { bytes, http_status, final_url: trip.final_url, waited, memory })
    }

    /// The first answer that is no redirect, and where it came from.
    async fn follow(&self, first: &Url, deadline: &Deadline) -> Result<(Url, Response), Failure> {
        let max =
            if self.limits.max_redirects > 0 { self.limits.max_redirects } else { MAX_REDIRECTS };
        let mut at = first.clone();
        for _ in 0..=max {
            let response = self.ask(first, &at, deadline).await?;
            match target(&Trip::new(first, &at), &at, &response)? {
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
        let silence = self.idle().map(|idle| idle.saturating_add(connect.unwrap_or_default()));
        match deadline.within(silence, request.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(self.broken(&trip, &error)),
            Err(limit) => {
                Err(trip.fail(Class::Timeout, &format!("did not answer within {limit:?}")))
            }
        }
    }

    async fn body(
        &self,
        trip: &Trip,
        mut response: Response,
        deadline: &Deadline,
        announced: Option<u64>,
    ) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::with_capacity(capacity(announced));
        loop {
            let piece = match deadline.within(self.idle(), response.chunk()).await {
                Ok(Ok(Some(piece))) => piece,
                Ok(Ok(None)) => return Ok(bytes),
                Ok(Err(error)) => return Err(self.broken(trip, &error)),
                Err(limit) => return Err(trip.fail(Class::Timeout, &late(limit, bytes.len()))),
            };
            if (bytes.len() + piece.len()) as u64 > self.cap_bytes() {
                return Err(trip.fail(Class::TooLarge, &self.too_large(None)));
            }
            bytes.extend_from_slice(&piece);
        }
    }

    fn broken(&self, trip: &Trip, error: &reqwest::Error) -> Failure {
        let reason = classify::request(error);
        let happened = if reason.class == Class::Dns {
            format!("cannot be reached: {}", reason.text)
        } else if reason.class == Class::Connect {
            format!("cannot be connected to: {}", reason.text)
        } else if reason.class == Class::Tls {
            format!("cannot be trusted: {}", reason.text)
        } else if reason.class == Class::Timeout && error.is_connect() {
            format!("did not let us connect within {} ms", self.limits.connect_timeout_ms)
        } else {
            format!("broke off: {}", reason.text)
        };
        trip.fail(reason.class, &happened)
    }

    fn idle(&self) -> Option<Duration> {
        Limits::duration(self.limits.idle_timeout_ms)
    }

    /// Without a limit in the task, what fits into memory is the limit.
    fn cap_bytes(&self) -> u64 {
        match self.limits.max_download_bytes {
            0 => MAX_BUFFERED_BYTES,
            limit => limit.min(MAX_BUFFERED_BYTES),
        }
    }

    fn too_large(&self, announced: Option<u64>) -> String {
        let cap = self.cap_bytes();
        match announced {
            Some(bytes) => format!("is {bytes} bytes long, at most {cap} are allowed"),
            None => format!("is longer than the allowed {cap} bytes"),
        }
    }
}

/// The way from the URL of the list to where an answer came from.
struct Trip {
    first: String,
    http_status: Option<u16>,
    final_url: Option<String>,
}

impl Trip {
    fn new(first: &Url, last: &Url) -> Self {
        let final_url = (first != last).then(|| shown::url(last));
        Self { first: shown::url(first), http_status: None, final_url }
    }

    fn fail(&self, class: Class, happened: &str) -> Failure {
        let via = self.final_url.as_ref().map(|url| format!(" (now {url})")).unwrap_or_default();
        Failure {
            class,
            message: format!("{}{via} {happened}", self.first),
            http_status: self.http_status,
            final_url: self.final_url.clone(),
            retry_after: None,
        }
    }
}

/// The end of the whole download.
struct Deadline(Option<(Instant, Duration)>);

impl Deadline {
    fn new(limit: Option<Duration>) -> Self {
        Self(limit.and_then(|limit| Some((Instant::now().checked_add(limit)?, limit))))
    }

    fn extend(&mut self, by: Duration) {
        if let Some((end, _)) = &mut self.0 {
            *end += by;
        }
    }

    /// Waits for `work` at most until the end, and at most `silence`. The error is the
    /// limit that was hit.
    async fn within<T>(
        &self,
        silence: Option<Duration>,
        work: impl Future<Output = T>,
    ) -> Result<T, Duration> {
        let total = self.0.map(|(end, limit)| (end.duration_since(Instant::now()), limit));
        let silence = silence.map(|limit| (limit, limit));
        match total.into_iter().chain(silence).min_by_key(|(left, _)| *left) {
            Some((left, limit)) => timeout(left, work).await.map_err(|_| limit),
            None => Ok(work.await),
        }
    }
}

fn late(limit: Duration, bytes: usize) -> String {
    format!("is too slow: {bytes} bytes came, then the limit of {limit:?} was over")
}

fn parse(text: &str) -> Result<Url, Failure> {
    let url = Url::parse(text).map_err(|error| bad_url(&shown::text(text), &error.to_string()))?;
    if matches!(url.scheme(), "http" | "https") {
        Ok(url)
    } else {
        Err(bad_url(&shown::url(&url), "only http and https are fetched"))
    }
}

fn bad_url(url: &str, why: &str) -> Failure {
    Failure {
        class: Class::BadUrl,
        message: format!("{url} is no usable URL: {why}"),
        http_status: None,
        final_url: None,
        retry_after: None,
    }
}

/// Where a redirect leads, or `None` if the answer is none.
fn target(trip: &Trip, at: &Url, response: &Response) -> Result<Option<Url>, Failure> {
    let status = response.status();
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let nowhere = |why: &str| Failure {
        http_status: Some(status.as_u16()),
        ..trip.fail(Class::Redirect, &format!("redirects ({status}) {why}"))
    };
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let location = location.ok_or_else(|| nowhere("without saying where"))?;
    match at.join(location) {
        Ok(next) if matches!(next.scheme(), "http" | "https") => Ok(Some(next)),
        Ok(next) => Err(nowhere(&format!("to {}, which is not fetched", shown::url(&next)))),
        Err(error) => Err(nowhere(&format!("to a place that is no URL: {error}"))),
    }
}

fn refuse_status(trip: &Trip, response: &Response) -> Result<(), Failure> {
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let failure = trip.fail(classify::status(status.as_u16()), &format!("answered {status}"));
    Err(Failure { retry_after: retry_after(response.headers(), SystemTime::now()), ..failure })
}

fn announced_bytes(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// A first allocation: what is announced, but no more than a modest picture before
/// anything came.
fn capacity(announced: Option<u64>) -> usize {
    const MODEST_BYTES: u64 = 4 << 20;
    usize::try_from(announced.unwrap_or(0).min(MODEST_BYTES)).unwrap_or(0)
}

/// `Retry-After` is seconds or a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match value.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => {
            Some(httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retry(value: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, value.parse().unwrap());
        // 784111777 is the example date of RFC 9110.
        retry_after(&headers, SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777 - 30))
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(retry("120"), Some(Duration::from_secs(120)));
        assert_eq!(retry("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(retry("Sat, 06 Nov 1993 08:49:37 GMT"), Some(Duration::ZERO));
        assert_eq!(retry("soon"), None);
    }

    #[test]
    fn other_schemes_and_nonsense_are_bad_urls() {
        for bad in ["", "a.jpg", "file:///etc/passwd", "data:,x", "http://", "http://h:99999/"] {
            assert_eq!(parse(bad).unwrap_err().class, Class::BadUrl, "{bad}");
        }
        assert!(parse("https://h/a.jpg").is_ok());
    }
}
