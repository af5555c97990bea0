//! Decides: images to batches, batches to task attempts, attempts to results.
//!
//! [`Engine::handle`] takes what happened and the time, and returns what follows:
//! records to keep, calls to make, notices for people, and when to ask again. It is
//! synchronous and deterministic; there is no clock, no randomness and no I/O in
//! this crate.
//!
//! | question | module |
//! |---|---|
//! | what can happen | [`input`] |
//! | what follows, and why calls are sealed until records are durable | [`effects`], [`store`] |
//! | what is kept, so that a new engine knows the same | [`record`] |
//! | which task is this | [`attempt`] |
//! | what can be set | [`settings`] |
//! | how an image ended | [`outcome`] |
//! | which images wait, run, ended | `images`, `slots` |
//! | which tasks are out | `batches` |
//! | what goes into an offer | `offers` |
//! | may tasks go there at all | [`constraint`], `placement`, `maintenance`, `agents` |
//! | what became of the last offers | [`decisions`] |
//! | how many images go into the next task | `sizing` |
//! | which task runs a second time | `stragglers` |
//! | what a status update means | `verdict` |
//! | again or not, and when | `retry` |
//! | when is it no use to go on, and why does nothing go on | [`failures`], [`stuck`] |
//! | does the master owe us offers | `demand` |
//! | what became of a task nobody speaks of | `reconcile` |
//!
//! A loop around it:
//!
//! ```
//! use batch::{Effects, Engine, Entry, Given, Input, Settings, memory::MemoryStore};
//! use std::time::Duration;
//!
//! let mut store = MemoryStore::default();
//! let mut engine = Engine::new(Settings::new("holiday", "executor-1"));
//! for record in store.records() {
//!     engine.apply(record);
//! }
//! let entry = Entry {
//!     index: 1,
//!     line: 1,
//!     url: "http://h/a.jpg".into(),
//!     name: "1-a".into(),
//!     given: Given::Process,
//! };
//! for input in [
//!     Input::Submit(vec![entry]),
//!     Input::ListEnded,
//!     Input::Subscribed { framework_id: "f".into(), first: true },
//! ] {
//!     let effects: Effects = engine.handle(Duration::ZERO, input);
//!     let _wake_at = effects.wake_at;
//!     let released = effects.commit(&mut store).unwrap();
//!     for _call in released.calls { /* send it */ }
//!     for _notice in released.notices { /* show it */ }
//! }
//! assert_eq!(engine.progress().total, 1);
//! ```

mod agents;
pub mod attempt;
mod batches;
pub mod constraint;
mod deadlines;
pub mod decisions;
mod demand;
pub mod effects;
mod engine;
pub mod failures;
mod images;
pub mod input;
mod maintenance;
pub mod memory;
mod offers;
pub mod outcome;
mod placement;
mod reconcile;
pub mod record;
mod retry;
mod room;
pub mod settings;
mod sizing;
mod slots;
pub mod store;
mod stragglers;
pub mod stuck;
mod updates;
mod verdict;

pub use attempt::Attempt;
pub use constraint::Constraint;
pub use decisions::{Choice, Decision};
pub use effects::{Call, DeclineReason, Effects, Launch, Notice, Released};
pub use engine::Engine;
pub use failures::MaxFailures;
pub use input::{Entry, Given, Input};
pub use outcome::{ImageOutcome, Progress};
pub use record::{ImageEnd, Record};
pub use settings::{Backoff, Chunk, Grouping, RetryPolicy, Settings};
pub use store::{Receipt, Store};
pub use stuck::Obstacle;

/// A moment: the time since the engine's start.
///
/// It never goes back; an engine that replays records starts at zero again.
pub type Time = std::time::Duration;
