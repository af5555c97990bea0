//! The DC scans of a progressive picture.
//!
//! The first of them gives the upper bits of each coefficient and others one more bit each. A
//! shift that is smaller than the first scan's steps has to carry from the lower bits into the
//! upper ones, so all of them are read before any is written.

use std::sync::Arc;

use super::{
    interval::Interval,
    planes::{Order, Place, Plane},
};
use crate::jpeg::bits::{
    difference,
    huffman::{Code, MOST_SYMBOLS},
    pipe::Halt,
    scan::Header,
    sink::Sink,
};

/// Sizes of differences in JPEGs of eight bits: 0 to 11.
const SIZES: usize = 12;

const TOO_LARGE: &str = "a coefficient is larger than eight bits allow";

/// A component in a scan.
struct Channel<'a> {
    /// None in scans of one more bit.
    code: Option<&'a Code>,
    prediction: i32,
    dc: Vec<i16>,
}

/// Reads the coefficients of a scan whose data begin at `position`.
pub(super) fn read(
    header: &Header,
    order: &Order,
    codes: &[Arc<Code>],
    restarts: usize,
    (data, position): (&[u8], usize),
    planes: &mut [Plane],
) -> Result<(), Halt> {
    let mut codes = codes.iter();
    let channels = header.components.iter().map(|selected| Channel {
        code: codes.next().map(Arc::as_ref),
        prediction: 0,
        dc: planes
            .get_mut(selected.place)
            .map(|plane| std::mem::take(&mut plane.dc))
            .unwrap_or_default(),
    });
    let mut channels: Vec<Channel<'_>> = channels.collect();
    let outcome = read_units(header.bits.1, order, restarts, (data, position), &mut channels);
    for (selected, channel) in header.components.iter().zip(channels) {
        if let Some(plane) = planes.get_mut(selected.place) {
            plane.dc = channel.dc;
        }
    }
    outcome
}

fn read_units(
    lowest: u8,
    order: &Order,
    restarts: usize,
    (data, position): (&[u8], usize),
    channels: &mut [Channel<'_>],
) -> Result<(), Halt> {
    let mut interval = Interval::default();
    interval.read(data, position);
    let mut bit = 0;
    order.units(|number, places| {
        if let Some(number) = due_restart(number, restarts) {
            interval.check_end(bit)?;
            let restart = interval.restart(data, number)?;
            interval.read(data, restart.end);
            channels.iter_mut().for_each(|channel| channel.prediction = 0);
            bit = 0;
        }
        for place in places {
            let Some(channel) = channels.get_mut(place.slot) else { continue };
            let Some(dc) = channel.dc.get_mut(place.block) else { continue };
            // Should a scan come again, it counts in the place of the one before.
            if let Some(code) = channel.code {
                channel.prediction += next_difference(&interval, &mut bit, code)?;
                let value = i16::try_from(channel.prediction << lowest);
                *dc = value.map_err(|_| interval.broken(bit, TOO_LARGE))?;
            } else {
                *dc = *dc & !(1 << lowest) | i16::from(interval.bit(bit)) << lowest;
                bit += 1;
            }
        }
        Ok(())
    })?;
    interval.check_end(bit)
}

#[inline]
pub(super) fn next_difference(
    interval: &Interval,
    bit: &mut usize,
    code: &Code,
) -> Result<i32, Halt> {
    let window = interval.window(*bit);
    let symbol = code.symbol(window).ok_or_else(|| interval.no_code(*bit))?;
    let size = u32::from(symbol.value);
    *bit += symbol.length as usize;
    if size > difference::LARGEST_SIZE {
        return Err(interval.broken(*bit, difference::TOO_LARGE));
    }
    *bit += size as usize;
    Ok(difference::value(window << symbol.length, size))
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

#[inline]
fn each_difference(
    header: &Header,
    order: &Order,
    interval: usize,
    planes: &[Plane],
    mut take: impl FnMut(Step) -> Option<()>,
) -> Option<()> {
    let lowest = header.bits.1;
    let mut sources: Vec<(i32, &[i16])> =
        coefficients(header, planes).into_iter().map(|dc| (0, dc)).collect();
    let done = order.units(|number, places| {
        if let Some(restart) = due_restart(number, interval) {
            sources.iter_mut().for_each(|(prediction, _)| *prediction = 0);
            take(Step::Restart(restart)).ok_or(())?;
        }
        for &Place { slot, block } in places {
            let (prediction, dc) = sources.get_mut(slot).ok_or(())?;
            let value = i32::from(*dc.get(block).ok_or(())?) >> lowest;
            let difference = value - std::mem::replace(prediction, value);
            take(Step::Difference { slot, difference }).ok_or(())?;
        }
        Ok::<(), ()>(())
    });
    done.ok()
}

/// The coefficients of the components of a scan.
fn coefficients<'a>(header: &Header, planes: &'a [Plane]) -> Vec<&'a [i16]> {
    let planes = header.components.iter().map(|selected| planes.get(selected.place));
    planes.map(|plane| plane.map_or(&[][..], |plane| &plane.dc)).collect()
}

/// Writes the data of a scan of one more bit for each coefficient.
pub(super) fn write_bits(
    header: &Header,
    order: &Order,
    interval: usize,
    planes: &[Plane],
) -> Vec<u8> {
    let (mut sink, mut out) = (Sink::default(), Vec::new());
    let (lowest, sources) = (header.bits.1, coefficients(header, planes));
    // Nothing in it can fail.
    let _: Result<(), std::convert::Infallible> = order.units(|number, places| {
        if let Some(number) = due_restart(number, interval) {
            restart(number, &mut sink, &mut out);
        }
        for place in places {
            let value = sources.get(place.slot).and_then(|dc| dc.get(place.block));
            let value = value.copied().unwrap_or(0) >> lowest;
            sink.put((value as u64) << 63, 1, &mut out);
        }
        Ok(())
    });
    sink.align(true, &mut out);
    out
}

/// The number, counted from 1, of the restart before unit `number`, if there is one.
#[inline]
fn due_restart(number: usize, interval: usize) -> Option<usize> {
    // A division for each unit would be most of the work.
    if interval == 0 || number == 0 {
        return None;
    }
    number.is_multiple_of(interval).then(|| number / interval)
}

fn restart(number: usize, sink: &mut Sink, out: &mut Vec<u8>) {
    sink.align(true, out);
    out.extend([0xff, 0xd0 + ((number - 1) % 8) as u8]);
}
