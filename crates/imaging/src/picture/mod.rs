//! The general way, for every operation and every format: decode to samples and metadata, apply
//! the operations, encode.

pub(crate) mod animation;
mod blur;
pub(crate) mod canvas;
mod exif;
mod fit;
mod gif;
pub(crate) mod metadata;
pub(crate) mod palette;
mod plain;
mod resize;
mod source;
mod steps;
pub(crate) mod tables;
mod tone;
mod webp;

use image::{ColorType, DynamicImage, metadata::Orientation};

use crate::{
    Class, Error, Format, Output, Path, Pipeline, jpeg, limits::Budget, operations::Operation,
    output::Clock, png, tiff,
};
use animation::{Animation, AnimationWriter, Frame, as_frame};
use metadata::{Metadata, holds_orientation};
use source::{Kind, Source};
use steps::Steps;

pub(crate) use webp::is_animated as is_animated_webp;

/// Frames of an animation that are held at once: what is shown, what was, and what is made of it.
const FRAME_COPIES: u64 = 7;

/// Applies a chain of any operations.
pub(crate) fn process(
    input: &[u8],
    format: Format,
    pipeline: &Pipeline,
    limits: &Budget,
) -> Result<Output, Error> {
    if let Some(output) = tables::process(input, format, pipeline.operations(), limits)? {
        return Ok(output);
    }
    let (mut notes, mut clock) = (Vec::new(), Clock::start());
    let mended = if format == Format::Jpeg { jpeg::ended(input, limits) } else { None };
    let input = mended.as_ref().map_or(input, |(bytes, _)| bytes);
    notes.extend(mended.iter().flat_map(|(_, notes)| notes.iter().cloned()));
    let mut source = Source::open(input, format, limits, &mut notes)?;
    let job = Job { pipeline, limits, target: pipeline.target().unwrap_or(format) };
    let upright = job.take_upright(&mut source.metadata, &mut notes);
    let done = if source.frames > 1 && !matches!(source.kind, Kind::Icons(_)) {
        job.process_frames(&source, upright, &mut clock, &mut notes)
    } else if let Kind::Icons(icons) = &source.kind {
        job.process_icons(icons, &mut clock, &mut notes)
    } else {
        job.process_still(&source, upright, &mut clock, &mut notes)
    };
    let Done { bytes, width, height, frames } = done?;
    if job.target == Format::WebP && bytes.len() / input.len().max(1) >= 2 {
        let growth = bytes.len() / input.len().max(1);
        notes.push(format!(
            "the result is about {growth} times as large: the encoder packs loosely"
        ));
    }
    let (path, phases) = (Path::Pixels, clock.phases());
    Ok(Output { bytes, format: job.target, width, height, frames, path, notes, phases })
}

struct Job<'a> {
    pipeline: &'a Pipeline,
    limits: &'a Budget,
    target: Format,
}

struct Done {
    bytes: Vec<u8>,
    width: u32,
    height: u32,
    frames: u32,
}

impl Job<'_> {
    fn operations(&self) -> &[Operation] {
        self.pipeline.operations()
    }

    /// Decides what has to be done so that the picture is upright, and what goes along with it.
    fn take_upright(&self, metadata: &mut Metadata, notes: &mut Vec<String>) -> Orientation {
        let strips =
            |operation: &Operation| matches!(operation, Operation::Strip | Operation::Thumbnail(_));
        if self.operations().iter().any(strips) {
            metadata.strip();
            // Removed is what was asked for.
            notes.retain(|note| !note.contains("thumbnail"));
        }
        let moves = self.operations().iter().any(|operation| operation.moves_pixels());
        if !moves && holds_orientation(self.target) {
            return Orientation::NoTransforms;
        }
        let orientation = metadata.orientation;
        metadata.set_upright();
        orientation
    }

    fn plan(
        &self,
        size: (u32, u32),
        pixel_bytes: u64,
        upright: Orientation,
    ) -> Result<Steps, Error> {
        let steps = Steps::plan(self.operations(), size, upright, self.limits)?;
        let longest = fit::longest_side(self.target);
        if steps.width.max(steps.height) > longest {
            let (target, width, height) = (self.target, steps.width, steps.height);
            return Err(Error::unsupported(format!(
                "the result would be {width} x {height}, and {target} holds at most {longest} \
                 pixels a side; resize it or choose another format"
            )));
        }
        // The result, what the encoder makes of it, and its encoded form.
        let for_gif = if self.target == Format::Gif { gif::BYTES_A_PIXEL } else { 0 };
        let encoding_bytes = for_gif.max(3 * pixel_bytes);
        let pixels = u64::from(steps.width) * u64::from(steps.height);
        let steps_bytes = steps.peak_pixels.saturating_mul(pixel_bytes);
        self.limits.check_memory(steps_bytes.max(pixels.saturating_mul(encoding_bytes)))?;
        Ok(steps)
    }

    fn process_still(
        &self,
        source: &Source<'_>,
        upright: Orientation,
        clock: &mut Clock,
        notes: &mut Vec<String>,
    ) -> Result<Done, Error> {
        let size = (source.width, source.height);
        let steps = self.plan(size, source.pixel_bytes, upright)?;
        self.limits.check_memory(source.decoding_bytes)?;
        let as_ycbcr = self.target == Format::Jpeg && source.is_ycbcr() && steps.keep_colours();
        if let (true, Format::WebP, Kind::WebP(webp)) =
            (steps.steps.is_empty(), self.target, &source.kind)
        {
            let bytes = webp.rewritten(source.input, size, &source.metadata)?;
            return Ok(Done { bytes, width: size.0, height: size.1, frames: 1 });
        }
        let image = source.decode(as_ycbcr, notes)?;
        check_size(&image, size, source.format)?;
        clock.decoded();
        self.limits.check_time()?;
        let image = if as_ycbcr {
            steps.apply_to_ycbcr(image)?
        } else {
            steps.apply(image, self.limits)?
        };
        clock.operated();
        self.limits.check_time()?;
        let image = fit::fit(image, self.target, notes);
        let metadata = self.metadata_for(source, &steps, image.color(), notes);
        let (width, height) = (image.width(), image.height());
        let bytes = self.encode(image, as_ycbcr, source, &steps, &metadata, notes)?;
        clock.encoded();
        Ok(Done { bytes, width, height, frames: 1 })
    }

    /// What goes along with a result.
    fn metadata_for(
        &self,
        source: &Source<'_>,
        steps: &Steps,
        colour: ColorType,
        notes: &mut Vec<String>,
    ) -> Metadata {
        let mut metadata = source.metadata.clone();
        metadata.note_lost(self.target, notes);
        // A GIF has colours even where all of them are gray.
        let colour = if self.target == Format::Gif { ColorType::Rgb8 } else { colour };
        metadata.fit_profile(colour, notes);
        if (steps.width, steps.height) != (source.width, source.height) {
            metadata.set_size(steps.width, steps.height);
        }
        if steps.turn() {
            metadata.density = metadata.density.map(metadata::Density::turned);
        }
        metadata
    }

    fn encode(
        &self,
        image: DynamicImage,
        as_ycbcr: bool,
        source: &Source<'_>,
        steps: &Steps,
        metadata: &Metadata,
        notes: &mut Vec<String>,
    ) -> Result<Vec<u8>, Error> {
        match (self.target, &source.kind) {
            (Format::Jpeg, Kind::Jpeg(jpeg)) => {
                let style = if steps.turn() { jpeg.style.turned() } else { jpeg.style.clone() };
                jpeg::general::encode(&image, as_ycbcr, &style, metadata, notes)
            }
            (Format::Jpeg, _) => {
                jpeg::general::encode(&image, false, &Default::default(), metadata, notes)
            }
            (Format::Png, kind) => {
                let style = if let Kind::Png(png) = kind { png.style } else { Default::default() };
                png::general::encode(&image, style, metadata, notes)
            }
            (Format::Tiff, Kind::Tiff(tiff)) => tiff::general::encode(image, tiff.style, metadata),
            (Format::Tiff, _) => tiff::general::encode(image, Default::default(), metadata),
            (Format::WebP, kind) => {
                if matches!(kind, Kind::WebP(webp) if webp.is_lossy) {
                    notes.push(
                        "the WebP was lossy; the result is lossless and therefore larger".into(),
                    );
                }
                webp::encode(&image, metadata)
            }
            (Format::Bmp, kind) => {
                let bitmap = if let Kind::Bmp(bitmap) = kind { Some(bitmap) } else { None };
                plain::encode_bmp(&image, bitmap, metadata, notes)
            }
            (Format::Pnm, kind) => {
                let is_bitmap = matches!(kind, Kind::Pnm { is_bitmap: true });
                Ok(plain::encode_pnm(&image, is_bitmap))
            }
            (Format::Qoi, Kind::Qoi) => plain::encode_qoi(&image, Some(source.input)),
            (Format::Qoi, _) => plain::encode_qoi(&image, None),
            (Format::Ico, _) => plain::encode_ico(vec![image]),
            (Format::Tga, kind) => {
                let style = if let Kind::Tga(style) = kind { Some(*style) } else { None };
                plain::encode_tga(&image, style, notes)
            }
            (Format::Gif, _) => {
                let mut writer =
                    Box::new(gif::GifWriter::new((image.width(), image.height()), 1, metadata)?);
                writer.push(Frame { image: as_frame(image), delay: animation::Delay::NONE })?;
                writer.finish(notes)
            }
        }
    }

    fn process_frames(
        &self,
        source: &Source<'_>,
        upright: Orientation,
        clock: &mut Clock,
        notes: &mut Vec<String>,
    ) -> Result<Done, Error> {
        if !matches!(self.target, Format::Gif | Format::Png | Format::WebP) {
            let (format, target, frames) = (source.format, self.target, source.frames);
            return Err(Error::unsupported(format!(
                "the {format} has {frames} frames and {target} holds a single picture; convert \
                 it to gif, png or webp instead"
            )));
        }
        let size = (source.width, source.height);
        let steps = self.plan(size, FRAME_COPIES * source.pixel_bytes, upright)?;
        if let (true, Format::WebP, Kind::WebP(webp)) =
            (steps.steps.is_empty(), self.target, &source.kind)
        {
            let bytes = webp.rewritten(source.input, size, &source.metadata)?;
            return Ok(Done { bytes, width: size.0, height: size.1, frames: source.frames });
        }
        self.limits.check_memory(source.decoding_bytes)?;
        let animation = source.animation()?;
        let metadata = self.metadata_for(source, &steps, ColorType::Rgba8, notes);
        if let (Kind::WebP(webp), Format::WebP) = (&source.kind, self.target)
            && webp.is_lossy
        {
            notes.push("the WebP was lossy; the result is lossless and therefore larger".into());
        }
        let (count, plays) = (animation.count, animation.plays);
        let result = (steps.width, steps.height);
        let mut writer: Box<dyn AnimationWriter> = if self.target == Format::Gif {
            Box::new(gif::GifWriter::new(result, plays, &metadata)?)
        } else if self.target == Format::Png {
            let style = source.png_style().unwrap_or_default();
            let times = (count, plays);
            Box::new(png::general::PngAnimation::new(result, times, style, &metadata)?)
        } else {
            Box::new(webp::WebpAnimation::new(result, plays, &metadata))
        };
        self.push_frames(animation, source, &steps, clock, writer.as_mut())?;
        let bytes = writer.finish(notes)?;
        clock.encoded();
        Ok(Done { bytes, width: result.0, height: result.1, frames: count })
    }

    fn push_frames(
        &self,
        animation: Animation<'_>,
        source: &Source<'_>,
        steps: &Steps,
        clock: &mut Clock,
        writer: &mut dyn AnimationWriter,
    ) -> Result<(), Error> {
        let held = FRAME_COPIES * source.pixel_bytes * steps.peak_pixels;
        let mut frames = animation.frames;
        for _ in 0..animation.count {
            let frame = frames.next().ok_or_else(|| Error::truncated(source.format))??;
            let image = DynamicImage::ImageRgba8(frame.image);
            check_size(&image, (source.width, source.height), source.format)?;
            clock.decoded();
            let image = as_frame(steps.apply(image, self.limits)?);
            clock.operated();
            writer.push(Frame { image, delay: frame.delay })?;
            clock.encoded();
            self.limits.check_time()?;
            self.limits.check_memory(held.saturating_add(2 * writer.written_bytes() as u64))?;
        }
        Ok(())
    }

    /// An icon stays a set of pictures; another format gets the largest of them.
    fn process_icons(
        &self,
        icons: &[plain::Icon<'_>],
        clock: &mut Clock,
        notes: &mut Vec<String>,
    ) -> Result<Done, Error> {
        let (mut results, mut held) = (Vec::new(), 0u64);
        for icon in icons {
            let (image, pixel_bytes) = source::decode_icon(icon, self.limits)?;
            clock.decoded();
            self.limits.check_time()?;
            let size = (image.width(), image.height());
            let steps = self.plan(size, pixel_bytes, Orientation::NoTransforms);
            let result = steps?.apply(image, self.limits)?;
            clock.operated();
            held = held.saturating_add(3 * result.as_bytes().len() as u64);
            self.limits.check_memory(held)?;
            results.push(result);
        }
        let area = |image: &DynamicImage| u64::from(image.width()) * u64::from(image.height());
        if self.target == Format::Ico {
            if !icons.iter().all(plain::Icon::is_as_written) {
                notes.push("the pictures of the ICO became PNGs of 32 bits a pixel".to_owned());
            }
            let images: Vec<DynamicImage> =
                results.into_iter().map(|image| fit::fit(image, Format::Ico, notes)).collect();
            let largest = images.iter().max_by_key(|image| area(image));
            let (width, height) = largest.map_or((0, 0), |image| (image.width(), image.height()));
            let frames = images.len() as u32;
            let bytes = plain::encode_ico(images)?;
            clock.encoded();
            return Ok(Done { bytes, width, height, frames });
        }
        if results.len() > 1 {
            let (count, target) = (results.len(), self.target);
            notes.push(format!("the ICO holds {count} pictures; {target} got the largest of them"));
        }
        let largest = results.into_iter().max_by_key(area);
        let image = largest.ok_or_else(|| Error::corrupt(Format::Ico, "it holds no picture"))?;
        let image = fit::fit(image, self.target, notes);
        let (width, height) = (image.width(), image.height());
        let source = Source::of_icon(width, height);
        let steps = Steps::plan(&[], (width, height), Orientation::NoTransforms, self.limits)?;
        let bytes = self.encode(image, false, &source, &steps, &source.metadata, notes)?;
        clock.encoded();
        Ok(Done { bytes, width, height, frames: 1 })
    }
}

/// The steps were laid out for what the header says, and a damaged file can hold more samples.
fn check_size(image: &DynamicImage, size: (u32, u32), format: Format) -> Result<(), Error> {
    let pixels = u64::from(size.0) * u64::from(size.1);
    let needed = pixels * u64::from(image.color().bytes_per_pixel());
    if (image.width(), image.height()) == size && image.as_bytes().len() as u64 == needed {
        return Ok(());
    }
    Err(Error::new(Class::Corrupt, format!("the {format} file is damaged: its size changes")))
}
