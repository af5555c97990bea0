//! The operations, as values and as text.

mod blur;
mod convert;
mod size;
pub(crate) mod text;
mod tone;
mod turn;

use std::fmt;

pub use blur::Sigma;
pub use size::{Bounds, Dimensions, Resize, Side};
pub use tone::Percent;
pub use turn::{Flip, Rotation};

use crate::{Format, ParsePipelineError};
use text::{Call, Piece, alternatives};

/// One operation.
///
/// Those that move pixels ([`Resize`](Self::Resize), [`Thumbnail`](Self::Thumbnail),
/// [`Rotate`](Self::Rotate) and [`Flip`](Self::Flip)) work on the picture as it is shown: an
/// orientation that the file gives is carried out first and its tag removed. The others leave
/// the order of the pixels and the tag alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `invert`: maximum minus sample on the colour channels, in the stored encoding; alpha
    /// stays. Samples in floating point are limited to 0 to 1 first.
    ///
    /// `invert=exact` goes through the pixels even where a faster way exists.
    Invert {
        /// Whether the pixels themselves have to be inverted, and no faster way taken.
        exact: bool,
    },
    /// `grayscale`: colours become their luma by Rec. 709 (0.2126 red, 0.7152 green and 0.0722
    /// blue of the stored samples); alpha stays.
    Grayscale,
    /// `resize=800x600`: makes the picture larger or smaller.
    Resize(Resize),
    /// `thumbnail=200x100` or `thumbnail=200`: makes the picture so small that it fits, upright,
    /// and removes the metadata as [`Strip`](Self::Strip) does. A picture that fits already
    /// keeps its size.
    Thumbnail(Bounds),
    /// `rotate=90`: turns the picture clockwise.
    Rotate(Rotation),
    /// `flip=horizontal` or `flip=vertical`: mirrors the picture.
    Flip(Flip),
    /// `blur=2.5`: a Gaussian blur with this standard deviation in pixels.
    Blur(Sigma),
    /// `brightness=20`: adds this share of the maximum to every colour sample; -100 makes the
    /// picture black and 100 white. Alpha stays.
    Brightness(Percent),
    /// `contrast=20`: multiplies the distance of every colour sample from middle gray by
    /// ((100 + percent) / 100)²; -100 makes the picture gray, and 100 multiplies by four. Alpha
    /// stays.
    Contrast(Percent),
    /// `convert=png`: writes the result in this format. `jpg` and `tif` are understood too.
    Convert(Format),
    /// `strip`: removes the metadata (EXIF with its position and thumbnail, XMP, IPTC, comments
    /// and texts). The colour profile stays, since the colours would change without it, and so
    /// does the orientation, since the picture would turn.
    Strip,
}

const NAMES: &[&str] = &[
    "invert",
    "grayscale",
    "resize",
    "thumbnail",
    "rotate",
    "flip",
    "blur",
    "brightness",
    "contrast",
    "convert",
    "strip",
];

impl Operation {
    pub(crate) fn parse(piece: Piece<'_>) -> Result<Self, ParsePipelineError> {
        let call = Call::read(piece);
        match call.name.text() {
            "invert" => parse_invert(call),
            "grayscale" => call.no_argument().map(|()| Self::Grayscale),
            "resize" => Resize::parse(call).map(Self::Resize),
            "thumbnail" => size::parse_thumbnail(call).map(Self::Thumbnail),
            "rotate" => Rotation::parse(call).map(Self::Rotate),
            "flip" => Flip::parse(call).map(Self::Flip),
            "blur" => Sigma::parse(call).map(Self::Blur),
            "brightness" => Percent::parse(call, "brightness=PERCENT, such as brightness=20")
                .map(Self::Brightness),
            "contrast" => {
                Percent::parse(call, "contrast=PERCENT, such as contrast=20").map(Self::Contrast)
            }
            "convert" => convert::parse(call).map(Self::Convert),
            "strip" => call.no_argument().map(|()| Self::Strip),
            name => Err(unknown(call, name)),
        }
    }

    /// Whether pixels change their places, so that a turned picture has to be put upright first.
    pub(crate) fn moves_pixels(self) -> bool {
        match self {
            Self::Resize(_) | Self::Thumbnail(_) | Self::Rotate(_) | Self::Flip(_) => true,
            Self::Invert { .. }
            | Self::Grayscale
            | Self::Blur(_)
            | Self::Brightness(_)
            | Self::Contrast(_)
            | Self::Convert(_)
            | Self::Strip => false,
        }
    }
}

fn parse_invert(call: Call<'_>) -> Result<Operation, ParsePipelineError> {
    if !call.has_arguments() {
        return Ok(Operation::Invert { exact: false });
    }
    let argument = call.argument("invert or invert=exact")?;
    text::word(argument, &[("exact", Operation::Invert { exact: true })])
}

fn unknown(call: Call<'_>, name: &str) -> ParsePipelineError {
    let problem = if name.is_empty() {
        "an operation is missing".to_owned()
    } else {
        format!("\"{name}\" is not an operation")
    };
    call.name.wrong(problem, format!("allowed is {}", alternatives(NAMES)))
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invert { exact: false } => f.write_str("invert"),
            Self::Invert { exact: true } => f.write_str("invert=exact"),
            Self::Grayscale => f.write_str("grayscale"),
            Self::Resize(resize) => resize.fmt(f),
            Self::Thumbnail(bounds) => write!(f, "thumbnail={bounds}"),
            Self::Rotate(rotation) => rotation.fmt(f),
            Self::Flip(flip) => flip.fmt(f),
            Self::Blur(sigma) => write!(f, "blur={sigma}"),
            Self::Brightness(percent) => write!(f, "brightness={percent}"),
            Self::Contrast(percent) => write!(f, "contrast={percent}"),
            Self::Convert(format) => write!(f, "convert={}", convert::name(*format)),
            Self::Strip => f.write_str("strip"),
        }
    }
}
