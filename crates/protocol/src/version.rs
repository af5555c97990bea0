//! The version that both sides of a message must share.

/// The version of all messages of this crate.
///
/// Scheduler and executor are installed together (the scheduler hands out the
/// executor), so a difference means a stale file, and is refused rather than guessed at.
pub const VERSION: u32 = 1;

/// Why a payload was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are no such message.
    #[error("the payload is not a message of this framework: {0}")]
    Malformed(#[from] prost::DecodeError),
    /// The other side is of another version.
    #[error(
        "the payload is of version {found}, this program speaks version {VERSION}: \
         build scheduler and executor from the same source"
    )]
    Version {
        /// The version of the payload.
        found: u32,
    },
}

/// Passes only the version that this program speaks.
pub(crate) fn check(found: u32) -> Result<(), DecodeError> {
    if found == VERSION { Ok(()) } else { Err(DecodeError::Version { found }) }
}
