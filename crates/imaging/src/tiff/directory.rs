//! The directory of a TIFF file, read without decoding anything.

use std::ops::Range;

/// Where things are in the first directory.
#[derive(Debug)]
pub(super) struct Directory<'a> {
    bytes: &'a [u8],
    little: bool,
    widths: Widths,
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

/// How many bytes the numbers of a directory take.
#[derive(Debug, Clone, Copy)]
struct Widths {
    /// The number of entries.
    entries: usize,
    /// Counts of values, and places in the file.
    offset: usize,
}

impl Widths {
    const CLASSIC: Self = Self { entries: 2, offset: 4 };
    const BIG: Self = Self { entries: 8, offset: 8 };

    /// Tag, type, count, and the values or where they are.
    fn entry(self) -> usize {
        4 + 2 * self.offset
    }
}

impl<'a> Directory<'a> {
    /// `None` for what is no TIFF or is damaged.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (little, widths) = match bytes.get(..4)? {
            b"II*\0" => (true, Widths::CLASSIC),
            b"MM\0*" => (false, Widths::CLASSIC),
            b"II+\0" => (true, Widths::BIG),
            b"MM\0+" => (false, Widths::BIG),
            _ => return None,
        };
        let mut directory = Self { bytes, little, widths, entries: Vec::new(), has_more: false };
        // The place of the directory follows at a multiple of its own width.
        let start = directory.number(widths.offset, widths.offset)?;
        let count = directory.number(start, widths.entries)?;
        let first = start + widths.entries;
        let entries = (0..count).map(|index| directory.entry(first + index * widths.entry()));
        directory.entries = entries.collect::<Option<_>>()?;
        let next = first + count * widths.entry();
        directory.has_more = directory.number(next, widths.offset)? != 0;
        Some(directory)
    }

    fn entry(&self, at: usize) -> Option<Entry> {
        let width = match self.number(at + 2, 2)? {
            1 | 2 | 6 | 7 => 1,
            3 | 8 => 2,
            4 | 9 | 11 => 4,
            _ => 8,
        };
        let offset = self.widths.offset;
        let count = self.number(at + 4, offset)?;
        let is_inline = count.checked_mul(width)? <= offset;
        let value_at = at + 4 + offset;
        let value = if is_inline { value_at } else { self.number(value_at, offset)? };
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

    /// The first values of a tag; the file may claim as many as it has bytes.
    pub(super) fn some_values(&self, tag: u16, most: usize) -> Option<Vec<usize>> {
        Some(self.values(tag)?.take(most).collect())
    }

    /// All values of a tag, which lie within the file.
    fn values(&self, tag: u16) -> Option<impl Iterator<Item = usize>> {
        let entry = self.find(tag)?;
        self.place(tag)?;
        let number = move |i| self.number(entry.at + i * entry.width, entry.width);
        Some((0..entry.count).map_while(number))
    }

    /// Every tag, as they stand in the file.
    pub(super) fn tags(&self) -> impl Iterator<Item = u16> {
        self.entries.iter().map(|entry| entry.tag)
    }

    /// Where the strips or tiles are, within the file or not.
    pub(super) fn pieces(&self) -> Option<Vec<Range<usize>>> {
        let pieces = |starts, lengths| Some(self.values(starts)?.zip(self.values(lengths)?));
        let pieces = pieces(273, 279).or_else(|| pieces(324, 325))?;
        Some(pieces.map(|(start, length)| start..start.saturating_add(length)).collect())
    }

    /// Whether every strip or tile lies within the file.
    pub(super) fn holds_its_picture(&self) -> bool {
        let is_inside = |piece: &Range<usize>| piece.end <= self.bytes.len();
        self.pieces().is_some_and(|pieces| !pieces.is_empty() && pieces.iter().all(is_inside))
    }
}
