//! TIFF of rarer kinds: large offsets, and compressions that are not known.

#![cfg(test)]

use std::io::Cursor;

use imaging::{Limits, Output, Pipeline};
use tiff::{
    encoder::{TiffEncoder, colortype},
    tags::Tag,
};

fn process(bytes: &[u8], text: &str) -> Result<Output, imaging::Error> {
    let pipeline: Pipeline = text.parse().unwrap();
    imaging::process(bytes, &pipeline, &Limits::default())
}

fn pixels(bytes: &[u8], text: &str) -> Vec<u8> {
    let output = process(bytes, text).unwrap_or_else(|error| panic!("{text}: {error}"));
    image::load_from_memory(&output.bytes).unwrap().into_rgb8().into_raw()
}

fn big_truecolour(samples: &[u8]) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new_big(&mut bytes).unwrap();
    encoder.write_image::<colortype::RGB8>(2, 1, samples).unwrap();
    bytes.into_inner()
}

/// Eight pixels beside each other in one strip, with 64 bits for every offset.
fn big_directory(bits: u16, meaning: u16, table: &[u16], packed: &[u8]) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new_big(&mut bytes).unwrap();
    let mut directory = encoder.image_directory().unwrap();
    let at = directory.write_data(packed).unwrap();
    for (tag, value) in [
        (Tag::ImageWidth, 8),
        (Tag::ImageLength, 1),
        (Tag::BitsPerSample, bits),
        (Tag::Compression, 1),
        (Tag::PhotometricInterpretation, meaning),
        (Tag::SamplesPerPixel, 1),
        (Tag::RowsPerStrip, 1),
    ] {
        directory.write_tag(tag, value).unwrap();
    }
    directory.write_tag(Tag::StripOffsets, at).unwrap();
    directory.write_tag(Tag::StripByteCounts, packed.len() as u64).unwrap();
    if !table.is_empty() {
        directory.write_tag(Tag::ColorMap, table).unwrap();
    }
    directory.finish().unwrap();
    bytes.into_inner()
}

#[test]
fn a_tiff_with_large_offsets_goes_through_every_operation() {
    let bytes = big_truecolour(&[1, 2, 3, 40, 50, 60]);
    assert_eq!(pixels(&bytes, "invert"), [254, 253, 252, 215, 205, 195]);
    assert_eq!(pixels(&bytes, "invert=exact"), [254, 253, 252, 215, 205, 195]);
    assert_eq!(pixels(&bytes, "flip=horizontal"), [40, 50, 60, 1, 2, 3]);
    assert_eq!(pixels(&bytes, "convert=png"), [1, 2, 3, 40, 50, 60]);
    assert_eq!(pixels(&bytes, "resize=1x").len(), 3);
}

#[test]
fn few_bits_and_palettes_are_understood_beside_large_offsets() {
    let bilevel = big_directory(1, 1, &[], &[0b0101_0011]);
    let gray: Vec<u8> = [0, 255, 0, 255, 0, 0, 255, 255].iter().flat_map(|v| [*v; 3]).collect();
    assert_eq!(pixels(&bilevel, "convert=png"), gray);
    let inverse: Vec<u8> = gray.iter().map(|sample| !sample).collect();
    let inverted = process(&bilevel, "invert").unwrap();
    assert_eq!(inverted.path, imaging::Path::Palette);
    assert_eq!(pixels(&inverted.bytes, "convert=png"), inverse);

    let table: Vec<u16> = (0..48).map(|place| place * 5 * 257).collect();
    let palette = big_directory(4, 3, &table, &[0x0f, 0x12, 0x34, 0x56]);
    let colours: Vec<u8> = [0u8, 15, 1, 2, 3, 4, 5, 6]
        .iter()
        .flat_map(|index| [index * 5, (index + 16) * 5, (index + 32) * 5])
        .collect();
    assert_eq!(pixels(&palette, "convert=png"), colours);
    let inverse: Vec<u8> = colours.iter().map(|sample| !sample).collect();
    assert_eq!(pixels(&palette, "invert|convert=png"), inverse);
    let inverted = process(&palette, "invert").unwrap();
    assert_eq!(pixels(&inverted.bytes, "convert=png"), inverse);
}
