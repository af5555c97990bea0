//! DEFLATE as literals and copies: read into them, and written from them, without any search.

#![expect(
    clippy::indexing_slicing,
    reason = "these loops run once for every symbol: indices are symbols, or were just compared"
)]

mod bits;
mod code;
mod reader;
mod sequence;
mod writer;

pub(super) use reader::{Flaw, Reader, Stop};
pub(super) use sequence::Sequence;
pub(super) use writer::Writer;

/// How far back a copy may reach, in bytes.
pub(super) const HISTORY: usize = 32 * 1024;

/// The longest copy, in bytes.
pub(super) const LONGEST: usize = 258;

/// Bytes that a step of reading may need: a copy and six literals before it.
pub(super) const ROOM: usize = LONGEST + 6;

/// The shortest copy, in bytes.
pub(super) const SHORTEST: usize = 3;

/// A byte that is repeated so often is always worth a copy, and a shorter run is not worth looking for.
pub(super) const SHORTEST_RUN: usize = 5;

/// How far back copies may reach in a stream with this zlib header, in bytes.
pub(super) fn window(zlib_header: [u8; 2]) -> usize {
    256 << (zlib_header[0] >> 4)
}

const END_OF_BLOCK: usize = 256;
const FIRST_LENGTH: usize = 257;

/// The order in which a block's head lists the lengths of the code for code lengths.
const LENGTH_ORDER: [usize; 19] =
    [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// The smallest length and the number of extra bits of each length symbol.
const LENGTHS: [(u16, u8); 29] = [
    (3, 0),
    (4, 0),
    (5, 0),
    (6, 0),
    (7, 0),
    (8, 0),
    (9, 0),
    (10, 0),
    (11, 1),
    (13, 1),
    (15, 1),
    (17, 1),
    (19, 2),
    (23, 2),
    (27, 2),
    (31, 2),
    (35, 3),
    (43, 3),
    (51, 3),
    (59, 3),
    (67, 4),
    (83, 4),
    (99, 4),
    (115, 4),
    (131, 5),
    (163, 5),
    (195, 5),
    (227, 5),
    (258, 0),
];

/// The smallest distance and the number of extra bits of each distance symbol.
const fn distance(symbol: usize) -> (u16, u8) {
    if symbol < 4 {
        return (symbol as u16 + 1, 0);
    }
    let extra = symbol as u32 / 2 - 1;
    ((((2 + symbol as u32 % 2) << extra) + 1) as u16, extra as u8)
}

/// Lengths of the codes for literals and lengths in a block without a head.
fn fixed_lengths() -> [u8; 288] {
    let mut lengths = [8; 288];
    lengths.iter_mut().take(256).skip(144).for_each(|length| *length = 9);
    lengths.iter_mut().take(280).skip(256).for_each(|length| *length = 7);
    lengths
}
