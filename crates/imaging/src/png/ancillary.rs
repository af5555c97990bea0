//! What becomes of the chunks beside the pixels.

use std::borrow::Cow;

use super::chunks::{Chunk, Colour, Header};
use crate::{exif, invert::SampleMap};

/// The fate of one chunk.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate<'a> {
    /// It goes along with these data.
    Keep(Cow<'a, [u8]>),
    /// It goes along without the thumbnail that it held.
    WithoutThumbnail(Vec<u8>),
    /// It would say something wrong.
    Drop,
}

/// Chunks that describe the whole picture and not its samples, although they are marked as
/// unsafe to copy.
const DESCRIBING: &[&[u8; 4]] = &[
    b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"mDCV", b"cLLI", b"sBIT", b"hIST", b"tIME",
    b"acTL", b"fcTL", b"fdAT",
];

/// Whether a chunk has a say in how the pixels are shown, so that stripping leaves it.
pub(super) fn is_needed(kind: &[u8; 4]) -> bool {
    let is_shown = matches!(kind, b"PLTE" | b"tRNS" | b"bKGD" | b"pHYs");
    is_shown || (DESCRIBING.contains(&kind) && !matches!(kind, b"hIST" | b"tIME"))
}

/// Decides about a chunk that is neither IHDR, IDAT nor IEND.
pub(super) fn fate<'a>(chunk: &Chunk<'a>, header: &Header, map: SampleMap) -> Fate<'a> {
    let kept = Fate::Keep(Cow::Borrowed(chunk.data));
    match &chunk.kind {
        b"PLTE" => edited(chunk, |data| map.bytes(data)),
        // Beside a palette these two hold alpha values and an index.
        b"tRNS" | b"bKGD" if header.colour == Colour::Indexed => kept,
        b"tRNS" | b"bKGD" => edited(chunk, |data| map_colours(data, header, map)),
        b"sPLT" => edited(chunk, |data| map_suggested(data, map)),
        b"eXIf" => exif::without_thumbnail(chunk.data).map_or(kept, Fate::WithoutThumbnail),
        kind if chunk.is_safe_to_copy() || DESCRIBING.contains(&kind) => kept,
        _ => Fate::Drop,
    }
}

fn edited<'a>(chunk: &Chunk<'a>, edit: impl FnOnce(&mut [u8])) -> Fate<'a> {
    let mut data = chunk.data.to_vec();
    edit(&mut data);
    Fate::Keep(Cow::Owned(data))
}

/// Colours as two bytes a sample, of which only the bits of the depth count.
fn map_colours(data: &mut [u8], header: &Header, map: SampleMap) {
    let maximum = (1u32 << header.depth) - 1;
    let (samples, _) = data.as_chunks_mut::<2>();
    for sample in samples {
        let value = u32::from(u16::from_be_bytes(*sample)) & maximum;
        *sample = (map.sample(value, maximum) as u16).to_be_bytes();
    }
}

/// A suggested palette: a name, a depth, then red, green, blue, alpha and a frequency each.
fn map_suggested(data: &mut [u8], map: SampleMap) {
    let Some(name_end) = data.iter().position(|&byte| byte == 0) else { return };
    let Some((depth, entries)) = data.get_mut(name_end + 1..).and_then(<[u8]>::split_first_mut)
    else {
        return;
    };
    match depth {
        8 => map.pixels(entries, 6, 3),
        16 => map.pixels(entries, 10, 6),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(colour: Colour, depth: u8) -> Header {
        Header { width: 1, height: 1, depth, colour, is_interlaced: false }
    }

    fn data_after(kind: &[u8; 4], data: &[u8], header: &Header) -> Vec<u8> {
        let chunk = Chunk { kind: *kind, data, raw: &[] };
        match fate(&chunk, header, SampleMap::Invert) {
            Fate::Keep(data) => data.into_owned(),
            dropped @ (Fate::WithoutThumbnail(_) | Fate::Drop) => panic!("{dropped:?}"),
        }
    }

    #[test]
    fn a_colour_key_is_inverted_within_its_depth() {
        let gray = |depth, data: [u8; 2]| data_after(b"tRNS", &data, &header(Colour::Gray, depth));
        assert_eq!(gray(1, [0, 1]), [0, 0]);
        assert_eq!(gray(4, [0, 3]), [0, 12]);
        assert_eq!(gray(8, [0, 3]), [0, 252]);
        assert_eq!(gray(16, [1, 2]), [254, 253]);
        let rgb = header(Colour::Rgb, 8);
        assert_eq!(data_after(b"bKGD", &[0, 1, 0, 2, 0, 3], &rgb), [0, 254, 0, 253, 0, 252]);
    }

    #[test]
    fn alpha_of_a_palette_stays() {
        let indexed = header(Colour::Indexed, 8);
        assert_eq!(data_after(b"tRNS", &[0, 255, 7], &indexed), [0, 255, 7]);
        assert_eq!(data_after(b"PLTE", &[0, 255, 7], &indexed), [255, 0, 248]);
    }

    #[test]
    fn suggested_palettes_follow() {
        let rgb = header(Colour::Rgb, 8);
        let after = data_after(b"sPLT", b"n\0\x08\x00\x01\x02\x03\x04\x05", &rgb);
        assert_eq!(after, b"n\0\x08\xff\xfe\xfd\x03\x04\x05");
    }

    #[test]
    fn unknown_chunks_go_by_their_own_mark() {
        let header = header(Colour::Rgb, 8);
        let chunk = |kind| Chunk { kind, data: b"x", raw: &[] };
        assert_eq!(fate(&chunk(*b"prVt"), &header, SampleMap::Invert), Fate::Keep(b"x"[..].into()));
        assert_eq!(fate(&chunk(*b"prVT"), &header, SampleMap::Invert), Fate::Drop);
    }
}
