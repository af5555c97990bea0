//! GIF, by its colour tables: they lie uncompressed between the frames, so the frames stay as
//! they are, with their delays, disposal, transparency and loop count.

mod extensions;

use std::ops::Range;

use crate::{
    Error, Format, Output, Path, Phases, cursor::Cursor, invert::ColourMap, request::Request,
};
use extensions::Extensions;

const EXTENSION: u8 = 0x21;
const IMAGE: u8 = 0x2c;
const COMMENT: u8 = 0xfe;
const APPLICATION: u8 = 0xff;
const TRAILER: u8 = 0x3b;

pub(crate) fn process(request: &Request<'_>) -> Result<Output, Error> {
    change_tables(request, |table| request.map.bytes(table))
}

/// Applies any other map of colours.
pub(crate) fn map_colours(request: &Request<'_>, map: ColourMap<'_>) -> Result<Output, Error> {
    change_tables(request, |table| {
        table.as_chunks_mut().0.iter_mut().for_each(|colour| *colour = map(*colour));
    })
}

fn change_tables(request: &Request<'_>, change: impl Fn(&mut [u8])) -> Result<Output, Error> {
    let layout = Layout::read(request)?;
    request.limits.check_memory(request.input.len() as u64)?;
    let mut bytes = request.input.to_vec();
    for table in layout.colour_tables {
        change(bytes.get_mut(table).unwrap_or_default());
    }
    if request.strip {
        // From the last one on, so that the places of the others stay right.
        bytes.drain(layout.trailing);
        layout.metadata.into_iter().rev().for_each(|block| drop(bytes.drain(block)));
    }
    Ok(Output {
        bytes,
        format: Format::Gif,
        width: layout.width.into(),
        height: layout.height.into(),
        frames: layout.frames,
        path: Path::Palette,
        notes: layout.notes,
        phases: Phases::default(),
    })
}

#[derive(Debug, Default)]
pub(crate) struct Layout {
    pub(crate) width: u16,
    pub(crate) height: u16,
    pub(crate) frames: u32,
    has_global_table: bool,
    colour_tables: Vec<Range<usize>>,
    /// Comments and blocks of programs, such as XMP, that change nothing of what is shown.
    metadata: Vec<Range<usize>>,
    /// What follows after the end mark.
    pub(crate) trailing: Range<usize>,
    pub(crate) extensions: Extensions,
    pub(crate) notes: Vec<String>,
}

impl Layout {
    pub(crate) fn read(request: &Request<'_>) -> Result<Self, Error> {
        let mut cursor = Cursor::new(request.input, Format::Gif);
        let mut layout = Self::read_screen(&mut cursor)?;
        request.limits.check_size(layout.width.into(), layout.height.into())?;
        loop {
            // Old programs left the end mark out, and every viewer shows their files.
            if cursor.rest().is_empty() && layout.frames > 0 {
                layout.notes.push("the GIF has no end mark: later frames may be missing".into());
                return layout.checked();
            }
            match cursor.u8()? {
                EXTENSION => {
                    let (start, rest) = (cursor.position() - 1, cursor.rest());
                    cursor.u8()?;
                    skip_sub_blocks(&mut cursor)?;
                    let length = rest.len() - cursor.rest().len();
                    layout.extensions.take(rest.get(..length).unwrap_or_default());
                    if is_metadata(rest) {
                        layout.metadata.push(start..cursor.position());
                    }
                }
                IMAGE => {
                    layout.read_frame(&mut cursor)?;
                    request.limits.check_frames(layout.frames)?;
                }
                TRAILER => {
                    layout.trailing = cursor.position()..request.input.len();
                    return layout.checked();
                }
                other => {
                    let at = cursor.position() - 1;
                    let what = format!("there is no block of type {other:#04x} (at byte {at})");
                    return Err(Error::corrupt(Format::Gif, what));
                }
            }
        }
    }

    fn read_screen(cursor: &mut Cursor<'_>) -> Result<Self, Error> {
        cursor.take(b"GIF89a".len())?;
        let (width, height) = (cursor.u16_le()?, cursor.u16_le()?);
        let flags = cursor.u8()?;
        cursor.take(2)?;
        let mut layout = Self { width, height, ..Self::default() };
        layout.has_global_table = layout.take_table(cursor, flags)?;
        Ok(layout)
    }

    fn read_frame(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Error> {
        cursor.take(8)?;
        let flags = cursor.u8()?;
        if !self.take_table(cursor, flags)? && !self.has_global_table {
            return Err(Error::unsupported(
                "the GIF has a frame without any colour table, so its colours are not known",
            ));
        }
        let code_size = cursor.u8()?;
        if !(1..=11).contains(&code_size) {
            let what = format!("a frame begins with the impossible code size {code_size}");
            return Err(Error::corrupt(Format::Gif, what));
        }
        skip_sub_blocks(cursor)?;
        self.frames = self.frames.saturating_add(1);
        Ok(())
    }

    /// Remembers the colour table that `flags` announce at this place, if they do.
    fn take_table(&mut self, cursor: &mut Cursor<'_>, flags: u8) -> Result<bool, Error> {
        if flags & 0x80 == 0 {
            return Ok(false);
        }
        let start = cursor.position();
        cursor.take(3 << ((flags & 7) + 1))?;
        self.colour_tables.push(start..cursor.position());
        Ok(true)
    }

    fn checked(self) -> Result<Self, Error> {
        if self.frames == 0 {
            return Err(Error::corrupt(Format::Gif, "it holds no picture"));
        }
        if self.width == 0 || self.height == 0 {
            return Err(Error::corrupt(Format::Gif, "its width or height is 0"));
        }
        Ok(self)
    }
}

/// Whether an extension, given from its label on, is a comment or belongs to a program other than
/// those that every viewer follows: the number of plays and the colour profile.
fn is_metadata(extension: &[u8]) -> bool {
    const FOLLOWED: [&[u8]; 3] = [b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012"];
    match extension {
        [COMMENT, ..] => true,
        [APPLICATION, _, program @ ..] => !FOLLOWED.iter().any(|name| program.starts_with(name)),
        _ => false,
    }
}

fn skip_sub_blocks(cursor: &mut Cursor<'_>) -> Result<(), Error> {
    loop {
        match cursor.u8()? {
            0 => return Ok(()),
            length => cursor.take(length.into())?,
        };
    }
}

/// The data of sub-blocks up to the empty one.
fn sub_blocks(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut cursor = Cursor::new(bytes, Format::Gif);
    std::iter::from_fn(move || match cursor.u8() {
        Ok(0) | Err(_) => None,
        Ok(length) => cursor.take(length.into()).ok(),
    })
}
