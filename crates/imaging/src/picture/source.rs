//! Any file, looked through before it is decoded.

use std::io::Cursor;

use image::{
    DynamicImage, ImageDecoder,
    codecs::{
        bmp::BmpDecoder, gif::GifDecoder, ico::IcoDecoder, png::PngDecoder, pnm::PnmDecoder,
        qoi::QoiDecoder, tga::TgaDecoder, webp::WebPDecoder,
    },
};

use super::{
    animation::Animation,
    metadata::{Metadata, Native},
    plain, webp,
};
use crate::{
    Error, Format, bmp, gif as gif_file, invert::SampleMap, jpeg, limits::Budget, pixels,
    pixels::refused, png, pnm, request::Request, tga, tiff,
};

/// What is known of a file before it is decoded.
pub(super) struct Source<'a> {
    pub(super) input: &'a [u8],
    pub(super) format: Format,
    pub(super) kind: Kind<'a>,
    pub(super) metadata: Metadata,
    pub(super) width: u32,
    pub(super) height: u32,
    /// Bytes of a decoded pixel.
    pub(super) pixel_bytes: u64,
    /// What decoding takes, the samples included.
    pub(super) decoding_bytes: u64,
    pub(super) frames: u32,
}

/// What only one format has to say.
pub(super) enum Kind<'a> {
    Jpeg(Box<jpeg::general::Source<'a>>),
    Png(Box<png::general::Source<'a>>),
    Tiff(Box<tiff::general::Source<'a>>),
    WebP(webp::Source),
    /// With the number of plays, 0 for without end.
    Gif {
        plays: u32,
    },
    Bmp(bmp::Bitmap),
    Pnm {
        is_bitmap: bool,
    },
    Icons(Vec<plain::Icon<'a>>),
    Qoi,
    Tga(tga::Style),
}

/// Size, bytes of a pixel, and the number of frames.
type Shape = (u32, u32, u64, u32);

/// What a look through a file has found.
type Seen<'a> = (Kind<'a>, Metadata, Shape);

impl<'a> Source<'a> {
    /// Size and number of frames are within the limits then.
    pub(super) fn open(
        input: &'a [u8],
        format: Format,
        limits: &'a Budget,
        notes: &mut Vec<String>,
    ) -> Result<Self, Error> {
        let request = Request { input, map: SampleMap::Keep, strip: false, limits };
        let (kind, metadata, shape) = look_through(&request, format, notes)?;
        let (width, height, pixel_bytes, frames) = shape;
        limits.check_size(width, height)?;
        limits.check_frames(frames)?;
        let samples = u64::from(width).saturating_mul(height.into()).saturating_mul(pixel_bytes);
        let decoding_bytes = match &kind {
            Kind::Jpeg(source) => source.memory_bytes(&request),
            Kind::WebP(source) => source.decoding_bytes(samples),
            Kind::Png(_)
            | Kind::Tiff(_)
            | Kind::Gif { .. }
            | Kind::Bmp(_)
            | Kind::Pnm { .. }
            | Kind::Icons(_)
            | Kind::Qoi
            | Kind::Tga(_) => samples.saturating_mul(2),
        };
        Ok(Self {
            input,
            format,
            kind,
            metadata,
            width,
            height,
            pixel_bytes,
            decoding_bytes,
            frames,
        })
    }

    /// The one picture of an icon that goes into another format.
    pub(super) fn of_icon(width: u32, height: u32) -> Self {
        Self {
            input: &[],
            format: Format::Ico,
            kind: Kind::Icons(Vec::new()),
            metadata: Metadata::default(),
            width,
            height,
            pixel_bytes: 4,
            decoding_bytes: 0,
            frames: 1,
        }
    }

    pub(super) fn is_ycbcr(&self) -> bool {
        matches!(&self.kind, Kind::Jpeg(source) if source.is_ycbcr())
    }

    /// How a PNG is stored.
    pub(super) fn png_style(&self) -> Option<png::general::Style> {
        if let Kind::Png(source) = &self.kind { Some(source.style) } else { None }
    }

    /// The picture; of a JPEG as luma and chroma if asked for.
    pub(super) fn decode(
        &self,
        as_ycbcr: bool,
        notes: &mut Vec<String>,
    ) -> Result<DynamicImage, Error> {
        let reader = Cursor::new(self.input);
        let damaged = |error| refused(self.format, error);
        match &self.kind {
            Kind::Jpeg(source) => source.decode(self.input, as_ycbcr, notes),
            Kind::Tiff(source) => source.decode(notes),
            Kind::Png(source) => self.read(source.decoder()?),
            Kind::WebP(source) => match source.frames(self.input, (self.width, self.height))? {
                Some(frames) => source.first_of(frames),
                None => self.read(WebPDecoder::new(reader).map_err(damaged)?),
            },
            Kind::Gif { .. } => self.read(GifDecoder::new(reader).map_err(damaged)?),
            Kind::Bmp(bitmap) if bitmap.is_run_length() => {
                // The decoder cannot do without the end mark, which some programs leave out.
                let ended = bmp::with_end_mark(self.input).unwrap_or_default();
                self.read(BmpDecoder::new(Cursor::new(ended)).map_err(damaged)?)
            }
            Kind::Bmp(_) => self.read(BmpDecoder::new(reader).map_err(damaged)?),
            Kind::Pnm { .. } => self.read(PnmDecoder::new(reader).map_err(damaged)?),
            Kind::Qoi => self.read(QoiDecoder::new(reader).map_err(damaged)?),
            Kind::Tga(_) => self.read(TgaDecoder::new(reader).map_err(damaged)?),
            Kind::Icons(_) => self.read(IcoDecoder::new(reader).map_err(damaged)?),
        }
    }

    fn read(&self, decoder: impl ImageDecoder) -> Result<DynamicImage, Error> {
        if decoder.total_bytes() > self.decoding_bytes {
            let what = "it decodes to more than its header says";
            return Err(Error::corrupt(self.format, what));
        }
        DynamicImage::from_decoder(decoder).map_err(|error| refused(self.format, error))
    }

    /// The frames, decoded one by one as they are asked for.
    pub(super) fn animation(&self) -> Result<Animation<'a>, Error> {
        let reader = Cursor::new(self.input);
        let damaged = |error| refused(self.format, error);
        let (format, count) = (self.format, self.frames);
        match &self.kind {
            Kind::Gif { plays } => {
                let decoder = GifDecoder::new(reader).map_err(damaged)?;
                Ok(Animation::new(format, count, *plays, decoder))
            }
            Kind::WebP(source) => {
                let frames = source.frames(self.input, (self.width, self.height))?;
                let frames = Box::new(frames.into_iter().flatten());
                Ok(Animation { count, plays: source.plays, frames })
            }
            Kind::Png(source) => source.animation(),
            Kind::Jpeg(_)
            | Kind::Tiff(_)
            | Kind::Bmp(_)
            | Kind::Pnm { .. }
            | Kind::Icons(_)
            | Kind::Qoi
            | Kind::Tga(_) => Err(Error::unsupported(format!("the {format} has several pictures"))),
        }
    }
}

fn look_through<'a>(
    request: &Request<'a>,
    format: Format,
    notes: &mut Vec<String>,
) -> Result<Seen<'a>, Error> {
    let input = request.input;
    Ok(match format {
        Format::Jpeg => {
            let source = jpeg::general::Source::open(input, notes)?;
            let (width, height) = source.size();
            let shape = (width, height, source.channels(), 1);
            (Kind::Jpeg(Box::new(source.clone())), source.metadata, shape)
        }
        Format::Png => {
            let source = png::general::Source::open(input, request.limits, notes)?;
            let shape = (source.width, source.height, source.pixel_bytes, source.frames);
            (Kind::Png(Box::new(source.clone())), source.metadata, shape)
        }
        Format::Tiff => {
            let source = tiff::general::Source::open(input, notes)?;
            let shape = (source.width, source.height, source.pixel_bytes, 1);
            (Kind::Tiff(Box::new(source.clone())), source.metadata, shape)
        }
        Format::WebP => look_at_webp(input, notes)?,
        Format::Gif => look_at_gif(request, notes)?,
        Format::Bmp => look_at_bmp(request)?,
        Format::Pnm => look_at_pnm(request)?,
        Format::Tga => look_at_tga(request)?,
        Format::Qoi => {
            pixels::check_qoi(input)?;
            let decoder = QoiDecoder::new(Cursor::new(input));
            let decoder = decoder.map_err(|error| refused(format, error))?;
            (Kind::Qoi, Metadata::default(), shape_of(&decoder, 1))
        }
        Format::Ico => {
            let icons = plain::icons(input)?;
            let count = icons.len() as u32;
            (Kind::Icons(icons), Metadata::default(), (1, 1, 4, count))
        }
    })
}

fn look_at_webp<'a>(input: &'a [u8], notes: &mut Vec<String>) -> Result<Seen<'a>, Error> {
    let source = webp::Source::open(input, notes)?;
    let decoder = WebPDecoder::new(Cursor::new(input));
    let decoder = decoder.map_err(|error| refused(Format::WebP, error))?;
    let (width, height, pixel_bytes, frames) = shape_of(&decoder, source.frames);
    let pixel_bytes = if source.is_animated { webp::FRAME_PIXEL_BYTES } else { pixel_bytes };
    let shape = (width, height, pixel_bytes, frames);
    let metadata = source.metadata.clone();
    Ok((Kind::WebP(source), metadata, shape))
}

fn look_at_gif<'a>(request: &Request<'a>, notes: &mut Vec<String>) -> Result<Seen<'a>, Error> {
    let layout = gif_file::Layout::read(request)?;
    let shape = (layout.width.into(), layout.height.into(), 4, layout.frames);
    notes.extend(layout.notes);
    if !layout.trailing.is_empty() {
        let count = layout.trailing.len();
        notes.push(format!("{count} bytes after the end of the picture were left out"));
    }
    let kind = Kind::Gif { plays: layout.extensions.plays() };
    let native = match layout.extensions.native() {
        names if names.is_empty() => Native::None,
        names => Native::Unwritable(names),
    };
    let (profile, xmp) = (layout.extensions.profile, layout.extensions.xmp);
    Ok((kind, Metadata { profile, xmp, native, ..Metadata::default() }, shape))
}

fn look_at_bmp<'a>(request: &Request<'a>) -> Result<Seen<'a>, Error> {
    let checked = bmp::process(request)?;
    let bitmap = bmp::bitmap(request.input)?;
    let metadata = Metadata {
        density: plain::bmp_density(request.input),
        profile: plain::bmp_profile(request.input),
        ..Metadata::default()
    };
    let shape = (checked.width, checked.height, 4, 1);
    Ok((Kind::Bmp(bitmap), metadata, shape))
}

fn look_at_pnm<'a>(request: &Request<'a>) -> Result<Seen<'a>, Error> {
    pnm::process(request)?;
    let decoder = PnmDecoder::new(Cursor::new(request.input));
    let decoder = decoder.map_err(|error| refused(Format::Pnm, error))?;
    let is_bitmap = matches!(request.input, [b'P', b'1' | b'4', ..]);
    Ok((Kind::Pnm { is_bitmap }, Metadata::default(), shape_of(&decoder, 1)))
}

fn look_at_tga<'a>(request: &Request<'a>) -> Result<Seen<'a>, Error> {
    let checked = tga::process(request)?;
    let style = tga::Style::of(request.input);
    let mut metadata = Metadata::default();
    if style.has_fields {
        metadata.native = Native::Unwritable(vec!["texts and fields of programs"]);
    }
    let shape = (checked.width, checked.height, 4, 1);
    Ok((Kind::Tga(style), metadata, shape))
}

fn shape_of(decoder: &impl ImageDecoder, frames: u32) -> Shape {
    let (width, height) = decoder.dimensions();
    (width, height, decoder.color_type().bytes_per_pixel().into(), frames)
}

/// One picture of an icon, with the bytes of a pixel.
pub(super) fn decode_icon(
    icon: &plain::Icon<'_>,
    limits: &Budget,
) -> Result<(DynamicImage, u64), Error> {
    let damaged = |error| refused(Format::Ico, error);
    if let Some(png) = icon.png() {
        return decode_icon_from(PngDecoder::new(Cursor::new(png)).map_err(damaged)?, limits);
    }
    decode_icon_from(IcoDecoder::new(Cursor::new(icon.file())).map_err(damaged)?, limits)
}

fn decode_icon_from(
    decoder: impl ImageDecoder,
    limits: &Budget,
) -> Result<(DynamicImage, u64), Error> {
    let (width, height, pixel_bytes, _) = shape_of(&decoder, 1);
    limits.check_size(width, height)?;
    limits.check_memory(decoder.total_bytes().saturating_mul(2))?;
    let image = DynamicImage::from_decoder(decoder);
    Ok((image.map_err(|error| refused(Format::Ico, error))?, pixel_bytes))
}
