//! Medians of three ways that take turns, so that what slows the machine slows all of them.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use image::{DynamicImage, ImageFormat};
use imaging::{Limits, Path, Pipeline};

use crate::{
    File,
    corpus::{
        compare::{self, Difference},
        judges,
    },
    reference,
};

const LEAST_ROUNDS: usize = 5;
const MOST_ROUNDS: usize = 101;
const ENOUGH: Duration = Duration::from_millis(1500);

pub(crate) struct Measured {
    pub(crate) name: String,
    pub(crate) is_photo: bool,
    pub(crate) megapixels: f64,
    pub(crate) input_bytes: usize,
    pub(crate) output_bytes: usize,
    pub(crate) path: Path,
    /// As the `image` crate decodes both.
    pub(crate) difference: Difference,
    /// As the standard says that a JPEG is decoded, where it is one.
    pub(crate) exact: Option<Difference>,
    /// Milliseconds.
    pub(crate) ours: f64,
    pub(crate) decode: f64,
    pub(crate) full: f64,
    /// Blocks of 8 x 8 samples, for JPEG.
    pub(crate) blocks: Option<u64>,
    /// Inverting again gives the input, byte for byte.
    pub(crate) is_restored: bool,
}

pub(crate) fn measure(file: &File, is_quick: bool) -> Result<Measured, String> {
    let bytes = file.bytes.as_slice();
    let format = image::guess_format(bytes)
        .or_else(|_| ImageFormat::from_path(&file.name))
        .map_err(|error| error.to_string())?;
    let is_jpeg = format == ImageFormat::Jpeg;
    let invert = |bytes: &[u8]| {
        imaging::process(bytes, &Pipeline::invert(), &Limits::default())
            .map_err(|error| error.to_string())
    };
    let decode = || reference::decode(bytes, format).map_err(|error| error.to_string());
    let full = || reference::decode_invert_encode(bytes, format, file.quality);

    let output = invert(bytes)?;
    let again = invert(&output.bytes)?;
    let after = reference::decode(&output.bytes, format).map_err(|error| error.to_string())?;
    let difference = difference(&decode()?.pictures(), &after.pictures())?;
    let exact = is_jpeg.then(|| exact_difference(bytes, &output.bytes)).transpose()?;
    let mut times: [Vec<Duration>; 3] = Default::default();
    let started = Instant::now();
    while !is_enough(&times[0], started, is_quick) {
        times[0].push(time(|| invert(bytes)));
        times[1].push(time(decode));
        times[2].push(time(full));
    }
    let [ours, decode, full] = times.map(median);
    Ok(Measured {
        name: file.name.clone(),
        is_photo: file.is_photo,
        megapixels: f64::from(output.width) * f64::from(output.height) / 1e6,
        input_bytes: bytes.len(),
        output_bytes: output.bytes.len(),
        path: output.path,
        difference,
        exact,
        ours,
        decode,
        full,
        blocks: is_jpeg.then(|| blocks(bytes)).flatten(),
        is_restored: again.bytes == bytes,
    })
}

fn is_enough(rounds: &[Duration], started: Instant, is_quick: bool) -> bool {
    match rounds.len() {
        0 => false,
        _ if is_quick => true,
        count => count >= MOST_ROUNDS || count >= LEAST_ROUNDS && started.elapsed() >= ENOUGH,
    }
}

fn time<T>(work: impl FnOnce() -> T) -> Duration {
    let started = Instant::now();
    // Freeing the result is part of the work.
    drop(black_box(work()));
    started.elapsed()
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1000.0
}

fn difference(before: &[DynamicImage], after: &[DynamicImage]) -> Result<Difference, String> {
    if before.len() != after.len() {
        return Err(format!("{} frames became {}", before.len(), after.len()));
    }
    let mut total = Difference { mean: 0.0, largest: 0.0 };
    for (before, after) in before.iter().zip(after) {
        let one = compare::from_inverse(before, after)?;
        total.mean += one.mean;
        total.largest = total.largest.max(one.largest);
    }
    total.mean /= before.len().max(1) as f64;
    Ok(total)
}

fn exact_difference(before: &[u8], after: &[u8]) -> Result<Difference, String> {
    Ok(compare::of_samples(&judges::exact_jpeg(before)?, &judges::exact_jpeg(after)?))
}

/// From the frame header: how many blocks all components have together.
fn blocks(bytes: &[u8]) -> Option<u64> {
    let frame = frame_header(bytes)?;
    let number = |at: usize| Some(u64::from(*frame.get(at)?) << 8 | u64::from(*frame.get(at + 1)?));
    let (height, width) = (number(1)?, number(3)?);
    let components = frame.get(6..)?.chunks_exact(3);
    let factors: Vec<(u64, u64)> =
        components.map(|one| (u64::from(one[1] >> 4), u64::from(one[1] & 15))).collect();
    let across = factors.iter().map(|factor| factor.0).max()?;
    let down = factors.iter().map(|factor| factor.1).max()?;
    let units = width.div_ceil(8 * across) * height.div_ceil(8 * down);
    Some(factors.iter().map(|(across, down)| units * across * down).sum())
}

/// What follows the length of the first frame's segment.
fn frame_header(bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = bytes.get(2..)?;
    loop {
        let &[0xff, marker, high, low, ..] = rest else { return None };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if matches!(marker, 0xc0..=0xc2) {
            return rest.get(4..2 + length);
        }
        rest = rest.get(2 + length..)?;
    }
}
