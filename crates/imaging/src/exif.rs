//! EXIF, as far as a changed picture makes it wrong: its thumbnail shows the picture from before.

/// Removes the thumbnail from an EXIF block, which begins with its TIFF header; everything else,
/// orientation included, stays where it is. `None` when there is no thumbnail.
pub(crate) fn without_thumbnail(exif: &[u8]) -> Option<Vec<u8>> {
    let block = Block::new(exif)?;
    let link = block.link_after(block.u32(4)?)?;
    let second = block.u32(link)?;
    if second == 0 {
        return None;
    }
    let mut out = exif.to_vec();
    out.get_mut(link..link.checked_add(4)?)?.fill(0);
    if second > link {
        let end = block.link_after(second).map_or(second, |link| link + 4);
        out.get_mut(second..end.min(exif.len()))?.fill(0);
        if let Some((start, end)) = block.thumbnail(second).filter(|&(start, _)| start > second) {
            out.get_mut(start..end)?.fill(0);
            if end == out.len() {
                out.truncate(start);
            }
        }
    }
    Some(out)
}

/// Puts another thumbnail in the place of the one in an EXIF block, as `change` makes it of the
/// old one. `None` when there is none, when `change` gives none, or when the new one does not fit.
pub(crate) fn with_thumbnail(
    exif: &[u8],
    change: impl FnOnce(&[u8]) -> Option<Vec<u8>>,
) -> Option<Vec<u8>> {
    let block = Block::new(exif)?;
    let second = block.u32(block.link_after(block.u32(4)?)?)?;
    let (start, end) = block.thumbnail(second).filter(|_| second > 0)?;
    let new = change(exif.get(start..end)?)?;
    if new.len() > end - start && end < exif.len() {
        return None;
    }
    let length_at = block.entry(second, THUMBNAIL_LENGTH)? + 8;
    let mut out = exif.get(..start)?.to_vec();
    out.extend(&new);
    if end < exif.len() {
        out.resize(end, 0);
        out.extend(exif.get(end..)?);
    }
    out.get_mut(length_at..length_at + 4)?.copy_from_slice(&block.u32_bytes(new.len() as u32));
    Some(out)
}

/// An EXIF block with nothing but the orientation of this one; `None` if the picture stands
/// upright anyway.
pub(crate) fn orientation_only(exif: &[u8]) -> Option<Vec<u8>> {
    let block = Block::new(exif)?;
    let at = block.entry(block.u32(4)?, ORIENTATION)?;
    let orientation = u8::try_from(block.u16(at + 8)?).ok()?;
    if !(2..=8).contains(&orientation) {
        return None;
    }
    let mut out = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    out.extend([orientation, 0, 0, 0, 0, 0, 0]);
    Some(out)
}

const ORIENTATION: usize = 0x0112;
const THUMBNAIL_START: usize = 0x0201;
const THUMBNAIL_LENGTH: usize = 0x0202;

struct Block<'a> {
    bytes: &'a [u8],
    little: bool,
}

impl<'a> Block<'a> {
    fn new(bytes: &'a [u8]) -> Option<Self> {
        match bytes.get(..4)? {
            b"II*\0" => Some(Self { bytes, little: true }),
            b"MM\0*" => Some(Self { bytes, little: false }),
            _ => None,
        }
    }

    fn u16(&self, at: usize) -> Option<usize> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) }.into())
    }

    fn u32(&self, at: usize) -> Option<usize> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) }
            as usize)
    }

    /// Where the directory at `directory` says where the next one is.
    fn link_after(&self, directory: usize) -> Option<usize> {
        let link = directory.checked_add(2)?.checked_add(self.u16(directory)? * 12)?;
        (link.checked_add(4)? <= self.bytes.len()).then_some(link)
    }

    /// Where the directory has the entry of a tag.
    fn entry(&self, directory: usize, tag: usize) -> Option<usize> {
        let count = self.u16(directory)?;
        let entries = (0..count).map(|index| directory + 2 + index * 12);
        entries.into_iter().find(|&at| self.u16(at) == Some(tag))
    }

    fn value(&self, directory: usize, tag: usize) -> Option<usize> {
        self.u32(self.entry(directory, tag)? + 8)
    }

    fn u32_bytes(&self, value: u32) -> [u8; 4] {
        if self.little { value.to_le_bytes() } else { value.to_be_bytes() }
    }

    /// The bytes of the thumbnail that the directory names.
    fn thumbnail(&self, directory: usize) -> Option<(usize, usize)> {
        let start = self.value(directory, THUMBNAIL_START)?;
        let end = start.checked_add(self.value(directory, THUMBNAIL_LENGTH)?)?;
        (end <= self.bytes.len()).then_some((start, end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Orientation 6 and, in a second directory, a thumbnail of four bytes.
    fn with_thumbnail() -> Vec<u8> {
        let mut exif = b"II*\0\x08\0\0\0".to_vec();
        exif.extend(1u16.to_le_bytes());
        exif.extend([0x12, 0x01, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0]);
        exif.extend(26u32.to_le_bytes());
        exif.extend(2u16.to_le_bytes());
        exif.extend([0x01, 0x02, 4, 0, 1, 0, 0, 0, 56, 0, 0, 0]);
        exif.extend([0x02, 0x02, 4, 0, 1, 0, 0, 0, 4, 0, 0, 0]);
        exif.extend(0u32.to_le_bytes());
        exif.extend(b"JPEG");
        exif
    }

    #[test]
    fn the_thumbnail_goes_and_the_orientation_stays() {
        let before = with_thumbnail();
        let after = without_thumbnail(&before).unwrap();
        assert!(!after.windows(4).any(|window| window == b"JPEG"));
        assert_eq!(after[..22], before[..22]);
        assert_eq!(without_thumbnail(&after), None, "nothing is left to remove");
    }

    #[test]
    fn a_block_without_a_thumbnail_is_left_alone() {
        let mut exif = with_thumbnail();
        exif[22..26].fill(0);
        assert_eq!(without_thumbnail(&exif), None);
    }

    #[test]
    fn damaged_blocks_do_no_harm() {
        let exif = with_thumbnail();
        for length in 0..exif.len() {
            without_thumbnail(&exif[..length]);
            for byte in [0, 0x7f, 0xff] {
                let mut damaged = exif.clone();
                damaged[length] = byte;
                without_thumbnail(&damaged);
            }
        }
    }
}
