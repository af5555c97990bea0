//! The classic interfaces of the Mesos guide: callbacks and drivers.
//!
//! For people who port a framework, or who follow a tutorial written for another language.
//! The names are the ones they know. Everything here is made of the public stream and
//! [`Calls`](crate::scheduler::Calls); a framework that waits for more than Mesos at
//! once (timers, its own API, signals) is better off with [`crate::scheduler`].
//!
//! ```no_run
//! use mesos::callbacks::{Scheduler, SchedulerDriver};
//! use mesos::scheduler::Driver;
//! use mesos::v1::{FrameworkInfo, TaskStatus};
//!
//! struct Printer;
//!
//! impl Scheduler for Printer {
//!     fn status_update(&mut self, driver: &SchedulerDriver, status: TaskStatus) {
//!         println!("{} is {:?}", status.task_id, status.state());
//!         driver.stop(false);
//!     }
//! }
//!
//! # fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let framework = FrameworkInfo { user: "root".into(), name: "p".into(), ..Default::default() };
//! let stream = Driver::builder(framework).master("127.0.0.1:5050".parse()?);
//! let status = SchedulerDriver::new(Printer, stream).run();
//! println!("{status:?}");
//! # Ok(())
//! # }
//! ```
//!
//! # Threads
//!
//! Callbacks are ordinary functions, called one after the other on a thread that the driver
//! starts; nothing has to be asynchronous. The driver's own work is done on another thread:
//! its methods only queue and never wait for an answer, so that they can be called from
//! within a callback without a deadlock, and a slow callback holds up other callbacks but no
//! call. A callback may block. [`SchedulerDriver`] and [`ExecutorDriver`] are handles; clones
//! can be used on any thread.
//!
//! # Differences from the driver of libmesos
//!
//! - Nothing aborts the process; what libmesos answers so is logged as an error.
//! - A call that fails is logged as a warning. Calls made while disconnected fail, as they are
//!   dropped there; suppressing and reviving take effect at the next subscription.
//! - `error` is for errors that end the driver. After the others, it subscribes again.
//! - Credentials go by HTTP: see [`Builder::credential`](crate::scheduler::Builder::credential).
//!   User and hostname are not filled in.
//! - Inverse offers are left unanswered and updates of offer operations are acknowledged:
//!   there is no classic callback for them.

mod dispatch;
mod executor;
mod executor_driver;
mod life;
mod scheduler;
mod scheduler_driver;
mod undelivered;

pub use executor::Executor;
pub use executor_driver::ExecutorDriver;
pub use life::Status;
pub use scheduler::Scheduler;
pub use scheduler_driver::SchedulerDriver;
