//! The chunks a PNG is made of.

use crate::{Error, Format, cursor::Cursor};

pub(super) const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

#[derive(Debug, Clone, Copy)]
pub(super) struct Chunk<'a> {
    pub(super) kind: [u8; 4],
    pub(super) data: &'a [u8],
    /// The whole chunk as it lies in the file.
    pub(super) raw: &'a [u8],
}

impl Chunk<'_> {
    /// Decoders have to know it.
    pub(super) fn is_critical(&self) -> bool {
        self.kind.first().is_some_and(u8::is_ascii_uppercase)
    }

    /// An editor that does not know it may keep it although the pixels changed.
    pub(super) fn is_safe_to_copy(&self) -> bool {
        self.kind.last().is_some_and(u8::is_ascii_lowercase)
    }

    fn has_sound_sum(&self) -> bool {
        let stored = self.raw.last_chunk().map(|sum| u32::from_be_bytes(*sum));
        stored == Some(sum(self.kind, self.data))
    }
}

/// A whole PNG, cut into its chunks.
#[derive(Debug)]
pub(super) struct Chunks<'a> {
    pub(super) header: Header,
    /// All chunks from IHDR to IEND.
    pub(super) chunks: Vec<Chunk<'a>>,
    /// What follows after IEND.
    pub(super) trailing: &'a [u8],
    /// Ancillary chunks that were left out because their check sum is wrong.
    pub(super) damaged: usize,
}

impl<'a> Chunks<'a> {
    pub(super) fn read(input: &'a [u8]) -> Result<Self, Error> {
        let mut cursor = Cursor::new(input, Format::Png);
        cursor.take(SIGNATURE.len())?;
        let (mut chunks, mut damaged) = (Vec::new(), 0);
        loop {
            let chunk = read_chunk(&mut cursor)?;
            if chunk.has_sound_sum() {
                chunks.push(chunk);
            } else if chunk.is_critical() {
                let what = format!("the check sum of its {} chunk is wrong", name(chunk.kind));
                return Err(Error::corrupt(Format::Png, what));
            } else {
                damaged += 1;
            }
            if chunk.kind == *b"IEND" {
                break;
            }
        }
        let header = Header::read(chunks.first())?;
        Ok(Self { header, chunks, trailing: cursor.rest(), damaged })
    }

    pub(super) fn find(&self, kind: &[u8; 4]) -> Option<&Chunk<'a>> {
        self.chunks.iter().find(|chunk| chunk.kind == *kind)
    }
}

fn read_chunk<'a>(cursor: &mut Cursor<'a>) -> Result<Chunk<'a>, Error> {
    let whole = cursor.rest();
    let length = cursor.u32_be()? as usize;
    let kind = cursor.array::<4>()?;
    if !kind.iter().all(u8::is_ascii_alphabetic) {
        return Err(Error::corrupt(Format::Png, "something stands where a chunk should"));
    }
    let data = cursor.take(length)?;
    cursor.u32_be()?;
    let raw = whole.get(..length + 12).unwrap_or_default();
    Ok(Chunk { kind, data, raw })
}

/// What IHDR says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) depth: u8,
    pub(super) colour: Colour,
    pub(super) is_interlaced: bool,
}

/// The colour types, as numbered in IHDR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colour {
    Gray,
    Rgb,
    Indexed,
    GrayAlpha,
    Rgba,
}

impl Header {
    fn read(first: Option<&Chunk<'_>>) -> Result<Self, Error> {
        let header = first.filter(|chunk| chunk.kind == *b"IHDR").map(|chunk| chunk.data);
        let Some(&[w0, w1, w2, w3, h0, h1, h2, h3, depth, colour, _, _, interlace]) = header else {
            return Err(Error::corrupt(Format::Png, "it does not begin with its IHDR chunk"));
        };
        let width = u32::from_be_bytes([w0, w1, w2, w3]);
        let height = u32::from_be_bytes([h0, h1, h2, h3]);
        let most = i32::MAX.unsigned_abs();
        if !(1..=most).contains(&width) || !(1..=most).contains(&height) {
            let what = format!("its size is given as {width} x {height}");
            return Err(Error::corrupt(Format::Png, what));
        }
        let colour = Colour::read(colour, depth)?;
        Ok(Self { width, height, depth, colour, is_interlaced: interlace != 0 })
    }

    /// Bytes of so many pixels beside each other.
    pub(super) fn bytes_of(&self, pixels: u32) -> usize {
        (u64::from(pixels) * u64::from(self.depth) * self.colour.channels()).div_ceil(8) as usize
    }

    /// Bytes of a pixel; 1 where several share one.
    pub(super) fn pixel_bytes(&self) -> usize {
        self.bytes_of(1)
    }
}

impl Colour {
    fn read(colour: u8, depth: u8) -> Result<Self, Error> {
        match (colour, depth) {
            (0, 1 | 2 | 4 | 8 | 16) => Ok(Self::Gray),
            (2, 8 | 16) => Ok(Self::Rgb),
            (3, 1 | 2 | 4 | 8) => Ok(Self::Indexed),
            (4, 8 | 16) => Ok(Self::GrayAlpha),
            (6, 8 | 16) => Ok(Self::Rgba),
            _ => {
                let what = format!("there is no colour type {colour} at {depth} bits");
                Err(Error::corrupt(Format::Png, what))
            }
        }
    }

    pub(super) fn channels(self) -> u64 {
        match self {
            Self::Gray | Self::Indexed => 1,
            Self::GrayAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }
}

/// Appends a chunk with its length and check sum.
pub(super) fn write(out: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    out.extend((data.len() as u32).to_be_bytes());
    out.extend(kind);
    out.extend(data);
    out.extend(sum(kind, data).to_be_bytes());
}

/// Begins a chunk whose data are appended later; gives what [`end`] has to know.
pub(super) fn begin(out: &mut Vec<u8>, kind: [u8; 4]) -> usize {
    let start = out.len();
    out.extend([0; 4]);
    out.extend(kind);
    start
}

/// Ends the chunk that began at `start`.
pub(super) fn end(out: &mut Vec<u8>, start: usize) -> Result<(), Error> {
    let content = out.get(start + 4..).unwrap_or_default();
    let sum = crc32fast::hash(content);
    let length = i32::try_from(content.len() - 4);
    let length = length.map_err(|_| Error::unwritable(Format::Png, "its chunk is too long"))?;
    if let Some(place) = out.get_mut(start..start + 4) {
        place.copy_from_slice(&length.to_be_bytes());
    }
    out.extend(sum.to_be_bytes());
    Ok(())
}

pub(super) fn name(kind: [u8; 4]) -> String {
    String::from_utf8_lossy(&kind).into_owned()
}

fn sum(kind: [u8; 4], data: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&kind);
    hasher.update(data);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Class;

    fn smallest() -> Vec<u8> {
        let mut png = SIGNATURE.to_vec();
        write(&mut png, *b"IHDR", &[0, 0, 0, 2, 0, 0, 0, 3, 8, 6, 0, 0, 0]);
        write(&mut png, *b"tEXt", b"Title\0x");
        write(&mut png, *b"IEND", b"");
        png
    }

    #[test]
    fn chunks_are_found_with_their_data_and_what_trails() {
        let mut png = smallest();
        png.extend(b"more");
        let read = Chunks::read(&png).unwrap();
        assert_eq!((read.header.width, read.header.height), (2, 3));
        assert_eq!(read.header.colour, Colour::Rgba);
        assert_eq!(read.header.bytes_of(2), 8);
        assert_eq!(read.find(b"tEXt").unwrap().data, b"Title\0x");
        assert_eq!(read.trailing, b"more");
        let joined: Vec<u8> = read.chunks.iter().flat_map(|chunk| chunk.raw).copied().collect();
        assert_eq!(png[8..png.len() - 4], joined);
    }

    #[test]
    fn every_cut_is_truncated() {
        let png = smallest();
        for length in 8..png.len() {
            let error = Chunks::read(&png[..length]).unwrap_err();
            assert_eq!(error.class, Class::Truncated, "cut at {length}");
        }
    }

    #[test]
    fn a_wrong_sum_refuses_critical_chunks_and_drops_others() {
        let mut png = smallest();
        png[8 + 8 + 3] ^= 1;
        assert_eq!(Chunks::read(&png).unwrap_err().class, Class::Corrupt);
        let mut png = smallest();
        let text = 8 + 25 + 8;
        png[text] ^= 1;
        let read = Chunks::read(&png).unwrap();
        assert_eq!((read.damaged, read.chunks.len()), (1, 2));
    }

    #[test]
    fn a_claimed_length_beyond_the_file_allocates_nothing() {
        let mut png = SIGNATURE.to_vec();
        png.extend(b"\xff\xff\xff\xffIHDR");
        assert_eq!(Chunks::read(&png).unwrap_err().class, Class::Truncated);
    }
}
