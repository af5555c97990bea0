//! WebP: through its pixels, written lossless; the chunks beside them go along.

use std::io::Cursor as IoCursor;

use image::{
    ImageDecoder,
    codecs::webp::{WebPDecoder, WebPEncoder},
};

use crate::{
    Error, Format, Output, Path, exif,
    output::Clock,
    pixels::refused,
    request::Request,
    riff::{ALPHA_FLAG, Container, EXIF_FLAG, PROFILE_FLAG, XMP_FLAG, extended_header, push, wrap},
};

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
    let bytes = with_picture(&container, &encoded, (width, height), has_alpha, &mut notes)?;
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

/// The lossless picture in `encoded`, with the colour profile, EXIF and XMP of `source`.
fn with_picture(
    source: &Container<'_>,
    encoded: &[u8],
    size: (u32, u32),
    has_alpha: bool,
    notes: &mut Vec<String>,
) -> Result<Vec<u8>, Error> {
    let profile = source.find(b"ICCP");
    let exif = source.find(b"EXIF").map(|data| exif_without_thumbnail(data, notes));
    let xmp = source.find(b"XMP ");
    if profile.is_none() && exif.is_none() && xmp.is_none() {
        return Ok(encoded.to_vec());
    }
    let picture = Container::read(encoded)?;
    let mut flags = if has_alpha { ALPHA_FLAG } else { 0 };
    flags |= if profile.is_some() { PROFILE_FLAG } else { 0 };
    flags |= if exif.is_some() { EXIF_FLAG } else { 0 };
    flags |= if xmp.is_some() { XMP_FLAG } else { 0 };
    let header = extended_header(flags, size);
    let mut body = b"WEBP".to_vec();
    for (kind, data) in [
        (b"VP8X", Some(header.as_slice())),
        (b"ICCP", profile),
        (b"VP8L", picture.find(b"VP8L")),
        (b"EXIF", exif.as_deref()),
        (b"XMP ", xmp),
    ] {
        data.into_iter().for_each(|data| push(&mut body, kind, data));
    }
    Ok(wrap(&body))
}

/// Some writers put the name of JPEG's segment before the block.
fn exif_without_thumbnail(data: &[u8], notes: &mut Vec<String>) -> Vec<u8> {
    let block = data.strip_prefix(b"Exif\0\0").unwrap_or(data);
    let Some(cleaned) = exif::without_thumbnail(block) else { return data.to_vec() };
    notes.push("the EXIF thumbnail of the unchanged picture was removed".to_owned());
    cleaned
}
