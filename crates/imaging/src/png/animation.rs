//! Frames of an animated PNG: each is a picture of its own size in chunks that are numbered.

use super::chunks::Header;
use crate::{Error, Format};

/// Follows the frames of an animation and numbers the chunks of the result.
#[derive(Debug)]
pub(super) struct Animation<'a> {
    /// What the file says about the whole picture.
    canvas: &'a Header,
    /// Chunks with a number that were read and written.
    read: u32,
    written: u32,
    frames: u32,
    /// The frame whose data come next.
    frame: Option<Header>,
}

/// The data of one frame.
#[derive(Debug)]
pub(super) struct FrameData<'d> {
    pub(super) header: Header,
    /// The number of the one chunk that holds them in the result.
    pub(super) number: [u8; 4],
    pub(super) pieces: Vec<&'d [u8]>,
}

impl<'a> Animation<'a> {
    pub(super) fn new(canvas: &'a Header) -> Self {
        Self { canvas, read: 0, written: 0, frames: 0, frame: None }
    }

    /// Takes what comes before the data of a frame; gives it with its new number.
    pub(super) fn control(&mut self, control: &[u8]) -> Result<Vec<u8>, Error> {
        self.check_data()?;
        let (number, rest) = split_number(control)?;
        self.take_number(number)?;
        let (sizes, _) = rest.as_chunks::<4>();
        let &[width, height, left, top, ..] = sizes else { return Err(misplaced()) };
        let [width, height, left, top] =
            [width, height, left, top].map(|size| u64::from(u32::from_be_bytes(size)));
        let is_inside = (1..=u64::from(self.canvas.width).saturating_sub(left)).contains(&width)
            && (1..=u64::from(self.canvas.height).saturating_sub(top)).contains(&height);
        if !is_inside {
            return Err(Error::corrupt(Format::Png, "a frame lies outside of the picture"));
        }
        let (width, height) = (width as u32, height as u32);
        self.frame = Some(Header { width, height, ..*self.canvas });
        self.frames = self.frames.saturating_add(1);
        Ok([&self.next_number(), rest].concat())
    }

    /// Takes note that the picture for programs without animation comes, frame or not.
    pub(super) fn begin_still(&mut self) {
        self.frame = None;
    }

    /// Takes the chunks with the data of a frame.
    pub(super) fn data<'d>(
        &mut self,
        chunks: impl Iterator<Item = &'d [u8]>,
    ) -> Result<FrameData<'d>, Error> {
        let header = self.frame.take().ok_or_else(misplaced)?;
        let mut pieces = Vec::new();
        for chunk in chunks {
            let (number, data) = split_number(chunk)?;
            self.take_number(number)?;
            pieces.push(data);
        }
        Ok(FrameData { header, number: self.next_number(), pieces })
    }

    pub(super) fn check_count(&self, claimed: u32) -> Result<(), Error> {
        self.check_data()?;
        if self.frames == claimed {
            return Ok(());
        }
        let frames = self.frames;
        let what = format!("it claims {claimed} frames and has {frames}");
        Err(Error::corrupt(Format::Png, what))
    }

    /// The frame before must have had its data.
    fn check_data(&self) -> Result<(), Error> {
        if self.frame.is_some() { Err(missing()) } else { Ok(()) }
    }

    fn take_number(&mut self, number: u32) -> Result<(), Error> {
        if number != self.read {
            return Err(missing());
        }
        self.read = self.read.saturating_add(1);
        Ok(())
    }

    fn next_number(&mut self) -> [u8; 4] {
        let number = self.written.to_be_bytes();
        self.written = self.written.saturating_add(1);
        number
    }
}

/// Whether pixels that no frame covers can show, given what comes before the data of each frame.
pub(super) fn has_holes<'c>(canvas: &Header, controls: impl Iterator<Item = &'c [u8]>) -> bool {
    const CLEAR: u8 = 1;
    const RESTORE: u8 = 2;
    let places = controls.filter_map(|control| Some((control.first_chunk()?, *control.get(24)?)));
    let places = places.map(|(head, disposal): (&[u8; 20], u8)| {
        // The number, then width, height, left and top.
        let whole = [canvas.width.to_be_bytes(), canvas.height.to_be_bytes(), [0; 4], [0; 4]];
        (head.ends_with(whole.as_flattened()), disposal)
    });
    let places: Vec<(bool, u8)> = places.collect();
    let Some(&(first_is_whole, first_disposal)) = places.first() else { return false };
    // What was before the first frame is nothing.
    let clears = first_disposal == RESTORE || places.iter().any(|(_, disposal)| *disposal == CLEAR);
    !first_is_whole || clears && places.iter().any(|(is_whole, _)| !is_whole)
}

fn split_number(data: &[u8]) -> Result<(u32, &[u8]), Error> {
    let (number, rest) = data.split_first_chunk().ok_or_else(misplaced)?;
    Ok((u32::from_be_bytes(*number), rest))
}

fn missing() -> Error {
    Error::corrupt(Format::Png, "a part of its animation is missing")
}

fn misplaced() -> Error {
    Error::corrupt(Format::Png, "a part of its animation is too short or misplaced")
}
