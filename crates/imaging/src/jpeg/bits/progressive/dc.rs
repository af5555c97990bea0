//! The DC scans of a progressive picture.
//!
//! The first of them gives the upper bits of each coefficient and others one more bit each. A
//! shift that is smaller than the first scan's steps has to carry from the lower bits into the
//! upper ones, so all of them are read before any is written.

use std::sync::Arc;

use super::planes::{Order, Place, Plane};
use crate::jpeg::bits::{
    difference,
    huffman::{Code, MOST_SYMBOLS},
    pipe::{Halt, Pipe, Sink},
    scan::Header,
};

/// Sizes of differences in JPEGs of eight bits: 0 to 11.
const SIZES: usize = 12;

/// Reads the coefficients of a scan whose data begin at `position`.
pub(super) fn read(
    header: &Header,
    order: &Order,
    codes: &[Arc<Code>],
    interval: usize,
    (data, position): (&[u8], usize),
    planes: &mut [Plane],
) -> Result<(), Halt> {
    let (mut pipe, mut nowhere) = (Pipe::new(position), Vec::new());
    let mut predictions = vec![0i32; header.components.len()];
    let bit = header.bits.1;
    order.units(|number, places| {
        if let Some(number) = due_restart(number, interval) {
            pipe.restart(data, &mut nowhere, number)?;
            predictions.fill(0);
        }
        nowhere.clear();
        for place in places {
            pipe.fill(data, &mut nowhere);
            let value = if header.bits.0 == 0 {
                let (Some(code), Some(prediction)) =
                    (codes.get(place.slot), predictions.get_mut(place.slot))
                else {
                    continue;
                };
                let (length, difference) = difference::read(&pipe, code)?;
                pipe.pass(length, 0);
                *prediction += difference;
                *prediction << bit
            } else {
                if pipe.left() == 0 {
                    return Err(pipe.shortage());
                }
                let value = ((pipe.peek() >> 63) as i32) << bit;
                pipe.pass(1, 0);
                value
            };
            let plane = header.components.get(place.slot).and_then(|s| planes.get_mut(s.place));
            if let Some(dc) = plane.and_then(|plane| plane.dc.get_mut(place.block)) {
                let value = i16::try_from(value);
                let value = value
                    .map_err(|_| Halt::Broken("a coefficient is larger than eight bits allow"))?;
                // Should a scan come again, it counts in the place of the one before.
                *dc = if header.bits.0 == 0 { value } else { *dc & !(1 << bit) | value };
            }
        }
        Ok(())
    })
}

/// Writes the data of a scan of differences; `None` if one of them has no code.
pub(super) fn write_differences(
    header: &Header,
    order: &Order,
    codes: &[Arc<Code>],
    interval: usize,
    planes: &[Plane],
) -> Option<Vec<u8>> {
    let (mut sink, mut out) = (Sink::default(), Vec::new());
    each_difference(header, order, interval, planes, |step| {
        match step {
            Step::Restart(number) => restart(number, &mut sink, &mut out),
            Step::Difference { slot, difference } => {
                let (bits, count) = difference::written(codes.get(slot)?, difference)?;
                sink.put(bits, count, &mut out);
            }
        }
        Some(())
    })?;
    sink.align(true, &mut out);
    Some(out)
}

/// How often each size of difference occurs in a scan, and once more for each that could: so the
/// table made from it also serves when the picture is inverted back. `None` if one is too large.
pub(super) fn size_frequencies(
    header: &Header,
    order: &Order,
    interval: usize,
    planes: &[Plane],
) -> Option<[u32; MOST_SYMBOLS]> {
    let mut frequencies = [0; MOST_SYMBOLS];
    frequencies.iter_mut().take(SIZES).for_each(|frequency| *frequency = 1);
    each_difference(header, order, interval, planes, |step| {
        if let Step::Difference { difference, .. } = step {
            *frequencies.get_mut(difference::size(difference) as usize)? += 1;
        }
        Some(())
    })?;
    Some(frequencies)
}

enum Step {
    /// A restart, counted from 1.
    Restart(usize),
    Difference {
        slot: usize,
        difference: i32,
    },
}

fn each_difference(
    header: &Header,
    order: &Order,
    interval: usize,
    planes: &[Plane],
    mut take: impl FnMut(Step) -> Option<()>,
) -> Option<()> {
    let mut predictions = vec![0i32; header.components.len()];
    let done = order.units(|number, places| {
        if let Some(restart) = due_restart(number, interval) {
            predictions.fill(0);
            take(Step::Restart(restart)).ok_or(())?;
        }
        for Place { slot, block } in places {
            let value = upper_bits(header, planes, slot, block).ok_or(())?;
            let prediction = predictions.get_mut(slot).ok_or(())?;
            take(Step::Difference { slot, difference: value - *prediction }).ok_or(())?;
            *prediction = value;
        }
        Ok::<(), ()>(())
    });
    done.ok()
}

/// Writes the data of a scan of one more bit for each coefficient.
pub(super) fn write_bits(
    header: &Header,
    order: &Order,
    interval: usize,
    planes: &[Plane],
) -> Vec<u8> {
    let (mut sink, mut out) = (Sink::default(), Vec::new());
    // Nothing in it can fail.
    let _: Result<(), std::convert::Infallible> = order.units(|number, places| {
        if let Some(number) = due_restart(number, interval) {
            restart(number, &mut sink, &mut out);
        }
        for place in places {
            let value = upper_bits(header, planes, place.slot, place.block).unwrap_or(0);
            sink.put((value as u64) << 63, 1, &mut out);
        }
        Ok(())
    });
    sink.align(true, &mut out);
    out
}

/// The bits of a coefficient from the scan's own one up.
fn upper_bits(header: &Header, planes: &[Plane], slot: usize, block: usize) -> Option<i32> {
    let plane = planes.get(header.components.get(slot)?.place)?;
    Some(i32::from(*plane.dc.get(block)?) >> header.bits.1)
}

/// The number, counted from 1, of the restart before unit `number`, if there is one.
pub(super) fn due_restart(number: usize, interval: usize) -> Option<usize> {
    let is_due = number > 0 && interval > 0 && number.is_multiple_of(interval);
    is_due.then(|| number / interval)
}

fn restart(number: usize, sink: &mut Sink, out: &mut Vec<u8>) {
    sink.align(true, out);
    out.extend([0xff, 0xd0 + ((number - 1) % 8) as u8]);
}
