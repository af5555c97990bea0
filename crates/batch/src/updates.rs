//! What follows from the news of a task.

use mesos::ack::AckToken;
use mesos::v1::{TaskId, TaskStatus};
use protocol::{Class, ImageReport, Outcome};

use crate::retry::{self, AfterLoss, AfterReport};
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
            self.reconciler.forget(attempt.batch);
            self.record(fx, Record::TaskEnded { attempt, cost: 0 });
            self.demand.want();
        }
    }

    /// Tasks that the master calls finished, but whose report has not come in time.
    pub(crate) fn give_up_reports(&mut self, fx: &mut Effects) {
        while let Some(batch) = self.reconciler.pop_unreported(self.now) {
            let Some((attempt, _)) = self.batches.task_of(batch) else { continue };
            let why = "the master says that the task is over, but its report never came";
            let loss = Loss::Costs(1);
            self.task_over(fx, attempt, Over { images: Vec::new(), loss, why: why.into() });
        }
    }

    fn current(&self, id: &TaskId) -> Option<Attempt> {
        let attempt = Attempt::of(&self.settings.job, id)?;
        self.batches.current(attempt).map(|_| attempt)
    }

    fn current_update(&mut self, fx: &mut Effects, attempt: Attempt, status: &TaskStatus) {
        match verdict::of(status) {
            Verdict::Alive(images) => {
                self.reconciler.heard(attempt.batch);
                self.images_reported(fx, attempt, images);
            }
            Verdict::AwaitReport => {
                self.reconciler.await_report(self.now, attempt.batch, &self.settings);
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
        self.reconciler.forget(attempt.batch);
        self.demand.want();
        self.images_reported(fx, attempt, over.images);
        let Some(batch) = self.batches.current(attempt).cloned() else { return };
        if batch.images.is_empty() {
            self.record(fx, Record::TaskEnded { attempt, cost: 0 });
            return;
        }
        let (cost, is_final) = match over.loss {
            Loss::Costs(cost) => (cost, false),
            Loss::Final => (1, true),
        };
        let spent = batch.spent.saturating_add(cost);
        match retry::after_loss(&self.settings.retry, self.settings.seed, attempt, spent) {
            AfterLoss::Again(after) if !is_final => {
                self.record(fx, Record::TaskEnded { attempt, cost });
                self.batches.wait_until(attempt.batch, self.now.saturating_add(after));
                let task_id = attempt.task_id(&self.settings.job);
                fx.notices.push(Notice::TaskRetry { task_id, message: over.why, after });
            }
            AfterLoss::Again(_) | AfterLoss::GiveUp => {
                let task_id = attempt.task_id(&self.settings.job);
                let message = format!(
                    "task {task_id} and {} before it ended without a result for this image, at \
                     last with {}; see the task's sandbox on agent {agent}",
                    attempt.number.saturating_sub(1),
                    over.why,
                );
                for index in batch.images {
                    let end = ImageEnd::failed(Class::Machinery, message.as_str(), agent.as_str());
                    self.image_ended(fx, index, end);
                }
                self.record(fx, Record::TaskEnded { attempt, cost });
            }
        }
    }

    /// Images that a task has reported, at its end or before: each once, and only those that are
    /// still in it.
    fn images_reported(&mut self, fx: &mut Effects, attempt: Attempt, images: Vec<ImageReport>) {
        let agent = self.agent_of(attempt);
        for report in images {
            let is_in_it = |batch: &crate::batches::Batch| batch.images.contains(&report.index);
            if self.batches.current(attempt).is_some_and(is_in_it) {
                self.image_reported(fx, report, &agent);
            }
        }
    }

    fn agent_of(&self, attempt: Attempt) -> String {
        self.batches.task_of(attempt.batch).map_or("", |(_, agent)| agent).to_owned()
    }

    fn image_reported(&mut self, fx: &mut Effects, report: ImageReport, agent: &str) {
        let index = report.index;
        let failures = self.images.failures(index);
        match retry::after_report(&self.settings.retry, self.settings.seed, &report, failures) {
            AfterReport::Final => self.image_ended(fx, index, ImageEnd::of(report, agent)),
            AfterReport::Again(after) => {
                let class = report.class();
                self.record(fx, Record::ImageFailedOnce { index, class });
                self.images.wait_until(index, self.now.saturating_add(after));
                let message = report.message;
                fx.notices.push(Notice::ImageRetry { index, class, message, after });
            }
        }
    }

    fn image_ended(&mut self, fx: &mut Effects, index: u64, end: ImageEnd) {
        fx.notices.push(match end.outcome() {
            Outcome::Done => Notice::ImageDone { index },
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
        let tasks = due.into_iter().filter_map(|batch| self.batches.task_of(batch));
        let name = |(attempt, agent): (Attempt, &str)| {
            (attempt.task_id(&self.settings.job), Some(agent.into()))
        };
        let tasks: Vec<_> = tasks.map(name).collect();
        if !tasks.is_empty() {
            fx.calls.push(Call::Reconcile(tasks));
        }
    }
}
