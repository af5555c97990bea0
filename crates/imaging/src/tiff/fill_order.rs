//! Fax machines and scanners may write the bits of each byte the other way round, which the codec does
//! not know.

use super::directory::Directory;

const FILL_ORDER: u16 = 266;

/// The same file with its strips or tiles in the usual order; `None` if they are, or if that cannot
/// be told.
pub(super) fn in_usual_order(bytes: &[u8]) -> Option<Vec<u8>> {
    let directory = Directory::read(bytes)?;
    let order =
        directory.low_byte(FILL_ORDER).filter(|_| directory.value(FILL_ORDER) == Some(2))?;
    let mut pieces = directory.pieces()?;
    // Some files name the same bytes twice, which then are to be turned once.
    pieces.sort_by_key(|piece| piece.start);
    let mut usual = bytes.to_vec();
    let mut done = 0;
    for piece in pieces {
        let place = piece.start.max(done)..piece.end.min(bytes.len());
        done = done.max(place.end);
        let turned = usual.get_mut(place).unwrap_or_default();
        turned.iter_mut().for_each(|byte| *byte = byte.reverse_bits());
    }
    *usual.get_mut(order)? = 1;
    Some(usual)
}
