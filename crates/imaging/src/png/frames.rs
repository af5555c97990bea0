//! Frames of an animated PNG as they are shown. The `image` crate composes them too, but restores
//! what was before a frame from before its predecessor was cleared away, makes opaque pixels below
//! glass 254, reads interlaced frames that are smaller than the picture wrongly, and refuses
//! sixteen bits.

use std::{
    borrow::Cow,
    io::{Cursor, ErrorKind},
};

use image::{Rgba, RgbaImage, imageops};
use png::{
    BitDepth, BlendOp, Decoder, DecodingError, DisposeOp, FrameControl, Reader, Transformations,
};

use crate::{
    Class, Error, Format,
    picture::animation::{Delay, Frame},
};

/// Decodes frame by frame.
pub(super) struct Frames<'a> {
    reader: Reader<Cursor<&'a [u8]>>,
    canvas: RgbaImage,
    /// The samples of one frame, as large as the whole picture.
    samples: Vec<u8>,
    left_over: LeftOver,
}

/// What has to be done to the canvas before the next frame comes.
enum LeftOver {
    Everything,
    /// The place of the last frame is to be cleared.
    Nothing(Place),
    /// What was there before the last frame comes back.
    Former(Place, RgbaImage),
}

#[derive(Clone, Copy)]
struct Place {
    left: u32,
    top: u32,
    width: u32,
    height: u32,
}

impl Place {
    fn of(control: &FrameControl) -> Self {
        let FrameControl { width, height, x_offset: left, y_offset: top, .. } = *control;
        Self { left, top, width, height }
    }
}

impl<'a> Frames<'a> {
    /// Nothing is decoded yet.
    pub(super) fn open(input: &'a [u8], most_bytes: u64) -> Result<Self, Error> {
        let bytes = usize::try_from(most_bytes).unwrap_or(usize::MAX);
        let mut decoder = Decoder::new_with_limits(Cursor::new(input), png::Limits { bytes });
        decoder.set_transformations(Transformations::EXPAND);
        decoder.set_ignore_text_chunk(true);
        decoder.set_ignore_iccp_chunk(true);
        let mut reader = decoder.read_info().map_err(refused)?;
        if reader.info().frame_control.is_none() {
            // This picture stands for the animation and is no part of it.
            reader.next_frame_info().map_err(refused)?;
        }
        let (width, height) = reader.info().size();
        let samples = vec![0; reader.output_buffer_size().ok_or_else(too_large)?];
        let canvas = RgbaImage::new(width, height);
        Ok(Self { reader, canvas, samples, left_over: LeftOver::Everything })
    }

    fn next_frame(&mut self) -> Result<Frame, Error> {
        self.tidy();
        self.reader.next_frame(&mut self.samples).map_err(refused)?;
        let missing = || Error::corrupt(Format::Png, "a frame does not say where it is");
        let control = *self.reader.info().frame_control().ok_or_else(missing)?;
        let place = Place::of(&control);
        self.left_over = match control.dispose_op {
            DisposeOp::None => LeftOver::Everything,
            DisposeOp::Background => LeftOver::Nothing(place),
            DisposeOp::Previous => LeftOver::Former(place, self.part(place)),
        };
        self.put(place, control.blend_op);
        let delay = Delay::of_seconds(control.delay_num, control.delay_den);
        Ok(Frame { image: self.canvas.clone(), delay })
    }

    /// Removes what the last frame does not leave behind.
    fn tidy(&mut self) {
        let (place, former) = match std::mem::replace(&mut self.left_over, LeftOver::Everything) {
            LeftOver::Everything => return,
            LeftOver::Nothing(place) => (place, RgbaImage::new(place.width, place.height)),
            LeftOver::Former(place, former) => (place, former),
        };
        imageops::replace(&mut self.canvas, &former, place.left.into(), place.top.into());
    }

    fn part(&self, Place { left, top, width, height }: Place) -> RgbaImage {
        imageops::crop_imm(&self.canvas, left, top, width, height).to_image()
    }

    fn put(&mut self, place: Place, blending: BlendOp) {
        let info = self.reader.info();
        // Interlaced frames lie in rows as wide as the whole picture.
        let row_width = if info.interlaced { info.width } else { place.width };
        let (kind, depth) = self.reader.output_color_type();
        let pixel_bytes = kind.samples() * depth as usize / 8;
        let rows = self.samples.chunks_exact(row_width as usize * pixel_bytes);
        for (row, y) in rows.zip(place.top..place.top + place.height) {
            let row =
                if depth == BitDepth::Sixteen { narrowed(row).into() } else { Cow::from(row) };
            let pixels = row.chunks_exact(kind.samples()).map(colour);
            for (above, x) in pixels.zip(place.left..place.left + place.width) {
                let Some(pixel) = self.canvas.get_pixel_mut_checked(x, y) else { continue };
                *pixel = match blending {
                    BlendOp::Source => above,
                    BlendOp::Over => over(*pixel, above),
                };
            }
        }
    }
}

impl Iterator for Frames<'_> {
    type Item = Result<Frame, Error>;

    /// Never `None`: how many there are is known to who asks.
    fn next(&mut self) -> Option<Self::Item> {
        Some(self.next_frame())
    }
}

/// Samples of sixteen bits as the nearest of eight.
fn narrowed(row: &[u8]) -> Vec<u8> {
    let (samples, _) = row.as_chunks::<2>();
    let nearest = |sample: &[u8; 2]| (u32::from(u16::from_be_bytes(*sample)) + 128) / 257;
    samples.iter().map(|sample| nearest(sample) as u8).collect()
}

fn colour(pixel: &[u8]) -> Rgba<u8> {
    Rgba(match *pixel {
        [gray] => [gray, gray, gray, 255],
        [gray, alpha] => [gray, gray, gray, alpha],
        [red, green, blue] => [red, green, blue, 255],
        [red, green, blue, alpha] => [red, green, blue, alpha],
        _ => [0; 4],
    })
}

fn over(below: Rgba<u8>, above: Rgba<u8>) -> Rgba<u8> {
    let ([.., alpha_below], [.., alpha_above]) = (below.0, above.0);
    // Shares in the result, as parts of 255 x 255.
    let share_above = u32::from(alpha_above) * 255;
    let share_below = u32::from(alpha_below) * (255 - u32::from(alpha_above));
    let whole = share_above + share_below;
    if whole == 0 {
        return below;
    }
    let mut result = Rgba([0, 0, 0, ((whole + 127) / 255) as u8]);
    let colours = result.0.iter_mut().take(3).zip(below.0.iter().zip(&above.0));
    for (sample, (below, above)) in colours {
        let sum = u32::from(*above) * share_above + u32::from(*below) * share_below;
        *sample = ((sum + whole / 2) / whole) as u8;
    }
    result
}

fn refused(error: DecodingError) -> Error {
    match error {
        DecodingError::IoError(io) if io.kind() == ErrorKind::UnexpectedEof => {
            Error::truncated(Format::Png)
        }
        DecodingError::LimitsExceeded => too_large(),
        DecodingError::IoError(_) | DecodingError::Format(_) | DecodingError::Parameter(_) => {
            Error::corrupt(Format::Png, error)
        }
    }
}

fn too_large() -> Error {
    Error::new(Class::TooLarge, "the PNG needs more memory than the limit allows")
}
