//! A JPEG of 100 megapixels goes through in pieces, and the memory for it does not grow with it.

#![cfg(test)]

#[expect(dead_code, reason = "tests and bench use a part of it each")]
mod corpus;

use corpus::jpeg::Endless;
use imaging::{JpegInverter, Limits};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The most bytes that inverting such a file takes, beside the piece itself.
fn peak_bytes(width: u16, rows: u16) -> usize {
    let file = Endless::new(width, rows, 75);
    let mut inverter = JpegInverter::new(&Limits::default());
    let mut out = Vec::new();
    let before = MEMORY.current_usage();
    let (mut peak, mut taken, mut given) = (0, 0, 0);
    for piece in file.pieces() {
        let held = MEMORY.current_usage() - before;
        MEMORY.reset_peak_usage();
        inverter.push(&piece, &mut out).unwrap();
        peak = peak.max(held.max(MEMORY.peak_usage() - before));
        taken += piece.len();
        given += out.len();
        out.clear();
    }
    let summary = inverter.finish(&mut out).unwrap();
    given += out.len();
    assert_eq!((summary.width, summary.height), (width.into(), u32::from(rows) * 16));
    assert!(given.abs_diff(taken) < taken / 200, "{taken} bytes became {given}");
    peak
}

// One test, for the allocator counts what all threads do.
#[test]
fn memory_for_a_hundred_megapixels_is_that_for_one() {
    let small = peak_bytes(1000, 63);
    let large = peak_bytes(10_000, 625);
    assert!(large < 4 << 20, "{large} bytes");
    // A row of blocks is a piece here, and ten times wider.
    assert!(large <= small * 12, "{small} bytes for one megapixel, {large} for a hundred");
}
