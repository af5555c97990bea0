//! The loop: what happens goes to the engine, what follows goes to the master.

use std::time::{Duration, Instant};

use batch::{Call, Effects, Engine, Input, Notice};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use mesos::client::{CallError, Error};
use mesos::scheduler::{Calls, Event, Events, Stop};
use mesos::session::Problem;
use mesos::v1::{FrameworkId, TaskId};
use tokio::time::{interval, sleep_until, timeout};
use tracing::{debug, info, warn};

use crate::failure::{Failure, in_a_line};
use crate::launch::Launcher;
use crate::observe::log;
use crate::observe::progress::{Meter, REFRESH};
use crate::signals::{Signals, Wish};
use crate::spool::Spool;
use crate::store::JobStore;
use crate::teardown;

/// How many events are taken together, so that one write to the disk serves all.
const MAX_EVENTS_AT_ONCE: usize = 256;

/// How long to try to take leave of the master.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(10);

/// A time far away, for when there is nothing to wait for.
const LONG: Duration = Duration::from_secs(24 * 60 * 60);

/// Why the loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// Every image has an outcome.
    Complete,
    /// It was told to drain, and nothing runs any more.
    Drained,
    /// Too many images have failed.
    Aborted,
    /// It was told to stop at once.
    Stopped,
}

/// An ACCEPT on its way: what to relaunch if it does not arrive.
type Accepting = futures_util::future::BoxFuture<'static, Option<Vec<TaskId>>>;

/// One job at work.
pub struct Drive {
    /// Decides.
    pub engine: Engine,
    /// Remembers.
    pub store: JobStore,
    /// What the list says.
    pub list: Spool,
    /// Shows.
    pub meter: Meter,
    /// When the program started.
    pub started: Instant,
    launcher: Launcher,
    master: String,
    framework_id: FrameworkId,
    wake_at: Option<Duration>,
    accepting: FuturesUnordered<Accepting>,
}

enum Happening {
    Item(Option<Box<Result<Event, Error>>>),
    Accepted(Option<Vec<TaskId>>),
    Wish(Wish),
    Tick,
    Refresh,
}

impl Drive {
    /// A drive that has not begun. `master` is its name in messages.
    #[must_use]
    pub fn new(
        engine: Engine,
        store: JobStore,
        list: Spool,
        meter: Meter,
        launcher: Launcher,
        master: String,
    ) -> Self {
        Self {
            engine,
            store,
            list,
            meter,
            started: Instant::now(),
            launcher,
            master,
            framework_id: FrameworkId::default(),
            wake_at: Some(Duration::ZERO),
            accepting: FuturesUnordered::new(),
        }
    }

    /// What uploads have to bring from now on.
    pub fn use_token(&mut self, token: Option<String>) {
        self.launcher.upload_token = token;
    }

    /// Has the tasks of an earlier run launched again, as their cluster is gone.
    ///
    /// # Errors
    ///
    /// When the state cannot be kept.
    pub fn forget_running(&mut self) -> Result<(), Failure> {
        let job = &self.engine.settings().job;
        let tasks = self.engine.tasks_out().map(|attempt| attempt.task_id(job)).collect();
        let effects = self.engine.handle(self.started.elapsed(), Input::LaunchFailed { tasks });
        // There is no subscription yet, so there are no calls.
        effects.commit(&mut self.store)?;
        Ok(())
    }

    /// Runs until there is a reason to end.
    ///
    /// # Errors
    ///
    /// When the master ends the subscription for good, or the state cannot be kept.
    pub async fn run(
        &mut self,
        events: &mut Events,
        calls: &Calls,
        signals: &mut Signals,
    ) -> Result<Finish, Failure> {
        let mut refresh = interval(REFRESH);
        loop {
            let wake_at = self.started + self.wake_at.unwrap_or(LONG);
            let happening = tokio::select! {
                item = events.next() => Happening::Item(item.map(Box::new)),
                Some(lost) = self.accepting.next() => Happening::Accepted(lost),
                wish = signals.next() => Happening::Wish(wish),
                () = sleep_until(wake_at.into()) => Happening::Tick,
                _ = refresh.tick() => Happening::Refresh,
            };
            match happening {
                Happening::Item(item) => self.events(item.map(|item| *item), events, calls)?,
                Happening::Accepted(Some(tasks)) => {
                    self.input(Input::LaunchFailed { tasks }, calls)?;
                }
                Happening::Accepted(None) => {}
                Happening::Wish(Wish::Drain) => self.drain(calls)?,
                Happening::Wish(Wish::Stop) => return Ok(Finish::Stopped),
                Happening::Tick => self.input(Input::Tick, calls)?,
                Happening::Refresh => self.show(),
            }
            if let Some(finish) = self.finish() {
                return Ok(finish);
            }
        }
    }

    /// Whether there is a reason to end.
    #[must_use]
    pub fn finish(&self) -> Option<Finish> {
        if self.engine.is_finished() {
            return Some(Finish::Complete);
        }
        let finish = if self.engine.is_aborted() { Finish::Aborted } else { Finish::Drained };
        self.engine.is_idle().then_some(finish)
    }

    /// Gives the engine one input.
    ///
    /// # Errors
    ///
    /// When the state cannot be kept.
    pub fn input(&mut self, input: Input, calls: &Calls) -> Result<(), Failure> {
        let effects = self.engine.handle(self.started.elapsed(), input);
        self.effects(effects, calls)
    }

    /// Takes leave: the framework is torn down when the job is complete, else its tasks
    /// are left to the next run. True if the master took it.
    pub async fn leave(
        &mut self,
        finish: Option<Finish>,
        mut events: Events,
        calls: &Calls,
    ) -> bool {
        let is_gone = match finish {
            Some(Finish::Complete) => {
                let teardown =
                    timeout(LEAVE_TIMEOUT, teardown::tear_down(&mut events, calls)).await;
                teardown.unwrap_or(Err(CallError::NotSubscribed)).is_ok()
            }
            Some(Finish::Drained | Finish::Aborted | Finish::Stopped) | None => true,
        };
        if !is_gone {
            let (id, master) = (&self.framework_id, &self.master);
            warn!(
                "could not tell the master {master} that framework {id} is over; the same command tries again"
            );
        }
        // What was called before is on its way or will not arrive at all.
        let _ = timeout(LEAVE_TIMEOUT, calls.stop(Stop::Failover)).await;
        is_gone
    }

    fn show(&mut self) {
        self.meter.show(self.started.elapsed(), &self.engine.progress());
    }

    fn drain(&mut self, calls: &Calls) -> Result<(), Failure> {
        let running = self.engine.progress().tasks_running;
        info!("interrupted: tasks still running: {running}; interrupt again to stop at once");
        self.input(Input::Drain, calls)
    }

    /// Takes an item and all that are there already.
    fn events(
        &mut self,
        first: Option<Result<Event, Error>>,
        events: &mut Events,
        calls: &Calls,
    ) -> Result<(), Failure> {
        let mut effects = Effects::default();
        effects.wake_at = self.wake_at;
        let mut item = first.ok_or_else(|| self.ended())?;
        for _ in 0..MAX_EVENTS_AT_ONCE {
            if let Some(input) = self.understand(item)? {
                effects.join(self.engine.handle(self.started.elapsed(), input));
            }
            match events.next().now_or_never() {
                Some(Some(next)) => item = next,
                Some(None) | None => break,
            }
        }
        self.effects(effects, calls)
    }

    fn understand(&mut self, item: Result<Event, Error>) -> Result<Option<Input>, Failure> {
        let event = match item {
            Ok(event) => event,
            Err(error) => return self.trouble(&error).map(|()| None),
        };
        if let Event::Subscribed { framework_id, .. } = &event {
            self.framework_id = framework_id.clone();
        }
        Ok(match event {
            Event::Subscribed { framework_id, first, .. } => {
                Some(Input::Subscribed { framework_id, first })
            }
            Event::Disconnected { reason } => {
                warn!("lost the master {}: {reason}", self.master);
                Some(Input::Disconnected)
            }
            Event::Offers(offers) => Some(Input::Offers(offers)),
            Event::OfferRescinded(offer_id) => Some(Input::Rescinded(offer_id)),
            Event::Update { status, ack } => Some(Input::Update { status, ack }),
            Event::AgentLost(agent_id) => {
                warn!("agent {agent_id} is lost");
                Some(Input::AgentLost(agent_id))
            }
            Event::ExecutorLost { executor_id, agent_id, .. } => {
                warn!("the executor {executor_id} on agent {agent_id} ended");
                Some(Input::ExecutorLost { agent_id, executor_id })
            }
            Event::Error(message) => {
                warn!("the master {} says: {message}", self.master);
                None
            }
            Event::InverseOffers(wishes) => Some(Input::InverseOffers(wishes)),
            Event::InverseOfferRescinded(id) => Some(Input::InverseOfferRescinded(id)),
            Event::OperationUpdate { .. } | Event::Message { .. } | Event::Unknown { .. } => {
                debug!("an event that is of no concern here: {event:?}");
                None
            }
        })
    }

    /// The driver goes on by itself after most errors.
    fn trouble(&mut self, error: &Error) -> Result<(), Failure> {
        let master = &self.master;
        match error {
            Error::Transient(problem @ (Problem::NoMaster | Problem::Detection { .. })) => {
                warn!("looking for the master at {master}: {problem}");
                Ok(())
            }
            Error::Transient(_) => {
                warn!("cannot subscribe with the master {master}: {error}; trying again");
                Ok(())
            }
            Error::Protocol(_) => {
                warn!("the master {master}: {error}");
                Ok(())
            }
            Error::Unauthorized(problem @ Problem::DetectionRefused { .. }) => {
                Err(Failure::Refused(format!("cannot find the master at {master}: {problem}")))
            }
            Error::Unauthorized(_) => Err(Failure::Refused(format!(
                "the master {master} refuses this framework: {error} (--principal and --secret-file, or --credential)"
            ))),
            Error::FrameworkRemoved(_) => self.removed(error),
            Error::FailedOver(_) => Err(Failure::Locked(format!(
                "another scheduler has taken over this job at the master {master} ({error}): let it work, or stop it"
            ))),
            Error::Refused(_) | Error::GaveUp(_) | Error::Setup(_) => Err(Failure::Start(format!(
                "cannot work with the master {master}: {}; check --master",
                in_a_line(&error.to_string())
            ))),
        }
    }

    /// The id is of no use any more; what is done stays done.
    fn removed(&mut self, error: &Error) -> Result<(), Failure> {
        use batch::Store;
        let forgotten = batch::Record::FrameworkSubscribed { framework_id: String::new() };
        self.store.append(&[forgotten])?;
        Err(Failure::Removed(format!(
            "{error}; start the same command again to go on as a new framework"
        )))
    }

    fn ended(&self) -> Failure {
        let master = &self.master;
        Failure::Start(format!("the subscription with the master {master} ended: start it again"))
    }

    /// Keeps the records, then shows the notices and makes the calls.
    fn effects(&mut self, effects: Effects, calls: &Calls) -> Result<(), Failure> {
        self.wake_at = effects.wake_at;
        let released = effects.commit(&mut self.store)?;
        for notice in &released.notices {
            log::write(notice, &self.engine);
            if matches!(notice, Notice::JobDone) {
                self.show();
            }
        }
        released.calls.into_iter().try_for_each(|call| self.call(call, calls))
    }

    fn call(&self, call: Call, calls: &Calls) -> Result<(), Failure> {
        // What is not answered well comes again by itself, launches excepted: the master
        // repeats updates, and the engine repeats the rest after the next subscription.
        match call {
            Call::Accept { offer_ids, launches, refuse, .. } => {
                let operation = self.launcher.operation(&self.framework_id, &launches, &self.list);
                let operation = operation.map_err(|error| {
                    Failure::Start(format!("cannot read the list again ({error}): start it again"))
                })?;
                let answer = calls.accept(offer_ids, vec![operation], refuse);
                let tasks = launches.into_iter().map(|launch| launch.task_id).collect();
                self.accepting.push(Box::pin(answer.map(|answer| lost(answer, tasks))));
            }
            Call::Decline { offer_ids, refuse } => drop(calls.decline(offer_ids, refuse)),
            Call::AcceptInverse { offer_ids, refuse } => {
                drop(calls.accept_inverse(offer_ids, refuse));
            }
            Call::Suppress => drop(calls.suppress()),
            Call::Revive => drop(calls.revive()),
            Call::Acknowledge(token) => drop(calls.acknowledge(token)),
            Call::Reconcile(tasks) => drop(calls.reconcile(tasks)),
            Call::Kill { task_id, agent_id } => drop(calls.kill(task_id, agent_id)),
        }
        Ok(())
    }
}

/// The tasks of an ACCEPT that did not arrive.
fn lost(answer: Result<(), CallError>, tasks: Vec<TaskId>) -> Option<Vec<TaskId>> {
    let error = answer.err()?;
    warn!("could not launch (tasks: {}): {error}; trying again", tasks.len());
    Some(tasks)
}
