//! Bytes and operations in, bytes out: pictures without network and without Mesos.
//!
//! [`process`] takes a whole file, finds out what it is by its first bytes, applies a
//! [`Pipeline`], and gives a whole file back, of the same format unless a conversion is asked
//! for. Size, depth, alpha, palette, animation, colour profile, density and orientation survive;
//! what cannot be kept is named in [`Output::notes`]. Nothing is allocated that the [`Limits`]
//! forbid, and whatever is refused has a [`Class`].
//!
//! ```
//! use imaging::{Limits, Path, Pipeline};
//!
//! // One blue pixel as a PPM.
//! let output = imaging::process(b"P6 1 1 255\n\x00\x00\xff", &Pipeline::invert(), &Limits::default())?;
//! assert_eq!(output.bytes, b"P6 1 1 255\n\xff\xff\x00");
//! assert_eq!(output.path, Path::Pixels);
//! # Ok::<(), imaging::Error>(())
//! ```
//!
//! # Operations
//!
//! A chain is written with `|` between its operations, which are applied from left to right. Each
//! is an [`Operation`], where it is described:
//!
//! | text | what it does |
//! |---|---|
//! | `invert`, `invert=exact` | maximum minus sample; `exact` through the pixels even where a faster way exists |
//! | `grayscale`, `brightness=20`, `contrast=-10` | changes colours, -100 to 100 percent |
//! | `resize=800x600`, `resize=800x`, `resize=800x600,fill`, `resize=800x600,crop` | larger or smaller |
//! | `thumbnail=200` | so small that it fits, upright, without metadata |
//! | `rotate=90`, `flip=horizontal` | turns clockwise, mirrors |
//! | `blur=2.5` | Gaussian, in pixels |
//! | `convert=png` | to another of the [formats](Format) |
//! | `strip` | without metadata but the colour profile and the orientation |
//!
//! ```
//! use imaging::{Format, Limits};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Four gray pixels in two rows.
//! let source = b"P5 2 2 255\n\x00\x40\x80\xff";
//! let run = |chain: &str| -> Result<_, Box<dyn std::error::Error>> {
//!     Ok(imaging::process(source, &chain.parse()?, &Limits::default())?)
//! };
//!
//! // Turning: the lower left pixel comes to the upper left.
//! assert!(run("rotate=90")?.bytes.ends_with(b"\x80\x00\xff\x40"));
//! assert!(run("flip=horizontal")?.bytes.ends_with(b"\x40\x00\xff\x80"));
//!
//! // Tones.
//! assert!(run("brightness=100")?.bytes.ends_with(b"\xff\xff\xff\xff"));
//! assert!(run("contrast=-100|grayscale")?.bytes.ends_with(b"\x80\x80\x80\x80"));
//!
//! // Sizes; fit is the way of resizing that goes without saying.
//! let larger = run("resize=40x30")?;
//! assert_eq!((larger.width, larger.height), (30, 30));
//! let filled = run("blur=0.5|resize=40x30,fill")?;
//! assert_eq!((filled.width, filled.height), (40, 30));
//! let held = run("thumbnail=40")?;
//! assert_eq!((held.width, held.height), (2, 2));
//!
//! // Formats.
//! let converted = run("invert|convert=png|strip")?;
//! assert_eq!(converted.format, Format::Png);
//! assert!(converted.bytes.starts_with(b"\x89PNG"));
//! # Ok(())
//! # }
//! ```
//!
//! # Ways
//!
//! A chain of inversions alone takes the shortest way that its format has: the colour tables of a
//! GIF, a palette PNG or BMP, the open samples of BMP, TGA and PNM. Everything else in the file
//! stays byte for byte then. Other chains that change single colours take the way by colour tables
//! too. Everything else goes through the pixels: decoded, changed, and encoded again with what the
//! source says about its encoding, such as the quantisation tables of a JPEG, the depth of a PNG or
//! the compression of a TIFF. Which way it was is in [`Output::path`].
//!
//! Animations (GIF, PNG and WebP) stay animated through every operation, and through a conversion
//! among these three; a conversion to another format is refused. A JPEG whose source was none has
//! quality 90 and halved chroma; what was transparent is put on white there, with a note.

mod bmp;
mod cursor;
mod error;
mod exif;
mod format;
mod gif;
mod guard;
mod ico;
mod invert;
mod jpeg;
mod limits;
mod operations;
mod output;
mod picture;
mod pipeline;
mod pixels;
mod png;
mod pnm;
mod request;
mod riff;
mod sniff;
mod tga;
mod tiff;
mod webp;

pub use error::{Class, Error};
pub use format::Format;
pub use jpeg::{JpegInverter, JpegSummary};
pub use limits::Limits;
pub use operations::{Bounds, Dimensions, Flip, Operation, Percent, Resize, Rotation, Side, Sigma};
pub use output::{Output, Path, Phases};
pub use pipeline::{ParsePipelineError, Pipeline};
pub use sniff::{Sniffed, sniff};

use limits::Budget;
use pipeline::Inversion;
use request::Request;

/// Applies `pipeline` to the picture in `input`.
///
/// # Errors
///
/// Whatever is not a whole picture of a known format within `limits`, with its [`Class`].
pub fn process(input: &[u8], pipeline: &Pipeline, limits: &Limits) -> Result<Output, Error> {
    limits.check_input(input.len())?;
    let format = sniff::picture(input)?;
    let limits = &Budget::start(limits);
    guard::catch_panic(format, || match pipeline.as_inversion(format) {
        Some(Inversion { map, strip }) if has_own_way(input, format, strip) => {
            invert(format, &Request { input, map, strip, limits })
        }
        Some(_) | None => picture::process(input, format, pipeline, limits),
    })
}

/// Whether [`invert()`] can do it. Animated WebP goes frame by frame, and a JPEG of four colours
/// through its pixels.
fn has_own_way(input: &[u8], format: Format, strip: bool) -> bool {
    let goes_by_pixels = match format {
        Format::WebP => picture::is_animated_webp(input),
        Format::Jpeg => !jpeg::goes_by_bits(input),
        Format::Gif
        | Format::Png
        | Format::Bmp
        | Format::Tiff
        | Format::Pnm
        | Format::Tga
        | Format::Ico
        | Format::Qoi => false,
    };
    !goes_by_pixels && (!strip || can_strip(format))
}

/// Whether the way of a format by [`invert()`] removes metadata when asked to.
fn can_strip(format: Format) -> bool {
    match format {
        Format::Jpeg | Format::Gif | Format::Png => true,
        // They hold nothing to remove.
        Format::Bmp | Format::Qoi => true,
        Format::WebP | Format::Tiff | Format::Pnm | Format::Tga | Format::Ico => false,
    }
}

/// The ways that know one format and its samples, and nothing of other operations.
fn invert(format: Format, request: &Request<'_>) -> Result<Output, Error> {
    debug_assert!(!request.strip || can_strip(format), "{format} was asked to strip");
    match format {
        Format::Gif => gif::process(request),
        Format::Png => png::process(request),
        Format::Jpeg => jpeg::process(request),
        Format::WebP => webp::process(request),
        Format::Bmp => bmp::process(request),
        Format::Tiff => tiff::process(request),
        Format::Pnm => pnm::process(request),
        Format::Tga => tga::process(request),
        Format::Ico => ico::process(request),
        Format::Qoi => pixels::process_qoi(request),
    }
}
