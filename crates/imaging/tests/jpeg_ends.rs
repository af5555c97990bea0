//! JPEG with too little or too much at its end: by bits and through the pixels alike.

#![cfg(test)]

use imaging::{Class, Limits, Output, Pipeline};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

fn process(bytes: &[u8], text: &str) -> Result<Output, imaging::Error> {
    let pipeline: Pipeline = text.parse().unwrap();
    imaging::process(bytes, &pipeline, &Limits::default())
}

const CHAINS: [&str; 3] = ["invert", "rotate=90", "invert=exact"];

fn photo(colours: ColorType, is_progressive: bool) -> Vec<u8> {
    let count = 40 * 24 * if colours == ColorType::Luma { 1 } else { 3 };
    let pixels: Vec<u8> = (0..count).map(|at| (at * at / 7 % 251) as u8).collect();
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 85);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.set_progressive(is_progressive);
    encoder.encode(&pixels, 40, 24, colours).unwrap();
    bytes
}

fn photos() -> Vec<(String, Vec<u8>)> {
    let kinds = [(ColorType::Rgb, false), (ColorType::Rgb, true), (ColorType::Luma, false)];
    let kind = |(colours, is_progressive)| {
        (format!("{colours:?}, progressive: {is_progressive}"), photo(colours, is_progressive))
    };
    kinds.into_iter().map(kind).collect()
}

#[test]
fn a_missing_end_mark_is_added() {
    for (kind, whole) in photos() {
        let cut = &whole[..whole.len() - 2];
        for text in CHAINS {
            let what = format!("{kind}, {text}");
            let output = process(cut, text).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(output.notes, ["the file had no end mark; it was added"], "{what}");
            assert!(output.bytes == process(&whole, text).unwrap().bytes, "{what}");
        }
    }
}

#[test]
fn a_picture_that_is_not_whole_is_refused_in_every_way() {
    for (kind, whole) in photos() {
        for text in CHAINS {
            let cut = &whole[..whole.len() - 20];
            assert_eq!(process(cut, text).unwrap_err().class, Class::Truncated, "{kind}, {text}");
        }
    }
}

#[test]
fn what_follows_the_end_mark_is_no_reason_to_refuse() {
    let more = photo(ColorType::Luma, false);
    for (kind, whole) in photos() {
        let same = |text: &str, end: &[u8], notes: &[&str]| {
            let what = format!("{kind}, {text}, {} bytes", end.len());
            let output = process(&[&whole, end].concat(), text);
            let output = output.unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(output.notes, notes, "{what}");
            let expected = process(&whole, text).unwrap().bytes;
            assert!(output.bytes.starts_with(&expected), "{what}");
        };
        for text in CHAINS {
            for end in [b"more".as_slice(), b"\xff", b"\xff\xe1\xff\xff", b"\xff\xd9", &more] {
                let count = end.len();
                let note = format!("{count} bytes after the end of the picture were left out");
                same(text, end, &[&note]);
            }
            same(text, &[0; 9], &[]);
        }
    }
}

#[test]
fn fill_bytes_before_the_end_mark_are_skipped() {
    for (kind, whole) in photos() {
        let (picture, end) = whole.split_at(whole.len() - 2);
        for filling in [&b"\xff"[..], b"\xff\xff\xff"] {
            for text in CHAINS {
                let source = [picture, filling, end].concat();
                let output = process(&source, text);
                let what = format!("{kind}, {text}, {filling:?}");
                let output = output.unwrap_or_else(|error| panic!("{what}: {error}"));
                assert_eq!(output.notes, [""; 0], "{what}");
            }
        }
    }
}

#[test]
fn a_height_that_is_never_told_is_missing() {
    let mut source = photo(ColorType::Luma, false);
    let frame = source.windows(2).position(|pair| pair == b"\xff\xc0").unwrap();
    source[frame + 5..frame + 7].fill(0);
    assert_eq!(process(&source, "invert").unwrap_err().class, Class::Corrupt);
}

#[test]
fn a_picture_of_several_scans_is_not_whole_before_the_last_one() {
    let files = [
        ("scans-each", &include_bytes!("data/jpeg/scans-each.jpg")[..]),
        ("scans-luma-then-both", include_bytes!("data/jpeg/scans-luma-then-both.jpg")),
        ("progressive", include_bytes!("data/jpeg/progressive.jpg")),
        ("progressive-gray", include_bytes!("data/jpeg/progressive-gray.jpg")),
    ];
    for (name, whole) in files {
        for length in 4..whole.len() - 2 {
            for text in ["invert", "rotate=90"] {
                let outcome = process(&whole[..length], text);
                let class = outcome.map_err(|error| error.class);
                assert_eq!(class, Err(Class::Truncated), "{name}, {text}, cut at {length}");
            }
        }
    }
}
