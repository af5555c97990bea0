//! How the program ends, as an exit status and a sentence.

use std::error::Error;
use std::process::ExitCode;

use serde::Serialize;

/// The most of an answer that people are shown, in characters.
const SHOWN_CHARACTERS: usize = 200;

/// What others answer, as a part of a sentence: a page of HTML is not for people.
#[must_use]
pub fn in_a_line(text: &str) -> String {
    let text = text.split('<').next().unwrap_or_default();
    let words: Vec<_> = text.split_whitespace().collect();
    let line = words.join(" ");
    line.trim_end_matches([':', ' ']).chars().take(SHOWN_CHARACTERS).collect()
}

/// How the program ended, when it got as far as having a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// Every image is done.
    AllDone,
    /// Every image has an outcome, some have failed.
    SomeFailed,
    /// Too many images have failed; the state is kept.
    Aborted,
    /// A signal ended it; the state is kept.
    Interrupted,
}

impl End {
    /// The exit status.
    #[must_use]
    pub fn status(self) -> u8 {
        match self {
            Self::AllDone => 0,
            Self::SomeFailed => 1,
            Self::Aborted => 7,
            Self::Interrupted => 130,
        }
    }
}

impl From<End> for ExitCode {
    fn from(end: End) -> Self {
        end.status().into()
    }
}

/// Why the program could not do its job. Each is one sentence that names the thing
/// and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// A flag or a variable is wrong.
    #[error("{0}")]
    Usage(String),
    /// The list cannot be used.
    #[error("{0}")]
    List(String),
    /// Something that is needed is missing or taken: port, folder, executor, master.
    #[error("{0}")]
    Start(String),
    /// The master refuses these credentials.
    #[error("{0}")]
    Refused(String),
    /// The master has removed the framework.
    #[error("{0}")]
    Removed(String),
    /// The state is in use.
    #[error("{0}")]
    Locked(String),
}

impl Failure {
    /// The exit status.
    #[must_use]
    pub fn status(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::List(_) => 3,
            Self::Start(_) => 4,
            Self::Refused(_) => 5,
            Self::Removed(_) => 6,
            Self::Locked(_) => 8,
        }
    }
}

/// What is at the bottom of an error, which says most.
pub(crate) fn cause<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause
}

impl From<&Failure> for ExitCode {
    fn from(failure: &Failure) -> Self {
        failure.status().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_left_out_of_sentences() {
        let page = "status 501: <!DOCTYPE HTML>\n<html><body>no</body></html>";
        assert_eq!(in_a_line(page), "status 501");
        assert_eq!(in_a_line(" a\n  b "), "a b");
        assert_eq!(in_a_line(&"x".repeat(999)).len(), SHOWN_CHARACTERS);
    }
}
