//! Animated PNG in true colours: every frame as it lies in the file, so that what is shown becomes
//! its inverse.

#![cfg(test)]

use std::io::Cursor;

use imaging::{Class, Limits, Output, Pipeline};
use png::{BitDepth, BlendOp, ColorType, Decoder, DisposeOp, Encoder, Transformations};

const WIDTH: u32 = 12;
const HEIGHT: u32 = 10;

/// Left, top, width, height, disposal and blending.
type Layout = (u32, u32, u32, u32, DisposeOp, BlendOp);

const LAYOUTS: [Layout; 5] = [
    (0, 0, WIDTH, HEIGHT, DisposeOp::None, BlendOp::Source),
    (3, 2, 5, 4, DisposeOp::Previous, BlendOp::Over),
    (1, 1, 11, 9, DisposeOp::Background, BlendOp::Over),
    (0, 6, 12, 4, DisposeOp::None, BlendOp::Source),
    (11, 9, 1, 1, DisposeOp::None, BlendOp::Over),
];

fn samples(count: usize, seed: u32) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..count).map(|_| next()).collect()
}

fn animated(colour: ColorType, depth: BitDepth) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, WIDTH, HEIGHT);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    encoder.set_animated(LAYOUTS.len() as u32, 3).unwrap();
    encoder.set_frame_delay(7, 50).unwrap();
    let mut writer = encoder.write_header().unwrap();
    for (index, &(left, top, width, height, dispose, blend)) in LAYOUTS.iter().enumerate() {
        if index > 0 {
            writer.reset_frame_position().unwrap();
            writer.set_frame_dimension(width, height).unwrap();
            writer.set_frame_position(left, top).unwrap();
        }
        writer.set_dispose_op(dispose).unwrap();
        writer.set_blend_op(blend).unwrap();
        let pixel = colour.samples() * depth as usize / 8;
        let count = (width * height) as usize * pixel;
        writer.write_image_data(&samples(count, index as u32)).unwrap();
    }
    writer.finish().unwrap();
    bytes
}

/// One frame as stored: where it is, how it is put down, and its samples.
#[derive(Debug, Clone, PartialEq)]
struct Frame {
    layout: (u32, u32, u32, u32),
    delay: (u16, u16),
    dispose: DisposeOp,
    blend: BlendOp,
    samples: Vec<u8>,
}

fn frames(bytes: &[u8]) -> Vec<Frame> {
    let mut decoder = Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(Transformations::IDENTITY);
    decoder.ignore_checksums(false);
    let mut reader = decoder.read_info().unwrap();
    let count = reader.info().animation_control().unwrap().num_frames;
    assert_eq!(reader.info().animation_control().unwrap().num_plays, 3);
    let mut frames = Vec::new();
    for _ in 0..count {
        let mut samples = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut samples).unwrap();
        samples.truncate(info.buffer_size());
        let control = *reader.info().frame_control().unwrap();
        frames.push(Frame {
            layout: (control.x_offset, control.y_offset, control.width, control.height),
            delay: (control.delay_num, control.delay_den),
            dispose: control.dispose_op,
            blend: control.blend_op,
            samples,
        });
    }
    frames
}

/// What is shown after each frame of eight-bit RGBA, as numbers without rounding.
fn shown(frames: &[Frame]) -> Vec<Vec<[f64; 4]>> {
    let mut canvas = vec![[0.0; 4]; (WIDTH * HEIGHT) as usize];
    let mut all = Vec::new();
    for frame in frames {
        let before = canvas.clone();
        let (left, top, width, height) = frame.layout;
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (left + x, top + y)));
        let places: Vec<usize> = places.map(|(x, y)| (y * WIDTH + x) as usize).collect();
        for (&place, pixel) in places.iter().zip(frame.samples.as_chunks::<4>().0) {
            let [.., alpha] = pixel.map(|sample| f64::from(sample) / 255.0);
            let below = canvas[place];
            let result = match frame.blend {
                BlendOp::Source => alpha,
                BlendOp::Over => alpha + below[3] * (1.0 - alpha),
            };
            for channel in 0..3 {
                let colour = f64::from(pixel[channel]);
                canvas[place][channel] = match frame.blend {
                    BlendOp::Over if result > 0.0 => {
                        (colour * alpha + below[channel] * below[3] * (1.0 - alpha)) / result
                    }
                    BlendOp::Over | BlendOp::Source => colour,
                };
            }
            canvas[place][3] = result;
        }
        all.push(canvas.clone());
        match frame.dispose {
            DisposeOp::None => {}
            DisposeOp::Background => places.iter().for_each(|&place| canvas[place] = [0.0; 4]),
            DisposeOp::Previous => canvas = before,
        }
    }
    all
}

fn process(bytes: &[u8]) -> Result<Output, imaging::Error> {
    imaging::process(bytes, &Pipeline::invert(), &Limits::default())
}

#[test]
fn every_frame_keeps_its_place_and_becomes_its_inverse() {
    for (colour, depth, alpha_from, pixel) in [
        (ColorType::Grayscale, BitDepth::Eight, 1, 1),
        (ColorType::Rgb, BitDepth::Eight, 3, 3),
        (ColorType::Rgba, BitDepth::Eight, 3, 4),
        (ColorType::GrayscaleAlpha, BitDepth::Sixteen, 2, 4),
        (ColorType::Rgb, BitDepth::Sixteen, 6, 6),
    ] {
        let source = animated(colour, depth);
        let output = process(&source).unwrap();
        assert_eq!(output.frames, LAYOUTS.len() as u32);
        let (before, after) = (frames(&source), frames(&output.bytes));
        assert_eq!(before.len(), after.len());
        for (before, after) in before.iter().zip(after) {
            let flip = |(index, sample): (usize, &u8)| {
                if index % pixel < alpha_from { !sample } else { *sample }
            };
            let samples = before.samples.iter().enumerate().map(flip).collect();
            assert_eq!(after, Frame { samples, ..before.clone() });
        }
        assert_eq!(frames(&process(&output.bytes).unwrap().bytes), before);
    }
}

#[test]
fn what_is_shown_becomes_its_inverse_wherever_something_is_shown() {
    let source = animated(ColorType::Rgba, BitDepth::Eight);
    let output = process(&source).unwrap();
    let (before, after) = (shown(&frames(&source)), shown(&frames(&output.bytes)));
    for (before, after) in before.iter().flatten().zip(after.iter().flatten()) {
        assert!((before[3] - after[3]).abs() < 1e-9);
        for channel in 0..3 {
            let difference = (255.0 - before[channel] - after[channel]).abs();
            assert!(before[3] == 0.0 || difference < 1e-6, "{before:?} {after:?}");
        }
    }
}

#[test]
fn too_few_frames_and_missing_parts_are_corrupt() {
    let source = animated(ColorType::Rgb, BitDepth::Eight);
    let chunk = |kind: &[u8; 4], nth: usize| {
        let starts = (0..source.len() - 4).filter(|&at| &source[at..at + 4] == kind);
        let at = starts.clone().nth(nth).unwrap() - 4;
        let length = u32::from_be_bytes(*source[at..].first_chunk().unwrap()) as usize;
        at..at + 12 + length
    };
    for (kind, nth) in [(b"fcTL", 1), (b"fdAT", 0), (b"fdAT", 3)] {
        let range = chunk(kind, nth);
        let cut = [&source[..range.start], &source[range.end..]].concat();
        assert_eq!(process(&cut).unwrap_err().class, Class::Corrupt, "{kind:?} {nth}");
    }
    // The last frame as a whole.
    let (control, data) = (chunk(b"fcTL", 4), chunk(b"fdAT", 3));
    let cut = [&source[..control.start], &source[data.end..]].concat();
    let refused = process(&cut).unwrap_err();
    assert_eq!(refused.class, Class::Corrupt);
    assert!(refused.message.contains("claims 5 frames and has 4"), "{refused}");
}
