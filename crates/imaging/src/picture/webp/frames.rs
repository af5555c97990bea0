//! Frames of an animated WebP as they are shown. Each is decoded as a still of its own: the
//! decoder's own composer clears wrong places, and makes blended pixels too dark by one level.

use std::io::Cursor as IoCursor;

use image::{DynamicImage, codecs::webp::WebPDecoder};

use super::{
    super::{
        animation::{Delay, Frame},
        canvas::{Blending, Canvas, Disposal, Place},
    },
    REPLACE,
};
use crate::{
    Error, Format,
    cursor::Cursor,
    pixels::refused,
    riff::{ALPHA_FLAG, extended_header, push, wrap},
};

/// The place of the frame is to be cleared once it was shown.
const CLEAR: u8 = 0x01;

/// Decodes frame by frame.
pub(crate) struct Frames<'a> {
    /// The chunks that hold the frames.
    parts: std::vec::IntoIter<&'a [u8]>,
    size: (u32, u32),
    canvas: Canvas,
}

impl<'a> Frames<'a> {
    /// Nothing is decoded yet. The picture begins transparent: viewers leave the background of the
    /// file aside.
    pub(super) fn new(parts: Vec<&'a [u8]>, size: (u32, u32)) -> Self {
        Self { parts: parts.into_iter(), size, canvas: Canvas::new(size.0, size.1) }
    }

    fn compose(&mut self, data: &[u8]) -> Result<Frame, Error> {
        let part = Part::read(data)?;
        part.check_inside(self.size)?;
        let picture = part.decode()?.into_rgba8();
        let disposal = if part.flags & CLEAR == 0 { Disposal::Keep } else { Disposal::Clear };
        let blending = if part.flags & REPLACE == 0 { Blending::Over } else { Blending::Replace };
        self.canvas.begin(part.place, disposal);
        for (below, above) in self.canvas.rows(part.place).zip(picture.rows()) {
            blending.put(below, above.map(|pixel| pixel.0));
        }
        Ok(Frame { image: self.canvas.shown(), delay: part.delay })
    }
}

impl Iterator for Frames<'_> {
    type Item = Result<Frame, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let data = self.parts.next()?;
        Some(self.compose(data))
    }
}

/// What a chunk says of its frame.
struct Part<'a> {
    place: Place,
    delay: Delay,
    flags: u8,
    alpha: Option<&'a [u8]>,
    kind: [u8; 4],
    picture: &'a [u8],
}

impl<'a> Part<'a> {
    fn read(data: &'a [u8]) -> Result<Self, Error> {
        // The file holds the whole chunk, so it is not the file that ends early.
        Self::parse(data).map_err(|_| damaged("a frame holds no whole picture"))
    }

    fn parse(data: &'a [u8]) -> Result<Self, Error> {
        let mut cursor = Cursor::new(data, Format::WebP);
        let mut number = || {
            let [low, middle, high] = cursor.array()?;
            Ok(u32::from_le_bytes([low, middle, high, 0]))
        };
        // Places are stored halved, sizes less one.
        let (left, top) = (2 * number()?, 2 * number()?);
        let (width, height) = (number()? + 1, number()? + 1);
        let place = Place { left, top, width, height };
        let delay = Delay::of_milliseconds(number()?);
        let flags = cursor.u8()?;
        let mut alpha = None;
        loop {
            let kind = cursor.array()?;
            let length = cursor.u32_le()? as usize;
            let content = cursor.take(length)?;
            match &kind {
                b"VP8 " | b"VP8L" => {
                    return Ok(Self { place, delay, flags, alpha, kind, picture: content });
                }
                b"ALPH" => alpha = alpha.or(Some(content)),
                _ => {}
            }
            cursor.take(length % 2)?;
        }
    }

    fn check_inside(&self, (width, height): (u32, u32)) -> Result<(), Error> {
        let Place { left, top, .. } = self.place;
        let is_inside = self.place.width <= width.saturating_sub(left)
            && self.place.height <= height.saturating_sub(top);
        if is_inside { Ok(()) } else { Err(damaged("a frame lies outside of the picture")) }
    }

    /// The picture of the frame alone.
    fn decode(&self) -> Result<DynamicImage, Error> {
        self.check_size()?;
        let file = self.as_still();
        let refused = |error| refused(Format::WebP, error);
        let decoder = WebPDecoder::new(IoCursor::new(file)).map_err(refused)?;
        DynamicImage::from_decoder(decoder).map_err(refused)
    }

    /// The decoder takes memory for a lossy picture before it looks at what size it has to have.
    fn check_size(&self) -> Result<(), Error> {
        let stored = match &self.kind {
            b"VP8 " => self.picture.get(6..10).and_then(|size| size.first_chunk()),
            _ => None,
        };
        let Some(&[w0, w1, h0, h1]) = stored else { return Ok(()) };
        // The upper two bits are for scaling.
        let [width, height] =
            [[w0, w1], [h0, h1]].map(|side| u32::from(u16::from_le_bytes(side) & 0x3fff));
        if (width, height) == (self.place.width, self.place.height) {
            return Ok(());
        }
        Err(damaged("the picture of a frame is of another size"))
    }

    /// A file that holds nothing but the picture.
    fn as_still(&self) -> Vec<u8> {
        let is_lossy = &self.kind == b"VP8 ";
        let alpha = self.alpha.filter(|_| is_lossy);
        // Without loss the alpha is among the samples.
        let flags = if is_lossy && alpha.is_none() { 0 } else { ALPHA_FLAG };
        let size = (self.place.width, self.place.height);
        let mut body = b"WEBP".to_vec();
        push(&mut body, b"VP8X", &extended_header(flags, size));
        if let Some(alpha) = alpha {
            push(&mut body, b"ALPH", alpha);
        }
        push(&mut body, &self.kind, self.picture);
        wrap(&body)
    }
}

fn damaged(what: &str) -> Error {
    Error::corrupt(Format::WebP, what)
}
