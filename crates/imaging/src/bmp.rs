//! BMP, in place: the colour table of indexed pictures, the open samples of the others.

use std::ops::Range;

use crate::{
    Error, Format, Output, Path, Phases,
    cursor::Cursor,
    invert::{ColourMap, SampleMap},
    request::Request,
};

const FILE_HEADER_BYTES: usize = 14;

pub(crate) fn process(request: &Request<'_>) -> Result<Output, Error> {
    let mut cursor = Cursor::new(request.input, Format::Bmp);
    cursor.take(10)?;
    let pixels_at = cursor.u32_le()? as usize;
    let bitmap = Bitmap::read(&mut cursor)?;
    request.limits.check_size(bitmap.width, bitmap.height)?;
    request.limits.check_memory(request.input.len() as u64)?;
    let mut bytes = request.input.to_vec();
    bitmap.map(request.map, &mut bytes, FILE_HEADER_BYTES, Some(pixels_at))?;
    Ok(Output {
        format: Format::Bmp,
        width: bitmap.width,
        height: bitmap.height,
        frames: 1,
        path: if bitmap.is_indexed() { Path::Palette } else { Path::Pixels },
        notes: Vec::new(),
        phases: Phases::default(),
        bytes,
    })
}

/// Applies any other map of colours, if there is a colour table.
pub(crate) fn map_colours(
    request: &Request<'_>,
    map: ColourMap<'_>,
) -> Result<Option<Output>, Error> {
    let mut cursor = Cursor::new(request.input, Format::Bmp);
    cursor.take(10)?;
    let pixels_at = cursor.u32_le()? as usize;
    let bitmap = Bitmap::read(&mut cursor)?;
    if !bitmap.is_indexed() {
        return Ok(None);
    }
    let mut output = process(request)?;
    let table = bitmap.table(FILE_HEADER_BYTES, Some(pixels_at));
    let table = output.bytes.get_mut(table).unwrap_or_default();
    for entry in table.chunks_exact_mut(bitmap.entry_bytes()) {
        if let [blue, green, red, ..] = entry {
            [*red, *green, *blue] = map([*red, *green, *blue]);
        }
    }
    Ok(Some(output))
}

/// What the header of a file says.
pub(crate) fn bitmap(input: &[u8]) -> Result<Bitmap, Error> {
    let mut cursor = Cursor::new(input, Format::Bmp);
    cursor.take(FILE_HEADER_BYTES)?;
    Bitmap::read(&mut cursor)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Open,
    RunLength,
    Masks([u32; 3]),
}

/// A device-independent bitmap: what a BMP is after its file header, and an icon without PNG.
#[derive(Debug, Clone)]
pub(crate) struct Bitmap {
    pub(crate) width: u32,
    pub(crate) height: u32,
    header_bytes: usize,
    /// Bits of a pixel.
    pub(crate) bits: u16,
    coding: Coding,
    colours_used: usize,
}

impl Bitmap {
    /// Reads the header that begins at `cursor`.
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Result<Self, Error> {
        let header_bytes = cursor.u32_le()?;
        match header_bytes {
            12 => Self::read_core(cursor),
            40 | 52 | 56 | 64 | 108 | 124 => Self::read_info(cursor, header_bytes),
            other => {
                Err(Error::corrupt(Format::Bmp, format!("its header claims a size of {other}")))
            }
        }
    }

    fn read_core(cursor: &mut Cursor<'_>) -> Result<Self, Error> {
        let (width, height) = (cursor.u16_le()?.into(), cursor.u16_le()?.into());
        cursor.u16_le()?;
        let bits = cursor.u16_le()?;
        let bitmap =
            Self { width, height, header_bytes: 12, bits, coding: Coding::Open, colours_used: 0 };
        bitmap.checked()
    }

    fn read_info(cursor: &mut Cursor<'_>, header_bytes: u32) -> Result<Self, Error> {
        let width = cursor.u32_le()?;
        // A negative height says that the rows run from top to bottom.
        let height = cursor.u32_le()?.cast_signed().unsigned_abs();
        cursor.u16_le()?;
        let bits = cursor.u16_le()?;
        let compression = cursor.u32_le()?;
        cursor.take(12)?;
        let colours_used = cursor.u32_le()? as usize;
        cursor.u32_le()?;
        let coding = match (compression, bits) {
            (0, _) => Coding::Open,
            (1, 8) | (2, 4) => Coding::RunLength,
            (3 | 6, 16 | 32) if header_bytes != 64 => {
                Coding::Masks([cursor.u32_le()?, cursor.u32_le()?, cursor.u32_le()?])
            }
            (other, bits) => {
                return Err(Error::unsupported(format!(
                    "the BMP uses compression {other} at {bits} bits, which is not supported"
                )));
            }
        };
        let header_bytes = header_bytes as usize;
        Self { width, height, header_bytes, bits, coding, colours_used }.checked()
    }

    fn checked(self) -> Result<Self, Error> {
        if self.width == 0 || self.height == 0 || self.width > i32::MAX as u32 {
            let (width, height) = (self.width, self.height);
            let what = format!("its size is given as {width} x {height}");
            return Err(Error::corrupt(Format::Bmp, what));
        }
        if !matches!(self.bits, 1 | 2 | 4 | 8 | 16 | 24 | 32) {
            let what = format!("its depth is given as {} bits", self.bits);
            return Err(Error::corrupt(Format::Bmp, what));
        }
        Ok(self)
    }

    /// An icon's bitmap counts its transparency mask as rows of its own.
    pub(crate) fn with_half_height(self) -> Result<Self, Error> {
        Self { height: self.height / 2, ..self }.checked()
    }

    pub(crate) fn is_indexed(&self) -> bool {
        self.bits <= 8
    }

    pub(crate) fn is_run_length(&self) -> bool {
        self.coding == Coding::RunLength
    }

    /// Maps the colours of the bitmap whose header is at `header_at` in `bytes`. Without
    /// `pixels_at` the samples follow the colour table at once, as in icons.
    pub(crate) fn map(
        &self,
        map: SampleMap,
        bytes: &mut [u8],
        header_at: usize,
        pixels_at: Option<usize>,
    ) -> Result<(), Error> {
        let table = self.table(header_at, pixels_at);
        let pixels_at = pixels_at.unwrap_or(table.end);
        if pixels_at < self.header_end(header_at) {
            return Err(Error::corrupt(Format::Bmp, "its samples begin within its header"));
        }
        let pixels = bytes.get(pixels_at..).ok_or_else(|| Error::truncated(Format::Bmp))?;
        self.check_pixels(pixels)?;
        if self.is_indexed() {
            let table = bytes.get_mut(table).ok_or_else(|| Error::truncated(Format::Bmp))?;
            map.pixels(table, self.entry_bytes(), 3);
        } else {
            self.map_pixels(map, bytes.get_mut(pixels_at..).unwrap_or_default());
        }
        Ok(())
    }

    /// Where the header ends, with the masks that follow on its oldest form.
    fn header_end(&self, header_at: usize) -> usize {
        let has_masks = matches!(self.coding, Coding::Masks(_)) && self.header_bytes == 40;
        header_at + self.header_bytes + if has_masks { 12 } else { 0 }
    }

    fn entry_bytes(&self) -> usize {
        if self.header_bytes == 12 { 3 } else { 4 }
    }

    /// Where the colour table lies; empty for a picture without.
    fn table(&self, header_at: usize, pixels_at: Option<usize>) -> Range<usize> {
        let start = self.header_end(header_at);
        let most = 1usize << self.bits.min(8);
        let entries = match (self.is_indexed(), self.colours_used) {
            (false, _) => 0,
            (true, 0) => most,
            (true, used) => used.min(most),
        };
        let end = start + entries * self.entry_bytes();
        // A table can be shorter than its header says; the samples come first then.
        let end = pixels_at.filter(|&at| at >= start).map_or(end, |at| end.min(at));
        start..end
    }

    fn row_bytes(&self) -> u64 {
        (u64::from(self.width) * u64::from(self.bits)).div_ceil(32) * 4
    }

    fn check_pixels(&self, pixels: &[u8]) -> Result<(), Error> {
        if self.is_run_length() {
            return self.check_runs(pixels);
        }
        let needed = self.row_bytes() * u64::from(self.height);
        if (pixels.len() as u64) < needed {
            return Err(Error::truncated(Format::Bmp));
        }
        Ok(())
    }

    /// Follows run-length codes to their end mark, which some programs leave out, or to the end of
    /// the last row.
    fn check_runs(&self, pixels: &[u8]) -> Result<(), Error> {
        let mut cursor = Cursor::new(pixels, Format::Bmp);
        let (mut row, mut column) = (0u32, 0u32);
        loop {
            let is_filled = row.saturating_add(1) == self.height && column >= self.width;
            if row >= self.height || is_filled && cursor.rest().len() < 2 {
                return Ok(());
            }
            match (cursor.u8()?, cursor.u8()?) {
                (0, 1) => return Ok(()),
                (0, 0) => (row, column) = (row.saturating_add(1), 0),
                (0, 2) => {
                    column = column.saturating_add(cursor.u8()?.into());
                    row = row.saturating_add(cursor.u8()?.into());
                }
                (0, literal) => {
                    let bytes = (usize::from(literal) * usize::from(self.bits)).div_ceil(8);
                    cursor.take(bytes.next_multiple_of(2))?;
                    column = column.saturating_add(literal.into());
                }
                (run, _colour) => column = column.saturating_add(run.into()),
            }
        }
    }

    fn map_pixels(&self, map: SampleMap, pixels: &mut [u8]) {
        let pixel_bytes = usize::from(self.bits / 8);
        let Ok(row_bytes) = usize::try_from(self.row_bytes()) else { return };
        let used = self.width as usize * pixel_bytes;
        let colour = self.colour_mask();
        let mask = colour.to_le_bytes().map(|byte| byte & map.mask());
        for row in pixels.chunks_exact_mut(row_bytes).take(self.height as usize) {
            for pixel in row.get_mut(..used).unwrap_or_default().chunks_exact_mut(pixel_bytes) {
                pixel.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
            }
        }
    }

    /// The bits of a pixel that hold colour.
    fn colour_mask(&self) -> u32 {
        match (self.coding, self.bits) {
            (Coding::Masks([red, green, blue]), _) => red | green | blue,
            (_, 16) => 0x7fff,
            _ => 0x00ff_ffff,
        }
    }
}

/// A file of run lengths with an end mark behind its last whole code.
pub(crate) fn with_end_mark(bytes: &[u8]) -> Option<Vec<u8>> {
    let pixels_at = bytes.get(10..)?.first_chunk().map(|at| u32::from_le_bytes(*at) as usize)?;
    let codes = bytes.len().checked_sub(pixels_at)? / 2;
    Some([bytes.get(..pixels_at + codes * 2)?, &[0, 1]].concat())
}
