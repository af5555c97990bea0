//! What the scheduler's and the executor's driver share.
//!
//! `pump` runs a [`Session`](crate::session::Session) against a real socket and
//! turns the stream into items; `calls` sends everything else, in order, on a
//! connection of its own, as the protocol demands: a `pipeline`, that reads each `response`;
//! `http` is the transport of the stream, [`tls`] says whom both trust.

pub(crate) mod calls;
mod error;
pub(crate) mod http;
pub(crate) mod link;
mod pipeline;
pub(crate) mod pump;
mod response;
pub mod tls;

pub use calls::{CallError, Pending};
pub use error::Error;

/// A number between 0 and 1 that differs between processes and moments, for what takes
/// its randomness from outside.
#[must_use]
pub fn jitter() -> f64 {
    let (random, ..) = uuid::Uuid::new_v4().as_fields();
    f64::from(random) / f64::from(u32::MAX)
}
