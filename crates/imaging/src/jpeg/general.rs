//! JPEG for the general way: read into pixels and metadata, written from any.

use image::{DynamicImage, GrayImage, RgbImage};
use jpeg_encoder::{
    ChromaSubsamplingMethod, ColorType, Encoder, QuantizationTableType, SamplingFactor,
};
use zune_core::colorspace::ColorSpace;

use super::{
    chroma,
    metadata::{EXIF, PHOTOSHOP, XMP, contains, is_app, without_photoshop_thumbnail},
    pixels,
    segments::{Layout, SOI, Segment},
};
use crate::{
    Error, Format,
    picture::metadata::{Density, Metadata, Native, Unit},
    request::Request,
};

/// Quality of a JPEG whose source was none, with chroma halved in both directions. It is what
/// most programs that care about quality take.
const QUALITY: u8 = 90;
const PROFILE: &[u8] = b"ICC_PROFILE\0";
/// A segment's length field counts itself.
const MOST_SEGMENT_BYTES: usize = 0xffff - 2;

/// A JPEG that was looked through and not decoded.
#[derive(Clone)]
pub(crate) struct Source<'a> {
    layout: Layout<'a>,
    pub(crate) metadata: Metadata,
    pub(crate) style: Style,
}

impl<'a> Source<'a> {
    pub(crate) fn open(input: &'a [u8], notes: &mut Vec<String>) -> Result<Self, Error> {
        let layout = Layout::read(input)?;
        let metadata = read_metadata(&layout.metadata, notes);
        let style = Style::of(&layout);
        if !layout.trailing.iter().all(|&byte| byte == 0) {
            let count = layout.trailing.len();
            notes.push(format!("{count} bytes after the end of the picture were left out"));
        }
        Ok(Self { layout, metadata, style })
    }

    pub(crate) fn size(&self) -> (u32, u32) {
        (self.layout.frame.width.into(), self.layout.frame.height.into())
    }

    pub(crate) fn channels(&self) -> u64 {
        if self.layout.frame.components.len() == 1 { 1 } else { 3 }
    }

    /// What decoding takes.
    pub(crate) fn memory_bytes(&self, request: &Request<'_>) -> u64 {
        pixels::memory_bytes(request, &self.layout)
    }

    pub(crate) fn is_ycbcr(&self) -> bool {
        pixels::is_ycbcr(&self.layout)
    }

    /// Decodes to gray or RGB; with `as_ycbcr` the three samples stay luma and chroma, which
    /// saves two conversions that round, and small chroma is got back as it was stored.
    pub(crate) fn decode(
        &self,
        input: &[u8],
        as_ycbcr: bool,
        notes: &mut Vec<String>,
    ) -> Result<DynamicImage, Error> {
        let frame = &self.layout.frame;
        let (width, height) = self.size();
        let no_picture = || Error::corrupt(Format::Jpeg, "its picture has another size than said");
        if frame.components.len() == 1 {
            let samples = pixels::decode_as(input, ColorSpace::Luma)?;
            let image = GrayImage::from_raw(width, height, samples).ok_or_else(no_picture)?;
            return Ok(DynamicImage::ImageLuma8(image));
        }
        pixels::check_sampling(&frame.components)?;
        let colours = if as_ycbcr { ColorSpace::YCbCr } else { ColorSpace::RGB };
        let mut samples = pixels::decode_as(input, colours)?;
        if as_ycbcr && let Some((across, down)) = pixels::chroma_factors(&frame.components) {
            chroma::sharpen(&mut samples, width as usize, across.into(), down.into());
        }
        pixels::note_conversion(&self.layout, notes);
        let image = RgbImage::from_raw(width, height, samples).ok_or_else(no_picture)?;
        Ok(DynamicImage::ImageRgb8(image))
    }
}

/// Luma turns round, and chroma around its middle.
pub(crate) fn invert_ycbcr(samples: &mut [u8]) {
    pixels::map_ycbcr(crate::invert::SampleMap::Invert, samples);
}

fn read_metadata(segments: &[Segment<'_>], notes: &mut Vec<String>) -> Metadata {
    let mut metadata = Metadata::default();
    let (mut native, mut profile) = (Vec::new(), Vec::new());
    for segment in segments {
        let body = segment.body;
        if segment.marker == 0xe0 {
            metadata.density = metadata.density.or_else(|| density(body));
        } else if is_app(segment, 1, EXIF) {
            metadata.set_exif(body, notes);
        } else if is_app(segment, 1, XMP) && contains(body, b"hdrgm:") || is_gain_map(segment) {
            note_once(notes, "the HDR gain map fits the old pixels only; it was left out");
        } else if is_app(segment, 1, XMP) {
            metadata.xmp = body.get(XMP.len()..).map(<[u8]>::to_vec);
        } else if is_app(segment, 2, PROFILE) {
            profile.push((body.get(12).copied(), body.get(14..).unwrap_or_default()));
        } else if is_app(segment, 2, b"MPF\0") {
            note_once(notes, "the further pictures behind the first one (MPF) were left out");
        } else if is_app(segment, 13, PHOTOSHOP) {
            native.push((segment.marker, without_thumbnail(body, notes)));
        } else if !is_app(segment, 14, b"Adobe") {
            native.push((segment.marker, body.to_vec()));
        }
    }
    profile.sort_by_key(|(part, _)| *part);
    let profile: Vec<u8> = profile.into_iter().flat_map(|(_, part)| part).copied().collect();
    metadata.profile = (!profile.is_empty()).then_some(profile);
    if !native.is_empty() {
        metadata.native = Native::Jpeg(native);
    }
    metadata
}

fn is_gain_map(segment: &Segment<'_>) -> bool {
    is_app(segment, 2, b"urn:iso:std:iso:ts:21496")
}

fn without_thumbnail(body: &[u8], notes: &mut Vec<String>) -> Vec<u8> {
    let blocks = body.get(PHOTOSHOP.len()..).unwrap_or_default();
    let Some(blocks) = without_photoshop_thumbnail(blocks) else { return body.to_vec() };
    note_once(notes, "the Photoshop thumbnail of the unchanged picture was removed");
    [PHOTOSHOP, &blocks].concat()
}

fn note_once(notes: &mut Vec<String>, note: &str) {
    if !notes.iter().any(|known| known == note) {
        notes.push(note.to_owned());
    }
}

fn density(jfif: &[u8]) -> Option<Density> {
    let &[unit, a0, a1, d0, d1] = jfif.strip_prefix(b"JFIF\0")?.get(2..7)?.first_chunk()?;
    let unit = match unit {
        0 => Unit::Aspect,
        1 => Unit::Inch,
        2 => Unit::Centimetre,
        _ => return None,
    };
    let (across, down) = (u16::from_be_bytes([a0, a1]), u16::from_be_bytes([d0, d1]));
    Some(Density { across: across.into(), down: down.into(), unit })
}

/// How a JPEG is quantised, sampled and coded.
#[derive(Debug, Clone)]
pub(crate) struct Style {
    /// Quantisation tables in rows; without them [`QUALITY`] counts.
    luma: Option<[u16; 64]>,
    chroma: Option<[u16; 64]>,
    /// Luma samples for each chroma sample, across and down.
    factors: (u8, u8),
    is_progressive: bool,
    restart_interval: u16,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            luma: None,
            chroma: None,
            factors: (2, 2),
            is_progressive: false,
            restart_interval: 0,
        }
    }
}

impl Style {
    fn of(layout: &Layout<'_>) -> Self {
        let (luma, chroma) = pixels::chosen_tables(layout);
        Self {
            luma: luma.map(|table| pixels::in_rows(&table)),
            chroma: chroma.map(|table| pixels::in_rows(&table)),
            factors: pixels::chroma_factors(&layout.frame.components).unwrap_or((1, 1)),
            is_progressive: layout.frame.is_progressive,
            restart_interval: layout.restart_interval,
        }
    }

    /// For a picture that was turned by a quarter: its frequencies changed places too.
    pub(crate) fn turned(&self) -> Self {
        let (across, down) = self.factors;
        Self {
            luma: self.luma.as_ref().map(transposed),
            chroma: self.chroma.as_ref().map(transposed),
            factors: (down, across),
            ..self.clone()
        }
    }

    fn encode(
        &self,
        samples: &[u8],
        size: (u16, u16),
        colours: ColorType,
    ) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, QUALITY);
        if let Some(luma) = self.luma {
            encoder.set_quantization_tables(as_type(Some(luma)), as_type(self.chroma));
        }
        let sampling = SamplingFactor::from_factors(self.factors.0, self.factors.1);
        encoder.set_sampling_factor(sampling.unwrap_or(SamplingFactor::F_1_1));
        encoder.set_chroma_subsampling_method(ChromaSubsamplingMethod::Average);
        encoder.set_progressive(self.is_progressive);
        encoder.set_optimized_huffman_tables(self.is_progressive);
        // With tables made to measure, the encoder forgets the differences that restarts bring.
        if self.restart_interval > 0 && !self.is_progressive {
            encoder.set_restart_interval(self.restart_interval);
        }
        let done = encoder.encode(samples, size.0, size.1, colours);
        done.map_err(|error| Error::unwritable(Format::Jpeg, error))?;
        Ok(bytes)
    }
}

fn transposed(table: &[u16; 64]) -> [u16; 64] {
    std::array::from_fn(|index| table.get(index % 8 * 8 + index / 8).copied().unwrap_or(1))
}

fn as_type(table: Option<[u16; 64]>) -> QuantizationTableType {
    table.map_or(QuantizationTableType::Default, |table| {
        QuantizationTableType::Custom(Box::new(table))
    })
}

/// Writes gray or RGB of eight bits; with `is_ycbcr` the samples are luma and chroma already.
pub(crate) fn encode(
    image: &DynamicImage,
    is_ycbcr: bool,
    style: &Style,
    metadata: &Metadata,
    notes: &mut Vec<String>,
) -> Result<Vec<u8>, Error> {
    let colours = match (image.color().channel_count(), is_ycbcr) {
        (1, _) => ColorType::Luma,
        (_, true) => ColorType::Ycbcr,
        (_, false) => ColorType::Rgb,
    };
    let side = |side: u32| {
        let side = u16::try_from(side);
        side.map_err(|_| Error::unwritable(Format::Jpeg, "a side is longer than 65535 pixels"))
    };
    let size = (side(image.width())?, side(image.height())?);
    let encoded = style.encode(image.as_bytes(), size, colours)?;
    Ok(join(&encoded, metadata, notes))
}

/// The metadata between the start and what the encoder wrote.
fn join(encoded: &[u8], metadata: &Metadata, notes: &mut Vec<String>) -> Vec<u8> {
    let mut bytes = vec![0xff, SOI];
    let after_soi = encoded.get(2..).unwrap_or_default();
    let jfif_bytes = match after_soi {
        &[0xff, 0xe0, high, low, ..] => 2 + usize::from(u16::from_be_bytes([high, low])),
        _ => 0,
    };
    let (jfif, picture) = after_soi.split_at_checked(jfif_bytes).unwrap_or((&[], after_soi));
    match metadata.density {
        Some(density) => push(&mut bytes, 0xe0, &jfif_body(density)),
        None => bytes.extend(jfif),
    }
    if let Some(exif) = metadata.exif_to_write() {
        push_or_note(&mut bytes, 0xe1, &[EXIF, &exif].concat(), "EXIF", notes);
    }
    if let Some(xmp) = &metadata.xmp {
        push_or_note(&mut bytes, 0xe1, &[XMP, xmp].concat(), "XMP", notes);
    }
    push_profile(&mut bytes, metadata.profile.as_deref().unwrap_or_default(), notes);
    if let Native::Jpeg(segments) = &metadata.native {
        segments.iter().for_each(|(marker, body)| push(&mut bytes, *marker, body));
    }
    bytes.extend(picture);
    bytes
}

fn jfif_body(density: Density) -> Vec<u8> {
    let (unit, density) = match density.unit {
        Unit::Aspect => (0, density),
        Unit::Centimetre => (2, density),
        Unit::Inch | Unit::Metre => (1, density.per(Unit::Inch)),
    };
    let (across, down) = density.rounded();
    let field = |value: u32| u16::try_from(value).unwrap_or(u16::MAX).max(1).to_be_bytes();
    [b"JFIF\0\x01\x02", &[unit][..], &field(across), &field(down), &[0, 0]].concat()
}

fn push_profile(bytes: &mut Vec<u8>, profile: &[u8], notes: &mut Vec<String>) {
    let parts = profile.chunks(MOST_SEGMENT_BYTES - PROFILE.len() - 2);
    let Ok(count) = u8::try_from(parts.len()) else {
        notes.push("the colour profile is too large for a JPEG; it was left out".to_owned());
        return;
    };
    for (part, number) in parts.zip(1u8..) {
        push(bytes, 0xe2, &[PROFILE, &[number, count], part].concat());
    }
}

fn push_or_note(bytes: &mut Vec<u8>, marker: u8, body: &[u8], name: &str, notes: &mut Vec<String>) {
    if body.len() <= MOST_SEGMENT_BYTES {
        push(bytes, marker, body);
    } else {
        notes.push(format!("the {name} data are too large for a JPEG; they were left out"));
    }
}

/// `body` is at most [`MOST_SEGMENT_BYTES`] long.
fn push(bytes: &mut Vec<u8>, marker: u8, body: &[u8]) {
    bytes.extend([0xff, marker]);
    bytes.extend(((body.len() + 2) as u16).to_be_bytes());
    bytes.extend(body);
}
