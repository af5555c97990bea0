//! The container of a WebP: a row of chunks, read and written.

use crate::{Error, Format, cursor::Cursor};

/// What the header chunk, `VP8X`, says about the others.
pub(crate) const ANIMATION_FLAG: u8 = 0x02;
pub(crate) const XMP_FLAG: u8 = 0x04;
pub(crate) const EXIF_FLAG: u8 = 0x08;
pub(crate) const ALPHA_FLAG: u8 = 0x10;
pub(crate) const PROFILE_FLAG: u8 = 0x20;

/// The chunks of a file, and what follows behind them.
#[derive(Debug)]
pub(crate) struct Container<'a> {
    pub(crate) chunks: Vec<([u8; 4], &'a [u8])>,
    pub(crate) trailing: &'a [u8],
}

impl<'a> Container<'a> {
    pub(crate) fn read(input: &'a [u8]) -> Result<Self, Error> {
        let mut cursor = Cursor::new(input, Format::WebP);
        cursor.take(4)?;
        let length = cursor.u32_le()? as usize;
        let mut body = Cursor::new(cursor.take(length)?, Format::WebP);
        body.take(4)?;
        let mut chunks = Vec::new();
        while !body.rest().is_empty() {
            let kind = body.array()?;
            let length = body.u32_le()? as usize;
            chunks.push((kind, body.take(length)?));
            // The last chunk of some files lacks its padding.
            if length % 2 == 1 && !body.rest().is_empty() {
                body.u8()?;
            }
        }
        Ok(Self { chunks, trailing: cursor.rest() })
    }

    pub(crate) fn find(&self, wanted: &[u8; 4]) -> Option<&'a [u8]> {
        self.all(wanted).next()
    }

    pub(crate) fn all(&self, wanted: &[u8; 4]) -> impl Iterator<Item = &'a [u8]> {
        self.chunks.iter().filter(move |(kind, _)| kind == wanted).map(|&(_, data)| data)
    }

    /// What the header says, which is the first chunk of a file that has one.
    pub(crate) fn flags(&self) -> u8 {
        let header = self.chunks.first().filter(|(kind, _)| kind == b"VP8X");
        header.and_then(|(_, data)| data.first().copied()).unwrap_or(0)
    }

    /// Whether its header says so, or there are frames in spite of it.
    pub(crate) fn is_animated(&self) -> bool {
        self.flags() & ANIMATION_FLAG != 0 || self.find(b"ANMF").is_some()
    }
}

/// The content of a header.
pub(crate) fn extended_header(flags: u8, (width, height): (u32, u32)) -> Vec<u8> {
    [&[flags, 0, 0, 0][..], &three_bytes(width - 1), &three_bytes(height - 1)].concat()
}

pub(crate) fn three_bytes(number: u32) -> [u8; 3] {
    let [low, middle, high, _] = number.to_le_bytes();
    [low, middle, high]
}

/// Appends a chunk.
pub(crate) fn push(body: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    body.extend(kind);
    body.extend((data.len() as u32).to_le_bytes());
    body.extend(data);
    body.extend(std::iter::repeat_n(0, data.len() % 2));
}

/// A whole file of `body`, which begins with its kind.
pub(crate) fn wrap(body: &[u8]) -> Vec<u8> {
    [&b"RIFF"[..], &(body.len() as u32).to_le_bytes(), body].concat()
}
