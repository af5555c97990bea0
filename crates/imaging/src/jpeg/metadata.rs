//! Which segments beside the picture go along.

use super::segments::{Frame, Segment};
use crate::exif;

pub(super) const EXIF: &[u8] = b"Exif\0\0";
pub(super) const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
pub(super) const PHOTOSHOP: &[u8] = b"Photoshop 3.0\0";

/// The segments of the result, written out, and what could not be kept.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) bytes: Vec<u8>,
    pub(super) has_jfif: bool,
    pub(super) notes: Vec<String>,
}

impl Kept {
    pub(super) fn select(metadata: &[Segment<'_>], frame: &Frame) -> Self {
        let mut kept = Self::default();
        // JFIF has to be the first segment wherever there is one.
        let is_jfif = |segment: &&Segment<'_>| is_app(segment, 0, b"JFIF\0");
        if let Some(jfif) = metadata.iter().find(is_jfif) {
            kept.push_jfif(jfif.body);
        }
        for segment in metadata.iter().filter(|segment| segment.marker != 0xe0) {
            kept.take(segment, frame);
        }
        kept
    }

    fn take(&mut self, segment: &Segment<'_>, frame: &Frame) {
        if is_app(segment, 1, EXIF) {
            self.take_exif(segment);
        } else if is_app(segment, 1, XMP) && contains(segment.body, b"hdrgm:") {
            self.note("the HDR gain map fits the old pixels only; it was left out");
        } else if is_app(segment, 2, b"ICC_PROFILE\0") {
            self.take_profile(segment, frame);
        } else if is_app(segment, 2, b"MPF\0") {
            self.note("the further pictures behind the first one (MPF) were left out");
        } else if is_app(segment, 2, b"urn:iso:std:iso:ts:21496") {
            self.note("the HDR gain map fits the old pixels only; it was left out");
        } else if is_app(segment, 13, PHOTOSHOP) {
            self.take_photoshop(segment);
        } else if !is_app(segment, 14, b"Adobe") || is_right_for_ycbcr(segment, frame) {
            self.push(segment.marker, segment.body);
        }
    }

    fn take_exif(&mut self, segment: &Segment<'_>) {
        let block = segment.body.get(EXIF.len()..).unwrap_or_default();
        let Some(block) = exif::without_thumbnail(block) else {
            return self.push(segment.marker, segment.body);
        };
        self.push(segment.marker, &[EXIF, &block].concat());
        self.note("the EXIF thumbnail of the unchanged picture was removed");
    }

    /// A profile is for one kind of colour only. Its first part names it.
    fn take_profile(&mut self, segment: &Segment<'_>, frame: &Frame) {
        let colours: &[u8] = if frame.components.len() == 1 { b"GRAY" } else { b"RGB " };
        let (part, profile) = (segment.body.get(12), segment.body.get(14..));
        let named = profile.and_then(|profile| profile.get(16..20));
        let is_wrong = part == Some(&1) && named != Some(colours);
        if is_wrong || frame.components.len() == 4 {
            self.note("the colour profile is for another kind of colours; it was left out");
        } else {
            self.push(segment.marker, segment.body);
        }
    }

    fn take_photoshop(&mut self, segment: &Segment<'_>) {
        let blocks = segment.body.get(PHOTOSHOP.len()..).unwrap_or_default();
        let Some(blocks) = without_photoshop_thumbnail(blocks) else {
            return self.push(segment.marker, segment.body);
        };
        self.push(segment.marker, &[PHOTOSHOP, &blocks].concat());
        self.note("the Photoshop thumbnail of the unchanged picture was removed");
    }

    /// JFIF with its version and density, without the thumbnail that may follow.
    fn push_jfif(&mut self, body: &[u8]) {
        if let Some(fixed) = body.get(..12) {
            self.push(0xe0, &[fixed, &[0, 0]].concat());
            self.has_jfif = true;
        }
    }

    fn push(&mut self, marker: u8, body: &[u8]) {
        // A segment is never longer than the one it was read from.
        let length = (body.len() + 2) as u16;
        self.bytes.extend([0xff, marker]);
        self.bytes.extend(length.to_be_bytes());
        self.bytes.extend(body);
    }

    fn note(&mut self, note: &str) {
        if !self.notes.iter().any(|known| known == note) {
            self.notes.push(note.to_owned());
        }
    }
}

pub(super) fn is_app(segment: &Segment<'_>, number: u8, name: &[u8]) -> bool {
    segment.marker == 0xe0 + number && segment.body.starts_with(name)
}

pub(super) fn contains(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

/// What the Adobe segment says about the kind of colours, where there is one.
pub(super) fn adobe_transform(metadata: &[Segment<'_>]) -> Option<u8> {
    let adobe = metadata.iter().find(|segment| is_app(segment, 14, b"Adobe"))?;
    adobe.body.get(11).copied()
}

/// The result has gray or YCbCr; a segment that says otherwise must not go along.
fn is_right_for_ycbcr(segment: &Segment<'_>, frame: &Frame) -> bool {
    match frame.components.len() {
        1 => true,
        3 => segment.body.get(11) == Some(&1),
        _ => false,
    }
}

/// Photoshop's resource blocks without the two kinds of thumbnail; `None` if there is none.
pub(super) fn without_photoshop_thumbnail(blocks: &[u8]) -> Option<Vec<u8>> {
    let (mut out, mut rest, mut found) = (Vec::new(), blocks, false);
    while let Some((block, after)) = split_photoshop_block(rest) {
        if matches!(block.get(4..6), Some([0x04, 0x09 | 0x0c])) {
            found = true;
        } else {
            out.extend(block);
        }
        rest = after;
    }
    out.extend(rest);
    found.then_some(out)
}

fn split_photoshop_block(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    if !bytes.starts_with(b"8BIM") {
        return None;
    }
    // After the number a name with its length, then the data with theirs, both padded to even.
    let name = (usize::from(*bytes.get(6)?) + 1).next_multiple_of(2);
    let data_at = 6 + name;
    let data = u32::from_be_bytes(*bytes.get(data_at..)?.first_chunk()?) as usize;
    let end = data_at.checked_add(4)?.checked_add(data.checked_next_multiple_of(2)?)?;
    // The last block may lack its padding.
    (end <= bytes.len() + 1).then(|| bytes.split_at(end.min(bytes.len())))
}
