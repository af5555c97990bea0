//! Rows of samples as they lie in a PNG: filtered, which makes them differences.
//!
//! The inverse of a difference between two samples is its negative. So a filtered row is
//! inverted by negating it, with three exceptions: what was predicted from nothing is a sample
//! itself and is complemented; what was predicted from the average of two samples needs one more
//! where that average was rounded; alpha stays.

use super::chunks::{Colour, Header};
use crate::invert::SampleMap;

const NONE: u8 = 0;
const SUB: u8 = 1;
const UP: u8 = 2;
const AVERAGE: u8 = 3;
const PAETH: u8 = 4;

/// Wider than it has to be, for differences of samples.
type Sample = i16;

/// As many samples as a wide instruction takes: those of a pixel, and behind them others, which do
/// no harm.
type Lanes = [Sample; LANES];
const LANES: usize = 8;

/// Columns and rows at which each pass of an interlaced picture begins, and their distances.
const PASSES: [(u32, u32, u32, u32); 7] = [
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
];

/// The rows of one picture, mapped from first to last.
#[derive(Debug)]
pub(super) struct Rows {
    passes: std::vec::IntoIter<Pass>,
    pass: Pass,
    is_first: bool,
    pixel_bytes: usize,
    /// The bits of a pixel that hold colour and are to be flipped.
    mask: [u8; 8],
    /// The samples of the row before, and room for those of the next and for its differences;
    /// empty as long as no row is predicted from averages.
    above: Vec<Sample>,
    plain: Vec<Sample>,
    coded: Vec<Sample>,
}

/// Why a row could not be mapped.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It needs the samples above it, and these were not restored.
    NoSamples,
    /// It is filtered in a way that does not exist.
    NoSuchFilter,
}

/// Rows of the same length.
#[derive(Debug, Clone, Copy, Default)]
struct Pass {
    row_bytes: usize,
    rows: u32,
}

impl Rows {
    /// Restoring samples takes time, and only rows that are predicted from averages need them.
    pub(super) fn new(header: &Header, map: SampleMap, with_samples: bool) -> Self {
        let passes = passes(header);
        let longest = passes.iter().map(|pass| pass.row_bytes).max().unwrap_or(0);
        let longest = if with_samples { longest + LANES } else { 0 };
        let pixel_bytes = header.pixel_bytes();
        let colour_bytes = match header.colour {
            Colour::GrayAlpha => pixel_bytes / 2,
            Colour::Rgba => pixel_bytes / 4 * 3,
            Colour::Gray | Colour::Rgb | Colour::Indexed => pixel_bytes,
        };
        let mut mask = [0; 8];
        mask.iter_mut().take(colour_bytes).for_each(|byte| *byte = map.mask());
        let [above, plain, coded] = [(); 3].map(|()| vec![0; longest]);
        let (passes, pass) = (passes.into_iter(), Pass::default());
        let mut rows =
            Self { passes, pass, is_first: true, pixel_bytes, mask, above, plain, coded };
        rows.next_pass();
        rows
    }

    /// Bytes of the longest row with its filter, and of all rows.
    pub(super) fn sizes(header: &Header) -> (u64, u64) {
        let lengths = |pass: &Pass| (1 + pass.row_bytes as u64, u64::from(pass.rows));
        let passes = passes(header);
        let longest = passes.iter().map(|pass| lengths(pass).0).max().unwrap_or(0);
        let all = passes.iter().map(|pass| lengths(pass).0 * lengths(pass).1).sum();
        (longest, all)
    }

    /// Bytes of the next row with its filter; `None` after the last.
    pub(super) fn next_length(&self) -> Option<usize> {
        (self.pass.rows > 0).then_some(1 + self.pass.row_bytes)
    }

    /// Maps the next row from `old` to `new`, both as long as [`Self::next_length`] says.
    pub(super) fn map_next(&mut self, old: &[u8], new: &mut [u8]) -> Result<(), Refusal> {
        let (Some((&filter, old)), Some((new_filter, new))) =
            (old.split_first(), new.split_first_mut())
        else {
            return Ok(());
        };
        if filter > PAETH {
            return Err(Refusal::NoSuchFilter);
        }
        if filter == AVERAGE && self.plain.is_empty() {
            return Err(Refusal::NoSamples);
        }
        *new_filter = filter;
        new.copy_from_slice(old);
        match self.pixel_bytes {
            1 => self.map::<1>(filter, old, new),
            2 => self.map::<2>(filter, old, new),
            3 => self.map::<3>(filter, old, new),
            4 => self.map::<4>(filter, old, new),
            6 => self.map::<6>(filter, old, new),
            _ => self.map::<8>(filter, old, new),
        }
        std::mem::swap(&mut self.above, &mut self.plain);
        self.is_first = false;
        self.pass.rows -= 1;
        if self.pass.rows == 0 {
            self.next_pass();
        }
        Ok(())
    }

    fn next_pass(&mut self) {
        self.pass = self.passes.next().unwrap_or_default();
        self.is_first = true;
        self.above.fill(0);
    }

    fn map<const N: usize>(&mut self, filter: u8, old: &[u8], new: &mut [u8]) {
        let mask = self.mask.first_chunk::<N>().copied().unwrap_or([0; N]);
        let length = old.len();
        let restored = (length + LANES).min(self.plain.len());
        let above = self.above.get(..restored).unwrap_or_default();
        let plain = self.plain.get_mut(..restored).unwrap_or_default();
        let coded = self.coded.get_mut(..restored).unwrap_or_default();
        coded.iter_mut().zip(old).for_each(|(to, from)| *to = Sample::from(*from));
        restore::<N>(filter, coded, above, plain);
        let (first, rest) = new.split_at_mut(N.min(length));
        match (filter, self.is_first) {
            (NONE, _) | (UP, true) => complement(new, &mask),
            (SUB, _) | (PAETH, true) => {
                complement(first, &mask);
                negate(rest, &mask);
            }
            (AVERAGE, true) => {
                complement(first, &mask);
                negate_beside_half(rest, &mask);
            }
            (AVERAGE, false) => {
                negate_beside_half(first, &mask);
                negate(rest, &mask);
                let left = plain.get(..rest.len()).unwrap_or_default();
                let above = above.get(N..).unwrap_or_default();
                add_roundings(rest, left, above, &mask);
            }
            _ => negate(new, &mask),
        }
    }
}

/// Makes samples of maximum minus themselves.
fn complement<const N: usize>(bytes: &mut [u8], mask: &[u8; N]) {
    if let Some(mask) = same_for_all(mask) {
        return complement(bytes, &mask);
    }
    for pixel in bytes.as_chunks_mut::<N>().0 {
        pixel.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
    }
}

/// Makes differences of minus themselves.
fn negate<const N: usize>(bytes: &mut [u8], mask: &[u8; N]) {
    if let Some(mask) = same_for_all(mask) {
        return negate(bytes, &mask);
    }
    for pixel in bytes.as_chunks_mut::<N>().0 {
        for (byte, mask) in pixel.iter_mut().zip(mask) {
            *byte = (*byte ^ mask).wrapping_sub(*mask);
        }
    }
}

/// The same where half of one sample was the prediction, since there was no other.
fn negate_beside_half<const N: usize>(bytes: &mut [u8], mask: &[u8; N]) {
    negate(bytes, mask);
    complement(bytes, &mask.map(|mask| mask & 0x80));
}

/// Adds one wherever the average of `left` and `above` was rounded.
fn add_roundings<const N: usize>(
    bytes: &mut [u8],
    left: &[Sample],
    above: &[Sample],
    mask: &[u8; N],
) {
    if let Some(mask) = same_for_all(mask) {
        return add_roundings(bytes, left, above, &mask);
    }
    let pixels = bytes.as_chunks_mut::<N>().0.iter_mut();
    let pairs = left.as_chunks::<N>().0.iter().zip(above.as_chunks::<N>().0);
    for (pixel, (left, above)) in pixels.zip(pairs) {
        for (((byte, left), above), mask) in pixel.iter_mut().zip(left).zip(above).zip(mask) {
            *byte = byte.wrapping_add((left ^ above) as u8 & 1 & mask);
        }
    }
}

/// The mask of a single byte if all bytes of a pixel have the same: bytes in a row compile to wide
/// instructions, pixels of three do not.
fn same_for_all<const N: usize>(mask: &[u8; N]) -> Option<[u8; 1]> {
    let (first, rest) = mask.split_first()?;
    (N > 1 && rest.iter().all(|byte| byte == first)).then_some([*first])
}

/// Adds the predictions to the differences in `coded`, which gives the samples.
fn restore<const N: usize>(filter: u8, coded: &[Sample], above: &[Sample], plain: &mut [Sample]) {
    match filter {
        NONE => plain.copy_from_slice(coded),
        UP => {
            let samples = plain.iter_mut().zip(coded).zip(above);
            samples.for_each(|((sample, coded), above)| *sample = (coded + above) & 0xff);
        }
        SUB => chain::<N>(coded, above, plain, |left, _, _| *left, |left, _, _| left),
        AVERAGE => chain::<N>(
            coded,
            above,
            plain,
            |left, above, _| each(left, above, |left, above| (left + above) >> 1),
            |left, above, _| (left + above) >> 1,
        ),
        _ => chain::<N>(coded, above, plain, nearest, nearest_of_one),
    }
}

/// So many samples of a pixel are restored faster one by one: each result waits for the one to its
/// left, and wide instructions take longer. In 64 bits each, as compilers would pack smaller ones.
const FEW: usize = 3;

/// Restores pixel after pixel by what is predicted from those to the left, above, and above that;
/// `all` and `one` do the same.
#[inline(always)]
fn chain<const N: usize>(
    coded: &[Sample],
    above: &[Sample],
    plain: &mut [Sample],
    all: impl Fn(&Lanes, &Lanes, &Lanes) -> Lanes,
    one: impl Fn(i64, i64, i64) -> i64,
) {
    if N <= FEW {
        return chain_of_few::<N>(coded, above, plain, one);
    }
    let (mut left, mut corner) = (Lanes::default(), Lanes::default());
    let mut at = 0;
    while let (Some(plain), Some(coded), Some(above)) =
        (plain.get_mut(at..).and_then(<[_]>::first_chunk_mut), lanes(coded, at), lanes(above, at))
    {
        let sum = each(coded, &all(&left, above, &corner), |a, b| (a + b) & 0xff);
        *plain = sum;
        (left, corner) = (sum, *above);
        at += N;
    }
}

#[inline(always)]
fn chain_of_few<const N: usize>(
    coded: &[Sample],
    above: &[Sample],
    plain: &mut [Sample],
    predict: impl Fn(i64, i64, i64) -> i64,
) {
    let pixels = plain.as_chunks_mut::<N>().0.iter_mut();
    let sources = coded.as_chunks::<N>().0.iter().zip(above.as_chunks::<N>().0);
    // The pixels to the left and above that.
    let mut before = [(0, 0); N];
    for (pixel, (coded, above)) in pixels.zip(sources) {
        let samples = pixel.iter_mut().zip(&mut before).zip(coded.iter().zip(above));
        for ((sample, (left, corner)), (&coded, &above)) in samples {
            let above = above.into();
            let sum = (i64::from(coded) + predict(*left, above, *corner)) & 0xff;
            *sample = sum as Sample;
            (*left, *corner) = (sum, above);
        }
    }
}

#[inline(always)]
fn lanes(row: &[Sample], at: usize) -> Option<&Lanes> {
    row.get(at..).and_then(<[_]>::first_chunk)
}

#[inline(always)]
fn each(a: &Lanes, b: &Lanes, of: impl Fn(Sample, Sample) -> Sample) -> Lanes {
    let mut result = *a;
    result.iter_mut().zip(b).for_each(|(a, b)| *a = of(*a, *b));
    result
}

/// Paeth's prediction: whichever of left, above and corner is nearest to left + above - corner.
#[inline(always)]
fn nearest(left: &Lanes, above: &Lanes, corner: &Lanes) -> Lanes {
    let (low, high) = (each(left, above, Sample::min), each(left, above, Sample::max));
    // Beyond the larger one the corner is far, and of the two the other is nearer; this is the same
    // as comparing three distances, and shorter.
    let sides = each(left, above, |left, above| left + above);
    let edge = each(corner, &sides, |corner, sides| 3 * corner - sides);
    let is_low = each(&edge, &high, |edge, high| -Sample::from(edge >= high));
    let is_high = each(&edge, &low, |edge, low| -Sample::from(edge <= low));
    let not_high = either(&is_low, &low, corner);
    either(&is_high, &high, &not_high)
}

/// [`nearest`], of one sample.
#[inline(always)]
fn nearest_of_one(left: i64, above: i64, corner: i64) -> i64 {
    let (low, high) = (left.min(above), left.max(above));
    let edge = 3 * corner - (left + above);
    let not_high = if edge >= high { low } else { corner };
    if edge <= low { high } else { not_high }
}

/// Where the mask is set the first, elsewhere the second.
#[inline(always)]
fn either(mask: &Lanes, first: &Lanes, second: &Lanes) -> Lanes {
    let first = each(mask, first, |mask, first| mask & first);
    let second = each(mask, second, |mask, second| !mask & second);
    each(&first, &second, |first, second| first | second)
}

fn passes(header: &Header) -> Vec<Pass> {
    if !header.is_interlaced {
        return vec![Pass { row_bytes: header.bytes_of(header.width), rows: header.height }];
    }
    let passes = PASSES.iter().map(|&(left, top, column_step, row_step)| {
        let columns = header.width.saturating_sub(left).div_ceil(column_step);
        let rows = header.height.saturating_sub(top).div_ceil(row_step);
        Pass { row_bytes: header.bytes_of(columns), rows }
    });
    passes.filter(|pass| pass.row_bytes > 0 && pass.rows > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the specification has it.
    fn paeth(left: u8, above: u8, corner: u8) -> u8 {
        let [a, b, c] = [left, above, corner].map(i32::from);
        let estimate = a + b - c;
        let distance = |to: i32| (estimate - to).abs();
        if distance(a) <= distance(b) && distance(a) <= distance(c) {
            left
        } else if distance(b) <= distance(c) {
            above
        } else {
            corner
        }
    }

    #[test]
    fn the_nearest_is_that_of_the_specification() {
        let lanes = |sample: u8| [Sample::from(sample); LANES];
        for left in 0..=255 {
            for above in 0..=255 {
                let is_paeth = |corner| {
                    let expected = paeth(left, above, corner);
                    let of_one = nearest_of_one(left.into(), above.into(), corner.into());
                    let found = nearest(&lanes(left), &lanes(above), &lanes(corner));
                    found == lanes(expected) && of_one == i64::from(expected)
                };
                assert!((0..=255).all(is_paeth), "{left} and {above}");
            }
        }
    }
}
