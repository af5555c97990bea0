//! Everything needed to write an Apache Mesos framework on the v1 HTTP API.
//!
//! | you want | look at |
//! |---|---|
//! | the messages | [`v1`], [`ids`] |
//! | to add and subtract what offers hold | [`resources`] |
//! | to say what runs, and what is fetched for it | [`command`], [`uri`] |
//! | to describe tasks in a file, and keep them running | [`definition`] |
//! | to make tasks known | [`labels`], [`discovery`] |
//! | to say what becomes of an offer | [`operation`] |
//! | to acknowledge updates exactly once | [`ack`] |
//! | to ask, kill, revive and refuse at the right times | [`helpers`] |
//! | to come back under the same id | [`framework_id`] |
//! | to know what a task's state means | [`state`] |
//! | the encodings and the framing | [`codec`], [`recordio`] |
//! | to say where the master is, and who we are | [`master`] |
//! | to find the master that leads | `detect` |
//! | to follow the rules of a subscription, without I/O | [`session`], [`status`], [`backoff`] |
//! | to write a scheduler | [`scheduler`] |
//! | to write an executor | [`executor`] |
//! | callbacks and drivers as in the Mesos guide | [`callbacks`] |
//!
//! Without the feature `client` nothing here does I/O.

pub mod ack;
pub mod backoff;
#[cfg(feature = "client")]
pub mod callbacks;
#[cfg(feature = "client")]
pub mod client;
pub mod codec;
pub mod command;
#[cfg(feature = "definition")]
pub mod definition;
#[cfg(feature = "client")]
pub mod detect;
pub mod discovery;
pub mod duration;
#[cfg(feature = "client")]
pub mod executor;
#[cfg(feature = "client")]
pub mod framework_id;
pub mod helpers;
pub mod ids;
#[cfg(feature = "json")]
pub mod json;
pub mod labels;
pub mod master;
pub mod operation;
pub mod recordio;
#[cfg(feature = "json")]
mod required;
pub mod resources;
#[cfg(feature = "client")]
pub mod scheduler;
pub mod session;
pub mod state;
pub mod status;
pub mod uri;
pub mod v1;
pub mod wire;

/// The programs of the guide are compiled.
#[cfg(all(doctest, feature = "client"))]
#[doc = include_str!("../../../docs/write-a-framework.md")]
mod guide {}
