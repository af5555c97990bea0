//! What is refused, with which class; and that no damage makes anything fall over.

#![cfg(test)]

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, RgbImage};
use imaging::{Class, Error, Limits, Output, Pipeline};

fn process(bytes: &[u8]) -> Result<Output, Error> {
    imaging::process(bytes, &Pipeline::invert(), &Limits::default())
}

fn class(bytes: &[u8]) -> Class {
    process(bytes).unwrap_err().class
}

fn small(format: ImageFormat) -> Vec<u8> {
    let paint = |x: u32, y: u32| image::Rgb([(x * 30) as u8, (y * 40) as u8, (x * y * 9) as u8]);
    let picture = DynamicImage::ImageRgb8(RgbImage::from_fn(7, 6, paint));
    let picture = if format == ImageFormat::Ico { picture.to_rgba8().into() } else { picture };
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

const FORMATS: &[ImageFormat] = &[
    ImageFormat::Jpeg,
    ImageFormat::Png,
    ImageFormat::Gif,
    ImageFormat::WebP,
    ImageFormat::Bmp,
    ImageFormat::Tiff,
    ImageFormat::Pnm,
    ImageFormat::Qoi,
    ImageFormat::Ico,
    ImageFormat::Tga,
];

#[test]
fn no_cut_at_any_byte_passes_for_a_whole_picture() {
    for &format in FORMATS {
        let whole = small(format);
        let right = process(&whole).unwrap();
        let right = image::load_from_memory_with_format(&right.bytes, format).unwrap();
        for length in 0..whole.len() {
            match process(&whole[..length]) {
                Err(error) => assert_ne!(error.class, Class::Internal, "{format:?} at {length}"),
                Ok(output) => {
                    let got = image::load_from_memory_with_format(&output.bytes, format);
                    assert_eq!(got.ok().as_ref(), Some(&right), "{format:?} cut at {length}");
                }
            }
        }
    }
}

#[test]
fn a_file_cut_in_half_is_truncated() {
    for &format in FORMATS {
        let whole = small(format);
        assert_eq!(class(&whole[..whole.len() / 2]), Class::Truncated, "{format:?}");
    }
}

#[test]
fn no_single_wrong_byte_makes_a_codec_fail() {
    for &format in FORMATS {
        let whole = small(format);
        for at in 0..whole.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] ^= flip;
                if let Err(error) = process(&damaged) {
                    assert_ne!(error.class, Class::Internal, "{format:?}, byte {at} ^ {flip}");
                }
            }
        }
    }
}

/// A PNG with sound check sums whose header claims a size.
fn claiming(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = small(ImageFormat::Png);
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let sum = crc32fast::hash(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&sum.to_be_bytes());
    bytes
}

#[test]
fn a_png_that_claims_60000_x_60000_is_too_large() {
    let error = process(&claiming(60_000, 60_000)).unwrap_err();
    assert_eq!(error.class, Class::TooLarge);
    assert_eq!(
        error.message,
        "the picture is 60000 x 60000, 3600000000 pixels, and the limit is 100000000"
    );
}

#[test]
fn a_png_whose_data_end_early_is_truncated_and_not_filled() {
    let class = class(&claiming(7, 600));
    assert!(matches!(class, Class::Truncated | Class::Corrupt), "{class}");
}

#[test]
fn every_limit_holds_for_every_format() {
    for &format in FORMATS {
        let bytes = small(format);
        for limits in [
            Limits { max_pixels: 41, ..Limits::default() },
            Limits { max_memory_bytes: 40, ..Limits::default() },
        ] {
            let error = imaging::process(&bytes, &Pipeline::invert(), &limits).unwrap_err();
            assert_eq!(error.class, Class::TooLarge, "{format:?}: {error}");
        }
    }
}

#[test]
fn an_animated_webp_without_a_frame_is_corrupt() {
    let mut webp = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\0\0\0\0\0\0".to_vec();
    let length = (webp.len() - 8) as u32;
    webp[4..8].copy_from_slice(&length.to_le_bytes());
    let error = process(&webp).unwrap_err();
    assert_eq!(error.class, Class::Corrupt, "{error}");
}

#[test]
fn a_tiff_of_two_pages_is_unsupported() {
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = tiff::encoder::TiffEncoder::new(&mut bytes).unwrap();
    for _ in 0..2 {
        encoder.write_image::<tiff::encoder::colortype::Gray8>(1, 1, &[7]).unwrap();
    }
    let error = process(&bytes.into_inner()).unwrap_err();
    assert_eq!(error.class, Class::Unsupported);
    assert!(error.message.contains("pages"), "{error}");
}

#[test]
fn several_pictures_in_one_pnm_are_unsupported() {
    assert_eq!(class(b"P5 1 1 255\n\x01P5 1 1 255\n\x02"), Class::Unsupported);
}

#[test]
fn what_is_no_picture_has_its_class() {
    assert_eq!(class(b""), Class::Empty);
    assert_eq!(class(b"<!doctype html><title>Not found</title>"), Class::NotAnImage);
    assert_eq!(class(b"\0\0\0\x1cftypheic\0\0\0\0"), Class::Unsupported);
    assert_eq!(class(b"\x89PNG\r\n\x1a\n"), Class::Truncated);
    assert_eq!(class(b"\x89PNG\r\n\x1a\n\0\0\0\0!!!!\0\0\0\0"), Class::Corrupt);
}

#[test]
fn messages_are_one_sentence_that_names_the_format() {
    for (bytes, expected) in [
        (&b"GIF89a\x01\0"[..], "the GIF file ends before its picture does; fetch it again"),
        (b"<html>", "the file is no picture: it looks like an HTML page"),
        (b"", "the file is empty"),
    ] {
        assert_eq!(process(bytes).unwrap_err().to_string(), expected);
    }
}
