//! Which images wait, run, ended.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{Class, Image, Outcome};

use crate::deadlines::Deadlines;
use crate::{Entry, Given, ImageEnd, ImageOutcome, Time};

/// All images, and queues of those that wait.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone, PartialEq))]
pub(crate) struct Images {
    slots: BTreeMap<u64, Slot>,
    /// Waiting for their first task of their own.
    fresh: BTreeSet<u64>,
    /// Have failed, and are due again.
    again: BTreeSet<u64>,
    /// Have failed, and are not due yet.
    waiting: Deadlines,
    pub(crate) counts: Counts,
}

/// Listed images, by what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    pub(crate) total: u64,
    pub(crate) done: u64,
    pub(crate) failed: u64,
    pub(crate) duplicates: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
}

impl Counts {
    /// The images without an outcome.
    pub(crate) fn open(&self) -> u64 {
        self.total - self.done - self.failed - self.duplicates
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Slot {
    /// `None` while only records speak of the image, not yet the list.
    listed: Option<Listed>,
    attempts: u32,
    failures: u32,
    stage: Stage,
}

#[derive(Debug, Clone, PartialEq)]
struct Listed {
    line: u64,
    url: Box<str>,
    name: Box<str>,
}

#[derive(Debug, Clone, PartialEq)]
enum Stage {
    Ready,
    Waiting { until: Time },
    InBatch(u64),
    Ended(Box<ImageEnd>),
    Duplicate { of: u64 },
}

impl Slot {
    fn unlisted() -> Self {
        Self { listed: None, attempts: 0, failures: 0, stage: Stage::Ready }
    }
}

impl Images {
    /// Takes an image of the list. False if it was listed before.
    pub(crate) fn submit(&mut self, entry: Entry) -> bool {
        let index = entry.index;
        let original = match entry.given {
            Given::Duplicate { of } => self.original(of),
            Given::Process | Given::Rejected { .. } => None,
        };
        let slot = self.slots.entry(index).or_insert_with(Slot::unlisted);
        if slot.listed.is_some() {
            return false;
        }
        slot.listed =
            Some(Listed { line: entry.line, url: entry.url.into(), name: entry.name.into() });
        if slot.stage == Stage::Ready {
            if let Some(of) = original {
                slot.stage = Stage::Duplicate { of };
            }
            if let Given::Rejected { class, message } = entry.given {
                slot.stage = Stage::Ended(Box::new(ImageEnd::failed(class, message, "")));
            }
        }
        self.counts.total += 1;
        self.count_end(index);
        self.enqueue(index);
        true
    }

    /// The image is in a task of that batch now.
    pub(crate) fn launch(&mut self, index: u64, batch: u64) {
        let slot = self.slots.entry(index).or_insert_with(Slot::unlisted);
        if matches!(slot.stage, Stage::Ended(_) | Stage::Duplicate { .. }) {
            return;
        }
        slot.attempts += 1;
        self.set_stage(index, Stage::InBatch(batch));
    }

    /// The image has its outcome. Returns the batch it was in; a second outcome
    /// changes nothing.
    pub(crate) fn end(&mut self, index: u64, end: Box<ImageEnd>) -> Option<u64> {
        if self.has_ended(index) {
            return None;
        }
        let batch = self.set_stage(index, Stage::Ended(end));
        self.count_end(index);
        batch
    }

    /// The image failed and waits to be tried again, at once until
    /// [`Images::wait_until`] says otherwise. Returns the batch it was in.
    pub(crate) fn fail_once(&mut self, index: u64) -> Option<u64> {
        if self.has_ended(index) {
            return None;
        }
        let batch = self.set_stage(index, Stage::Waiting { until: Time::ZERO });
        if let Some(slot) = self.slots.get_mut(&index) {
            slot.failures += 1;
        }
        batch
    }

    /// Puts off an image that waits to be tried again.
    pub(crate) fn wait_until(&mut self, index: u64, until: Time) {
        if matches!(self.slots.get(&index), Some(Slot { stage: Stage::Waiting { .. }, .. })) {
            self.set_stage(index, Stage::Waiting { until });
        }
    }

    /// Makes ready what is due. True if anything was.
    pub(crate) fn promote(&mut self, now: Time) -> bool {
        let mut any = false;
        while let Some(index) = self.waiting.pop_due(now) {
            self.set_stage(index, Stage::Ready);
            any = true;
        }
        any
    }

    /// When the next image is due.
    pub(crate) fn next_due(&self) -> Option<Time> {
        self.waiting.next()
    }

    /// The next image that is to be tried again by itself.
    pub(crate) fn next_again(&self) -> Option<u64> {
        self.again.first().copied()
    }

    /// The next images for a first task.
    pub(crate) fn next_fresh(&self, at_most: usize) -> Vec<u64> {
        self.fresh.iter().take(at_most).copied().collect()
    }

    /// How many wait for a first task.
    pub(crate) fn fresh_len(&self) -> usize {
        self.fresh.len()
    }

    /// Whether an image could be launched now.
    pub(crate) fn any_ready(&self) -> bool {
        !self.fresh.is_empty() || !self.again.is_empty()
    }

    /// How often the image itself has failed.
    pub(crate) fn failures(&self, index: u64) -> u32 {
        self.slots.get(&index).map_or(0, |slot| slot.failures)
    }

    /// The image for a task's payload; `None` while the list has not named it.
    pub(crate) fn payload(&self, index: u64) -> Option<Image> {
        let listed = self.slots.get(&index)?.listed.as_ref()?;
        Some(Image { index, url: listed.url.to_string(), name: listed.name.to_string() })
    }

    /// How the image ended; `None` while it has not.
    pub(crate) fn outcome(&self, index: u64) -> Option<ImageOutcome<'_>> {
        let slot = self.slots.get(&index)?;
        let listed = slot.listed.as_ref()?;
        let (source, duplicate_of) = match &slot.stage {
            Stage::Duplicate { of } => (self.slots.get(of)?, Some(*of)),
            Stage::Ended(_) => (slot, None),
            Stage::Ready | Stage::Waiting { .. } | Stage::InBatch(_) => return None,
        };
        let Stage::Ended(end) = &source.stage else { return None };
        Some(ImageOutcome {
            index,
            line: listed.line,
            url: &listed.url,
            outcome: end.outcome(),
            class: duplicate_of.map_or(end.class, |_| Class::Duplicate),
            message: &end.message,
            output: &end.output,
            sha256: &end.sha256,
            attempts: slot.attempts,
            agent: &end.agent,
            duplicate_of,
            end,
        })
    }

    /// The outcomes so far, in the order of the list.
    pub(crate) fn outcomes(&self) -> impl Iterator<Item = ImageOutcome<'_>> {
        self.slots.keys().filter_map(|index| self.outcome(*index))
    }

    /// The image that is processed in place of a duplicate of `of`.
    fn original(&self, of: u64) -> Option<u64> {
        match self.slots.get(&of)? {
            Slot { stage: Stage::Duplicate { of }, .. } => Some(*of),
            Slot { listed: Some(_), .. } => Some(of),
            Slot { listed: None, .. } => None,
        }
    }

    fn has_ended(&self, index: u64) -> bool {
        matches!(
            self.slots.get(&index),
            Some(Slot { stage: Stage::Ended(_) | Stage::Duplicate { .. }, .. })
        )
    }

    /// Changes the stage and the queues with it. Returns the batch it was in.
    fn set_stage(&mut self, index: u64, stage: Stage) -> Option<u64> {
        self.dequeue(index);
        let slot = self.slots.entry(index).or_insert_with(Slot::unlisted);
        let before = std::mem::replace(&mut slot.stage, stage);
        self.enqueue(index);
        if let Stage::InBatch(batch) = before { Some(batch) } else { None }
    }

    fn dequeue(&mut self, index: u64) {
        self.fresh.remove(&index);
        self.again.remove(&index);
        self.waiting.remove(index);
    }

    /// Puts a listed image into the queue of its stage.
    fn enqueue(&mut self, index: u64) {
        let Some(slot) = self.slots.get(&index) else { return };
        if slot.listed.is_none() {
            return;
        }
        match slot.stage {
            Stage::Ready if slot.failures == 0 => {
                self.fresh.insert(index);
            }
            Stage::Ready => {
                self.again.insert(index);
            }
            Stage::Waiting { until } => self.waiting.set(index, until),
            Stage::InBatch(_) | Stage::Ended(_) | Stage::Duplicate { .. } => {}
        }
    }

    /// Counts the outcome of a listed image.
    fn count_end(&mut self, index: u64) {
        let Some(Slot { listed: Some(_), stage, .. }) = self.slots.get(&index) else { return };
        match stage {
            Stage::Ended(end) if end.outcome() == Outcome::Done => {
                self.counts.done += 1;
                self.counts.bytes_in += end.bytes_in;
                self.counts.bytes_out += end.bytes_out;
            }
            Stage::Ended(_) => self.counts.failed += 1,
            Stage::Duplicate { .. } => self.counts.duplicates += 1,
            Stage::Ready | Stage::Waiting { .. } | Stage::InBatch(_) => {}
        }
    }
}
