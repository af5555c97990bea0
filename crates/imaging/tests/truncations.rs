//! Small files of every format, cut at every byte, damaged at every byte, and files that claim
//! more than they hold: an outcome with a class, and no more memory than the limit.

#![cfg(test)]

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use flate2::{Compression, write::ZlibEncoder};
use imaging::{Class, Error, Limits, Output, Pipeline};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Peaks are those of the whole process, so one test runs at a time.
static ALONE: Mutex<()> = Mutex::new(());

const MEBIBYTE: usize = 1 << 20;

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn limits() -> Limits {
    Limits { max_memory_bytes: 16 * MEBIBYTE as u64, ..Limits::default() }
}

/// Processes and checks what holds for every input.
fn outcome(input: &[u8], chain: &Pipeline, what: &str) -> Result<Output, Error> {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let outcome = imaging::process(input, chain, &limits());
    let spent = MEMORY.peak_usage().saturating_sub(before);
    assert!(spent <= allowance(input), "{what}: {} KiB were allocated", spent / 1024);
    if let Err(error) = &outcome {
        assert_ne!(error.class, Class::Internal, "{what}: {error}");
        assert!(!error.message.is_empty(), "{what}");
    }
    outcome
}

/// What may be allocated: the limit, and on top what codecs take for themselves.
fn allowance(input: &[u8]) -> usize {
    let is_tiff = input.starts_with(b"II") || input.starts_with(b"MM");
    // The codec of TIFF reserves up to 128 MiB for a strip whose length is damaged; the one of PNG
    // unpacks a profile within a limit of its own before it looks at the picture.
    limits().max_memory_bytes as usize + if is_tiff { 129 * MEBIBYTE } else { 10 * MEBIBYTE }
}

/// The seeds of the fuzz targets for formats: name and bytes.
fn seeds() -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    let formats =
        ["bmp", "gif", "ico", "jpeg", "png", "pnm", "qoi", "tga", "tiff", "webp"].into_iter();
    let seeds: Vec<_> = formats.flat_map(|format| files(&folder.join(format))).collect();
    assert!(seeds.len() >= 50, "only {} seeds", seeds.len());
    seeds
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut paths: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect()
}

#[test]
fn every_cut_has_an_outcome() {
    let _alone = alone();
    for (name, bytes) in seeds() {
        let whole = outcome(&bytes, &Pipeline::invert(), &name);
        assert!(whole.is_ok(), "{name}: {whole:?}");
        for length in 0..bytes.len() {
            let what = format!("{name} cut at {length}");
            let cut = outcome(&bytes[..length], &Pipeline::invert(), &what);
            assert!(length > 0 || cut.is_err_and(|error| error.class == Class::Empty), "{what}");
        }
    }
}

#[test]
fn every_damaged_byte_has_an_outcome() {
    let _alone = alone();
    for (name, bytes) in seeds() {
        for at in 0..bytes.len() {
            for value in [0x00, 0xff, !bytes[at], bytes[at] ^ 1] {
                let mut damaged = bytes.clone();
                damaged[at] = value;
                let what = format!("{name} with {value:#04x} at {at}");
                let _any = outcome(&damaged, &Pipeline::invert(), &what);
            }
        }
    }
}

#[test]
fn bytes_behind_the_picture_do_no_harm() {
    let _alone = alone();
    for (name, mut bytes) in seeds() {
        bytes.extend(b"\0\0something else");
        // QOI and TGA are known by their ends.
        if !name.contains("/qoi/") {
            let taken = outcome(&bytes, &Pipeline::invert(), &name);
            assert!(taken.is_ok(), "{name}: {taken:?}");
        }
    }
}

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let content = [&kind[..], data].concat();
    let length = (data.len() as u32).to_be_bytes();
    [&length[..], &content, &crc32fast::hash(&content).to_be_bytes()].concat()
}

fn zeros(count: usize) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    let block = vec![0; MEBIBYTE];
    for start in (0..count).step_by(MEBIBYTE) {
        encoder.write_all(&block[..MEBIBYTE.min(count - start)]).unwrap();
    }
    encoder.finish().unwrap()
}

fn png(width: u32, height: u32, between: &[u8], data: &[u8]) -> Vec<u8> {
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([8, 2, 0, 0, 0]);
    let signature = b"\x89PNG\r\n\x1a\n";
    let chunks = [chunk(b"IHDR", &header), between.to_vec(), chunk(b"IDAT", data)].concat();
    [&signature[..], &chunks, &chunk(b"IEND", b"")].concat()
}

#[test]
fn bombs_are_refused_before_they_are_unpacked() {
    let _alone = alone();
    let bmp = |width: u32, height: u32| {
        let mut bytes = b"BM".to_vec();
        bytes.extend([0; 8]);
        bytes.extend([54, 0, 0, 0, 40, 0, 0, 0]);
        bytes.extend(width.to_le_bytes());
        bytes.extend(height.to_le_bytes());
        bytes.extend([1, 0, 24, 0]);
        bytes.extend([0; 24]);
        bytes
    };
    let digits = [&b"P6 "[..], &[b'9'].repeat(100_000), b" 1 255\n"].concat();
    let tiff_loop = b"II*\0\x08\0\0\0\0\0\x08\0\0\0";
    let tiff_strips = {
        let mut bytes = b"II*\0\x08\0\0\0\x05\0".to_vec();
        for (tag, kind, count, value) in [
            (256u16, 4u16, 1u32, 10_000u32),
            (257, 4, 1, 10_000),
            (258, 3, 1, 8),
            (273, 4, u32::MAX, 8),
            (279, 4, u32::MAX, 8),
        ] {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(kind.to_le_bytes());
            bytes.extend(count.to_le_bytes());
            bytes.extend(value.to_le_bytes());
        }
        bytes.extend([0; 4]);
        bytes
    };
    let webp = {
        let header = [0x10, 0, 0, 0, 0xfe, 0x3f, 0, 0xfe, 0x3f, 0];
        let pixels = [0x2f, 0xfe, 0xbf, 0xff, 0x0f, 0, 0, 0];
        let body = [&b"WEBPVP8X\x0a\0\0\0"[..], &header, b"VP8L\x08\0\0\0", &pixels].concat();
        [&b"RIFF"[..], &(body.len() as u32).to_le_bytes(), &body].concat()
    };
    let icons = [&[0, 0, 1, 0, 0xff, 0xff][..], &[0; 64]].concat();
    let gif =
        b"GIF89a\xff\xff\xff\xff\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\xff\xff\xff\xff\0\x02\x00;";
    for (name, input) in [
        ("GIF of 65535 x 65535", gif.to_vec()),
        ("PNG of 60000 x 60000", png(60_000, 60_000, b"", &zeros(MEBIBYTE))),
        ("PNG with a row of 2^31 pixels", png(i32::MAX as u32, 1, b"", &zeros(1000))),
        ("PNG with a row of 99 megapixels", png(99_000_000, 1, b"", &zeros(1000))),
        ("BMP of 2^31 x 2^31", bmp(i32::MAX as u32, i32::MIN as u32)),
        ("BMP of 50000 x -50000", bmp(50_000, (-50_000i32).cast_unsigned())),
        ("BMP of -1 x 1", bmp(u32::MAX, 1)),
        ("PNM with a number of 100000 digits", digits),
        ("PNM of 2^32 - 1 squared", b"P6 4294967295 4294967295 255\n".to_vec()),
        ("TIFF that follows itself", tiff_loop.to_vec()),
        ("TIFF of 2^32 - 1 strips", tiff_strips),
        ("WebP of 16383 x 16383", webp),
        ("ICO of 65535 pictures", icons),
        (
            "QOI of 2^32 - 1 squared",
            [&b"qoif"[..], &[0xff; 8], &[4, 0, 0, 0, 0, 0, 0, 0, 0, 1]].concat(),
        ),
    ] {
        for chain in ["invert", "invert=exact", "grayscale"] {
            let what = format!("{name} by {chain}");
            let refused = outcome(&input, &chain.parse().unwrap(), &what).unwrap_err();
            let expected = [Class::TooLarge, Class::Corrupt, Class::Truncated, Class::Unsupported];
            assert!(expected.contains(&refused.class), "{what}: {refused:?}");
        }
    }
}

#[test]
fn what_is_packed_beside_the_pixels_is_not_unpacked() {
    let _alone = alone();
    let packed = zeros(64 * MEBIBYTE);
    for (kind, head) in [
        (b"zTXt", &b"Comment\0\0"[..]),
        (b"iTXt", b"XML:com.adobe.xmp\0\x01\0\0\0"),
        (b"iCCP", b"profile\0\0"),
    ] {
        let bomb = chunk(kind, &[head, &packed].concat());
        let input = png(1, 1, &bomb, &zeros(4));
        for chain in ["invert", "grayscale", "strip"] {
            let what = format!("{kind:?} by {chain}");
            let _any = outcome(&input, &chain.parse().unwrap(), &what);
        }
        assert!(outcome(&input, &Pipeline::invert(), "a packed chunk").is_ok());
    }
}

#[test]
fn a_png_in_few_bytes_is_inverted_in_little_memory() {
    let _alone = alone();
    let data = zeros(6000 * (1 + 3 * 6000));
    let input = png(6000, 6000, b"", &data);
    let output = outcome(&input, &Pipeline::invert(), "36 megapixels of zeros").unwrap();
    assert!(output.bytes.len() < 2 * input.len(), "{} bytes", output.bytes.len());
}

#[test]
fn limits_of_bytes_and_time_have_their_classes() {
    let _alone = alone();
    let input = png(2, 2, b"", &zeros(14));
    let class =
        |limits: &Limits| imaging::process(&input, &Pipeline::invert(), limits).unwrap_err().class;
    let bytes = Limits { max_input_bytes: input.len() as u64 - 1, ..Limits::default() };
    assert_eq!(class(&bytes), Class::TooLarge);
    let time = Limits { max_time: std::time::Duration::ZERO, ..Limits::default() };
    assert_eq!(class(&time), Class::TooSlow);
}
