//! A whole cluster over loopback: the scheduler API, and tasks from offer to end.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod access;
mod restarts;
mod scheduler_api;
mod support;
mod tasks;
