//! PNG for the general way: what stands beside the pixels, and writing from any picture.

use std::{
    borrow::Cow,
    cell::RefCell,
    io::{Cursor, Write},
    rc::Rc,
};

use image::{DynamicImage, ImageDecoder, codecs::png::PngDecoder};
use png::{BitDepth, BlendOp, Compression, Encoder, Info, Writer};

use super::{
    animation::has_holes,
    chunks::{self, Chunk, Chunks, Colour, name},
    frames::Frames,
};
use crate::{
    Error, Format, Limits, Output,
    invert::ColourMap,
    picture::{
        animation::{Animation, AnimationWriter, Frame, Patch},
        metadata::{Density, Metadata, Native, Unit},
        palette::Palette,
    },
    pixels::refused,
    request::Request,
};

/// Signature and IHDR.
const IHDR_END: usize = 8 + 25;
/// Frames are composed in eight bits with alpha.
const FRAME_PIXEL_BYTES: u64 = 4;
const XMP_KEYWORD: &[u8] = b"XML:com.adobe.xmp\0";

/// A PNG that was looked through and not decoded.
#[derive(Clone)]
pub(crate) struct Source<'a> {
    input: &'a [u8],
    most_bytes: u64,
    pub(crate) metadata: Metadata,
    pub(crate) style: Style,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Bytes of a pixel once decoded.
    pub(crate) pixel_bytes: u64,
    pub(crate) frames: u32,
    /// 0 for without end.
    pub(crate) plays: u32,
}

/// Applies a map of colours to the palette, if there is one.
pub(crate) fn map_colours(
    request: &Request<'_>,
    map: ColourMap<'_>,
) -> Result<Option<Output>, Error> {
    let png = Chunks::read(request.input)?;
    if png.header.colour != Colour::Indexed {
        return Ok(None);
    }
    let mut output = super::process(request)?;
    // Inversion and this share what they leave out.
    let kept = Chunks::read(&output.bytes)?;
    let mut bytes = chunks::SIGNATURE.to_vec();
    for chunk in &kept.chunks {
        if &chunk.kind == b"PLTE" {
            let mut palette = chunk.data.to_vec();
            palette.as_chunks_mut().0.iter_mut().for_each(|colour| *colour = map(*colour));
            chunks::write(&mut bytes, *b"PLTE", &palette);
        } else if &chunk.kind == b"sPLT" {
            output.notes.push(left_out(chunk));
        } else {
            bytes.extend(chunk.raw);
        }
    }
    bytes.extend(kept.trailing);
    Ok(Some(Output { bytes, ..output }))
}

/// No colour profile and no XMP of any use is larger.
const MOST_METADATA_BYTES: u64 = 64 << 20;

/// How the samples of a PNG are stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    is_indexed: bool,
    has_colour: bool,
    has_alpha: bool,
    /// Bits of gray samples or of indices, where there are fewer than eight.
    few_bits: Option<u8>,
}

impl Style {
    /// Says what of it was not kept.
    fn note_lost(self, is_indexed: bool, depth: BitDepth, notes: &mut Vec<String>) {
        match self.few_bits {
            _ if self.is_indexed && !is_indexed => {
                notes.push("the palette of the PNG became colours of their own".to_owned());
            }
            Some(bits) if !self.is_indexed && bits != depth as u8 => {
                notes.push(format!("the gray of {bits} bits became gray of 8 bits"));
            }
            Some(_) | None => {}
        }
    }

    fn colour(self) -> png::ColorType {
        match (self.has_colour, self.has_alpha) {
            (false, false) => png::ColorType::Grayscale,
            (false, true) => png::ColorType::GrayscaleAlpha,
            (true, false) => png::ColorType::Rgb,
            (true, true) => png::ColorType::Rgba,
        }
    }
}

impl Default for Style {
    fn default() -> Self {
        Self { is_indexed: false, has_colour: true, has_alpha: true, few_bits: None }
    }
}

impl<'a> Source<'a> {
    pub(crate) fn open(
        input: &'a [u8],
        limits: &Limits,
        notes: &mut Vec<String>,
    ) -> Result<Self, Error> {
        let chunks = Chunks::read(input)?;
        super::check_kind(&chunks)?;
        let header = chunks.header;
        let frames = super::frames(&chunks)?;
        let first = |kind: &[u8; 4]| chunks.chunks.iter().position(|chunk| chunk.kind == *kind);
        if frames > 1 && first(b"fcTL") > first(b"IDAT") {
            notes.push("the picture that stands for the animation was left out".to_owned());
        }
        let plays = chunks.find(b"acTL").and_then(|control| control.data.last_chunk());
        let alpha = u64::from(chunks.find(b"tRNS").is_some());
        let channels = match header.colour {
            Colour::Indexed => 3 + alpha,
            Colour::Gray | Colour::Rgb => header.colour.channels() + alpha,
            Colour::GrayAlpha | Colour::Rgba => header.colour.channels(),
        };
        let controls = chunks.chunks.iter().filter(|chunk| &chunk.kind == b"fcTL");
        let has_holes = frames > 1 && has_holes(&header, controls.map(|chunk| chunk.data));
        let few_bits = (header.depth < 8).then_some(header.depth);
        if chunks.damaged > 0 {
            notes.push(format!("{} damaged extra chunks were left out", chunks.damaged));
        }
        if !chunks.trailing.is_empty() {
            let count = chunks.trailing.len();
            notes.push(format!("{count} bytes after the end of the picture were left out"));
        }
        if frames > 1 && header.depth == 16 {
            notes.push("the frames of 16 bits a sample became frames of 8 bits".to_owned());
        }
        if header.is_interlaced {
            notes.push("the PNG was interlaced and is no longer".to_owned());
        }
        Ok(Self {
            input,
            most_bytes: limits.max_memory_bytes,
            metadata: read_metadata(input, &chunks, limits, notes)?,
            style: Style {
                is_indexed: header.colour == Colour::Indexed,
                few_bits,
                has_colour: !matches!(header.colour, Colour::Gray | Colour::GrayAlpha),
                has_alpha: alpha > 0
                    || has_holes
                    || matches!(header.colour, Colour::GrayAlpha | Colour::Rgba),
            },
            width: header.width,
            height: header.height,
            pixel_bytes: if frames > 1 {
                // Those of sixteen bits are read as such.
                FRAME_PIXEL_BYTES + u64::from(header.depth == 16)
            } else {
                channels * u64::from(header.depth.div_ceil(8))
            },
            frames,
            plays: plays.map_or(1, |plays| u32::from_be_bytes(*plays)),
        })
    }

    pub(crate) fn decoder(&self) -> Result<PngDecoder<Cursor<&'a [u8]>>, Error> {
        decoder(self.input, self.most_bytes)
    }

    pub(crate) fn animation(&self) -> Result<Animation<'a>, Error> {
        let frames = Box::new(Frames::open(self.input, self.most_bytes)?);
        Ok(Animation { count: self.frames, plays: self.plays, frames })
    }
}

fn decoder(input: &[u8], most_bytes: u64) -> Result<PngDecoder<Cursor<&[u8]>>, Error> {
    let mut limits = image::Limits::no_limits();
    limits.max_alloc = Some(most_bytes);
    let decoder = PngDecoder::with_limits(Cursor::new(input), limits);
    decoder.map_err(|error| refused(Format::Png, error))
}

/// Says what is too large once unpacked, or damaged.
fn note_unread(chunks: &Chunks<'_>, metadata: &Metadata, notes: &mut Vec<String>) {
    if metadata.profile.is_none() && chunks.find(b"iCCP").is_some() {
        notes.push("the colour profile of the PNG cannot be read and was left out".to_owned());
    }
    if metadata.xmp.is_none() && chunks.chunks.iter().any(is_xmp) {
        notes
            .push("the XMP of the PNG cannot be read or is too large, and was left out".to_owned());
    }
}

fn read_metadata(
    input: &[u8],
    chunks: &Chunks<'_>,
    limits: &Limits,
    notes: &mut Vec<String>,
) -> Result<Metadata, Error> {
    let mut metadata = Metadata::default();
    if let Some(exif) = chunks.find(b"eXIf") {
        metadata.set_exif(exif.data, notes);
    }
    metadata.density = chunks.find(b"pHYs").and_then(|chunk| density(chunk.data));
    if chunks.chunks.iter().any(|chunk| &chunk.kind == b"iCCP" || is_xmp(chunk)) {
        // Both can be compressed; what cannot be read is not worth a refusal. The decoder doubles
        // its buffers until they suffice.
        let most_bytes = (limits.max_memory_bytes / 8).min(MOST_METADATA_BYTES);
        let mut decoder = decoder(input, most_bytes)?;
        metadata.profile = decoder.icc_profile().ok().flatten();
        metadata.xmp = decoder.xmp_metadata().ok().flatten();
        note_unread(chunks, &metadata, notes);
    }
    let mut native = Vec::new();
    for chunk in &chunks.chunks {
        match &chunk.kind {
            b"eXIf" | b"pHYs" | b"iCCP" => {}
            // They describe how the samples were stored, or the animation, and are written anew.
            b"PLTE" | b"tRNS" => {}
            b"bKGD" | b"hIST" | b"sPLT" | b"sBIT" => notes.push(left_out(chunk)),
            b"IHDR" | b"IDAT" | b"IEND" | b"acTL" | b"fcTL" | b"fdAT" => {}
            _ if is_xmp(chunk) => {}
            b"gAMA" | b"cHRM" | b"sRGB" | b"cICP" | b"mDCV" | b"cLLI" | b"tIME" => {
                native.push((chunk.kind, chunk.data.to_vec()));
            }
            _ if chunk.is_safe_to_copy() => native.push((chunk.kind, chunk.data.to_vec())),
            _ => notes.push(left_out(chunk)),
        }
    }
    if !native.is_empty() {
        metadata.native = Native::Png(native);
    }
    Ok(metadata)
}

fn left_out(chunk: &Chunk<'_>) -> String {
    let kind = name(chunk.kind);
    format!("the {kind} chunk depends on the old pixels; it was left out")
}

fn is_xmp(chunk: &Chunk<'_>) -> bool {
    &chunk.kind == b"iTXt" && chunk.data.starts_with(XMP_KEYWORD)
}

fn density(data: &[u8]) -> Option<Density> {
    let &[a0, a1, a2, a3, d0, d1, d2, d3, unit] = data.first_chunk()?;
    let across = u32::from_be_bytes([a0, a1, a2, a3]).into();
    let down = u32::from_be_bytes([d0, d1, d2, d3]).into();
    Some(Density { across, down, unit: if unit == 1 { Unit::Metre } else { Unit::Aspect } })
}

/// Writes a still picture of any kind but floating point.
pub(crate) fn encode(
    image: &DynamicImage,
    style: Style,
    metadata: &Metadata,
    notes: &mut Vec<String>,
) -> Result<Vec<u8>, Error> {
    let samples = Samples::of(image, style);
    style.note_lost(samples.palette.is_some(), samples.depth, notes);
    let mut bytes = Vec::new();
    samples
        .write(&mut bytes, (image.width(), image.height()), metadata)
        .map_err(|error| Error::unwritable(Format::Png, error))?;
    Ok(with_extra_chunks(&bytes, metadata))
}

/// Some of them have to stand before the palette, so all of them stand behind IHDR.
fn with_extra_chunks(bytes: &[u8], metadata: &Metadata) -> Vec<u8> {
    let (start, rest) = bytes.split_at_checked(IHDR_END).unwrap_or((bytes, &[]));
    [start, &extra_chunks(metadata), rest].concat()
}

/// Samples as PNG stores them.
struct Samples<'a> {
    colour: png::ColorType,
    depth: BitDepth,
    palette: Option<Palette>,
    bytes: Cow<'a, [u8]>,
}

impl<'a> Samples<'a> {
    fn of(image: &'a DynamicImage, style: Style) -> Self {
        if style.is_indexed
            && let Some((palette, indices)) = Palette::of(image)
        {
            let depth = fewest_bits(palette.colours.len());
            let bytes = packed(&indices, image.width(), depth as u8, |index| index);
            return Self {
                colour: png::ColorType::Indexed,
                depth,
                palette: Some(palette),
                bytes: bytes.into(),
            };
        }
        if let (Some(bits), DynamicImage::ImageLuma8(gray)) = (style.few_bits, image)
            && let Some(depth) = BitDepth::from_u8(bits)
        {
            let step = 255 / ((1 << bits) - 1);
            if gray.iter().all(|sample| sample % step == 0) {
                let bytes = packed(gray, image.width(), bits, |sample| sample / step);
                let colour = png::ColorType::Grayscale;
                return Self { colour, depth, palette: None, bytes: bytes.into() };
            }
        }
        let (has_colour, has_alpha) = (image.color().has_color(), image.color().has_alpha());
        let colour = Style { has_colour, has_alpha, ..style }.colour();
        let is_deep = image.color().bytes_per_pixel() / image.color().channel_count() == 2;
        let (depth, bytes) = if is_deep {
            (BitDepth::Sixteen, Cow::Owned(crate::pixels::big_endian(image.as_bytes())))
        } else {
            (BitDepth::Eight, Cow::Borrowed(image.as_bytes()))
        };
        Self { colour, depth, palette: None, bytes }
    }

    fn write(
        &self,
        out: &mut Vec<u8>,
        (width, height): (u32, u32),
        metadata: &Metadata,
    ) -> Result<(), png::EncodingError> {
        let mut info = info(width, height, metadata);
        info.color_type = self.colour;
        info.bit_depth = self.depth;
        if let Some(palette) = &self.palette {
            info.palette = Some(palette.rgb().into());
            info.trns = palette.alpha().map(Into::into);
        }
        let mut encoder = Encoder::with_info(out, info)?;
        encoder.set_compression(Compression::Balanced);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.bytes)?;
        writer.finish()
    }
}

fn info<'a>(width: u32, height: u32, metadata: &'a Metadata) -> Info<'a> {
    let mut info = Info::with_size(width, height);
    info.icc_profile = metadata.profile.as_deref().map(Cow::Borrowed);
    info.exif_metadata = metadata.exif_to_write().map(Cow::Owned);
    info.pixel_dims = metadata.density.map(|density| {
        let density = density.per(Unit::Metre);
        let (xppu, yppu) = density.rounded();
        let is_shape = density.unit == Unit::Aspect;
        let unit = if is_shape { png::Unit::Unspecified } else { png::Unit::Meter };
        png::PixelDimensions { xppu, yppu, unit }
    });
    info
}

/// Everything that the encoder does not write by itself.
fn extra_chunks(metadata: &Metadata) -> Vec<u8> {
    let mut extra = Vec::new();
    if let Some(xmp) = &metadata.xmp {
        // No compression, no language, no translated keyword.
        chunks::write(&mut extra, *b"iTXt", &[XMP_KEYWORD, &[0; 4], xmp].concat());
    }
    if let Native::Png(native) = &metadata.native {
        native.iter().for_each(|(kind, data)| chunks::write(&mut extra, *kind, data));
    }
    extra
}

fn fewest_bits(colours: usize) -> BitDepth {
    match colours {
        0..=2 => BitDepth::One,
        3..=4 => BitDepth::Two,
        5..=16 => BitDepth::Four,
        _ => BitDepth::Eight,
    }
}

/// Rows of samples with `bits` bits each, filled up to whole bytes.
fn packed(samples: &[u8], width: u32, bits: u8, value: impl Fn(u8) -> u8) -> Vec<u8> {
    let per_byte = usize::from(8 / bits);
    let rows = samples.chunks(width as usize);
    rows.flat_map(|row| row.chunks(per_byte))
        .map(|group| {
            let byte =
                group.iter().fold(0u16, |byte, sample| byte << bits | u16::from(value(*sample)));
            (byte << (usize::from(bits) * (per_byte - group.len()))) as u8
        })
        .collect()
}

/// Writes an animation frame by frame; its number of frames has to be known before.
pub(crate) struct PngAnimation<'a> {
    writer: Writer<Sink>,
    sink: Sink,
    style: Style,
    metadata: &'a Metadata,
    patch: Patch,
}

/// What is written, readable while the writer has it.
#[derive(Clone, Default)]
struct Sink(Rc<RefCell<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> PngAnimation<'a> {
    pub(crate) fn new(
        (width, height): (u32, u32),
        (count, plays): (u32, u32),
        style: Style,
        metadata: &'a Metadata,
    ) -> Result<Self, Error> {
        let mut info = info(width, height, metadata);
        info.color_type = style.colour();
        let sink = Sink::default();
        let mut encoder = Encoder::with_info(sink.clone(), info).map_err(unwritable)?;
        encoder.set_compression(Compression::Balanced);
        encoder.set_animated(count, plays).map_err(unwritable)?;
        encoder.set_blend_op(BlendOp::Source).map_err(unwritable)?;
        let writer = encoder.write_header().map_err(unwritable)?;
        Ok(Self { writer, sink, style, metadata, patch: Patch::default() })
    }

    fn write(&mut self, frame: Frame) -> Result<(), png::EncodingError> {
        let is_first = self.patch.is_empty();
        let (at, image) = self.patch.next(frame.image, 1);
        if !is_first {
            self.writer.reset_frame_position()?;
            self.writer.set_frame_dimension(image.width(), image.height())?;
            self.writer.set_frame_position(at.0, at.1)?;
        }
        let (numerator, denominator) = frame.delay.short_fraction();
        self.writer.set_frame_delay(numerator, denominator)?;
        let image = DynamicImage::from(image);
        let image = match (self.style.has_colour, self.style.has_alpha) {
            (true, true) => image,
            (true, false) => image.into_rgb8().into(),
            (false, true) => image.into_luma_alpha8().into(),
            (false, false) => image.into_luma8().into(),
        };
        self.writer.write_image_data(image.as_bytes())?;
        Ok(())
    }
}

impl AnimationWriter for PngAnimation<'_> {
    fn push(&mut self, frame: Frame) -> Result<(), Error> {
        self.write(frame).map_err(unwritable)
    }

    fn written_bytes(&self) -> usize {
        self.sink.0.borrow().len()
    }

    fn finish(self: Box<Self>, notes: &mut Vec<String>) -> Result<Vec<u8>, Error> {
        let Self { writer, sink, metadata, style, patch: _ } = *self;
        style.note_lost(false, BitDepth::Eight, notes);
        writer.finish().map_err(unwritable)?;
        Ok(with_extra_chunks(&sink.0.take(), metadata))
    }
}

fn unwritable(error: impl std::fmt::Display) -> Error {
    Error::unwritable(Format::Png, error)
}
