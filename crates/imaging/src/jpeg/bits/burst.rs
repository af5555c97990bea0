//! The innermost loop: block after block without a branch that depends on the picture.
//!
//! What has to be known of entropy-coded data is where each code ends, and the next one cannot be
//! looked up before that. So all else has to be ready within that chain, a load and two shifts for
//! each look:
//!
//! - Where a block ends, the table for the next one is selected, not branched to. Both candidates
//!   are loaded while the look before is on its way ([`Pair`]).
//! - A window is three looks. Behind them the bits to flip are written at once, however far they
//!   led. For that the data are laid out without stuffed zeros first (see [`stage`](super::stage)).
//! - New bits come into the window with a shift that is due anyway, that of the first look and that
//!   of the third, so no look waits for them.
//! - Blocks are not counted in the loop: each one that ends moves the place on the [`Ring`].
//! - Processors have fewer units for shifts than for anything else, so what can be had without a
//!   shift is.

use std::hint::select_unpredictable;

use fearless_simd::{Level, dispatch};

use super::{
    huffman::{SHORT_BITS, Symbol},
    lookup::{MOST_PASSED, Passed, REACH_BITS, Table, ones},
    unit::{Coding, LAST, PLACE, Pair, Places, Ring, Unit},
};

/// Coefficients in a block.
pub(super) const BLOCK: u32 = 64;

/// Looks in a window: so many stretches stay within it whatever they find.
const LOOKS: usize = MOST_PASSED;

const _: () = {
    // What a window passes, with a begun byte before it, is less than a word.
    assert!(7 + LOOKS as u32 * REACH_BITS < u64::BITS);
    // More bits come in with the shift of the third look: it sees all of its own without them, and
    // the first look behind has all of its own after it.
    assert!(2 * REACH_BITS + SHORT_BITS <= u64::BITS - 7);
    assert!(REACH_BITS + SHORT_BITS <= u64::BITS);
};

/// More blocks than any stage holds, so that [`Walk::end`] does not overflow.
const MOST_AT_ONCE: usize = 1 << 24;

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

/// Goes on from `position`, at most to `blocks` ended blocks and as far as the data reach, or
/// nearly so where they fill the stage. It also stops, without having touched it, at whatever
/// breaks a rule.
pub(super) fn run<const SIZE: usize>(
    lanes: &mut Lanes<'_, SIZE>,
    unit: &Unit<'_>,
    position: Position,
    blocks: usize,
) -> Position {
    let blocks = blocks.min(position.blocks.saturating_add(MOST_AT_ONCE));
    let Some(mut walk) = Walk::new(lanes, unit, position, blocks) else { return position };
    let level = Level::new();
    loop {
        // Newer processors have shifts that take one step instead of two or three. What is compiled
        // for them is the loop alone, as it needs all the registers.
        dispatch!(level, _ => walk.windows(lanes, &unit.ring));
        if walk.is_at_end() || walk.step(lanes, unit).is_none() {
            return walk.position(unit, blocks);
        }
    }
}

/// What the loop keeps from window to window.
#[derive(Clone, Copy)]
struct Walk<'a> {
    /// The next bits from the top, at least as many as a look sees. Behind those that are known are
    /// zeros.
    window: u64,
    /// The bits behind them, where they belong in the window; some may be there already. The next
    /// look puts them in, so it does not wait for them.
    more: u64,
    /// Which of the bits before it are to be flipped; the last of them is the lowest.
    flips: u64,
    /// The byte that the window begins in, of 32 bits, so that no sum with it overflows; and what
    /// of it is passed.
    byte: u32,
    passed: Passed,
    /// The table of the next look.
    table: &'a Table,
    /// Those of the look after it.
    pair: Pair<'a>,
    /// The block that the window begins in, and the one behind the last that may be ended, which
    /// may lie beyond the ring. As all places on it, they are told times [`PLACE`].
    place: usize,
    end: usize,
}

impl<'a> Walk<'a> {
    fn new<const SIZE: usize>(
        lanes: &Lanes<'_, SIZE>,
        unit: &Unit<'a>,
        position: Position,
        blocks: usize,
    ) -> Option<Self> {
        let (byte, offset) = (position.bit / 8, (position.bit % 8) as u32);
        let window = u64::from_be_bytes(*lanes.data.get(byte..)?.first_chunk()?);
        let (own, next) = (unit.get(position.slot)?, unit.get(position.slot + 1)?);
        let place = position.slot * PLACE;
        Some(Self {
            window: window << offset,
            more: 0,
            flips: 0,
            byte: byte.try_into().ok()?,
            passed: Passed::new(offset, position.done),
            table: own.lookup.table(position.done),
            pair: Pair::new(own, next),
            place,
            end: place + blocks.checked_sub(position.blocks)? * PLACE,
        })
    }

    fn is_at_end(&self) -> bool {
        self.place == self.end
    }

    /// Of a walk that has `blocks` ended blocks at its end.
    fn position(&self, unit: &Unit<'_>, blocks: usize) -> Position {
        Position {
            bit: self.byte as usize * 8 + self.passed.bits() as usize,
            slot: unit.slot(self.place / PLACE),
            done: self.passed.done(),
            blocks: blocks - (self.end - self.place) / PLACE,
        }
    }

    /// Window after window, as long as none can end more blocks than may be, and there is a sure
    /// stretch for each look. It leaves room on the ring for a step.
    #[inline(always)]
    fn windows<const SIZE: usize>(&mut self, lanes: &mut Lanes<'_, SIZE>, ring: &Ring<'a>) {
        // Two words are read in each, of which the last need not count.
        let size = SIZE.min(lanes.length + 8);
        let lanes = (lanes.data.get(..size), lanes.flipped.get_mut(..size), lanes.mask);
        let (Some(data), Some(flipped), mask) = lanes else { return };
        // A copy of its own stays in the registers.
        let mut walk = *self;
        while let Some(last) = walk.end.checked_sub(LOOKS * PLACE) {
            let last = last.min(LAST);
            while walk.place <= last
                && let Some(here) = Here::at(data, flipped, walk.byte)
                && let Some(places) = ring.places(walk.place)
                && walk.window(here, places, mask)
            {}
            if walk.place <= LAST {
                break;
            }
            walk.place -= ring.turn;
            walk.end -= ring.turn;
        }
        *self = walk;
    }

    /// Three looks; `false` if there were less.
    #[inline(always)]
    fn window(&mut self, here: Here<'_>, places: &Places<'a>, mask: u64) -> bool {
        let mut looks = Looks::new(self);
        if !looks.look(places, self.more) {
            return false;
        }
        // Three stretches may take 54 bits of 64, and a look sees eleven. So more bits come in
        // before the third shift, where nobody waits for them.
        let is_whole = looks.look(places, 0) && {
            let more = looks.passed.shift_right(here.ahead());
            looks.look(places, more)
        };
        if is_whole {
            self.pass(&looks, here, mask);
            return true;
        }
        // The same again on purpose: with one call for both, the usual way would keep in memory
        // what only this one needs.
        self.pass(&looks, here, mask);
        false
    }

    /// Takes one stretch, or one symbol however long, where no whole window is to be taken; `None`,
    /// and nothing is taken, if there is none or it is not there as a whole.
    fn step<const SIZE: usize>(
        &mut self,
        lanes: &mut Lanes<'_, SIZE>,
        unit: &Unit<'a>,
    ) -> Option<()> {
        let places = unit.ring.places(self.place)?;
        let mut looks = Looks::new(self);
        if !looks.look(places, self.more) {
            looks.window |= self.more;
            let coding = unit.get(self.place / PLACE)?;
            looks.one(&One::find(coding, looks.window, self.passed.done())?, places);
        }
        if self.byte as usize * 8 + looks.passed.bits() as usize > lanes.length * 8 {
            return None;
        }
        let here = Here::at(lanes.data, lanes.flipped, self.byte)?;
        self.pass(&looks, here, lanes.mask);
        Some(())
    }

    /// Goes to the end of `looks`.
    #[inline(always)]
    fn pass(&mut self, looks: &Looks<'a>, here: Here<'_>, mask: u64) {
        let &Looks { window, flips, passed, table, pair } = looks;
        let ahead = here.ahead();
        here.flip(passed.shift_left(flips & mask));
        self.byte += passed.bytes();
        self.place += passed.ends() * PLACE;
        self.window = window;
        // Some of them are in the window already, and only meet themselves.
        self.more = passed.shift_right(ahead);
        (self.flips, self.passed, self.table, self.pair) =
            (flips, passed.rest_of_byte(), table, pair);
    }
}

/// What a window reads and writes.
struct Here<'a> {
    data: &'a [u8; 16],
    flipped: &'a mut [u8; 8],
}

impl<'a> Here<'a> {
    #[inline(always)]
    fn at(data: &'a [u8], flipped: &'a mut [u8], byte: u32) -> Option<Self> {
        let byte = byte as usize;
        let data = data.get(byte..byte + 16)?.first_chunk()?;
        let flipped = flipped.get_mut(byte..byte + 8)?.first_chunk_mut()?;
        Some(Self { data, flipped })
    }

    #[inline(always)]
    fn flip(self, bits: u64) {
        *self.flipped = (halves(*self.data).0 ^ bits).to_be_bytes();
    }

    /// The word behind the one that is flipped.
    #[inline(always)]
    fn ahead(&self) -> u64 {
        halves(*self.data).1
    }
}

/// The first word of two, and the second.
#[inline]
fn halves(words: [u8; 16]) -> (u64, u64) {
    let words = u128::from_be_bytes(words);
    ((words >> 64) as u64, words as u64)
}

/// The looks in one window.
struct Looks<'a> {
    window: u64,
    flips: u64,
    passed: Passed,
    table: &'a Table,
    pair: Pair<'a>,
}

impl<'a> Looks<'a> {
    #[inline]
    fn new(walk: &Walk<'a>) -> Self {
        let &Walk { window, flips, passed, table, pair, .. } = walk;
        Self { window, flips, passed, table, pair }
    }

    /// Takes the next stretch, and behind it `more` bits; `false`, and nothing is taken, where there
    /// is none that is sure: at long codes, and in blocks that end within the stretch or without a
    /// mark.
    #[inline(always)]
    fn look(&mut self, places: &Places<'a>, more: u64) -> bool {
        let stretch = self.table.get(self.window);
        let Some(passed) = self.passed.with(stretch) else { return false };
        self.window = stretch.shift_out(self.window | more);
        self.flips = stretch.shift_out(self.flips) | stretch.flips();
        self.go_on(passed, stretch.ends(), places);
        true
    }

    fn one(&mut self, one: &One, places: &Places<'a>) {
        self.window <<= one.bits;
        self.flips = self.flips << one.bits | one.flips >> (u64::BITS - one.bits);
        self.go_on(self.passed.with_one(one.bits, one.after, one.ends), one.ends, places);
    }

    #[inline]
    fn go_on(&mut self, passed: Passed, ends: bool, places: &Places<'a>) {
        self.table = select_unpredictable(ends, self.pair.next, self.pair.within);
        self.passed = select_unpredictable(ends, passed.at_start(), passed);
        if let Some(place) = places.get(passed.ends()) {
            self.pair = place.0;
        }
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
    use crate::jpeg::bits::{huffman::Code, lookup::Lookup, unit::MOST_BLOCKS};

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

    /// What a coding consists of.
    struct Coded {
        dc: Code,
        ac: Code,
        lookup: Lookup,
    }

    impl Coded {
        fn new(dc: Code, ac: Code) -> Self {
            let lookup = Lookup::new(&dc, &ac);
            Self { dc, ac, lookup }
        }

        fn coding(&self) -> Coding<'_> {
            let Self { dc, ac, lookup } = self;
            Coding { dc, ac, lookup }
        }
    }

    fn luma() -> Coded {
        Coded::new(code(&[3, 0, 5, 9, 11, 1]), code(&[0x00, 0x01, 0x0f, 0x0e, 0x31, 0xf0, 0x0d]))
    }

    fn chroma() -> Coded {
        Coded::new(code(&[0, 5, 3, 11, 9, 1]), code(&[0x00, 0x0e, 0x31, 0x0d, 0xf0, 0x01, 0x0f]))
    }

    const START: Position = Position { bit: 0, slot: 0, done: 0, blocks: 0 };

    /// Goes on over the first `length` bytes of `data`; gives where it ends, and the flipped data.
    fn flipped(
        (data, length): (&[u8], usize),
        codings: &[Coding<'_>],
        (start, most): (Position, usize),
        mask: u64,
    ) -> (Position, Box<[u8; SIZE]>) {
        let (mut padded, mut flipped) = (Box::new([0; SIZE]), Box::new([0; SIZE]));
        padded[..data.len()].copy_from_slice(data);
        let unit = Unit::new(codings.iter().copied()).unwrap();
        let mut lanes = Lanes { data: &padded, length, flipped: &mut flipped, mask };
        (run(&mut lanes, &unit, start, most), flipped)
    }

    #[test]
    fn every_block_is_found_and_every_value_flipped() {
        let (luma, chroma) = (luma(), chroma());
        let (luma, chroma) = (luma.coding(), chroma.coding());
        for codings in [&[luma][..], &[luma, chroma], &[luma, luma, chroma, chroma, luma, luma]] {
            for seed in 0..40 {
                let bits = blocks(codings, 300, seed);
                let length = bits.data.len();
                let all = (START, usize::MAX);
                let (end, flipped) = flipped((&bits.data, length), codings, all, u64::MAX);
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
    fn a_look_sees_all_its_bits_behind_the_longest_stretches() {
        // The longest stretch is one of four and fourteen bits; what may follow is told apart by
        // the last bit of a look.
        let mut counts = [0; 16];
        (counts[3], counts[10]) = (1, 2);
        let ac = Code::new(&counts, &[0x0e, 0x01, 0x03]).unwrap();
        let coded = Coded::new(code(&[3, 0, 5, 9, 11, 1]), ac);
        let mut bits = Bits::default();
        let mut chance: u64 = 5;
        for at in 0..64 * 100 {
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let value = chance ^ chance << 29;
            match (at % 64, chance >> 62) {
                (0, _) => bits.symbol(&coded.dc, 3, value),
                (_, 0) => bits.symbol(&coded.ac, 0x03, value),
                _ => bits.symbol(&coded.ac, 0x0e, value),
            }
        }
        let data = (&bits.data[..], bits.data.len());
        let (end, flipped) = flipped(data, &[coded.coding()], (START, 100), u64::MAX);
        assert_eq!((end.bit, end.blocks), (bits.length, 100));
        assert!(flipped[..bits.length / 8] == bits.flipped[..bits.length / 8]);
    }

    #[test]
    fn no_more_blocks_are_ended_than_asked_for() {
        let coded = chroma();
        let bits = blocks(&[coded.coding()], 300, 7);
        for most in (0..24).chain(60..70) {
            let data = (&bits.data[..], bits.data.len());
            let (end, flipped) = flipped(data, &[coded.coding()], (START, most), 0);
            assert_eq!(end.blocks, most, "{end:?}");
            assert_eq!(flipped[..end.bit / 8], bits.data[..end.bit / 8], "a mask of none");
        }
    }

    #[test]
    fn units_of_any_length_go_on_from_wherever_a_burst_stopped() {
        let (luma, chroma) = (luma(), chroma());
        let (luma, chroma) = (luma.coding(), chroma.coding());
        for length in 1..=MOST_BLOCKS {
            let coding = |at: usize| if at.is_multiple_of(3) { luma } else { chroma };
            let codings: Vec<_> = (0..length).map(coding).collect();
            let bits = blocks(&codings, 300, length as u64);
            let whole = bits.data.len();
            let mut at = START;
            // Now the data end within a block, now the blocks within the data.
            for part in 1..=20 {
                let is_cut = part % 2 == 1;
                let (cut, most) =
                    if is_cut { (whole * part / 20, 300) } else { (whole, 15 * part) };
                let (end, flipped) = flipped((&bits.data, cut), &codings, (at, most), u64::MAX);
                assert_eq!(end.slot, end.blocks % length);
                let bit = |bytes: &[u8], at: usize| bytes[at / 8] << (at % 8) & 0x80;
                for place in at.bit..end.bit {
                    let both = [&flipped[..], &bits.flipped].map(|bytes| bit(bytes, place));
                    assert_eq!(both[0], both[1], "{length} {part}");
                }
                at = end;
            }
            assert_eq!((at.bit, at.blocks, at.done), (bits.length, 300, 0));
        }
    }
}
