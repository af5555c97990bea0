//! Starts, stops and collects the work of tasks.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use mesos::v1::{TaskId, TaskInfo, TaskStatus};
use protocol::Report;
use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Duration, Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::budget::Given;
use crate::task::{self, Workshop};
use crate::tasks::{Ending, Kill, Tasks};

/// How long a task runs before that alone is told. Most of what a short task costs the cluster is
/// its updates, and of one that ends at once its end says enough.
pub const ANNOUNCE_AFTER: Duration = Duration::from_millis(250);

/// The tasks with their work. Whatever it returns is to be sent to the agent, in order.
#[derive(Debug)]
pub struct Runner {
    workshop: Arc<Workshop>,
    tasks: Tasks,
    work: JoinSet<Ending>,
    who: HashMap<Id, TaskId>,
    stops: HashMap<String, CancellationToken>,
    told: mpsc::UnboundedReceiver<(TaskId, Report)>,
    tell: mpsc::UnboundedSender<(TaskId, Report)>,
    /// Tasks of which nothing was told yet, with the time when it will be, oldest first.
    unannounced: VecDeque<(TaskId, Instant)>,
    /// To be sent, oldest first.
    ready: VecDeque<TaskStatus>,
}

impl Runner {
    /// Without tasks yet.
    #[must_use]
    pub fn new(workshop: Workshop) -> Self {
        let (tell, told) = mpsc::unbounded_channel();
        Self {
            workshop: Arc::new(workshop),
            tasks: Tasks::default(),
            work: JoinSet::new(),
            who: HashMap::new(),
            stops: HashMap::new(),
            told,
            tell,
            unannounced: VecDeque::new(),
            ready: VecDeque::new(),
        }
    }

    /// Starts a task, unless it is here already, and says so if it is to be told at once.
    pub fn launch(&mut self, task: TaskInfo) -> Option<TaskStatus> {
        if !self.tasks.launch(&task.task_id) {
            return None;
        }
        tracing::info!(task = %task.task_id, "running");
        let running = self.announce(&task.task_id);
        let stop = CancellationToken::new();
        let workshop = Arc::clone(&self.workshop);
        let given = Given::to(&task);
        let payload = task.data.unwrap_or_default();
        let (tell, id) = (self.tell.clone(), task.task_id.clone());
        // The receiver lives as long as the runner does.
        let tell = move |report| drop(tell.send((id.clone(), report)));
        let work = self.work.spawn(task::run(workshop, payload, given, stop.clone(), tell));
        self.stops.insert(task.task_id.value.clone(), stop);
        self.who.insert(work.id(), task.task_id);
        running
    }

    /// The first tasks are told of at once: how long this program took to start is news.
    fn announce(&mut self, id: &TaskId) -> Option<TaskStatus> {
        if !self.tasks.has_ended_one() {
            return self.tasks.announce(id);
        }
        self.unannounced.push_back((id.clone(), Instant::now() + ANNOUNCE_AFTER));
        None
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

    /// The next status of any task: that it runs, images that ended while it does, or its end,
    /// always after all that was told of it before. Waits for ever while none runs. Dropping the
    /// wait loses nothing.
    pub async fn next_status(&mut self) -> TaskStatus {
        loop {
            if let Some(status) = self.ready.pop_front() {
                return status;
            }
            let due = self.unannounced.front().map(|(_, due)| *due);
            tokio::select! {
                Some((id, report)) = self.told.recv() => self.note(&id, &report),
                Some(ended) = self.work.join_next_with_id() => self.settle(ended),
                () = until(due), if due.is_some() => {
                    let waiting = self.unannounced.pop_front();
                    self.ready.extend(waiting.and_then(|(id, _)| self.tasks.announce(&id)));
                }
            }
        }
    }

    /// Whether no task runs, and all of them have been told of.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.tasks.is_empty() && self.ready.is_empty()
    }

    fn note(&mut self, id: &TaskId, report: &Report) {
        self.ready.extend(self.tasks.progress(id, report));
    }

    fn settle(&mut self, ended: Result<(Id, Ending), JoinError>) {
        // What a task told, it told before it ended.
        while let Ok((id, report)) = self.told.try_recv() {
            self.note(&id, &report);
        }
        let (id, ending) = match ended {
            Ok((id, ending)) => (id, ending),
            Err(error) => (error.id(), Ending::Broken),
        };
        let Some(task_id) = self.who.remove(&id) else { return };
        self.stops.remove(&task_id.value);
        let Some(status) = self.tasks.end(&task_id, ending) else { return };
        let state = status.state().as_str_name();
        tracing::info!(task = %task_id, state, "{}", status.message.as_deref().unwrap_or_default());
        self.ready.push_back(status);
    }
}

async fn until(due: Option<Instant>) {
    if let Some(due) = due {
        sleep_until(due).await;
    }
}
