//! What scheduler, executor and file server say to each other.
//!
//! | message | from, to | travels in |
//! |---|---|---|
//! | [`Task`] | scheduler to executor | `TaskInfo.data` |
//! | [`Report`] | executor to scheduler | `TaskStatus.data` |
//! | an upload | executor to file server | `PUT` [`paths::upload`], rules in [`names`] |
//!
//! Mesos shows neither `TaskInfo.data` nor `TaskStatus.data` on its state
//! endpoints, so the upload token may travel in a task.

mod class;
pub mod names;
pub mod paths;
mod report;
mod task;
mod version;

pub use class::Class;
pub use report::{ImageReport, Outcome, Report, Timings};
pub use task::{Image, Limits, Manners, Task};
pub use version::{DecodeError, VERSION};
