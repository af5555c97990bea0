//! The way from the URL of the list to where an answer came from, and how it can fail.

use std::time::{Duration, SystemTime};

use protocol::{Class, Limits};
use reqwest::Response;
use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};
use url::Url;

use super::failure::Failure;
use crate::client::Broken;
use crate::{classify, shown};

/// The way so far.
#[derive(Debug)]
pub(super) struct Trip {
    first: String,
    pub(super) http_status: Option<u16>,
    pub(super) final_url: Option<String>,
}

impl Trip {
    pub(super) fn new(first: &Url, last: &Url) -> Self {
        let final_url = (first != last).then(|| shown::url(last));
        Self { first: shown::url(first), http_status: None, final_url }
    }

    pub(super) fn fail(&self, class: Class, happened: &str) -> Failure {
        let via = self.final_url.as_ref().map(|url| format!(" (now {url})")).unwrap_or_default();
        Failure {
            class,
            message: format!("{}{via} {happened}", self.first),
            http_status: self.http_status,
            final_url: self.final_url.clone(),
            retry_after: None,
            not_asked: false,
        }
    }

    /// What an error of the connection means.
    pub(super) fn broken(&self, error: &Broken, limits: &Limits) -> Failure {
        let reason = classify::download(error);
        let happened = if reason.class == Class::Dns {
            format!("cannot be reached: {}", reason.text)
        } else if reason.class == Class::Connect {
            format!("cannot be connected to: {}", reason.text)
        } else if reason.class == Class::ForbiddenAddress {
            format!("is not fetched: {}", reason.text)
        } else if reason.class == Class::Tls {
            format!("cannot be trusted: {}", reason.text)
        } else if reason.class == Class::Timeout && error.is_connect() {
            format!("did not let us connect within {} ms", limits.connect_timeout_ms)
        } else {
            format!("broke off: {}", reason.text)
        };
        self.fail(reason.class, &happened)
    }

    /// Anything but success is a failure.
    pub(super) fn refuse_status(&self, response: &Response) -> Result<(), Failure> {
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let failure = self.fail(classify::status(status.as_u16()), &format!("answered {status}"));
        Err(Failure {
            http_status: Some(status.as_u16()),
            retry_after: retry_after(response.headers(), SystemTime::now()),
            ..failure
        })
    }

    /// Where a redirect leads, or `None` if the answer is none.
    pub(super) fn target(&self, at: &Url, response: &Response) -> Result<Option<Url>, Failure> {
        let status = response.status();
        if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        let nowhere = |why: &str| Failure {
            http_status: Some(status.as_u16()),
            ..self.fail(Class::Redirect, &format!("redirects ({status}) {why}"))
        };
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let location = location.ok_or_else(|| nowhere("without saying where"))?;
        match at.join(location) {
            Ok(next) if matches!(next.scheme(), "http" | "https") => Ok(Some(next)),
            Ok(next) => Err(nowhere(&format!("to {}, which is not fetched", shown::url(&next)))),
            Err(error) => Err(nowhere(&format!("to a place that is no URL: {error}"))),
        }
    }
}

/// The URL of a task's image.
pub(super) fn parse(text: &str) -> Result<Url, Failure> {
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
        not_asked: false,
    }
}

/// `Retry-After` is seconds or a date.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
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
