//! The states of a driver, and waiting for its end.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use tokio::runtime::Runtime;
use tokio::sync::Notify;

/// Where a driver stands. Methods of one that is not running do nothing and return this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "DriverStatus")]
pub enum Status {
    /// `start` or `run` has not been called.
    #[doc(alias = "DRIVER_NOT_STARTED")]
    NotStarted,
    /// It works.
    #[doc(alias = "DRIVER_RUNNING")]
    Running,
    /// It ended by `abort` or by an error; there are no more callbacks.
    #[doc(alias = "DRIVER_ABORTED")]
    Aborted,
    /// It ended by `stop`; there are no more callbacks.
    #[doc(alias = "DRIVER_STOPPED")]
    Stopped,
}

/// The life of one driver, shared by its handles and its thread.
#[derive(Debug)]
pub(super) struct Life {
    state: Mutex<State>,
    over: Condvar,
    left: Notify,
}

#[derive(Debug)]
struct State {
    status: Status,
    /// Whether there is a thread that calls back.
    busy: bool,
    /// Which, once it has begun.
    thread: Option<ThreadId>,
}

impl Life {
    pub(super) fn new() -> Self {
        let state = State { status: Status::NotStarted, busy: false, thread: None };
        Self { state: Mutex::new(state), over: Condvar::new(), left: Notify::new() }
    }

    pub(super) fn status(&self) -> Status {
        self.lock().status
    }

    /// Changes a status to another, if it is that.
    pub(super) fn change(&self, from: Status, to: Status) -> bool {
        let mut state = self.lock();
        let changed = state.status == from;
        if changed {
            state.status = to;
            self.left.notify_one();
        }
        changed
    }

    /// Starts the thread that calls back; until it ends, [`Life::join`] waits.
    pub(super) fn spawn(
        self: &Arc<Self>,
        name: &str,
        work: impl FnOnce() + Send + 'static,
    ) -> Result<(), String> {
        self.lock().busy = true;
        let vacate = Vacate(Arc::clone(self));
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            vacate.0.lock().thread = Some(thread::current().id());
            work();
            drop(vacate);
        });
        thread.map(drop).map_err(|error| format!("cannot start a thread: {error}"))
    }

    fn vacate(&self) {
        let mut state = self.lock();
        state.busy = false;
        if state.status == Status::Running {
            state.status = Status::Aborted;
        }
        self.over.notify_all();
    }

    /// Blocks until the thread has ended; from that very thread it returns at once.
    pub(super) fn join(&self) -> Status {
        let mut state = self.lock();
        while state.busy && state.thread != Some(thread::current().id()) {
            state = self.over.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.status
    }

    /// Waits until the status is another than running.
    pub(super) async fn left(&self) {
        while self.status() == Status::Running {
            self.left.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says so when the thread ends, also by a panic in a callback.
struct Vacate(Arc<Life>);

impl Drop for Vacate {
    fn drop(&mut self) {
        self.0.vacate();
    }
}

/// Where the driver does its own work while a callback runs.
pub(super) fn runtime() -> Result<Runtime, String> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let built = builder.worker_threads(1).thread_name("mesos driver").enable_all().build();
    built.map_err(|error| format!("cannot start the driver: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_changes_from_what_it_is_only() {
        let life = Life::new();
        assert!(!life.change(Status::Running, Status::Stopped));
        assert!(life.change(Status::NotStarted, Status::Running));
        assert!(life.change(Status::Running, Status::Aborted));
        assert_eq!(life.join(), Status::Aborted);
    }

    #[test]
    fn a_thread_that_ends_by_itself_leaves_the_driver_aborted() {
        let life = Arc::new(Life::new());
        life.change(Status::NotStarted, Status::Running);
        let inside = Arc::clone(&life);
        let work = move || assert_eq!(inside.join(), Status::Running);
        life.spawn("test", work).unwrap();
        assert_eq!(life.join(), Status::Aborted);
    }
}
