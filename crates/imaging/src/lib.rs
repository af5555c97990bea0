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
mod output;
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
pub use output::{Output, Path};
pub use pipeline::{Operation, ParsePipelineError, Pipeline};
pub use sniff::{Sniffed, sniff};

use request::Request;

/// Applies `pipeline` to the picture in `input`.
///
/// # Errors
///
/// Whatever is not a whole picture of a known format within `limits`, with its [`Class`].
pub fn process(input: &[u8], pipeline: &Pipeline, limits: &Limits) -> Result<Output, Error> {
    let format = sniff::picture(input)?;
    let request = Request { input, map: pipeline.sample_map(), limits };
    guard::catch_panic(format, || route(format, &request))
}

fn route(format: Format, request: &Request<'_>) -> Result<Output, Error> {
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
