//! Frameworks written with the `mesos` crate, on both engines: its examples as its readers run
//! them, and what our own programs make of failures of the cluster.

#![cfg(test)]

mod agents;
mod described;
mod examples;
mod failures;
mod guide;
mod maintenance;
mod nodes;
// Needs a Chromium, which plain `cargo test` does not install.
#[cfg(feature = "real-mesos")]
mod rendler;
mod state;
