//! What a picture may cost, checked before it is spent.

use crate::error::{Class, Error};

/// What one picture may cost.
///
/// ```
/// let limits = imaging::Limits { max_pixels: 1_000_000, ..Default::default() };
/// assert_eq!(limits.max_frames, 10_000);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Width times height, at most. Default: 100 megapixels, twice the largest common camera.
    pub max_pixels: u64,
    /// Frames of an animation, at most. Default: 10 000, about seven minutes at 25 a second.
    pub max_frames: u32,
    /// Memory for the working copies of one picture, in bytes, beside the input. Default: 1 GiB,
    /// which holds 100 megapixels of eight-bit RGB and their encoded form.
    pub max_memory_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_pixels: 100_000_000, max_frames: 10_000, max_memory_bytes: 1 << 30 }
    }
}

impl Limits {
    pub(crate) fn check_size(&self, width: u32, height: u32) -> Result<(), Error> {
        let pixels = u64::from(width) * u64::from(height);
        if pixels <= self.max_pixels {
            return Ok(());
        }
        let (pixels, limit) = (pixels / 1_000_000, self.max_pixels / 1_000_000);
        Err(Error::new(
            Class::TooLarge,
            format!(
                "the picture is {width} x {height}, {pixels} megapixels, and the limit is {limit}"
            ),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_claimable_size_is_refused_and_does_not_overflow() {
        let refused = Limits::default().check_size(u32::MAX, u32::MAX).unwrap_err();
        assert_eq!(refused.class, Class::TooLarge);
    }

    #[test]
    fn a_limit_itself_is_allowed() {
        let limits = Limits { max_pixels: 6, max_frames: 2, max_memory_bytes: 10 };
        assert!(limits.check_size(3, 2).is_ok());
        assert!(limits.check_size(7, 1).is_err());
        assert!(limits.check_frames(2).is_ok());
        assert!(limits.check_frames(3).is_err());
        assert!(limits.check_memory(10).is_ok());
        assert!(limits.check_memory(11).is_err());
    }
}
