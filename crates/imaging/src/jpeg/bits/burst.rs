//! The innermost loop: block after block without a branch that depends on the picture.
//!
//! What has to be known of entropy-coded data is where each code ends, and the next one cannot be
//! looked up before that. So a look has to cost little more than that chain of shift, load and
//! add: where a block ends, the table for the next one is chosen by arithmetic, and after four
//! looks the window moves on, however far they led, with bits that were loaded before. For that
//! the data are laid out without stuffed zeros first (see [`stage`](super::stage)).

use super::{
    huffman::{Code, Symbol},
    lookup::{Lookup, LookupPair, Passed, REACH_BITS, ones},
};

/// Looks in a window, at most. Three of them stay within it whatever they find.
const LOOKS: u32 = 4;

/// Coefficients in a block.
pub(super) const BLOCK: u32 = 64;

/// Blocks in a unit: the standard allows ten.
const MOST_BLOCKS: usize = 16;

/// Room for a unit and the blocks that one window may reach beyond it.
const RING: usize = 32;

/// How one block of a unit is coded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Coding<'a> {
    pub(super) dc: &'a Code,
    pub(super) ac: &'a Code,
    pub(super) tables: LookupPair,
}

/// Where a burst stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    /// Bits from the beginning of the data.
    pub(super) bit: usize,
    /// The block in its unit.
    pub(super) slot: u32,
    /// Coefficients of the block that are done.
    pub(super) done: u32,
    /// Blocks that were ended.
    pub(super) blocks: u32,
}

/// Where the bits come from and go to.
#[derive(Debug)]
pub(super) struct Lanes<'a> {
    /// The data, without stuffed zeros.
    pub(super) data: &'a [u8],
    /// As long as the data: gets them with their signs flipped.
    pub(super) flipped: &'a mut [u8],
    /// Of the bits that inversion flips, those that are flipped: all or none.
    pub(super) mask: u64,
}

/// Goes on from `position`, at most to `blocks` ended blocks and as long as sixteen bytes can be
/// read. It also stops, without having touched it, at whatever breaks a rule.
pub(super) fn run(
    lanes: &mut Lanes<'_>,
    lookup: &Lookup,
    unit: &[Coding<'_>],
    mut position: Position,
    blocks: u32,
) -> Position {
    let Some(ring) = Ring::new(unit) else { return position };
    let Some(word) = lanes.word(position.bit >> 3) else { return position };
    let mut window = word << (position.bit & 7);
    let mut base = ring.base(position.slot, position.done > 0);
    let mut carry = 0;
    while position.blocks + LOOKS <= blocks {
        let (byte, offset) = (position.bit >> 3, (position.bit & 7) as u32);
        let (Some(data), Some(ahead)) = (lanes.word(byte), lanes.word(byte + 8)) else { break };
        window |= join(0, ahead, offset);
        let following = ahead << offset;
        let mut looks = Looks::new(base, position);
        let look = |looks: &mut Looks| looks.look(lookup, &ring, window);
        let three = look(&mut looks) && look(&mut looks) && look(&mut looks);
        let _four = three && looks.has_room() && look(&mut looks);
        if looks.passed.bits() == 0 && !looks.single(unit, &ring, window) {
            break;
        }
        base = looks.base;
        let used = looks.used();
        position.done = looks.done;
        position.blocks += looks.block - position.slot;
        position.slot = ring.around(looks.block);
        window = join(window, following, used);
        position.bit += used as usize;
        carry = lanes.flip(byte, data, (looks.flips, offset), (carry, (offset + used) / 8));
    }
    position.slot %= unit.len() as u32;
    position
}

/// The looks in one window.
struct Looks {
    passed: Passed,
    flips: u64,
    /// The table of the next look.
    base: u32,
    /// Coefficients of the block that are done.
    done: u32,
    /// The block on the ring.
    block: u32,
}

impl Looks {
    #[inline]
    fn new(base: u32, position: Position) -> Self {
        let Position { done, slot: block, .. } = position;
        Self { passed: Passed::default(), flips: 0, base, done, block }
    }

    /// Takes the next stretch; `false`, and nothing is taken, where there is none that is sure:
    /// at long codes, and in blocks that end within the stretch or without a mark.
    #[inline]
    fn look(&mut self, lookup: &Lookup, ring: &Ring, window: u64) -> bool {
        let stretch = lookup.get(self.base, self.passed.shift_left(window));
        let after = self.done + stretch.advance();
        if after > BLOCK {
            return false;
        }
        self.flips |= self.passed.shift_right(stretch.flips());
        self.passed.add(stretch);
        let ends = stretch.ends();
        self.base = ring.next(self.block, ends);
        self.block += ends;
        // Nothing of the next block is done.
        self.done = (after - 1) & ends.wrapping_sub(1);
        true
    }

    /// Whether a stretch of any length is known whole, with a bit to spare: not all 64 are ever
    /// passed at once.
    #[inline]
    fn has_room(&self) -> bool {
        self.passed.bits() < u64::BITS - REACH_BITS
    }

    /// Takes one symbol, however long; whether there is one.
    #[cold]
    fn single(&mut self, unit: &[Coding<'_>], ring: &Ring, window: u64) -> bool {
        let coding = unit.get(self.block as usize % unit.len());
        let Some(one) = coding.and_then(|coding| One::find(coding, window, self.done)) else {
            return false;
        };
        let ends = u32::from(one.ends);
        (self.flips, self.base) = (one.flips, ring.next(self.block, ends));
        self.passed = Passed::of(one.bits);
        self.block += ends;
        self.done = if one.ends { 0 } else { one.after };
        true
    }

    #[inline]
    fn used(&self) -> u32 {
        self.passed.bits()
    }
}

/// The word that begins `by` bits, at most 63, into two words.
#[inline]
fn join(first: u64, second: u64, by: u32) -> u64 {
    first << by | second >> 1 >> (63 - by)
}

impl Lanes<'_> {
    #[inline]
    fn word(&self, byte: usize) -> Option<u64> {
        let bytes = self.data.get(byte..)?.first_chunk()?;
        Some(u64::from_be_bytes(*bytes))
    }

    /// Puts `data` back with the bits flipped that are set in `flips`, which begin at `offset`, and in
    /// `carry`; returns what is to be flipped in the byte that the next window begins in, so many
    /// whole bytes on.
    #[inline]
    fn flip(
        &mut self,
        byte: usize,
        data: u64,
        (flips, offset): (u64, u32),
        (carry, whole): (u64, u32),
    ) -> u64 {
        let flips = flips & self.mask;
        let (here, beyond) = (flips >> offset | carry, flips << 1 << (63 - offset));
        if let Some(flipped) = self.flipped.get_mut(byte..byte + 8) {
            flipped.copy_from_slice(&(data ^ here).to_be_bytes());
        }
        here.checked_shl(8 * whole).unwrap_or(beyond) & ones(8)
    }
}

/// The tables of the blocks of a unit, over and over.
struct Ring {
    /// For each block that for the rest of it, and above it that for the beginning of the next: so
    /// one load and one shift give either.
    bases: [u64; RING],
    /// Blocks after which it begins again: whole units, and no fewer than a window may end.
    period: u32,
}

impl Ring {
    /// `None` for units that are larger than the standard allows.
    fn new(unit: &[Coding<'_>]) -> Option<Self> {
        if unit.is_empty() || unit.len() > MOST_BLOCKS {
            return None;
        }
        let mut bases = [0; RING];
        let (own, next) = (unit.iter().cycle(), unit.iter().cycle().skip(1));
        for (base, (own, next)) in bases.iter_mut().zip(own.zip(next)) {
            *base = u64::from(own.tables.within) | u64::from(next.tables.at_start) << 32;
        }
        let length = unit.len() as u32;
        Some(Self { bases, period: length * LOOKS.div_ceil(length) })
    }

    /// The table for a block that is begun or not.
    fn base(&self, block: u32, is_begun: bool) -> u32 {
        let before = if block == 0 { self.period - 1 } else { block - 1 };
        if is_begun { self.next(block, 0) } else { self.next(before, 1) }
    }

    /// The table after a stretch of this block that ends it (1) or not (0).
    #[inline]
    fn next(&self, block: u32, ends: u32) -> u32 {
        let pair = self.bases.get(block as usize % RING).copied().unwrap_or_default();
        pair.wrapping_shr(ends * 32) as u32
    }

    /// The same place on the ring, the first time round.
    #[inline]
    fn around(&self, block: u32) -> u32 {
        if block >= self.period { block - self.period } else { block }
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
    fn blocks(unit: &[Coding<'_>], count: usize, mut seed: u64) -> Bits {
        let mut bits = Bits::default();
        let mut chance = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            seed ^ seed << 29
        };
        for coding in unit.iter().cycle().take(count) {
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

    #[test]
    fn every_block_is_found_and_every_value_flipped() {
        let luma = (code(&[3, 0, 5, 9, 11, 1]), code(&[0x00, 0x01, 0x0f, 0x0e, 0x31, 0xf0, 0x0d]));
        let chroma =
            (code(&[0, 5, 3, 11, 9, 1]), code(&[0x00, 0x0e, 0x31, 0x0d, 0xf0, 0x01, 0x0f]));
        let mut lookup = Lookup::default();
        let [luma, chroma] = [&luma, &chroma].map(|(dc, ac)| {
            let tables = lookup.add(dc, ac);
            Coding { dc, ac, tables }
        });
        for unit in [&[luma][..], &[luma, chroma], &[luma, luma, chroma, chroma, luma, luma]] {
            for seed in 0..40 {
                let bits = blocks(unit, 300, seed);
                let mut flipped = vec![0; bits.data.len()];
                let mut lanes = Lanes { data: &bits.data, flipped: &mut flipped, mask: u64::MAX };
                let start = Position { bit: 0, slot: 0, done: 0, blocks: 0 };
                let end = run(&mut lanes, &lookup, unit, start, u32::MAX);
                assert!(end.bit + 16 * 8 >= bits.length, "stopped at {end:?} of {}", bits.length);
                assert_eq!(end.slot, end.blocks % unit.len() as u32);
                let whole = end.bit / 8;
                assert_eq!(flipped[..whole], bits.flipped[..whole], "seed {seed}");
            }
        }
    }

    #[test]
    fn no_more_blocks_are_ended_than_asked_for() {
        let (dc, ac) =
            (code(&[3, 0, 5, 9, 11, 1]), code(&[0x00, 0x0e, 0x0d, 0x01, 0x31, 0xf0, 0x0f]));
        let mut lookup = Lookup::default();
        let tables = lookup.add(&dc, &ac);
        let unit = [Coding { dc: &dc, ac: &ac, tables }];
        let bits = blocks(&unit, 300, 7);
        for most in [0, 3, 4, 5, 20, 21] {
            let mut flipped = vec![0; bits.data.len()];
            let mut lanes = Lanes { data: &bits.data, flipped: &mut flipped, mask: 0 };
            let start = Position { bit: 0, slot: 0, done: 0, blocks: 0 };
            let end = run(&mut lanes, &lookup, &unit, start, most);
            assert!(end.blocks <= most && end.blocks + LOOKS > most, "{end:?} for {most}");
            assert_eq!(flipped[..end.bit / 8], bits.data[..end.bit / 8], "a mask of none");
        }
    }
}
