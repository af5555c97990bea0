//! Replays what the fuzz targets start from and what they once found: `fuzz/README.md`.

#![cfg(test)]
#![expect(clippy::duplicate_mod, reason = "the fuzz targets take the judge along")]

#[expect(dead_code, reason = "tests and bench use a part of it each")]
mod corpus;
#[path = "../fuzz/oracles.rs"]
#[expect(unreachable_pub, reason = "a library for the fuzz targets")]
mod oracles;

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use corpus::tiny;
use image::ImageFormat;

fn folder(kind: &str, target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(kind).join(target)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn the_seeds_of_each_target_and_what_it_found_hold() {
    update_seeds();
    for (target, oracle) in oracles::NARROW {
        let seeds = files(&folder("seeds", target));
        assert!(!seeds.is_empty(), "{target} has no seeds");
        replay(*oracle, &seeds);
        replay(*oracle, &files(&folder("regressions", target)));
    }
}

#[test]
fn the_seeds_of_every_format_and_what_was_found_by_any_target_hold_for_the_whole() {
    let folders = |kind| files(&folder(kind, "")).into_iter().flat_map(|folder| files(&folder));
    let all: Vec<PathBuf> = folders("seeds").chain(folders("regressions")).collect();
    assert!(all.len() >= 50);
    for (_, oracle) in oracles::WIDE {
        replay(*oracle, &all);
    }
}

fn replay(oracle: oracles::Oracle, files: &[PathBuf]) {
    for file in files {
        // Says which file it was where the oracle panics.
        println!("{}", file.display());
        oracle(&fs::read(file).unwrap());
    }
}

#[test]
fn every_folder_belongs_to_a_target() {
    let targets = || oracles::NARROW.iter().chain(oracles::WIDE).map(|(target, _)| *target);
    for kind in ["seeds", "regressions"] {
        for folder in files(&folder(kind, "")) {
            let name = folder.file_name().unwrap().to_str().unwrap();
            assert!(targets().any(|target| target == name), "{kind}/{name}");
        }
    }
}

const TARGETS: [(ImageFormat, &str); 10] = [
    (ImageFormat::Jpeg, "jpeg"),
    (ImageFormat::Png, "png"),
    (ImageFormat::Gif, "gif"),
    (ImageFormat::WebP, "webp"),
    (ImageFormat::Tiff, "tiff"),
    (ImageFormat::Bmp, "bmp"),
    (ImageFormat::Ico, "ico"),
    (ImageFormat::Tga, "tga"),
    (ImageFormat::Pnm, "pnm"),
    (ImageFormat::Qoi, "qoi"),
];

/// Writes the seeds where that is asked for.
fn update_seeds() {
    if env::var_os("UPDATE_SEEDS").is_none() {
        return;
    }
    for file in tiny::files(9, 6, 1, true) {
        let (_, target) = TARGETS.iter().find(|(format, _)| *format == file.format).unwrap();
        let name = file.name.to_lowercase().replace([' ', ':'], "-");
        write_seed(target, &name, &file.bytes);
    }
    for text in ["invert", "invert=exact|strip", "resize=800x600,fit|blur=1.5|convert=png"] {
        write_seed("pipeline", &text.replace(['|', '='], "-"), text.as_bytes());
    }
    for (name, start) in [("html", &b"<!DOCTYPE html><p>no"[..]), ("heic", b"\0\0\0\x18ftypheic")] {
        write_seed("sniff", name, start);
    }
}

fn write_seed(target: &str, name: &str, bytes: &[u8]) {
    let folder = folder("seeds", target);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), bytes).unwrap();
}
