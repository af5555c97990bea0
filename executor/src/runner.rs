//! Starts, stops and collects the work of tasks.

use std::collections::HashMap;
use std::sync::Arc;

use mesos::v1::{TaskId, TaskInfo, TaskStatus};
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::task::{self, Workshop};
use crate::tasks::{Ending, Kill, Tasks};

/// The tasks with their work. Whatever it returns is to be sent to the agent, in order.
#[derive(Debug)]
pub struct Runner {
    workshop: Arc<Workshop>,
    tasks: Tasks,
    work: JoinSet<Ending>,
    who: HashMap<Id, TaskId>,
    stops: HashMap<String, CancellationToken>,
}

impl Runner {
    /// Without tasks yet.
    #[must_use]
    pub fn new(workshop: Workshop) -> Self {
        Self {
            workshop: Arc::new(workshop),
            tasks: Tasks::default(),
            work: JoinSet::new(),
            who: HashMap::new(),
            stops: HashMap::new(),
        }
    }

    /// Starts a task, unless it is here already.
    pub fn launch(&mut self, task: TaskInfo) -> Option<TaskStatus> {
        let running = self.tasks.launch(&task.task_id)?;
        tracing::info!(task = %task.task_id, "running");
        let stop = CancellationToken::new();
        let workshop = Arc::clone(&self.workshop);
        let payload = task.data.unwrap_or_default();
        let work = self.work.spawn(task::run(workshop, payload, stop.clone()));
        self.stops.insert(task.task_id.value.clone(), stop);
        self.who.insert(work.id(), task.task_id);
        Some(running)
    }

    /// Stops a task, or answers for one that never came.
    pub fn kill(&mut self, id: &TaskId) -> Option<TaskStatus> {
        match self.tasks.kill(id) {
            Kill::Stop => {
                self.stops.get(&id.value).inspect(|stop| stop.cancel());
                None
            }
            Kill::Answer(status) => Some(*status),
            Kill::Nothing => None,
        }
    }

    /// Stops every task.
    pub fn kill_all(&mut self) {
        self.stops.values().for_each(CancellationToken::cancel);
    }

    /// The terminal status of the next task to end; waits for ever while none runs.
    /// Dropping the wait loses nothing.
    pub async fn next_ended(&mut self) -> TaskStatus {
        loop {
            let Some(ended) = self.work.join_next_with_id().await else {
                return std::future::pending().await;
            };
            if let Some(status) = self.settle(ended) {
                return status;
            }
        }
    }

    /// Whether no task runs.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.tasks.is_empty()
    }

    fn settle(&mut self, ended: Result<(Id, Ending), JoinError>) -> Option<TaskStatus> {
        let (id, ending) = match ended {
            Ok((id, ending)) => (id, ending),
            Err(error) => (error.id(), Ending::Broken),
        };
        let task_id = self.who.remove(&id)?;
        self.stops.remove(&task_id.value);
        let status = self.tasks.end(&task_id, ending)?;
        let state = status.state().as_str_name();
        tracing::info!(task = %task_id, state, "{}", status.message.as_deref().unwrap_or_default());
        Some(status)
    }
}
