//! The AC scans of a progressive picture, each of one component.
//!
//! A first scan gives the upper bits of each coefficient, as in a sequential picture: sizes and
//! amplitudes, which are flipped. A refinement gives the sign of each coefficient that is no
//! longer zero, which is flipped, and one more bit of the magnitude of each that was not zero
//! before, which is not. To tell them apart takes one bit of history for each coefficient.

use std::hint::select_unpredictable;

use fearless_simd::{Level, dispatch};

use super::{
    interval::{Flipper, Interval, word},
    stretch::{Lookup, Passed, Rules},
};
use crate::jpeg::bits::{difference, huffman::Code, lookup::ones, pipe::Halt};

/// The scan's part of each block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Band {
    pub(super) first: u32,
    pub(super) last: u32,
}

impl Band {
    /// Places of a block.
    pub(super) fn places(self) -> u32 {
        self.last + 1 - self.first
    }

    /// The places from `at` on.
    fn from(self, at: u32) -> u64 {
        u64::MAX.checked_shl(at).unwrap_or(0) & u64::MAX >> (63 - self.last)
    }
}

const TOO_MANY: &str = "a block has more coefficients than its scan";

/// Looks in a window: they stay within it whatever they find.
const LOOKS: usize = 3;

/// Carries a first scan over, interval by interval.
#[derive(Debug)]
pub(super) struct First<'a> {
    pub(super) code: &'a Code,
    pub(super) rules: Rules,
    pub(super) lookup: Lookup,
    /// The first coefficient of each block.
    pub(super) place: u32,
    /// Of the bits that inversion flips, those that are flipped: all or none.
    pub(super) mask: u64,
}

/// Where a first scan is, and what is known of its blocks.
#[derive(Debug)]
struct Place<'a> {
    flipper: Flipper,
    block: usize,
    /// How many blocks there are.
    blocks: usize,
    /// Places of the block that are done.
    done: u32,
    /// What is kept for refinements, if it is.
    history: &'a mut [u64],
}

impl First<'_> {
    /// Carries so many blocks of an interval over, from bit `from` on, and gives where they end.
    pub(super) fn carry(
        &self,
        interval: &mut Interval,
        from: usize,
        blocks: usize,
        history: &mut [u64],
    ) -> Result<usize, Halt> {
        let flipper = Flipper::new(self.mask, from);
        let mut place = Place { flipper, block: 0, blocks, done: 0, history };
        // For the shifts of newer processors, as in the bursts of sequential scans.
        let level = Level::new();
        while place.block < blocks {
            let lanes = interval.lanes();
            if self.rules.keeps_history {
                dispatch!(level, _ => self.burst::<true>(lanes, &mut place));
            } else {
                dispatch!(level, _ => self.burst::<false>(lanes, &mut place));
            }
            if place.block < blocks {
                self.symbol(interval, &mut place)?;
            }
        }
        interval.check_end(place.flipper.bit)?;
        place.flipper.finish(interval.lanes());
        Ok(place.flipper.bit)
    }

    /// Goes on fast, to the end or to what has to be looked at closely.
    #[inline(always)]
    fn burst<const KEEPS_HISTORY: bool>(
        &self,
        (data, flipped): (&[u8], &mut [u8]),
        place: &mut Place<'_>,
    ) {
        let length = self.rules.places;
        let Place { flipper, block, blocks, done, history } = place;
        while *block < *blocks {
            let Some(here) = word(data, flipper.bit >> 3) else { break };
            let window = here << (flipper.bit & 7);
            let (mut passed, mut flips) = (Passed::default(), 0);
            for _ in 0..LOOKS {
                let [whole, first] = self.lookup.get(passed.shift_left(window));
                // What follows on the last block is no data.
                let is_over =
                    *done + whole.advance() > length || *block + whole.blocks() as usize >= *blocks;
                let stretch = if is_over { first } else { whole };
                let after = *done + stretch.advance();
                if after > length || *block >= *blocks {
                    break;
                }
                flips |= passed.shift_right(stretch.flips());
                passed.add(stretch);
                if let Some(nonzero) = history.get_mut(*block).filter(|_| KEEPS_HISTORY) {
                    *nonzero |= stretch.pattern() << (self.place + *done);
                }
                // A block that is full ends without a mark.
                let ended = stretch.blocks().max(u32::from(after == length));
                let begun = if KEEPS_HISTORY { 0 } else { stretch.begun() };
                *block += ended as usize;
                *done = if ended > 0 { begun } else { after };
            }
            if passed.bits() == 0 {
                break;
            }
            flipper.pass((here, &mut *flipped), passed.bits(), flips);
        }
    }

    /// Takes one symbol, however long.
    fn symbol(&self, interval: &mut Interval, place: &mut Place<'_>) -> Result<(), Halt> {
        let bit = place.flipper.bit;
        let window = interval.window(bit);
        let symbol = self.code.symbol(window).ok_or_else(|| interval.no_code(bit))?;
        let (run, size) = self.rules.parts(symbol.value);
        if size > difference::LARGEST_SIZE && self.rules.is_dc {
            return Err(interval.broken(bit + symbol.length as usize, difference::TOO_LARGE));
        }
        let is_end = self.rules.is_end((run, size));
        let count = symbol.length + if is_end { run } else { size };
        interval.check_end(bit + count as usize)?;
        if is_end {
            place.block += blocks(window << symbol.length, run);
            place.done = 0;
        } else {
            place.take(run + 1, size > 0, self)?;
        }
        let flips = if is_end { 0 } else { ones(size) >> symbol.length };
        let (data, flipped) = interval.lanes();
        let here = word(data, bit >> 3).unwrap_or(0);
        place.flipper.pass((here, flipped), count, flips);
        Ok(())
    }
}

impl Place<'_> {
    /// Takes places of the block, of which the last may be something else than zero.
    fn take(&mut self, places: u32, is_nonzero: bool, scan: &First<'_>) -> Result<(), Halt> {
        self.done += places;
        if self.done > scan.rules.places {
            return Err(Halt::Broken(TOO_MANY));
        }
        if let Some(nonzero) = self.history.get_mut(self.block) {
            *nonzero |= u64::from(is_nonzero) << (scan.place + self.done - 1);
        }
        if self.done == scan.rules.places {
            (self.block, self.done) = (self.block + 1, 0);
        }
        Ok(())
    }
}

/// How many blocks have no further coefficients, by a mark with so many bits behind it.
fn blocks(bits: u64, size: u32) -> usize {
    (1 << size) + (bits & ones(size)).rotate_left(size) as usize
}

/// Carries a refinement over, interval by interval.
#[derive(Debug)]
pub(super) struct Refinement<'a> {
    pub(super) code: &'a Code,
    pub(super) band: Band,
    /// Whether signs are flipped.
    pub(super) flips: bool,
}

impl Refinement<'_> {
    /// Carries the blocks of an interval over, whose history is `history`.
    ///
    /// Only signs change, so the rest is copied, and correction bits need only be counted.
    pub(super) fn carry(&self, interval: &mut Interval, history: &mut [u64]) -> Result<(), Halt> {
        interval.copy();
        // For the counting of ones on newer processors.
        dispatch!(Level::new(), _ => self.go_through(interval, history))
    }

    #[inline(always)]
    fn go_through(&self, interval: &mut Interval, history: &mut [u64]) -> Result<(), Halt> {
        let (mut bit, mut blocks) = (0, history.iter_mut());
        while let Some(nonzero) = blocks.next() {
            let (at, empty) = self.block(interval, &mut bit, nonzero)?;
            if empty > 0 {
                bit += (*nonzero & self.band.from(at)).count_ones() as usize;
                let all = self.band.from(self.band.first);
                let rest = blocks.by_ref().take(empty - 1);
                bit += rest.map(|nonzero| (*nonzero & all).count_ones() as usize).sum::<usize>();
            }
        }
        interval.check_end(bit)
    }

    /// Goes through a block up to its end or to the mark of one; gives the place, and how many
    /// blocks have nothing but corrections from there.
    #[inline(always)]
    fn block(
        &self,
        interval: &mut Interval,
        bit: &mut usize,
        nonzero: &mut u64,
    ) -> Result<(u32, usize), Halt> {
        let mut at = self.band.first;
        while at <= self.band.last {
            let window = interval.window(*bit);
            let symbol = self.code.symbol(window).ok_or_else(|| interval.no_code(*bit))?;
            let (run, size) = (u32::from(symbol.value >> 4), u32::from(symbol.value & 15));
            *bit += symbol.length as usize;
            if size == 0 && run < 15 {
                *bit += run as usize;
                return Ok((at, blocks(window << symbol.length, run)));
            }
            if size > 1 {
                return Err(interval.broken(*bit, "a refinement brings more than one bit"));
            }
            let rest = self.band.from(at);
            let end = nth_one(!*nonzero & rest, run);
            if size > 0 && self.flips {
                interval.flip(*bit);
            }
            *bit += size as usize;
            *bit +=
                (*nonzero & rest & !u64::MAX.checked_shl(end).unwrap_or(0)).count_ones() as usize;
            if size > 0 {
                if end > self.band.last {
                    return Err(interval.broken(*bit, TOO_MANY));
                }
                *nonzero |= 1 << end;
            }
            at = end + 1;
        }
        Ok((at, 0))
    }
}

/// Steps that are taken without a branch.
const FEW: u32 = 4;

/// The place of the one that has `before` others below it; 64 if there are fewer.
#[inline]
fn nth_one(mut bits: u64, before: u32) -> u32 {
    // Mostly there are few, and how many is not foreseen.
    for passed in 0..FEW {
        let others = bits & bits.wrapping_sub(1);
        bits = select_unpredictable(passed < before, others, bits);
    }
    for _ in FEW..before {
        bits &= bits.wrapping_sub(1);
    }
    bits.trailing_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nth_one_is_found() {
        assert_eq!(nth_one(0b1011_0100, 0), 2);
        assert_eq!(nth_one(0b1011_0100, 3), 7);
        assert_eq!(nth_one(0b1011_0100, 4), 64);
        assert_eq!([4, 5, 15].map(|before| nth_one(u64::MAX << 3, before)), [7, 8, 18]);
        assert_eq!(nth_one(0, 15), 64);
    }

    #[test]
    fn a_mark_tells_its_blocks() {
        assert_eq!(blocks(u64::MAX, 0), 1);
        assert_eq!(blocks(0b0101 << 60, 4), 16 + 5);
        assert_eq!(blocks(u64::MAX, 14), (1 << 15) - 1);
    }
}
