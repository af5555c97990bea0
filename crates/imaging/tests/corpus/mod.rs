//! Pictures made up from a seed, alike on every machine, and the files that public encoders make
//! of them. Shared by the tests and by the bench.

pub(crate) mod coefficients;
pub(crate) mod compare;
pub(crate) mod jpeg;
pub(crate) mod judges;
pub(crate) mod others;
mod scene;
pub(crate) mod tiny;

/// Samples of red, green and blue, row after row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) rgb: Vec<u8>,
}

impl Picture {
    /// What a camera sees: things before things, some rough and some smooth, lit from one side,
    /// a little out of focus, with the noise of a sensor. About as hard to compress as a photo.
    pub(crate) fn photo(width: u32, height: u32, seed: u32) -> Self {
        scene::photo(width, height, seed)
    }

    /// A photo of about that many megapixels, three wide to two high.
    pub(crate) fn photo_of(megapixels: f64, seed: u32) -> Self {
        let height = (megapixels * 1e6 / 1.5).sqrt().round() as u32;
        Self::photo(height * 3 / 2, height, seed)
    }

    /// Black writing on white, with a smooth ramp below it.
    pub(crate) fn writing(width: u32, height: u32, seed: u32) -> Self {
        Self::from_pixels(width, height, |x, y| {
            let (column, row) = (x / 6, y / 9);
            let ink =
                x % 6 < 5 && y % 9 < 7 && hash(x % 6 + column * 6, y % 9 + row * 9, seed) % 5 < 2;
            let is_blank = hash(column, row, seed + 1).is_multiple_of(5);
            let ramp = (x * 255 / width.max(2)) as u8;
            if y > height * 3 / 4 {
                [ramp, 255 - ramp, 128]
            } else if ink && !is_blank {
                [0; 3]
            } else {
                [255; 3]
            }
        })
    }

    /// Few colours in large areas, as in drawings and charts.
    pub(crate) fn drawing(width: u32, height: u32, seed: u32) -> Self {
        let cell = (width.max(height) / 12).max(1);
        Self::from_pixels(width, height, |x, y| {
            let slanted = (x + y / 2) / cell;
            let choice = hash(slanted, y / cell, seed) % 12;
            [choice * 21, choice * 83 % 256, choice * 47 % 256].map(|sample| sample as u8)
        })
    }

    /// Every sample by chance: the hardest that there is.
    pub(crate) fn noise(width: u32, height: u32, seed: u32) -> Self {
        Self::from_pixels(width, height, |x, y| {
            let [red, green, blue, _] = hash(x, y, seed).to_le_bytes();
            [red, green, blue]
        })
    }

    /// One colour everywhere: the easiest.
    pub(crate) fn flat(width: u32, height: u32, colour: [u8; 3]) -> Self {
        Self::from_pixels(width, height, |_, _| colour)
    }

    /// A smooth ramp between black and white that reaches both.
    pub(crate) fn ramp(width: u32, height: u32) -> Self {
        let last = (width + height).saturating_sub(2).max(1);
        Self::from_pixels(width, height, |x, y| {
            let along = ((x + y) * 255 / last) as u8;
            [along, 255 - along, along / 2]
        })
    }

    pub(crate) fn from_pixels(
        width: u32,
        height: u32,
        mut pixel: impl FnMut(u32, u32) -> [u8; 3],
    ) -> Self {
        let mut rgb = Vec::with_capacity((width * height * 3) as usize);
        for y in 0..height {
            for x in 0..width {
                rgb.extend(pixel(x, y));
            }
        }
        Self { width, height, rgb }
    }

    pub(crate) fn gray(&self) -> Vec<u8> {
        let luma = |pixel: &[u8]| {
            let [red, green, blue] = [pixel[0], pixel[1], pixel[2]].map(u32::from);
            ((red * 77 + green * 150 + blue * 29) >> 8) as u8
        };
        self.rgb.chunks_exact(3).map(luma).collect()
    }

    pub(crate) fn megapixels(&self) -> f64 {
        f64::from(self.width) * f64::from(self.height) / 1e6
    }
}

/// A number that looks like chance and is the same every time.
pub(crate) fn hash(x: u32, y: u32, seed: u32) -> u32 {
    let mut state = x
        .wrapping_mul(0x9e37_79b1)
        .wrapping_add(y.wrapping_mul(0x85eb_ca77))
        .wrapping_add(seed.wrapping_mul(0xc2b2_ae3d));
    for _ in 0..2 {
        state = (state ^ (state >> 15)).wrapping_mul(0x2c1b_3c6d);
        state ^= state >> 13;
    }
    state
}
