//! Several symbols by one look.
//!
//! To flip the signs in a block nobody has to know its coefficients, only where the codes end. So
//! a table tells for the next few bits how many of them are whole symbols with their values, which
//! of them to flip, how far along the block they lead, and whether they end it.

use super::{
    huffman::{Code, SHORT_BITS},
    standard::known_stretches,
};

/// A stretch is at most so long: the bits to flip have to fit beside the rest into a word. The
/// last value of a stretch may lie beyond the bits of the look, as only its place has to be known.
pub(super) const REACH_BITS: u32 = 19;

/// Sizes of values beyond this do not occur in any JPEG.
const LARGEST_SIZE: u8 = 15;

/// What the next bits are, packed into one word: from the lowest bit up, how many there are, which
/// of them to flip, whether they end their block, and how far they lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch(u32);

const COUNT: u32 = 0x3f;
const FLIPS: u32 = (1 << ENDS_AT) - 1 - COUNT;
const ENDS_AT: u32 = 24;
const ADVANCE_AT: u32 = 25;
const MOST_ADVANCE: u32 = 0x7f;

impl Stretch {
    /// Not even one symbol fits. It leads further than any block goes, so nobody takes it.
    const NONE: Self = Self(MOST_ADVANCE << ADVANCE_AT);

    fn new(bits: u32, flips: u64, places: u32, ends: bool) -> Self {
        // The first bit is one of a code, so it is never flipped.
        let flips = (flips >> (63 - ENDS_AT)) as u32 & FLIPS;
        let advance = (places + 1 - u32::from(ends)).min(MOST_ADVANCE);
        Self(bits | flips | u32::from(ends) << ENDS_AT | advance << ADVANCE_AT)
    }

    /// Bits in all.
    #[inline]
    pub(super) fn bits(self) -> u32 {
        self.0 & COUNT
    }

    /// Which of them to flip, from the top of the word.
    #[inline]
    pub(super) fn flips(self) -> u64 {
        u64::from(self.0 & FLIPS) << (63 - ENDS_AT)
    }

    /// Places in the block that have to be left: those taken, of which the mark of its end is one,
    /// and one more for what follows if it does not end.
    #[inline]
    pub(super) fn advance(self) -> u32 {
        self.0 >> ADVANCE_AT
    }

    /// 1 if the block ends with this stretch, by its mark, otherwise 0.
    #[inline]
    pub(super) fn ends(self) -> u32 {
        self.0 >> ENDS_AT & 1
    }
}

/// The bits of the stretches passed, as the sum of those: only its lowest bits count, which spares
/// taking them out of each.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Passed(u32);

impl Passed {
    pub(super) fn of(bits: u32) -> Self {
        Self(bits & COUNT)
    }

    #[inline]
    pub(super) fn add(&mut self, stretch: Stretch) {
        self.0 = self.0.wrapping_add(stretch.0);
    }

    #[inline]
    pub(super) fn bits(self) -> u32 {
        self.0 & COUNT
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

/// Stretches by the next [`SHORT_BITS`] bits, in one table after the other.
#[derive(Debug, Clone, Default)]
pub(super) struct Lookup(Vec<Stretch>);

/// Where the tables of one kind of block begin in a [`Lookup`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct LookupPair {
    /// For places where a block begins.
    pub(super) at_start: u32,
    /// For places where a block goes on.
    pub(super) within: u32,
}

impl Lookup {
    /// Adds the tables for blocks that are coded so.
    pub(super) fn add(&mut self, dc: &Code, ac: &Code) -> LookupPair {
        match known_stretches(dc, ac) {
            Some(tables) => self.add_tables(tables),
            None => self.add_tables(&stretches(dc, ac)),
        }
    }

    fn add_tables(&mut self, [at_start, within]: &[Vec<Stretch>; 2]) -> LookupPair {
        let mut add = |table: &[Stretch]| {
            let base = self.0.len() as u32;
            self.0.extend_from_slice(table);
            base
        };
        LookupPair { at_start: add(at_start), within: add(within) }
    }

    /// The stretch at the top of `bits`, by the table that begins at `base`.
    #[inline]
    pub(super) fn get(&self, base: u32, bits: u64) -> Stretch {
        let place = base as usize + (bits >> (64 - SHORT_BITS)) as usize;
        self.0.get(place).copied().unwrap_or(Stretch::NONE)
    }
}

/// The stretches by the next bits, where a block that is coded so begins and where it goes on.
pub(super) fn stretches(dc: &Code, ac: &Code) -> [Vec<Stretch>; 2] {
    let at_start = by_bits(|bits| match Walk::new(bits).difference(dc) {
        Some(walk) => walk.coefficients(ac),
        None => Stretch::NONE,
    });
    [at_start, by_bits(|bits| Walk::new(bits).coefficients(ac))]
}

fn by_bits(stretch: impl Fn(u64) -> Stretch) -> Vec<Stretch> {
    (0u64..1 << SHORT_BITS).map(|bits| stretch(bits << (64 - SHORT_BITS))).collect()
}

/// A walk over the symbols in a few bits.
struct Walk {
    bits: u64,
    used: u32,
    flips: u64,
    advance: u32,
}

impl Walk {
    fn new(bits: u64) -> Self {
        Self { bits, used: 0, flips: 0, advance: 0 }
    }

    /// Goes over a code and its value; `None` if the code is not known whole, or the value ends
    /// beyond the reach.
    fn step(&mut self, length: u32, size: u32) -> Option<()> {
        let (code_end, used) = (self.used + length, self.used + length + size);
        if code_end > SHORT_BITS || used > REACH_BITS {
            return None;
        }
        self.flips |= ones(size) >> code_end;
        self.used = used;
        Some(())
    }

    fn difference(mut self, dc: &Code) -> Option<Self> {
        // Larger ones, which do not exist, are told apart where errors are.
        let symbol = dc.short(self.bits).filter(|symbol| symbol.value <= LARGEST_SIZE)?;
        self.step(symbol.length, symbol.value.into())?;
        self.advance = 1;
        Some(self)
    }

    fn coefficients(mut self, ac: &Code) -> Stretch {
        while self.used < SHORT_BITS {
            let Some(symbol) = ac.short(self.bits << self.used) else { break };
            let (run, size) = (u32::from(symbol.value >> 4), u32::from(symbol.value & 15));
            if size == 0 && run != 0 && run != 15 {
                break;
            }
            if self.step(symbol.length, size).is_none() {
                break;
            }
            self.advance += 1 + run;
            if symbol.value == 0 {
                return self.stretch(true);
            }
        }
        self.stretch(false)
    }

    fn stretch(self, ends: bool) -> Stretch {
        if self.used == 0 {
            return Stretch::NONE;
        }
        Stretch::new(self.used, self.flips, self.advance, ends)
    }
}

/// So many ones at the top of the word, at most 63.
#[inline]
pub(super) fn ones(count: u32) -> u64 {
    !(u64::MAX >> count)
}

#[cfg(test)]
mod tests {
    use super::{super::standard::LUMA_DC_COUNTS, *};

    fn standard_dc() -> Code {
        Code::new(LUMA_DC_COUNTS, &Vec::from_iter(0..12)).unwrap()
    }

    /// 0 is the end, 10 is one coefficient of one bit, 110 is a run of two and three bits, 1110 is
    /// a run of sixteen.
    fn ac() -> Code {
        let mut counts = [0; 16];
        counts[..4].fill(1);
        Code::new(&counts, &[0x00, 0x01, 0x23, 0xf0]).unwrap()
    }

    fn within(bits: u64) -> Stretch {
        let mut lookup = Lookup::default();
        let pair = lookup.add(&standard_dc(), &ac());
        lookup.get(pair.within, bits)
    }

    fn at_start(bits: u64) -> Stretch {
        let mut lookup = Lookup::default();
        let pair = lookup.add(&standard_dc(), &ac());
        lookup.get(pair.at_start, bits)
    }

    #[test]
    fn whole_symbols_are_taken_and_their_values_flipped() {
        // 10 v, 110 vvv, then half a code.
        let found = within(0b101_1101_0111_u64 << 53);
        assert_eq!((found.bits(), found.flips() >> 53), (9, 0b001_0001_1100));
        assert_eq!((found.advance(), found.ends()), (1 + 3 + 1, 0));
    }

    #[test]
    fn a_value_may_end_beyond_the_look() {
        // 10 v, 10 v, 10 v, then 10 and a value that is not seen.
        let found = within(0b101_1011_0110_u64 << 53);
        assert_eq!((found.bits(), found.flips() >> 52), (12, 0b0010_0100_1001));
        assert_eq!((found.advance(), found.ends()), (4 + 1, 0));
    }

    #[test]
    fn the_end_of_a_block_ends_the_stretch() {
        let found = within(0b1000_1000_u64 << 56);
        assert_eq!((found.bits(), found.advance(), found.ends()), (4, 2, 1));
    }

    #[test]
    fn a_block_begins_with_its_difference() {
        // The standard's code for two bits is 011.
        let found = at_start(0b0_1110_0000_u64 << 55);
        assert_eq!((found.bits(), found.flips() >> 53), (6, 0b000_1100_0000));
        assert_eq!((found.advance(), found.ends()), (2, 1));
    }

    #[test]
    fn what_does_not_fit_is_left_to_others() {
        assert_eq!(within(u64::MAX), Stretch::NONE);
    }
}
