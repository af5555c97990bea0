//! What happens next: one input in, everything that follows out.

use std::collections::BTreeMap;

use mesos::resources::Resources;
use mesos::v1::Resource;
use prost::Message;

use crate::batches::Batches;
use crate::demand::Demand;
use crate::images::Images;
use crate::reconcile::Reconciler;
use crate::{Effects, Entry, Given, ImageOutcome, Input, Notice, Progress, Record, Settings, Time};

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
    /// Our executors' resources, by agent.
    pub(crate) placed: BTreeMap<String, Resources>,
    framework_id: Option<String>,
    list_ended: bool,
    done_said: bool,

    pub(crate) now: Time,
    pub(crate) online: bool,
    pub(crate) draining: bool,
    pub(crate) reconciler: Reconciler,
    pub(crate) demand: Demand,
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
            engine.images.submit(entry);
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
                self.placed.insert(agent.clone(), Resources::from(&resources));
            }
            Record::Launched { attempt, agent, images } => {
                self.batches.launch(*attempt, agent, images);
                for index in images {
                    self.images.launch(*index, attempt.batch);
                }
            }
            Record::ImageEnded { index, end } => {
                if let Some(batch) = self.images.end(*index, end.clone()) {
                    self.batches.remove_image(batch, *index);
                }
            }
            Record::ImageFailedOnce { index, class: _ } => {
                if let Some(batch) = self.images.fail_once(*index) {
                    self.batches.remove_image(batch, *index);
                }
            }
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
            Input::AgentLost(agent_id) => self.ask_about_agent(&agent_id.value),
            Input::ExecutorLost { agent_id, executor_id } => {
                if executor_id.value == self.settings.executor_id {
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
            tasks_running: count(self.batches.running_len()),
            tasks_launched: self.batches.launched(),
            bytes_in: counts.bytes_in,
            bytes_out: counts.bytes_out,
            list_ended: self.list_ended,
        }
    }

    /// How an image ended; `None` while it has not.
    #[must_use]
    pub fn outcome(&self, index: u64) -> Option<ImageOutcome<'_>> {
        self.images.outcome(index)
    }

    /// The outcomes so far, in the order of the list.
    pub fn outcomes(&self) -> impl Iterator<Item = ImageOutcome<'_>> {
        self.images.outcomes()
    }

    /// Whether the list has ended and every image has an outcome.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.list_ended && self.images.counts.open() == 0
    }

    /// Whether it was told to [drain](Input::Drain) and nothing runs any more.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.draining && self.batches.running_len() == 0
    }

    /// Whether something could be launched now.
    pub(crate) fn has_work(&self) -> bool {
        !self.draining && (self.images.any_ready() || self.batches.any_ready())
    }

    /// Changes the memory, and has the change kept.
    pub(crate) fn record(&mut self, fx: &mut Effects, record: Record) {
        self.apply(&record);
        fx.records.push(record);
    }

    fn submit(&mut self, fx: &mut Effects, entries: Vec<Entry>) {
        for entry in entries {
            let index = entry.index;
            let rejected = match &entry.given {
                Given::Rejected { class, message } => Some((*class, message.clone())),
                Given::Process | Given::Duplicate { .. } => None,
            };
            if self.images.submit(entry)
                && let Some((class, message)) = rejected
            {
                fx.notices.push(Notice::ImageFailed { index, class, message });
            }
        }
    }

    fn subscribed(&mut self, fx: &mut Effects, framework_id: String) {
        self.online = true;
        self.demand.subscribed();
        if self.framework_id.as_ref() == Some(&framework_id) {
            // The master may still hold us back for what an earlier connection said.
            self.demand.want();
        } else {
            let framework_id = framework_id.clone();
            self.record(fx, Record::FrameworkSubscribed { framework_id });
        }
        self.reconciler.pause();
        self.reconciler.start(self.now, self.batches.running(), &self.settings);
        fx.notices.push(Notice::Subscribed { framework_id });
    }

    fn ask_about_agent(&mut self, agent: &str) {
        if self.online {
            for batch in self.batches.running_on(agent) {
                self.reconciler.ask(self.now, batch);
            }
        }
    }

    fn promote(&mut self) {
        let images = self.images.promote(self.now);
        let batches = self.batches.promote(self.now);
        if images || batches {
            self.demand.want();
        }
    }

    /// What time and the new state bring by themselves.
    fn settle(&mut self, fx: &mut Effects) {
        self.give_up_reports(fx);
        self.promote();
        if self.online {
            self.ask_about_tasks(fx, self.now);
            let interval = self.revive_interval();
            fx.calls.extend(self.demand.decide(self.now, self.has_work(), interval));
        }
        if self.is_finished() && !std::mem::replace(&mut self.done_said, true) {
            fx.notices.push(Notice::JobDone);
        }
        fx.wake_at = self.wake_at();
    }

    fn wake_at(&self) -> Option<Time> {
        let waits = [self.images.next_due(), self.batches.next_due()];
        let calls = [
            self.reconciler.wake_at(self.batches.running_len() > 0),
            self.demand.revive_at(self.has_work(), self.revive_interval()),
        ];
        let calls = calls.into_iter().filter(|_| self.online);
        waits.into_iter().chain(calls).flatten().min()
    }

    fn revive_interval(&self) -> Time {
        self.settings.revive_interval.max(Settings::MIN_REVIVE_INTERVAL)
    }
}
