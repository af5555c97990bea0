//! Pixels of a JPEG, and what of the source's own tables and sampling the general way writes them
//! with: the same steps put the coefficients back where they were, so nothing is rounded a second
//! time but what the operations changed.

use zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};
use zune_jpeg::{JpegDecoder, errors::DecodeErrors};

use super::{
    metadata::Colours,
    segments::{Component, Layout, unsupported},
};
use crate::{Error, Format, invert::SampleMap, request::Request};

/// Coefficients are held in two bytes each, on either side, where scans refine one another.
const PROGRESSIVE_FACTOR: u64 = 5;

pub(super) fn memory_bytes(request: &Request<'_>, layout: &Layout<'_>) -> u64 {
    let frame = &layout.frame;
    let pixels = u64::from(frame.width) * u64::from(frame.height);
    let samples = pixels * frame.components.len() as u64;
    let copies = if frame.is_progressive { PROGRESSIVE_FACTOR } else { 1 };
    // Small chroma is worked on in floating point.
    let copies = copies + if chroma_factors(&frame.components).is_some() { 2 } else { 0 };
    samples * copies + request.input.len() as u64
}

/// Refuses what the decoder takes for something else: it blows components up to the size of the first,
/// by a power of two.
pub(super) fn check_sampling(components: &[Component]) -> Result<(), Error> {
    let [first, others @ ..] = components else { return Ok(()) };
    let is_fit =
        |largest: u8, own: u8| largest.is_power_of_two() && own.is_power_of_two() && own <= largest;
    let is_fit = |other: &Component| {
        is_fit(first.horizontal, other.horizontal) && is_fit(first.vertical, other.vertical)
    };
    if others.iter().all(is_fit) {
        return Ok(());
    }
    Err(unsupported("stores its colours finer than its brightness, or in thirds of it"))
}

pub(super) fn decode_as(input: &[u8], colours: ColorSpace) -> Result<Vec<u8>, Error> {
    // Strict, because otherwise missing parts are filled with gray without a word.
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(u16::MAX.into())
        .set_max_height(u16::MAX.into())
        .jpeg_set_out_colorspace(colours);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(input), options);
    decoder.decode().map_err(|error| refused(&error))
}

fn refused(error: &DecodeErrors) -> Error {
    let text = error.to_string();
    if matches!(error, DecodeErrors::Unsupported(_)) {
        return Error::unsupported(format!("the JPEG is of an unsupported kind: {text}"));
    }
    if matches!(error, DecodeErrors::ExhaustedData) || text.contains("Premature") {
        return Error::truncated(Format::Jpeg);
    }
    Error::corrupt(Format::Jpeg, text.trim())
}

pub(super) fn note_conversion(layout: &Layout<'_>, notes: &mut Vec<String>) {
    if layout.frame.components.len() == 4 {
        notes.push("the JPEG held CMYK colours; they were converted to RGB".to_owned());
    } else if is_rgb(layout) {
        notes.push("the JPEG held RGB colours; they were stored as YCbCr".to_owned());
    }
}

/// Kept as it is between decoding and encoding: two conversions less that round.
pub(super) fn is_ycbcr(layout: &Layout<'_>) -> bool {
    layout.frame.components.len() == 3 && !is_rgb(layout)
}

/// What inverting red, green and blue means here: luma turns round, and chroma around its middle.
pub(super) fn map_ycbcr(map: SampleMap, samples: &mut [u8]) {
    map.bytes(samples);
    if map == SampleMap::Invert {
        // 256 minus chroma, so one more than its flipped bits.
        for pixel in samples.chunks_exact_mut(3) {
            pixel.iter_mut().skip(1).for_each(|chroma| *chroma = chroma.saturating_add(1));
        }
    }
}

fn is_rgb(layout: &Layout<'_>) -> bool {
    Colours::of(&layout.metadata).is_rgb(&layout.frame)
}

/// The largest DC step that keeps the shift of one level, which inversion brings, within half a
/// level.
const FINE_DC_STEP: u16 = 8;

/// Tables for luma and chroma that suit what the source was quantised with.
pub(super) fn chosen_tables(layout: &Layout<'_>) -> (Option<[u16; 64]>, Option<[u16; 64]>) {
    let used = used_tables(layout);
    let finest = || used.iter().copied().reduce(|a, b| std::array::from_fn(|i| finer(&a, &b, i)));
    let (luma, chroma) = if layout.frame.components.len() == 4 || is_rgb(layout) {
        // Other colours than YCbCr were quantised, so the tables do not match by meaning.
        (finest(), finest())
    } else {
        (used.first().copied(), used.get(1).copied())
    };
    let luma = luma.map(|mut table| {
        let [dc, ..] = &mut table;
        *dc = (*dc).min(FINE_DC_STEP);
        table
    });
    (luma, chroma)
}

fn used_tables(layout: &Layout<'_>) -> Vec<[u16; 64]> {
    let components = layout.frame.components.iter();
    let table = |component: &Component| *layout.tables.get(usize::from(component.table))?;
    components.filter_map(table).collect()
}

fn finer(a: &[u16; 64], b: &[u16; 64], index: usize) -> u16 {
    a.get(index).min(b.get(index)).copied().unwrap_or(1)
}

/// From the zigzag order of the file to rows, within what an eight-bit table can hold.
pub(super) fn in_rows(zigzag: &[u16; 64]) -> [u16; 64] {
    let mut places: Vec<(u16, u16)> = (0..64).map(|place| (place / 8, place % 8)).collect();
    // Along each diagonal, up on the even ones and down on the odd ones.
    places.sort_by_key(|&(row, column)| {
        let diagonal = row + column;
        (diagonal, if diagonal % 2 == 0 { column } else { row })
    });
    let mut rows = [1; 64];
    for (&(row, column), &value) in places.iter().zip(zigzag) {
        if let Some(slot) = rows.get_mut(usize::from(row * 8 + column)) {
            *slot = value.clamp(1, 255);
        }
    }
    rows
}

/// Luma samples for each chroma sample, across and down, where both chroma components agree.
pub(super) fn chroma_factors(components: &[Component]) -> Option<(u8, u8)> {
    let [luma, blue, red] = components else { return None };
    let alike = (blue.horizontal, blue.vertical) == (red.horizontal, red.vertical);
    let even = luma.horizontal % blue.horizontal == 0 && luma.vertical % blue.vertical == 0;
    let factors = (luma.horizontal / blue.horizontal, luma.vertical / blue.vertical);
    (alike && even && factors != (1, 1)).then_some(factors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zigzag_order_becomes_rows() {
        let mut zigzag = [0; 64];
        zigzag.iter_mut().zip(1..).for_each(|(slot, value)| *slot = value);
        let rows = in_rows(&zigzag);
        assert_eq!(rows[..8], [1, 2, 6, 7, 15, 16, 28, 29]);
        assert_eq!(rows[8..16], [3, 5, 8, 14, 17, 27, 30, 43]);
        assert_eq!(rows[56..], [36, 37, 49, 50, 58, 59, 63, 64]);
    }
}
