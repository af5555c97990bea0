//! What animations do between their frames, and what they say beside them.

#![cfg(test)]

use std::io::Cursor;

use image::{
    AnimationDecoder, ExtendedColorType, RgbaImage,
    codecs::{
        png::PngDecoder,
        webp::{WebPDecoder, WebPEncoder},
    },
};
use imaging::{Format, Limits, Output, Pipeline};

fn run(bytes: &[u8], text: &str) -> Output {
    let pipeline: Pipeline = text.parse().unwrap();
    imaging::process(bytes, &pipeline, &Limits::default()).unwrap()
}

/// The frames as they are shown. Those of a WebP must not be cleared away: the decoder would not.
fn shown(output: &Output) -> Vec<RgbaImage> {
    let reader = Cursor::new(&output.bytes);
    let frames = if output.format == Format::Png {
        PngDecoder::new(reader).unwrap().apng().unwrap().into_frames()
    } else {
        WebPDecoder::new(reader).unwrap().into_frames()
    };
    frames.map(|frame| frame.unwrap().into_buffer()).collect()
}

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let padding = &[0][..data.len() % 2];
    [&kind[..], &(data.len() as u32).to_le_bytes(), data, padding].concat()
}

/// An animation of frames of 2 x 2 pixels at (`left`, 0), each given with its flags.
fn webp(width: u8, frames: &[(u8, u8)], more: &[u8]) -> Vec<u8> {
    const FLAGS: u8 = 0x12;
    let exif = if more.is_empty() { 0 } else { 0x08 };
    let mut body = b"WEBP".to_vec();
    body.extend(chunk(b"VP8X", &[FLAGS | exif, 0, 0, 0, width - 1, 0, 0, 1, 0, 0]));
    // A red background, which no viewer shows.
    body.extend(chunk(b"ANIM", &[0, 0, 255, 255, 0, 0]));
    for (left, flags) in frames {
        let mut picture = Vec::new();
        let samples = [10, 20, 30, 255].repeat(4);
        let kind = ExtendedColorType::Rgba8;
        WebPEncoder::new_lossless(&mut picture).encode(&samples, 2, 2, kind).unwrap();
        let place = [left / 2, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 50, 0, 0, *flags];
        body.extend(chunk(b"ANMF", &[&place[..], &picture[12..]].concat()));
    }
    body.extend(more);
    chunk(b"RIFF", &body)
}

#[test]
fn frames_of_a_webp_are_cleared_away_where_they_say_so() {
    const CLEARED: u8 = 1;
    let source = webp(6, &[(0, CLEARED), (2, 0), (4, CLEARED)], &[]);
    for text in ["invert", "flip=vertical", "convert=png"] {
        let frames = shown(&run(&source, text));
        let visible = frames.iter().map(|frame| frame.pixels().filter(|p| p.0[3] > 0).count());
        assert_eq!(visible.collect::<Vec<_>>(), [4, 4, 8], "{text}");
    }
}

/// A frame of an animated PNG: width and left end in pixels, all in one colour.
struct Part {
    width: u32,
    left: u32,
    disposal: png::DisposeOp,
    delay: (u16, u16),
}

/// An animation of one row of four pixels in a kind of colours without alpha.
fn apng(
    colour: png::ColorType,
    setup: impl FnOnce(&mut png::Encoder<'static, &mut Vec<u8>>),
    parts: &[Part],
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 4, 1);
    encoder.set_color(colour);
    encoder.set_animated(parts.len() as u32, 0).unwrap();
    setup(&mut encoder);
    let mut writer = encoder.write_header().unwrap();
    for part in parts {
        writer.set_frame_dimension(part.width, 1).unwrap();
        writer.set_frame_position(part.left, 0).unwrap();
        writer.set_dispose_op(part.disposal).unwrap();
        writer.set_frame_delay(part.delay.0, part.delay.1).unwrap();
        let samples = vec![9; part.width as usize * colour.samples()];
        writer.write_image_data(&samples).unwrap();
    }
    writer.finish().unwrap();
    bytes
}

#[test]
fn what_a_png_without_alpha_clears_away_stays_transparent() {
    use png::DisposeOp::{Background, None, Previous};
    let part = |width, left, disposal| Part { width, left, disposal, delay: (1, 10) };
    let whole = |disposal| part(4, 0, disposal);
    for colour in [png::ColorType::Grayscale, png::ColorType::Rgb] {
        for (parts, alphas, has_alpha) in [
            ([whole(Background), part(1, 2, None)], [0, 0, 255, 0], true),
            ([whole(Previous), part(2, 0, None)], [255, 255, 0, 0], true),
            ([whole(None), part(1, 2, Previous)], [255; 4], false),
            ([whole(Background), whole(Background)], [255; 4], false),
        ] {
            let output = run(&apng(colour, |_| {}, &parts), "flip=vertical");
            let frames = shown(&output);
            let actual: Vec<u8> = frames[1].pixels().map(|pixel| pixel.0[3]).collect();
            assert_eq!(actual, alphas, "{colour:?}");
            let alpha_bit = output.bytes[25] & 4;
            assert_eq!(alpha_bit > 0, has_alpha, "{colour:?}, the kind in IHDR");
        }
    }
}
