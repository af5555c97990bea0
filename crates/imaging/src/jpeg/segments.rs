//! The segments a JPEG is made of, and what they say about how it was encoded.

use crate::{Error, Format, cursor::Cursor};

pub(super) const SOI: u8 = 0xd8;
pub(super) const EOI: u8 = 0xd9;
pub(super) const SOS: u8 = 0xda;
pub(super) const DQT: u8 = 0xdb;
pub(super) const DNL: u8 = 0xdc;
pub(super) const DHT: u8 = 0xc4;
pub(super) const DRI: u8 = 0xdd;
pub(super) const COM: u8 = 0xfe;
const JPG: u8 = 0xc8;
const DAC: u8 = 0xcc;

/// A marker with what belongs to it, without its length.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment<'a> {
    pub(super) marker: u8,
    pub(super) body: &'a [u8],
}

impl Segment<'_> {
    pub(super) fn is_metadata(&self) -> bool {
        matches!(self.marker, 0xe0..=0xef | COM)
    }
}

/// One colour component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Component {
    pub(super) id: u8,
    pub(super) horizontal: u8,
    pub(super) vertical: u8,
    pub(super) table: u8,
}

/// What the start of frame says.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) width: u16,
    pub(super) height: u16,
    pub(super) is_progressive: bool,
    pub(super) components: Vec<Component>,
}

/// Quantisation tables by number, each in the order of the file (zigzag).
pub(super) type Quantisation = [Option<[u16; 64]>; 4];

/// A whole JPEG, read from start to end without decoding it.
#[derive(Debug, Clone)]
pub(super) struct Layout<'a> {
    pub(super) metadata: Vec<Segment<'a>>,
    pub(super) frame: Frame,
    pub(super) tables: Quantisation,
    pub(super) restart_interval: u16,
    /// What follows after the end of the picture.
    pub(super) trailing: &'a [u8],
}

impl<'a> Layout<'a> {
    pub(super) fn read(input: &'a [u8]) -> Result<Self, Error> {
        let mut cursor = Cursor::new(input, Format::Jpeg);
        cursor.take(2)?;
        let mut walk = Walk::default();
        loop {
            match next_marker(&mut cursor)? {
                EOI => return walk.finish(cursor.rest()),
                // Restarts and TEM stand alone.
                0xd0..=0xd7 | 0x01 => {}
                marker => {
                    let segment = read_segment(&mut cursor, marker)?;
                    walk.take(segment)?;
                    if marker == SOS {
                        skip_entropy_coded(&mut cursor)?;
                    }
                }
            }
        }
    }
}

#[derive(Debug, Default)]
struct Walk<'a> {
    metadata: Vec<Segment<'a>>,
    frame: Option<Frame>,
    tables: Quantisation,
    restart_interval: u16,
    scans: u32,
}

impl<'a> Walk<'a> {
    fn take(&mut self, segment: Segment<'a>) -> Result<(), Error> {
        match segment.marker {
            SOS => self.scans += 1,
            DQT => read_quantisation(segment.body, &mut self.tables)?,
            DRI => self.restart_interval = Cursor::new(segment.body, Format::Jpeg).u16_be()?,
            marker if is_frame(marker) => self.frame = Some(Frame::read(segment)?),
            SOI => return Err(Error::corrupt(Format::Jpeg, "a second picture begins within it")),
            _ if segment.is_metadata() => self.metadata.push(segment),
            _ => {}
        }
        Ok(())
    }

    fn finish(self, trailing: &'a [u8]) -> Result<Layout<'a>, Error> {
        let frame = self.frame.filter(|_| self.scans > 0);
        let frame = frame.ok_or_else(|| Error::corrupt(Format::Jpeg, "it holds no picture"))?;
        if frame.height == 0 {
            return Err(unsupported("has its height behind its picture (DNL)"));
        }
        Ok(Layout {
            metadata: self.metadata,
            frame,
            tables: self.tables,
            restart_interval: self.restart_interval,
            trailing,
        })
    }
}

/// Adds the tables of a DQT segment.
pub(super) fn read_quantisation(body: &[u8], tables: &mut Quantisation) -> Result<(), Error> {
    let mut cursor = Cursor::new(body, Format::Jpeg);
    while !cursor.rest().is_empty() {
        let kind = cursor.u8()?;
        let mut table = [0; 64];
        for value in &mut table {
            *value = if kind >> 4 == 0 { cursor.u8()?.into() } else { cursor.u16_be()? };
        }
        let slot = tables.get_mut(usize::from(kind & 0x0f));
        *slot.ok_or_else(|| Error::corrupt(Format::Jpeg, "a table has a wrong number"))? =
            Some(table);
    }
    Ok(())
}

/// Whether a segment begins a frame, of whatever kind.
pub(super) fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xc0..=0xcf) && !matches!(marker, DHT | JPG | DAC)
}

impl Frame {
    /// The frame of a file, without reading any further.
    pub(super) fn find(input: &[u8]) -> Result<Self, Error> {
        let mut cursor = Cursor::new(input, Format::Jpeg);
        cursor.take(2)?;
        loop {
            match next_marker(&mut cursor)? {
                EOI | SOS => return Err(Error::corrupt(Format::Jpeg, "it holds no picture")),
                0xd0..=0xd8 | 0x01 => {}
                marker => {
                    let segment = read_segment(&mut cursor, marker)?;
                    if is_frame(marker) {
                        return Self::read(segment);
                    }
                }
            }
        }
    }

    /// Reads a start of frame of a kind that is covered.
    pub(super) fn read(segment: Segment<'_>) -> Result<Self, Error> {
        match segment.marker {
            0xc0..=0xc2 => {}
            0xc9 | 0xca => return Err(unsupported("uses arithmetic coding")),
            0xc3 | 0xcb => return Err(unsupported("is lossless")),
            _ => return Err(unsupported("is hierarchical")),
        }
        let mut cursor = Cursor::new(segment.body, Format::Jpeg);
        let precision = cursor.u8()?;
        if precision != 8 {
            return Err(unsupported(&format!("has {precision} bits a sample")));
        }
        let (height, width) = (cursor.u16_be()?, cursor.u16_be()?);
        if width == 0 {
            return Err(Error::corrupt(Format::Jpeg, "its width is 0"));
        }
        let count = cursor.u8()?;
        let components = (0..count).map(|_| Component::read(&mut cursor));
        let components = components.collect::<Result<Vec<_>, _>>()?;
        if !matches!(count, 1 | 3 | 4) {
            return Err(unsupported(&format!("has {count} colour components")));
        }
        Ok(Self { width, height, is_progressive: segment.marker == 0xc2, components })
    }
}

impl Component {
    fn read(cursor: &mut Cursor<'_>) -> Result<Self, Error> {
        let (id, sampling, table) = (cursor.u8()?, cursor.u8()?, cursor.u8()?);
        let (horizontal, vertical) = (sampling >> 4, sampling & 0x0f);
        if !(1..=4).contains(&horizontal) || !(1..=4).contains(&vertical) {
            return Err(Error::corrupt(Format::Jpeg, "a component has an impossible sampling"));
        }
        Ok(Self { id, horizontal, vertical, table })
    }
}

pub(super) fn unsupported(what: &str) -> Error {
    Error::unsupported(format!("the JPEG {what}, which is not supported; convert it first"))
}

/// The next marker, over fill bytes and over stray bytes that some programs leave.
fn next_marker(cursor: &mut Cursor<'_>) -> Result<u8, Error> {
    let mut previous = 0;
    loop {
        match (previous, cursor.u8()?) {
            (0xff, marker) if marker != 0xff && marker != 0 => return Ok(marker),
            (_, byte) => previous = byte,
        }
    }
}

fn read_segment<'a>(cursor: &mut Cursor<'a>, marker: u8) -> Result<Segment<'a>, Error> {
    let length = usize::from(cursor.u16_be()?);
    let body = length.checked_sub(2).ok_or_else(|| impossible_length(marker))?;
    Ok(Segment { marker, body: cursor.take(body)? })
}

/// Stops before the marker that ends the entropy-coded data.
fn skip_entropy_coded(cursor: &mut Cursor<'_>) -> Result<(), Error> {
    loop {
        let rest = cursor.rest();
        let stop = rest.iter().position(|&byte| byte == 0xff);
        let stop = stop.ok_or_else(|| Error::truncated(Format::Jpeg))?;
        match rest.get(stop + 1) {
            None => return Err(Error::truncated(Format::Jpeg)),
            Some(0x00 | 0xd0..=0xd7) => cursor.seek(cursor.position() + stop + 2),
            Some(0xff) => cursor.seek(cursor.position() + stop + 1),
            Some(_) => {
                cursor.seek(cursor.position() + stop);
                return Ok(());
            }
        }
    }
}

fn impossible_length(marker: u8) -> Error {
    Error::corrupt(Format::Jpeg, format!("the segment {marker:#04x} has an impossible length"))
}

/// A segment with all bytes that lead to it.
pub(super) struct Piece<'a> {
    pub(super) segment: Segment<'a>,
    pub(super) raw: &'a [u8],
}

impl<'a> Piece<'a> {
    /// The next segment, over fill bytes and over stray bytes that some programs leave; `None` if
    /// it is not there as a whole.
    pub(super) fn find(rest: &'a [u8]) -> Result<Option<Self>, Error> {
        let mut pairs = rest.windows(2);
        let Some(at) =
            pairs.position(|pair| matches!(*pair, [0xff, marker] if !matches!(marker, 0 | 0xff)))
        else {
            return Ok(None);
        };
        let Some((leading, after)) = rest.split_at_checked(at + 2) else { return Ok(None) };
        let marker = leading.last().copied().unwrap_or_default();
        if matches!(marker, EOI | SOI | 0x01 | 0xd0..=0xd7) {
            return Ok(Some(Self { segment: Segment { marker, body: &[] }, raw: leading }));
        }
        let Some(&[high, low]) = after.first_chunk() else { return Ok(None) };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length < 2 {
            return Err(impossible_length(marker));
        }
        let (Some(body), Some(raw)) = (after.get(2..length), rest.get(..at + 2 + length)) else {
            return Ok(None);
        };
        Ok(Some(Self { segment: Segment { marker, body }, raw }))
    }
}
