//! TGA, in place: its colour map, or its samples, which lie open even within run-length packets.

use std::ops::Range;

use crate::{
    Error, Format, Limits, Output, Path, Phases, cursor::Cursor, invert::SampleMap,
    request::Request,
};

const HEADER_BYTES: usize = 18;
const FOOTER_BYTES: usize = 26;
const SIGNATURE: &[u8] = b"TRUEVISION-XFILE.\0";
/// Where the extension area names the small copy of the picture, if it has one.
const STAMP_FIELD: usize = 486;

pub(crate) fn process(request: &Request<'_>) -> Result<Output, Error> {
    let header = Header::read(request.input)?
        .ok_or_else(|| Error::corrupt(Format::Tga, "its header has values that cannot be"))?;
    let (width, height) = (header.width.into(), header.height.into());
    check(request.limits, request.input, width, height)?;
    let mut bytes = request.input.to_vec();
    header.map(request.map, &mut bytes)?;
    let path = if header.is_indexed() { Path::Palette } else { Path::Pixels };
    Ok(Output {
        bytes,
        format: Format::Tga,
        width,
        height,
        frames: 1,
        path,
        notes: Vec::new(),
        phases: Phases::default(),
    })
}

fn check(limits: &Limits, input: &[u8], width: u32, height: u32) -> Result<(), Error> {
    limits.check_size(width, height)?;
    limits.check_memory(input.len() as u64)
}

/// TGA has no mark at its beginning, so its header has to make sense in every field.
pub(crate) fn is_likely(input: &[u8]) -> bool {
    Header::read(input).is_ok_and(|header| header.is_some())
}

/// How a file is stored, and whether it says more.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Style {
    /// The samples are in run-length packets.
    pub(crate) is_run_length: bool,
    pub(crate) is_indexed: bool,
    /// Bits of a pixel.
    pub(crate) bits: u8,
    /// There are texts or fields beside the picture.
    pub(crate) has_fields: bool,
}

impl Style {
    pub(crate) fn of(input: &[u8]) -> Self {
        let Ok(Some(header)) = Header::read(input) else { return Self::default() };
        // Where the areas for texts and for programs begin.
        let areas = footer(input).and_then(|footer| footer.get(..8));
        Self {
            is_run_length: header.is_run_length(),
            is_indexed: header.is_indexed(),
            bits: header.bits,
            has_fields: header.id_bytes > 0 || areas.is_some_and(|areas| areas != [0; 8]),
        }
    }
}

/// What newer files end with.
fn footer(bytes: &[u8]) -> Option<&[u8]> {
    let footer = bytes.get(bytes.len().checked_sub(FOOTER_BYTES)?..)?;
    footer.ends_with(SIGNATURE).then_some(footer)
}

#[derive(Debug, Clone, Copy)]
struct Header {
    id_bytes: u8,
    kind: u8,
    map_entries: u16,
    map_bits: u8,
    width: u16,
    height: u16,
    bits: u8,
}

impl Header {
    /// Reads the header; `None` when its values contradict each other.
    fn read(input: &[u8]) -> Result<Option<Self>, Error> {
        let mut cursor = Cursor::new(input, Format::Tga);
        let (id_bytes, has_map, kind) = (cursor.u8()?, cursor.u8()?, cursor.u8()?);
        cursor.u16_le()?;
        let (map_entries, map_bits) = (cursor.u16_le()?, cursor.u8()?);
        cursor.take(4)?;
        let (width, height) = (cursor.u16_le()?, cursor.u16_le()?);
        let (bits, descriptor) = (cursor.u8()?, cursor.u8()?);
        let header = Self { id_bytes, kind, map_entries, map_bits, width, height, bits };
        let sound = has_map <= 1
            && descriptor & 0xc0 == 0
            && width > 0
            && height > 0
            && header.has_sound_depth(has_map == 1);
        Ok(sound.then_some(header))
    }

    fn has_sound_depth(&self, has_map: bool) -> bool {
        let map = has_map && self.map_entries > 0 && matches!(self.map_bits, 15 | 16 | 24 | 32);
        let no_map = !has_map && self.map_entries == 0;
        match self.kind {
            1 | 9 => map && matches!(self.bits, 8 | 16),
            2 | 10 => (map || no_map) && matches!(self.bits, 15 | 16 | 24 | 32),
            3 | 11 => no_map && matches!(self.bits, 8 | 16),
            _ => false,
        }
    }

    fn is_indexed(&self) -> bool {
        matches!(self.kind, 1 | 9)
    }

    fn is_run_length(&self) -> bool {
        self.kind >= 9
    }

    fn pixel_bytes(&self) -> usize {
        usize::from(self.bits).div_ceil(8)
    }

    fn mask(&self) -> [u8; 4] {
        match (self.kind, self.bits) {
            // Eight bits of gray and eight of alpha.
            (3 | 11, 16) => [0xff, 0, 0, 0],
            (_, bits) => colour_mask(bits),
        }
    }

    fn colour_map(&self) -> Range<usize> {
        let start = HEADER_BYTES + usize::from(self.id_bytes);
        let entry_bytes = usize::from(self.map_bits).div_ceil(8);
        start..start + usize::from(self.map_entries) * entry_bytes
    }

    fn map(&self, map: SampleMap, bytes: &mut [u8]) -> Result<(), Error> {
        let colour_map = self.colour_map();
        let samples = self.samples(bytes, colour_map.end)?;
        let stamp = self.stamp(bytes);
        if self.is_indexed() {
            let entry_bytes = usize::from(self.map_bits).div_ceil(8);
            flip(map, bytes, colour_map, entry_bytes, colour_mask(self.map_bits));
            return Ok(());
        }
        for run in samples.into_iter().chain(stamp) {
            flip(map, bytes, run, self.pixel_bytes(), self.mask());
        }
        Ok(())
    }

    /// Where the samples lie: one piece, or one for each run-length packet.
    fn samples(&self, bytes: &[u8], start: usize) -> Result<Vec<Range<usize>>, Error> {
        let mut left = usize::from(self.width) * usize::from(self.height);
        let mut cursor = Cursor::new(bytes, Format::Tga);
        cursor.take(start)?;
        let mut runs = Vec::new();
        if !self.is_run_length() {
            cursor.take(left * self.pixel_bytes())?;
            runs.push(start..cursor.position());
            return Ok(runs);
        }
        while left > 0 {
            let packet = cursor.u8()?;
            let count = usize::from(packet & 0x7f) + 1;
            let stored = if packet & 0x80 == 0 { count } else { 1 };
            let start = cursor.position();
            cursor.take(stored * self.pixel_bytes())?;
            runs.push(start..cursor.position());
            left = left.saturating_sub(count);
        }
        Ok(runs)
    }

    /// The small copy of the picture that the footer of a newer file leads to.
    fn stamp(&self, bytes: &[u8]) -> Option<Range<usize>> {
        let extension = read_offset(footer(bytes)?, 0)?;
        let stamp = read_offset(bytes, extension.checked_add(STAMP_FIELD)?)?;
        let &[width, height] = bytes.get(stamp..)?.first_chunk()?;
        let length = usize::from(width) * usize::from(height) * self.pixel_bytes();
        let end = stamp + 2 + length;
        (end <= bytes.len() - FOOTER_BYTES).then_some(stamp + 2..end)
    }
}

/// An offset as stored at `at`; 0 stands for none.
fn read_offset(bytes: &[u8], at: usize) -> Option<usize> {
    let offset = u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?) as usize;
    (offset != 0).then_some(offset)
}

fn colour_mask(bits: u8) -> [u8; 4] {
    match bits {
        15 | 16 => [0xff, 0x7f, 0, 0],
        _ => [0xff, 0xff, 0xff, 0],
    }
}

fn flip(map: SampleMap, bytes: &mut [u8], range: Range<usize>, pixel: usize, mask: [u8; 4]) {
    let mask = mask.map(|byte| byte & map.mask());
    for pixel in bytes.get_mut(range).unwrap_or_default().chunks_exact_mut(pixel) {
        pixel.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
    }
}
