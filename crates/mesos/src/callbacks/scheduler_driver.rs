//! The classic driver of a scheduler.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::dispatch::Served;
use super::life::{Life, runtime};
use super::{Scheduler, Status, undelivered};
use crate::ack::{AckToken, OperationAckToken};
use crate::client::Pending;
use crate::operation;
use crate::scheduler::{Builder, Calls, Stop};
use crate::v1::framework_info::capability;
use crate::v1::scheduler::OfferConstraints;
use crate::v1::{
    AgentId, ExecutorId, FrameworkInfo, OfferId, Request, TaskId, TaskInfo, TaskStatus, offer,
};

/// How long the last calls may take when the driver is stopped.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(10);

/// The classic driver: a handle, passed to every callback; clones are the same driver.
///
/// Methods only queue and return at once, except for [`join`](Self::join) and
/// [`run`](Self::run). On a driver that is not running they do nothing. Each returns the status.
#[derive(Clone)]
#[doc(alias = "MesosSchedulerDriver")]
pub struct SchedulerDriver(Arc<Shared>);

struct Shared {
    life: Arc<Life>,
    failover: AtomicBool,
    explicit: bool,
    partition_aware: bool,
    parts: Mutex<Option<(Box<dyn Scheduler>, Builder)>>,
    line: OnceLock<Line>,
}

/// What there is once the driver runs.
struct Line {
    calls: Calls,
    runtime: Handle,
    /// Updates that no master sends.
    made: mpsc::UnboundedSender<TaskStatus>,
}

impl SchedulerDriver {
    /// A driver that calls `scheduler` back, with a stream as `stream` describes it.
    #[must_use]
    pub fn new(scheduler: impl Scheduler + 'static, stream: Builder) -> Self {
        Self::with(scheduler, stream, false)
    }

    /// The same, but no update is acknowledged until
    /// [`acknowledge_status_update`](Self::acknowledge_status_update) is called with it.
    #[doc(alias = "implicitAcknowledgements")]
    #[must_use]
    pub fn explicit_acknowledgements(scheduler: impl Scheduler + 'static, stream: Builder) -> Self {
        Self::with(scheduler, stream, true)
    }

    fn with(scheduler: impl Scheduler + 'static, stream: Builder, explicit: bool) -> Self {
        Self(Arc::new(Shared {
            life: Arc::new(Life::new()),
            failover: AtomicBool::new(true),
            explicit,
            partition_aware: is_partition_aware(stream.framework()),
            parts: Mutex::new(Some((Box::new(scheduler), stream))),
            line: OnceLock::new(),
        }))
    }

    /// Where the driver stands.
    #[must_use]
    pub fn status(&self) -> Status {
        self.0.life.status()
    }

    /// Begins to subscribe, on threads of its own. If that cannot even be tried,
    /// [`Scheduler::error`] is called before this returns, and the driver is aborted.
    pub fn start(&self) -> Status {
        let parts = self.0.parts.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((mut scheduler, stream)) = parts else { return self.status() };
        self.0.life.change(Status::NotStarted, Status::Running);
        match self.connect(stream) {
            Ok(served) => {
                let driver = self.clone();
                let work = move || served.run(&driver, scheduler);
                if let Err(message) = self.0.life.spawn("mesos scheduler", work) {
                    tracing::error!("{message}");
                }
            }
            Err(message) => {
                self.0.life.change(Status::Running, Status::Aborted);
                scheduler.error(self, &message);
            }
        }
        self.status()
    }

    /// Ends the driver. Without `failover` the framework is removed: its tasks are killed and
    /// its id can never be used again. With it the tasks run on for the failover timeout.
    ///
    /// Calls made before go out first. The update whose callback stops the driver is not
    /// acknowledged. There are no more callbacks.
    pub fn stop(&self, failover: bool) -> Status {
        self.0.failover.store(failover, Ordering::SeqCst);
        if self.0.life.change(Status::Running, Status::Stopped) {
            return Status::Stopped;
        }
        self.status()
    }

    /// Ends the driver at once: no more callbacks, calls that wait are dropped.
    ///
    /// The framework stays, as after `stop(true)`: the HTTP API has no call that leaves
    /// it registered and inactive, as that of libmesos' driver does.
    pub fn abort(&self) -> Status {
        self.0.life.change(Status::Running, Status::Aborted);
        self.status()
    }

    /// Blocks until the driver was stopped or aborted and its last calls are answered. Not
    /// for callbacks, where it returns at once.
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

    /// Tells the allocator what would be welcome. The one built into Mesos ignores it.
    #[doc(alias = "requestResources")]
    pub fn request_resources(&self, requests: Vec<Request>) -> Status {
        self.call("request resources", |calls| calls.request(requests))
    }

    /// Launches tasks on several offers of one agent together; what they leave is refused
    /// for `refuse`. Without tasks it is a decline.
    ///
    /// If the call does not get through, each task gets an update of its own:
    /// TASK_LOST, or TASK_DROPPED if the framework is partition-aware, with the reason
    /// REASON_MASTER_DISCONNECTED, or REASON_INVALID_OFFERS if an offer is void. If it is not
    /// known whether it got through there is none: reconcile.
    #[doc(alias = "launchTasks")]
    pub fn launch_tasks(
        &self,
        offer_ids: Vec<OfferId>,
        tasks: Vec<TaskInfo>,
        refuse: Duration,
    ) -> Status {
        self.accept_offers(offer_ids, vec![operation::launch(tasks)], refuse)
    }

    /// Carries out operations on offers of one agent; as [`launch_tasks`](Self::launch_tasks).
    ///
    /// Unlike in libmesos operations may have ids; their updates are acknowledged unseen.
    #[doc(alias = "acceptOffers")]
    pub fn accept_offers(
        &self,
        offer_ids: Vec<OfferId>,
        operations: Vec<offer::Operation>,
        refuse: Duration,
    ) -> Status {
        let Some(line) = self.running() else { return self.status() };
        let tasks = undelivered::tasks(&operations);
        let pending = line.calls.accept(offer_ids, operations, refuse);
        let (made, partition_aware) = (line.made.clone(), self.0.partition_aware);
        line.runtime.spawn(async move {
            let Err(error) = pending.await else { return };
            tracing::warn!("cannot accept offers: {error}");
            for task_id in tasks {
                let status = undelivered::status(task_id, &error, partition_aware, seconds());
                // Without a receiver the driver has ended.
                status.into_iter().for_each(|status| drop(made.send(status)));
            }
        });
        self.status()
    }

    /// Gives an offer back and asks not to see the same resources for `refuse`.
    #[doc(alias = "declineOffer")]
    pub fn decline_offer(&self, offer_id: OfferId, refuse: Duration) -> Status {
        self.call("decline an offer", |calls| calls.decline(vec![offer_id], refuse))
    }

    /// Asks to kill a task. Not reliable, and dropped while disconnected: repeat it until a
    /// terminal update comes.
    #[doc(alias = "killTask")]
    pub fn kill_task(&self, task_id: TaskId) -> Status {
        self.call("kill a task", |calls| calls.kill(task_id, None))
    }

    /// Ends suppression and drops all filters, for all roles. While disconnected it
    /// takes effect at the next subscription.
    #[doc(alias = "reviveOffers")]
    pub fn revive_offers(&self) -> Status {
        self.call("revive offers", Calls::revive)
    }

    /// The same for these roles; none are none.
    pub fn revive_offers_for_roles(&self, roles: Vec<String>) -> Status {
        self.call("revive offers", |calls| calls.revive_roles(roles))
    }

    /// Asks for no more offers, for all roles. While disconnected it takes effect at the
    /// next subscription.
    #[doc(alias = "suppressOffers")]
    pub fn suppress_offers(&self) -> Status {
        self.call("suppress offers", Calls::suppress)
    }

    /// The same for these roles; none are none.
    pub fn suppress_offers_for_roles(&self, roles: Vec<String>) -> Status {
        self.call("suppress offers", |calls| calls.suppress_roles(roles))
    }

    /// Acknowledges an update, if it needs that, with explicit acknowledgements. Without, it
    /// does nothing but log an error, where libmesos ends the process.
    #[doc(alias = "acknowledgeStatusUpdate")]
    pub fn acknowledge_status_update(&self, status: &TaskStatus) -> Status {
        if !self.0.explicit {
            tracing::error!("this driver acknowledges updates by itself");
            return self.status();
        }
        match AckToken::of(status) {
            Some(token) if self.running().is_some() => {
                self.call("acknowledge an update", |calls| calls.acknowledge(token))
            }
            Some(token) => {
                token.forgo();
                self.status()
            }
            None => self.status(),
        }
    }

    /// Sends bytes to an executor, at most once, through the master.
    #[doc(alias = "sendFrameworkMessage")]
    pub fn send_framework_message(
        &self,
        executor_id: ExecutorId,
        agent_id: AgentId,
        data: Vec<u8>,
    ) -> Status {
        self.call("send a message", |calls| calls.message(agent_id, executor_id, data))
    }

    /// Asks for the state of tasks, of which task and agent ids are used; none means all
    /// that the master knows.
    #[doc(alias = "reconcileTasks")]
    pub fn reconcile_tasks(&self, statuses: &[TaskStatus]) -> Status {
        let task = |status: &TaskStatus| (status.task_id.clone(), status.agent_id.clone());
        let tasks = statuses.iter().map(task).collect();
        self.call("reconcile tasks", |calls| calls.reconcile(tasks))
    }

    /// Changes what the master knows of the framework; see [`Calls::update_framework`].
    #[doc(alias = "updateFramework")]
    pub fn update_framework(
        &self,
        framework: FrameworkInfo,
        suppressed_roles: Vec<String>,
        constraints: Option<OfferConstraints>,
    ) -> Status {
        self.call("update the framework", |calls| {
            calls.update_framework(framework, suppressed_roles, constraints)
        })
    }

    fn running(&self) -> Option<&Line> {
        (self.status() == Status::Running).then(|| self.0.line.get()).flatten()
    }

    /// Makes a call; what it does not achieve is logged.
    fn call(&self, what: &'static str, make: impl FnOnce(&Calls) -> Pending) -> Status {
        if let Some(line) = self.running() {
            let pending = make(&line.calls);
            line.runtime.spawn(async move {
                if let Err(error) = pending.await {
                    tracing::warn!("cannot {what}: {error}");
                }
            });
        }
        self.status()
    }

    fn connect(&self, stream: Builder) -> Result<Served, String> {
        let runtime = runtime()?;
        let connected = {
            let _context = runtime.enter();
            stream.connect()
        };
        let (events, calls) = connected.map_err(|error| error.to_string())?;
        let (made, updates) = mpsc::unbounded_channel();
        // Only one start gets here.
        let _ = self.0.line.set(Line { calls, runtime: runtime.handle().clone(), made });
        Ok(Served { runtime, events, updates })
    }

    /// Returns when the driver was stopped or aborted.
    pub(super) async fn left(&self) {
        self.0.life.left().await;
    }

    /// The driver has met something after which it cannot go on.
    pub(super) fn failed(&self) {
        self.0.life.change(Status::Running, Status::Aborted);
    }

    /// After the callback of an update.
    pub(super) fn updated(&self, ack: Option<AckToken>) {
        match ack {
            Some(token) if !self.0.explicit && self.status() == Status::Running => {
                self.call("acknowledge an update", |calls| calls.acknowledge(token));
            }
            Some(token) => token.forgo(),
            None => {}
        }
    }

    /// An update of an operation, for which there is no callback.
    pub(super) fn operation_updated(&self, ack: Option<OperationAckToken>) {
        if let Some(token) = ack {
            self.call("acknowledge an operation", |calls| calls.acknowledge_operation(token));
        }
    }

    /// The last calls of a driver that was stopped.
    pub(super) async fn leave(&self) {
        let Some(line) = self.0.line.get().filter(|_| self.status() == Status::Stopped) else {
            return;
        };
        let failover = self.0.failover.load(Ordering::SeqCst);
        let how = if failover { Stop::Failover } else { Stop::Teardown };
        match timeout(LEAVE_TIMEOUT, line.calls.stop(how)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!("cannot leave the master in order: {error}"),
            Err(_) => tracing::warn!("the master did not answer within {LEAVE_TIMEOUT:?}"),
        }
    }
}

impl fmt::Debug for SchedulerDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SchedulerDriver").field("status", &self.status()).finish_non_exhaustive()
    }
}

fn is_partition_aware(framework: &FrameworkInfo) -> bool {
    let wanted = capability::Type::PartitionAware;
    framework.capabilities.iter().any(|capability| capability.r#type() == wanted)
}

/// The time since 1970.
fn seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
