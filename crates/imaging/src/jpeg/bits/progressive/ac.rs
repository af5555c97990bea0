//! The AC scans of a progressive picture, each of one component.
//!
//! A first scan gives the upper bits of each coefficient, as in a sequential picture: sizes and
//! amplitudes, which are flipped. A refinement gives the sign of each coefficient that is no
//! longer zero, which is flipped, and one more bit of the magnitude of each that was not zero
//! before, which is not. To tell them apart takes one bit of history for each coefficient.

use crate::jpeg::bits::{
    difference,
    huffman::Code,
    lookup::ones,
    pipe::{Halt, Pipe},
};

/// The scan's part of each block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Band {
    pub(super) first: u32,
    pub(super) last: u32,
}

const TOO_MANY: Halt = Halt::Broken("a block has more coefficients than its scan");

/// Carries one scan over, block by block.
#[derive(Debug)]
pub(super) struct Carrier<'a> {
    pub(super) code: &'a Code,
    pub(super) band: Band,
    /// Of the bits that inversion flips, those that are flipped: all or none.
    pub(super) mask: u64,
    /// Blocks, this one included, that have no further coefficients.
    pub(super) empty_blocks: u32,
}

impl Carrier<'_> {
    pub(super) fn first(
        &mut self,
        pipe: &mut Pipe,
        (data, out): (&[u8], &mut Vec<u8>),
        history: &mut u64,
    ) -> Result<(), Halt> {
        if self.empty_blocks > 0 {
            self.empty_blocks -= 1;
            return Ok(());
        }
        let mut at = self.band.first;
        while at <= self.band.last {
            pipe.fill(data, out);
            let symbol = self.code.symbol(pipe.peek()).ok_or_else(|| difference::no_code(pipe))?;
            let (run, size) = (u32::from(symbol.value >> 4), u32::from(symbol.value & 15));
            if size == 0 && run < 15 {
                self.empty_blocks = pass_run(pipe, symbol.length, run)? - 1;
                return Ok(());
            }
            check(pipe, symbol.length + size)?;
            pipe.pass(symbol.length + size, (ones(size) >> symbol.length) & self.mask);
            at += run;
            if at > self.band.last {
                return Err(TOO_MANY);
            }
            *history |= u64::from(size > 0) << at;
            at += 1;
        }
        Ok(())
    }

    pub(super) fn refinement(
        &mut self,
        pipe: &mut Pipe,
        (data, out): (&[u8], &mut Vec<u8>),
        history: &mut u64,
    ) -> Result<(), Halt> {
        let mut at = self.band.first;
        // Places of the band, up to its last.
        let band = u64::MAX >> (63 - self.band.last);
        while self.empty_blocks == 0 && at <= self.band.last {
            pipe.fill(data, out);
            let symbol = self.code.symbol(pipe.peek()).ok_or_else(|| difference::no_code(pipe))?;
            let (run, size) = (u32::from(symbol.value >> 4), u32::from(symbol.value & 15));
            if size == 0 && run < 15 {
                self.empty_blocks = pass_run(pipe, symbol.length, run)?;
                break;
            }
            if size > 1 {
                return Err(Halt::Broken("a refinement brings more than one bit"));
            }
            check(pipe, symbol.length + size)?;
            pipe.pass(symbol.length + size, (ones(size) >> symbol.length) & self.mask);
            let rest = band & (u64::MAX << at);
            let end = nth_one(!*history & rest, run);
            let known = *history & rest & !u64::MAX.checked_shl(end).unwrap_or(0);
            pass_corrections(pipe, (data, out), known.count_ones())?;
            if size > 0 {
                if end > self.band.last {
                    return Err(TOO_MANY);
                }
                *history |= 1 << end;
            }
            at = end + 1;
        }
        if self.empty_blocks > 0 {
            self.empty_blocks -= 1;
            let rest = u64::MAX.checked_shl(at).unwrap_or(0) & band;
            pass_corrections(pipe, (data, out), (*history & rest).count_ones())?;
        }
        Ok(())
    }
}

/// The place of the one that has `before` others below it; 64 if there are fewer.
fn nth_one(mut bits: u64, before: u32) -> u32 {
    for _ in 0..before {
        bits &= bits.wrapping_sub(1);
    }
    bits.trailing_zeros()
}

/// Passes the mark of a run of blocks without further coefficients and returns how many.
fn pass_run(pipe: &mut Pipe, length: u32, size: u32) -> Result<u32, Halt> {
    check(pipe, length + size)?;
    let extra = ((pipe.peek() << length) & ones(size)).rotate_left(size) as u32;
    pipe.pass(length + size, 0);
    Ok((1 << size) + extra)
}

fn pass_corrections(
    pipe: &mut Pipe,
    (data, out): (&[u8], &mut Vec<u8>),
    mut count: u32,
) -> Result<(), Halt> {
    while count > 0 {
        pipe.fill(data, out);
        let step = count.min(pipe.left());
        if step == 0 {
            return Err(pipe.shortage());
        }
        pipe.pass(step, 0);
        count -= step;
    }
    Ok(())
}

fn check(pipe: &Pipe, bits: u32) -> Result<(), Halt> {
    if bits > pipe.left() { Err(pipe.shortage()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nth_one_is_found() {
        assert_eq!(nth_one(0b1011_0100, 0), 2);
        assert_eq!(nth_one(0b1011_0100, 3), 7);
        assert_eq!(nth_one(0b1011_0100, 4), 64);
    }
}
