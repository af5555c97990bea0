//! WebP: through its pixels, written lossless; the chunks beside them go along.

use std::io::Cursor as IoCursor;

use image::{
    ImageDecoder,
    codecs::webp::{WebPDecoder, WebPEncoder},
};

use crate::{
    Error, Format, Output, Path, cursor::Cursor, exif, output::Clock, pixels::refused,
    request::Request,
};

const ALPHA_FLAG: u8 = 0x10;
const ANIMATION_FLAG: u8 = 0x02;

pub(crate) fn process(request: &Request<'_>) -> Result<Output, Error> {
    let container = Container::read(request.input)?;
    if container.is_animated() {
        return Err(Error::unsupported("the WebP is animated; animated WebP is not supported"));
    }
    let (mut notes, mut clock) = (Vec::new(), Clock::start());
    let (encoded, width, height, has_alpha) = recode(request, &mut clock)?;
    if container.find(b"VP8 ").is_some() {
        notes.push("the WebP was lossy; the result is lossless and therefore larger".to_owned());
    }
    if !container.trailing.is_empty() {
        let count = container.trailing.len();
        notes.push(format!("{count} bytes after the end of the picture were left out"));
    }
    let bytes = container.with_picture(&encoded, (width, height), has_alpha, &mut notes)?;
    let growth = bytes.len() / request.input.len().max(1);
    if growth >= 2 {
        notes.push(format!(
            "the result is about {growth} times as large: the encoder packs loosely"
        ));
    }
    Ok(Output {
        bytes,
        format: Format::WebP,
        width,
        height,
        frames: 1,
        path: Path::Pixels,
        notes,
        phases: clock.phases(),
    })
}

fn recode(request: &Request<'_>, clock: &mut Clock) -> Result<(Vec<u8>, u32, u32, bool), Error> {
    let decoder = WebPDecoder::new(IoCursor::new(request.input));
    let decoder = decoder.map_err(|error| refused(Format::WebP, error))?;
    let ((width, height), colour) = (decoder.dimensions(), decoder.color_type());
    request.limits.check_size(width, height)?;
    // The samples, the decoder's own planes, and a result that is at worst as large.
    let raw_bytes = decoder.total_bytes();
    request.limits.check_memory(raw_bytes.saturating_mul(3))?;
    let mut samples = vec![0; raw_bytes as usize];
    decoder.read_image(&mut samples).map_err(|error| refused(Format::WebP, error))?;
    clock.decoded();
    let channels = usize::from(colour.channel_count());
    request.map.pixels(&mut samples, channels, 3);
    clock.operated();
    let mut encoded = Vec::new();
    WebPEncoder::new_lossless(&mut encoded)
        .encode(&samples, width, height, colour.into())
        .map_err(|error| Error::unwritable(Format::WebP, error))?;
    clock.encoded();
    Ok((encoded, width, height, colour.has_alpha()))
}

#[derive(Debug)]
struct Container<'a> {
    chunks: Vec<([u8; 4], &'a [u8])>,
    trailing: &'a [u8],
}

impl<'a> Container<'a> {
    fn read(input: &'a [u8]) -> Result<Self, Error> {
        let mut cursor = Cursor::new(input, Format::WebP);
        cursor.take(4)?;
        let length = cursor.u32_le()? as usize;
        let body = cursor.take(length)?;
        let trailing = cursor.rest();
        let mut cursor = Cursor::new(body, Format::WebP);
        cursor.take(4)?;
        let mut chunks = Vec::new();
        while !cursor.rest().is_empty() {
            let kind = cursor.array()?;
            let length = cursor.u32_le()? as usize;
            chunks.push((kind, cursor.take(length)?));
            // The last chunk of some files lacks its padding.
            if length % 2 == 1 && !cursor.rest().is_empty() {
                cursor.u8()?;
            }
        }
        Ok(Self { chunks, trailing })
    }

    fn find(&self, wanted: &[u8; 4]) -> Option<&'a [u8]> {
        self.chunks.iter().find(|(kind, _)| kind == wanted).map(|&(_, data)| data)
    }

    fn is_animated(&self) -> bool {
        let flags = self.find(b"VP8X").and_then(|data| data.first().copied()).unwrap_or(0);
        flags & ANIMATION_FLAG != 0 || self.find(b"ANMF").is_some()
    }

    /// The lossless picture in `encoded`, with this file's colour profile, EXIF and XMP.
    fn with_picture(
        &self,
        encoded: &[u8],
        size: (u32, u32),
        has_alpha: bool,
        notes: &mut Vec<String>,
    ) -> Result<Vec<u8>, Error> {
        let profile = self.find(b"ICCP");
        let exif = self.find(b"EXIF").map(|data| exif_without_thumbnail(data, notes));
        let xmp = self.find(b"XMP ");
        if profile.is_none() && exif.is_none() && xmp.is_none() {
            return Ok(encoded.to_vec());
        }
        let picture = Container::read(encoded)?;
        let pixels = picture.find(b"VP8L").unwrap_or_default();
        let mut flags = if has_alpha { ALPHA_FLAG } else { 0 };
        flags |= if profile.is_some() { 0x20 } else { 0 };
        flags |= if exif.is_some() { 0x08 } else { 0 };
        flags |= if xmp.is_some() { 0x04 } else { 0 };
        let chunks = [
            (b"VP8X", Some(extended_header(flags, size).to_vec())),
            (b"ICCP", profile.map(<[u8]>::to_vec)),
            (b"VP8L", Some(pixels.to_vec())),
            (b"EXIF", exif),
            (b"XMP ", xmp.map(<[u8]>::to_vec)),
        ];
        let present = chunks.into_iter().filter_map(|(kind, data)| Some((kind, data?)));
        Ok(write(present))
    }
}

/// Some writers put the name of JPEG's segment before the block.
fn exif_without_thumbnail(data: &[u8], notes: &mut Vec<String>) -> Vec<u8> {
    let block = data.strip_prefix(b"Exif\0\0").unwrap_or(data);
    let Some(cleaned) = exif::without_thumbnail(block) else { return data.to_vec() };
    notes.push("the EXIF thumbnail of the unchanged picture was removed".to_owned());
    cleaned
}

fn extended_header(flags: u8, (width, height): (u32, u32)) -> [u8; 10] {
    let [w0, w1, w2, _] = (width - 1).to_le_bytes();
    let [h0, h1, h2, _] = (height - 1).to_le_bytes();
    [flags, 0, 0, 0, w0, w1, w2, h0, h1, h2]
}

fn write<'k>(chunks: impl Iterator<Item = (&'k [u8; 4], Vec<u8>)>) -> Vec<u8> {
    let mut body = b"WEBP".to_vec();
    for (kind, data) in chunks {
        body.extend(kind);
        body.extend((data.len() as u32).to_le_bytes());
        body.extend(&data);
        body.extend(std::iter::repeat_n(0, data.len() % 2));
    }
    [&b"RIFF"[..], &(body.len() as u32).to_le_bytes(), &body].concat()
}
