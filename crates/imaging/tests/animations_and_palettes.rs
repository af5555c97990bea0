//! GIF and PNG palettes are changed in place; nothing else in the file moves.

#![cfg(test)]

use std::io::Cursor;

use image::{DynamicImage, ImageFormat};
use imaging::{Class, Limits, Output, Path, Pipeline};
use png::{BitDepth, ColorType, Encoder};

fn process(bytes: &[u8]) -> Result<Output, imaging::Error> {
    imaging::process(bytes, &Pipeline::invert(), &Limits::default())
}

/// Two frames of 2 x 1, the second with a table of its own, a comment and a loop count.
fn gif() -> Vec<u8> {
    let mut bytes = b"GIF89a\x02\0\x01\0\x80\0\0".to_vec();
    bytes.extend([10, 20, 30, 200, 210, 220]);
    bytes.extend(b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x05\0\0");
    bytes.extend(b"\x21\xfe\x05hello\0");
    bytes.extend(b"\x21\xf9\x04\x01\x07\0\x01\0");
    bytes.extend(b"\x2c\0\0\0\0\x02\0\x01\0\0\x02\x02\x44\x0a\0");
    bytes.extend(b"\x2c\0\0\0\0\x02\0\x01\0\x80");
    bytes.extend([1, 2, 3, 4, 5, 6]);
    bytes.extend(b"\x02\x02\x44\x0a\0");
    bytes.push(0x3b);
    bytes
}

#[test]
fn only_the_tables_of_a_gif_change() {
    let source = gif();
    let output = process(&source).unwrap();
    assert_eq!((output.frames, output.path), (2, Path::Palette));
    assert_eq!((output.width, output.height), (2, 1));
    let changed: Vec<usize> =
        (0..source.len()).filter(|&at| source[at] != output.bytes[at]).collect();
    let second = source.len() - 12;
    let expected: Vec<usize> = (13..19).chain(second..second + 6).collect();
    assert_eq!(changed, expected);
    assert!(changed.iter().all(|&at| output.bytes[at] == 255 - source[at]));
    assert_eq!(process(&output.bytes).unwrap().bytes, source);
}

#[test]
fn bytes_after_the_end_of_a_gif_are_kept() {
    let source = [&gif()[..], b"tail"].concat();
    let output = process(&source).unwrap();
    assert!(output.bytes.ends_with(b";tail"));
}

#[test]
fn a_gif_without_its_end_mark_is_taken_with_a_note() {
    let mut source = gif();
    assert_eq!(source.pop(), Some(b';'));
    let output = process(&source).unwrap();
    assert_eq!(output.frames, process(&gif()).unwrap().frames);
    assert_eq!(output.notes, ["the GIF has no end mark: later frames may be missing"]);
    assert_eq!(process(&output.bytes).unwrap().bytes, source);
}

#[test]
fn a_gif_without_any_table_is_unsupported() {
    let mut source = gif();
    source[10] = 0;
    source.drain(13..19);
    assert_eq!(process(&source).unwrap_err().class, Class::Unsupported);
}

#[test]
fn a_gif_with_too_many_frames_or_pixels_is_too_large() {
    let limited =
        |limits: Limits| imaging::process(&gif(), &Pipeline::invert(), &limits).unwrap_err().class;
    assert_eq!(limited(Limits { max_frames: 1, ..Limits::default() }), Class::TooLarge);
    assert_eq!(limited(Limits { max_pixels: 1, ..Limits::default() }), Class::TooLarge);
    assert_eq!(limited(Limits { max_memory_bytes: 9, ..Limits::default() }), Class::TooLarge);
}

fn png(
    setup: impl FnOnce(&mut Encoder<'static, &mut Vec<u8>>),
    size: (u32, u32),
    data: &[&[u8]],
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, size.0, size.1);
    setup(&mut encoder);
    let mut writer = encoder.write_header().unwrap();
    data.iter().for_each(|frame| writer.write_image_data(frame).unwrap());
    writer.finish().unwrap();
    bytes
}

/// Lets a closure be general over the lifetime of its argument.
fn for_encoder<F: FnOnce(&mut Encoder<'static, &mut Vec<u8>>)>(setup: F) -> F {
    setup
}

fn palette_png(frames: u32) -> Vec<u8> {
    let setup = for_encoder(|encoder| {
        encoder.set_color(ColorType::Indexed);
        encoder.set_depth(BitDepth::Two);
        encoder.set_palette(vec![1, 2, 3, 40, 50, 60, 255, 0, 128]);
        encoder.set_trns(vec![255, 100]);
        if frames > 1 {
            encoder.set_animated(frames, 0).unwrap();
        }
    });
    let data: Vec<&[u8]> = (0..frames).map(|_| &[0b0001_1000][..]).collect();
    png(setup, (3, 1), &data)
}

fn decode(bytes: &[u8]) -> DynamicImage {
    image::load_from_memory_with_format(bytes, ImageFormat::Png).unwrap()
}

#[test]
fn a_palette_png_stays_indexed_and_keeps_its_alpha() {
    let source = palette_png(1);
    let output = process(&source).unwrap();
    assert_eq!((output.path, output.bytes.len()), (Path::Palette, source.len()));
    let expected = [254, 253, 252, 255, 215, 205, 195, 100, 0, 255, 127, 255];
    assert_eq!(decode(&output.bytes).into_rgba8().into_raw(), expected);
    assert_eq!(process(&output.bytes).unwrap().bytes, source);
}

#[test]
fn an_animated_palette_png_keeps_its_frames() {
    let source = palette_png(3);
    let output = process(&source).unwrap();
    assert_eq!((output.frames, output.path), (3, Path::Palette));
    assert_eq!(process(&output.bytes).unwrap().bytes, source);
    let limits = Limits { max_frames: 2, ..Limits::default() };
    let refused = imaging::process(&source, &Pipeline::invert(), &limits).unwrap_err();
    assert_eq!(refused.class, Class::TooLarge);
}

#[test]
fn an_animated_png_without_a_palette_keeps_its_frames_and_its_kind() {
    let setup = for_encoder(|encoder| encoder.set_animated(2, 0).unwrap());
    let output = process(&png(setup, (1, 1), &[&[1], &[2]])).unwrap();
    assert_eq!((output.frames, output.path), (2, Path::Pixels));
    let mut reader = png::Decoder::new(Cursor::new(&output.bytes)).read_info().unwrap();
    assert_eq!(reader.info().color_type, ColorType::Grayscale);
    for expected in [254, 253] {
        let mut gray = [0];
        reader.next_frame(&mut gray).unwrap();
        assert_eq!(gray, [expected]);
    }
}

#[test]
fn gray_of_few_bits_stays_so() {
    for (depth, row) in
        [(BitDepth::One, 0b1010_0000), (BitDepth::Two, 0b0001_1000), (BitDepth::Four, 0x3c)]
    {
        let setup = for_encoder(|encoder| encoder.set_depth(depth));
        let source = png(setup, (2, 1), &[&[row]]);
        let output = process(&source).unwrap();
        assert_eq!(output.bytes[24], depth as u8, "the depth in IHDR");
        let (before, after) = (decode(&source).into_luma8(), decode(&output.bytes).into_luma8());
        let expected: Vec<u8> = before.iter().map(|sample| 255 - sample).collect();
        assert_eq!(after.into_raw(), expected);
    }
}

#[test]
fn a_colour_key_stays_on_its_pixels() {
    let setup = for_encoder(|encoder| encoder.set_trns(vec![0, 7]));
    let source = png(setup, (3, 1), &[&[7, 8, 9]]);
    let after = decode(&process(&source).unwrap().bytes).into_luma_alpha8().into_raw();
    assert_eq!(after, [248, 0, 247, 255, 246, 255]);
}

#[test]
fn text_density_and_profile_of_a_png_go_along() {
    let setup = for_encoder(|encoder| {
        encoder.set_source_gamma(png::ScaledFloat::new(0.45455));
        encoder.add_text_chunk("Title".into(), "kept".into()).unwrap();
        encoder.set_pixel_dims(Some(png::PixelDimensions {
            xppu: 1,
            yppu: 2,
            unit: png::Unit::Meter,
        }));
    });
    let source = png(setup, (1, 1), &[&[5]]);
    let output = process(&source).unwrap();
    let mut reader = png::Decoder::new(Cursor::new(&output.bytes)).read_info().unwrap();
    reader.next_frame(&mut [0]).unwrap();
    let info = reader.info();
    assert_eq!(info.uncompressed_latin1_text[0].text, "kept");
    assert_eq!(info.pixel_dims.unwrap().yppu, 2);
    assert!(info.gama_chunk.is_some());
    assert!(output.notes.is_empty(), "{:?}", output.notes);
}
