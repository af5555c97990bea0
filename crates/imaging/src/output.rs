//! What comes out: the bytes and what is worth telling about them.

use std::fmt;

use crate::Format;

/// A processed picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The whole file.
    pub bytes: Vec<u8>,
    /// Its format, which is that of the input unless a conversion was asked for.
    pub format: Format,
    /// Width in pixels as stored, that is before the orientation tag is applied.
    pub width: u32,
    /// Height in pixels as stored.
    pub height: u32,
    /// Pictures in the file: 1 unless it is an animation or a set of icons.
    pub frames: u32,
    /// The way that was taken.
    pub path: Path,
    /// What could not be kept, one sentence each; empty when everything was.
    pub notes: Vec<String>,
}

/// The way a picture was processed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Path {
    /// The signs in its entropy-coded data were flipped; nothing was decoded.
    Bits,
    /// Its colour tables were rewritten; the pixels were not even read.
    Palette,
    /// Its pixels were rewritten.
    Pixels,
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Bits => "bits",
            Self::Palette => "palette",
            Self::Pixels => "pixels",
        })
    }
}
