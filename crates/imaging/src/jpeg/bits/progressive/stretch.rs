//! Several symbols of a first scan by one look.
//!
//! A scan whose coefficients are refined later has to tell which of them are not zero; so there a
//! stretch ends with its block, and only blocks without anything may follow. Elsewhere it goes on
//! into the next block, and of that one tells how far.

use crate::jpeg::bits::{
    huffman::{Code, SHORT_BITS},
    lookup::ones,
};

/// A stretch is at most so long: three of them fit into a window.
const REACH_BITS: u32 = 19;

/// Places whose history fits beside the rest into a word.
const PLACES: u32 = 27;

/// What the symbols of a scan mean.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// Whether they are sizes of DC differences, of which each block has one.
    pub(super) is_dc: bool,
    /// Whether it has to be known which coefficients are not zero.
    pub(super) keeps_history: bool,
    /// Places of a block.
    pub(super) places: u32,
}

impl Rules {
    /// The zeros before a value, and its size.
    #[inline]
    pub(super) fn parts(self, symbol: u8) -> (u32, u32) {
        let symbol = u32::from(symbol);
        if self.is_dc { (0, symbol) } else { (symbol >> 4, symbol & 15) }
    }

    /// Whether a symbol is the mark of blocks without further coefficients.
    #[inline]
    pub(super) fn is_end(self, (run, size): (u32, u32)) -> bool {
        !self.is_dc && size == 0 && run < 15
    }
}

/// What the next bits are, packed into one word: from the lowest bit up, how many there are, how
/// many blocks they end, how many places of the block have to be left, which bits to flip, and
/// either which places of the block are not zero or how many of the next block are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch(u64);

const COUNT: u64 = 0x3f;
const BLOCKS_AT: u32 = 6;
const MOST_BLOCKS: u32 = 0x3f;
const ADVANCE_AT: u32 = 12;
const MOST_ADVANCE: u32 = 0x7f;
const FLIPS_AT: u32 = 19;
const PATTERN_AT: u32 = FLIPS_AT + REACH_BITS - 1;

impl Stretch {
    /// Nothing is sure. It leads further than any block goes, so nobody takes it.
    const NONE: Self = Self((MOST_ADVANCE as u64) << ADVANCE_AT);

    /// Blocks that end by their marks.
    #[inline]
    pub(super) fn blocks(self) -> u32 {
        (self.0 >> BLOCKS_AT) as u32 & MOST_BLOCKS
    }

    /// Places that have to be left: those taken, and one more before the mark of an end.
    #[inline]
    pub(super) fn advance(self) -> u32 {
        (self.0 >> ADVANCE_AT) as u32 & MOST_ADVANCE
    }

    /// Which bits to flip, from the top of the word.
    #[inline]
    pub(super) fn flips(self) -> u64 {
        // The first bit is one of a code, so it is never flipped.
        self.0 << (64 - PATTERN_AT) >> 1 & ones(REACH_BITS)
    }

    /// The places from the current one on that are not zero, from the lowest bit up.
    #[inline]
    pub(super) fn pattern(self) -> u64 {
        self.0 >> PATTERN_AT
    }

    /// Places done of the block behind those that end.
    #[inline]
    pub(super) fn begun(self) -> u32 {
        (self.0 >> PATTERN_AT) as u32
    }
}

/// The bits of the stretches passed, as the sum of those: only its lowest bits count.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Passed(u32);

impl Passed {
    #[inline]
    pub(super) fn add(&mut self, stretch: Stretch) {
        self.0 = self.0.wrapping_add(stretch.0 as u32);
    }

    #[inline]
    pub(super) fn bits(self) -> u32 {
        self.0 & COUNT as u32
    }

    #[inline]
    pub(super) fn shift_left(self, bits: u64) -> u64 {
        bits.wrapping_shl(self.0)
    }

    #[inline]
    pub(super) fn shift_right(self, bits: u64) -> u64 {
        bits.wrapping_shr(self.0)
    }
}

/// Stretches by the next bits: the longest that is sure, and beside it the first symbol alone, for
/// where the block ends within.
#[derive(Debug)]
pub(super) struct Lookup {
    entries: Vec<[Stretch; 2]>,
    /// The bits of a word that are not looked at.
    rest: u32,
}

impl Lookup {
    /// A table worth its making for so many bytes of data.
    pub(super) fn new(code: &Code, rules: Rules, bytes: usize) -> Self {
        let bits = bytes.max(1).ilog2().saturating_sub(3).clamp(6, SHORT_BITS);
        let entry = |next: u64| {
            let mut walk = Walk { bits: next << (64 - bits), known: bits, ..Walk::default() };
            let _ = walk.step(code, rules);
            let first = walk.stretch(rules);
            while walk.step(code, rules).is_some() {}
            [walk.stretch(rules), first]
        };
        Self { entries: (0..1 << bits).map(entry).collect(), rest: 64 - bits }
    }

    #[inline]
    pub(super) fn get(&self, bits: u64) -> [Stretch; 2] {
        self.entries.get((bits >> self.rest) as usize).copied().unwrap_or([Stretch::NONE; 2])
    }
}

/// A walk over the symbols in a few bits.
#[derive(Default)]
struct Walk {
    bits: u64,
    /// Bits that are known.
    known: u32,
    used: u32,
    flips: u64,
    /// Places of the first block, and those that are not zero.
    places: u32,
    pattern: u64,
    /// Blocks ended by marks, and places of the one behind.
    blocks: u32,
    begun: u32,
}

impl Walk {
    /// Goes over one symbol; `None`, and nothing changes, if it is not known whole or has no room.
    fn step(&mut self, code: &Code, rules: Rules) -> Option<()> {
        let symbol = code.short(self.bits << self.used)?;
        let (run, size) = rules.parts(symbol.value);
        let code_end = self.used + symbol.length;
        if rules.is_end((run, size)) {
            return self.end(code_end, run);
        }
        // The value may lie beyond the known bits, as only its place has to be known.
        let used = code_end + size;
        if code_end > self.known || used > REACH_BITS {
            return None;
        }
        if rules.is_dc {
            self.end(code_end, 0)?;
        } else if self.blocks == 0 {
            let places = self.places + run + 1;
            if places > PLACES {
                return None;
            }
            self.places = places;
            self.pattern |= u64::from(size > 0) << (places - 1);
        } else {
            self.begin(rules, run + 1)?;
        }
        self.flips |= ones(size) >> code_end;
        self.used = used;
        Some(())
    }

    /// Ends a block, and others as bits behind the mark tell.
    fn end(&mut self, code_end: u32, size: u32) -> Option<()> {
        let extra = ((self.bits << code_end) & ones(size)).rotate_left(size) as u32;
        let blocks = self.blocks + (1 << size) + extra;
        if code_end + size > self.known || blocks > MOST_BLOCKS {
            return None;
        }
        (self.blocks, self.begun, self.used) = (blocks, 0, code_end + size);
        Some(())
    }

    /// Takes places of a later block, which ends if these are all it has.
    fn begin(&mut self, rules: Rules, places: u32) -> Option<()> {
        let begun = self.begun + places;
        if rules.keeps_history || begun > rules.places || self.blocks == MOST_BLOCKS {
            return None;
        }
        let is_full = begun == rules.places;
        self.blocks += u32::from(is_full);
        self.begun = if is_full { 0 } else { begun };
        Some(())
    }

    fn stretch(&self, rules: Rules) -> Stretch {
        if self.used == 0 {
            return Stretch::NONE;
        }
        let advance = self.places + u32::from(self.blocks > 0);
        let flips = self.flips >> (64 - REACH_BITS);
        let last = if rules.keeps_history { self.pattern } else { self.begun.into() };
        Stretch(
            u64::from(self.used | self.blocks << BLOCKS_AT | advance << ADVANCE_AT)
                | flips << FLIPS_AT
                | last << PATTERN_AT,
        )
    }
}

impl Stretch {
    #[cfg(test)]
    fn bits(self) -> u32 {
        (self.0 & COUNT) as u32
    }

    #[cfg(test)]
    fn parts(self) -> (u32, u64, u32, u32, u64) {
        (self.bits(), self.flips(), self.advance(), self.blocks(), self.pattern())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 0 is the end, 10 is one coefficient of one bit, 110 is a run of two and three bits, 1110 is
    /// a run of blocks with two bits more, 11110 is a run of sixteen.
    fn lookup() -> Lookup {
        lookup_by(Rules { is_dc: false, keeps_history: true, places: 63 })
    }

    fn lookup_by(rules: Rules) -> Lookup {
        let mut counts = [0; 16];
        counts[..5].fill(1);
        let code = Code::new(&counts, &[0x00, 0x01, 0x23, 0x20, 0xf0]).unwrap();
        Lookup::new(&code, rules, 1 << 20)
    }

    #[test]
    fn whole_symbols_are_taken_and_their_values_flipped() {
        // 10 v, 110 vvv, then half a code.
        let [whole, first] = lookup().get(0b101_1101_0111_u64 << 53);
        assert_eq!(whole.parts(), (9, 0b001_0001_1100 << 53, 4, 0, 0b1001));
        assert_eq!(first.parts(), (3, 0b001 << 61, 1, 0, 0b1));
    }

    #[test]
    fn ends_may_follow_one_another_but_nothing_follows_an_end() {
        // 10 v, 0, 0, 10.
        let [whole, _] = lookup().get(0b1000_0100_0000_u64 << 52);
        assert_eq!(whole.parts(), (5, 0b001 << 61, 2, 2, 0b1));
        // 0, 1110 and 3, then 0.
        let [whole, first] = lookup().get(0b0_1110_1101_0000_u64 << 51);
        assert_eq!(whole.parts(), (8, 0, 1, 1 + 7 + 1, 0));
        assert_eq!(first.parts(), (1, 0, 1, 1, 0));
    }

    #[test]
    fn runs_of_zeros_take_their_places_and_what_is_no_code_is_left_to_others() {
        let [whole, _] = lookup().get(0b1_1110_1010_0000_u64 << 51);
        assert_eq!(whole.parts(), (11, 0b1 << 56, 18, 3, 0b1 << 16));
        assert_eq!(lookup().get(u64::MAX), [Stretch::NONE; 2]);
    }

    #[test]
    fn without_history_a_stretch_goes_on_into_later_blocks() {
        // 10 v, 0, 10 v, 10 v, and the next 10 v fills the block of three.
        let bits = 0b100_0100_1001_0000_u64 << 49;
        let [whole, _] =
            lookup_by(Rules { is_dc: false, keeps_history: false, places: 3 }).get(bits);
        assert_eq!((whole.bits(), whole.advance(), whole.blocks(), whole.begun()), (10, 2, 1, 2));
        let bits = 0b100_0100_1000_0000_u64 << 49;
        let [whole, _] =
            lookup_by(Rules { is_dc: false, keeps_history: false, places: 2 }).get(bits);
        assert_eq!((whole.bits(), whole.advance(), whole.blocks(), whole.begun()), (11, 2, 3, 0));
    }

    #[test]
    fn each_difference_ends_its_block() {
        // 0 is none, 10 v is one of one bit.
        let rules = Rules { is_dc: true, keeps_history: false, places: 1 };
        let [whole, first] = lookup_by(rules).get(0b0_1010_1000_0110_u64 << 51);
        assert_eq!((first.bits(), first.advance(), first.blocks(), first.begun()), (1, 1, 1, 0));
        assert_eq!((whole.flips() >> 53, whole.blocks()), (0b000_1000_1000, 6));
    }
}
