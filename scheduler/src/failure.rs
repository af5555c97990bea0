//! How the program ends, as an exit status and a sentence.

use std::process::ExitCode;

use serde::Serialize;

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

impl From<&Failure> for ExitCode {
    fn from(failure: &Failure) -> Self {
        failure.status().into()
    }
}
