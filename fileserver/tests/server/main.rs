//! The server from outside: over sockets, and as a program.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod executor;
mod form;
mod gallery;
mod hostile;
mod program;
mod results;
mod samples;
mod slow;
mod support;
