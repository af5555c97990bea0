//! DC scans that give all bits of their coefficients.
//!
//! These go by bits like those of a sequential picture: only the first difference of each interval
//! brings the shift in and is written anew.

use std::sync::Arc;

use super::{
    ac::First,
    dc,
    interval::{Flipper, Interval, word},
    planes::Order,
    stretch::{Lookup, Rules},
};
use crate::jpeg::bits::{difference, huffman::Code, lookup::ones, pipe::Halt, sink::Sink};

const RULES: Rules = Rules { is_dc: true, keeps_history: false, places: 1 };

/// A scan whose data begin at a position.
#[derive(Debug)]
pub(super) struct Plain<'a> {
    pub(super) order: &'a Order,
    pub(super) codes: &'a [Arc<Code>],
    /// How far the coefficients of each component are lowered.
    pub(super) shifts: &'a [i32],
    pub(super) restarts: usize,
    /// Of the bits that inversion flips, those that are flipped: all or none.
    pub(super) mask: u64,
}

impl Plain<'_> {
    /// Carries the scan over and gives where its data end; `None` if there is no code for a shifted
    /// difference.
    pub(super) fn carry(
        &self,
        interval: &mut Interval,
        (data, position, bytes): (&[u8], usize, usize),
        out: &mut Vec<u8>,
    ) -> Result<Option<usize>, Halt> {
        let lookup = self.single(bytes);
        let (mut begin, mut left) = (position, self.order.across * self.order.down);
        for number in 1.. {
            interval.read(data, begin);
            let count = if self.restarts == 0 { left } else { self.restarts.min(left) };
            let mut sink = Sink::default();
            let Some(from) = self.first_unit(interval, &mut sink, out)? else { return Ok(None) };
            let units = count.saturating_sub(1);
            let to = match &lookup {
                Some(first) => first.carry(interval, from, units, &mut [])?,
                None => self.units(interval, from, units)?,
            };
            interval.write_part((from, to), &mut sink, out);
            left -= count;
            if left == 0 {
                break;
            }
            let restart = interval.restart(data, number)?;
            begin = restart.end;
            out.extend(data.get(restart).unwrap_or_default());
        }
        Ok(Some(interval.end()))
    }

    /// The fast way, for scans of one component.
    fn single(&self, bytes: usize) -> Option<First<'_>> {
        let [code] = self.codes else { return None };
        let lookup = Lookup::new(code, RULES, bytes);
        Some(First { code, rules: RULES, lookup, place: 0, mask: self.mask })
    }

    /// Writes the first unit of an interval with its shifts.
    fn first_unit(
        &self,
        interval: &Interval,
        sink: &mut Sink,
        out: &mut Vec<u8>,
    ) -> Result<Option<usize>, Halt> {
        let (mut bit, mut shifts) = (0, self.shifts.to_vec());
        for slot in self.order.slots() {
            let (Some(code), Some(shift)) = (self.codes.get(slot), shifts.get_mut(slot)) else {
                continue;
            };
            let window = interval.window(bit);
            let before = bit;
            let difference = dc::next_difference(interval, &mut bit, code)?;
            let count = (bit - before) as u32;
            let shift = std::mem::take(shift);
            if shift == 0 {
                let flips = ones(count) & !ones(count - difference::size(difference)) & self.mask;
                sink.put(window ^ flips, count, out);
            } else {
                let Some((bits, count)) = difference::written(code, -difference - shift) else {
                    return Ok(None);
                };
                sink.put(bits, count, out);
            }
        }
        interval.check_end(bit)?;
        Ok(Some(bit))
    }

    /// Carries units of several components over.
    fn units(&self, interval: &mut Interval, from: usize, units: usize) -> Result<usize, Halt> {
        let slots = self.order.slots().map(|slot| self.codes.get(slot));
        let codes: Vec<&Code> = slots.flatten().map(Arc::as_ref).collect();
        let mut flipper = Flipper::new(self.mask, from);
        for _ in 0..units {
            for code in &codes {
                let mut bit = flipper.bit;
                let difference = dc::next_difference(interval, &mut bit, code)?;
                let count = (bit - flipper.bit) as u32;
                let flips = ones(count) & !ones(count - difference::size(difference));
                let (data, flipped) = interval.lanes();
                let here = word(data, flipper.bit >> 3).unwrap_or(0);
                flipper.pass((here, flipped), count, flips);
            }
        }
        interval.check_end(flipper.bit)?;
        flipper.finish(interval.lanes());
        Ok(flipper.bit)
    }
}
