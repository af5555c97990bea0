//! Animated PNG that is decoded: what each frame leaves behind, computed by hand.

#![cfg(test)]

use std::io::{Cursor, Write};

use flate2::{Compression, write::ZlibEncoder};
use image::{AnimationDecoder, RgbaImage, codecs::png::PngDecoder};
use imaging::{Limits, Output, Pipeline};
use png::{BitDepth, BlendOp, ColorType, DisposeOp, Encoder};

const RED: [u8; 4] = [200, 0, 0, 255];
const BLUE: [u8; 4] = [0, 0, 200, 255];
const GLASS: [u8; 4] = [0, 200, 0, 128];
const NONE: [u8; 4] = [0; 4];

/// A frame of one row: where it begins, what becomes of it, how it is put down, its pixels.
type Part<'a> = (u32, DisposeOp, BlendOp, &'a [[u8; 4]]);

/// One row of four pixels.
fn animated(parts: &[Part<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 4, 1);
    encoder.set_color(ColorType::Rgba);
    encoder.set_animated(parts.len() as u32, 0).unwrap();
    let mut writer = encoder.write_header().unwrap();
    for (left, disposal, blending, pixels) in parts {
        writer.set_frame_dimension(pixels.len() as u32, 1).unwrap();
        writer.set_frame_position(*left, 0).unwrap();
        writer.set_dispose_op(*disposal).unwrap();
        writer.set_blend_op(*blending).unwrap();
        writer.write_image_data(pixels.as_flattened()).unwrap();
    }
    writer.finish().unwrap();
    bytes
}

fn run(bytes: &[u8], text: &str) -> Output {
    let pipeline: Pipeline = text.parse().unwrap();
    let output = imaging::process(bytes, &pipeline, &Limits::default());
    output.unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// What is shown, with nothing where there is no alpha. Results are written without disposal and
/// blending, so that any decoder reads them right.
fn shown(output: &Output) -> Vec<Vec<[u8; 4]>> {
    let decoder = PngDecoder::new(Cursor::new(&output.bytes)).unwrap().apng().unwrap();
    let pixels = |frame: RgbaImage| frame.pixels().map(|pixel| pixel.0).collect();
    decoder.into_frames().map(|frame| pixels(frame.unwrap().into_buffer())).collect()
}

#[test]
fn what_was_before_a_frame_is_what_its_predecessor_left() {
    use BlendOp::Source;
    use DisposeOp::{Background, None, Previous};
    let source = animated(&[
        (0, Background, Source, &[RED; 4]),
        (2, Previous, Source, &[BLUE]),
        (0, Previous, Source, &[BLUE]),
        (1, None, Source, &[RED]),
    ]);
    let frames = shown(&run(&source, "flip=vertical"));
    assert_eq!(frames[0], [RED; 4]);
    assert_eq!(frames[1], [NONE, NONE, BLUE, NONE]);
    assert_eq!(frames[2], [BLUE, NONE, NONE, NONE]);
    assert_eq!(frames[3], [NONE, RED, NONE, NONE]);
}

#[test]
fn nothing_was_before_the_first_frame() {
    use BlendOp::Source;
    use DisposeOp::{None, Previous};
    let source = animated(&[(0, Previous, Source, &[RED; 4]), (3, None, Source, &[BLUE])]);
    let frames = shown(&run(&source, "flip=vertical"));
    assert_eq!(frames, [vec![RED; 4], vec![NONE, NONE, NONE, BLUE]]);
}

#[test]
fn what_is_opaque_stays_so_below_glass() {
    use DisposeOp::None;
    let source = animated(&[
        (0, None, BlendOp::Source, &[RED, RED, NONE, GLASS]),
        (0, None, BlendOp::Over, &[GLASS, NONE, GLASS, GLASS]),
    ]);
    let frames = shown(&run(&source, "flip=vertical"));
    // 200 * 128 / 255 is 100.4; glass over glass lets a quarter through.
    assert_eq!(frames[1], [[100, 100, 0, 255], RED, GLASS, [0, 200, 0, 192]]);
}

#[test]
fn a_picture_that_is_no_part_of_the_animation_leaves_nothing_below_it() {
    let mut source = Vec::new();
    let mut encoder = Encoder::new(&mut source, 2, 1);
    encoder.set_color(ColorType::Rgba);
    encoder.set_animated(2, 0).unwrap();
    encoder.set_sep_def_img(true).unwrap();
    let mut writer = encoder.write_header().unwrap();
    for pixels in [[RED, RED], [BLUE, NONE], [NONE, GLASS]] {
        writer.write_image_data(pixels.as_flattened()).unwrap();
    }
    writer.finish().unwrap();
    let output = run(&source, "flip=vertical");
    assert_eq!(shown(&output), [[BLUE, NONE], [NONE, GLASS]]);
    assert!(output.notes.iter().any(|note| note.contains("stands for the animation")));
}

#[test]
fn an_animation_that_breaks_off_is_refused() {
    use DisposeOp::None;
    let source =
        animated(&[(0, None, BlendOp::Source, &[RED; 4]), (0, None, BlendOp::Source, &[BLUE; 4])]);
    let pipeline: Pipeline = "flip=vertical".parse().unwrap();
    for length in 8..source.len() - 12 {
        let refused = imaging::process(&source[..length], &pipeline, &Limits::default());
        assert!(refused.is_err(), "cut at {length} of {}", source.len());
    }
}

fn deep(colour: ColorType, samples: &[u16]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 2, 1);
    encoder.set_color(colour);
    encoder.set_depth(BitDepth::Sixteen);
    encoder.set_animated(2, 0).unwrap();
    let mut writer = encoder.write_header().unwrap();
    let samples: Vec<u8> = samples.iter().flat_map(|sample| sample.to_be_bytes()).collect();
    writer.write_image_data(&samples).unwrap();
    writer.write_image_data(&samples).unwrap();
    writer.finish().unwrap();
    bytes
}

#[test]
fn sixteen_bits_become_eight_with_a_note() {
    // The nearest of 255, not the upper byte.
    let (low, high) = (0x0101 * 7 + 0x80, 0x0101 * 8 + 0x81);
    for (colour, samples, expected) in [
        (ColorType::Grayscale, &[low, high][..], [[7, 7, 7, 255], [9, 9, 9, 255]]),
        (ColorType::GrayscaleAlpha, &[low, 0xffff, high, 0x8080], [[7, 7, 7, 255], [9, 9, 9, 128]]),
        (ColorType::Rgb, &[low, high, 0, 0xffff, 0, 0], [[7, 9, 0, 255], [255, 0, 0, 255]]),
        (ColorType::Rgba, &[low, 0, 0, 0xffff, 0, high, 0, 0x101], [[7, 0, 0, 255], [0, 9, 0, 1]]),
    ] {
        let output = run(&deep(colour, samples), "flip=vertical");
        assert_eq!(shown(&output), [expected, expected], "{colour:?}");
        assert!(output.notes.iter().any(|note| note.contains("16 bits")), "{:?}", output.notes);
    }
}

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let content = [&kind[..], data].concat();
    let sum = crc32fast::hash(&content).to_be_bytes();
    [&(data.len() as u32).to_be_bytes()[..], &content, &sum].concat()
}

fn compressed(rows: &[&[u8]]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    // Each row begins with its filter.
    rows.iter().for_each(|row| encoder.write_all(&[&[0], *row].concat()).unwrap());
    encoder.finish().unwrap()
}

#[test]
fn interlaced_frames_smaller_than_the_picture_are_whole() {
    let control = |number: u8, width: u8, left: u8| {
        let place = [width, 2, left, 0].map(|value| [0, 0, 0, value]);
        chunk(b"fcTL", &[&[0, 0, 0, number], place.as_flattened(), &[0, 1, 0, 10, 0, 0]].concat())
    };
    // Gray of eight bits, 4 x 2, in the order of the seven passes.
    let first = compressed(&[&[10], &[12], &[11, 13], &[14, 15, 16, 17]]);
    let second = compressed(&[&[20], &[21], &[22, 23]]);
    let source = [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        chunk(b"IHDR", &[0, 0, 0, 4, 0, 0, 0, 2, 8, 0, 0, 0, 1]),
        chunk(b"acTL", &[0, 0, 0, 2, 0, 0, 0, 0]),
        control(0, 4, 0),
        chunk(b"IDAT", &first),
        control(1, 2, 1),
        chunk(b"fdAT", &[&[0, 0, 0, 2], &second[..]].concat()),
        chunk(b"IEND", &[]),
    ];
    let frames = shown(&run(&source.concat(), "rotate=180|rotate=180"));
    let gray = |frame: &[[u8; 4]]| frame.iter().map(|pixel| pixel[0]).collect::<Vec<_>>();
    assert_eq!(gray(&frames[0]), [10, 11, 12, 13, 14, 15, 16, 17]);
    assert_eq!(gray(&frames[1]), [10, 20, 21, 13, 14, 22, 23, 17]);
}
