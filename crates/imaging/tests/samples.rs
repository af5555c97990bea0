//! Every sample picture, inverted, against maximum minus what the source decodes to.

#![cfg(test)]

use std::{fs, path::PathBuf, time::Instant};

use image::{AnimationDecoder, DynamicImage, ImageDecoder, ImageReader, codecs::gif::GifDecoder};
use imaging::{Format, Limits, Output, Path, Pipeline};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../samples")
}

fn sample(name: &str) -> Vec<u8> {
    fs::read(folder().join(name)).unwrap()
}

fn samples() -> Vec<(String, Vec<u8>)> {
    let list = fs::read_to_string(folder().join("../images")).unwrap();
    let names = list.lines().filter_map(|line| line.strip_prefix("samples/"));
    names.map(|name| (name.to_owned(), sample(name))).collect()
}

fn inverted(bytes: &[u8]) -> Output {
    imaging::process(bytes, &Pipeline::invert(), &Limits::default()).unwrap()
}

fn reader(bytes: &[u8]) -> ImageReader<std::io::Cursor<&[u8]>> {
    ImageReader::new(std::io::Cursor::new(bytes)).with_guessed_format().unwrap()
}

fn decode(bytes: &[u8]) -> DynamicImage {
    reader(bytes).decode().unwrap()
}

/// Mean and largest difference from the exact inverse, in levels of 255; alpha has to be equal.
fn difference(before: &DynamicImage, after: &DynamicImage) -> (f64, f64) {
    assert_eq!(before.color(), after.color());
    assert_eq!((before.width(), before.height()), (after.width(), after.height()));
    let (channels, has_alpha) = (before.color().channel_count(), before.color().has_alpha());
    let (before, after) = (before.to_rgba16(), after.to_rgba16());
    let (mut sum, mut largest) = (0.0, 0.0f64);
    for (before, after) in before.pixels().zip(after.pixels()) {
        for channel in 0..3 {
            let expected = u16::MAX - before.0[channel];
            let difference = f64::from(after.0[channel].abs_diff(expected)) / 257.0;
            sum += difference;
            largest = largest.max(difference);
        }
        assert!(!has_alpha || before.0[3] == after.0[3], "alpha changed ({channels} channels)");
    }
    (sum / (3.0 * before.pixels().len() as f64), largest)
}

/// The step of the first coefficient: 8 at quality 75 of the usual tables, more below.
fn luma_dc_step(jpeg: &[u8]) -> u8 {
    let at = jpeg.windows(5).position(|window| window[..2] == *b"\xff\xdb" && window[4] == 0);
    jpeg[at.unwrap() + 5]
}

#[test]
fn every_sample_becomes_its_exact_inverse_within_the_bound_of_its_format() {
    let samples = samples();
    assert!(samples.len() >= 16);
    println!("{:30} {:>6} {:>6} {:>6} {:>7}  path", "file", "mean", "max", "size", "ms");
    for (name, source) in samples {
        let started = Instant::now();
        let output = inverted(&source);
        let milliseconds = started.elapsed().as_secs_f64() * 1000.0;
        let (mean, largest) = difference(&decode(&source), &decode(&output.bytes));
        let size = output.bytes.len() as f64 / source.len() as f64;
        let path = output.path;
        println!("{name:30} {mean:6.3} {largest:6.1} {size:6.2} {milliseconds:7.1}  {path}");
        if output.format == Format::Jpeg {
            // Up to a quarter of a level comes from the shift, the rest from how the decoder
            // rounds chroma, of which these smooth pictures have more than photos.
            let bound = if luma_dc_step(&source) <= 8 { 0.4 } else { 1.2 };
            assert!(mean <= bound, "{name}: mean error {mean}");
        } else {
            assert_eq!(largest, 0.0, "{name}");
        }
        let (width, height) = reader(&source).into_dimensions().unwrap();
        assert_eq!((output.width, output.height), (width, height), "{name}");
    }
}

#[test]
fn twice_gives_the_pixels_and_where_nothing_is_encoded_the_bytes() {
    for (name, source) in samples() {
        let once = inverted(&source);
        let twice = inverted(&once.bytes);
        if matches!(once.path, Path::Bits | Path::Palette) {
            assert_eq!(twice.bytes, source, "{name}");
        } else if once.format != Format::Jpeg {
            assert_eq!(decode(&twice.bytes), decode(&source), "{name}");
        }
    }
}

#[test]
fn the_animation_keeps_its_frames_and_their_delays() {
    let source = sample("orbits-animated.gif");
    let output = inverted(&source);
    let frames = |bytes: &[u8]| {
        let decoder = GifDecoder::new(std::io::Cursor::new(bytes.to_vec())).unwrap();
        decoder.into_frames().collect_frames().unwrap()
    };
    let (before, after) = (frames(&source), frames(&output.bytes));
    assert_eq!((output.frames, before.len(), after.len()), (24, 24, 24));
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before.delay(), after.delay());
        for (before, after) in before.buffer().pixels().zip(after.buffer().pixels()) {
            let [red, green, blue, alpha] = before.0;
            assert_eq!(after.0, [255 - red, 255 - green, 255 - blue, alpha]);
        }
    }
}

#[test]
fn the_orientation_stays_and_the_thumbnail_is_inverted_too() {
    let source = sample("balloons-orientation-6.jpg");
    let output = inverted(&source);
    let orientation = |bytes: &[u8]| reader(bytes).into_decoder().unwrap().orientation().unwrap();
    assert_eq!(orientation(&source), image::metadata::Orientation::Rotate90);
    assert_eq!(orientation(&output.bytes), orientation(&source));
    let thumbnail = |bytes: &[u8]| {
        let starts = bytes.windows(3).enumerate().filter(|(_, start)| start == b"\xff\xd8\xff");
        let inner = starts.map(|(at, _)| at).nth(1).expect("a thumbnail");
        decode(&bytes[inner..])
    };
    let (mean, _) = difference(&thumbnail(&source), &thumbnail(&output.bytes));
    // It has one level in steps of 13 / 8, and so misses it by most of a level.
    assert!(mean <= 1.0, "mean error {mean}");
}

#[test]
fn colour_profiles_stay() {
    for name in ["aurora-profile.jpg", "contours.tif"] {
        let source = sample(name);
        let profile = |bytes: &[u8]| reader(bytes).into_decoder().unwrap().icc_profile().unwrap();
        let before = profile(&source).expect("the sample has a profile");
        assert_eq!(profile(&inverted(&source).bytes), Some(before), "{name}");
    }
}

#[test]
fn the_depth_and_the_kind_of_colours_stay() {
    for (name, source) in samples() {
        let kind = |bytes: &[u8]| reader(bytes).into_decoder().unwrap().original_color_type();
        assert_eq!(kind(&inverted(&source).bytes), kind(&source), "{name}");
    }
}

#[test]
fn only_webp_needs_a_note() {
    let with_notes = samples().into_iter().filter(|(_, bytes)| !inverted(bytes).notes.is_empty());
    let names: Vec<String> = with_notes.map(|(name, _)| name).collect();
    assert_eq!(names, ["flower-lossy.webp", "truchet-lossless.webp"]);
}
