//! PBM, PGM, PPM and PAM, in place: samples lie open, as bytes, bits or numbers in text.

use crate::{
    Error, Format, Output, Path, Phases, cursor::Cursor, invert::SampleMap, request::Request,
};

pub(crate) fn process(request: &Request<'_>) -> Result<Output, Error> {
    let mut cursor = Cursor::new(request.input, Format::Pnm);
    let header = Header::read(&mut cursor)?;
    request.limits.check_size(header.width, header.height)?;
    request.limits.check_memory(2 * request.input.len() as u64)?;
    let (head, raster) = request.input.split_at(cursor.position());
    let mut bytes = head.to_vec();
    if header.is_text() {
        header.map_text(request.map, raster, &mut bytes)?;
    } else {
        header.map_raster(request.map, raster, &mut bytes)?;
    }
    Ok(Output {
        bytes,
        format: Format::Pnm,
        width: header.width,
        height: header.height,
        frames: 1,
        path: Path::Pixels,
        notes: Vec::new(),
        phases: Phases::default(),
    })
}

#[derive(Debug, Clone, Copy)]
struct Header {
    /// The digit after the `P`.
    kind: u8,
    width: u32,
    height: u32,
    channels: u32,
    /// Channels that are not alpha.
    colours: u32,
    maximum: u32,
}

impl Header {
    fn read(cursor: &mut Cursor<'_>) -> Result<Self, Error> {
        let kind = match cursor.array::<2>()? {
            [b'P', digit @ b'1'..=b'7'] => digit - b'0',
            _ => return Err(Error::corrupt(Format::Pnm, "it does not begin with P1 to P7")),
        };
        if kind == 7 {
            return Self::read_pam(cursor);
        }
        let (width, height) = (header_number(cursor)?, header_number(cursor)?);
        let maximum = if matches!(kind, 1 | 4) { 1 } else { header_number(cursor)? };
        // Exactly one white space ends a binary header; text skips white space anyway.
        cursor.u8()?;
        let channels = if matches!(kind, 3 | 6) { 3 } else { 1 };
        Self { kind, width, height, channels, colours: channels, maximum }.checked()
    }

    fn read_pam(cursor: &mut Cursor<'_>) -> Result<Self, Error> {
        let mut header = Self { kind: 7, width: 0, height: 0, channels: 0, colours: 0, maximum: 0 };
        let mut has_alpha = false;
        loop {
            let line = read_line(cursor)?;
            let mut words = line.split_ascii_whitespace();
            let field = match words.next() {
                None => continue,
                Some(word) if word.starts_with('#') => continue,
                Some("ENDHDR") => break,
                Some("TUPLTYPE") => {
                    has_alpha = words.next().is_some_and(|name| name.ends_with("_ALPHA"));
                    continue;
                }
                Some("WIDTH") => &mut header.width,
                Some("HEIGHT") => &mut header.height,
                Some("DEPTH") => &mut header.channels,
                Some("MAXVAL") => &mut header.maximum,
                Some(other) => {
                    let what = format!("its header has the unknown field {other:?}");
                    return Err(Error::corrupt(Format::Pnm, what));
                }
            };
            *field = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
        }
        header.colours = header.channels.saturating_sub(has_alpha.into());
        header.checked()
    }

    fn checked(self) -> Result<Self, Error> {
        let sound = self.width > 0
            && self.height > 0
            && (1..=0xffff).contains(&self.maximum)
            && (1..=4).contains(&self.channels);
        sound.then_some(self).ok_or_else(|| {
            Error::corrupt(Format::Pnm, "its header has a size, depth or maximum that cannot be")
        })
    }

    fn is_text(&self) -> bool {
        self.kind <= 3
    }

    fn samples(&self) -> Result<usize, Error> {
        let samples = u64::from(self.width) * u64::from(self.height) * u64::from(self.channels);
        usize::try_from(samples).map_err(|_| Error::truncated(Format::Pnm))
    }

    fn raster_bytes(&self) -> Result<usize, Error> {
        if self.kind == 4 {
            return Ok(self.width.div_ceil(8) as usize * self.height as usize);
        }
        Ok(self.samples()? * if self.maximum > 255 { 2 } else { 1 })
    }

    fn map_raster(&self, map: SampleMap, raster: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let length = self.raster_bytes()?;
        let (raster, after) =
            raster.split_at_checked(length).ok_or_else(|| Error::truncated(Format::Pnm))?;
        check_nothing_follows(after)?;
        let start = out.len();
        out.extend_from_slice(raster);
        let samples = out.get_mut(start..).unwrap_or_default();
        let (pixel, colour) = (self.channels as usize, self.colours as usize);
        match self.maximum {
            _ if self.kind == 4 => map.bytes(samples),
            255 => map.pixels(samples, pixel, colour),
            65535 => map.pixels(samples, 2 * pixel, 2 * colour),
            256.. => self.map_words(map, samples),
            _ => self.map_small(map, samples),
        }
        out.extend_from_slice(after);
        Ok(())
    }

    fn map_small(&self, map: SampleMap, samples: &mut [u8]) {
        for pixel in samples.chunks_mut(self.channels as usize) {
            for sample in pixel.iter_mut().take(self.colours as usize) {
                *sample = map.sample((*sample).into(), self.maximum) as u8;
            }
        }
    }

    fn map_words(&self, map: SampleMap, samples: &mut [u8]) {
        let (samples, _) = samples.as_chunks_mut::<2>();
        for pixel in samples.chunks_mut(self.channels as usize) {
            for sample in pixel.iter_mut().take(self.colours as usize) {
                let value = u16::from_be_bytes(*sample).into();
                *sample = (map.sample(value, self.maximum) as u16).to_be_bytes();
            }
        }
    }

    fn map_text(&self, map: SampleMap, raster: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let mut cursor = Cursor::new(raster, Format::Pnm);
        let mut left = self.samples()?;
        while left > 0 {
            copy_blanks(&mut cursor, out);
            let value = if self.kind == 1 { text_bit(&mut cursor)? } else { number(&mut cursor)? };
            out.extend_from_slice(map.sample(value, self.maximum).to_string().as_bytes());
            left -= 1;
        }
        check_nothing_follows(cursor.rest())?;
        out.extend_from_slice(cursor.rest());
        Ok(())
    }
}

/// Several pictures in one file are rare; to cut them to one would be worse than to refuse.
fn check_nothing_follows(after: &[u8]) -> Result<(), Error> {
    match after.trim_ascii_start() {
        [b'P', b'1'..=b'7', ..] => Err(Error::unsupported(
            "the PNM file holds several pictures, which is not supported; split it first",
        )),
        _ => Ok(()),
    }
}

fn read_line<'a>(cursor: &mut Cursor<'a>) -> Result<&'a str, Error> {
    let rest = cursor.rest();
    let length = rest.iter().position(|&byte| byte == b'\n');
    let length = length.ok_or_else(|| Error::truncated(Format::Pnm))?;
    let line = cursor.take(length + 1)?;
    std::str::from_utf8(line).map_err(|_| Error::corrupt(Format::Pnm, "its header is no text"))
}

fn header_number(cursor: &mut Cursor<'_>) -> Result<u32, Error> {
    copy_blanks(cursor, &mut Vec::new());
    number(cursor)
}

/// Moves white space and comments from `cursor` to `out`.
fn copy_blanks(cursor: &mut Cursor<'_>, out: &mut Vec<u8>) {
    let rest = cursor.rest();
    let mut in_comment = false;
    let length = rest.iter().position(|&byte| {
        in_comment = (in_comment || byte == b'#') && byte != b'\n';
        !in_comment && !byte.is_ascii_whitespace()
    });
    let length = length.unwrap_or(rest.len());
    out.extend_from_slice(rest.get(..length).unwrap_or_default());
    cursor.seek(cursor.position() + length);
}

fn number(cursor: &mut Cursor<'_>) -> Result<u32, Error> {
    let rest = cursor.rest();
    let length = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
    if rest.is_empty() {
        return Err(Error::truncated(Format::Pnm));
    }
    let digits = std::str::from_utf8(cursor.take(length)?).unwrap_or_default();
    digits
        .parse()
        .map_err(|_| Error::corrupt(Format::Pnm, "something stands where a number should"))
}

fn text_bit(cursor: &mut Cursor<'_>) -> Result<u32, Error> {
    match cursor.u8()? {
        b'0' => Ok(0),
        b'1' => Ok(1),
        _ => Err(Error::corrupt(Format::Pnm, "something stands where a 0 or 1 should")),
    }
}
