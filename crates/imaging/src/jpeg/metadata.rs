//! What becomes of the segments beside the picture where it goes by its bits.

use super::{
    JpegInverter,
    segments::{Frame, Segment},
};
use crate::{Limits, exif, invert::SampleMap};

pub(super) const EXIF: &[u8] = b"Exif\0\0";
pub(super) const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const PROFILE: &[u8] = b"ICC_PROFILE\0";
pub(super) const PHOTOSHOP: &[u8] = b"Photoshop 3.0\0";

/// What becomes of metadata where the picture goes by its bits: all of it stays as it is but for
/// pictures of the picture.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    map: SampleMap,
    strip: bool,
    /// Set for thumbnails, which have none of their own.
    is_inner: bool,
    colours: Colours,
    notes: Vec<String>,
}

impl Keeper {
    pub(super) fn new(map: SampleMap, strip: bool) -> Self {
        Self { map, strip, ..Self::default() }
    }

    pub(super) fn map(&self) -> SampleMap {
        self.map
    }

    pub(super) fn colours(&self) -> Colours {
        self.colours
    }

    pub(super) fn keeps_all(&self) -> bool {
        self.map == SampleMap::Keep && !self.strip
    }

    pub(super) fn into_notes(self) -> Vec<String> {
        self.notes
    }

    pub(super) fn note(&mut self, note: &str) {
        if !self.notes.iter().any(|known| known == note) {
            self.notes.push(note.to_owned());
        }
    }

    /// Appends what becomes of a segment, whose bytes are `raw`.
    pub(super) fn take(&mut self, segment: &Segment<'_>, raw: &[u8], out: &mut Vec<u8>) {
        self.colours.take(segment);
        match self.fate(segment) {
            Fate::Keep => out.extend(raw),
            Fate::Replace(body) => push(segment.marker, &body, out),
            Fate::Drop => {}
        }
    }

    fn fate(&mut self, segment: &Segment<'_>) -> Fate {
        if self.keeps_all() {
            return Fate::Keep;
        }
        if self.strip {
            return stripped(segment);
        }
        if let Some(drop) = dropped(segment) {
            self.note(drop);
            return Fate::Drop;
        }
        if is_app(segment, 1, EXIF) {
            self.exif(segment.body)
        } else if is_app(segment, 0, b"JFIF\0") {
            jfif(segment.body)
        } else if is_app(segment, 0, b"JFXX\0") {
            self.jfif_extension(segment.body)
        } else if is_app(segment, 13, PHOTOSHOP) {
            self.photoshop(segment.body)
        } else {
            Fate::Keep
        }
    }

    fn exif(&mut self, body: &[u8]) -> Fate {
        let block = body.get(EXIF.len()..).unwrap_or_default();
        let fits = |block: &Vec<u8>| EXIF.len() + block.len() <= MOST_BODY;
        let inverted = exif::with_thumbnail(block, |thumbnail| self.thumbnail(thumbnail));
        if let Some(block) = inverted.filter(fits) {
            return Fate::Replace([EXIF, &block].concat());
        }
        let Some(block) = exif::without_thumbnail(block) else { return Fate::Keep };
        self.note("the EXIF thumbnail of the unchanged picture was removed");
        Fate::Replace([EXIF, &block].concat())
    }

    /// The thumbnail in a JFXX segment: a JPEG, a palette with its indices, or plain samples.
    fn jfif_extension(&mut self, body: &[u8]) -> Fate {
        let mut new = body.to_vec();
        let (head, thumbnail) = new.split_at_mut(body.len().min(6));
        match head.last() {
            Some(0x10) => {
                let jpeg = self.thumbnail(thumbnail).filter(|jpeg| jpeg.len() + 6 <= MOST_BODY);
                let Some(jpeg) = jpeg else {
                    self.note("the JFIF thumbnail of the unchanged picture was removed");
                    return Fate::Drop;
                };
                return Fate::Replace([&*head, &jpeg].concat());
            }
            // Behind width and height.
            Some(0x11) => flip(thumbnail.get_mut(2..770)),
            _ => flip(thumbnail.get_mut(2..)),
        }
        Fate::Replace(new)
    }

    fn photoshop(&mut self, body: &[u8]) -> Fate {
        let blocks = body.get(PHOTOSHOP.len()..).unwrap_or_default();
        let Some(blocks) = without_photoshop_thumbnail(blocks) else { return Fate::Keep };
        self.note("the Photoshop thumbnail of the unchanged picture was removed");
        Fate::Replace([PHOTOSHOP, &blocks].concat())
    }

    /// A thumbnail that is a JPEG itself, inverted; `None` if that cannot be done.
    fn thumbnail(&self, jpeg: &[u8]) -> Option<Vec<u8>> {
        if self.is_inner {
            return None;
        }
        let inner = Self { map: self.map, is_inner: true, ..Self::default() };
        let mut out = Vec::new();
        let summary = JpegInverter::whole(jpeg, &Limits::default(), inner, &mut out).ok()?;
        summary.notes.is_empty().then_some(out)
    }
}

enum Fate {
    Keep,
    Replace(Vec<u8>),
    Drop,
}

/// The most bytes that a segment holds beside its own length.
const MOST_BODY: usize = 0xffff - 2;

/// Why a segment cannot stay, if so.
fn dropped(segment: &Segment<'_>) -> Option<&'static str> {
    const GAIN_MAP: &str = "the HDR gain map fits the old pixels only; it was left out";
    if is_app(segment, 2, b"MPF\0") {
        return Some("the further pictures behind the first one (MPF) were left out");
    }
    let is_gain_map = is_app(segment, 1, XMP) && contains(segment.body, b"hdrgm:")
        || is_app(segment, 2, b"urn:iso:std:iso:ts:21496");
    is_gain_map.then_some(GAIN_MAP)
}

/// Without metadata there remains what says how the picture is shown: kind of colours, density,
/// profile and orientation.
fn stripped(segment: &Segment<'_>) -> Fate {
    if is_app(segment, 14, b"Adobe") || is_app(segment, 2, PROFILE) {
        return Fate::Keep;
    }
    if is_app(segment, 0, b"JFIF\0") {
        return match segment.body.get(..12) {
            Some(fixed) => Fate::Replace([fixed, &[0, 0]].concat()),
            None => Fate::Drop,
        };
    }
    let exif = segment.body.strip_prefix(EXIF).filter(|_| segment.marker == 0xe1);
    match exif.and_then(exif::orientation_only) {
        Some(block) => Fate::Replace([EXIF, &block].concat()),
        None => Fate::Drop,
    }
}

/// The thumbnail in a JFIF segment is plain samples behind what is fixed.
fn jfif(body: &[u8]) -> Fate {
    if body.len() <= 14 {
        return Fate::Keep;
    }
    let mut new = body.to_vec();
    flip(new.get_mut(14..));
    Fate::Replace(new)
}

fn flip(samples: Option<&mut [u8]>) {
    SampleMap::Invert.bytes(samples.unwrap_or_default());
}

fn push(marker: u8, body: &[u8], out: &mut Vec<u8>) {
    let length = (body.len() + 2) as u16;
    out.extend([0xff, marker]);
    out.extend(length.to_be_bytes());
    out.extend(body);
}

/// What the segments say about the kind of colours.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Colours {
    has_jfif: bool,
    adobe_transform: Option<u8>,
}

impl Colours {
    pub(super) fn of(metadata: &[Segment<'_>]) -> Self {
        let mut colours = Self::default();
        metadata.iter().for_each(|segment| colours.take(segment));
        colours
    }

    fn take(&mut self, segment: &Segment<'_>) {
        self.has_jfif |= is_app(segment, 0, b"JFIF\0");
        if is_app(segment, 14, b"Adobe") {
            self.adobe_transform = segment.body.get(11).copied();
        }
    }

    /// Whether three components are red, green and blue. JFIF is always YCbCr; otherwise Adobe's
    /// segment counts, and without one the components' names.
    pub(super) fn is_rgb(self, frame: &Frame) -> bool {
        if frame.components.len() != 3 || self.has_jfif {
            return false;
        }
        match self.adobe_transform {
            Some(transform) => transform == 0,
            None => frame.components.iter().map(|component| component.id).eq(*b"RGB"),
        }
    }
}

pub(super) fn is_app(segment: &Segment<'_>, number: u8, name: &[u8]) -> bool {
    segment.marker == 0xe0 + number && segment.body.starts_with(name)
}

pub(super) fn contains(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
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
