//! Mesos' v1 API as anybody's client would use it: plain HTTP in JSON, without our `mesos` crate.
//!
//! That our own client and our own cluster agree with each other shows nothing; these clients
//! know only what the protocol says.

mod events;
mod executor;
mod scheduler;

pub use events::{End, Events, Next, next_record};
pub use executor::{Executor, Host};
pub use scheduler::{Scheduler, post, post_as, subscription};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Bytes as JSON has them.
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// A uuid of its own for every number, as JSON has it.
#[must_use]
pub fn uuid(number: u64) -> String {
    let mut bytes = [0x40; 16];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    // The variant of RFC 4122.
    bytes[8] = 0x80;
    base64(&bytes)
}
