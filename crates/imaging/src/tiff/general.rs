//! TIFF for the general way: read into pixels and metadata, written from any.

use std::{borrow::Cow, io::Cursor, rc::Rc};

use image::{
    ColorType, DynamicImage, GrayImage, ImageBuffer, RgbImage, codecs::tiff::TiffDecoder,
    metadata::Orientation,
};
use tiff::{
    decoder::{Decoder, DecodingResult},
    encoder::{Compression, Rational},
    tags::{ByteOrder, ExtraSamples, Predictor, Tag, Type, ValueBuffer},
};

use super::{
    ASSOCIATED_ALPHA, BITS, COLOUR_MAP, PALETTE, PHOTOMETRIC, damaged,
    directory::Directory,
    encode::{DESCRIBING, Plan, compression, predictor},
    fill_order, kind, left_out, several_pages,
};
use crate::{
    Error, Format,
    picture::metadata::{Density, Metadata, Native, Unit},
    pixels::{Samples, refused},
};

const BLACK_IS_ZERO: u8 = 1;
const XMP: u16 = 700;

/// A TIFF that was looked through and not decoded.
#[derive(Clone)]
pub(crate) struct Source<'a> {
    input: Cow<'a, [u8]>,
    pub(crate) metadata: Metadata,
    pub(crate) style: Style,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Bytes of a pixel once decoded.
    pub(crate) pixel_bytes: u64,
    /// Bits of a gray sample or index that the usual decoder does not take.
    few_bits: Option<u8>,
    is_premultiplied: bool,
    is_cmyk: bool,
}

/// How a TIFF is stored.
#[derive(Clone, Copy)]
pub(crate) struct Style {
    compression: Compression,
    has_predictor: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self { compression: Compression::Lzw, has_predictor: true }
    }
}

impl<'a> Source<'a> {
    pub(crate) fn open(input: &'a [u8], notes: &mut Vec<String>) -> Result<Self, Error> {
        let input = fill_order::in_usual_order(input).map_or(Cow::Borrowed(input), Cow::Owned);
        let directory = Directory::read(&input);
        directory.as_ref().map_or(Ok(()), kind::check)?;
        let mut source = Decoder::new(Cursor::new(&*input)).map_err(damaged)?;
        let (width, height) = source.dimensions().map_err(damaged)?;
        if source.more_images() {
            return Err(several_pages());
        }
        let value = |tag| directory.as_ref().and_then(|directory| directory.value(tag));
        let bits = directory.as_ref().map(|directory| directory.value(BITS).unwrap_or(1));
        let is_small = |bits: &u8| value(PHOTOMETRIC) == Some(PALETTE) || *bits < 8;
        let few_bits = bits.and_then(|bits| u8::try_from(bits).ok()).filter(is_small);
        let extra = source.find_tag_unsigned_vec::<u16>(Tag::ExtraSamples).ok().flatten();
        let colours = source.colortype().map_err(damaged);
        let is_cmyk = matches!(colours, Ok(tiff::ColorType::CMYK(_) | tiff::ColorType::CMYKA(_)));
        let pixel_bytes = match few_bits {
            Some(_) => 6,
            None => u64::from(colours?.bit_depth() / 8) * 4,
        };
        let style = Style {
            compression: compression(&mut source, notes),
            has_predictor: predictor(&mut source, ColorType::Rgb8) == Predictor::Horizontal,
        };
        let metadata = read_metadata(&mut source);
        left_out::note(&input, notes);
        Ok(Self {
            input,
            metadata,
            style,
            width,
            height,
            pixel_bytes,
            few_bits,
            is_premultiplied: extra.and_then(|kinds| kinds.first().copied())
                == Some(ASSOCIATED_ALPHA),
            is_cmyk,
        })
    }

    pub(crate) fn decode(&self, notes: &mut Vec<String>) -> Result<DynamicImage, Error> {
        if let Some(bits) = self.few_bits {
            return self.decode_small(bits, notes);
        }
        let decoder = TiffDecoder::new(Cursor::new(&*self.input));
        let decoder = decoder.map_err(|error| refused(Format::Tiff, error))?;
        let mut image =
            DynamicImage::from_decoder(decoder).map_err(|error| refused(Format::Tiff, error))?;
        if self.is_cmyk {
            notes.push("the TIFF held CMYK colours; they were converted to RGB".to_owned());
        }
        if self.is_premultiplied && image.color().has_alpha() {
            let divided = fast_image_resize::MulDiv::new().divide_alpha_inplace(&mut image);
            divided.map_err(|error| Error::unwritable(Format::Tiff, error))?;
            notes.push("the colours were multiplied with their alpha and are no longer".to_owned());
        }
        Ok(image)
    }

    /// Gray of few bits and palettes: read as gray values, which are then looked up.
    fn decode_small(&self, bits: u8, notes: &mut Vec<String>) -> Result<DynamicImage, Error> {
        let unsupported = || Error::unsupported("the TIFF has samples of an unsupported depth");
        let directory = Directory::read(&self.input).ok_or_else(unsupported)?;
        let mut bytes = self.input.to_vec();
        let at = directory.low_byte(PHOTOMETRIC);
        let meaning = at.and_then(|at| bytes.get_mut(at)).ok_or_else(unsupported)?;
        let meaning = usize::from(std::mem::replace(meaning, BLACK_IS_ZERO));
        let mut decoder = Decoder::new(Cursor::new(&bytes)).map_err(damaged)?;
        let DecodingResult::U8(packed) = decoder.read_image().map_err(damaged)? else {
            return Err(unsupported());
        };
        let values = unpacked(&packed, self.width as usize, bits).ok_or_else(unsupported)?;
        if meaning == PALETTE {
            notes.push("the palette of the TIFF became colours of their own".to_owned());
            let table = directory.place(COLOUR_MAP).and_then(|place| self.input.get(place));
            let table = table.map(|table| colours(table, self.input.starts_with(b"MM")));
            let table =
                table.ok_or_else(|| Error::corrupt(Format::Tiff, "its colour map is missing"))?;
            return look_up(&table, values, (self.width, self.height));
        }
        let most = (1u16 << bits) - 1;
        let gray = values.map(|value| {
            let value = if meaning == 0 { most - u16::from(value) } else { value.into() };
            (value * 255 / most) as u8
        });
        let image = GrayImage::from_raw(self.width, self.height, gray.collect());
        notes.push(format!("the gray of {bits} bits became gray of 8 bits"));
        image.map(DynamicImage::ImageLuma8).ok_or_else(|| Error::truncated(Format::Tiff))
    }
}

/// The samples of rows that are filled up to whole bytes.
fn unpacked(packed: &[u8], width: usize, bits: u8) -> Option<impl Iterator<Item = u8>> {
    if !matches!(bits, 1 | 2 | 4 | 8) {
        return None;
    }
    let row_bytes = (width * usize::from(bits)).div_ceil(8);
    let most = (1u16 << bits) - 1;
    let samples = move |byte: &u8| {
        let byte = u16::from(*byte);
        (0..8 / bits).rev().map(move |place| (byte >> (place * bits) & most) as u8)
    };
    let rows = packed.chunks_exact(row_bytes);
    Some(rows.flat_map(move |row| row.iter().flat_map(samples).take(width)))
}

/// A colour map: all reds, then all greens, then all blues, in sixteen bits each.
fn colours(table: &[u8], is_big: bool) -> Vec<[u16; 3]> {
    let (values, _) = table.as_chunks::<2>();
    let value = |bytes: &[u8; 2]| {
        if is_big { u16::from_be_bytes(*bytes) } else { u16::from_le_bytes(*bytes) }
    };
    let values: Vec<u16> = values.iter().map(value).collect();
    let count = values.len() / 3;
    let (red, rest) = values.split_at(count);
    let (green, blue) = rest.split_at(count);
    red.iter().zip(green).zip(blue).map(|((red, green), blue)| [*red, *green, *blue]).collect()
}

/// Eight bits where the table needs no more.
fn look_up(
    table: &[[u16; 3]],
    values: impl Iterator<Item = u8>,
    (width, height): (u32, u32),
) -> Result<DynamicImage, Error> {
    let is_short = |value: &u16| value.is_multiple_of(257) || value.is_multiple_of(256);
    let is_short = table.iter().flatten().all(is_short);
    let black = [0; 3];
    let colours = values.map(|value| table.get(usize::from(value)).unwrap_or(&black));
    let image = if is_short {
        let samples = colours.flatten().map(|sample| (sample >> 8) as u8).collect();
        RgbImage::from_raw(width, height, samples).map(DynamicImage::ImageRgb8)
    } else {
        let samples = colours.flatten().copied().collect();
        ImageBuffer::from_raw(width, height, samples).map(DynamicImage::ImageRgb16)
    };
    image.ok_or_else(|| Error::truncated(Format::Tiff))
}

fn read_metadata(source: &mut super::Source<'_>) -> Metadata {
    let mut metadata = Metadata::default();
    let mut native = Vec::new();
    let mut unit = Unit::Inch;
    let (mut across, mut down) = (None, None);
    for &tag in DESCRIBING {
        let mut value = ValueBuffer::empty(Type::BYTE);
        if !matches!(source.image_ifd().find_tag_buf(tag, &mut value), Ok(Some(_))) {
            continue;
        }
        let number = |source: &mut super::Source<'_>| {
            source.find_tag_unsigned::<u16>(tag).ok().flatten().unwrap_or(0)
        };
        if tag == Tag::IccProfile {
            metadata.profile = Some(value.as_bytes().to_vec());
        } else if tag == Tag::Unknown(XMP) {
            metadata.xmp = Some(value.as_bytes().to_vec());
        } else if tag == Tag::Orientation {
            let orientation = u8::try_from(number(source)).ok().and_then(Orientation::from_exif);
            metadata.orientation = orientation.unwrap_or(Orientation::NoTransforms);
        } else if tag == Tag::ResolutionUnit {
            unit = match number(source) {
                1 => Unit::Aspect,
                3 => Unit::Centimetre,
                _ => Unit::Inch,
            };
        } else if tag == Tag::XResolution {
            across = ratio(value);
        } else if tag == Tag::YResolution {
            down = ratio(value);
        } else {
            value.set_byte_order(ByteOrder::native());
            native.push((tag, value));
        }
    }
    if let (Some(across), Some(down)) = (across, down) {
        metadata.density = Some(Density { across, down, unit });
    }
    if !native.is_empty() {
        metadata.native = Native::Tiff(Rc::new(native));
    }
    metadata
}

fn ratio(mut value: ValueBuffer) -> Option<f64> {
    value.set_byte_order(ByteOrder::native());
    let (numbers, _) = value.as_bytes().as_chunks::<4>();
    let &[above, below] = numbers else { return None };
    let (above, below) = (u32::from_ne_bytes(above), u32::from_ne_bytes(below));
    (below != 0).then(|| f64::from(above) / f64::from(below))
}

/// Writes a picture of any kind.
pub(crate) fn encode(
    image: DynamicImage,
    style: Style,
    metadata: &Metadata,
) -> Result<Vec<u8>, Error> {
    let colour = image.color();
    let is_float = matches!(colour, ColorType::Rgb32F | ColorType::Rgba32F);
    let plan = Plan {
        width: image.width(),
        height: image.height(),
        compression: style.compression,
        predictor: if style.has_predictor && !is_float {
            Predictor::Horizontal
        } else {
            Predictor::None
        },
        alpha: colour.has_alpha().then_some(ExtraSamples::UnassociatedAlpha),
        tags: tags(metadata),
        kept: match &metadata.native {
            Native::Tiff(kept) => Some(Rc::clone(kept)),
            Native::None | Native::Jpeg(_) | Native::Png(_) | Native::Unwritable(_) => None,
        },
    };
    let (width, height) = (image.width(), image.height());
    plan.write_samples(&Samples { width, height, colour, bytes: image.into_bytes() })
}

fn tags(metadata: &Metadata) -> Vec<(Tag, ValueBuffer)> {
    let mut tags = Vec::new();
    let orientation = u16::from(metadata.orientation.to_exif());
    tags.push((Tag::Orientation, shorts(orientation)));
    if let Some(density) = metadata.density {
        let density =
            if density.unit == Unit::Metre { density.per(Unit::Centimetre) } else { density };
        let unit = match density.unit {
            Unit::Aspect => 1,
            Unit::Inch => 2,
            Unit::Centimetre | Unit::Metre => 3,
        };
        tags.push((Tag::XResolution, rational(density.across)));
        tags.push((Tag::YResolution, rational(density.down)));
        tags.push((Tag::ResolutionUnit, shorts(unit)));
    }
    if let Some(xmp) = &metadata.xmp {
        tags.push((Tag::Unknown(XMP), bytes(xmp)));
    }
    if let Some(profile) = &metadata.profile {
        tags.push((Tag::IccProfile, bytes(profile)));
    }
    tags
}

fn shorts(value: u16) -> ValueBuffer {
    ValueBuffer::from_value(&value)
}

fn bytes(values: &[u8]) -> ValueBuffer {
    ValueBuffer::from_value(&values)
}

/// Three decimals, or none where the number is whole.
fn rational(value: f64) -> ValueBuffer {
    let d = if value.fract() == 0.0 { 1 } else { 1000 };
    ValueBuffer::from_value(&Rational { n: (value * f64::from(d)).round() as u32, d })
}
