//! What follows from the news of a task.

use std::time::Duration;

use mesos::ack::AckToken;
use mesos::v1::{TaskId, TaskState, TaskStatus};
use protocol::{Class, ImageReport, Outcome};

use crate::retry::{self, AfterLoss, AfterReport};
use crate::stragglers::Lasted;
use crate::verdict::{self, Loss, Over, Verdict};
use crate::{Attempt, Call, Effects, Engine, ImageEnd, Notice, Record, Time};

impl Engine {
    /// Takes an update. Whatever it says, it is acknowledged once its records are durable.
    pub(crate) fn update(&mut self, fx: &mut Effects, status: &TaskStatus, ack: Option<AckToken>) {
        let current = self.current(&status.task_id);
        fx.notices.push(Notice::TaskState {
            task_id: status.task_id.clone(),
            state: status.state(),
            message: status.message().to_owned(),
            current: current.is_some(),
        });
        match current {
            Some(attempt) => self.current_update(fx, attempt, status),
            None => self.stray_update(fx, status),
        }
        fx.calls.extend(ack.map(Call::Acknowledge));
    }

    /// Tasks whose launch could not even be sent cost nothing.
    pub(crate) fn launch_failed(&mut self, fx: &mut Effects, tasks: &[TaskId]) {
        for attempt in tasks.iter().filter_map(|id| self.current(id)).collect::<Vec<_>>() {
            self.forget(attempt);
            self.killed.remove(&attempt);
            let rival = self.batches.rival(attempt);
            rival.into_iter().for_each(|rival| self.watch.alone_again(self.now, rival));
            self.record(fx, Record::TaskEnded { attempt, cost: 0 });
            self.demand.want();
        }
    }

    /// Tasks that the master calls finished, but whose report has not come in time.
    pub(crate) fn give_up_reports(&mut self, fx: &mut Effects) {
        while let Some(attempt) = self.reconciler.pop_unreported(self.now) {
            if self.batches.current(attempt).is_none() {
                continue;
            }
            let why = "the master says that the task is over, but its report never came".into();
            let loss = Loss::Costs(1);
            self.task_over(
                fx,
                attempt,
                Over { images: Vec::new(), loss, blames_agent: false, why },
            );
        }
    }

    fn current(&self, id: &TaskId) -> Option<Attempt> {
        let attempt = Attempt::of(&self.settings.job, id)?;
        self.batches.current(attempt).map(|_| attempt)
    }

    fn current_update(&mut self, fx: &mut Effects, attempt: Attempt, status: &TaskStatus) {
        if let Some(agent) = self.batches.agent_of(attempt) {
            self.agents.seen(self.now, agent);
        }
        match verdict::of(status) {
            Verdict::Alive(images) => {
                self.reconciler.heard(attempt);
                if status.state() == TaskState::TaskRunning {
                    self.watch.runs(self.now, attempt);
                }
                self.images_reported(fx, attempt, images);
            }
            Verdict::AwaitReport => {
                self.reconciler.await_report(self.now, attempt, &self.settings);
            }
            Verdict::Nothing => {}
            Verdict::Over(over) => self.task_over(fx, attempt, over),
        }
    }

    /// News of a task that does not count: of an earlier attempt, or of none of ours. If
    /// it runs, it only takes room.
    fn stray_update(&self, fx: &mut Effects, status: &TaskStatus) {
        if self.online && verdict::can_be_killed(status.state()) {
            let (task_id, agent_id) = (status.task_id.clone(), status.agent_id.clone());
            fx.calls.push(Call::Kill { task_id, agent_id });
        }
    }

    fn task_over(&mut self, fx: &mut Effects, attempt: Attempt, over: Over) {
        let agent = self.agent_of(attempt);
        let longest = over.images.iter().map(time_of).max().unwrap_or_default();
        // It had nothing to do but to come back.
        let was_put_off =
            !over.images.is_empty() && over.images.iter().all(|report| report.not_asked);
        self.demand.want_room(self.now);
        self.images_reported(fx, attempt, over.images);
        let lasted = self.forget(attempt);
        let Some(batch) = self.batches.current(attempt).cloned() else { return };
        let was_killed = self.killed.remove(&attempt);
        let left = !batch.images.is_empty();
        let has_rival = self.batches.rival(attempt).is_some();
        if was_killed || was_put_off {
            // It says nothing of its agent, nor of how long tasks take.
        } else if !left {
            self.learn(&agent, lasted, longest);
        } else if over.blames_agent && !has_rival {
            self.blame(fx, &agent, lasted);
        }
        let (cost, is_final) = match over.loss {
            _ if !left || was_killed => (0, false),
            Loss::Costs(cost) => (cost, false),
            Loss::Final => (1, true),
        };
        let spent = batch.spent.saturating_add(cost);
        if left && spent < self.settings.retry.machinery_budget.get() {
            // The other task may need another rival, if it goes on for long.
            let rival = self.batches.rival(attempt);
            rival.into_iter().for_each(|rival| self.watch.alone_again(self.now, rival));
        }
        if !left || has_rival {
            self.record(fx, Record::TaskEnded { attempt, cost });
            return;
        }
        match retry::after_loss(&self.settings.retry, self.settings.seed, attempt, spent) {
            AfterLoss::Again(after) if !is_final => {
                let after = if was_killed { Duration::ZERO } else { after };
                self.launch_again(fx, attempt, cost, after, over.why);
            }
            AfterLoss::Again(_) | AfterLoss::GiveUp => {
                self.give_up(fx, attempt, cost, &agent, &over.why);
            }
        }
    }

    fn launch_again(
        &mut self,
        fx: &mut Effects,
        attempt: Attempt,
        cost: u32,
        after: Duration,
        message: String,
    ) {
        self.record(fx, Record::TaskEnded { attempt, cost });
        self.batches.wait_until(attempt.batch, self.now.saturating_add(after));
        let task_id = attempt.task_id(&self.settings.job);
        fx.notices.push(Notice::TaskRetry { task_id, message, after });
    }

    /// The images that are left have failed.
    fn give_up(&mut self, fx: &mut Effects, attempt: Attempt, cost: u32, agent: &str, why: &str) {
        let task_id = attempt.task_id(&self.settings.job);
        let message = format!(
            "task {task_id} and {} before it ended without a result for this image, at last with \
             {why}; see the task's sandbox on agent {agent}",
            attempt.number.saturating_sub(1),
        );
        let images = self.batches.current(attempt).map(|batch| batch.images.clone());
        for index in images.unwrap_or_default() {
            self.image_ended(
                fx,
                index,
                ImageEnd::failed(Class::Machinery, message.as_str(), agent),
            );
        }
        self.record(fx, Record::TaskEnded { attempt, cost });
    }

    /// A task is out no longer, as far as questions and clocks go.
    fn forget(&mut self, attempt: Attempt) -> Option<Lasted> {
        self.reconciler.forget(attempt);
        self.watch.ended(self.now, attempt)
    }

    /// A task went as it should. It cannot have taken less than its slowest image.
    fn learn(&mut self, agent: &str, lasted: Option<Lasted>, slowest: Duration) {
        self.agents.did_well(agent);
        if let Some(lasted) = lasted {
            let took = lasted.took.max(slowest.min(self.now.saturating_sub(lasted.launched)));
            self.sizing.ended(lasted.images, took);
            self.watch.learn(took);
        }
    }

    fn blame(&mut self, fx: &mut Effects, agent: &str, lasted: Option<Lasted>) {
        let launched = lasted.map_or(Time::ZERO, |lasted| lasted.launched);
        if let Some(time) = self.agents.lost(self.now, agent, launched) {
            fx.notices.push(Notice::AgentAvoided { agent_id: agent.into(), time });
        }
    }

    /// Images that a task has reported, at its end or before: each once, and only those that are
    /// still in it. When it has reported all, nothing is left to do for its rival.
    fn images_reported(&mut self, fx: &mut Effects, attempt: Attempt, images: Vec<ImageReport>) {
        let agent = self.agent_of(attempt);
        let rival = self.batches.rival(attempt);
        for report in images {
            let is_in_it = |batch: &crate::batches::Batch| batch.images.contains(&report.index);
            if self.batches.current(attempt).is_some_and(is_in_it) {
                self.image_reported(fx, attempt, report, &agent);
            }
        }
        let is_through = |batch: &crate::batches::Batch| batch.images.is_empty();
        if self.batches.current(attempt).is_some_and(is_through) {
            self.watch.paired(attempt);
            if let Some(rival) = rival {
                self.kill(fx, rival);
            }
        }
    }

    /// Kills a task that is out. Nothing depends on its death: if the call is lost, it ends by
    /// itself.
    pub(crate) fn kill(&mut self, fx: &mut Effects, attempt: Attempt) {
        let Some(agent) = self.batches.agent_of(attempt) else { return };
        if self.online && self.killed.insert(attempt) {
            let task_id = attempt.task_id(&self.settings.job);
            fx.calls.push(Call::Kill { task_id, agent_id: Some(agent.into()) });
        }
    }

    fn agent_of(&self, attempt: Attempt) -> String {
        self.batches.agent_of(attempt).unwrap_or_default().to_owned()
    }

    /// With a rival, a failure that may go better elsewhere is left to it.
    fn image_reported(
        &mut self,
        fx: &mut Effects,
        attempt: Attempt,
        report: ImageReport,
        agent: &str,
    ) {
        let index = report.index;
        let has_rival = self.batches.rival(attempt).is_some();
        let before = self.images.setbacks(index);
        match retry::after_report(&self.settings.retry, self.settings.seed, &report, before) {
            AfterReport::Final => {
                let end = ImageEnd { task: Some(attempt), ..ImageEnd::of(report, agent) };
                self.image_ended(fx, index, end);
            }
            AfterReport::Again(_) | AfterReport::PutOff(_) if has_rival => {}
            AfterReport::Again(after) => {
                let class = report.class();
                self.try_again(fx, report, after, Record::ImageFailedOnce { index, class });
            }
            AfterReport::PutOff(after) => {
                self.try_again(fx, report, after, Record::ImagePutOff { index });
            }
        }
    }

    fn try_again(&mut self, fx: &mut Effects, report: ImageReport, after: Duration, why: Record) {
        let (index, class, message) = (report.index, report.class(), report.message);
        self.record(fx, why);
        self.images.wait_until(index, self.now.saturating_add(after));
        fx.notices.push(Notice::ImageRetry { index, class, message, after });
    }

    fn image_ended(&mut self, fx: &mut Effects, index: u64, end: ImageEnd) {
        fx.notices.push(match end.outcome() {
            Outcome::Done => Notice::ImageDone { index, output: end.output.clone() },
            Outcome::Failed => {
                Notice::ImageFailed { index, class: end.class, message: end.message.to_string() }
            }
        });
        self.record(fx, Record::ImageEnded { index, end: Box::new(end) });
    }

    /// Asks about tasks, if it is time to.
    pub(crate) fn ask_about_tasks(&mut self, fx: &mut Effects, now: Time) {
        if self.reconciler.all_due(now) {
            self.reconciler.start(now, self.batches.running(), &self.settings);
        }
        let due = self.reconciler.due(now, &self.settings);
        let name = |attempt: Attempt| {
            let agent = self.batches.agent_of(attempt)?;
            Some((attempt.task_id(&self.settings.job), Some(agent.into())))
        };
        let tasks: Vec<_> = due.into_iter().filter_map(name).collect();
        if !tasks.is_empty() {
            fx.calls.push(Call::Reconcile(tasks));
        }
    }
}

/// How long a task was busy with one image, waiting for its turn included.
fn time_of(report: &ImageReport) -> Duration {
    let timings = report.timings;
    let parts = [timings.queue_ms, timings.download_ms, timings.process_ms, timings.upload_ms];
    Duration::from_millis(parts.into_iter().fold(0, u64::saturating_add))
}
