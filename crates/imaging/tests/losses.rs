//! What a file loses when it is decoded is told in a note, once, and only where it is lost.

#![cfg(test)]

use imaging::{Limits, Output, Pipeline};
use png::{BitDepth, ColorType, Encoder};

fn run(bytes: &[u8], text: &str) -> Output {
    let pipeline: Pipeline = text.parse().unwrap();
    let output = imaging::process(bytes, &pipeline, &Limits::default());
    output.unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn assert_notes(bytes: &[u8], text: &str, expected: &[&str]) {
    assert_eq!(run(bytes, text).notes, expected, "{text}");
}

/// A BMP of 4 x 1 pixels.
fn bmp(bits: u16, compression: u32, table: &[u8], pixels: &[u8]) -> Vec<u8> {
    let start = (14 + 40 + table.len()) as u32;
    let mut bytes = b"BM".to_vec();
    bytes.extend((start + pixels.len() as u32).to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(start.to_le_bytes());
    for number in [40, 4, 1, 1 | u32::from(bits) << 16, compression, 0, 0, 0, 0, 0] {
        bytes.extend(number.to_le_bytes());
    }
    [&bytes, table, pixels].concat()
}

#[test]
fn depth_and_runs_of_a_bmp() {
    let table = |count: u8| (0..count).flat_map(|shade| [shade * 9, 0, 0, 0]).collect::<Vec<_>>();
    let became =
        |bits: u16, more: u16| format!("the BMP of {bits} bits a pixel became one of {more} bits");
    let runs = "the BMP was run-length encoded and is no longer";
    for (source, notes) in [
        (bmp(1, 0, &table(2), &[0x50, 0, 0, 0]), vec![became(1, 8)]),
        (bmp(4, 0, &table(16), &[0x12, 0x34, 0, 0]), vec![became(4, 8)]),
        (bmp(4, 2, &table(16), &[4, 0x12, 0, 1]), vec![became(4, 8), runs.to_owned()]),
        (bmp(16, 0, &[], &[1, 2, 3, 4, 5, 6, 7, 8]), vec![became(16, 24)]),
        (bmp(24, 0, &[], &[7; 12]), vec![]),
    ] {
        assert_eq!(run(&source, "flip=vertical").notes, notes);
        assert_notes(&source, "convert=png", &[]);
    }
    let few: Vec<u8> = (0..=255u8).flat_map(|shade| [shade, shade.wrapping_mul(7), 0, 0]).collect();
    let source = bmp(8, 0, &few, &[0, 80, 160, 250]);
    assert_notes(&source, "flip=vertical", &[]);
    assert_notes(
        &source,
        "resize=900x1,fill",
        &["the palette of the BMP became colours of their own"],
    );
}

#[test]
fn profile_of_a_bmp() {
    const PROFILE: &[u8] = b"about     colourRGB \x01";
    let mut bytes = b"BM\0\0\0\0\0\0\0\0\x8a\0\0\0".to_vec();
    for number in [124, 1, 1, 1 | 24 << 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0u32] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(b"DEBM");
    bytes.resize(14 + 112, 0);
    // Behind the header and the one row.
    for number in [124 + 4, PROFILE.len() as u32, 0] {
        bytes.extend(number.to_le_bytes());
    }
    let source = [&bytes, &[1, 2, 3, 0][..], PROFILE].concat();
    let lost = "left out, since the BMP does not take it along: the colour profile";
    assert_notes(&source, "flip=vertical", &[lost]);
    assert_notes(&source, "invert", &[]);
    assert_notes(&source, "convert=tiff", &[]);
    let tiff = run(&source, "convert=tiff").bytes;
    assert!(tiff.windows(PROFILE.len()).any(|window| window == PROFILE));
}

/// A TGA of 2 x 1 pixels with a text of four bytes.
fn tga(kind: u8, bits: u8, table: &[u8], pixels: &[u8]) -> Vec<u8> {
    let entries = (table.len() / 3) as u8;
    let depth = if entries > 0 { 24 } else { 0 };
    let mut bytes = vec![4, (entries > 0).into(), kind, 0, 0, entries, 0, depth, 0, 0, 0, 0];
    bytes.extend([2, 0, 1, 0, bits, 0]);
    [&bytes, &b"text"[..], table, pixels].concat()
}

#[test]
fn palette_depth_and_texts_of_a_tga() {
    let text = "left out, since the TGA does not take it along: texts and fields of programs";
    let palette = "the palette of the TGA became colours of their own";
    let depth = "the TGA of 16 bits a pixel became one of 24 bits";
    assert_notes(&tga(1, 8, &[1, 2, 3, 4, 5, 6], &[1, 0]), "flip=vertical", &[text, palette]);
    assert_notes(&tga(2, 16, &[], &[1, 2, 3, 4]), "flip=vertical", &[text, depth]);
    assert_notes(&tga(2, 24, &[], &[1, 2, 3, 4, 5, 6]), "flip=vertical", &[text]);
    assert_notes(&tga(2, 24, &[], &[1, 2, 3, 4, 5, 6]), "strip|flip=vertical", &[]);
    let png = text.replace("TGA", "PNG");
    assert_notes(&tga(1, 8, &[1, 2, 3, 4, 5, 6], &[1, 0]), "convert=png", &[&png]);
}

fn png(
    colour: ColorType,
    depth: BitDepth,
    setup: impl FnOnce(&mut Encoder<'static, &mut Vec<u8>>),
    row: &[u8],
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let width = row.len() * 8 / depth as usize / colour.samples();
    let mut encoder = Encoder::new(&mut bytes, width as u32, 1);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    setup(&mut encoder);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(row).unwrap();
    writer.finish().unwrap();
    bytes
}

/// The same with another chunk behind IHDR.
fn with_chunk(png: &[u8], kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let content = [&kind[..], data].concat();
    let sum = crc32fast::hash(&content).to_be_bytes();
    let chunk = [&(data.len() as u32).to_be_bytes()[..], &content, &sum].concat();
    // Behind the palette, if there is one.
    let behind = png.windows(4).position(|name| name == b"IDAT").unwrap() - 4;
    [&png[..behind], &chunk, &png[behind..]].concat()
}

#[test]
fn few_bits_of_a_gray_png() {
    let plain = png(ColorType::Grayscale, BitDepth::One, |_| {}, &[0x5a]);
    assert_notes(&plain, "flip=horizontal", &[]);
    assert_notes(&plain, "convert=bmp", &[]);
    let lost = "the gray of 1 bits became gray of 8 bits";
    assert_notes(&plain, "resize=11x1,fill", &[lost]);
    let key = |encoder: &mut Encoder<'static, &mut Vec<u8>>| encoder.set_trns(vec![0, 1]);
    let keyed = png(ColorType::Grayscale, BitDepth::One, key, &[0x5a]);
    assert_notes(&keyed, "flip=horizontal", &[lost]);
    assert_notes(&keyed, "convert=bmp", &[]);
}

#[test]
fn palette_of_a_png() {
    let colours = |encoder: &mut Encoder<'static, &mut Vec<u8>>| {
        encoder.set_palette(vec![0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255]);
    };
    let source = png(ColorType::Indexed, BitDepth::Two, colours, &[0b0001_1011]);
    assert_notes(&source, "flip=horizontal", &[]);
    let lost = "the palette of the PNG became colours of their own";
    assert_notes(&source, "resize=900x1,fill", &[lost]);
    let twice = |encoder: &mut Encoder<'static, &mut Vec<u8>>| {
        colours(encoder);
        encoder.set_animated(1, 0).unwrap();
    };
    let still = png(ColorType::Indexed, BitDepth::Two, twice, &[0b0001_1011]);
    assert_notes(&still, "flip=horizontal", &[]);
    // What only suggests colours is left out where these change.
    let suggested = with_chunk(&source, b"sPLT", b"name\0\x08\x01\x02\x03\xff\0\x01");
    let left_out = "the sPLT chunk depends on the old pixels; it was left out";
    assert_notes(&suggested, "invert", &[]);
    assert_notes(&suggested, "brightness=10", &[left_out]);
    assert_notes(&suggested, "flip=horizontal", &[left_out]);
}

#[test]
fn palette_and_few_bits_of_an_animated_png() {
    fn animated(colour: ColorType) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, 4, 1);
        encoder.set_color(colour);
        encoder.set_depth(BitDepth::Two);
        if colour == ColorType::Indexed {
            encoder.set_palette(vec![0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255]);
        }
        encoder.set_animated(2, 0).unwrap();
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&[0b0001_1011]).unwrap();
        writer.write_image_data(&[0b1101_1011]).unwrap();
        writer.finish().unwrap();
        bytes
    }
    let palette = "the palette of the PNG became colours of their own";
    assert_notes(&animated(ColorType::Indexed), "flip=vertical", &[palette]);
    let gray = "the gray of 2 bits became gray of 8 bits";
    assert_notes(&animated(ColorType::Grayscale), "flip=vertical", &[gray]);
    for colour in [ColorType::Indexed, ColorType::Grayscale] {
        assert_notes(&animated(colour), "convert=gif", &[]);
        assert_notes(&animated(colour), "invert", &[]);
    }
}

#[test]
fn chunks_of_a_png_about_the_old_samples() {
    let source = png(ColorType::Rgb, BitDepth::Eight, |_| {}, &[1, 2, 3, 4, 5, 6]);
    for (kind, data) in [(b"bKGD", &[0, 1, 0, 2, 0, 3][..]), (b"sBIT", &[5, 6, 5])] {
        let name = String::from_utf8_lossy(kind);
        let note = format!("the {name} chunk depends on the old pixels; it was left out");
        let source = with_chunk(&source, kind, data);
        assert_notes(&source, "flip=horizontal", &[&note]);
        assert_notes(&source, "invert", &[]);
    }
    let colours = |encoder: &mut Encoder<'static, &mut Vec<u8>>| {
        encoder.set_palette(vec![0, 0, 0, 255, 0, 0]);
    };
    let source = png(ColorType::Indexed, BitDepth::Eight, colours, &[1, 0]);
    let source = with_chunk(&source, b"hIST", &[0, 1, 0, 1]);
    let note = "the hIST chunk depends on the old pixels; it was left out";
    assert_notes(&source, "flip=horizontal", &[note]);
}

#[test]
fn metadata_of_a_png_that_cannot_be_read() {
    let source = png(ColorType::Rgb, BitDepth::Eight, |_| {}, &[1, 2, 3, 4, 5, 6]);
    let profile = with_chunk(&source, b"iCCP", b"name\0\0no zlib data");
    let note = "the colour profile of the PNG cannot be read and was left out";
    assert_notes(&profile, "flip=horizontal", &[note]);
    assert_notes(&profile, "invert", &[]);
    let xmp = with_chunk(&source, b"iTXt", b"XML:com.adobe.xmp\0\x01\0\0\0no zlib data");
    let note = "the XMP of the PNG cannot be read or is too large, and was left out";
    assert_notes(&xmp, "flip=horizontal", &[note]);
}

#[test]
fn few_bits_of_an_icon() {
    let picture = |png: &[u8]| {
        let length = (png.len() as u32).to_le_bytes();
        [&[0, 0, 1, 0, 1, 0, 2, 1, 0, 0, 1, 0, 32, 0][..], &length, &22u32.to_le_bytes(), png]
            .concat()
    };
    let alpha = png(ColorType::Rgba, BitDepth::Eight, |_| {}, &[1, 2, 3, 4, 5, 6, 7, 8]);
    assert_notes(&picture(&alpha), "flip=horizontal", &[]);
    let opaque = png(ColorType::Rgb, BitDepth::Eight, |_| {}, &[1, 2, 3, 4, 5, 6]);
    let note = "the pictures of the ICO became PNGs of 32 bits a pixel";
    assert_notes(&picture(&opaque), "flip=horizontal", &[note]);
    assert_notes(&picture(&opaque), "flip=horizontal|convert=png", &[]);
}
