//! Frames of an animated PNG as they are shown. The `image` crate composes them too, but restores
//! what was before a frame from before its predecessor was cleared away, makes opaque pixels below
//! glass 254, reads interlaced frames that are smaller than the picture wrongly, and refuses
//! sixteen bits.

use std::{
    borrow::Cow,
    io::{Cursor, ErrorKind},
};

use png::{
    BitDepth, BlendOp, Decoder, DecodingError, DisposeOp, FrameControl, Reader, Transformations,
};

use crate::{
    Class, Error, Format,
    picture::{
        animation::{Delay, Frame},
        canvas::{Blending, Canvas, Disposal, Place},
    },
};

/// Decodes frame by frame.
pub(super) struct Frames<'a> {
    reader: Reader<Cursor<&'a [u8]>>,
    canvas: Canvas,
    /// The samples of one frame, as large as the whole picture.
    samples: Vec<u8>,
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
        Ok(Self { reader, canvas: Canvas::new(width, height), samples })
    }

    fn next_frame(&mut self) -> Result<Frame, Error> {
        self.reader.next_frame(&mut self.samples).map_err(refused)?;
        let missing = || Error::corrupt(Format::Png, "a frame does not say where it is");
        let control = *self.reader.info().frame_control().ok_or_else(missing)?;
        self.put(&control);
        let delay = Delay::of_seconds(control.delay_num, control.delay_den);
        Ok(Frame { image: self.canvas.shown(), delay })
    }

    fn put(&mut self, control: &FrameControl) {
        let FrameControl { width, height, x_offset: left, y_offset: top, .. } = *control;
        let place = Place { left, top, width, height };
        self.canvas.begin(place, disposal(control.dispose_op));
        let blending = match control.blend_op {
            BlendOp::Source => Blending::Replace,
            BlendOp::Over => Blending::Over,
        };
        let info = self.reader.info();
        // Interlaced frames lie in rows as wide as the whole picture.
        let row_width = if info.interlaced { info.width } else { width };
        let (kind, depth) = self.reader.output_color_type();
        let pixel_bytes = kind.samples() * depth as usize / 8;
        let rows = self.samples.chunks_exact(row_width as usize * pixel_bytes);
        for (row, below) in rows.zip(self.canvas.rows(place)) {
            let row =
                if depth == BitDepth::Sixteen { narrowed(row).into() } else { Cow::from(row) };
            blending.put(below, row.chunks_exact(kind.samples()).map(colour));
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

fn colour(pixel: &[u8]) -> [u8; 4] {
    match *pixel {
        [gray] => [gray, gray, gray, 255],
        [gray, alpha] => [gray, gray, gray, alpha],
        [red, green, blue] => [red, green, blue, 255],
        [red, green, blue, alpha] => [red, green, blue, alpha],
        _ => [0; 4],
    }
}

fn disposal(operation: DisposeOp) -> Disposal {
    match operation {
        DisposeOp::None => Disposal::Keep,
        DisposeOp::Background => Disposal::Clear,
        DisposeOp::Previous => Disposal::Restore,
    }
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
