//! An executor's side: typed events in, status updates out.
//!
//! ```no_run
//! use mesos::executor::{Driver, Environment, Event};
//! use mesos::v1::{TaskState, TaskStatus};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let (mut events, calls) = Driver::connect(Environment::from_env()?)?;
//! while let Some(item) = events.next().await {
//!     match item {
//!         Ok(Event::Launch(task)) => {
//!             let status = |state: TaskState| TaskStatus {
//!                 task_id: task.task_id.clone(),
//!                 state: state.into(),
//!                 ..TaskStatus::default()
//!             };
//!             calls.update(status(TaskState::TaskRunning));
//!             calls.update(status(TaskState::TaskFinished));
//!         }
//!         Ok(Event::Shutdown) => break,
//!         Ok(other) => println!("{other:?}"),
//!         Err(error) => eprintln!("{error}"),
//!     }
//! }
//! calls.flushed().await;
//! # Ok(())
//! # }
//! ```
//!
//! # What the driver does for you
//!
//! - Ids, uuid, source and time of an update are filled in. The update is kept, and
//!   sent again with the same uuid after a reconnect, until the agent acknowledges it.
//! - Tasks and updates that the agent may not know of are listed on every subscription.
//! - With checkpointing it tries to come back to a lost agent for the time the agent
//!   allows; without, or when that time is over, it makes a [`Event::Shutdown`] and ends.
//!
//! The classic callback interface of the Mesos guide is [`crate::callbacks`], on top of the
//! stream.

mod calls;
mod driver;
mod environment;
mod event;
mod ledger;

pub use calls::Calls;
pub use driver::{Builder, Driver, Events};
pub use environment::{Environment, EnvironmentError};
pub use event::Event;
