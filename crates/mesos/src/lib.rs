//! Everything needed to write an Apache Mesos framework on the v1 HTTP API.
//!
//! | you want | look at |
//! |---|---|
//! | the messages | [`v1`], [`ids`] |
//! | to add and subtract what offers hold | [`resources`] |
//! | to acknowledge updates exactly once | [`ack`] |
//! | to know what a task's state means | [`state`] |
//! | the encodings and the framing | [`codec`], [`recordio`] |
//!
//! Without the feature `client` nothing here does I/O.

pub mod ack;
pub mod codec;
pub mod ids;
#[cfg(feature = "json")]
pub mod json;
pub mod recordio;
pub mod resources;
pub mod state;
pub mod v1;
