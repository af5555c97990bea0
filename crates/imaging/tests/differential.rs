//! Whatever a strict decoder accepts, it accepts our result of it too, with the same size and the
//! inverse pixels: over the samples, the rare JPEGs, and pictures made by chance in every format
//! that public encoders write.

#![cfg(test)]

#[expect(dead_code, reason = "tests and bench use a part of it each")]
mod corpus;

use std::{
    fs,
    io::Cursor,
    path::{Path, PathBuf},
};

use corpus::{
    coefficients::Jpeg,
    compare::{self, Difference},
    judges,
    tiny::{self, Tiny},
};
use image::{AnimationDecoder, DynamicImage, ImageFormat, ImageResult, codecs::gif::GifDecoder};
use imaging::{Limits, Output, Pipeline};
use proptest::prelude::*;

fn invert(bytes: &[u8]) -> Result<Output, String> {
    imaging::process(bytes, &Pipeline::invert(), &Limits::default())
        .map_err(|error| format!("refused as {}: {error}", error.class))
}

/// Every picture in the file, by a decoder that accepts no damage.
fn decode(bytes: &[u8], format: ImageFormat) -> Result<Vec<DynamicImage>, String> {
    if format == ImageFormat::Jpeg {
        return judges::exact_jpeg_picture(bytes).map(|picture| vec![picture]);
    }
    let pictures = if format == ImageFormat::Gif {
        gif_frames(bytes)
    } else {
        image::load_from_memory_with_format(bytes, format).map(|picture| vec![picture])
    };
    pictures.map_err(|error| error.to_string())
}

fn gif_frames(bytes: &[u8]) -> ImageResult<Vec<DynamicImage>> {
    let frames = GifDecoder::new(Cursor::new(bytes))?.into_frames().collect_frames()?;
    Ok(frames.into_iter().map(|frame| frame.into_buffer().into()).collect())
}

/// How far a result may be off: not at all, but for a JPEG by what the step of its first coefficient
/// allows.
fn bound(bytes: &[u8], format: ImageFormat, picture: &DynamicImage, path: imaging::Path) -> f64 {
    if format != ImageFormat::Jpeg {
        return 0.0;
    }
    assert_eq!(path, imaging::Path::Bits);
    let step = Jpeg::read(bytes).unwrap().components[0].steps[0];
    let is_progressive = bytes.windows(2).any(|window| window == b"\xff\xc2");
    match step {
        // Of one file the last bits are not there, so that its steps are twice what it says.
        5..=8 if is_progressive => 1.0,
        // A few pixels are right or wrong by a whole level, and tables made to measure for a few
        // blocks may have no code that brings that level in before the last of them.
        ..=16 if picture.width() * picture.height() < 4096 => 1.2,
        ..=8 => 0.35,
        9..=16 => 1.2,
        _ => f64::from(step) / 8.0 + 1.0,
    }
}

/// Accepted before means accepted after, and inverted.
fn check(source: &[u8], format: ImageFormat) -> Result<(), String> {
    let Ok(before) = decode(source, format) else { return Ok(()) };
    let output = invert(source)?;
    let after = decode(&output.bytes, format)?;
    if before.len() != after.len() {
        return Err(format!("{} frames became {}", before.len(), after.len()));
    }
    let bound = bound(source, format, &before[0], output.path);
    for (before, after) in before.iter().zip(&after) {
        let Difference { mean, largest } = compare::from_inverse(before, after)?;
        if mean > bound {
            return Err(format!("mean error {mean:.3}, largest {largest}, allowed is {bound:.3}"));
        }
    }
    Ok(())
}

fn check_all(files: &[(String, ImageFormat, Vec<u8>)]) {
    let failures: Vec<String> = files
        .iter()
        .filter_map(|(name, format, bytes)| {
            let why = check(bytes, *format).err()?;
            Some(format!("{format:?} {name}: {why}"))
        })
        .collect();
    assert!(
        failures.is_empty(),
        "{} of {} fail:\n{}",
        failures.len(),
        files.len(),
        failures.join("\n")
    );
}

fn made(width: u32, height: u32, seed: u32, photo: bool) -> Vec<(String, ImageFormat, Vec<u8>)> {
    let files = tiny::files(width, height, seed, photo).into_iter();
    files.map(|Tiny { format, name, bytes }| (name, format, bytes)).collect()
}

fn folder(name: &str) -> Vec<(String, ImageFormat, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<(String, ImageFormat, Vec<u8>)> = paths
        .filter_map(|path: PathBuf| {
            let format = ImageFormat::from_path(&path).ok()?;
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            Some((name, format, fs::read(&path).unwrap()))
        })
        .collect();
    files.sort_by(|one, other| one.0.cmp(&other.0));
    files
}

#[test]
fn the_samples() {
    let samples = folder("../../samples");
    assert!(samples.len() >= 18);
    check_all(&samples);
}

#[test]
fn jpegs_of_rare_kinds() {
    let files = folder("tests/data/jpeg");
    assert!(files.len() >= 40);
    check_all(&files);
}

#[test]
fn every_kind_of_every_format() {
    for (width, height, seed) in [(1, 1, 1), (16, 16, 2), (37, 21, 3), (80, 56, 4)] {
        check_all(&made(width, height, seed, true));
    }
}

#[test]
fn a_strict_decoder_knows_every_file_that_is_made_here() {
    for (name, format, bytes) in made(24, 17, 6, true) {
        assert!(decode(&bytes, format).is_ok(), "{format:?} {name}: {:?}", decode(&bytes, format));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn pictures_of_any_size(
        width in 1u32..=40, height in 1u32..=40, seed in 0u32..1000, photo in any::<bool>(),
    ) {
        check_all(&made(width, height, seed, photo));
    }
}
