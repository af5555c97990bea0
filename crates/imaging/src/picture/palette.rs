//! Few colours, counted.

use std::collections::HashMap;

use image::{DynamicImage, Rgba};

/// At most 256 colours with their alpha, in the order in which they were met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Palette {
    pub(crate) colours: Vec<[u8; 4]>,
}

impl Palette {
    /// The colours of a picture of eight bits and an index into them for every pixel; `None`
    /// where there are too many.
    pub(crate) fn of(image: &DynamicImage) -> Option<(Self, Vec<u8>)> {
        let pixels: Box<dyn Iterator<Item = Rgba<u8>>> = if let Some(image) = image.as_luma8() {
            Box::new(image.pixels().map(|pixel| gray(pixel.0, 255)))
        } else if let Some(image) = image.as_luma_alpha8() {
            Box::new(image.pixels().map(|pixel| gray([pixel.0[0]], pixel.0[1])))
        } else if let Some(image) = image.as_rgb8() {
            Box::new(image.pixels().map(|pixel| {
                let [red, green, blue] = pixel.0;
                Rgba([red, green, blue, 255])
            }))
        } else {
            Box::new(image.as_rgba8()?.pixels().copied())
        };
        let mut found = Found::default();
        let indices = pixels.map(|pixel| found.index(pixel.0)).collect::<Option<_>>()?;
        Some((Self { colours: found.colours }, indices))
    }

    pub(crate) fn rgb(&self) -> Vec<u8> {
        self.colours.iter().flat_map(|[red, green, blue, _]| [*red, *green, *blue]).collect()
    }

    /// The alpha of every colour up to the last that is not opaque, if there is one.
    pub(crate) fn alpha(&self) -> Option<Vec<u8>> {
        let last = self.colours.iter().rposition(|[_, _, _, alpha]| *alpha < 255)?;
        Some(self.colours.iter().take(last + 1).map(|[_, _, _, alpha]| *alpha).collect())
    }
}

fn gray([gray]: [u8; 1], alpha: u8) -> Rgba<u8> {
    Rgba([gray, gray, gray, alpha])
}

#[derive(Default)]
struct Found {
    colours: Vec<[u8; 4]>,
    places: HashMap<[u8; 4], u8>,
    /// Neighbours are often alike.
    last: Option<([u8; 4], u8)>,
}

impl Found {
    fn index(&mut self, colour: [u8; 4]) -> Option<u8> {
        if let Some((last, index)) = self.last
            && last == colour
        {
            return Some(index);
        }
        let index = match self.places.get(&colour) {
            Some(&index) => index,
            None => {
                let index = u8::try_from(self.colours.len()).ok()?;
                self.colours.push(colour);
                self.places.insert(colour, index);
                index
            }
        };
        self.last = Some((colour, index));
        Some(index)
    }
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, RgbaImage};

    use super::*;

    #[test]
    fn up_to_256_colours_are_counted() {
        let image =
            DynamicImage::from(GrayImage::from_fn(16, 16, |x, y| [(y * 16 + x) as u8].into()));
        let (palette, indices) = Palette::of(&image).unwrap();
        assert_eq!(palette.colours.len(), 256);
        assert!(indices.iter().zip(0..=255u8).all(|(index, expected)| *index == expected));
        assert_eq!(palette.alpha(), None);
        let image = RgbaImage::from_fn(257, 1, |x, _| [x as u8, (x >> 8) as u8, 0, 255].into());
        assert!(Palette::of(&DynamicImage::from(image)).is_none());
    }

    #[test]
    fn alpha_ends_with_the_last_colour_that_is_not_opaque() {
        let pixels = vec![1, 1, 1, 255, 2, 2, 2, 0, 3, 3, 3, 255];
        let image = DynamicImage::from(RgbaImage::from_raw(3, 1, pixels).unwrap());
        let (palette, _) = Palette::of(&image).unwrap();
        assert_eq!(palette.alpha(), Some(vec![255, 0]));
        assert_eq!(palette.rgb(), [1, 1, 1, 2, 2, 2, 3, 3, 3]);
    }
}
