//! Fax machines and scanners may write the bits of each byte the other way round, which the codec does
//! not know.

use super::{directory::Directory, kind::COMPRESSION};

const FILL_ORDER: u16 = 266;
/// Its bytes are in the usual order whatever the tag says.
const JPEG: usize = 7;

/// The same file with its strips or tiles in the usual order; `None` if they are, or if that cannot
/// be told.
pub(super) fn in_usual_order(bytes: &[u8]) -> Option<Vec<u8>> {
    let directory = Directory::read(bytes)?;
    if directory.value(COMPRESSION) == Some(JPEG) {
        return None;
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A strip of one byte, with that compression.
    fn file(compression: u16) -> Vec<u8> {
        let mut bytes = b"II*\0\x0a\0\0\0\x01\0\x04\0".to_vec();
        for (tag, value) in [(259, compression), (FILL_ORDER, 2), (273, 8), (279, 1)] {
            bytes.extend([tag, 3].map(u16::to_le_bytes).concat());
            bytes.extend([1, value.into()].map(u32::to_le_bytes).concat());
        }
        bytes.extend([0; 4]);
        bytes
    }

    #[test]
    fn bytes_are_turned_but_those_of_jpeg() {
        let usual = in_usual_order(&file(5)).unwrap();
        assert_eq!(usual[8], 0x80);
        assert_eq!(in_usual_order(&usual), None, "it is in order now");
        assert_eq!(in_usual_order(&file(7)), None);
    }
}
