//! The eight orientations: an operation on a turned file shows what it shows on the upright one.

#![cfg(test)]

use std::io::Cursor;

use image::{
    DynamicImage, ImageDecoder, ImageFormat, ImageReader, RgbImage, metadata::Orientation,
};
use imaging::{Limits, Output, Pipeline};

const OPERATIONS: [&str; 14] = [
    "rotate=90",
    "rotate=180",
    "rotate=270",
    "flip=horizontal",
    "flip=vertical",
    "resize=20x30",
    "resize=20x30,fill",
    "resize=20x30,crop",
    "resize=x16",
    "thumbnail=10x20",
    "invert|rotate=90",
    "rotate=90|invert",
    "flip=horizontal|resize=12x12|invert=exact",
    "blur=1|rotate=270",
];

/// Operations that leave pixels where they are, so the tag stays.
const STAYING: [&str; 6] =
    ["invert", "invert=exact", "grayscale", "brightness=10", "blur=1", "strip"];

fn run(bytes: &[u8], text: &str) -> Output {
    let pipeline: Pipeline = text.parse().unwrap();
    imaging::process(bytes, &pipeline, &Limits::default())
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Different in every direction.
fn upright() -> DynamicImage {
    let image = RgbImage::from_fn(48, 32, |x, y| {
        let shade = |a: u32| (40 + a * 4) as u8;
        [shade(x), shade(y), if x < 12 && y < 8 { 220 } else { 60 }].into()
    });
    image.into()
}

/// The upright picture as a camera held otherwise would have stored it.
fn stored(orientation: Orientation) -> DynamicImage {
    // All others are their own inverse.
    let inverse = if orientation == Orientation::Rotate90 {
        Orientation::Rotate270
    } else if orientation == Orientation::Rotate270 {
        Orientation::Rotate90
    } else {
        orientation
    };
    let mut image = upright();
    image.apply_orientation(inverse);
    image
}

fn exif(orientation: Orientation) -> Vec<u8> {
    let mut block = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    block.extend([orientation.to_exif(), 0, 0, 0, 0, 0, 0]);
    block
}

fn jpeg(orientation: Orientation) -> Vec<u8> {
    let mut bytes = Vec::new();
    let image = stored(orientation).into_rgb8();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 95);
    encoder.add_exif_metadata(&exif(orientation)).unwrap();
    let (width, height) = (image.width() as u16, image.height() as u16);
    encoder.encode(&image, width, height, jpeg_encoder::ColorType::Rgb).unwrap();
    bytes
}

fn png(orientation: Orientation) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::png::PngEncoder::new(&mut bytes);
    image::ImageEncoder::set_exif_metadata(&mut encoder, exif(orientation)).unwrap();
    stored(orientation).write_with_encoder(encoder).unwrap();
    bytes
}

fn webp(orientation: Orientation) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::webp::WebPEncoder::new_lossless(&mut bytes);
    image::ImageEncoder::set_exif_metadata(&mut encoder, exif(orientation)).unwrap();
    stored(orientation).write_with_encoder(encoder).unwrap();
    bytes
}

fn tiff(orientation: Orientation) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let image = stored(orientation).into_rgb8();
    let mut encoder = tiff::encoder::TiffEncoder::new(&mut bytes).unwrap();
    let mut writer =
        encoder.new_image::<tiff::encoder::colortype::RGB8>(image.width(), image.height()).unwrap();
    let tag = tiff::tags::Tag::Orientation;
    writer.encoder().write_tag(tag, u16::from(orientation.to_exif())).unwrap();
    writer.write_data(&image).unwrap();
    bytes.into_inner()
}

type Writer = fn(Orientation) -> Vec<u8>;

const SOURCES: [(&str, Writer); 4] = [("jpeg", jpeg), ("png", png), ("webp", webp), ("tiff", tiff)];

fn orientations() -> impl Iterator<Item = Orientation> {
    (1..=8).map(|number| Orientation::from_exif(number).unwrap())
}

/// What the file says, by EXIF or by a tag.
fn orientation_of(bytes: &[u8]) -> Orientation {
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().unwrap();
    let is_tiff = reader.format() == Some(ImageFormat::Tiff);
    let mut decoder = reader.into_decoder().unwrap();
    if is_tiff {
        return decoder.orientation().unwrap();
    }
    let exif = decoder.exif_metadata().unwrap();
    let found = exif.and_then(|block| Orientation::from_exif_chunk(&block));
    found.unwrap_or(Orientation::NoTransforms)
}

/// The picture as a viewer shows it.
fn shown(bytes: &[u8]) -> RgbImage {
    let mut image = image::load_from_memory(bytes).unwrap();
    image.apply_orientation(orientation_of(bytes));
    image.into_rgb8()
}

fn mean_difference(one: &RgbImage, other: &RgbImage, what: &str) -> f64 {
    assert_eq!(one.dimensions(), other.dimensions(), "{what}");
    let differences = one.iter().zip(other.iter()).map(|(a, b)| f64::from(a.abs_diff(*b)));
    differences.sum::<f64>() / one.len() as f64
}

#[test]
fn the_sources_are_what_they_claim() {
    for (name, source) in SOURCES {
        for orientation in orientations() {
            let bytes = source(orientation);
            assert_eq!(orientation_of(&bytes), orientation, "{name}");
            let difference = mean_difference(&shown(&bytes), &upright().into_rgb8(), name);
            assert!(difference < 2.0, "{name} {orientation:?}: {difference}");
        }
    }
}

#[test]
fn operations_that_move_pixels_work_on_the_picture_as_it_is_shown() {
    for (name, source) in SOURCES {
        let upright = source(Orientation::NoTransforms);
        for text in OPERATIONS {
            let expected = shown(&run(&upright, text).bytes);
            for orientation in orientations() {
                let what = format!("{text} on {name} {orientation:?}");
                let output = run(&source(orientation), text);
                let said = orientation_of(&output.bytes);
                assert_eq!(said, Orientation::NoTransforms, "{what}");
                let difference = mean_difference(&shown(&output.bytes), &expected, &what);
                let most = if name == "jpeg" { 2.5 } else { 0.1 };
                assert!(difference <= most, "{what}: {difference}");
            }
        }
    }
}

#[test]
fn operations_that_leave_pixels_where_they_are_leave_the_tag() {
    for (name, source) in SOURCES {
        for text in STAYING {
            for orientation in orientations() {
                let what = format!("{text} on {name} {orientation:?}");
                let output = run(&source(orientation), text);
                assert_eq!(orientation_of(&output.bytes), orientation, "{what}");
            }
        }
    }
}

#[test]
fn a_conversion_keeps_the_tag_or_turns_the_pixels() {
    for (name, source) in SOURCES {
        for target in ["jpeg", "png", "webp", "tiff", "bmp", "gif", "qoi", "tga", "pnm"] {
            for orientation in orientations() {
                let what = format!("{name} to {target} {orientation:?}");
                let output = run(&source(orientation), &format!("convert={target}"));
                let shown = if matches!(target, "bmp" | "gif" | "qoi" | "tga" | "pnm") {
                    let format = ImageFormat::from_extension(target).unwrap();
                    let image = image::load_from_memory_with_format(&output.bytes, format);
                    image.unwrap().into_rgb8()
                } else {
                    assert_eq!(orientation_of(&output.bytes), orientation, "{what}");
                    shown(&output.bytes)
                };
                let difference = mean_difference(&shown, &upright().into_rgb8(), &what);
                assert!(difference <= 6.0, "{what}: {difference}");
            }
        }
    }
}
