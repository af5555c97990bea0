//! What each fuzz target does with its bytes, and what must hold. Shared by the targets and by
//! `tests/fuzz_regressions.rs`, which replays the files kept here in every `cargo test`.

#[path = "../tests/corpus/coefficients.rs"]
#[expect(dead_code, reason = "the tests and the bench use more of it")]
mod coefficients;

use std::{
    panic,
    sync::{
        Once,
        atomic::{AtomicBool, Ordering},
    },
};

use coefficients::Jpeg;
use imaging::{Class, Error, Format, JpegInverter, Limits, Output, Path, Pipeline};

/// A target by its name.
pub type Oracle = fn(&[u8]);

/// The targets that take files of every format.
pub const WIDE: &[(&str, Oracle)] = &[
    ("process", process),
    ("process_twice", process_twice),
    ("operations", operations),
    ("jpeg_pieces", jpeg_pieces),
];

/// The targets that have seeds of their own.
pub const NARROW: &[(&str, Oracle)] = &[
    ("jpeg", jpeg),
    ("png", png),
    ("gif", gif),
    ("webp", webp),
    ("tiff", tiff),
    ("bmp", bmp),
    ("ico", ico),
    ("tga", tga),
    ("pnm", pnm),
    ("qoi", qoi),
    ("pipeline", pipeline),
    ("sniff", sniff),
];

/// Set where code that is not ours panicked: that is caught and becomes an outcome, while our own
/// code never panics.
static FOREIGN_PANIC: AtomicBool = AtomicBool::new(false);

/// Lets panics of codecs through to where `imaging` catches them, and ends the process at any other.
pub fn watch_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let file = info.location().map_or("", panic::Location::file);
            if file.contains("/registry/src/") || file.contains("/library/") {
                FOREIGN_PANIC.store(true, Ordering::Relaxed);
            } else {
                before(info);
            }
        }));
    });
}

fn limits() -> Limits {
    Limits { max_pixels: 1 << 20, max_memory_bytes: 64 << 20, ..Limits::default() }
}

fn invert(input: &[u8]) -> Result<Output, Error> {
    run(input, &Pipeline::invert())
}

/// An outcome, with what holds for every one.
fn run(input: &[u8], pipeline: &Pipeline) -> Result<Output, Error> {
    watch_panics();
    FOREIGN_PANIC.store(false, Ordering::Relaxed);
    let outcome = imaging::process(input, pipeline, &limits());
    match &outcome {
        Ok(output) => {
            let pixels = u64::from(output.width) * u64::from(output.height);
            assert!(pixels <= limits().max_pixels, "{} x {}", output.width, output.height);
            assert!(output.frames >= 1 && output.frames <= limits().max_frames);
            assert!(!output.bytes.is_empty());
        }
        Err(error) => {
            assert!(!error.message.is_empty());
            let is_ours = !FOREIGN_PANIC.load(Ordering::Relaxed);
            assert!(error.class != Class::Internal || !is_ours, "internal: {error}");
        }
    }
    outcome
}

/// Any bytes give an outcome, and what was taken once is taken again.
pub fn process(data: &[u8]) {
    if let Ok(output) = invert(data) {
        let again = invert(&output.bytes);
        assert!(
            again.is_ok(),
            "the result of {} by {} is refused: {again:?}",
            output.format,
            output.path
        );
    }
}

/// What two inversions have to give back.
pub fn process_twice(data: &[u8]) {
    let Ok(once) = invert(data) else { return };
    let Ok(twice) = invert(&once.bytes) else { return };
    assert_eq!((once.width, once.height), (twice.width, twice.height));
    assert_eq!((once.frames, once.format), (twice.frames, twice.format));
    let is_jpeg = once.format == Format::Jpeg;
    if once.notes.is_empty() && has_its_place(data, &once) {
        assert!(twice.bytes == data, "{} by {}: other bytes", once.format, once.path);
    }
    if is_jpeg && once.path == Path::Bits {
        coefficients_turn_round(data, &once.bytes);
    }
    // JPEG loses something in its pixels each time. Others may write once what the source left
    // out.
    if !is_jpeg || once.path != Path::Pixels {
        let Ok(thrice) = invert(&twice.bytes) else { panic!("taken twice, refused thrice") };
        let Ok(fourth) = invert(&thrice.bytes) else { panic!("taken thrice, then refused") };
        let is_packed_anew = once.format == Format::Png && once.path == Path::Pixels;
        let is_same = fourth.bytes == twice.bytes
            || is_packed_anew && shown(&fourth.bytes) == shown(&twice.bytes);
        assert!(is_same, "{} by {}: four times", once.format, once.path);
    }
}

/// What the general way makes of the pixels and metadata of a picture. A PNG's copies depend on those it
/// came with, so the same rows may be packed in another way.
fn shown(bytes: &[u8]) -> Option<Vec<u8>> {
    let flip = "flip=horizontal".parse().ok()?;
    run(bytes, &flip).ok().map(|output| output.bytes)
}

/// Changed without moving anything in the file: icons are laid out anew, and what fills up the last
/// byte of a JPEG's data is known afterwards only if it was what it has to be. Nor do all bits of a
/// JPEG come back whose tables have no code for the shift, or two for one size.
fn has_its_place(data: &[u8], output: &Output) -> bool {
    match (output.path, output.format) {
        (Path::Pixels, _) | (_, Format::Ico) => false,
        (_, Format::Jpeg) => {
            let (Ok(before), Ok(after)) = (Jpeg::read(data), Jpeg::read(&output.bytes)) else {
                return false;
            };
            let is_plain = before.is_filled_with_ones && !before.is_progressive;
            is_plain && before.has_single_codes && coefficients::is_shifted_alike(&before, &after)
        }
        _ => true,
    }
}

/// What the slow decoder understands has to come out with every coefficient turned round, and
/// brighter or darker by one level where the tables have codes for that.
fn coefficients_turn_round(before: &[u8], after: &[u8]) {
    let Ok(before) = Jpeg::read(before) else { return };
    let after = Jpeg::read(after).expect("the inverse reads as its source does");
    let checked = coefficients::check_inverse(&before, &after);
    let has_codes = before.is_progressive
        || before.has_all_differences && coefficients::is_shifted_alike(&before, &after);
    if checked.is_err() && !has_codes {
        assert!(coefficients::is_shifted_in_part(&before, &after), "{checked:?}, and too far");
        return;
    }
    assert_eq!(checked, Ok(()));
}

/// Has a frame header of a progressive JPEG anywhere.
fn is_progressive(data: &[u8]) -> bool {
    data.starts_with(b"\xff\xd8") && data.windows(2).any(|pair| pair == b"\xff\xc2")
}

/// The last byte chooses the operations.
pub fn operations(data: &[u8]) {
    let Some(&choice) = data.last() else { return };
    let chains = [
        "invert=exact",
        "grayscale",
        "resize=20x10",
        "resize=7x9,fill",
        "resize=9x7,crop|invert",
        "thumbnail=16x16",
        "rotate=90",
        "rotate=180|flip=vertical",
        "rotate=270|strip",
        "flip=horizontal",
        "blur=1.5",
        "brightness=20|contrast=-30",
        "convert=png",
        "convert=jpeg",
        "convert=webp|strip",
        "strip|invert",
    ];
    let chain = chains[usize::from(choice) % chains.len()];
    if let Ok(pipeline) = chain.parse() {
        let _ = run(data, &pipeline);
    }
}

/// The text is parsed, and what is parsed prints as something that parses to the same.
pub fn pipeline(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match text.parse::<Pipeline>() {
        Ok(pipeline) => {
            let printed = pipeline.to_string();
            assert_eq!(printed.parse::<Pipeline>().as_ref(), Ok(&pipeline), "{printed:?}");
        }
        Err(error) => {
            assert!(error.position <= text.chars().count(), "{error}");
            assert!(!error.to_string().is_empty());
        }
    }
}

pub fn sniff(data: &[u8]) {
    watch_panics();
    let _ = imaging::sniff(data);
}

/// The input in pieces gives what the whole input gives. The last byte says how they are cut.
pub fn jpeg_pieces(data: &[u8]) {
    watch_panics();
    let data = &behind(b"\xff\xd8\xff", data);
    let cut = usize::from(*data.last().unwrap_or(&1)) % 67 + 1;
    let mut inverter = JpegInverter::new(&limits());
    let mut bytes = Vec::new();
    let mut pieces = data.chunks(cut);
    let outcome = pieces.try_for_each(|piece| inverter.push(piece, &mut bytes));
    let outcome = outcome.and_then(|()| inverter.finish(&mut bytes));
    match (outcome, invert(data)) {
        (Ok(_), Ok(whole)) if whole.path == Path::Bits => {
            assert!(whole.bytes == bytes, "other bytes");
        }
        (Ok(_), whole) => panic!("taken in pieces of {cut}, but whole: {whole:?}"),
        (Err(error), Ok(whole)) if whole.path == Path::Bits && !is_progressive(data) => {
            panic!("refused in pieces of {cut} and taken whole: {error}")
        }
        (Err(_), _) => {}
    }
}

pub fn jpeg(data: &[u8]) {
    process_twice(&behind(b"\xff\xd8\xff", data));
}

/// With the check sums put right, which no fuzzer guesses.
pub fn png(data: &[u8]) {
    const MAGIC: &[u8] = b"\x89PNG\r\n\x1a\n";
    let mut file = behind(MAGIC, data);
    let mut at = MAGIC.len();
    while let Some(length) = file.get(at..at + 4) {
        let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize;
        let Some(end) = (at + 8).checked_add(length) else { break };
        let Some(covered) = file.get(at + 4..end) else { break };
        let sum = crc32fast::hash(covered).to_be_bytes();
        let Some(place) = file.get_mut(end..end + 4) else { break };
        place.copy_from_slice(&sum);
        at = end + 4;
    }
    process_twice(&file);
}

pub fn gif(data: &[u8]) {
    process_twice(&behind(b"GIF89a", data));
}

/// With the length of the whole put right.
pub fn webp(data: &[u8]) {
    let mut file = behind(b"RIFF\0\0\0\0WEBPVP8", data);
    let length = (file.len() as u32 - 8).to_le_bytes();
    file[4..8].copy_from_slice(&length);
    process_twice(&file);
}

/// In either order of bytes, as the first byte says.
pub fn tiff(data: &[u8]) {
    let magic: &[u8] =
        if data.first().is_some_and(|byte| *byte == b'M') { b"MM\0*" } else { b"II*\0" };
    process_twice(&behind(magic, data));
}

pub fn bmp(data: &[u8]) {
    process_twice(&behind(b"BM", data));
}

pub fn ico(data: &[u8]) {
    process_twice(&behind(b"\0\0\x01\0", data));
}

/// Without a mark of its own, so only what looks like one is looked at more closely.
pub fn tga(data: &[u8]) {
    let mut file = data.to_vec();
    if let Some([map, kind, ..]) = file.get_mut(1..) {
        *map &= 1;
        *kind &= 11;
    }
    process_twice(&file);
}

pub fn pnm(data: &[u8]) {
    let mut file = data.to_vec();
    if let Some([p, kind, space]) = file.get_mut(..3) {
        (*p, *kind, *space) = (b'P', b'1' + *kind % 7, b'\n');
    }
    process_twice(&file);
}

pub fn qoi(data: &[u8]) {
    process_twice(&behind(b"qoif", data));
}

/// The data with its first bytes made those of a format.
fn behind(magic: &[u8], data: &[u8]) -> Vec<u8> {
    [magic, data.get(magic.len()..).unwrap_or_default()].concat()
}
