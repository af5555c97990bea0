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

use metadata::Keeper;
use segments::{Frame, Layout};

use crate::{
    Class, Error, Format, Limits, Output, Path, Phases, invert::SampleMap, request::Request,
};

/// Whether [`process`] can do it; all that has four colours goes through its pixels.
pub(crate) fn goes_by_bits(input: &[u8]) -> bool {
    // What has no readable frame is refused either way, and here with the better words.
    Frame::find(input).map_or(true, |frame| inverter::has_suited_colours(&frame))
}

/// A file that lacks its end mark and nothing else, with that mark and a note about it.
pub(crate) fn ended(input: &[u8], limits: &Limits) -> Option<(Vec<u8>, Vec<String>)> {
    let refused = Layout::read(input).err()?;
    if refused.class != Class::Truncated || limits.check_memory(input.len() as u64).is_err() {
        return None;
    }
    // Only who follows the bits knows whether every block is there.
    let keeper = Keeper::new(SampleMap::Keep, false);
    let mut bytes = Vec::new();
    let summary = JpegInverter::whole(input, limits, keeper, &mut bytes).ok()?;
    Some((bytes, summary.notes))
}

/// Inverts by bits.
pub(crate) fn process(request: &Request<'_>) -> Result<Output, Error> {
    request.limits.check_memory(request.input.len() as u64)?;
    let keeper = Keeper::new(request.map, request.strip);
    // Restarts move the ends of their last bytes, and so add or spare one each at most.
    let mut bytes = Vec::with_capacity(request.input.len() + 1024);
    let summary = JpegInverter::whole(request.input, request.limits, keeper, &mut bytes)?;
    let JpegSummary { width, height, notes } = summary;
    Ok(Output {
        bytes,
        format: Format::Jpeg,
        width,
        height,
        frames: 1,
        path: Path::Bits,
        notes,
        phases: Phases::default(),
    })
}
