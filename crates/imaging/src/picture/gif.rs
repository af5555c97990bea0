//! GIF for the general way: at most 256 colours a frame, and pixels that are there or not.

use color_quant::NeuQuant;
use gif::{AnyExtension, DisposalMethod, Encoder, Repeat};
use image::{DynamicImage, Rgba, RgbaImage};

use super::{
    animation::{AnimationWriter, Delay, Frame, changed, note_delays},
    metadata::Metadata,
    palette::Palette,
};
use crate::{Error, Format};

/// From this alpha on a pixel is there.
const THRESHOLD: u8 = 128;
/// What writing takes: the frame, the screen, the part that changed and its opaque pixels.
pub(crate) const BYTES_A_PIXEL: u64 = 20;
/// Pixels for each step of speed: 1 is best and slowest, and learns from every pixel; 10, which its
/// authors call a good compromise, learns from every tenth.
const PIXELS_A_STEP: usize = 20_000;
/// The extension that says which program it is for.
const APPLICATION: u8 = 0xff;

/// Writes frames as they come, each with its own colours.
pub(crate) struct GifWriter {
    encoder: Encoder<Vec<u8>>,
    size: (u16, u16),
    /// What is on the screen before the waiting frame.
    screen: RgbaImage,
    /// The last frame: how it has to be cleared depends on the next one.
    waiting: Option<Frame>,
    /// Frames whose colours had to be reduced.
    reduced: u32,
    /// Frames whose delays had to be cut.
    hastened: u32,
    had_half_transparency: bool,
    notes: Vec<String>,
}

impl GifWriter {
    /// `size` is at most 65535 on either side.
    pub(crate) fn new(
        (width, height): (u32, u32),
        plays: u32,
        metadata: &Metadata,
    ) -> Result<Self, Error> {
        let size = (width as u16, height as u16);
        let encoder = Encoder::new(Vec::new(), size.0, size.1, &[]);
        let mut encoder = encoder.map_err(unwritable)?;
        let repeat = match plays {
            0 => Some(Repeat::Infinite),
            1 => None,
            plays => Some(Repeat::Finite(u16::try_from(plays - 1).unwrap_or(u16::MAX))),
        };
        if let Some(repeat) = repeat {
            encoder.set_repeat(repeat).map_err(unwritable)?;
        }
        let mut notes = Vec::new();
        write_metadata(&mut encoder, metadata, &mut notes)?;
        Ok(Self {
            encoder,
            size,
            screen: RgbaImage::new(width, height),
            waiting: None,
            reduced: 0,
            hastened: 0,
            had_half_transparency: false,
            notes,
        })
    }

    fn write(&mut self, frame: Frame, is_cleared: bool) -> Result<(), Error> {
        let whole = (0, 0, u32::from(self.size.0), u32::from(self.size.1));
        // What is to be cleared afterwards has to be all of the screen.
        let (left, top, width, height) =
            if is_cleared { whole } else { changed(&self.screen, &frame.image, 1) };
        // What stays as it is becomes a hole: long runs of one index pack well, and colours that
        // are there already need no place in the table.
        let part = RgbaImage::from_fn(width, height, |x, y| {
            let pixel = frame.image.get_pixel(left + x, top + y);
            let stays = self.screen.get_pixel(left + x, top + y) == pixel;
            if stays { Rgba([0; 4]) } else { *pixel }
        });
        let mut written = self.indexed(part);
        (written.left, written.top) = (left as u16, top as u16);
        written.delay = frame.delay.hundredths();
        written.dispose =
            if is_cleared { DisposalMethod::Background } else { DisposalMethod::Keep };
        self.encoder.write_frame(&written).map_err(unwritable)?;
        self.screen = if is_cleared { RgbaImage::new(whole.2, whole.3) } else { frame.image };
        Ok(())
    }

    fn indexed(&mut self, part: RgbaImage) -> gif::Frame<'static> {
        let (width, height) = (part.width() as u16, part.height() as u16);
        let part = DynamicImage::ImageRgba8(part);
        let (palette, indices) = Palette::of(&part).unwrap_or_else(|| {
            self.reduced += 1;
            reduced(&part.into_rgba8())
        });
        let transparent = palette.colours.iter().position(|[_, _, _, alpha]| *alpha == 0);
        let mut frame = gif::Frame {
            width,
            height,
            transparent: transparent.map(|index| index as u8),
            palette: Some(palette.rgb()),
            ..gif::Frame::default()
        };
        frame.buffer = indices.into();
        frame
    }
}

impl AnimationWriter for GifWriter {
    fn push(&mut self, mut frame: Frame) -> Result<(), Error> {
        self.had_half_transparency |= make_binary(&mut frame.image);
        self.hastened += u32::from(frame.delay.is_longer_than(Delay::LONGEST_OF_GIF));
        if let Some(last) = self.waiting.take() {
            // A pixel that vanishes can only be cleared.
            let mut pairs = last.image.pixels().zip(frame.image.pixels());
            let is_cleared = pairs.any(|(last, next)| last.0[3] > 0 && next.0[3] == 0);
            self.write(last, is_cleared)?;
        }
        self.waiting = Some(frame);
        Ok(())
    }

    fn written_bytes(&self) -> usize {
        self.encoder.get_ref().len()
    }

    fn finish(mut self: Box<Self>, notes: &mut Vec<String>) -> Result<Vec<u8>, Error> {
        if let Some(last) = self.waiting.take() {
            self.write(last, false)?;
        }
        notes.append(&mut self.notes);
        if self.had_half_transparency {
            notes.push("GIF knows no half transparency; pixels became opaque or none".into());
        }
        note_delays(Format::Gif, Delay::LONGEST_OF_GIF, self.hastened, notes);
        if self.reduced > 0 {
            let frames = self.reduced;
            notes.push(format!("GIF holds 256 colours; {frames} frame(s) had more and lost some"));
        }
        self.encoder.into_inner().map_err(unwritable)
    }
}

/// The colour profile, and the XMP packet as it is: its bytes are taken for the lengths of blocks,
/// and what follows leads from wherever that has come to the end.
fn write_metadata(
    encoder: &mut Encoder<Vec<u8>>,
    metadata: &Metadata,
    notes: &mut Vec<String>,
) -> Result<(), Error> {
    if let Some(profile) = &metadata.profile {
        let blocks: [&[u8]; 2] = [b"ICCRGBG1012", profile];
        let written = encoder.write_raw_extension(AnyExtension(APPLICATION), &blocks);
        written.map_err(unwritable)?;
    }
    match &metadata.xmp {
        Some(xmp) if xmp.contains(&0) => {
            notes.push("the XMP holds zeros, which a GIF cannot take; it was left out".into());
        }
        Some(xmp) => {
            let bytes = encoder.get_mut();
            bytes.extend(b"\x21\xff\x0bXMP DataXMP");
            bytes.extend(xmp);
            bytes.push(1);
            bytes.extend((0..=255).rev());
            bytes.push(0);
        }
        None => {}
    }
    Ok(())
}

/// Makes every pixel opaque or black and fully transparent; tells whether one was in between.
fn make_binary(image: &mut RgbaImage) -> bool {
    let mut had_between = false;
    for pixel in image.pixels_mut() {
        let alpha = pixel.0[3];
        had_between |= !matches!(alpha, 0 | 255);
        if alpha < THRESHOLD {
            pixel.0 = [0; 4];
        } else {
            pixel.0[3] = 255;
        }
    }
    had_between
}

/// The best 256 colours, or 255 and none at all.
fn reduced(part: &RgbaImage) -> (Palette, Vec<u8>) {
    let has_holes = part.pixels().any(|pixel| pixel.0[3] == 0);
    let opaque = part.pixels().filter(|pixel| pixel.0[3] > 0);
    let opaque: Vec<u8> = opaque.flat_map(|pixel| pixel.0).collect();
    let speed = (opaque.len() / 4 / PIXELS_A_STEP).clamp(1, 10) as i32;
    let quantiser = NeuQuant::new(speed, if has_holes { 255 } else { 256 }, &opaque);
    let rgb = quantiser.color_map_rgb();
    let (rgb, _) = rgb.as_chunks::<3>();
    let mut colours: Vec<[u8; 4]> = rgb.iter().map(|[r, g, b]| [*r, *g, *b, 255]).collect();
    let hole = colours.len() as u8;
    if has_holes {
        colours.push([0; 4]);
    }
    let mut known = std::collections::HashMap::new();
    let index = |pixel: &Rgba<u8>| match pixel.0 {
        [_, _, _, 0] => hole,
        colour => *known.entry(colour).or_insert_with(|| quantiser.index_of(&colour) as u8),
    };
    let indices = part.pixels().map(index).collect();
    (Palette { colours }, indices)
}

fn unwritable(error: impl std::fmt::Display) -> Error {
    Error::unwritable(Format::Gif, error)
}
