//! How large a picture is to become: `resize` and `thumbnail`.

use std::fmt;

use super::text::{Call, Piece, number, word};
use crate::ParsePipelineError;

const RESIZE: &str = "resize=WIDTHxHEIGHT, such as resize=800x600, resize=800x or \
                      resize=800x600,crop";
const THUMBNAIL: &str = "thumbnail=WIDTHxHEIGHT or thumbnail=SIDE, such as thumbnail=200";

/// A width or a height: 1 to 1 000 000 pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Side(u32);

impl Side {
    /// The longest side that can be asked for. The [`Limits`](crate::Limits) usually stop earlier.
    pub const MAX: u32 = 1_000_000;

    /// `None` outside of 1 to [`Side::MAX`].
    pub const fn new(pixels: u32) -> Option<Self> {
        if pixels >= 1 && pixels <= Self::MAX { Some(Self(pixels)) } else { None }
    }

    /// The length in pixels.
    pub const fn pixels(self) -> u32 {
        self.0
    }

    fn parse(piece: Piece<'_>) -> Result<Self, ParsePipelineError> {
        let pixels = number(piece, 1..=Self::MAX.into(), "pixels")?;
        Ok(Self(pixels as u32))
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A width and a height, written `800x600`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Dimensions {
    /// From left to right.
    pub width: Side,
    /// From top to bottom.
    pub height: Side,
}

impl fmt::Display for Dimensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

/// A box that a picture has to fit into; one of its sides may be open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bounds {
    /// The width is given, the height follows from the picture: `800x`.
    Width(Side),
    /// The height is given, the width follows from the picture: `x600`.
    Height(Side),
    /// Neither side may be longer than this: `800x600`.
    Both(Dimensions),
}

impl Bounds {
    fn parse(piece: Piece<'_>, usage: &str) -> Result<Self, ParsePipelineError> {
        let (width, height) = piece.split_once('x');
        let height = height.ok_or_else(|| {
            piece.end().wrong("an x and a height are missing", format!("write {usage}"))
        })?;
        let side = |side: Piece<'_>| match side.trimmed() {
            side if side.is_empty() => Ok(None),
            side => Side::parse(side).map(Some),
        };
        match (side(width)?, side(height)?) {
            (Some(width), Some(height)) => Ok(Self::Both(Dimensions { width, height })),
            (Some(width), None) => Ok(Self::Width(width)),
            (None, Some(height)) => Ok(Self::Height(height)),
            (None, None) => Err(piece.wrong("both sides are missing", format!("write {usage}"))),
        }
    }

    /// The size of a picture of `width` x `height` once it fits, its shape kept.
    ///
    /// A side is rounded to the nearest pixel and is never 0. It can be beyond what any limit
    /// allows, and is then as long as a `u32` can say.
    pub(crate) fn fitted(self, width: u32, height: u32) -> (u32, u32) {
        match self {
            Self::Width(wanted) => (wanted.0, scaled(height, wanted.0, width)),
            Self::Height(wanted) => (scaled(width, wanted.0, height), wanted.0),
            Self::Both(wanted) => {
                let (to_width, to_height) = (wanted.width.0, wanted.height.0);
                let width_decides = u64::from(to_width) * u64::from(height)
                    <= u64::from(to_height) * u64::from(width);
                if width_decides {
                    (to_width, scaled(height, to_width, width).min(to_height))
                } else {
                    (scaled(width, to_height, height).min(to_width), to_height)
                }
            }
        }
    }

    /// Whether a picture of `width` x `height` lies within already.
    pub(crate) fn hold(self, width: u32, height: u32) -> bool {
        match self {
            Self::Width(most) => width <= most.0,
            Self::Height(most) => height <= most.0,
            Self::Both(most) => width <= most.width.0 && height <= most.height.0,
        }
    }
}

/// `side` times `to` over `from`, rounded, at least 1.
fn scaled(side: u32, to: u32, from: u32) -> u32 {
    let (side, to, from) = (u64::from(side), u64::from(to), u64::from(from.max(1)));
    let scaled = (side * to + from / 2) / from;
    u32::try_from(scaled.max(1)).unwrap_or(u32::MAX)
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Width(width) => write!(f, "{width}x"),
            Self::Height(height) => write!(f, "x{height}"),
            Self::Both(both) => both.fmt(f),
        }
    }
}

/// Ways of making a picture larger or smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resize {
    /// `resize=800x600,fit` or `resize=800x600`: as large as the box allows, with its shape
    /// kept. A small picture is enlarged. `800x` and `x600` leave one side open.
    Fit(Bounds),
    /// `resize=800x600,fill`: exactly this size, stretched where the shapes differ.
    Fill(Dimensions),
    /// `resize=800x600,crop`: exactly this size with the shape kept. The picture is made so
    /// large that it covers the box, and what stands over is cut off evenly on both sides.
    Crop(Dimensions),
}

impl Resize {
    pub(super) fn parse(call: Call<'_>) -> Result<Self, ParsePipelineError> {
        #[derive(Clone, Copy)]
        enum Mode {
            Fit,
            Fill,
            Crop,
        }
        const MODES: &[(&str, Mode)] =
            &[("fit", Mode::Fit), ("fill", Mode::Fill), ("crop", Mode::Crop)];
        let (size, mode) = call.one_or_two(RESIZE)?;
        let bounds = Bounds::parse(size, RESIZE)?;
        let mode_name = mode.map_or("fit", |mode| mode.text());
        match (mode.map_or(Ok(Mode::Fit), |mode| word(mode, MODES))?, bounds) {
            (Mode::Fit, bounds) => Ok(Self::Fit(bounds)),
            (Mode::Fill, Bounds::Both(both)) => Ok(Self::Fill(both)),
            (Mode::Crop, Bounds::Both(both)) => Ok(Self::Crop(both)),
            (Mode::Fill | Mode::Crop, Bounds::Width(_) | Bounds::Height(_)) => Err(size.wrong(
                format!("{mode_name} needs a width and a height"),
                format!("write both, such as resize=800x600,{mode_name}, or leave {mode_name} out"),
            )),
        }
    }
}

impl fmt::Display for Resize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fit(bounds) => write!(f, "resize={bounds},fit"),
            Self::Fill(size) => write!(f, "resize={size},fill"),
            Self::Crop(size) => write!(f, "resize={size},crop"),
        }
    }
}

/// `thumbnail=200x100`, or `thumbnail=200` for a square box.
pub(super) fn parse_thumbnail(call: Call<'_>) -> Result<Bounds, ParsePipelineError> {
    let size = call.argument(THUMBNAIL)?;
    if size.text().contains('x') {
        return Bounds::parse(size, THUMBNAIL);
    }
    let side = Side::parse(size)?;
    Ok(Bounds::Both(Dimensions { width: side, height: side }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(text: &str) -> Bounds {
        Bounds::parse(Piece::whole(text), RESIZE).unwrap()
    }

    #[test]
    fn the_shape_is_kept_within_the_box() {
        for (text, from, to) in [
            ("800x600", (4000, 3000), (800, 600)),
            ("800x600", (3000, 4000), (450, 600)),
            ("800x600", (4000, 1000), (800, 200)),
            ("800x600", (10, 10), (600, 600)),
            ("800x", (1000, 333), (800, 266)),
            ("x600", (1000, 300), (2000, 600)),
            ("10x10", (100_000, 1), (10, 1)),
            ("3x2", (5, 3), (3, 2)),
            ("1000000x", (1, 1_000_000), (1_000_000, u32::MAX)),
        ] {
            assert_eq!(bounds(text).fitted(from.0, from.1), to, "{from:?} into {text}");
        }
    }

    #[test]
    fn a_picture_that_fits_is_held() {
        assert!(bounds("8x6").hold(8, 6));
        assert!(!bounds("8x6").hold(9, 1));
        assert!(bounds("8x").hold(8, 600));
        assert!(!bounds("x6").hold(1, 7));
    }
}
