//! Writing a TIFF with the compression and the tags of another.

use std::{io::Cursor, rc::Rc};

use image::ColorType;
use tiff::{
    TiffResult,
    encoder::{
        Compression, TiffEncoder, TiffValue,
        colortype::{self, ColorType as Layout},
        compression::DeflateLevel,
    },
    tags::{ByteOrder, ExtraSamples, Predictor, Tag, Type, ValueBuffer},
};

use super::Source;
use crate::{Error, Format, pixels::Samples};

/// Tags that say something about the picture and nothing about how it is stored.
pub(super) const DESCRIBING: &[Tag] = &[
    Tag::Unknown(269),
    Tag::ImageDescription,
    Tag::Make,
    Tag::Model,
    Tag::Orientation,
    Tag::XResolution,
    Tag::YResolution,
    Tag::Unknown(285),
    Tag::ResolutionUnit,
    Tag::Software,
    Tag::DateTime,
    Tag::Artist,
    Tag::HostComputer,
    Tag::Unknown(700),
    Tag::Copyright,
    Tag::Unknown(33723),
    Tag::IccProfile,
];

pub(super) fn encode(
    samples: &Samples,
    source: &mut Source<'_>,
    alpha: Option<u16>,
    notes: &mut Vec<String>,
) -> Result<Vec<u8>, Error> {
    let plan = Plan::read(source, samples, alpha, notes);
    plan.write_samples(samples)
}

/// How the result is to be written.
pub(super) struct Plan {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) compression: Compression,
    pub(super) predictor: Predictor,
    pub(super) alpha: Option<ExtraSamples>,
    pub(super) tags: Vec<(Tag, ValueBuffer)>,
    /// Tags of the source that are shared with others.
    pub(super) kept: Option<Rc<Vec<(Tag, ValueBuffer)>>>,
}

impl Plan {
    fn read(
        source: &mut Source<'_>,
        samples: &Samples,
        alpha: Option<u16>,
        notes: &mut Vec<String>,
    ) -> Self {
        let has_alpha = samples.colour.has_alpha();
        let kind = alpha.and_then(ExtraSamples::from_u16);
        Self {
            width: samples.width,
            height: samples.height,
            compression: compression(source, notes),
            predictor: predictor(source, samples.colour),
            alpha: has_alpha.then_some(kind.unwrap_or(ExtraSamples::UnassociatedAlpha)),
            tags: describing_tags(source, samples.colour, notes),
            kept: None,
        }
    }

    pub(super) fn write_samples(&self, samples: &Samples) -> Result<Vec<u8>, Error> {
        let words = || pairs(&samples.bytes);
        let floats = || quads(&samples.bytes);
        let written = match samples.colour {
            ColorType::L8 => self.write::<colortype::Gray8>(&samples.bytes),
            ColorType::La8 => self.write::<colortype::Gray8>(&samples.bytes),
            ColorType::Rgb8 => self.write::<colortype::RGB8>(&samples.bytes),
            ColorType::Rgba8 => self.write::<colortype::RGB8>(&samples.bytes),
            ColorType::L16 | ColorType::La16 => self.write::<colortype::Gray16>(&words()),
            ColorType::Rgb16 | ColorType::Rgba16 => self.write::<colortype::RGB16>(&words()),
            ColorType::Rgb32F | ColorType::Rgba32F => {
                self.write::<colortype::RGB32Float>(&floats())
            }
            other => {
                let message =
                    format!("the TIFF decodes to {other:?}, which cannot be written back");
                return Err(Error::unsupported(message));
            }
        };
        written.map_err(|error| Error::unwritable(Format::Tiff, error))
    }

    fn write<C: Layout>(&self, samples: &[C::Inner]) -> TiffResult<Vec<u8>>
    where
        [C::Inner]: TiffValue,
    {
        let mut bytes = Cursor::new(Vec::new());
        // The encoder predicts across alpha as if it were not there, which gives other pixels.
        let predictor = if self.alpha.is_some() { Predictor::None } else { self.predictor };
        let mut encoder = TiffEncoder::new(&mut bytes)?
            .with_compression(self.compression)
            .with_predictor(predictor);
        let mut image = encoder.new_image::<C>(self.width, self.height)?;
        if let Some(alpha) = self.alpha {
            image.extra_samples(&[alpha])?;
        }
        for (tag, value) in self.tags.iter().chain(self.kept.iter().flat_map(|kept| kept.iter())) {
            image.encoder().write_tag_buf(*tag, value)?;
        }
        image.write_data(samples)?;
        Ok(bytes.into_inner())
    }
}

pub(super) fn compression(source: &mut Source<'_>, notes: &mut Vec<String>) -> Compression {
    let method = source.find_tag_unsigned::<u16>(Tag::Compression).ok().flatten();
    match method.unwrap_or(1) {
        1 => Compression::Uncompressed,
        5 => Compression::Lzw,
        8 | 32946 => Compression::Deflate(DeflateLevel::Balanced),
        32773 => Compression::Packbits,
        other => {
            notes.push(format!("the TIFF was compressed by method {other} and is now by Deflate"));
            Compression::Deflate(DeflateLevel::Balanced)
        }
    }
}

pub(super) fn predictor(source: &mut Source<'_>, colour: ColorType) -> Predictor {
    let predictor = source.find_tag_unsigned::<u16>(Tag::Predictor).ok().flatten();
    let is_float = matches!(colour, ColorType::Rgb32F | ColorType::Rgba32F);
    if predictor == Some(2) && !is_float { Predictor::Horizontal } else { Predictor::None }
}

fn describing_tags(
    source: &mut Source<'_>,
    colour: ColorType,
    notes: &mut Vec<String>,
) -> Vec<(Tag, ValueBuffer)> {
    let mut tags = Vec::new();
    for &tag in DESCRIBING {
        let mut value = ValueBuffer::empty(Type::BYTE);
        if let Ok(Some(_)) = source.image_ifd().find_tag_buf(tag, &mut value) {
            value.set_byte_order(ByteOrder::native());
            tags.push((tag, value));
        }
    }
    let has_colour = colour.has_color();
    let count = tags.len();
    tags.retain(|(tag, value)| *tag != Tag::IccProfile || fits(value.as_bytes(), has_colour));
    if tags.len() < count {
        notes.push("the colour profile is for another kind of colours; it was left out".to_owned());
    }
    tags
}

/// A colour profile names the kind of colours it is for.
fn fits(profile: &[u8], has_colour: bool) -> bool {
    let wanted: &[u8] = if has_colour { b"RGB " } else { b"GRAY" };
    profile.get(16..20) == Some(wanted)
}

fn pairs(bytes: &[u8]) -> Vec<u16> {
    bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_ne_bytes(*pair)).collect()
}

fn quads(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|quad| f32::from_ne_bytes(*quad)).collect()
}
