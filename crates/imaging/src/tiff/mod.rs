//! TIFF: a palette or the meaning of black and white is changed in place, other pictures through
//! their pixels.

mod directory;
mod encode;
mod fill_order;
pub(crate) mod general;
mod kind;
mod left_out;

use std::io::Cursor;

use image::{ImageDecoder as _, codecs::tiff::TiffDecoder};
use tiff::{ColorType, TiffError, decoder::Decoder, tags::Tag};

use crate::{
    Class, Error, Format, Output, Path, Phases,
    invert::SampleMap,
    output::Clock,
    pixels::{Samples, refused},
    request::Request,
};
use directory::Directory;

const WIDTH: u16 = 256;
const HEIGHT: u16 = 257;
const BITS: u16 = 258;
const PHOTOMETRIC: u16 = 262;
const COLOUR_MAP: u16 = 320;
const PALETTE: usize = 3;
const ASSOCIATED_ALPHA: u16 = 1;

pub(super) type Source<'a> = Decoder<Cursor<&'a [u8]>>;

pub(crate) fn process(request: &Request<'_>) -> Result<Output, Error> {
    if let Some(directory) = Directory::read(request.input) {
        // Few bits and palettes are beyond the decoder, and need no decoding.
        let (meaning, bits) = (directory.value(PHOTOMETRIC), directory.value(BITS));
        match (meaning, bits.unwrap_or(1)) {
            (Some(PALETTE), _) => return process_in_place(request, &directory, true),
            (Some(0 | 1), 1..=7) => return process_in_place(request, &directory, false),
            _ => kind::check(&directory)?,
        }
    }
    if let Some(usual) = fill_order::in_usual_order(request.input) {
        request.limits.check_memory(usual.len() as u64)?;
        return process(&Request { input: &usual, ..*request });
    }
    let mut source = Decoder::new(Cursor::new(request.input)).map_err(damaged)?;
    let (width, height) = source.dimensions().map_err(damaged)?;
    request.limits.check_size(width, height)?;
    let colours = source.colortype().map_err(damaged)?;
    if source.more_images() {
        return Err(several_pages());
    }
    process_samples(request, &mut source, colours)
}

fn several_pages() -> Error {
    Error::unsupported("the TIFF has several pages, which is not supported; split it first")
}

fn process_in_place(
    request: &Request<'_>,
    directory: &Directory<'_>,
    has_palette: bool,
) -> Result<Output, Error> {
    let side = |tag| directory.value(tag).and_then(|side| u32::try_from(side).ok());
    let (Some(width @ 1..), Some(height @ 1..)) = (side(WIDTH), side(HEIGHT)) else {
        return Err(Error::corrupt(Format::Tiff, "its width or height is missing or 0"));
    };
    request.limits.check_size(width, height)?;
    if directory.has_more {
        return Err(several_pages());
    }
    if !directory.holds_its_picture() {
        return Err(Error::truncated(Format::Tiff));
    }
    request.limits.check_memory(request.input.len() as u64)?;
    let mut bytes = request.input.to_vec();
    if has_palette {
        let table = directory.place(COLOUR_MAP).and_then(|place| bytes.get_mut(place));
        let table =
            table.ok_or_else(|| Error::corrupt(Format::Tiff, "its colour map is missing"))?;
        request.map.bytes(table);
    } else {
        swap_black_and_white(directory, request.map, &mut bytes)?;
    }
    let (format, path) = (Format::Tiff, Path::Palette);
    Ok(Output {
        bytes,
        format,
        width,
        height,
        frames: 1,
        path,
        notes: Vec::new(),
        phases: Phases::default(),
    })
}

/// 0 says that the smallest value is white, 1 that it is black.
fn swap_black_and_white(
    directory: &Directory<'_>,
    map: SampleMap,
    bytes: &mut [u8],
) -> Result<(), Error> {
    let at = directory.low_byte(PHOTOMETRIC);
    let meaning = at.and_then(|at| bytes.get_mut(at));
    let meaning =
        meaning.ok_or_else(|| Error::corrupt(Format::Tiff, "it does not say what 0 means"))?;
    *meaning ^= map.mask() & 1;
    Ok(())
}

fn process_samples(
    request: &Request<'_>,
    source: &mut Source<'_>,
    colours: ColorType,
) -> Result<Output, Error> {
    let mut clock = Clock::start();
    let decoder = TiffDecoder::new(Cursor::new(request.input));
    let mut decoder = decoder.map_err(|error| refused(Format::Tiff, error))?;
    decoder.set_limits(codec_limits(request)).map_err(|error| refused(Format::Tiff, error))?;
    let mut samples = Samples::decode(request, Format::Tiff, decoder)?;
    clock.decoded();
    let mut notes = Vec::new();
    let extra = source.find_tag_unsigned_vec::<u16>(Tag::ExtraSamples).ok().flatten();
    let alpha = extra.and_then(|kinds| kinds.first().copied());
    map_samples(&mut samples, request.map, alpha == Some(ASSOCIATED_ALPHA), &mut notes);
    if let ColorType::CMYK(_) | ColorType::CMYKA(_) = colours {
        notes.push("the TIFF held CMYK colours; they were converted to RGB".to_owned());
    }
    clock.operated();
    left_out::note(request.input, &mut notes);
    let bytes = encode::encode(&samples, source, alpha, &mut notes)?;
    clock.encoded();
    let Samples { width, height, .. } = samples;
    Ok(Output {
        bytes,
        format: Format::Tiff,
        width,
        height,
        frames: 1,
        path: Path::Pixels,
        notes,
        phases: clock.phases(),
    })
}

/// What the codec may allocate: it does so for whole strips before it knows what they hold.
fn codec_limits(request: &Request<'_>) -> image::Limits {
    let mut limits = image::Limits::no_limits();
    limits.max_alloc = Some(request.limits.max_memory_bytes);
    limits
}

fn map_samples(
    samples: &mut Samples,
    map: SampleMap,
    premultiplied: bool,
    notes: &mut Vec<String>,
) {
    let channels = usize::from(samples.colour.channel_count());
    let colour = samples.colour;
    if matches!(colour, image::ColorType::Rgb32F | image::ColorType::Rgba32F) {
        map_floats(&mut samples.bytes, channels, map);
        notes.push("floating point samples were limited to 0 to 1 before inversion".to_owned());
    } else if premultiplied && colour.has_alpha() {
        let sample_bytes = usize::from(colour.bytes_per_pixel()) / channels;
        for pixel in samples.bytes.chunks_exact_mut(channels * sample_bytes) {
            map_premultiplied(pixel, sample_bytes, map);
        }
    } else {
        samples.map(map);
    }
}

fn map_floats(bytes: &mut [u8], channels: usize, map: SampleMap) {
    let (samples, _) = bytes.as_chunks_mut::<4>();
    for pixel in samples.chunks_exact_mut(channels) {
        for sample in pixel.iter_mut().take(3) {
            *sample = map.float(f32::from_ne_bytes(*sample)).to_ne_bytes();
        }
    }
}

/// Colours that were multiplied with their alpha have that alpha as their maximum.
fn map_premultiplied(pixel: &mut [u8], sample_bytes: usize, map: SampleMap) {
    let Some(at) = pixel.len().checked_sub(sample_bytes) else { return };
    let (colours, alpha) = pixel.split_at_mut(at);
    if let Some(alpha) = alpha.first_chunk().map(|alpha| u16::from_ne_bytes(*alpha)) {
        let (colours, _) = colours.as_chunks_mut::<2>();
        for colour in colours {
            let value = u16::from_ne_bytes(*colour).into();
            *colour = (map.sample(value, alpha.into()) as u16).to_ne_bytes();
        }
    } else if let Some(&alpha) = alpha.first() {
        for colour in colours {
            *colour = map.sample((*colour).into(), alpha.into()) as u8;
        }
    }
}

fn damaged(error: TiffError) -> Error {
    match error {
        TiffError::IoError(io) if io.kind() == std::io::ErrorKind::UnexpectedEof => {
            Error::truncated(Format::Tiff)
        }
        TiffError::UnsupportedError(what) => {
            Error::unsupported(format!("the TIFF is of an unsupported kind: {what}"))
        }
        TiffError::LimitsExceeded => {
            Error::new(Class::TooLarge, "the TIFF needs more memory than the limit allows")
        }
        // Without the words "format error", which say nothing more.
        TiffError::FormatError(what) => Error::corrupt(Format::Tiff, what),
        TiffError::IoError(_) | TiffError::IntSizeError | TiffError::UsageError(_) => {
            Error::corrupt(Format::Tiff, error)
        }
    }
}
