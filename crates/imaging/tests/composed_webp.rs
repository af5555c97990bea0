//! Animated WebP that is decoded: what each frame leaves behind, computed by hand.

#![cfg(test)]

use std::io::Cursor;

use image::{
    AnimationDecoder, DynamicImage, ExtendedColorType, RgbaImage,
    codecs::{png::PngDecoder, webp::WebPEncoder},
};
use imaging::{Class, Error, Limits, Output, Pipeline};

const RED: [u8; 4] = [200, 0, 0, 255];
const BLUE: [u8; 4] = [0, 0, 200, 255];
const GLASS: [u8; 4] = [0, 200, 0, 128];
const NONE: [u8; 4] = [0; 4];

/// What becomes of a frame and how it is put down; 0 lets it stand and blends it.
const CLEAR: u8 = 1;
const REPLACE: u8 = 2;

/// What the header says.
const ANIMATED: u8 = 0x02;
const ALPHA: u8 = 0x10;

/// Two pixels of the colour `GREEN`, lossy.
const LOSSY: &[u8] = b"\x10\x02\0\x9d\x01*\x02\0\x01\0\0\0\0%\xa0\x02t\xba\x01\xf8\x01\xfa\0\x03\
    \xc8\0\x9b\xff\xe5=\x8e+\xe8\xff\xca~\xff\xfd\xf1)\x1dD2\xcf\xff{\xbc\0";
const GREEN: [u8; 4] = [9, 200, 90, 255];

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let padding = &[0][..data.len() % 2];
    [&kind[..], &(data.len() as u32).to_le_bytes(), data, padding].concat()
}

/// One row without loss, as the chunk that holds it.
fn row(pixels: &[[u8; 4]]) -> Vec<u8> {
    let mut file = Vec::new();
    let (samples, width) = (pixels.as_flattened(), pixels.len() as u32);
    let kind = ExtendedColorType::Rgba8;
    WebPEncoder::new_lossless(&mut file).encode(samples, width, 1, kind).unwrap();
    file.split_off(12)
}

/// The same without alpha.
fn opaque(pixels: &[[u8; 4]]) -> Vec<u8> {
    let samples: Vec<u8> = pixels.iter().flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
    let (mut file, width) = (Vec::new(), pixels.len() as u32);
    let kind = ExtendedColorType::Rgb8;
    WebPEncoder::new_lossless(&mut file).encode(&samples, width, 1, kind).unwrap();
    file.split_off(12)
}

/// A frame of one row that stays for 70 ms.
fn frame(left: u8, width: u8, flags: u8, picture: &[u8]) -> Vec<u8> {
    let head = [left / 2, 0, 0, 0, 0, 0, width - 1, 0, 0, 0, 0, 0, 70, 0, 0, flags];
    chunk(b"ANMF", &[&head[..], picture].concat())
}

/// A lossless frame.
fn part(left: u8, flags: u8, pixels: &[[u8; 4]]) -> Vec<u8> {
    frame(left, pixels.len() as u8, flags, &row(pixels))
}

/// One row that is played three times, with a red background, which no viewer shows.
fn file(header: u8, width: u8, frames: &[Vec<u8>]) -> Vec<u8> {
    let body = [
        b"WEBP".to_vec(),
        chunk(b"VP8X", &[header, 0, 0, 0, width - 1, 0, 0, 0, 0, 0]),
        chunk(b"ANIM", &[0, 0, 255, 255, 3, 0]),
        frames.concat(),
    ];
    chunk(b"RIFF", &body.concat())
}

fn animated(width: u8, frames: &[Vec<u8>]) -> Vec<u8> {
    file(ANIMATED | ALPHA, width, frames)
}

fn outcome(bytes: &[u8], text: &str) -> Result<Output, Error> {
    let pipeline: Pipeline = text.parse().unwrap();
    imaging::process(bytes, &pipeline, &Limits::default())
}

/// What is shown. Results are written without disposal and blending, so that any decoder reads them
/// right.
fn shown(bytes: &[u8]) -> Vec<Vec<[u8; 4]>> {
    let output = outcome(bytes, "convert=png").unwrap();
    let decoder = PngDecoder::new(Cursor::new(&output.bytes)).unwrap().apng().unwrap();
    let pixels = |frame: RgbaImage| frame.pixels().map(|pixel| pixel.0).collect();
    decoder.into_frames().map(|frame| pixels(frame.unwrap().into_buffer())).collect()
}

fn still(bytes: &[u8]) -> DynamicImage {
    image::load_from_memory(&outcome(bytes, "convert=png").unwrap().bytes).unwrap()
}

#[test]
fn what_is_cleared_away_is_the_place_of_the_frame_before() {
    for (picture, colour) in [
        (chunk(b"VP8 ", LOSSY), GREEN),
        (opaque(&[GREEN; 2]), GREEN),
        (row(&[BLUE; 2]), BLUE),
        (row(&[NONE; 2]), RED),
    ] {
        let source = animated(
            8,
            &[
                part(0, 0, &[RED; 8]),
                part(4, CLEAR | REPLACE, &[BLUE, NONE]),
                frame(2, 2, 0, &picture),
            ],
        );
        let frames = shown(&source);
        assert_eq!(frames[1], [RED, RED, RED, RED, BLUE, NONE, RED, RED]);
        assert_eq!(frames[2], [RED, RED, colour, colour, NONE, NONE, RED, RED]);
    }
}

#[test]
fn a_frame_as_large_as_the_picture_clears_away_no_more_than_others() {
    let (first, second) = (part(0, 0, &[RED; 4]), part(2, CLEAR, &[BLUE]));
    let above = [NONE, BLUE, NONE, NONE];
    let source = animated(4, &[first.clone(), second.clone(), part(0, 0, &above)]);
    assert_eq!(shown(&source)[2], [RED, BLUE, NONE, RED]);
    let source = animated(4, &[first.clone(), second.clone(), part(0, REPLACE, &above)]);
    assert_eq!(shown(&source)[2], above);
    let source = animated(4, &[first, second, frame(0, 4, 0, &opaque(&[GREEN; 4]))]);
    assert_eq!(shown(&source)[2], [GREEN; 4]);
}

#[test]
fn what_is_opaque_replaces_and_what_is_not_there_leaves_every_level() {
    for level in 0..=255 {
        let (below, above) = ([level, 255 - level, 7, 255], [255 - level, level, 9, 255]);
        let source =
            animated(4, &[part(0, 0, &[below, NONE, below, NONE]), part(0, 0, &[above, above])]);
        let frames = shown(&source);
        assert_eq!(frames, [[below, NONE, below, NONE], [above, above, below, NONE]]);
        let glass = [level, 1, 2, 128];
        let source = animated(2, &[part(0, 0, &[glass]), part(0, 0, &[[1, 2, 3, 0]])]);
        assert_eq!(shown(&source), [[glass, NONE]; 2]);
    }
}

#[test]
fn what_is_half_there_is_blended_to_the_nearest_level() {
    let source = animated(
        4,
        &[part(0, REPLACE, &[RED, RED, NONE, GLASS]), part(0, 0, &[GLASS, NONE, GLASS, GLASS])],
    );
    // 200 * 128 / 255 is 100.4; glass over glass lets a quarter through.
    assert_eq!(shown(&source)[1], [[100, 100, 0, 255], RED, GLASS, [0, 200, 0, 192]]);
}

#[test]
fn alpha_beside_a_lossy_picture_is_taken_along() {
    let half = [chunk(b"ALPH", &[0, 255, 0]), chunk(b"VP8 ", LOSSY)].concat();
    let source = animated(4, &[part(0, 0, &[RED; 4]), frame(2, 2, 0, &half)]);
    assert_eq!(shown(&source)[1], [RED, RED, GREEN, RED]);
    let source = animated(4, &[part(0, 0, &[RED; 4]), frame(2, 2, REPLACE, &half)]);
    let last = shown(&source)[1].clone();
    assert_eq!((last[2], last[3][3]), (GREEN, 0));
}

#[test]
fn a_single_frame_is_a_still_as_large_as_the_picture() {
    let image = still(&animated(4, &[part(2, 0, &[GLASS])]));
    let pixels: Vec<_> = image.to_rgba8().pixels().map(|pixel| pixel.0).collect();
    assert_eq!(pixels, [NONE, NONE, GLASS, NONE]);
    let image = still(&file(ANIMATED, 4, &[part(0, 0, &[RED; 4])]));
    assert_eq!(image.as_rgb8().unwrap().as_raw(), &[200, 0, 0].repeat(4));
}

#[test]
fn what_no_frame_covers_is_transparent_whatever_the_header_says() {
    let source = file(ANIMATED, 4, &[part(2, CLEAR, &[RED]), part(0, 0, &[BLUE])]);
    assert_eq!(shown(&source), [[NONE, NONE, RED, NONE], [BLUE, NONE, NONE, NONE]]);
    assert!(still(&file(ANIMATED, 4, &[part(2, CLEAR, &[RED])])).color().has_alpha());
}

#[test]
fn chunks_of_others_are_left_aside() {
    let odd = chunk(b"ODD ", b"odd");
    let picture = [odd.clone(), row(&[BLUE; 2]), odd.clone(), b"torn".to_vec()].concat();
    let parts = [part(0, 0, &[RED; 4]), odd, frame(2, 2, 0, &picture)];
    assert_eq!(shown(&animated(4, &parts))[1], [RED, RED, BLUE, BLUE]);
}

#[test]
fn plays_and_delays_stay() {
    let source = animated(4, &[part(0, 0, &[RED; 4]), part(2, CLEAR, &[BLUE])]);
    let output = outcome(&source, "flip=horizontal").unwrap();
    assert_eq!(output.frames, 2);
    let has = |what: &[u8]| output.bytes.windows(what.len()).any(|window| window == what);
    assert!(has(b"ANIM\x06\0\0\0\0\0\0\0\x03\0"));
    // The place and the size of the second, its delay, and that it replaces.
    assert!(has(&[0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 70, 0, 0, REPLACE]));
}

#[test]
fn a_damaged_frame_is_corrupt() {
    let whole = part(0, 0, &[RED; 4]);
    let row = row(&[BLUE; 2]);
    let (alpha, lossy) = (chunk(b"ALPH", &[0, 255, 0, 255]), chunk(b"VP8 ", LOSSY));
    let longer = [&row[..4], &[0xff; 4], &row[8..]].concat();
    let claims = [&LOSSY[..6], &[0xff, 0x3f, 0xff, 0x3f], &LOSSY[10..]].concat();
    for (what, damaged) in [
        ("outside", frame(4, 2, 0, &row)),
        ("across the edge", frame(2, 4, 0, &row)),
        ("of another size", frame(0, 3, 0, &row)),
        ("lossy of another size", frame(0, 3, 0, &lossy)),
        ("lossy of another size than its alpha", frame(0, 3, 0, &[alpha, lossy].concat())),
        ("that claims more than it holds", frame(0, 2, 0, &chunk(b"VP8 ", &claims))),
        ("without a picture", frame(0, 2, 0, &chunk(b"ODD ", &[0; 20]))),
        ("with alpha alone", frame(0, 2, 0, &chunk(b"ALPH", &[0; 20]))),
        ("shorter than its picture", frame(0, 2, 0, &longer)),
    ] {
        for source in [animated(4, &[whole.clone(), damaged.clone()]), animated(4, &[damaged])] {
            let error = outcome(&source, "invert").unwrap_err();
            assert_eq!(error.class, Class::Corrupt, "{what}: {error}");
        }
    }
}

#[test]
fn frames_of_a_file_that_is_no_animation_end_in_a_class() {
    let frames = [part(0, 0, &[RED; 4]), part(0, 0, &[BLUE; 4])];
    let picture = row(&[RED; 4]);
    let with_still = [picture, part(0, 0, &[BLUE; 4]), part(0, 0, &[BLUE; 4])];
    let image = still(&file(ALPHA, 4, &with_still));
    assert_eq!(image.to_rgba8().get_pixel(3, 0).0, RED);
    let refused = outcome(&file(ALPHA, 4, &frames), "invert").unwrap_err();
    assert_eq!(refused.class, Class::Corrupt);
}

#[test]
fn frames_are_decoded_within_the_limits() {
    // What is left aside counts too where it lies within a frame.
    let large = [chunk(b"LARG", &[0; 9000]), row(&[BLUE; 2])].concat();
    let source = animated(4, &[part(0, 0, &[RED; 4]), frame(2, 2, CLEAR, &large)]);
    let class = |limits: Limits| {
        imaging::process(&source, &Pipeline::invert(), &limits).map_err(|error| error.class)
    };
    let memory = |max_memory_bytes| class(Limits { max_memory_bytes, ..Limits::default() });
    assert_eq!(memory(9000).unwrap_err(), Class::TooLarge);
    assert!(memory(10_000).is_ok());
    let wide = [part(0, 0, &[RED; 200]), part(2, CLEAR, &[BLUE])];
    let few = Limits { max_memory_bytes: 200 * 4 * 20, ..Limits::default() };
    let refused = imaging::process(&file(ANIMATED, 200, &wide), &Pipeline::invert(), &few);
    assert_eq!(refused.unwrap_err().class, Class::TooLarge);
    let frames = Limits { max_frames: 1, ..Limits::default() };
    assert_eq!(class(frames).unwrap_err(), Class::TooLarge);
    let time = Limits { max_time: std::time::Duration::ZERO, ..Limits::default() };
    assert_eq!(class(time).unwrap_err(), Class::TooSlow);
}

#[test]
fn every_cut_and_every_damaged_byte_has_a_class() {
    let half = [chunk(b"ALPH", &[0, 255, 0]), chunk(b"VP8 ", LOSSY)].concat();
    let source = animated(
        4,
        &[part(0, 0, &[RED; 4]), frame(2, 2, CLEAR, &half), part(0, REPLACE, &[GLASS, BLUE])],
    );
    let limits = Limits { max_pixels: 1 << 20, max_memory_bytes: 64 << 20, ..Limits::default() };
    let check = |bytes: &[u8], what: &str| {
        let outcome = imaging::process(bytes, &Pipeline::invert(), &limits);
        let is_internal = outcome.as_ref().is_err_and(|error| error.class == Class::Internal);
        assert!(!is_internal, "{what}: {outcome:?}");
        outcome
    };
    for length in 0..source.len() {
        assert!(check(&source[..length], &format!("cut at {length}")).is_err());
        let mut adjusted = source[..length].to_vec();
        if let Some(place) = adjusted.get_mut(4..8) {
            place.copy_from_slice(&(length as u32 - 8).to_le_bytes());
        }
        let _any = check(&adjusted, &format!("cut at {length}, with its length put right"));
    }
    for at in 0..source.len() {
        for value in [0x00, 0xff, !source[at], source[at] ^ 1] {
            let mut damaged = source.clone();
            damaged[at] = value;
            let _any = check(&damaged, &format!("{value:#04x} at {at}"));
        }
    }
}
