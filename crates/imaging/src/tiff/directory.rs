//! The directory of a classic TIFF file, read without decoding anything.

use std::ops::Range;

/// Where things are in the first directory.
#[derive(Debug)]
pub(super) struct Directory<'a> {
    bytes: &'a [u8],
    little: bool,
    entries: Vec<Entry>,
    /// Whether another directory, which is another page, follows.
    pub(super) has_more: bool,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    tag: u16,
    /// Bytes that one value takes.
    width: usize,
    count: usize,
    /// Where the values begin in the file.
    at: usize,
}

impl<'a> Directory<'a> {
    /// `None` for what is no classic TIFF or is damaged.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let little = match bytes.get(..4)? {
            b"II*\0" => true,
            b"MM\0*" => false,
            _ => return None,
        };
        let mut directory = Self { bytes, little, entries: Vec::new(), has_more: false };
        let start = directory.number(4, 4)?;
        let count = directory.number(start, 2)?;
        let entries = (0..count).map(|index| directory.entry(start + 2 + index * 12));
        directory.entries = entries.collect::<Option<_>>()?;
        directory.has_more = directory.number(start + 2 + count * 12, 4)? != 0;
        Some(directory)
    }

    fn entry(&self, at: usize) -> Option<Entry> {
        let width = match self.number(at + 2, 2)? {
            1 | 2 | 6 | 7 => 1,
            3 | 8 => 2,
            4 | 9 | 11 => 4,
            _ => 8,
        };
        let count = self.number(at + 4, 4)?;
        let is_inline = count.checked_mul(width)? <= 4;
        let value = if is_inline { at + 8 } else { self.number(at + 8, 4)? };
        Some(Entry { tag: u16::try_from(self.number(at, 2)?).ok()?, width, count, at: value })
    }

    fn number(&self, at: usize, width: usize) -> Option<usize> {
        let bytes = self.bytes.get(at..at.checked_add(width)?)?;
        let fold = |sum: usize, byte: &u8| sum << 8 | usize::from(*byte);
        Some(if self.little {
            bytes.iter().rev().fold(0, fold)
        } else {
            bytes.iter().fold(0, fold)
        })
    }

    fn find(&self, tag: u16) -> Option<Entry> {
        self.entries.iter().find(|entry| entry.tag == tag).copied()
    }

    /// The bytes that hold the values of a tag.
    pub(super) fn place(&self, tag: u16) -> Option<Range<usize>> {
        let entry = self.find(tag)?;
        let end = entry.at.checked_add(entry.count.checked_mul(entry.width)?)?;
        (end <= self.bytes.len()).then_some(entry.at..end)
    }

    /// Where the low byte of a tag's only value is.
    pub(super) fn low_byte(&self, tag: u16) -> Option<usize> {
        let entry = self.find(tag).filter(|entry| entry.count == 1)?;
        Some(if self.little { entry.at } else { entry.at + entry.width - 1 })
    }

    pub(super) fn value(&self, tag: u16) -> Option<usize> {
        let entry = self.find(tag)?;
        self.number(entry.at, entry.width)
    }

    fn values(&self, tag: u16) -> Option<Vec<usize>> {
        let entry = self.find(tag)?;
        self.place(tag)?;
        (0..entry.count).map(|i| self.number(entry.at + i * entry.width, entry.width)).collect()
    }

    /// Whether every strip or tile lies within the file.
    pub(super) fn holds_its_picture(&self) -> bool {
        let pieces = |starts, lengths| {
            let (starts, lengths) = (self.values(starts)?, self.values(lengths)?);
            let mut ends =
                starts.iter().zip(&lengths).map(|(start, length)| start.checked_add(*length));
            let are_inside = ends.all(|end| end.is_some_and(|end| end <= self.bytes.len()));
            Some(!starts.is_empty() && are_inside)
        };
        pieces(273, 279).or_else(|| pieces(324, 325)).unwrap_or(false)
    }
}
