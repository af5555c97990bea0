//! What an event stream can report instead of an event.

use crate::session::Problem;

/// An item of the stream that is no event.
///
/// After most of them the driver goes on by itself; [`Error::is_terminal`] tells
/// the ones after which the stream ends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A try to subscribe failed; the next one follows after a wait.
    #[error("{0}")]
    Transient(Problem),
    /// The other side sent something that is not the protocol; it was skipped.
    #[error("skipped an event that is not of the protocol: {0}")]
    Protocol(String),
    /// Terminal: the principal or its secret is wrong, or may not subscribe; or those who
    /// know who leads do not tell us.
    #[error("{0}")]
    Unauthorized(Problem),
    /// Terminal: the master removed the framework, by a teardown or because its
    /// failover timeout passed. Its id can never be used again.
    #[error("the master has removed the framework: start with a new framework id ({0})")]
    FrameworkRemoved(String),
    /// Terminal: another scheduler subscribed with the same framework id.
    #[error("another scheduler took over this framework id ({0})")]
    FailedOver(String),
    /// Terminal: the other side will never take this subscription.
    #[error("{0}")]
    Refused(Problem),
    /// Terminal: the other side did not come back in time.
    #[error("{0}")]
    GaveUp(Problem),
    /// Terminal, from `connect`: the driver cannot be made.
    #[error("cannot set up the driver: {0}")]
    Setup(String),
}

impl Error {
    /// Whether the stream ends after this item.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        match self {
            Self::Transient(_) | Self::Protocol(_) => false,
            Self::Unauthorized(_)
            | Self::FrameworkRemoved(_)
            | Self::FailedOver(_)
            | Self::Refused(_)
            | Self::GaveUp(_)
            | Self::Setup(_) => true,
        }
    }

    /// A problem that ended the session.
    pub(crate) fn terminal(problem: Problem) -> Self {
        match problem {
            Problem::Unauthorized { .. } | Problem::DetectionRefused { .. } => {
                Self::Unauthorized(problem)
            }
            Problem::GaveUp { .. } => Self::GaveUp(problem),
            Problem::Event { message } if message.contains("failed over") => {
                Self::FailedOver(message)
            }
            Problem::Event { message } if message.contains("removed") => {
                Self::FrameworkRemoved(message)
            }
            Problem::Event { .. }
            | Problem::Refused { .. }
            | Problem::Connect { .. }
            | Problem::NotNow { .. }
            | Problem::NoMaster
            | Problem::Detection { .. }
            | Problem::Redirect { .. }
            | Problem::NoStreamId { .. } => Self::Refused(problem),
        }
    }
}
