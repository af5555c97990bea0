//! PNG of every colour type, depth, filter and interlacing, compressed in every way: exact, and as
//! small as before.

#![cfg(test)]

use std::io::{Cursor, Write};

use flate2::{Compression, write::ZlibEncoder};
use imaging::{Class, Limits, Pipeline};
use png::{BitDepth, ColorType, Decoder, Transformations};
use proptest::prelude::*;

#[derive(Debug, Clone, Copy)]
struct Kind {
    colour: u8,
    depth: u8,
    channels: u32,
}

const KINDS: &[Kind] = &[
    Kind { colour: 0, depth: 1, channels: 1 },
    Kind { colour: 0, depth: 2, channels: 1 },
    Kind { colour: 0, depth: 4, channels: 1 },
    Kind { colour: 0, depth: 8, channels: 1 },
    Kind { colour: 0, depth: 16, channels: 1 },
    Kind { colour: 2, depth: 8, channels: 3 },
    Kind { colour: 2, depth: 16, channels: 3 },
    Kind { colour: 4, depth: 8, channels: 2 },
    Kind { colour: 4, depth: 16, channels: 2 },
    Kind { colour: 6, depth: 8, channels: 4 },
    Kind { colour: 6, depth: 16, channels: 4 },
];

/// Bytes in each row of each pass, without the filter.
fn row_lengths(kind: Kind, width: u32, height: u32, interlaced: bool) -> Vec<usize> {
    const PASSES: [(u32, u32, u32, u32); 7] = [
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ];
    let bytes = |pixels: u32| (pixels * kind.channels * u32::from(kind.depth)).div_ceil(8) as usize;
    if !interlaced {
        return vec![bytes(width); height as usize];
    }
    let mut lengths = Vec::new();
    for (left, top, right, down) in PASSES {
        let columns = (left..width).step_by(right as usize).count() as u32;
        let rows = (top..height).step_by(down as usize).count();
        lengths.extend(std::iter::repeat_n(bytes(columns), if columns > 0 { rows } else { 0 }));
    }
    lengths
}

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let content = [&kind[..], data].concat();
    let length = (data.len() as u32).to_be_bytes();
    [&length[..], &content, &crc32fast::hash(&content).to_be_bytes()].concat()
}

fn zlib(rows: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(rows).unwrap();
    encoder.finish().unwrap()
}

/// A PNG of these filtered rows, its compressed data in pieces of `piece` bytes.
fn png(kind: Kind, size: (u32, u32), interlaced: bool, data: &[u8], piece: usize) -> Vec<u8> {
    let mut header = [size.0.to_be_bytes(), size.1.to_be_bytes()].concat();
    header.extend([kind.depth, kind.colour, 0, 0, interlaced.into()]);
    let mut bytes = [&b"\x89PNG\r\n\x1a\n"[..], &chunk(b"IHDR", &header)].concat();
    data.chunks(piece).for_each(|data| bytes.extend(chunk(b"IDAT", data)));
    bytes.extend(chunk(b"IEND", b""));
    bytes
}

/// Rows whose filters and differences come from a generator that likes to repeat itself.
fn rows(lengths: &[usize], seed: u32, filter: Option<u8>) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 16
    };
    let mut bytes: Vec<u8> = Vec::new();
    for &length in lengths {
        bytes.push(filter.unwrap_or((next() % 5) as u8));
        let end = bytes.len() + length;
        while bytes.len() < end {
            let left = end - bytes.len();
            let times = (1 + next() as usize % 12).min(left);
            let back = 1 + next() as usize % 40;
            for _ in 0..times {
                let earlier = bytes.len().checked_sub(back).map(|at| bytes[at]);
                let fresh = (next() % 7) as u8;
                bytes.push(earlier.filter(|_| next() % 8 > 0).unwrap_or(fresh.wrapping_sub(3)));
            }
        }
    }
    bytes
}

struct Decoded {
    colour: ColorType,
    depth: BitDepth,
    samples: Vec<u8>,
}

fn decode(bytes: &[u8]) -> Decoded {
    let mut decoder = Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(Transformations::IDENTITY);
    decoder.ignore_checksums(false);
    let mut reader = decoder.read_info().unwrap();
    let mut samples = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut samples).unwrap();
    reader.finish().unwrap();
    Decoded { colour: info.color_type, depth: info.bit_depth, samples }
}

fn assert_inverse(before: &[u8], after: &[u8], width: u32) {
    let (before, after) = (decode(before), decode(after));
    assert_eq!((before.colour, before.depth), (after.colour, after.depth));
    let channels = before.colour.samples();
    let sample_bytes = (before.depth as usize).div_ceil(8);
    let has_alpha = matches!(before.colour, ColorType::GrayscaleAlpha | ColorType::Rgba);
    let row_bytes = (width as usize * channels * before.depth as usize).div_ceil(8);
    let used = (width as usize * channels * before.depth as usize) % 8;
    for (index, (b, a)) in before.samples.iter().zip(&after.samples).enumerate() {
        let is_alpha = has_alpha && index / sample_bytes % channels == channels - 1;
        let expected = if is_alpha { *b } else { !*b };
        // The last byte of a row may have bits that belong to no pixel.
        let is_last = index % row_bytes == row_bytes - 1;
        let mask = if is_last && used > 0 { !(0xff >> used) } else { 0xff };
        assert_eq!(a & mask, expected & mask, "byte {index}");
    }
}

fn inverted(bytes: &[u8]) -> Vec<u8> {
    imaging::process(bytes, &Pipeline::invert(), &Limits::default()).unwrap().bytes
}

fn check(
    kind: Kind,
    size: (u32, u32),
    interlaced: bool,
    filtered: &[u8],
    level: u32,
    piece: usize,
) {
    let data = zlib(filtered, level);
    let source = png(kind, size, interlaced, &data, piece);
    let once = inverted(&source);
    assert_inverse(&source, &once, size.0);
    assert_eq!(source[8..33], once[8..33], "IHDR stays, and with it depth and interlacing");
    let twice = inverted(&once);
    assert_eq!(decode(&twice).samples, decode(&source).samples);
}

#[test]
fn every_kind_filter_and_interlacing_is_exact() {
    for &kind in KINDS {
        for interlaced in [false, true] {
            for filter in [Some(0), Some(1), Some(2), Some(3), Some(4), None] {
                for size in [(1, 1), (3, 2), (5, 9), (33, 17)] {
                    let lengths = row_lengths(kind, size.0, size.1, interlaced);
                    check(kind, size, interlaced, &rows(&lengths, 7, filter), 6, 1000);
                }
            }
        }
    }
}

#[test]
fn large_pictures_pass_through_the_buffers() {
    for (kind, size) in [
        (KINDS[5], (700, 900)),
        (KINDS[9], (100_000, 3)),
        (KINDS[3], (3, 200_000)),
        (KINDS[0], (2_000_000, 2)),
    ] {
        for level in [0, 1, 6, 9] {
            let lengths = row_lengths(kind, size.0, size.1, false);
            check(kind, size, false, &rows(&lengths, level + 3, None), level, 8192);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_rows_become_their_exact_inverse(
        kind in proptest::sample::select(KINDS), width in 1u32..80, height in 1u32..60,
        interlaced in any::<bool>(), seed in any::<u32>(), level in 0u32..10,
        filter in proptest::option::of(0u8..5), piece in 1usize..400,
    ) {
        let lengths = row_lengths(kind, width, height, interlaced);
        check(kind, (width, height), interlaced, &rows(&lengths, seed, filter), level, piece);
    }

    #[test]
    fn damaged_compressed_data_give_an_outcome(
        seed in any::<u32>(), at in 0usize..200, bits in 1u8..=255, level in 0u32..10,
    ) {
        let filtered = rows(&row_lengths(KINDS[5], 40, 30, false), seed, None);
        let mut data = zlib(&filtered, level);
        let at = at % data.len();
        data[at] ^= bits;
        let source = png(KINDS[5], (40, 30), false, &data, 100);
        match imaging::process(&source, &Pipeline::invert(), &Limits::default()) {
            Ok(output) => {
                decode(&output.bytes);
            }
            Err(error) => prop_assert!(matches!(error.class, Class::Truncated | Class::Corrupt)),
        }
    }
}

#[test]
fn compressed_data_that_end_early_are_truncated() {
    let filtered = rows(&row_lengths(KINDS[5], 40, 30, false), 5, None);
    let data = zlib(&filtered, 6);
    // Without the check sum all rows are there.
    for length in 0..data.len() - 4 {
        let source = png(KINDS[5], (40, 30), false, &data[..length.max(1)], 100);
        let refused = imaging::process(&source, &Pipeline::invert(), &Limits::default());
        assert_eq!(refused.unwrap_err().class, Class::Truncated, "cut at {length}");
    }
}

#[test]
fn compressed_data_behind_the_last_row_are_left_out() {
    let mut filtered = rows(&row_lengths(KINDS[5], 40, 30, false), 5, None);
    let whole = png(KINDS[5], (40, 30), false, &zlib(&filtered, 6), 100);
    filtered.extend(vec![7; 100_000]);
    let longer = png(KINDS[5], (40, 30), false, &zlib(&filtered, 6), 100);
    assert_eq!(decode(&inverted(&longer)).samples, decode(&inverted(&whole)).samples);
}

#[test]
fn the_result_is_as_small_as_the_source() {
    let size = (600, 400);
    for filter in [0, 1, 2, 4] {
        let filtered = rows(&row_lengths(KINDS[5], size.0, size.1, false), 11, Some(filter));
        let source = png(KINDS[5], size, false, &zlib(&filtered, 9), 8192);
        let ratio = inverted(&source).len() as f64 / source.len() as f64;
        assert!(ratio < 1.02, "filter {filter}: {ratio}");
    }
}

/// A disc on nothing, as icons and cut-out pictures are, without filters.
fn disc(kind: Kind, side: usize) -> Vec<u8> {
    let sample_bytes = usize::from(kind.depth / 8);
    let middle = side as i64 / 2;
    let mut bytes = Vec::new();
    for y in 0..side as i64 {
        bytes.push(0);
        for x in 0..side as i64 {
            let is_inside = (x - middle).pow(2) + (y - middle).pow(2) < (middle / 2).pow(2);
            let samples: &[u8] = match (is_inside, kind.channels) {
                (false, _) => &[0; 4],
                (true, 2) => &[30, 255],
                (true, _) => &[200, 30, 40, 255],
            };
            for &sample in samples.iter().take(kind.channels as usize) {
                bytes.extend(std::iter::repeat_n(sample, sample_bytes));
            }
        }
    }
    bytes
}

/// The size of a picture whose rows are compressed anew without filters.
fn packed_anew(picture: &[u8], row_bytes: usize) -> usize {
    let samples = decode(picture).samples;
    let rows: Vec<u8> = samples.chunks(row_bytes).flat_map(|row| [&[0], row].concat()).collect();
    zlib(&rows, 9).len()
}

#[test]
fn transparent_areas_stay_small() {
    for kind in KINDS.iter().copied().filter(|kind| matches!(kind.colour, 4 | 6)) {
        for side in [100, 1000] {
            let size = (side, side);
            let filtered = disc(kind, side as usize);
            for level in [1, 6, 9] {
                let source = png(kind, size, false, &zlib(&filtered, level), 8192);
                let once = inverted(&source);
                assert_inverse(&source, &once, side);
                let twice = inverted(&once);
                assert_eq!(decode(&twice).samples, decode(&source).samples);
                let anew = packed_anew(&once, row_lengths(kind, side, side, false)[0]);
                let of_sizes = (source.len(), anew, once.len(), twice.len());
                let good = source.len().max(anew);
                assert!(once.len() * 2 < good * 3, "{kind:?}, {side}, {level}: {of_sizes:?}");
                assert!(twice.len() * 100 < once.len() * 115, "{kind:?}, {side}: {of_sizes:?}");
            }
        }
    }
}

#[test]
fn a_result_that_is_much_larger_has_a_note() {
    let process =
        |source: &[u8]| imaging::process(source, &Pipeline::invert(), &Limits::default()).unwrap();
    let size = (1000, 1000);
    let source = png(KINDS[9], size, false, &zlib(&disc(KINDS[9], 1000), 6), 8192);
    assert!(process(&source).notes.is_empty());
    // Copies whose bytes lie one and a half pixels back are none beside unchanged alpha.
    let mut row = vec![0; 4001];
    (1..=6).for_each(|at| row[at] = at as u8 * 40);
    (7..row.len()).for_each(|at| row[at] = row[at - 6]);
    let filtered: Vec<u8> = (0..1000u32)
        .flat_map(|y| {
            let mut row = row.clone();
            row[1..].rotate_left(y as usize % 6);
            row
        })
        .collect();
    let source = png(KINDS[9], size, false, &zlib(&filtered, 6), 8192);
    let output = process(&source);
    let growth = output.bytes.len() / source.len();
    assert!(growth >= 2);
    assert!(output.notes[0].contains(&format!("{growth} times as large")), "{:?}", output.notes);
}
