//! Frames one after another: read as whole pictures, written as what changed.

use image::{AnimationDecoder, DynamicImage, RgbaImage, imageops};

use crate::{Error, Format, pixels::refused};

/// One frame, as large as the animation.
pub(crate) struct Frame {
    pub(crate) image: RgbaImage,
    pub(crate) delay: Delay,
}

/// How long a frame is shown: a fraction of a millisecond.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Delay {
    numerator: u32,
    denominator: u32,
}

impl Delay {
    pub(crate) const NONE: Self = Self { numerator: 0, denominator: 1 };
    pub(crate) const LONGEST_OF_GIF: Self = Self { numerator: 655_350, denominator: 1 };
    pub(crate) const LONGEST_OF_WEBP: Self = Self { numerator: 0xff_ffff, denominator: 1 };

    /// A fraction as PNG stores it, where no denominator stands for hundredths.
    pub(crate) fn of_seconds(numerator: u16, denominator: u16) -> Self {
        let denominator = if denominator == 0 { 100 } else { denominator };
        Self { numerator: u32::from(numerator) * 1000, denominator: denominator.into() }
    }

    pub(crate) fn of_milliseconds(count: u32) -> Self {
        Self { numerator: count, denominator: 1 }
    }

    pub(crate) fn milliseconds(self) -> u32 {
        self.in_units(1)
    }

    pub(crate) fn is_longer_than(self, most: Self) -> bool {
        let [ours, theirs] = [(self, most), (most, self)]
            .map(|(above, below)| u64::from(above.numerator) * u64::from(below.denominator.max(1)));
        ours > theirs
    }

    /// Whole hundredths of a second, which is what GIF counts in.
    pub(crate) fn hundredths(self) -> u16 {
        u16::try_from(self.in_units(10)).unwrap_or(u16::MAX)
    }

    /// A fraction of a second as PNG stores it: milliseconds, and coarser where they do not fit.
    pub(crate) fn short_fraction(self) -> (u16, u16) {
        let fractions = [1000u16, 100, 10, 1].into_iter().map(|denominator| {
            let count = self.in_units(1000 / u32::from(denominator));
            u16::try_from(count).ok().map(|count| (count, denominator))
        });
        fractions.flatten().next().unwrap_or((u16::MAX, 1))
    }

    fn in_units(self, milliseconds: u32) -> u32 {
        let unit = u64::from(self.denominator.max(1)) * u64::from(milliseconds);
        let count = (u64::from(self.numerator) + unit / 2) / unit;
        u32::try_from(count).unwrap_or(u32::MAX)
    }
}

/// Says that frames were shown longer than a format holds.
pub(crate) fn note_delays(format: Format, most: Delay, frames: u32, notes: &mut Vec<String>) {
    if frames > 0 {
        let seconds = most.milliseconds() / 1000;
        notes.push(format!(
            "{format} holds delays of at most {seconds} s; {frames} frame(s) had longer ones"
        ));
    }
}

/// An animation on its way through the operations.
pub(crate) struct Animation<'a> {
    /// As the file counts them.
    pub(crate) count: u32,
    /// 0 for without end.
    pub(crate) plays: u32,
    pub(crate) frames: Box<dyn Iterator<Item = Result<Frame, Error>> + 'a>,
}

impl<'a> Animation<'a> {
    pub(crate) fn new(
        format: Format,
        count: u32,
        plays: u32,
        decoder: impl AnimationDecoder<'a>,
    ) -> Self {
        let frames = decoder.into_frames().map(move |frame| {
            let frame = frame.map_err(|error| refused(format, error))?;
            let (numerator, denominator) = frame.delay().numer_denom_ms();
            Ok(Frame { image: frame.into_buffer(), delay: Delay { numerator, denominator } })
        });
        Self { count, plays, frames: Box::new(frames) }
    }
}

/// What takes the frames of the result.
pub(crate) trait AnimationWriter {
    fn push(&mut self, frame: Frame) -> Result<(), Error>;
    /// How much is written so far.
    fn written_bytes(&self) -> usize;
    /// The whole file; what could not be kept is added to `notes`.
    fn finish(self: Box<Self>, notes: &mut Vec<String>) -> Result<Vec<u8>, Error>;
}

/// Remembers the last frame, to give of the next one only the rectangle that changed.
#[derive(Debug, Default)]
pub(crate) struct Patch {
    last: Option<RgbaImage>,
}

impl Patch {
    /// Whether no frame was given yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    /// The part of `frame` that differs from the frame before, and where it begins; the place is
    /// a multiple of `step`. A frame that does not differ gives one pixel.
    pub(crate) fn next(&mut self, frame: RgbaImage, step: u32) -> ((u32, u32), RgbaImage) {
        let patch = match &self.last {
            None => ((0, 0), frame.clone()),
            Some(last) => {
                let (left, top, width, height) = changed(last, &frame, step);
                let part = imageops::crop_imm(&frame, left, top, width, height).to_image();
                ((left, top), part)
            }
        };
        self.last = Some(frame);
        patch
    }
}

/// Left, top, width and height of the smallest rectangle that holds every change.
pub(crate) fn changed(before: &RgbaImage, after: &RgbaImage, step: u32) -> (u32, u32, u32, u32) {
    let (mut left, mut top, mut right, mut bottom) = (u32::MAX, u32::MAX, 0, 0);
    for (y, (old, new)) in before.rows().zip(after.rows()).enumerate() {
        let differs = |(old, new)| old != new;
        let mut pixels = old.zip(new);
        let width = pixels.len() as u32;
        let Some(first) = pixels.position(differs) else { continue };
        let first = first as u32;
        let last = pixels.rposition(differs).map_or(first, |at| first + 1 + at as u32);
        left = left.min(first);
        right = right.max(last.min(width - 1));
        top = top.min(y as u32);
        bottom = y as u32;
    }
    if top == u32::MAX {
        return (0, 0, 1, 1);
    }
    (left, top) = (left / step * step, top / step * step);
    (left, top, right - left + 1, bottom - top + 1)
}

/// A frame's picture after the operations, as the writers take it.
pub(crate) fn as_frame(image: DynamicImage) -> RgbaImage {
    image.into_rgba8()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_is_given() {
        let mut patch = Patch::default();
        let first = RgbaImage::new(9, 7);
        assert_eq!(patch.next(first.clone(), 2).1, first);
        let mut second = first.clone();
        second.put_pixel(3, 5, [1; 4].into());
        second.put_pixel(6, 6, [1; 4].into());
        let (at, part) = patch.next(second.clone(), 2);
        assert_eq!((at, part.dimensions()), ((2, 4), (5, 3)));
        assert_eq!(part.get_pixel(1, 1), &[1; 4].into());
        let (at, part) = patch.next(second, 1);
        assert_eq!((at, part.dimensions()), ((0, 0), (1, 1)));
    }

    #[test]
    fn delays_are_rounded_to_their_unit() {
        let delay = |numerator, denominator| Delay { numerator, denominator };
        assert_eq!(delay(70, 1).hundredths(), 7);
        assert_eq!(delay(100, 3).milliseconds(), 33);
        assert_eq!(delay(u32::MAX, 1).hundredths(), u16::MAX);
        assert_eq!(delay(1, 0).milliseconds(), 1);
        assert_eq!(delay(65_535, 1).short_fraction(), (65_535, 1000));
        assert_eq!(delay(65_536, 1).short_fraction(), (6554, 100));
        assert_eq!(delay(700_000, 1).short_fraction(), (7000, 10));
        assert_eq!(delay(u32::MAX, 100).short_fraction(), (42_950, 1));
        assert_eq!(delay(u32::MAX, 1).short_fraction(), (u16::MAX, 1));
    }
}
