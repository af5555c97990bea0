//! Several symbols by one look.
//!
//! To flip the signs in a block nobody has to know its coefficients, only where the codes end. So
//! a table tells for the next few bits how many of them are whole symbols with their values, which
//! of them to flip, how far along the block they lead, and whether they end it.

use super::huffman::{Code, SHORT_BITS};

/// What the next bits are, packed into one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch(u32);

const ENDS: u32 = 1 << 5;

impl Stretch {
    /// Not even one symbol fits. It leads further than any block goes, so nobody takes it.
    const NONE: Self = Self(0x3ff << 6);

    fn new(bits: u32, flips: u16, advance: u32, ends: bool) -> Self {
        Self(bits | if ends { ENDS } else { 0 } | advance << 6 | u32::from(flips) << 16)
    }

    /// Bits in all.
    #[inline]
    pub(super) fn bits(self) -> u32 {
        self.0 & 0x1f
    }

    /// Which of them to flip, from the top of the word.
    #[inline]
    pub(super) fn flips(self) -> u64 {
        u64::from(self.0 & 0xffff_0000) << 32
    }

    /// Places in the block that are taken; the mark of its end counts as one.
    #[inline]
    pub(super) fn advance(self) -> u32 {
        (self.0 >> 6) & 0x3ff
    }

    #[inline]
    pub(super) fn ends_block(self) -> bool {
        self.0 & ENDS != 0
    }
}

/// Stretches by the next [`SHORT_BITS`] bits.
#[derive(Debug, Clone)]
pub(super) struct Lookup(Box<[Stretch; 1 << SHORT_BITS]>);

impl Lookup {
    /// For places where a block goes on.
    pub(super) fn within(ac: &Code) -> Self {
        Self::of(|bits| Walk::new(bits).coefficients(ac))
    }

    /// For places where a block begins.
    pub(super) fn at_start(dc: &Code, ac: &Code) -> Self {
        Self::of(|bits| match Walk::new(bits).difference(dc) {
            Some(walk) => walk.coefficients(ac),
            None => Stretch::NONE,
        })
    }

    fn of(stretch: impl Fn(u64) -> Stretch) -> Self {
        let mut table = Box::new([Stretch::NONE; 1 << SHORT_BITS]);
        for (entry, bits) in table.iter_mut().zip(0u64..) {
            *entry = stretch(bits << (64 - SHORT_BITS));
        }
        Self(table)
    }

    #[inline]
    pub(super) fn get(&self, bits: u64) -> Stretch {
        self.0.get((bits >> (64 - SHORT_BITS)) as usize).copied().unwrap_or(Stretch::NONE)
    }
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

    /// Goes over a code and its value; `None` if they do not fit.
    fn step(&mut self, length: u32, size: u32) -> Option<()> {
        let used = self.used + length + size;
        if used > SHORT_BITS {
            return None;
        }
        self.flips |= ones(size) >> (self.used + length);
        self.used = used;
        Some(())
    }

    fn difference(mut self, dc: &Code) -> Option<Self> {
        let symbol = dc.short(self.bits)?;
        self.step(symbol.length, symbol.value.into())?;
        self.advance = 1;
        Some(self)
    }

    fn coefficients(mut self, ac: &Code) -> Stretch {
        while let Some(symbol) = ac.short(self.bits << self.used) {
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
        Stretch::new(self.used, (self.flips >> 48) as u16, self.advance, ends)
    }
}

/// So many ones at the top of the word, at most 63.
#[inline]
pub(super) fn ones(count: u32) -> u64 {
    !(u64::MAX >> count)
}

#[cfg(test)]
mod tests {
    use super::{super::huffman::STANDARD_DC_COUNTS, *};

    fn standard_dc() -> Code {
        Code::new(STANDARD_DC_COUNTS, &Vec::from_iter(0..12)).unwrap()
    }

    /// 0 is the end, 10 is one coefficient of one bit, 110 is a run of two and three bits, 1110 is
    /// a run of sixteen.
    fn ac() -> Code {
        let mut counts = [0; 16];
        counts[..4].fill(1);
        Code::new(&counts, &[0x00, 0x01, 0x23, 0xf0]).unwrap()
    }

    #[test]
    fn whole_symbols_are_taken_and_their_values_flipped() {
        // 10 v, 110 vvv, then a code whose value is cut off.
        let found = Lookup::within(&ac()).get(0b101_1101_0110_u64 << 53);
        assert_eq!((found.bits(), found.flips() >> 53), (9, 0b001_0001_1100));
        assert_eq!((found.advance(), found.ends_block()), (1 + 3, false));
    }

    #[test]
    fn the_end_of_a_block_ends_the_stretch() {
        let found = Lookup::within(&ac()).get(0b1000_1000_u64 << 56);
        assert_eq!((found.bits(), found.advance(), found.ends_block()), (4, 2, true));
    }

    #[test]
    fn a_block_begins_with_its_difference() {
        // The standard's code for two bits is 011.
        let found = Lookup::at_start(&standard_dc(), &ac()).get(0b0_1110_0000_u64 << 55);
        assert_eq!((found.bits(), found.flips() >> 53), (6, 0b000_1100_0000));
        assert_eq!((found.advance(), found.ends_block()), (2, true));
    }

    #[test]
    fn what_does_not_fit_is_left_to_others() {
        assert_eq!(Lookup::within(&ac()).get(u64::MAX), Stretch::NONE);
    }
}
