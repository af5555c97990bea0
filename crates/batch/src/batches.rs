//! Which tasks are out, and which batches wait to be launched again.

use std::collections::{BTreeMap, BTreeSet};

use crate::deadlines::Deadlines;
use crate::{Attempt, Time};

/// All batches that have images without an outcome, or a task that is out.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone, PartialEq))]
pub(crate) struct Batches {
    open: BTreeMap<u64, Batch>,
    /// To be launched again, due.
    ready: BTreeSet<u64>,
    /// To be launched again, not due yet.
    waiting: Deadlines,
    running: usize,
    running_images: usize,
    last_number: u64,
    launched: u64,
}

/// Images that are launched together.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Batch {
    pub(crate) images: Vec<u64>,
    pub(crate) attempts: u32,
    /// What the machinery's failures have cost so far.
    pub(crate) spent: u32,
    stage: Stage,
}

#[derive(Debug, Clone, PartialEq)]
enum Stage {
    Running { agent: String },
    Ready,
    Waiting { until: Time },
}

impl Batches {
    /// The name of the first task of a new batch.
    pub(crate) fn new_attempt(&self) -> Attempt {
        Attempt { batch: self.last_number + 1, number: 1 }
    }

    /// The name of the next task of a batch that was launched before.
    pub(crate) fn next_attempt(&self, batch: u64) -> Attempt {
        let before = self.open.get(&batch).map_or(0, |batch| batch.attempts);
        Attempt { batch, number: before + 1 }
    }

    /// A task is out.
    pub(crate) fn launch(&mut self, attempt: Attempt, agent: &str, images: &[u64]) {
        self.remove(attempt.batch);
        let batch = self.open.entry(attempt.batch).or_insert_with(|| Batch {
            images: images.to_vec(),
            attempts: 0,
            spent: 0,
            stage: Stage::Ready,
        });
        batch.attempts = attempt.number;
        batch.stage = Stage::Running { agent: agent.to_owned() };
        self.running += 1;
        self.running_images += batch.images.len();
        self.last_number = self.last_number.max(attempt.batch);
        self.launched += 1;
    }

    /// The task of that attempt is over. What is left of its images waits to be launched
    /// again, at once until [`Batches::wait_until`] says otherwise.
    pub(crate) fn end(&mut self, attempt: Attempt, cost: u32) {
        if self.current(attempt).is_none() {
            return;
        }
        self.remove(attempt.batch);
        let Some(batch) = self.open.get_mut(&attempt.batch) else { return };
        batch.spent = batch.spent.saturating_add(cost);
        if batch.images.is_empty() {
            self.open.remove(&attempt.batch);
        } else {
            batch.stage = Stage::Waiting { until: Time::ZERO };
            self.waiting.set(attempt.batch, Time::ZERO);
        }
    }

    /// Puts off a batch that waits to be launched again.
    pub(crate) fn wait_until(&mut self, number: u64, until: Time) {
        let Some(batch) = self.open.get_mut(&number) else { return };
        if matches!(batch.stage, Stage::Waiting { .. }) {
            batch.stage = Stage::Waiting { until };
            self.waiting.set(number, until);
        }
    }

    /// An image of the batch has an outcome, or goes its own way.
    pub(crate) fn remove_image(&mut self, number: u64, index: u64) {
        let Some(batch) = self.open.get_mut(&number) else { return };
        let before = batch.images.len();
        batch.images.retain(|image| *image != index);
        if matches!(batch.stage, Stage::Running { .. }) {
            self.running_images -= before - batch.images.len();
        }
    }

    /// The batch whose task this is, if the task is out and counts.
    pub(crate) fn current(&self, attempt: Attempt) -> Option<&Batch> {
        self.open.get(&attempt.batch).filter(|batch| {
            batch.attempts == attempt.number && matches!(batch.stage, Stage::Running { .. })
        })
    }

    /// The task of a batch that is out, and where it is.
    pub(crate) fn task_of(&self, number: u64) -> Option<(Attempt, &str)> {
        let batch = self.open.get(&number)?;
        match &batch.stage {
            Stage::Running { agent } => {
                Some((Attempt { batch: number, number: batch.attempts }, agent))
            }
            Stage::Ready | Stage::Waiting { .. } => None,
        }
    }

    /// The batches whose tasks are out.
    pub(crate) fn running(&self) -> impl Iterator<Item = u64> {
        self.open.keys().copied().filter(|number| self.task_of(*number).is_some())
    }

    /// The batches whose tasks are out on that agent.
    pub(crate) fn running_on(&self, agent: &str) -> impl Iterator<Item = u64> {
        self.running()
            .filter(move |number| self.task_of(*number).is_some_and(|(_, on)| on == agent))
    }

    /// Makes ready what is due. True if anything was.
    pub(crate) fn promote(&mut self, now: Time) -> bool {
        let mut any = false;
        while let Some(number) = self.waiting.pop_due(now) {
            if let Some(batch) = self.open.get_mut(&number) {
                batch.stage = Stage::Ready;
                self.ready.insert(number);
                any = true;
            }
        }
        any
    }

    /// When the next batch is due.
    pub(crate) fn next_due(&self) -> Option<Time> {
        self.waiting.next()
    }

    /// The batches to be launched again now, with their images.
    pub(crate) fn ready(&self) -> impl Iterator<Item = (u64, &[u64])> {
        self.ready.iter().filter_map(|number| {
            self.open.get(number).map(|batch| (*number, batch.images.as_slice()))
        })
    }

    /// Whether a batch could be launched again now.
    pub(crate) fn any_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// How many tasks are out.
    pub(crate) fn running_len(&self) -> usize {
        self.running
    }

    /// How many images are in them.
    pub(crate) fn running_images_len(&self) -> usize {
        self.running_images
    }

    /// How many tasks were launched.
    pub(crate) fn launched(&self) -> u64 {
        self.launched
    }

    /// Takes a batch out of queue and counters, whatever its stage.
    fn remove(&mut self, number: u64) {
        self.ready.remove(&number);
        self.waiting.remove(number);
        if let Some(Batch { images, stage: Stage::Running { .. }, .. }) = self.open.get(&number) {
            self.running -= 1;
            self.running_images -= images.len();
        }
    }
}
