//! The blocks that a scan repeats, and their tables in the order that the innermost loop needs them.

use super::{
    huffman::Code,
    lookup::{Lookup, MOST_PASSED, Table},
};

/// Blocks in a unit: the standard allows ten.
pub(super) const MOST_BLOCKS: usize = 16;

/// Blocks on the ring: a unit and what one window may end beyond it, several times for most units,
/// as turning back takes time.
const RING: usize = 32;

/// How one block of a unit is coded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Coding<'a> {
    pub(super) dc: &'a Code,
    pub(super) ac: &'a Code,
    pub(super) lookup: &'a Lookup,
}

/// The blocks that a scan repeats.
pub(super) struct Unit<'a> {
    blocks: [Coding<'a>; MOST_BLOCKS],
    length: usize,
    pub(super) ring: Ring<'a>,
}

impl<'a> Unit<'a> {
    /// `None` for units without blocks, or with more of them than the standard allows.
    pub(super) fn new(mut codings: impl Iterator<Item = Coding<'a>>) -> Option<Self> {
        let (mut blocks, mut length) = ([codings.next()?; MOST_BLOCKS], 1);
        for coding in codings {
            *blocks.get_mut(length)? = coding;
            length += 1;
        }
        Some(Self { ring: Ring::new(&blocks, length), blocks, length })
    }

    /// How this block is coded, as the unit is repeated.
    pub(super) fn get(&self, block: usize) -> Option<&Coding<'a>> {
        self.blocks.get(self.slot(block))
    }

    /// The place of this block in its unit.
    pub(super) fn slot(&self, block: usize) -> usize {
        block % self.length
    }
}

/// The tables that may be next in a block.
#[derive(Clone, Copy)]
pub(super) struct Pair<'a> {
    /// For the rest of the block.
    pub(super) within: &'a Table,
    /// For the beginning of the next.
    pub(super) next: &'a Table,
}

impl<'a> Pair<'a> {
    pub(super) fn new(own: &Coding<'a>, next: &Coding<'a>) -> Self {
        Self { within: &own.lookup.within, next: &next.lookup.at_start }
    }
}

/// A pair in its place. As wide as a line of the cache, so that the sum of ended blocks tells the
/// way to it without being shifted.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(super) struct Place<'a>(pub(super) Pair<'a>);

pub(super) const PLACE: usize = size_of::<Place<'_>>();

/// The places that a window may see: the first of them is that of the block it begins in.
pub(super) type Places<'a> = [Place<'a>; MOST_PASSED + 1];

/// Where the last of them begin, times [`PLACE`].
pub(super) const LAST: usize = (RING - 1 - MOST_PASSED) * PLACE;

/// The tables of the blocks of a unit, over and over.
pub(super) struct Ring<'a> {
    places: [Place<'a>; RING],
    /// From behind [`LAST`] back to a place like it, times [`PLACE`].
    pub(super) turn: usize,
}

impl<'a> Ring<'a> {
    fn new(blocks: &[Coding<'a>; MOST_BLOCKS], length: usize) -> Self {
        let [first, ..] = blocks;
        let mut places = [Place(Pair::new(first, first)); RING];
        let (mut own, blocks) = (first, blocks.iter().take(length));
        for (place, next) in places.iter_mut().zip(blocks.cycle().skip(1)) {
            *place = Place(Pair::new(own, next));
            own = next;
        }
        Self { places, turn: (LAST / PLACE + 1) / length * length * PLACE }
    }

    /// Those that begin at `place`, times [`PLACE`].
    #[inline]
    pub(super) fn places(&self, place: usize) -> Option<&Places<'a>> {
        self.places.get(place / PLACE..)?.first_chunk()
    }
}
