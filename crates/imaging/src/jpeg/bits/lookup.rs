//! Several symbols by one look.
//!
//! To flip the signs in a block nobody has to know its coefficients, only where the codes end. So
//! a table tells for the next few bits how many of them are whole symbols with their values, which
//! of them to flip, how far along the block they lead, and whether they end it.

use super::huffman::{Code, SHORT_BITS, ShortCode};

/// A stretch is at most so long: the bits to flip have to fit beside the rest into a word, and
/// three stretches with a begun byte before them into 63 bits. The last value of a stretch may lie
/// beyond the bits of the look, as only its place has to be known.
pub(super) const REACH_BITS: u32 = 18;

/// Sizes of values beyond this do not occur in any JPEG.
const LARGEST_SIZE: u8 = 15;

/// What the next bits are, packed into one word: from the lowest bit up, how many there are,
/// whether they end their block, how far they lead, and which of them to flip.
///
/// What is counted by sums of whole stretches, the bits and the ends, is at the bottom, with room
/// for its sums; what is wanted by one shift is at the top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch(u32);

const COUNT: u32 = (1 << ENDS_AT) - 1;
const ENDS_AT: u32 = 6;
const ADVANCE_AT: u32 = 8;
const MOST_ADVANCE: u32 = (1 << (FLIPS_AT - ADVANCE_AT)) - 1;
const FLIPS_AT: u32 = 15;

impl Stretch {
    /// Not even one symbol fits. It leads further than any block goes, so nobody takes it.
    const NONE: Self = Self(MOST_ADVANCE << ADVANCE_AT);

    /// `flips` are counted from the top of the word.
    fn new(bits: u32, flips: u64, advance: u32, ends: bool) -> Self {
        // The first bit is one of a code, so it is never flipped.
        let flips = (flips >> (u64::BITS - bits)) as u32;
        let advance = advance.min(MOST_ADVANCE);
        Self(flips << FLIPS_AT | advance << ADVANCE_AT | u32::from(ends) << ENDS_AT | bits)
    }

    /// Bits in all.
    #[inline]
    pub(super) fn bits(self) -> u32 {
        self.0 & COUNT
    }

    /// Which of them to flip; the last of them is the lowest.
    #[inline]
    pub(super) fn flips(self) -> u64 {
        u64::from(self.0 >> FLIPS_AT)
    }

    /// Coefficients it tells. The block has one more in any case: what follows, or the mark of its
    /// end in place of all that are left.
    #[inline]
    pub(super) fn advance(self) -> u32 {
        self.0 >> ADVANCE_AT & MOST_ADVANCE
    }

    /// Whether the block ends with this stretch, by its mark.
    #[inline]
    pub(super) fn ends(self) -> bool {
        self.0 & 1 << ENDS_AT != 0
    }

    /// `bits` without these.
    #[inline]
    pub(super) fn shift_out(self, bits: u64) -> u64 {
        bits.wrapping_shl(self.0)
    }
}

/// The most stretches that are counted off a [`Left`].
pub(super) const MOST_COUNTED: u32 = 3;

/// What is left of a word while stretches are counted off: its bits but one, and above them the
/// ends of blocks. Only the lowest bits mean something, which spares taking them out of each
/// stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Left(u32);

impl Left {
    /// Of a word of which `offset` bits, less than a byte, are gone.
    pub(super) fn new(offset: u32) -> Self {
        Self(MOST_COUNTED << ENDS_AT | (COUNT - offset))
    }

    /// Of the word that begins at the byte that this has come to.
    #[inline]
    pub(super) fn next(self) -> Self {
        Self(MOST_COUNTED << ENDS_AT | (COUNT - 7) | self.0 & 7)
    }

    #[inline]
    pub(super) fn count(&mut self, stretch: Stretch) {
        self.0 = self.0.wrapping_sub(stretch.0);
    }

    pub(super) fn count_one(&mut self, bits: u32, ends: bool) {
        self.count(Stretch(u32::from(ends) << ENDS_AT | bits));
    }

    /// Ends that are left of [`MOST_COUNTED`].
    #[inline]
    pub(super) fn ends(self) -> usize {
        (self.0 >> ENDS_AT & MOST_COUNTED) as usize
    }

    /// Whole bytes of the word that are gone.
    #[inline]
    pub(super) fn bytes_gone(self) -> u32 {
        !self.0 >> 3 & 7
    }

    /// Bits of the byte that it has come to that are gone.
    #[inline]
    pub(super) fn bits_gone(self) -> u32 {
        !self.0 & 7
    }

    /// `bits` shifted to the left by what is left of the word.
    #[inline]
    pub(super) fn shift_left(self, bits: u64) -> u64 {
        (bits << 1).wrapping_shl(self.0)
    }

    /// `bits` shifted to the right by what is left of the word.
    #[inline]
    pub(super) fn shift_right(self, bits: u64) -> u64 {
        (bits >> 1).wrapping_shr(self.0)
    }
}

/// Stretches by the next [`SHORT_BITS`] bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table([Stretch; 1 << SHORT_BITS]);

impl Table {
    fn new() -> Box<Self> {
        Box::new(Self([Stretch::NONE; 1 << SHORT_BITS]))
    }

    /// The stretch at the top of `bits`.
    #[inline]
    pub(super) fn get(&self, bits: u64) -> Stretch {
        let place = (bits >> (u64::BITS - SHORT_BITS)) as usize;
        self.0.get(place).copied().unwrap_or(Stretch::NONE)
    }
}

/// The stretches of blocks that are coded in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lookup {
    /// For places where a block begins.
    pub(super) at_start: Box<Table>,
    /// For places where a block goes on.
    pub(super) within: Box<Table>,
}

impl Lookup {
    /// For blocks that are coded so.
    pub(super) fn new(dc: &Code, ac: &Code) -> Self {
        let (mut at_start, mut within) = (Table::new(), Table::new());
        let (dc, ac) = (dc.short_codes(), ac.short_codes());
        Walk::default().coefficients(&mut within.0, &ac);
        for difference in &dc {
            // Larger ones, which do not exist, are told apart where errors are.
            if difference.value <= LARGEST_SIZE
                && let Some(walk) = Walk::default().step(difference.length, difference.value.into())
            {
                let walk = Walk { advance: 1, ..walk };
                walk.each_value(difference, &mut at_start.0, |walk, room| {
                    walk.coefficients(room, &ac);
                });
            }
        }
        Self { at_start, within }
    }

    /// The table for a block of which so many coefficients are done.
    pub(super) fn table(&self, done: u32) -> &Table {
        if done == 0 { &self.at_start } else { &self.within }
    }
}

/// A walk over the symbols in a few bits.
#[derive(Debug, Clone, Copy, Default)]
struct Walk {
    used: u32,
    flips: u64,
    advance: u32,
}

impl Walk {
    /// Goes over a code and its value; `None` if the code is not known whole, or the value ends
    /// beyond the reach.
    fn step(self, length: u32, size: u32) -> Option<Self> {
        let (code_end, used) = (self.used + length, self.used + length + size);
        if code_end > SHORT_BITS || used > REACH_BITS {
            return None;
        }
        Some(Self { used, flips: self.flips | ones(size) >> code_end, ..self })
    }

    /// Fills `room`, which has a place for each way that the bits of the look can go on behind
    /// this walk. `codes` are in order of their lengths.
    fn coefficients(self, room: &mut [Stretch], codes: &[ShortCode]) {
        room.fill(self.stretch(false));
        let known = SHORT_BITS.saturating_sub(self.used);
        for code in codes.iter().take_while(|code| code.length <= known) {
            let (run, size) = (u32::from(code.value >> 4), u32::from(code.value & 15));
            let is_possible = size > 0 || matches!(run, 0 | 15);
            let Some(walk) = self.step(code.length, size).filter(|_| is_possible) else { continue };
            if code.value == 0 {
                code.places(room).fill(walk.stretch(true));
            } else {
                let walk = Self { advance: walk.advance + 1 + run, ..walk };
                walk.each_value(code, room, |walk, room| walk.coefficients(room, codes));
            }
        }
    }

    /// Fills the places of a code in `room`: what comes behind its value is the same for each.
    fn each_value(
        self,
        code: &ShortCode,
        room: &mut [Stretch],
        fill: impl FnOnce(Self, &mut [Stretch]),
    ) {
        let places = code.places(room);
        let size = u32::from(code.value & 15);
        let values = places.len().min(1 << size);
        let (first, others) = places.split_at_mut(places.len() / values);
        fill(self, first);
        others.chunks_exact_mut(first.len()).for_each(|other| other.copy_from_slice(first));
    }

    fn stretch(self, ends: bool) -> Stretch {
        if self.used == 0 {
            return Stretch::NONE;
        }
        Stretch::new(self.used, self.flips, self.advance, ends)
    }
}

impl ShortCode {
    /// Its places among those for the ways that some bits can go on, which begin with it.
    fn places<'a>(&self, room: &'a mut [Stretch]) -> &'a mut [Stretch] {
        let count = room.len() >> self.length;
        let first = (usize::from(self.bits) * room.len()) >> 16;
        room.get_mut(first..first + count).unwrap_or_default()
    }
}

/// So many ones at the top of the word, at most 63.
#[inline]
pub(super) fn ones(count: u32) -> u64 {
    !(u64::MAX >> count)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        super::standard::{LUMA_AC, LUMA_DC_COUNTS},
        *,
    };

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
        Lookup::new(&standard_dc(), &ac()).within.get(bits)
    }

    fn at_start(bits: u64) -> Stretch {
        Lookup::new(&standard_dc(), &ac()).at_start.get(bits)
    }

    #[test]
    fn whole_symbols_are_taken_and_their_values_flipped() {
        // 10 v, 110 vvv, then half a code.
        let found = within(0b101_1101_0111_u64 << 53);
        assert_eq!((found.bits(), found.flips()), (9, 0b0_0100_0111));
        assert_eq!((found.advance(), found.ends()), (1 + 3, false));
    }

    #[test]
    fn a_value_may_end_beyond_the_look() {
        // 10 v, 10 v, 10 v, then 10 and a value that is not seen.
        let found = within(0b101_1011_0110_u64 << 53);
        assert_eq!((found.bits(), found.flips()), (12, 0b0010_0100_1001));
        assert_eq!((found.advance(), found.ends()), (4, false));
    }

    #[test]
    fn the_end_of_a_block_ends_the_stretch() {
        let found = within(0b1000_1000_u64 << 56);
        assert_eq!((found.bits(), found.advance(), found.ends()), (4, 1, true));
    }

    #[test]
    fn a_block_begins_with_its_difference() {
        // The standard's code for two bits is 011.
        let found = at_start(0b0_1110_0000_u64 << 55);
        assert_eq!((found.bits(), found.flips()), (6, 0b00_0110));
        assert_eq!((found.advance(), found.ends()), (1, true));
    }

    #[test]
    fn what_does_not_fit_is_left_to_others() {
        assert_eq!(within(u64::MAX), Stretch::NONE);
    }

    /// The stretch at the top of `bits`, symbol by symbol.
    fn walked(bits: u64, dc: Option<&Code>, ac: &Code) -> Stretch {
        let mut walk = Walk::default();
        let mut is_difference = dc.is_some();
        loop {
            let code = dc.filter(|_| is_difference).unwrap_or(ac);
            let known = SHORT_BITS.saturating_sub(walk.used);
            let symbol = code.short(bits << walk.used).filter(|symbol| symbol.length <= known);
            let next = symbol.and_then(|symbol| {
                let size = u32::from(symbol.value & if is_difference { 255 } else { 15 });
                let run = if is_difference { 0 } else { u32::from(symbol.value >> 4) };
                let is_possible = is_difference || size > 0 || matches!(run, 0 | 15);
                let next = walk.step(symbol.length, size).filter(|_| is_possible && size < 16)?;
                Some((Walk { advance: walk.advance + 1 + run, ..next }, symbol.value))
            });
            match next {
                Some((next, 0)) if !is_difference => {
                    return Walk { advance: walk.advance, ..next }.stretch(true);
                }
                Some((next, _)) => walk = next,
                None if is_difference => return Stretch::NONE,
                None => return walk.stretch(false),
            }
            is_difference = false;
        }
    }

    fn is_as_walked(dc: &Code, ac: &Code) {
        let lookup = Lookup::new(dc, ac);
        for place in 0..1 << SHORT_BITS {
            let bits = place << (64 - SHORT_BITS);
            assert_eq!(lookup.within.get(bits), walked(bits, None, ac), "{place:011b}");
            assert_eq!(lookup.at_start.get(bits), walked(bits, Some(dc), ac), "{place:011b}");
        }
    }

    #[test]
    fn tables_hold_what_a_walk_finds() {
        is_as_walked(&standard_dc(), &ac());
        let (counts, symbols) = LUMA_AC;
        is_as_walked(&standard_dc(), &Code::new(counts, symbols).unwrap());
        is_as_walked(&Code::new(&[0; 16], &[]).unwrap(), &Code::new(&[0; 16], &[]).unwrap());
    }

    proptest! {
        #[test]
        fn tables_of_any_codes_hold_what_a_walk_finds(
            lengths in prop::collection::vec(1usize..=16, 0..60),
            symbols in prop::collection::vec(any::<u8>(), 60),
        ) {
            let mut counts = [0u8; 16];
            let mut room = 1u32 << 16;
            for length in lengths {
                let taken = 1 << (16 - length);
                if taken <= room {
                    room -= taken;
                    counts[length - 1] += 1;
                }
            }
            let code = Code::new(&counts, &symbols).unwrap();
            is_as_walked(&code, &code);
        }
    }

    #[test]
    fn what_is_left_is_counted_in_bits_and_ends() {
        let mut left = Left::new(5);
        let told = |left: Left| (left.ends(), left.bytes_gone(), left.bits_gone());
        assert_eq!(told(left), (3, 0, 5));
        left.count(within(0b101_1101_0111_u64 << 53));
        assert_eq!(told(left), (3, 1, 6));
        left.count(within(0b1000_1000_u64 << 56));
        assert_eq!(told(left), (2, 2, 2));
        left.count_one(31, true);
        assert_eq!(told(left), (1, 6, 1));
        assert_eq!(told(left.next()), (3, 0, 1));
        assert_eq!((left.shift_left(1), left.shift_right(1 << 63)), (1 << 15, 1 << 48));
    }
}
