//! Which images wait, run, ended. What they are called and how they ended is not kept here: a
//! list of a million images takes some megabytes.

use std::collections::{BTreeMap, BTreeSet};

use protocol::Outcome;

use crate::deadlines::Deadlines;
use crate::retry::Setbacks;
use crate::slots::{Slot, Slots, Stage};
use crate::{Entry, Given, ImageEnd, Time};

/// All images, and queues of those that wait.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone, PartialEq))]
pub(crate) struct Images {
    slots: Slots,
    /// How many are waiting for their first task of their own.
    fresh: usize,
    /// None of those stands before this one.
    fresh_from: u64,
    /// Have failed, and are due again.
    again: BTreeSet<u64>,
    /// Have failed, and are not due yet.
    waiting: Deadlines,
    /// What those without an outcome have been through, if it was anything.
    setbacks: BTreeMap<u64, Setbacks>,
    /// The batches of those that are in one.
    batches: BTreeMap<u64, u64>,
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

impl Images {
    /// Takes an image of the list. False if it was listed before.
    pub(crate) fn submit(&mut self, entry: &Entry) -> bool {
        let index = entry.index;
        let slot = self.slots.get(index);
        if slot.listed {
            return false;
        }
        let stage = match (slot.stage, &entry.given) {
            (Stage::Ready, Given::Rejected { .. }) => Stage::Failed,
            (Stage::Ready, Given::Duplicate { of }) if self.is_listed(*of) => Stage::Duplicate,
            (stage, _) => stage,
        };
        self.slots.set(index, Slot { listed: true, stage });
        self.counts.total += 1;
        self.count_end(index);
        self.enqueue(index);
        true
    }

    /// The image is in a task of that batch now.
    pub(crate) fn launch(&mut self, index: u64, batch: u64) {
        if !self.has_ended(index) {
            self.set_stage(index, Stage::InBatch);
            self.batches.insert(index, batch);
        }
    }

    /// The batch that the image is in, if it is in one.
    pub(crate) fn batch_of(&self, index: u64) -> Option<u64> {
        self.batches.get(&index).copied()
    }

    /// The image has its outcome. Returns the batch it was in; a second outcome
    /// changes nothing.
    pub(crate) fn end(&mut self, index: u64, end: &ImageEnd) -> Option<u64> {
        if self.has_ended(index) {
            return None;
        }
        let batch = match end.outcome() {
            Outcome::Done => {
                self.counts.bytes_in += end.bytes_in;
                self.counts.bytes_out += end.bytes_out;
                self.set_stage(index, Stage::Done)
            }
            Outcome::Failed => self.set_stage(index, Stage::Failed),
        };
        self.setbacks.remove(&index);
        self.count_end(index);
        batch
    }

    /// The image failed and waits to be tried again, at once until
    /// [`Images::wait_until`] says otherwise. Returns the batch it was in.
    pub(crate) fn fail_once(&mut self, index: u64) -> Option<u64> {
        let before = self.setbacks(index);
        let failures = before.failures.saturating_add(1);
        self.set_back(index, Setbacks { failures, put_off: 0 })
    }

    /// The same, but the image was not even tried.
    pub(crate) fn put_off(&mut self, index: u64) -> Option<u64> {
        let before = self.setbacks(index);
        let put_off = before.put_off.saturating_add(1);
        self.set_back(index, Setbacks { put_off, ..before })
    }

    fn set_back(&mut self, index: u64, setbacks: Setbacks) -> Option<u64> {
        if self.has_ended(index) {
            return None;
        }
        let batch = self.set_stage(index, Stage::Waiting);
        self.setbacks.insert(index, setbacks);
        batch
    }

    /// An image that has failed waits for its first task again. Nothing happens to others.
    pub(crate) fn reopen(&mut self, index: u64) {
        let slot = self.slots.get(index);
        if slot.stage != Stage::Failed {
            return;
        }
        if slot.listed {
            self.counts.failed -= 1;
        }
        self.set_stage(index, Stage::Ready);
    }

    /// Puts off an image that waits to be tried again.
    pub(crate) fn wait_until(&mut self, index: u64, until: Time) {
        if self.waiting.contains(index) {
            self.waiting.set(index, until);
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

    /// The next images that have failed and are to be tried again now.
    pub(crate) fn next_again(&self, at_most: usize) -> Vec<u64> {
        self.again.iter().copied().take(at_most).collect()
    }

    /// How many wait for room, for a first task or after a failure.
    pub(crate) fn ready_len(&self) -> usize {
        self.fresh + self.again.len()
    }

    /// The next images for a first task.
    pub(crate) fn next_fresh(&self, at_most: usize) -> Vec<u64> {
        let wanted = at_most.min(self.fresh);
        let waiting = self.slots.from(self.fresh_from);
        let fresh = waiting.filter(|(index, slot)| self.is_fresh(*index, *slot));
        fresh.map(|(index, _)| index).take(wanted).collect()
    }

    /// How many wait for a first task.
    pub(crate) fn fresh_len(&self) -> usize {
        self.fresh
    }

    /// Whether an image could be launched now.
    pub(crate) fn any_ready(&self) -> bool {
        self.fresh > 0 || !self.again.is_empty()
    }

    /// What the image has been through, while it has no outcome.
    pub(crate) fn setbacks(&self, index: u64) -> Setbacks {
        self.setbacks.get(&index).copied().unwrap_or_default()
    }

    /// Whether the list has named the image.
    pub(crate) fn is_listed(&self, index: u64) -> bool {
        self.slots.get(index).listed
    }

    /// Whether the image ended by itself; a duplicate never does.
    pub(crate) fn outcome(&self, index: u64) -> Option<Outcome> {
        match self.slots.get(index).stage {
            Stage::Done => Some(Outcome::Done),
            Stage::Failed => Some(Outcome::Failed),
            Stage::Ready | Stage::Waiting | Stage::InBatch | Stage::Duplicate => None,
        }
    }

    fn has_ended(&self, index: u64) -> bool {
        matches!(self.slots.get(index).stage, Stage::Done | Stage::Failed | Stage::Duplicate)
    }

    fn is_fresh(&self, index: u64, slot: Slot) -> bool {
        slot.listed && slot.stage == Stage::Ready && !self.setbacks.contains_key(&index)
    }

    /// Changes the stage and the queues with it. Returns the batch it was in.
    fn set_stage(&mut self, index: u64, stage: Stage) -> Option<u64> {
        self.dequeue(index);
        let slot = self.slots.get(index);
        self.slots.set(index, Slot { stage, ..slot });
        self.enqueue(index);
        self.batches.remove(&index)
    }

    fn dequeue(&mut self, index: u64) {
        self.again.remove(&index);
        self.waiting.remove(index);
        if self.is_fresh(index, self.slots.get(index)) {
            if self.next_fresh(1).first() == Some(&index) {
                self.fresh_from = index.saturating_add(1);
            }
            self.fresh -= 1;
        }
    }

    /// Puts a listed image into the queue of its stage.
    fn enqueue(&mut self, index: u64) {
        let slot = self.slots.get(index);
        if !slot.listed {
            return;
        }
        match slot.stage {
            Stage::Ready if !self.setbacks.contains_key(&index) => {
                self.fresh_from = if self.fresh == 0 { index } else { self.fresh_from.min(index) };
                self.fresh += 1;
            }
            Stage::Ready => {
                self.again.insert(index);
            }
            Stage::Waiting => self.waiting.set(index, Time::ZERO),
            Stage::InBatch | Stage::Done | Stage::Failed | Stage::Duplicate => {}
        }
    }

    /// Counts the outcome of a listed image.
    fn count_end(&mut self, index: u64) {
        let slot = self.slots.get(index);
        if !slot.listed {
            return;
        }
        match slot.stage {
            Stage::Done => self.counts.done += 1,
            Stage::Failed => self.counts.failed += 1,
            Stage::Duplicate => self.counts.duplicates += 1,
            Stage::Ready | Stage::Waiting | Stage::InBatch => {}
        }
    }
}
