//! The executor against servers on loopback, without an agent.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod agent;
mod binary;
mod common;
mod downloads;
mod https;
mod manners;
mod passages;
mod tasks;
mod uploads;
