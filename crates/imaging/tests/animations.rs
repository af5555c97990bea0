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
