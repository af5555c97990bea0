//! What happens next: one input in, everything that follows out.

use std::collections::{BTreeMap, BTreeSet};

use mesos::resources::Resources;
use mesos::v1::Resource;
use prost::Message;
use protocol::Outcome;

use crate::agents::Agents;
use crate::batches::Batches;
use crate::decisions::Decisions;
use crate::demand::{Demand, Needs};
use crate::images::Images;
use crate::maintenance::Leaving;
use crate::placement::is_ours;
use crate::reconcile::Reconciler;
use crate::sizing::Sizing;
use crate::stragglers::Watch;
use crate::stuck::Stuck;
use crate::{
    Attempt, Decision, Effects, Entry, Given, Input, MaxFailures, Notice, Progress, Record,
    Settings, Time,
};

/// The scheduler's memory and judgement.
///
/// Everything that must survive a crash changes in [`Engine::apply`] and nowhere else;
/// [`Engine::handle`] decides on records and applies them itself. The rest (connection,
/// waits, what was asked) begins anew with every engine.
#[derive(Debug)]
pub struct Engine {
    pub(crate) settings: Settings,
    pub(crate) images: Images,
    pub(crate) batches: Batches,
    /// Our executors' resources, by agent and role.
    pub(crate) placed: BTreeMap<String, BTreeMap<String, Resources>>,
    framework_id: Option<String>,
    list_ended: bool,
    done_said: bool,

    pub(crate) now: Time,
    pub(crate) online: bool,
    pub(crate) draining: bool,
    pub(crate) reconciler: Reconciler,
    pub(crate) demand: Demand,
    pub(crate) sizing: Sizing,
    pub(crate) watch: Watch,
    pub(crate) agents: Agents,
    pub(crate) leaving: Leaving,
    pub(crate) stuck: Stuck,
    pub(crate) decisions: Decisions,
    /// Tasks that are out and that we have killed.
    pub(crate) killed: BTreeSet<Attempt>,
    aborted: Option<Time>,
}

impl Engine {
    /// An engine that knows nothing yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            images: Images::default(),
            batches: Batches::default(),
            placed: BTreeMap::new(),
            framework_id: None,
            list_ended: false,
            done_said: false,
            now: Time::ZERO,
            online: false,
            draining: false,
            reconciler: Reconciler::default(),
            demand: Demand::default(),
            sizing: Sizing::default(),
            watch: Watch::default(),
            agents: Agents::default(),
            leaving: Leaving::default(),
            stuck: Stuck::default(),
            decisions: Decisions::default(),
            killed: BTreeSet::new(),
            aborted: None,
        }
    }

    /// An engine that knows what an earlier one recorded.
    #[must_use]
    pub fn replay<'a>(
        settings: Settings,
        entries: impl IntoIterator<Item = Entry>,
        records: impl IntoIterator<Item = &'a Record>,
    ) -> Self {
        let mut engine = Self::new(settings);
        for entry in entries {
            engine.images.submit(&entry);
        }
        for record in records {
            engine.apply(record);
        }
        engine
    }

    /// Takes over what an earlier engine recorded: all records in their order, before
    /// any input but [`Input::Submit`].
    pub fn apply(&mut self, record: &Record) {
        match record {
            Record::FrameworkSubscribed { framework_id } => {
                self.framework_id = Some(framework_id.clone());
            }
            Record::ExecutorPlaced { agent, resources } => {
                let decode = |bytes: &Vec<u8>| Resource::decode(bytes.as_slice()).ok();
                let resources: Vec<_> = resources.iter().filter_map(decode).collect();
                let resources = Resources::from(&resources);
                let role = resources.allocated_roles().pop_first().unwrap_or_else(|| "*".into());
                self.placed.entry(agent.clone()).or_default().insert(role, resources);
            }
            Record::Launched { attempt, agent, images } => {
                let from = images.first().and_then(|index| self.images.batch_of(*index));
                let from = from.filter(|batch| *batch != attempt.batch);
                self.batches.launch(*attempt, agent, images, from);
                for index in images {
                    self.images.launch(*index, attempt.batch);
                }
            }
            Record::ImageEnded { index, end } => {
                if let Some(batch) = self.images.end(*index, end) {
                    self.batches.remove_image(batch, *index);
                }
            }
            Record::ImageFailedOnce { index, class: _ } => {
                if let Some(batch) = self.images.fail_once(*index) {
                    self.batches.remove_image(batch, *index);
                }
            }
            Record::ImagePutOff { index } => {
                if let Some(batch) = self.images.put_off(*index) {
                    self.batches.remove_image(batch, *index);
                }
            }
            Record::ImageReopened { index } => self.images.reopen(*index),
            Record::TaskEnded { attempt, cost } => self.batches.end(*attempt, *cost),
        }
    }

    /// Takes what happened at `now` and says what follows. A time before an earlier
    /// one counts as that one.
    pub fn handle(&mut self, now: Time, input: Input) -> Effects {
        self.now = self.now.max(now);
        let mut fx = Effects::default();
        self.promote();
        match input {
            Input::Submit(entries) => self.submit(&mut fx, entries),
            Input::ListEnded => self.list_ended = true,
            Input::Subscribed { framework_id, first: _ } => {
                self.subscribed(&mut fx, framework_id.value);
            }
            Input::Disconnected => {
                self.online = false;
                self.reconciler.pause();
            }
            Input::Offers(offers) => self.use_offers(&mut fx, &offers),
            Input::Update { status, ack } => self.update(&mut fx, &status, ack),
            Input::InverseOffers(wishes) => self.inverse_offers(&mut fx, wishes),
            Input::InverseOfferRescinded(id) => self.inverse_offer_rescinded(&id),
            Input::AgentLost(agent_id) => {
                self.agents.gone(&agent_id.value);
                // One that was refused as others were better may be the best now.
                self.demand.want();
                self.ask_about_agent(&agent_id.value);
            }
            Input::ExecutorLost { agent_id, executor_id } => {
                if is_ours(&self.settings, &executor_id) {
                    self.ask_about_agent(&agent_id.value);
                }
            }
            Input::LaunchFailed { tasks } => self.launch_failed(&mut fx, &tasks),
            Input::Drain => self.draining = true,
            Input::Rescinded(_) | Input::Tick => {}
        }
        self.settle(&mut fx);
        fx
    }

    /// What it was made with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The id under which the master knows us, if it ever did.
    #[must_use]
    pub fn framework_id(&self) -> Option<&str> {
        self.framework_id.as_deref()
    }

    /// How far the job is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let counts = self.images.counts;
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let running = count(self.batches.running_images_len());
        let pending = count(self.images.fresh_len());
        Progress {
            total: counts.total,
            done: counts.done,
            failed: counts.failed,
            duplicates: counts.duplicates,
            running,
            pending,
            retrying: counts.open().saturating_sub(running).saturating_sub(pending),
            next_retry: self.next_retry(),
            tasks_running: count(self.batches.running_len()),
            tasks_launched: self.batches.launched(),
            bytes_in: counts.bytes_in,
            bytes_out: counts.bytes_out,
            list_ended: self.list_ended,
        }
    }

    fn next_retry(&self) -> Option<Time> {
        let next = self.images.next_due().into_iter().chain(self.batches.next_due()).min();
        next.filter(|_| !self.any_ready() && !self.draining)
    }

    /// Whether the image of that index has a result; `None` while it has no outcome, and for a
    /// duplicate. The engine remembers no more of it: see [`outcome`](crate::outcome).
    #[must_use]
    pub fn outcome(&self, index: u64) -> Option<Outcome> {
        self.images.outcome(index)
    }

    /// The tasks that are out.
    pub fn tasks_out(&self) -> impl Iterator<Item = Attempt> {
        self.batches.running()
    }

    /// Whether the list has ended and every image has an outcome.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.list_ended && self.images.counts.open() == 0
    }

    /// Whether it was told to [drain](Input::Drain), or has [given up](Self::is_aborted), and
    /// nothing runs any more. What was killed and does not end is not waited for for ever.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let is_overdue = self.abort_by().is_some_and(|at| at <= self.now);
        self.draining && (self.batches.running_len() == 0 || is_overdue)
    }

    /// Whether the job was given up because [too many images](Settings::max_failures) failed.
    #[must_use]
    pub fn is_aborted(&self) -> bool {
        self.aborted.is_some()
    }

    /// What became of the last offers, oldest first.
    pub fn decisions(&self) -> impl DoubleEndedIterator<Item = &Decision> {
        self.decisions.iter()
    }

    /// Whether something could be launched now.
    pub(crate) fn has_work(&self) -> bool {
        !self.draining && (self.any_ready() || self.watch.due().next().is_some())
    }

    /// Whether something waits for its first task, or for another after a failure.
    fn any_ready(&self) -> bool {
        self.images.any_ready() || self.batches.any_ready()
    }

    /// Changes the memory, and has the change kept.
    pub(crate) fn record(&mut self, fx: &mut Effects, record: Record) {
        self.apply(&record);
        fx.records.push(record);
    }

    fn submit(&mut self, fx: &mut Effects, entries: Vec<Entry>) {
        for entry in entries {
            let index = entry.index;
            if self.images.submit(&entry)
                && let Given::Rejected { class, message } = entry.given
            {
                fx.notices.push(Notice::ImageFailed { index, class, message });
            }
        }
    }

    fn subscribed(&mut self, fx: &mut Effects, framework_id: String) {
        self.online = true;
        self.demand.subscribed();
        // The master asks again for what it still wants, and does not tell what it has called off.
        self.leaving.forget();
        if self.framework_id.as_ref() == Some(&framework_id) {
            // The master may still hold us back for what an earlier connection said.
            self.demand.want();
        } else {
            let framework_id = framework_id.clone();
            self.record(fx, Record::FrameworkSubscribed { framework_id });
        }
        self.reconciler.pause();
        self.reconciler.start(self.now, self.batches.running(), &self.settings);
        self.watch_running();
        if self.is_aborted() {
            self.kill_running(fx);
        }
        fx.notices.push(Notice::Subscribed { framework_id });
    }

    fn ask_about_agent(&mut self, agent: &str) {
        if self.online {
            for attempt in self.batches.running_on(agent) {
                self.reconciler.ask(self.now, attempt);
            }
        }
    }

    fn promote(&mut self) {
        let images = self.images.promote(self.now);
        let batches = self.batches.promote(self.now);
        let may_be_slow = self.settings.straggler_after.filter(|_| !self.any_ready());
        let stragglers = may_be_slow.is_some_and(|least| self.watch.promote(self.now, least));
        if images || batches || stragglers {
            self.demand.want();
        }
    }

    /// Tasks of an earlier engine are as old as its successor's first subscription.
    fn watch_running(&mut self) {
        let unknown = self.batches.running().filter(|attempt| !self.watch.knows(*attempt));
        for attempt in unknown.collect::<Vec<_>>() {
            let images = self.batches.current(attempt).map_or(0, |batch| batch.images.len());
            self.watch.launched(self.now, attempt, images);
            // One that has reported all its images will end by itself.
            if images == 0 || self.batches.rival(attempt).is_some() {
                self.watch.paired(attempt);
            }
        }
    }

    /// Gives the job up when too many images have failed.
    fn check_failures(&mut self, fx: &mut Effects) {
        let Some(max_failures) = self.settings.max_failures else { return };
        let is_known = self.list_ended || matches!(max_failures, MaxFailures::Images(_));
        let (failed, total) = (self.images.counts.failed, self.images.counts.total);
        if self.is_aborted()
            || self.is_finished()
            || !is_known
            || !max_failures.exceeded(failed, total)
        {
            return;
        }
        (self.aborted, self.draining) = (Some(self.now), true);
        fx.notices.push(Notice::Aborted { failed, max_failures });
        self.kill_running(fx);
    }

    fn kill_running(&mut self, fx: &mut Effects) {
        for attempt in self.batches.running().collect::<Vec<_>>() {
            self.killed.remove(&attempt);
            self.kill(fx, attempt);
        }
    }

    fn abort_by(&self) -> Option<Time> {
        self.aborted.map(|at| at.saturating_add(Settings::KILL_TIMEOUT))
    }

    /// Says what stands in the way if nothing goes on.
    fn check_progress(&mut self, fx: &mut Effects) {
        if self.online && self.has_work() && self.batches.running_len() == 0 {
            self.stuck.waits(self.now);
        } else {
            self.stuck.free();
        }
        if self.stuck.wake_at().is_none_or(|at| at > self.now) {
            return;
        }
        let (needs, roles) = (self.least_needs(), self.settings.roles.join(", "));
        if let Some((obstacle, time)) = self.stuck.due(self.now, needs, &roles) {
            fx.notices.push(Notice::NoProgress { obstacle, time });
            // An earlier call may have been lost, and offers refused for what has changed since.
            self.demand.want();
        }
    }

    /// What time and the new state bring by themselves.
    fn settle(&mut self, fx: &mut Effects) {
        self.give_up_reports(fx);
        self.leave_agents(fx);
        self.check_failures(fx);
        self.promote();
        self.check_progress(fx);
        if self.online {
            self.ask_about_tasks(fx, self.now);
            let needs = self.needs();
            fx.calls.extend(self.demand.decide(self.now, needs));
        }
        if self.is_finished() && !std::mem::replace(&mut self.done_said, true) {
            fx.notices.push(Notice::JobDone);
        }
        fx.wake_at = self.wake_at();
    }

    fn wake_at(&self) -> Option<Time> {
        let waits = [self.images.next_due(), self.batches.next_due(), self.abort_by()];
        let may_be_slow = self.settings.straggler_after.filter(|_| !self.any_ready());
        let calls = [
            self.reconciler.wake_at(self.batches.running_len() > 0),
            self.demand.revive_at(self.needs()),
            self.leaving.next_due(),
            self.stuck.wake_at(),
            may_be_slow.and_then(|least| self.watch.next_due(least)),
        ];
        let calls = calls.into_iter().filter(|_| self.online);
        waits.into_iter().chain(calls).flatten().min()
    }

    fn needs(&self) -> Needs {
        let longest = self.settings.revive_interval.max(Settings::MIN_REVIVE_INTERVAL);
        Needs { work: self.has_work(), running: self.batches.running_len(), longest }
    }
}
