//! The classic driver of an executor.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::runtime::{Handle, Runtime};
use tokio::time::timeout;

use super::life::{Life, runtime};
use super::{Executor, Status};
use crate::client::Error;
use crate::executor::{Calls, Driver, Environment, Event, Events};
use crate::v1::{TaskState, TaskStatus};

/// The classic driver: a handle, passed to every callback; clones are the same driver.
///
/// Methods only queue and return at once, except for [`join`](Self::join) and
/// [`run`](Self::run). On a driver that is not running they do nothing. Each returns the status.
#[derive(Clone)]
#[doc(alias = "MesosExecutorDriver")]
pub struct ExecutorDriver(Arc<Shared>);

struct Shared {
    life: Arc<Life>,
    grace_period: Duration,
    parts: Mutex<Option<(Box<dyn Executor>, Environment)>>,
    line: OnceLock<(Calls, Handle)>,
}

impl ExecutorDriver {
    /// A driver that calls `executor` back.
    ///
    /// [`Environment::from_env`] says what a process lacks that no agent has started; libmesos
    /// ends the process then.
    #[must_use]
    pub fn new(executor: impl Executor + 'static, environment: Environment) -> Self {
        Self(Arc::new(Shared {
            life: Arc::new(Life::new()),
            grace_period: environment.shutdown_grace_period,
            parts: Mutex::new(Some((Box::new(executor), environment))),
            line: OnceLock::new(),
        }))
    }

    /// Where the driver stands.
    #[must_use]
    pub fn status(&self) -> Status {
        self.0.life.status()
    }

    /// Begins to subscribe, on threads of its own. If that cannot even be tried,
    /// [`Executor::error`] is called before this returns, and the driver is aborted.
    pub fn start(&self) -> Status {
        let parts = self.0.parts.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((mut executor, environment)) = parts else { return self.status() };
        self.0.life.change(Status::NotStarted, Status::Running);
        match self.connect(environment) {
            Ok((runtime, events)) => {
                let driver = self.clone();
                let work = move || driver.serve(&runtime, events, executor.as_mut());
                if let Err(message) = self.0.life.spawn("mesos executor", work) {
                    tracing::error!("{message}");
                }
            }
            Err(message) => {
                self.0.life.change(Status::Running, Status::Aborted);
                executor.error(self, &message);
            }
        }
        self.status()
    }

    /// Ends the driver, after the agent has every update, at most after the grace
    /// period; libmesos does not wait. There are no more callbacks.
    pub fn stop(&self) -> Status {
        self.0.life.change(Status::Running, Status::Stopped);
        self.status()
    }

    /// Ends the driver at once: no more callbacks, updates the agent does not have are lost.
    pub fn abort(&self) -> Status {
        self.0.life.change(Status::Running, Status::Aborted);
        self.status()
    }

    /// Blocks until the driver was stopped or aborted. Not for callbacks, where it returns
    /// at once.
    pub fn join(&self) -> Status {
        self.0.life.join()
    }

    /// [`start`](Self::start) and [`join`](Self::join).
    pub fn run(&self) -> Status {
        match self.start() {
            Status::Running => self.join(),
            status @ (Status::NotStarted | Status::Aborted | Status::Stopped) => status,
        }
    }

    /// Reports a task's status. Uuid, source, ids and time are filled in; it is kept
    /// and sent again after every reconnect until the agent has it.
    ///
    /// TASK_STAGING is not for executors: it is an error, and the driver is aborted.
    #[doc(alias = "sendStatusUpdate")]
    pub fn send_status_update(&self, status: TaskStatus) -> Status {
        if status.state() == TaskState::TaskStaging {
            tracing::error!("an executor must not report TASK_STAGING ({})", status.task_id);
            return self.abort();
        }
        if let Some((calls, _)) = self.running() {
            calls.update(status);
        }
        self.status()
    }

    /// Sends bytes to the scheduler, at most once.
    #[doc(alias = "sendFrameworkMessage")]
    pub fn send_framework_message(&self, data: Vec<u8>) -> Status {
        if let Some((calls, runtime)) = self.running() {
            let pending = calls.message(data);
            runtime.spawn(async move {
                if let Err(error) = pending.await {
                    tracing::warn!("cannot send a message: {error}");
                }
            });
        }
        self.status()
    }

    fn running(&self) -> Option<&(Calls, Handle)> {
        (self.status() == Status::Running).then(|| self.0.line.get()).flatten()
    }

    fn connect(&self, environment: Environment) -> Result<(Runtime, Events), String> {
        let runtime = runtime()?;
        let connected = {
            let _context = runtime.enter();
            Driver::connect(environment)
        };
        let (events, calls) = connected.map_err(|error| error.to_string())?;
        // Only one start gets here.
        let _ = self.0.line.set((calls, runtime.handle().clone()));
        Ok((runtime, events))
    }

    /// Calls back until the driver is left. Callbacks run outside of the runtime, so that
    /// they may block.
    fn serve(&self, runtime: &Runtime, mut events: Events, executor: &mut dyn Executor) {
        let mut flush = false;
        while let Some(item) = runtime.block_on(self.next(&mut events)) {
            match item {
                Ok(Event::Shutdown) => {
                    executor.shutdown(self);
                    flush = true;
                    self.0.life.change(Status::Running, Status::Aborted);
                }
                Ok(event) => self.dispatch(executor, event),
                // If it is terminal, the stream's last event is a shutdown.
                Err(error) => tracing::warn!("{error}"),
            }
        }
        if flush || self.status() == Status::Stopped {
            runtime.block_on(self.flush(&mut events));
        }
    }

    async fn next(&self, events: &mut Events) -> Option<Result<Event, Error>> {
        tokio::select! {
            biased;
            () = self.0.life.left() => None,
            item = events.next() => item,
        }
    }

    fn dispatch(&self, executor: &mut dyn Executor, event: Event) {
        match event {
            Event::Subscribed { executor: info, framework, agent, first: true, .. } => {
                executor.registered(self, *info, *framework, *agent);
            }
            Event::Subscribed { agent, first: false, .. } => executor.reregistered(self, *agent),
            Event::Disconnected { reason } => {
                tracing::info!("disconnected: {reason}");
                executor.disconnected(self);
            }
            Event::Launch(task) => executor.launch_task(self, *task),
            Event::LaunchGroup(tasks) => {
                tasks.into_iter().for_each(|task| executor.launch_task(self, task));
            }
            Event::Kill { task_id, .. } => executor.kill_task(self, task_id),
            Event::Message(data) => executor.framework_message(self, data),
            Event::Error(message) => {
                self.0.life.change(Status::Running, Status::Aborted);
                executor.error(self, &message);
            }
            // The first is dispatched apart, the second not asked for.
            Event::Shutdown | Event::Acknowledged { .. } => {}
            Event::Unknown { type_number } => {
                tracing::debug!("an event of type {type_number} has no classic callback");
            }
        }
    }

    /// Waits until the agent has every update, and reads on meanwhile.
    async fn flush(&self, events: &mut Events) {
        let Some((calls, _)) = self.0.line.get() else { return };
        let read_on = async { while events.next().await.is_some() {} };
        let flushed = async {
            tokio::select! {
                () = calls.flushed() => {}
                () = read_on => {}
            }
        };
        if timeout(self.0.grace_period, flushed).await.is_err() {
            tracing::warn!("the agent did not confirm every update in time");
        }
    }
}

impl fmt::Debug for ExecutorDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecutorDriver").field("status", &self.status()).finish_non_exhaustive()
    }
}
