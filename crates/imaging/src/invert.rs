//! Maximum minus sample, over whole buffers.
//!
//! For an unsigned sample that uses all its bits, maximum minus sample flips every bit. So one
//! loop serves every depth and byte order, packed samples too, and compiles to wide instructions.

/// What a chain does to a colour of eight bits.
pub(crate) type ColourMap<'a> = &'a dyn Fn([u8; 3]) -> [u8; 3];

/// What the chain of operations does to a single sample.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum SampleMap {
    /// The sample stays.
    #[default]
    Keep,
    /// Maximum minus sample.
    Invert,
}

impl SampleMap {
    pub(crate) fn inverted(self) -> Self {
        match self {
            Self::Keep => Self::Invert,
            Self::Invert => Self::Keep,
        }
    }

    /// The bits to flip in every byte.
    pub(crate) fn mask(self) -> u8 {
        match self {
            Self::Keep => 0x00,
            Self::Invert => 0xff,
        }
    }

    /// Maps samples that use all their bits.
    pub(crate) fn bytes(self, samples: &mut [u8]) {
        let mask = self.mask();
        samples.iter_mut().for_each(|byte| *byte ^= mask);
    }

    /// Maps the first `colour` bytes of every `pixel` bytes; the rest is alpha or padding.
    pub(crate) fn pixels(self, samples: &mut [u8], pixel: usize, colour: usize) {
        if pixel == colour || pixel == 0 {
            return self.bytes(samples);
        }
        let mut mask = [0; 8];
        mask.iter_mut().take(colour).for_each(|byte| *byte = self.mask());
        // Constant widths let the compiler unroll the loop and use vectors.
        match pixel {
            2 => flip::<2>(samples, &mask),
            4 => flip::<4>(samples, &mask),
            8 => flip::<8>(samples, &mask),
            _ => {
                for pixel in samples.chunks_exact_mut(pixel) {
                    pixel.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
                }
            }
        }
    }

    /// Maps a sample whose largest value is `maximum`.
    pub(crate) fn sample(self, sample: u32, maximum: u32) -> u32 {
        match self {
            Self::Keep => sample,
            Self::Invert => maximum.saturating_sub(sample),
        }
    }

    /// Maps a sample between 0 and 1; outside of that range it is clamped first.
    pub(crate) fn float(self, sample: f32) -> f32 {
        match self {
            Self::Keep => sample,
            Self::Invert => 1.0 - sample.clamp(0.0, 1.0),
        }
    }
}

fn flip<const N: usize>(samples: &mut [u8], mask: &[u8; 8]) {
    let (pixels, _) = samples.as_chunks_mut::<N>();
    for pixel in pixels {
        pixel.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_becomes_maximum_minus_itself() {
        let mut samples: Vec<u8> = (0..=255).collect();
        SampleMap::Invert.bytes(&mut samples);
        assert!(samples.iter().zip(0..=255u8).all(|(&after, before)| after == 255 - before));
    }

    #[test]
    fn alpha_stays_at_every_width() {
        for (pixel, colour) in [(2, 1), (4, 3), (4, 2), (8, 6), (5, 3)] {
            let before: Vec<u8> = (0..pixel as u8 * 7).collect();
            let mut after = before.clone();
            SampleMap::Invert.pixels(&mut after, pixel, colour);
            for (index, (&a, &b)) in after.iter().zip(&before).enumerate() {
                let expected = if index % pixel < colour { 255 - b } else { b };
                assert_eq!(a, expected, "byte {index} of pixels of {pixel}");
            }
        }
    }

    #[test]
    fn sixteen_bits_become_maximum_minus_sample_in_both_byte_orders() {
        for value in [0u16, 1, 0x1234, 0x8000, u16::MAX] {
            let mut big = value.to_be_bytes();
            let mut little = value.to_le_bytes();
            SampleMap::Invert.bytes(&mut big);
            SampleMap::Invert.bytes(&mut little);
            assert_eq!(u16::from_be_bytes(big), u16::MAX - value);
            assert_eq!(u16::from_le_bytes(little), u16::MAX - value);
        }
    }

    #[test]
    fn odd_maxima_and_floats_are_exact_and_clamped() {
        assert_eq!(SampleMap::Invert.sample(3, 10), 7);
        assert_eq!(SampleMap::Invert.sample(11, 10), 0);
        assert_eq!(SampleMap::Invert.float(0.25), 0.75);
        assert_eq!(SampleMap::Invert.float(4.0), 0.0);
        assert_eq!(SampleMap::Invert.float(-1.0), 1.0);
        assert_eq!(SampleMap::Keep.float(4.0), 4.0);
    }
}
