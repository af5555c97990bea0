//! The general way: decode with the `image` crate, map the samples, encode in the same format.

use std::io::{Cursor, ErrorKind};

use image::{ColorType, ImageDecoder, ImageEncoder, ImageError, codecs::qoi};

use crate::{
    Class, Error, Format, Output, Path, invert::SampleMap, output::Clock, request::Request,
};

const QOI_END: &[u8] = &[0, 0, 0, 0, 0, 0, 0, 1];

/// Decoded samples in native byte order.
#[derive(Debug)]
pub(crate) struct Samples {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) colour: ColorType,
    pub(crate) bytes: Vec<u8>,
}

impl Samples {
    /// Decodes, once size and memory are known to be within the limits.
    pub(crate) fn decode(
        request: &Request<'_>,
        format: Format,
        decoder: impl ImageDecoder,
    ) -> Result<Self, Error> {
        let (width, height) = decoder.dimensions();
        request.limits.check_size(width, height)?;
        let raw_bytes = decoder.total_bytes();
        request.limits.check_memory(raw_bytes.saturating_mul(2))?;
        let colour = decoder.color_type();
        let mut bytes = vec![0; raw_bytes as usize];
        decoder.read_image(&mut bytes).map_err(|error| refused(format, error))?;
        Ok(Self { width, height, colour, bytes })
    }

    pub(crate) fn map(&mut self, map: SampleMap) {
        let pixel = usize::from(self.colour.bytes_per_pixel());
        let channels = usize::from(self.colour.channel_count());
        let colours = channels - usize::from(self.colour.has_alpha());
        map.pixels(&mut self.bytes, pixel, pixel / channels * colours);
    }
}

/// The decoder is content with what it got; the end mark tells a whole file.
pub(crate) fn check_qoi(input: &[u8]) -> Result<(), Error> {
    if input.ends_with(QOI_END) { Ok(()) } else { Err(Error::truncated(Format::Qoi)) }
}

pub(crate) fn process_qoi(request: &Request<'_>) -> Result<Output, Error> {
    let format = Format::Qoi;
    check_qoi(request.input)?;
    let mut clock = Clock::start();
    let decoder = qoi::QoiDecoder::new(Cursor::new(request.input));
    let decoder = decoder.map_err(|error| refused(format, error))?;
    let mut samples = Samples::decode(request, format, decoder)?;
    clock.decoded();
    samples.map(request.map);
    clock.operated();
    let Samples { width, height, colour, bytes: raw } = samples;
    let mut bytes = Vec::new();
    qoi::QoiEncoder::new(&mut bytes)
        .write_image(&raw, width, height, colour.into())
        .map_err(|error| Error::unwritable(format, error))?;
    clock.encoded();
    // Byte 13 tells whether the samples are linear; the encoder does not know.
    if let (Some(to), Some(from)) = (bytes.get_mut(13), request.input.get(13)) {
        *to = *from;
    }
    let (path, notes, phases) = (Path::Pixels, Vec::new(), clock.phases());
    Ok(Output { bytes, format, width, height, frames: 1, path, notes, phases })
}

/// What a codec's error means.
pub(crate) fn refused(format: Format, error: ImageError) -> Error {
    match error {
        ImageError::IoError(io) if io.kind() == ErrorKind::UnexpectedEof => {
            Error::truncated(format)
        }
        ImageError::Limits(_) => Error::new(
            Class::TooLarge,
            format!("the {format} needs more memory than the limit allows"),
        ),
        ImageError::Unsupported(what) => {
            Error::unsupported(format!("the {format} is of an unsupported kind: {what}"))
        }
        ImageError::Decoding(_)
        | ImageError::Encoding(_)
        | ImageError::Parameter(_)
        | ImageError::IoError(_) => Error::corrupt(format, error),
    }
}

/// Samples of sixteen bits, from the machine's order of bytes to big endian.
pub(crate) fn big_endian(samples: &[u8]) -> Vec<u8> {
    let (samples, _) = samples.as_chunks::<2>();
    samples.iter().flat_map(|sample| u16::from_ne_bytes(*sample).to_be_bytes()).collect()
}
