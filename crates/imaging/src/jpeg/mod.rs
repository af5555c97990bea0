//! JPEG: by its entropy-coded bits where that can be done, and otherwise through its pixels,
//! written with the tables and the sampling it came with.

mod bits;
mod chroma;
pub(crate) mod general;
mod inverter;
mod metadata;
mod pixels;
mod segments;

pub use inverter::{JpegInverter, JpegSummary};

use metadata::{Keeper, Kept};
use segments::{Frame, Layout, SOI};

use crate::{Error, Format, Output, Path, request::Request};

pub(crate) fn process(request: &Request<'_>) -> Result<Output, Error> {
    if inverter::has_suited_colours(&Frame::find(request.input)?) {
        by_bits(request)
    } else {
        by_pixels(request)
    }
}

fn by_bits(request: &Request<'_>) -> Result<Output, Error> {
    request.limits.check_memory(request.input.len() as u64)?;
    let keeper = Keeper::new(request.map, request.strip);
    // Restarts move the ends of their last bytes, and so add or spare one each at most.
    let mut bytes = Vec::with_capacity(request.input.len() + 1024);
    let summary = JpegInverter::whole(request.input, request.limits, keeper, &mut bytes)?;
    let JpegSummary { width, height, notes } = summary;
    Ok(Output { bytes, format: Format::Jpeg, width, height, frames: 1, path: Path::Bits, notes })
}

fn by_pixels(request: &Request<'_>) -> Result<Output, Error> {
    let layout = Layout::read(request.input)?;
    let (width, height) = (layout.frame.width.into(), layout.frame.height.into());
    request.limits.check_size(width, height)?;
    let mut kept = Kept::select(&layout.metadata, &layout.frame);
    let encoded = pixels::process(request, &layout, &mut kept.notes)?;
    if !layout.trailing.iter().all(|&byte| byte == 0) {
        let count = layout.trailing.len();
        kept.notes.push(format!("{count} bytes after the end of the picture were left out"));
    }
    Ok(Output {
        bytes: join(&kept, &encoded),
        format: Format::Jpeg,
        width,
        height,
        frames: 1,
        path: Path::Pixels,
        notes: kept.notes,
    })
}

/// The source's segments before what the encoder wrote.
fn join(kept: &Kept, encoded: &[u8]) -> Vec<u8> {
    let after_soi = encoded.get(2..).unwrap_or_default();
    // The encoder's own JFIF segment is only there for files that come without one.
    let jfif_bytes = match after_soi {
        &[0xff, 0xe0, high, low, ..] => 2 + usize::from(u16::from_be_bytes([high, low])),
        _ => 0,
    };
    let (jfif, picture) = after_soi.split_at_checked(jfif_bytes).unwrap_or((&[], after_soi));
    let jfif = if kept.has_jfif { &[] } else { jfif };
    [&[0xff, SOI][..], jfif, &kept.bytes, picture].concat()
}
