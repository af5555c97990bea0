//! Eight kinds of pictures by eight ways to write them: each JPEG against the exact inverse of what
//! it decodes to, and inverted back. Then the same for the files in `data/jpeg`, which are of kinds
//! that no encoder in Rust writes.

#![cfg(test)]

#[expect(dead_code, reason = "tests and bench use a part of it each")]
mod corpus;

use std::{fs, path::PathBuf};

use corpus::{
    Picture,
    coefficients::{self, Jpeg},
    compare,
    jpeg::{Colours, Kind},
    judges,
};
use imaging::{Class, Limits, Output, Path, Pipeline};
use jpeg_encoder::SamplingFactor;

fn invert(bytes: &[u8]) -> Result<Output, imaging::Error> {
    imaging::process(bytes, &Pipeline::invert(), &Limits::default())
}

/// Sampling and colours, and a picture for them.
fn rows() -> Vec<(&'static str, Picture, Kind)> {
    let of = |sampling| Kind { sampling, ..Kind::default() };
    let photo = |seed| Picture::photo(96, 64, seed);
    let colours = |colours, sampling| Kind { colours, ..of(sampling) };
    vec![
        ("4:4:4", photo(1), of(SamplingFactor::F_1_1)),
        ("4:2:2", photo(2), of(SamplingFactor::F_2_1)),
        ("4:4:0", photo(3), of(SamplingFactor::F_1_2)),
        ("4:2:0", photo(4), of(SamplingFactor::F_2_2)),
        ("4:2:0 of an odd size", Picture::photo(67, 43, 5), of(SamplingFactor::F_2_2)),
        ("4:1:1", photo(6), of(SamplingFactor::F_4_1)),
        ("gray", photo(7), colours(Colours::Gray, SamplingFactor::F_1_1)),
        ("Adobe RGB", photo(8), colours(Colours::AdobeRgb, SamplingFactor::F_1_1)),
    ]
}

/// What a column changes in the kind of its row.
type Change = fn(Kind) -> Kind;

const COLUMNS: [(&str, Change); 8] = [
    ("quality 50", |kind| Kind { quality: 50, ..kind }),
    ("quality 75", |kind| kind),
    ("quality 90", |kind| Kind { quality: 90, ..kind }),
    ("quality 100", |kind| Kind { quality: 100, ..kind }),
    ("tables to measure", |kind| Kind { optimised: true, quality: 85, ..kind }),
    ("restarts after 1", |kind| Kind { restart_interval: 1, quality: 80, ..kind }),
    ("restarts after 7", |kind| Kind { restart_interval: 7, quality: 80, ..kind }),
    ("progressive", |kind| Kind { progressive_scans: 6, quality: 85, ..kind }),
];

fn bound(quality: u8) -> f64 {
    if quality >= 75 { 0.35 } else { 1.2 }
}

/// What decoders lose that widen small chroma in whole numbers: they round halves up, on both sides
/// of the inversion. A quarter of the samples of 4:2:2 lie at a half.
const ROUNDING: f64 = 0.6;

/// Everything that is promised of one file.
fn check(source: &[u8], is_sequential: bool, bound: f64) -> Result<(), String> {
    let output = invert(source).map_err(|error| format!("refused: {error}"))?;
    let back = invert(&output.bytes).map_err(|error| format!("not inverted back: {error}"))?;
    if output.path != Path::Bits {
        return Err(format!("went by {}", output.path));
    }
    coefficients::check_inverse(&Jpeg::read(source)?, &Jpeg::read(&output.bytes)?)?;
    judge(source, &output.bytes, judges::exact_jpeg, bound)?;
    judge(source, &output.bytes, judges::jpeg, bound + ROUNDING)?;
    // Not every decoder knows every kind, but what one knows it still knows afterwards.
    if let Ok(samples) = judges::strict_jpeg(source) {
        let is_right = compare::mean_distance(&samples, &judges::jpeg(source)?) < 3.0;
        let bound = if is_right { bound + ROUNDING } else { f64::MAX };
        judge(source, &output.bytes, judges::strict_jpeg, bound)?;
    }
    let growth = output.bytes.len().abs_diff(source.len());
    if growth > source.len() / 200 + 8 {
        return Err(format!("{} bytes became {}", source.len(), output.bytes.len()));
    }
    if is_sequential && back.bytes != source {
        return Err("inverted twice it has other bytes".to_owned());
    }
    if judges::jpeg(&back.bytes) != judges::jpeg(source) {
        return Err("inverted twice it has other pixels".to_owned());
    }
    Ok(())
}

fn judge(source: &[u8], result: &[u8], decode: judges::Decode, bound: f64) -> Result<(), String> {
    let (before, after) = (decode(source)?, decode(result));
    let after = after.map_err(|error| format!("the result is not readable: {error}"))?;
    let difference = compare::of_samples(&before, &after);
    if difference.mean > bound {
        return Err(format!("mean error {:.3}, largest {}", difference.mean, difference.largest));
    }
    Ok(())
}

#[test]
fn every_kind_written_in_every_way_becomes_its_inverse_and_comes_back() {
    let mut failures = Vec::new();
    for (row, picture, kind) in rows() {
        for (column, change) in COLUMNS {
            let kind = change(kind);
            let source = kind.encode(&picture);
            if let Err(why) = check(&source, kind.is_sequential(), bound(kind.quality)) {
                failures.push(format!("{row}, {column}: {why}"));
            }
        }
    }
    assert!(failures.is_empty(), "{} of 64 fail:\n{}", failures.len(), failures.join("\n"));
}

/// Restarts and scans do not change what a picture decodes to, so a decoder that gives something
/// else for one of them cannot be the judge of it.
#[test]
fn the_judge_decodes_the_same_picture_alike_however_it_is_written() {
    for (row, picture, kind) in rows() {
        let plain = judges::jpeg(&Kind { quality: 85, ..kind }.encode(&picture)).unwrap();
        for (column, change) in &COLUMNS[4..] {
            let kind = Kind { quality: 85, ..change(kind) };
            let other = judges::jpeg(&kind.encode(&picture)).unwrap();
            assert!(plain == other, "{row}, {column}");
        }
    }
}

fn data() -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/jpeg");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = entries.collect();
    paths.sort();
    let name = |path: &PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    paths.iter().map(|path| (name(path), fs::read(path).unwrap())).collect()
}

#[test]
fn rare_kinds_become_their_inverse_and_come_back() {
    let mut failures = Vec::new();
    let mut count = 0;
    for (name, source) in data() {
        if name.starts_with("arithmetic") {
            assert_eq!(invert(&source).unwrap_err().class, Class::Unsupported, "{name}");
            continue;
        }
        let bound = match name.as_str() {
            // A single pixel is right or wrong by a whole level.
            "dot" | "dot-gray" | "progressive-dot" => 1.0,
            "quality-1" | "quality-1-sixteen-bits" => 20.0,
            // Without the scan of the last bits, the steps are twice what the table says.
            "progressive-unfinished" => 1.2,
            "quality-50" | "progressive-quality-50" | "tables-of-their-own" => 1.2,
            _ => 0.35,
        };
        count += 1;
        let is_sequential = !name.starts_with("progressive");
        if let Err(why) = check(&source, is_sequential, bound) {
            failures.push(format!("{name}: {why}"));
        }
    }
    assert!(count >= 40);
    assert!(failures.is_empty(), "{} of {count} fail:\n{}", failures.len(), failures.join("\n"));
}

/// They differ by rounding, and where chroma is small by how they widen it.
#[test]
fn the_judges_agree() {
    let files = rows().into_iter().flat_map(|(row, picture, kind)| {
        COLUMNS.map(|(column, change)| (format!("{row}, {column}"), change(kind).encode(&picture)))
    });
    let data = data().into_iter().filter(|(name, _)| !name.starts_with("arithmetic"));
    for (name, source) in files.chain(data) {
        let (one, other) = (judges::jpeg(&source).unwrap(), judges::exact_jpeg(&source).unwrap());
        let distance = compare::mean_distance(&one, &other);
        assert!(distance < 6.0, "{name}: {distance:.2}");
        let is_whole = ["4:4:4", "gray", "Adobe"].iter().any(|start| name.starts_with(start));
        assert!(!is_whole || distance < 0.5, "{name}: {distance:.2}");
    }
}
