//! JPEG of many encodings against the exact inverse, and what becomes of its segments.

#![cfg(test)]

use image::{DynamicImage, ImageFormat};
use imaging::{Class, JpegInverter, Limits, Output, Path, Pipeline};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

const WIDTH: u16 = 70;
const HEIGHT: u16 = 45;

fn process(bytes: &[u8]) -> Result<Output, imaging::Error> {
    imaging::process(bytes, &Pipeline::invert(), &Limits::default())
}

/// Soft shapes with some texture, as in a photo.
fn samples(channels: usize) -> Vec<u8> {
    let mut samples = Vec::new();
    for y in 0..i32::from(HEIGHT) {
        for x in 0..i32::from(WIDTH) {
            for channel in 0..channels as i32 {
                let wave = f64::from(x * (channel + 2) + y * 3) / 9.0;
                let texture = (x * 7919 + y * 104_729) % 13 - 6;
                samples.push((128.0 + 90.0 * wave.sin() + f64::from(texture)) as u8);
            }
        }
    }
    samples
}

fn jpeg(
    quality: u8,
    colours: ColorType,
    setup: impl FnOnce(&mut Encoder<&mut Vec<u8>>),
) -> Vec<u8> {
    let channels = match colours {
        ColorType::Luma => 1,
        ColorType::Cmyk | ColorType::CmykAsYcck => 4,
        ColorType::Rgb => 3,
        ColorType::Rgba | ColorType::Bgr | ColorType::Bgra | ColorType::Ycbcr | ColorType::Ycck => {
            panic!("not used here")
        }
    };
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, quality);
    setup(&mut encoder);
    encoder.encode(&samples(channels), WIDTH, HEIGHT, colours).unwrap();
    bytes
}

fn decode(bytes: &[u8]) -> DynamicImage {
    image::load_from_memory_with_format(bytes, ImageFormat::Jpeg).unwrap()
}

fn mean_error(source: &[u8], output: &[u8]) -> f64 {
    let (before, after) = (decode(source), decode(output));
    assert_eq!(before.color(), after.color());
    let (before, after) = (before.as_bytes().to_vec(), after.as_bytes().to_vec());
    assert_eq!(before.len(), after.len());
    let sum: u64 = before.iter().zip(&after).map(|(b, a)| u64::from(a.abs_diff(255 - b))).sum();
    sum as f64 / before.len() as f64
}

#[test]
fn every_quality_and_sampling_stays_within_two_levels() {
    let samplings = [
        SamplingFactor::F_1_1,
        SamplingFactor::F_2_1,
        SamplingFactor::F_1_2,
        SamplingFactor::F_2_2,
        SamplingFactor::F_4_1,
    ];
    for quality in [20, 50, 75, 90, 100] {
        for sampling in samplings {
            for progressive in [false, true] {
                let source = jpeg(quality, ColorType::Rgb, |encoder| {
                    encoder.set_sampling_factor(sampling);
                    encoder.set_progressive(progressive);
                    encoder.set_restart_interval(3);
                });
                let what = format!("quality {quality}, {sampling:?}, progressive {progressive}");
                let output = process(&source).unwrap_or_else(|error| panic!("{what}: {error}"));
                let mean = mean_error(&source, &output.bytes);
                assert!(mean <= 2.0, "{what}: mean error {mean:.2}");
            }
        }
    }
}

#[test]
fn gray_stays_gray() {
    let source = jpeg(80, ColorType::Luma, |_| ());
    let output = process(&source).unwrap();
    assert_eq!(decode(&output.bytes).color(), image::ColorType::L8);
    assert!(mean_error(&source, &output.bytes) <= 2.0);
}

#[test]
fn cmyk_becomes_rgb_and_loses_its_profile() {
    for colours in [ColorType::Cmyk, ColorType::CmykAsYcck] {
        let source =
            jpeg(90, colours, |encoder| encoder.add_icc_profile(&profile(b"CMYK")).unwrap());
        let output = process(&source).unwrap();
        assert!(mean_error(&source, &output.bytes) <= 2.0);
        assert!(!contains(&output.bytes, b"ICC_PROFILE"));
        assert!(output.notes.iter().any(|note| note.contains("CMYK")), "{:?}", output.notes);
    }
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

fn profile(colours: &[u8; 4]) -> Vec<u8> {
    let mut profile = vec![0; 200];
    profile[16..20].copy_from_slice(colours);
    profile
}

#[test]
fn profile_text_and_orientation_are_kept_and_gain_maps_are_not() {
    let exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x08\0\0\0\0\0\0\0";
    let source = jpeg(80, ColorType::Rgb, |encoder| {
        encoder.add_exif_metadata(exif).unwrap();
        encoder.add_icc_profile(&profile(b"RGB ")).unwrap();
        encoder.add_app_segment(2, b"MPF\0II*\0".to_vec()).unwrap();
        encoder.add_app_segment(13, b"a note".to_vec()).unwrap();
    });
    let source = [&source[..], b"\xff\xd8\xff a second picture"].concat();
    let output = process(&source).unwrap();
    for kept in [&exif[..], &profile(b"RGB "), b"a note", b"JFIF\0"] {
        assert!(contains(&output.bytes, kept));
    }
    assert!(!contains(&output.bytes, b"MPF\0"));
    assert!(output.bytes.ends_with(b"\xff\xd9"));
    assert_eq!(output.notes.len(), 2, "{:?}", output.notes);
}

#[test]
fn a_thumbnail_in_the_first_segment_is_inverted_too() {
    let mut source = jpeg(80, ColorType::Luma, |_| ());
    // A thumbnail of one pixel behind the twelve bytes that JFIF fixes.
    source.splice(4..6, [0, 19]);
    source.splice(18..20, [1, 1, 9, 8, 7]);
    let output = process(&source).unwrap();
    assert_eq!(output.bytes[4..6], [0, 19]);
    assert_eq!(output.bytes[18..23], [1, 1, 246, 247, 248]);
}

#[test]
fn kinds_that_are_not_covered_are_named() {
    let with_frame = |marker: u8, precision: u8| {
        let mut source = jpeg(80, ColorType::Luma, |_| ());
        let at = source.windows(2).position(|window| window == b"\xff\xc0").unwrap();
        source[at + 1] = marker;
        source[at + 4] = precision;
        process(&source).unwrap_err()
    };
    for (marker, precision, what) in [
        (0xc9, 8, "arithmetic"),
        (0xc3, 8, "lossless"),
        (0xc5, 8, "hierarchical"),
        (0xc1, 12, "12 bits"),
    ] {
        let error = with_frame(marker, precision);
        assert_eq!(error.class, Class::Unsupported);
        assert!(error.message.contains(what), "{error}");
    }
}

/// The file pushed through in pieces of `size` bytes.
fn in_pieces(source: &[u8], size: usize) -> Result<Vec<u8>, imaging::Error> {
    let mut inverter = JpegInverter::new(&Limits::default());
    let mut output = Vec::new();
    for piece in source.chunks(size) {
        inverter.push(piece, &mut output)?;
    }
    inverter.finish(&mut output).map(|_| output)
}

#[test]
fn pieces_of_every_size_give_the_same_bytes_as_the_whole() {
    let (four, one) = (SamplingFactor::F_2_2, SamplingFactor::F_1_1);
    for (colours, sampling, interval) in [
        (ColorType::Rgb, four, 0),
        (ColorType::Rgb, four, 3),
        (ColorType::Rgb, one, 2),
        (ColorType::Rgb, one, 5),
        (ColorType::Luma, one, 1),
        (ColorType::Luma, one, 9),
        (ColorType::Luma, one, 20),
    ] {
        let source = jpeg(90, colours, |encoder| {
            encoder.set_sampling_factor(sampling);
            encoder.set_restart_interval(interval);
        });
        let whole = process(&source).unwrap().bytes;
        for size in [1, 2, 3, 7, 100, 1000, source.len()] {
            assert_eq!(in_pieces(&source, size).unwrap(), whole, "pieces of {size}");
        }
        assert_eq!(in_pieces(&whole, 5).unwrap(), source);
    }
}

#[test]
fn long_runs_of_filling_in_the_data_are_the_same_in_pieces() {
    let source = jpeg(95, ColorType::Rgb, |_| ());
    let scan = source.windows(2).position(|window| window == b"\xff\xda").unwrap();
    let stuffed: Vec<_> =
        (scan..source.len() - 1).filter(|&at| source[at..at + 2] == [0xff, 0]).collect();
    for &at in stuffed.iter().step_by(5) {
        let mut filled = source.clone();
        filled.splice(at..at, [0xff; 700]);
        let whole = process(&filled).unwrap().bytes;
        for size in [64, 333, at + 600] {
            assert_eq!(in_pieces(&filled, size).unwrap(), whole, "{at}, pieces of {size}");
        }
    }
    assert!(stuffed.len() > 10);
}

#[test]
fn a_picture_that_ends_too_early_is_truncated_wherever_that_is() {
    let source = jpeg(75, ColorType::Luma, |encoder| encoder.set_restart_interval(4));
    for length in 2..source.len() - 2 {
        let error = in_pieces(&source[..length], 64).unwrap_err();
        assert_eq!(error.class, Class::Truncated, "{length}: {error}");
    }
    let without_end = in_pieces(&source[..source.len() - 2], 64).unwrap();
    assert_eq!(without_end, process(&source).unwrap().bytes);
}

#[test]
fn a_height_that_is_told_behind_the_picture_is_taken() {
    let source = jpeg(80, ColorType::Rgb, |_| ());
    let mut late = source.clone();
    let frame = late.windows(2).position(|window| window == b"\xff\xc0").unwrap();
    late[frame + 5..frame + 7].fill(0);
    let end = late.len() - 2;
    late.splice(end..end, [0xff, 0xdc, 0, 4, 0, HEIGHT as u8]);
    let output = process(&late).unwrap();
    assert_eq!((output.path, output.height), (Path::Bits, HEIGHT.into()));
    let usual = process(&source).unwrap().bytes;
    assert_eq!(output.bytes[frame + 7..end - 40], usual[frame + 7..end - 40]);
    assert_eq!(process(&output.bytes).unwrap().bytes, late);
}

#[test]
fn damage_within_the_scan_is_noticed_though_the_end_mark_is_there() {
    let source = jpeg(90, ColorType::Rgb, |_| ());
    let mut damaged = source.clone();
    let (start, end) = (source.len() / 2, source.len() - 2);
    damaged.drain(start..end);
    assert_eq!(process(&damaged).unwrap_err().class, Class::Truncated);
}

#[test]
fn stripping_leaves_the_profile_and_the_orientation() {
    let exif = b"II*\0\x08\0\0\0\x02\0\x0f\x01\x02\0\x04\0\0\0Cam\0\x12\x01\x03\0\x01\0\0\0\x08\0\0\0\0\0\0\0";
    let source = jpeg(80, ColorType::Rgb, |encoder| {
        encoder.add_exif_metadata(exif).unwrap();
        encoder.add_icc_profile(&profile(b"RGB ")).unwrap();
        encoder.add_app_segment(13, b"a note".to_vec()).unwrap();
    });
    let pipeline = "invert|strip".parse().unwrap();
    let output = imaging::process(&source, &pipeline, &Limits::default()).unwrap();
    assert_eq!(output.path, Path::Bits);
    assert!(contains(&output.bytes, &profile(b"RGB ")));
    assert!(!contains(&output.bytes, b"Cam") && !contains(&output.bytes, b"a note"));
    let mut decoder =
        image::codecs::jpeg::JpegDecoder::new(std::io::Cursor::new(&output.bytes)).unwrap();
    let orientation = image::ImageDecoder::orientation(&mut decoder).unwrap();
    assert_eq!(orientation, image::metadata::Orientation::Rotate270);
}

#[test]
fn colours_stored_finer_than_brightness_are_refused_where_pixels_are_needed() {
    let finer = include_bytes!("data/jpeg/sampling-chroma-finer.jpg");
    let thirds = include_bytes!("data/jpeg/sampling-thirds.jpg");
    for bytes in [&finer[..], thirds] {
        assert_eq!(process(bytes).unwrap().path, Path::Bits);
        for text in ["invert=exact", "rotate=90", "convert=png"] {
            let pipeline: Pipeline = text.parse().unwrap();
            let error = imaging::process(bytes, &pipeline, &Limits::default()).unwrap_err();
            assert_eq!(error.class, Class::Unsupported, "{text}: {error}");
        }
    }
}
