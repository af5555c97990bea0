//! The few fields of EXIF that a changed picture makes wrong.

use image::metadata::Orientation;

const EXIF_DIRECTORY: u16 = 0x8769;
const WIDTH: u16 = 0xa002;
const HEIGHT: u16 = 0xa003;

/// A block that says nothing but this.
pub(crate) fn with_orientation(orientation: Orientation) -> Vec<u8> {
    let mut block = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    block.extend([orientation.to_exif(), 0, 0, 0]);
    block.extend([0; 4]);
    block
}

/// Changes the size where a block gives it; one that is damaged stays as it is.
pub(crate) fn set_size(block: &mut [u8], width: u32, height: u32) {
    let mut block = Block { little: block.starts_with(b"II"), bytes: block };
    let Some(main) = block.read(4, 4) else { return };
    let Some(directory) = block.entry(main, EXIF_DIRECTORY) else { return };
    let Some(directory) = block.read(directory + 8, 4) else { return };
    for (tag, side) in [(WIDTH, width), (HEIGHT, height)] {
        if let Some(entry) = block.entry(directory, tag) {
            block.set_number(entry, side);
        }
    }
}

struct Block<'a> {
    bytes: &'a mut [u8],
    little: bool,
}

impl Block<'_> {
    fn read(&self, at: usize, width: usize) -> Option<usize> {
        let bytes = self.bytes.get(at..at.checked_add(width)?)?;
        let fold = |sum: usize, byte: &u8| sum << 8 | usize::from(*byte);
        Some(if self.little {
            bytes.iter().rev().fold(0, fold)
        } else {
            bytes.iter().fold(0, fold)
        })
    }

    /// Where the entry of a tag begins.
    fn entry(&self, directory: usize, tag: u16) -> Option<usize> {
        let count = self.read(directory, 2)?;
        let mut entries = (0..count).map(|index| directory + 2 + index * 12);
        entries.find(|&at| self.read(at, 2) == Some(tag.into()))
    }

    /// Writes the only value of an entry, which is a short or a long number.
    fn set_number(&mut self, entry: usize, number: u32) {
        let width = match (self.read(entry + 2, 2), self.read(entry + 4, 4)) {
            (Some(3), Some(1)) if u16::try_from(number).is_ok() => 2,
            (Some(4), Some(1)) => 4,
            _ => return,
        };
        let mut bytes = number.to_le_bytes();
        let Some(place) = self.bytes.get_mut(entry + 8..entry + 8 + width) else { return };
        let (bytes, _) = bytes.split_at_mut(width);
        if !self.little {
            bytes.reverse();
        }
        place.copy_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A main directory that leads to one with a short width and a long height.
    fn sized() -> Vec<u8> {
        let mut block = b"MM\0*\0\0\0\x08\0\x01\x87\x69\0\x04\0\0\0\x01\0\0\0\x1a\0\0\0\0".to_vec();
        block.extend(b"\0\x02\xa0\x02\0\x03\0\0\0\x01\0\x09\0\0");
        block.extend(b"\xa0\x03\0\x04\0\0\0\x01\0\0\0\x08\0\0\0\0");
        block
    }

    #[test]
    fn the_size_is_set_in_its_own_width() {
        let mut block = sized();
        set_size(&mut block, 0x0102, 0x0003_0405);
        assert_eq!(block[36..40], [1, 2, 0, 0]);
        assert_eq!(block[48..52], [0, 3, 4, 5]);
        let before = block.clone();
        set_size(&mut block, 70_000, 0x0003_0405);
        assert_eq!(block, before, "a short number cannot hold 70 000");
    }

    #[test]
    fn damaged_blocks_do_no_harm() {
        let block = sized();
        for length in 0..block.len() {
            set_size(&mut block[..length].to_vec(), 1, 1);
            let mut damaged = block.clone();
            damaged[length] = 0xff;
            set_size(&mut damaged, 1, 1);
        }
    }
}
