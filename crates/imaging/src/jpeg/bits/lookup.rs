//! Several symbols by one look.
//!
//! To flip the signs in a block nobody has to know its coefficients, only where the codes end. So
//! a table tells for the next few bits how many of them are whole symbols with their values, which
//! of them to flip, how far along the block they lead, and whether they end it.

use super::huffman::{Code, SHORT_BITS, ShortCode};

/// A stretch is at most so long: three of them with a begun byte before them have to be less than a
/// word. The last value of a stretch may lie beyond the bits of the look, as only its place has to
/// be known.
pub(super) const REACH_BITS: u32 = 18;

/// Sizes of values beyond this do not occur in any JPEG.
const LARGEST_SIZE: u8 = 15;

/// What the next bits are.
///
/// In two halves, as loading one of them by itself takes no shift: those are what the processor
/// has too few units for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    /// From the lowest bit up: how many bits there are, whether they end their block, and how far
    /// along it they lead. [`Passed`] adds these up, and each part has room for its sum.
    steps: u16,
    /// Which of the bits to flip; the last of them is the lowest. Bits of a code never are, so
    /// sixteen do where the first code has two or more; where they do not, the stretch ends.
    flips: u16,
}

const COUNT: u32 = (1 << ENDS_AT) - 1;
const ENDS_AT: u32 = 6;
const ENDS: u32 = 3 << ENDS_AT;
const DONE_AT: u32 = 8;
const BEFORE_DONE: u32 = (1 << DONE_AT) - 1;
/// Further than any block goes.
const TOO_FAR: u32 = 64;

impl Stretch {
    /// Not even one symbol fits. It leads too far, so nobody takes it.
    const NONE: Self = Self { steps: (TOO_FAR << DONE_AT) as u16, flips: 0 };

    /// `flips` are counted from the top of the word.
    fn new(bits: u32, flips: u64, advance: u32, ends: bool) -> Self {
        let steps = advance.min(TOO_FAR) << DONE_AT | u32::from(ends) << ENDS_AT | bits;
        Self { steps: steps as u16, flips: (flips >> (u64::BITS - bits)) as u16 }
    }

    /// Bits in all.
    #[inline]
    pub(super) fn bits(self) -> u32 {
        u32::from(self.steps) & COUNT
    }

    /// Which of them to flip; the last of them is the lowest.
    #[inline]
    pub(super) fn flips(self) -> u64 {
        self.flips.into()
    }

    /// Coefficients it tells. The block has one more in any case: what follows, or the mark of its
    /// end in place of all that are left.
    #[inline]
    pub(super) fn advance(self) -> u32 {
        u32::from(self.steps) >> DONE_AT
    }

    /// Whether the block ends with this stretch, by its mark.
    #[inline]
    pub(super) fn ends(self) -> bool {
        self.steps & 1 << ENDS_AT != 0
    }

    /// `bits` without these.
    #[inline]
    pub(super) fn shift_out(self, bits: u64) -> u64 {
        bits.wrapping_shl(self.steps.into())
    }
}

/// The most stretches that are summed up in a [`Passed`].
pub(super) const MOST_PASSED: usize = 3;

/// What is passed since the beginning of a word: bits, ends of blocks, and coefficients of the
/// block that it has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Passed(u32);

impl Passed {
    /// `bits`, less than a byte, and so many coefficients.
    pub(super) fn new(bits: u32, done: u32) -> Self {
        Self(done << DONE_AT | bits)
    }

    /// From the beginning of the byte that this has come to.
    #[inline]
    pub(super) fn rest_of_byte(self) -> Self {
        Self(self.0 & !(ENDS | COUNT) | self.bits_of_byte())
    }

    /// With a stretch behind; `None` if the block has no room for it and for what comes behind.
    #[inline]
    pub(super) fn with(self, stretch: Stretch) -> Option<Self> {
        let sum = self.0.wrapping_add(stretch.steps.into());
        (sum & TOO_FAR << DONE_AT == 0).then_some(Self(sum))
    }

    /// With one symbol behind, which leads to `done` coefficients.
    pub(super) fn with_one(self, bits: u32, done: u32, ends: bool) -> Self {
        let before = self.0 & BEFORE_DONE;
        Self(done << DONE_AT | (before + (u32::from(ends) << ENDS_AT | bits)))
    }

    /// At the beginning of a block.
    #[inline]
    pub(super) fn at_start(self) -> Self {
        Self(self.0 & BEFORE_DONE)
    }

    /// Blocks that ended.
    #[inline]
    pub(super) fn ends(self) -> usize {
        ((self.0 & ENDS) >> ENDS_AT) as usize
    }

    /// Bits of the word.
    #[inline]
    pub(super) fn bits(self) -> u32 {
        self.0 & COUNT
    }

    /// Whole bytes among them.
    #[inline]
    pub(super) fn bytes(self) -> u32 {
        self.bits() / 8
    }

    /// Coefficients of the block.
    #[inline]
    pub(super) fn done(self) -> u32 {
        self.0 >> DONE_AT
    }

    #[inline]
    fn bits_of_byte(self) -> u32 {
        self.0 & 7
    }

    /// The lowest bits, as many as are passed, at the top of the word. At least one has to be.
    #[inline]
    pub(super) fn shift_left(self, bits: u64) -> u64 {
        bits.wrapping_shl(self.0.wrapping_neg())
    }

    /// `bits` shifted to the right by what is left of the word. At least one bit has to be passed.
    #[inline]
    pub(super) fn shift_right(self, bits: u64) -> u64 {
        bits.wrapping_shr(self.0.wrapping_neg())
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
    /// beyond the reach or beyond the room for bits to flip.
    fn step(self, length: u32, size: u32) -> Option<Self> {
        let (code_end, used) = (self.used + length, self.used + length + size);
        if code_end > SHORT_BITS || used > REACH_BITS {
            return None;
        }
        let flips = self.flips | ones(size) >> code_end;
        let has_room = flips >> (u64::BITS - used) <= u16::MAX.into();
        has_room.then_some(Self { used, flips, ..self })
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
        // Bits to flip that would fit the reach, but not the room for them.
        let mut counts = [0; 16];
        counts[0] = 2;
        let wide = Code::new(&counts, &[0x0f, 0x01]).unwrap();
        let found = Lookup::new(&wide, &wide).within.get(1 << 47 | 1 << 46);
        assert_eq!((found.bits(), found.flips()), (16, 0x7fff));
        // Runs that lead further than any block goes.
        counts[0] = 1;
        let run = Code::new(&counts, &[0xf0]).unwrap();
        let found = Lookup::new(&run, &run).within.get(0);
        assert_eq!((found.advance(), Passed::new(0, 0).with(found)), (64, None));
        // A size that is larger than a word.
        let large = Code::new(&counts, &[64]).unwrap();
        is_as_walked(&large, &large);
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
    fn what_is_passed_is_summed_up() {
        let told = |passed: Passed| (passed.ends(), passed.bits(), passed.done());
        let passed = Passed::new(5, 60);
        assert_eq!(passed.with(within(0b101_1101_0111_u64 << 53)), None, "64 with the next one");
        let passed = Passed::new(5, 59).with(within(0b101_1101_0111_u64 << 53)).unwrap();
        assert_eq!(told(passed), (0, 14, 63));
        assert_eq!(passed.with(Stretch::NONE), None);
        let passed = passed.at_start().with(within(0b1000_1000_u64 << 56)).unwrap().at_start();
        assert_eq!(told(passed), (1, 18, 0));
        let passed = passed.with_one(31, 17, true);
        assert_eq!((told(passed), passed.bytes()), ((2, 49, 17), 6));
        assert_eq!(told(passed.rest_of_byte()), (0, 1, 17));
        assert_eq!((passed.shift_left(1), passed.shift_right(1 << 63)), (1 << 15, 1 << 48));
    }
}
