//! The innermost loop: block after block without a branch that depends on the picture.
//!
//! What has to be known of entropy-coded data is where each code ends, and the next one cannot be
//! looked up before that. So a look has to cost little more than that chain of load and two shifts:
//!
//! - Where a block ends, the table for the next one is selected, not branched to. Both candidates
//!   are loaded while the look before is on its way ([`Pair`]).
//! - After three looks the window is filled up, however far they led, with bits that were loaded
//!   before, and the bits to flip are written. For that the data are laid out without stuffed
//!   zeros first (see [`stage`](super::stage)).
//! - Blocks are not counted in the loop: each one that ends moves the place on the [`Ring`].

use std::hint::select_unpredictable;

use fearless_simd::{Level, dispatch};

use super::{
    huffman::{Code, Symbol},
    lookup::{Left, Lookup, MOST_COUNTED, Table, ones},
};

/// Coefficients in a block.
pub(super) const BLOCK: u32 = 64;

/// Looks in a window: so many stretches stay within it whatever they find.
const LOOKS: usize = MOST_COUNTED as usize;

/// Blocks in a unit: the standard allows ten.
const MOST_BLOCKS: usize = 16;

/// Blocks on the ring: a unit and what one window may end beyond it, several times for most units,
/// as the loop is left at its end.
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
    ring: Ring<'a>,
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

    /// That of this block, as the unit is repeated.
    fn get(&self, block: usize) -> Option<&Coding<'a>> {
        self.blocks.get(block % self.length)
    }
}

/// Where a burst stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    /// Bits from the beginning of the data.
    pub(super) bit: usize,
    /// The block in its unit.
    pub(super) slot: usize,
    /// Coefficients of the block that are done.
    pub(super) done: u32,
    /// Blocks that were ended.
    pub(super) blocks: usize,
}

/// Where the bits come from and go to.
#[derive(Debug)]
pub(super) struct Lanes<'a, const SIZE: usize> {
    /// The data, without stuffed zeros.
    pub(super) data: &'a [u8; SIZE],
    /// How many bytes of it count.
    pub(super) length: usize,
    /// Gets the data with their signs flipped.
    pub(super) flipped: &'a mut [u8; SIZE],
    /// Of the bits that inversion flips, those that are flipped: all or none.
    pub(super) mask: u64,
}

/// Goes on from `position`, at most to `blocks` ended blocks and as far as the data reach, or nearly so
/// where they fill the stage. It also
/// stops, without having touched it, at whatever breaks a rule.
pub(super) fn run<const SIZE: usize>(
    lanes: &mut Lanes<'_, SIZE>,
    unit: &Unit<'_>,
    position: Position,
    blocks: usize,
) -> Position {
    // Newer processors have shifts that take one step instead of two or three. All of the loop has
    // to be inlined here for that.
    dispatch!(Level::new(), _ => go_through(lanes, unit, position, blocks))
}

#[inline(always)]
fn go_through<const SIZE: usize>(
    Lanes { data, length, flipped, mask }: &mut Lanes<'_, SIZE>,
    unit: &Unit<'_>,
    mut position: Position,
    blocks: usize,
) -> Position {
    let lanes = &mut Lanes { data, length: *length, flipped, mask: *mask };
    let Some(mut walk) = Walk::new(lanes, unit, position) else { return position };
    let mut is_over = false;
    while !is_over && position.blocks < blocks {
        let start = Ring::place(position.slot);
        walk.place = start;
        let pause = walk.windows(lanes, &unit.ring, blocks - position.blocks);
        let ended = start - walk.place;
        let is_through = position.blocks + ended == blocks;
        if !is_through && (ended == 0 || pause != Pause::Blocks) {
            let coding = unit.get(position.slot + ended);
            is_over = walk.step(lanes, &unit.ring, coding).is_none();
        }
        let ended = start - walk.place;
        position.blocks += ended;
        position.slot = (position.slot + ended) % unit.length;
    }
    let bit = walk.byte * 8 + walk.left.bits_gone() as usize;
    Position { bit, done: BLOCK - 1 - walk.room, ..position }
}

/// Why the loop over windows pauses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pause {
    /// The ring is at its end, or a window might end more blocks than may be.
    Blocks,
    /// There are too few bytes.
    Data,
    /// The next symbol is in no table.
    Symbol,
}

/// What the loop keeps from window to window.
#[derive(Clone, Copy)]
struct Walk<'a> {
    /// The next 64 bits.
    window: u64,
    /// The byte that they begin in, and what is left of the word that begins there.
    byte: usize,
    left: Left,
    /// What is to be flipped in that byte.
    carry: u64,
    /// The table of the next look.
    table: &'a Table,
    /// Those of the look after it.
    pair: Pair<'a>,
    /// Coefficients that the block can still have after the next one.
    room: u32,
    /// Where the places on the ring begin that the window may see.
    place: usize,
}

impl<'a> Walk<'a> {
    fn new<const SIZE: usize>(
        lanes: &Lanes<'_, SIZE>,
        unit: &Unit<'a>,
        position: Position,
    ) -> Option<Self> {
        let (byte, offset) = (position.bit / 8, (position.bit % 8) as u32);
        let (first, second) = (lanes.word(byte)?, lanes.word(byte + 8)?);
        let (own, next) = (unit.get(position.slot)?, unit.get(position.slot + 1)?);
        Some(Self {
            window: first << offset | second >> 1 >> (63 - offset),
            byte,
            left: Left::new(offset),
            carry: 0,
            table: own.lookup.table(position.done),
            pair: Pair::new(own, next),
            room: BLOCK - 1 - position.done,
            place: Ring::place(position.slot),
        })
    }

    /// Window after window, as long as none can end more blocks than there are or than the ring
    /// has.
    #[inline(always)]
    fn windows<const SIZE: usize>(
        &mut self,
        lanes: &mut Lanes<'_, SIZE>,
        ring: &Ring<'a>,
        blocks: usize,
    ) -> Pause {
        // Two words are read from there, so no look is taken back for want of them.
        let last_byte = lanes.length.min(SIZE - 8).checked_sub(8);
        let Some(last_byte) = last_byte else { return Pause::Data };
        let last_place = (self.place + LOOKS).saturating_sub(blocks).max(LOOKS);
        // A copy of its own stays in the registers.
        let mut walk = *self;
        let pause = loop {
            if walk.place < last_place {
                break Pause::Blocks;
            }
            let (true, Some(places)) = (walk.byte <= last_byte, ring.places(walk.place)) else {
                break Pause::Data;
            };
            let mut looks = Looks::new(&walk);
            if !looks.look(places) {
                break Pause::Symbol;
            }
            let _ = looks.look(places) && looks.look(places);
            if walk.pass(&looks, lanes).is_none() {
                break Pause::Data;
            }
        };
        *self = walk;
        pause
    }

    /// Takes one stretch, or one symbol however long, where no whole window is to be taken; `None`,
    /// and nothing is taken, if there is none or it is not there as a whole.
    #[inline(always)]
    fn step<const SIZE: usize>(
        &mut self,
        lanes: &mut Lanes<'_, SIZE>,
        ring: &Ring<'a>,
        coding: Option<&Coding<'_>>,
    ) -> Option<()> {
        let (before, places) = (*self, ring.places(self.place)?);
        let mut looks = Looks::new(self);
        if !looks.look(places) {
            looks.one(&One::find(coding?, self.window, BLOCK - 1 - self.room)?, places);
        }
        self.pass(&looks, lanes)?;
        if self.byte * 8 + self.left.bits_gone() as usize <= lanes.length * 8 {
            return Some(());
        }
        *self = before;
        let data = lanes.word(self.byte)?;
        lanes.put(self.byte, data ^ self.carry).and(None)
    }

    /// Goes to the end of `looks` and fills the window up; `None` if there are no bytes for that.
    #[inline(always)]
    fn pass<const SIZE: usize>(
        &mut self,
        looks: &Looks<'a>,
        lanes: &mut Lanes<'_, SIZE>,
    ) -> Option<()> {
        let left = looks.left;
        let (data, ahead) = (lanes.word(self.byte)?, lanes.word(self.byte + 8)?);
        let flips = left.shift_left(looks.flips & lanes.mask) | self.carry;
        lanes.put(self.byte, data ^ flips)?;
        self.carry = flips << (8 * left.bytes_gone());
        self.byte += left.bytes_gone() as usize;
        self.left = left.next();
        // Some of them are in the window already, and only meet themselves.
        self.window = looks.window | left.shift_right(ahead);
        (self.table, self.pair, self.room) = (looks.table, looks.pair, looks.room);
        self.place -= LOOKS - left.ends();
        Some(())
    }
}

/// The looks in one window.
struct Looks<'a> {
    window: u64,
    flips: u64,
    left: Left,
    table: &'a Table,
    pair: Pair<'a>,
    room: u32,
}

impl<'a> Looks<'a> {
    #[inline]
    fn new(walk: &Walk<'a>) -> Self {
        let &Walk { window, left, table, pair, room, .. } = walk;
        Self { window, flips: 0, left, table, pair, room }
    }

    /// Takes the next stretch; `false`, and nothing is taken, where there is none that is sure:
    /// at long codes, and in blocks that end within the stretch or without a mark.
    #[inline(always)]
    fn look(&mut self, places: &Places<'a>) -> bool {
        let stretch = self.table.get(self.window);
        let Some(room) = self.room.checked_sub(stretch.advance()) else { return false };
        self.window = stretch.shift_out(self.window);
        self.flips = stretch.shift_out(self.flips) | stretch.flips();
        self.left.count(stretch);
        self.go_on(room, stretch.ends(), places);
        true
    }

    fn one(&mut self, one: &One, places: &Places<'a>) {
        self.window <<= one.bits;
        self.flips = one.flips >> (u64::BITS - one.bits);
        self.left.count_one(one.bits, one.ends);
        self.go_on((BLOCK - 1).saturating_sub(one.after), one.ends, places);
    }

    #[inline]
    fn go_on(&mut self, room: u32, ends: bool, places: &Places<'a>) {
        self.table = select_unpredictable(ends, self.pair.next, self.pair.within);
        self.room = select_unpredictable(ends, BLOCK - 1, room);
        if let Some(place) = places.get(self.left.ends()) {
            self.pair = place.0;
        }
    }
}

impl<const SIZE: usize> Lanes<'_, SIZE> {
    #[inline]
    fn word(&self, byte: usize) -> Option<u64> {
        let bytes = self.data.get(byte..)?.first_chunk()?;
        Some(u64::from_be_bytes(*bytes))
    }

    #[inline]
    fn put(&mut self, byte: usize, word: u64) -> Option<()> {
        *self.flipped.get_mut(byte..)?.first_chunk_mut()? = word.to_be_bytes();
        Some(())
    }
}

/// The tables that may be next in a block.
#[derive(Clone, Copy)]
struct Pair<'a> {
    /// For the rest of the block.
    within: &'a Table,
    /// For the beginning of the next.
    next: &'a Table,
}

impl<'a> Pair<'a> {
    fn new(own: &Coding<'a>, next: &Coding<'a>) -> Self {
        Self { within: &own.lookup.within, next: &next.lookup.at_start }
    }
}

/// A pair in its place. As wide as a line of the cache, so that the ends that are left of a window
/// tell the way to it without being shifted.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Place<'a>(Pair<'a>);

/// The places that a window may see: the last of them is that of the block it begins in.
type Places<'a> = [Place<'a>; LOOKS + 1];

/// The tables of the blocks of a unit, over and over, the last of them first.
struct Ring<'a>([Place<'a>; RING]);

impl<'a> Ring<'a> {
    fn new(blocks: &[Coding<'a>; MOST_BLOCKS], length: usize) -> Self {
        let [first, ..] = blocks;
        let mut ring = [Place(Pair::new(first, first)); RING];
        let (mut own, blocks) = (first, blocks.iter().take(length));
        for (place, next) in ring.iter_mut().rev().zip(blocks.cycle().skip(1)) {
            *place = Place(Pair::new(own, next));
            own = next;
        }
        Self(ring)
    }

    /// Where the places begin that a window may see which begins in this block of the unit.
    fn place(slot: usize) -> usize {
        RING - 1 - LOOKS - slot.min(MOST_BLOCKS)
    }

    #[inline]
    fn places(&self, place: usize) -> Option<&Places<'a>> {
        self.0.get(place..)?.first_chunk()
    }
}

/// A single symbol, as long as it may be.
struct One {
    bits: u32,
    flips: u64,
    after: u32,
    ends: bool,
}

impl One {
    /// The symbol at the top of `window`; `None` if it breaks a rule.
    fn find(coding: &Coding<'_>, window: u64, done: u32) -> Option<Self> {
        let code = if done == 0 { coding.dc } else { coding.ac };
        let Symbol { length, value } = code.symbol(window)?;
        let value = u32::from(value);
        let (run, size) = if done == 0 { (0, value) } else { (value >> 4, value & 15) };
        let is_run = size > 0 || done == 0 || matches!(run, 0 | 15);
        let after = done + 1 + run;
        if size > 15 || !is_run || after > BLOCK {
            return None;
        }
        let ends = done > 0 && value == 0 || after == BLOCK;
        Some(Self { bits: length + size, flips: ones(size) >> length, after, ends })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 1 << 16;

    /// Bits as they are read, and beside them as they are after their signs are flipped.
    #[derive(Default)]
    struct Bits {
        data: Vec<u8>,
        flipped: Vec<u8>,
        length: usize,
    }

    impl Bits {
        fn push(&mut self, bits: u64, count: u32, flips: bool) {
            for at in 0..count {
                let bit = (bits >> (63 - at) & 1) as u8;
                if self.length.is_multiple_of(8) {
                    self.data.push(0);
                    self.flipped.push(0);
                }
                let (shift, last) = (7 - self.length % 8, self.data.len() - 1);
                self.data[last] |= bit << shift;
                self.flipped[last] |= (bit ^ u8::from(flips)) << shift;
                self.length += 1;
            }
        }

        fn symbol(&mut self, code: &Code, symbol: u8, value: u64) {
            let (bits, length) = code.code(symbol).unwrap();
            self.push(bits, length, false);
            self.push(value, u32::from(symbol & 15), true);
        }
    }

    /// One code of each length from 2 to 6, then some of twelve bits.
    fn code(symbols: &[u8]) -> Code {
        let mut counts = [0; 16];
        counts[1..6].fill(1);
        counts[11] = symbols.len() as u8 - 5;
        Code::new(&counts, symbols).unwrap()
    }

    /// Blocks by chance, whose stretches are often as long as they can be.
    fn blocks(codings: &[Coding<'_>], count: usize, mut seed: u64) -> Bits {
        let mut bits = Bits::default();
        let mut chance = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            seed ^ seed << 29
        };
        for coding in codings.iter().cycle().take(count) {
            bits.symbol(coding.dc, [0, 3, 5, 9, 11, 1][chance() as usize >> 8 & 3], chance());
            let mut done = 1;
            while done < BLOCK {
                let symbol =
                    [0x0e, 0x0f, 0x31, 0x01, 0x0e, 0xf0, 0x0f, 0x00][chance() as usize >> 9 & 7];
                let symbol = if chance() >> 60 == 0 { 0x0d } else { symbol };
                let after = done + 1 + u32::from(symbol >> 4);
                if symbol != 0 && after > BLOCK {
                    continue;
                }
                bits.symbol(coding.ac, symbol, chance());
                if symbol == 0 {
                    break;
                }
                done = after;
            }
        }
        bits
    }

    fn padded(data: &[u8]) -> [u8; SIZE] {
        let mut padded = [0; SIZE];
        padded[..data.len()].copy_from_slice(data);
        padded
    }

    #[test]
    fn every_block_is_found_and_every_value_flipped() {
        let luma = (code(&[3, 0, 5, 9, 11, 1]), code(&[0x00, 0x01, 0x0f, 0x0e, 0x31, 0xf0, 0x0d]));
        let chroma =
            (code(&[0, 5, 3, 11, 9, 1]), code(&[0x00, 0x0e, 0x31, 0x0d, 0xf0, 0x01, 0x0f]));
        let lookups = [&luma, &chroma].map(|(dc, ac)| Lookup::new(dc, ac));
        let coding = |place: usize, (dc, ac)| Coding { dc, ac, lookup: &lookups[place] };
        let (luma, chroma) = (coding(0, (&luma.0, &luma.1)), coding(1, (&chroma.0, &chroma.1)));
        for codings in [&[luma][..], &[luma, chroma], &[luma, luma, chroma, chroma, luma, luma]] {
            let unit = Unit::new(codings.iter().copied()).unwrap();
            for seed in 0..40 {
                let bits = blocks(codings, 300, seed);
                let (data, mut flipped) = (padded(&bits.data), [0; SIZE]);
                let length = bits.data.len();
                let mut lanes =
                    Lanes { data: &data, length, flipped: &mut flipped, mask: u64::MAX };
                let start = Position { bit: 0, slot: 0, done: 0, blocks: 0 };
                let end = run(&mut lanes, &unit, start, usize::MAX);
                assert!(end.bit >= bits.length, "stopped at {end:?} of {}", bits.length);
                assert!(end.bit <= length * 8, "went on to {end:?} of {length} bytes");
                assert_eq!(end.slot, end.blocks % codings.len());
                // What fills the last byte up may be taken for codes, as nobody counts the blocks.
                let whole = bits.length / 8;
                assert!(flipped[..whole] == bits.flipped[..whole], "seed {seed}");
            }
        }
    }

    #[test]
    fn no_more_blocks_are_ended_than_asked_for() {
        let (dc, ac) =
            (code(&[3, 0, 5, 9, 11, 1]), code(&[0x00, 0x0e, 0x0d, 0x01, 0x31, 0xf0, 0x0f]));
        let lookup = Lookup::new(&dc, &ac);
        let coding = Coding { dc: &dc, ac: &ac, lookup: &lookup };
        let unit = Unit::new([coding].into_iter()).unwrap();
        let bits = blocks(&[coding], 300, 7);
        for most in (0..24).chain(60..70) {
            let (data, mut flipped) = (padded(&bits.data), [0; SIZE]);
            let length = bits.data.len();
            let mut lanes = Lanes { data: &data, length, flipped: &mut flipped, mask: 0 };
            let start = Position { bit: 0, slot: 0, done: 0, blocks: 0 };
            let end = run(&mut lanes, &unit, start, most);
            assert_eq!(end.blocks, most, "{end:?}");
            assert_eq!(flipped[..end.bit / 8], bits.data[..end.bit / 8], "a mask of none");
        }
    }
}
