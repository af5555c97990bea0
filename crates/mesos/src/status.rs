//! What an HTTP status of Mesos means for a client: the one place that says so.
//!
//! Source: MESOS "Scheduler HTTP API" and "Executor HTTP API", and the order of
//! checks in the master and agent of 1.11.0.

/// What to do after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// It was taken: 200 for SUBSCRIBE, 202 for the other calls.
    Accepted,
    /// Another master leads; `Location` says which.
    Redirect,
    /// Not now: no leader, still recovering, routes not there yet, too busy.
    TryAgain,
    /// Who we say we are does not suffice.
    Unauthorized,
    /// The other side knows no subscription of ours: subscribe anew.
    NotSubscribed,
    /// The request itself is wrong; sending it again will not help.
    Refused,
}

/// The meaning of an answer to SUBSCRIBE.
#[must_use]
pub fn of_subscribe(status: u16) -> Meaning {
    match status {
        200 => Meaning::Accepted,
        307 | 308 => Meaning::Redirect,
        401 | 403 => Meaning::Unauthorized,
        404 | 408 | 429 | 500..=599 if status != 501 => Meaning::TryAgain,
        _ => Meaning::Refused,
    }
}

/// The meaning of an answer to any other call.
///
/// The master answers 400 as well as 403 to a framework or a stream that it does
/// not know (any more), so `body` decides between a lost subscription and a bad call.
#[must_use]
pub fn of_call(status: u16, body: &str) -> Meaning {
    match status {
        200 | 202 => Meaning::Accepted,
        307 | 308 | 403 => Meaning::NotSubscribed,
        400 if names_a_lost_subscription(body) => Meaning::NotSubscribed,
        401 => Meaning::Unauthorized,
        404 | 408 | 429 | 500..=599 if status != 501 => Meaning::TryAgain,
        _ => Meaning::Refused,
    }
}

fn names_a_lost_subscription(body: &str) -> bool {
    ["Framework cannot be found", "Executor cannot be found", "stream ID", "Mesos-Stream-Id"]
        .iter()
        .any(|text| body.contains(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_to_subscribe() {
        for (status, meaning) in [
            (200, Meaning::Accepted),
            (307, Meaning::Redirect),
            (400, Meaning::Refused),
            (401, Meaning::Unauthorized),
            (403, Meaning::Unauthorized),
            (404, Meaning::TryAgain),
            (405, Meaning::Refused),
            (406, Meaning::Refused),
            (409, Meaning::Refused),
            (415, Meaning::Refused),
            (429, Meaning::TryAgain),
            (500, Meaning::TryAgain),
            (501, Meaning::Refused),
            (503, Meaning::TryAgain),
        ] {
            assert_eq!(of_subscribe(status), meaning, "{status}");
        }
    }

    #[test]
    fn answers_to_other_calls() {
        for (status, body, meaning) in [
            (202, "", Meaning::Accepted),
            (200, "", Meaning::Accepted),
            (307, "", Meaning::NotSubscribed),
            (400, "Framework cannot be found", Meaning::NotSubscribed),
            (400, "Failed to validate scheduler::Call: Not a valid UUID", Meaning::Refused),
            (401, "", Meaning::Unauthorized),
            (403, "Framework is not subscribed", Meaning::NotSubscribed),
            (404, "", Meaning::TryAgain),
            (405, "", Meaning::Refused),
            (406, "", Meaning::Refused),
            (409, "", Meaning::Refused),
            (415, "", Meaning::Refused),
            (429, "", Meaning::TryAgain),
            (500, "", Meaning::TryAgain),
            (501, "", Meaning::Refused),
            (503, "", Meaning::TryAgain),
        ] {
            assert_eq!(of_call(status, body), meaning, "{status} {body}");
        }
    }
}
