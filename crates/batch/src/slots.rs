//! What is known of each image, in two bytes: lists of millions fit into memory.

use std::collections::BTreeMap;

/// How many neighbours are kept together.
const CHUNK: u64 = 4_096;

/// Where an image is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Stage {
    /// Waiting for a task, due.
    #[default]
    Ready,
    /// Waiting for a task, not due yet.
    Waiting,
    /// In a batch, whether its task is out or not.
    InBatch,
    /// Ended with a result.
    Done,
    /// Ended without one.
    Failed,
    /// Another image is processed in its place.
    Duplicate,
}

/// One image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Slot {
    /// Whether the list has named it; before, only records speak of it.
    pub(crate) listed: bool,
    pub(crate) stage: Stage,
}

/// All images, by index. An image that nobody has spoken of has the default slot.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone, PartialEq))]
pub(crate) struct Slots {
    chunks: BTreeMap<u64, Box<[Slot]>>,
}

impl Slots {
    pub(crate) fn get(&self, index: u64) -> Slot {
        let slot = self.chunks.get(&(index / CHUNK)).and_then(|chunk| chunk.get(place(index)));
        slot.copied().unwrap_or_default()
    }

    pub(crate) fn set(&mut self, index: u64, slot: Slot) {
        let empty = || std::iter::repeat_n(Slot::default(), place(CHUNK - 1) + 1).collect();
        let chunk = self.chunks.entry(index / CHUNK).or_insert_with(empty);
        if let Some(place) = chunk.get_mut(place(index)) {
            *place = slot;
        }
    }

    /// The images from `first` on, in order; some of them nobody has spoken of.
    pub(crate) fn from(&self, first: u64) -> impl Iterator<Item = (u64, Slot)> {
        self.chunks.range(first / CHUNK..).flat_map(move |(number, chunk)| {
            let begin = number * CHUNK;
            let skipped = usize::try_from(first.saturating_sub(begin)).unwrap_or(usize::MAX);
            (begin..=u64::MAX).zip(chunk.iter().copied()).skip(skipped)
        })
    }
}

fn place(index: u64) -> usize {
    usize::try_from(index % CHUNK).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done() -> Slot {
        Slot { listed: true, stage: Stage::Done }
    }

    #[test]
    fn slots_are_found_wherever_they_are() {
        let mut slots = Slots::default();
        let indexes = [0, 1, CHUNK - 1, CHUNK, 9 * CHUNK + 5, u64::MAX];
        for index in indexes {
            assert_eq!(slots.get(index), Slot::default());
            slots.set(index, done());
        }
        assert!(indexes.iter().all(|index| slots.get(*index) == done()));
        assert_eq!(slots.get(2), Slot::default());
        let known = slots.from(1).filter(|(_, slot)| slot.listed).map(|(index, _)| index);
        assert_eq!(known.collect::<Vec<_>>(), indexes[1..]);
    }

    #[test]
    fn an_image_takes_two_bytes() {
        assert_eq!(size_of::<Slot>(), 2);
    }
}
