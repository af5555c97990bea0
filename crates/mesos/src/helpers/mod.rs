//! What nearly every framework needs beside the API: when to ask, to kill and to revive again.
//!
//! Each helper is a value without a clock, randomness or I/O: it is told what happened, with
//! the time since some fixed moment, says what is due, and when to look again.
//!
//! ```no_run
//! use std::time::Instant;
//! use mesos::helpers::{Kills, Reconciler};
//! use mesos::scheduler::{Calls, Event, Events};
//! use tokio::time::sleep_until;
//!
//! # async fn example(mut events: Events, calls: Calls) {
//! let started = Instant::now();
//! let (mut reconciler, mut kills) = (Reconciler::default(), Kills::default());
//! loop {
//!     let wake_at = [reconciler.wake_at(), kills.wake_at()].into_iter().flatten().min();
//!     tokio::select! {
//!         item = events.next() => match item {
//!             None => break,
//!             Some(Ok(Event::Subscribed { .. })) => {
//!                 let known_tasks = vec![("task-1".into(), Some("agent-1".into()))];
//!                 reconciler.start(started.elapsed(), known_tasks);
//!             }
//!             Some(Ok(Event::Disconnected { .. })) => reconciler.stop(),
//!             Some(Ok(Event::Update { status, ack })) => {
//!                 reconciler.heard(&status.task_id);
//!                 kills.heard(&status);
//!                 ack.into_iter().for_each(|ack| drop(calls.acknowledge(ack)));
//!             }
//!             Some(_) => {}
//!         },
//!         () = sleep_until((started + wake_at.unwrap_or_default()).into()), if wake_at.is_some() => {}
//!     }
//!     if let Some(tasks) = reconciler.due(started.elapsed()) {
//!         drop(calls.reconcile(tasks));
//!     }
//!     for (task_id, agent_id) in kills.due(started.elapsed()) {
//!         drop(calls.kill(task_id, agent_id));
//!     }
//! }
//! # }
//! ```

mod demand;
mod kills;
mod reconciler;
mod refusal;

pub use demand::{Demand, Wish};
pub use kills::Kills;
pub use reconciler::{Reconciler, Schedule};
pub use refusal::Refusal;
