//! What is left of the copies once the bytes were mapped.

use std::ops::Range;

use super::deflate::{LONGEST, SHORTEST, SHORTEST_RUN, Sequence};

/// What is left of a broken copy is worth its distance only from so many bytes on, and so is another
/// distance that takes many bits.
const LEAST_REST: usize = 8;

/// The longest pixel, in bytes. Distances up to it take a few bits.
const LONGEST_PIXEL: usize = 8;

/// Where the bytes of a broken copy may be found as well.
#[derive(Debug, Clone, Copy)]
pub(super) enum Elsewhere {
    /// In the byte before.
    Byte,
    /// Bytes that repeated the one before repeat the pixel before where alpha stays and colours do
    /// not; where a row begins, its filter comes between the two, and only the row before is alike.
    Pixel { pixel_bytes: usize, row_bytes: Option<usize> },
}

impl Elsewhere {
    /// For rows of so many bytes, in a stream whose readers keep `window` bytes.
    pub(super) fn pixel(pixel_bytes: usize, row_bytes: usize, window: usize) -> Self {
        let row_bytes = (LONGEST_PIXEL < row_bytes && row_bytes <= window).then_some(row_bytes);
        Self::Pixel { pixel_bytes, row_bytes }
    }

    /// The sequences for `bytes` from `start` to `end`, given those that were right before they were
    /// mapped: copies are kept as far as they are copies still, and where one broke, repeated bytes
    /// become copies.
    pub(super) fn mend(
        self,
        bytes: &[u8],
        start: usize,
        end: usize,
        old: &[Sequence],
        mended: &mut Vec<Sequence>,
    ) {
        mended.clear();
        // The loops are compiled for each number of distances, which makes one as fast as no array.
        let literals_from = match self {
            Self::Byte => mend([1], bytes, start..end, old, mended),
            Self::Pixel { pixel_bytes, row_bytes: None } => {
                mend([1, pixel_bytes], bytes, start..end, old, mended)
            }
            Self::Pixel { pixel_bytes, row_bytes: Some(row_bytes) } => {
                mend([1, pixel_bytes, row_bytes], bytes, start..end, old, mended)
            }
        };
        mended.push(Sequence::only_literals(end - literals_from));
    }
}

/// Gives where the literals behind the last copy begin.
fn mend<const N: usize>(
    distances: [usize; N],
    bytes: &[u8],
    range: Range<usize>,
    old: &[Sequence],
    mended: &mut Vec<Sequence>,
) -> usize {
    let Range { start: mut at, end } = range;
    let mut literals_from = at;
    for sequence in old {
        let from = (at + sequence.literals as usize).min(end);
        let to = (from + usize::from(sequence.length)).min(end);
        at = to;
        // A copy made anew may have taken the first of its bytes.
        let from = from.max(literals_from);
        let Some(length) = to.checked_sub(from) else { continue };
        let same = equal(bytes, from, sequence.distance.into(), length);
        let mut broken = from;
        if same >= LEAST_REST || same == length && length >= SHORTEST {
            let literals = (from - literals_from) as u32;
            mended.push(Sequence { literals, length: same as u16, distance: sequence.distance });
            broken = from + same;
            literals_from = broken;
        }
        if broken < to {
            // The byte before seldom goes on beyond its copy; pixels do, as all copies of them broke.
            let reach = if N > 1 { end } else { to };
            let broken = broken..to;
            literals_from = copy_anew(distances, bytes, literals_from, broken, reach, mended);
        }
    }
    literals_from
}

/// Makes copies that begin in `range` and end before `reach`, where bytes repeat those at one of the
/// `distances`, and gives where literals, which begin at `literals_from` before it, begin behind the
/// last.
fn copy_anew<const N: usize>(
    distances: [usize; N],
    bytes: &[u8],
    mut literals_from: usize,
    range: Range<usize>,
    reach: usize,
    mended: &mut Vec<Sequence>,
) -> usize {
    let Range { start: mut at, end: to } = range;
    let mut next = [0; N];
    loop {
        for (next, distance) in next.iter_mut().zip(distances) {
            if *next <= at {
                *next = next_repeat(bytes, at.max(distance), to, distance);
            }
        }
        at = next.iter().copied().min().unwrap_or(to);
        if at >= to || at + SHORTEST_RUN > reach {
            return literals_from;
        }
        let (length, distance) = longest(distances, bytes, at, (reach - at).min(LONGEST));
        if length > 0 {
            let (literals, distance) = ((at - literals_from) as u32, distance as u16);
            mended.push(Sequence { literals, length: length as u16, distance });
            literals_from = at + length;
        }
        at += length.max(1);
    }
}

/// The longest copy at `at` that is worth its distance, and this; nothing if there is none.
#[inline(always)]
fn longest<const N: usize>(
    distances: [usize; N],
    bytes: &[u8],
    at: usize,
    most: usize,
) -> (usize, usize) {
    let mut best = (0, 0);
    for distance in distances.into_iter().filter(|&distance| distance <= at) {
        let length = equal(bytes, at, distance, most);
        let is_near = distance <= LONGEST_PIXEL;
        let least = if is_near { SHORTEST_RUN.max(best.0 + 1) } else { best.0 + LEAST_REST };
        if length >= least {
            best = (length, distance);
        }
    }
    best
}

/// Where from `at` on five bytes repeat those `distance` before; `to` or beyond if nowhere before, and
/// at the very end of `bytes` perhaps too early.
#[inline(always)]
fn next_repeat(bytes: &[u8], mut at: usize, to: usize, distance: usize) -> usize {
    const MIDDLE: u64 = 0xff_ff00_0000;
    let word = |at: usize| {
        let bytes = bytes.get(at..).and_then(<[u8]>::first_chunk);
        bytes.map(|bytes| u64::from_le_bytes(*bytes))
    };
    while at < to
        && let (Some(later), Some(earlier)) = (word(at), word(at - distance))
    {
        let differ = later ^ earlier;
        // Five of eight bytes in a row always are the middle ones too.
        if differ & MIDDLE == 0 {
            let five = differ | differ >> 8 | differ >> 16 | differ >> 24 | differ >> 32;
            let zeros = five.wrapping_sub(0x0101_0101) & !five & 0x8080_8080;
            if zeros != 0 {
                return at + zeros.trailing_zeros() as usize / 8;
            }
        }
        at += 4;
    }
    at
}

/// How many of the `length` bytes at `at` are the same as those `distance` before.
#[inline(always)]
fn equal(bytes: &[u8], at: usize, distance: usize, length: usize) -> usize {
    let (later, earlier) = (bytes.get(at..), bytes.get(at.saturating_sub(distance)..));
    let (later, earlier) = (later.unwrap_or_default(), earlier.unwrap_or_default());
    let mut same = 0;
    while same < length {
        let word = |bytes: &[u8]| {
            bytes.get(same..).and_then(<[u8]>::first_chunk).map(|word| u64::from_le_bytes(*word))
        };
        let (Some(later), Some(earlier)) = (word(later), word(earlier)) else {
            let pairs = later.iter().zip(earlier).take(length).skip(same);
            return same + pairs.take_while(|(a, b)| a == b).count();
        };
        let difference = later ^ earlier;
        if difference != 0 {
            return (same + difference.trailing_zeros() as usize / 8).min(length);
        }
        same += 8;
    }
    length
}
