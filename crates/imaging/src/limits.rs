//! What a picture may cost, checked before it is spent.

use std::{
    ops::Deref,
    time::{Duration, Instant},
};

use crate::error::{Class, Error};

/// What one picture may cost.
///
/// ```
/// let limits = imaging::Limits { max_pixels: 1_000_000, ..Default::default() };
/// assert_eq!(limits.max_frames, 10_000);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the file, at most. Default: 1 GiB.
    pub max_input_bytes: u64,
    /// Width times height, at most. Default: 100 megapixels, twice the largest common camera.
    pub max_pixels: u64,
    /// Frames of an animation, at most. Default: 10 000, about seven minutes at 25 a second.
    pub max_frames: u32,
    /// Memory for the working copies of one picture, in bytes, beside the input. Default: 1 GiB,
    /// which holds 100 megapixels of eight-bit RGB and their encoded form.
    pub max_memory_bytes: u64,
    /// Time for one picture, at most; looked at between blocks of rows, frames, pages and
    /// operations. A codec that cannot be interrupted finishes its picture first, which is why
    /// `max_pixels` bounds it too. Default: one minute; [`Duration::MAX`] stands for any time.
    pub max_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_input_bytes: 1 << 30,
            max_pixels: 100_000_000,
            max_frames: 10_000,
            max_memory_bytes: 1 << 30,
            max_time: Duration::from_secs(60),
        }
    }
}

impl Limits {
    pub(crate) fn check_input(&self, bytes: usize) -> Result<(), Error> {
        if bytes as u64 <= self.max_input_bytes {
            return Ok(());
        }
        let limit = self.max_input_bytes;
        Err(Error::new(
            Class::TooLarge,
            format!("the file has {bytes} bytes, and the limit is {limit}"),
        ))
    }

    pub(crate) fn check_size(&self, width: u32, height: u32) -> Result<(), Error> {
        let pixels = u64::from(width) * u64::from(height);
        if pixels <= self.max_pixels {
            return Ok(());
        }
        let limit = self.max_pixels;
        Err(Error::new(
            Class::TooLarge,
            format!("the picture is {width} x {height}, {pixels} pixels, and the limit is {limit}"),
        ))
    }

    /// Rows that a picture of this width may have.
    pub(crate) fn most_rows(&self, width: u32) -> u32 {
        u32::try_from(self.max_pixels / u64::from(width.max(1))).unwrap_or(u32::MAX)
    }

    pub(crate) fn check_frames(&self, frames: u32) -> Result<(), Error> {
        if frames <= self.max_frames {
            return Ok(());
        }
        let limit = self.max_frames;
        Err(Error::new(
            Class::TooLarge,
            format!("the animation has more frames than the limit of {limit}"),
        ))
    }

    pub(crate) fn fits_memory(&self, needed_bytes: u64) -> bool {
        needed_bytes <= self.max_memory_bytes
    }

    pub(crate) fn check_memory(&self, needed_bytes: u64) -> Result<(), Error> {
        if self.fits_memory(needed_bytes) {
            return Ok(());
        }
        let (needed, limit) = (needed_bytes.div_ceil(1 << 20), self.max_memory_bytes >> 20);
        Err(Error::new(
            Class::TooLarge,
            format!("the picture needs {needed} MiB of memory, and the limit is {limit} MiB"),
        ))
    }
}

/// The limits of one picture whose work has begun.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    limits: Limits,
    /// `None` when it is further away than a clock can tell.
    deadline: Option<Instant>,
}

impl Budget {
    pub(crate) fn start(limits: &Limits) -> Self {
        Self { limits: *limits, deadline: Instant::now().checked_add(limits.max_time) }
    }

    /// To be asked between steps that take a while.
    pub(crate) fn check_time(&self) -> Result<(), Error> {
        if self.deadline.is_none_or(|deadline| Instant::now() < deadline) {
            return Ok(());
        }
        let limit = self.limits.max_time.as_secs_f64();
        Err(Error::new(
            Class::TooSlow,
            format!("the picture takes longer than the limit of {limit} seconds; make it smaller"),
        ))
    }
}

impl Deref for Budget {
    type Target = Limits;

    fn deref(&self) -> &Limits {
        &self.limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_time_is_too_little_and_all_time_is_enough() {
        let with = |max_time| Budget::start(&Limits { max_time, ..Limits::default() });
        assert_eq!(with(Duration::ZERO).check_time().unwrap_err().class, Class::TooSlow);
        assert!(with(Duration::MAX).check_time().is_ok());
    }

    #[test]
    fn the_largest_claimable_size_is_refused_and_does_not_overflow() {
        let refused = Limits::default().check_size(u32::MAX, u32::MAX).unwrap_err();
        assert_eq!(refused.class, Class::TooLarge);
    }

    #[test]
    fn a_limit_itself_is_allowed() {
        let limits = Limits {
            max_input_bytes: 5,
            max_pixels: 6,
            max_frames: 2,
            max_memory_bytes: 10,
            ..Limits::default()
        };
        assert!(limits.check_input(5).is_ok());
        assert!(limits.check_input(6).is_err());
        assert!(limits.check_size(3, 2).is_ok());
        assert!(limits.check_size(7, 1).is_err());
        assert!(limits.check_frames(2).is_ok());
        assert!(limits.check_frames(3).is_err());
        assert!(limits.check_memory(10).is_ok());
        assert!(limits.check_memory(11).is_err());
    }
}
