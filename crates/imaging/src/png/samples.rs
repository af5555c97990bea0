//! The pixels of a PNG as they are stored: no expansion, so colour type and depth stay.

use std::io::Cursor;

use png::{BitDepth, ColorType, Compression, Decoder, DecodingError, Encoder, Transformations};

use super::chunks::{Colour, Header};
use crate::{Class, Error, Format, invert::SampleMap, request::Request};

/// Decodes, maps and encodes; the result has no chunks but IHDR, IDAT and IEND.
pub(super) fn process(request: &Request<'_>, header: &Header) -> Result<Vec<u8>, Error> {
    let raw_bytes = header.row_bytes().saturating_mul(header.height.into());
    // The samples, and a result that is at worst as large as they are.
    request.limits.check_memory(raw_bytes.saturating_mul(2))?;
    let mut samples = decode(request, raw_bytes)?;
    invert(&mut samples, header, request.map);
    encode(&samples, header).map_err(|error| Error::unwritable(Format::Png, error))
}

fn decode(request: &Request<'_>, raw_bytes: u64) -> Result<Vec<u8>, Error> {
    let limit = usize::try_from(request.limits.max_memory_bytes).unwrap_or(usize::MAX);
    let mut decoder =
        Decoder::new_with_limits(Cursor::new(request.input), png::Limits { bytes: limit });
    decoder.set_transformations(Transformations::IDENTITY);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let mut reader = decoder.read_info().map_err(refused)?;
    let expected = reader.output_buffer_size().map(|size| size as u64);
    if expected != Some(raw_bytes) {
        return Err(Error::corrupt(Format::Png, "its chunks disagree about its size"));
    }
    let mut samples = vec![0; raw_bytes as usize];
    reader.next_frame(&mut samples).map_err(refused)?;
    Ok(samples)
}

fn refused(error: DecodingError) -> Error {
    match error {
        DecodingError::IoError(io) if io.kind() == std::io::ErrorKind::UnexpectedEof => {
            Error::truncated(Format::Png)
        }
        DecodingError::LimitsExceeded => {
            Error::new(Class::TooLarge, "the PNG needs more memory than the limit allows")
        }
        DecodingError::IoError(_) | DecodingError::Format(_) | DecodingError::Parameter(_) => {
            Error::corrupt(Format::Png, error)
        }
    }
}

fn invert(samples: &mut [u8], header: &Header, map: SampleMap) {
    let sample = usize::from(header.depth).div_ceil(8);
    match header.colour {
        Colour::GrayAlpha => map.pixels(samples, 2 * sample, sample),
        Colour::Rgba => map.pixels(samples, 4 * sample, 3 * sample),
        Colour::Gray | Colour::Rgb | Colour::Indexed => map.bytes(samples),
    }
}

fn encode(samples: &[u8], header: &Header) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, header.width, header.height);
    encoder.set_color(match header.colour {
        Colour::Gray => ColorType::Grayscale,
        Colour::Rgb => ColorType::Rgb,
        Colour::Indexed => ColorType::Indexed,
        Colour::GrayAlpha => ColorType::GrayscaleAlpha,
        Colour::Rgba => ColorType::Rgba,
    });
    encoder.set_depth(BitDepth::from_u8(header.depth).unwrap_or(BitDepth::Eight));
    encoder.set_compression(Compression::Balanced);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(samples)?;
    writer.finish()?;
    Ok(bytes)
}
