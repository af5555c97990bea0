//! Bytes and operations in, bytes out: pictures without network and without Mesos.
//!
//! [`process`] takes a whole file, finds out what it is by its first bytes, applies a
//! [`Pipeline`], and gives a whole file of the same format back. Size, depth, alpha, palette,
//! animation, colour profile, density and orientation survive; what cannot be kept is named in
//! [`Output::notes`]. Nothing is allocated that the [`Limits`] forbid, and whatever is refused has
//! a [`Class`].
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
//! Formats whose samples lie open in the file (GIF and palette PNG by their colour tables, BMP,
//! TGA and PNM) are changed in place, so everything else in them stays byte for byte. The others
//! are decoded and encoded again.

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
mod sniff;
mod tga;
mod tiff;
mod webp;

pub use error::{Class, Error};
pub use format::Format;
pub use limits::Limits;
pub use operations::{Bounds, Dimensions, Flip, Operation, Percent, Resize, Rotation, Side, Sigma};
pub use output::{Output, Path};
pub use pipeline::{ParsePipelineError, Pipeline};
pub use sniff::{Sniffed, sniff};

use pipeline::Inversion;
use request::Request;

/// Applies `pipeline` to the picture in `input`.
///
/// # Errors
///
/// Whatever is not a whole picture of a known format within `limits`, with its [`Class`].
pub fn process(input: &[u8], pipeline: &Pipeline, limits: &Limits) -> Result<Output, Error> {
    let format = sniff::picture(input)?;
    guard::catch_panic(format, || match pipeline.as_inversion() {
        Some(Inversion { map, strip }) if !strip || can_strip(format) => {
            invert(format, &Request { input, map, strip, limits })
        }
        Some(_) | None => picture::process(input, format, pipeline, limits),
    })
}

/// Whether the way of a format by [`invert`] removes metadata when asked to.
fn can_strip(format: Format) -> bool {
    match format {
        Format::Gif
        | Format::Png
        | Format::Jpeg
        | Format::WebP
        | Format::Bmp
        | Format::Tiff
        | Format::Pnm
        | Format::Tga
        | Format::Ico
        | Format::Qoi => false,
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
