//! Turning and mirroring: `rotate` and `flip`.

use std::fmt;

use super::text::{Call, word};
use crate::ParsePipelineError;

/// A turn clockwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rotation {
    /// `rotate=90`: the left side becomes the top.
    Quarter,
    /// `rotate=180`: upside down.
    Half,
    /// `rotate=270`: the right side becomes the top.
    ThreeQuarters,
}

const ROTATIONS: &[(&str, Rotation)] =
    &[("90", Rotation::Quarter), ("180", Rotation::Half), ("270", Rotation::ThreeQuarters)];

impl Rotation {
    pub(super) fn parse(call: Call<'_>) -> Result<Self, ParsePipelineError> {
        word(call.argument("rotate=90, rotate=180 or rotate=270")?, ROTATIONS)
    }
}

impl fmt::Display for Rotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Quarter => "rotate=90",
            Self::Half => "rotate=180",
            Self::ThreeQuarters => "rotate=270",
        })
    }
}

/// The direction in which a picture is mirrored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flip {
    /// `flip=horizontal`: left and right change places.
    Horizontal,
    /// `flip=vertical`: top and bottom change places.
    Vertical,
}

const FLIPS: &[(&str, Flip)] = &[("horizontal", Flip::Horizontal), ("vertical", Flip::Vertical)];

impl Flip {
    pub(super) fn parse(call: Call<'_>) -> Result<Self, ParsePipelineError> {
        word(call.argument("flip=horizontal or flip=vertical")?, FLIPS)
    }
}

impl fmt::Display for Flip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Horizontal => "flip=horizontal",
            Self::Vertical => "flip=vertical",
        })
    }
}
