//! Making a picture into one that a format can hold.

use image::{ColorType, DynamicImage};

use crate::Format;

/// What a format can hold of a picture.
#[derive(Debug, Clone, Copy)]
struct Capacity {
    gray: bool,
    gray_with_alpha: bool,
    alpha: bool,
    /// Bits of a sample, at most; 32 stands for floating point.
    bits: u8,
    longest_side: u32,
}

fn capacity(format: Format) -> Capacity {
    let all = Capacity {
        gray: true,
        gray_with_alpha: true,
        alpha: true,
        bits: 8,
        longest_side: i32::MAX as u32,
    };
    match format {
        Format::Jpeg => Capacity { alpha: false, longest_side: 65535, ..all },
        Format::Png | Format::Pnm => Capacity { bits: 16, ..all },
        Format::Gif => Capacity { longest_side: 65535, ..all },
        Format::WebP => {
            Capacity { gray: false, gray_with_alpha: false, longest_side: 16383, ..all }
        }
        Format::Bmp => Capacity { gray_with_alpha: false, ..all },
        // Gray with alpha is rare there, and few programs read it.
        Format::Tiff => Capacity { gray_with_alpha: false, bits: 32, ..all },
        Format::Qoi => Capacity { gray: false, gray_with_alpha: false, ..all },
        Format::Ico => Capacity { longest_side: 256, ..all },
        Format::Tga => Capacity { gray_with_alpha: false, longest_side: 65535, ..all },
    }
}

/// Pixels on a side, at most.
pub(crate) fn longest_side(format: Format) -> u32 {
    capacity(format).longest_side
}

/// Changes the kind of samples to one that `format` holds, and says what that loses.
pub(crate) fn fit(image: DynamicImage, format: Format, notes: &mut Vec<String>) -> DynamicImage {
    let capacity = capacity(format);
    let image = fit_depth(image, capacity.bits, format, notes);
    let image = if capacity.alpha { image } else { flatten(image, format, notes) };
    let has_alpha = image.color().has_alpha();
    let is_gray = !image.color().has_color();
    let is_held = if has_alpha { capacity.gray_with_alpha } else { capacity.gray };
    let is_deep = bits(image.color()) == 16;
    match (is_gray && !is_held, has_alpha, is_deep) {
        (false, _, _) => image,
        (true, true, false) => image.into_rgba8().into(),
        (true, true, true) => image.into_rgba16().into(),
        (true, false, false) => image.into_rgb8().into(),
        (true, false, true) => image.into_rgb16().into(),
    }
}

fn bits(colour: ColorType) -> u8 {
    8 * (colour.bytes_per_pixel() / colour.channel_count())
}

fn fit_depth(
    image: DynamicImage,
    most: u8,
    format: Format,
    notes: &mut Vec<String>,
) -> DynamicImage {
    let bits = bits(image.color());
    if bits <= most {
        return image;
    }
    let from = if bits == 32 { "floating point".to_owned() } else { format!("{bits} bits") };
    let mut note =
        format!("{format} holds {most} bits a sample; the depth was reduced from {from}");
    if bits == 32 {
        note.push_str(", limited to 0 to 1");
    }
    notes.push(note);
    let colour = image.color();
    match (most, colour.has_color(), colour.has_alpha()) {
        (16, _, false) => image.into_rgb16().into(),
        (16, _, true) => image.into_rgba16().into(),
        (_, false, false) => image.into_luma8().into(),
        (_, false, true) => image.into_luma_alpha8().into(),
        (_, true, false) => image.into_rgb8().into(),
        (_, true, true) => image.into_rgba8().into(),
    }
}

/// Puts a picture of eight bits on white, if any of it shows through.
fn flatten(image: DynamicImage, format: Format, notes: &mut Vec<String>) -> DynamicImage {
    if !image.color().has_alpha() {
        return image;
    }
    let channels = usize::from(image.color().channel_count());
    let is_gray = !image.color().has_color();
    let (width, height) = (image.width(), image.height());
    let mut shows_through = false;
    let mut flat = Vec::with_capacity(image.as_bytes().len() / channels * (channels - 1));
    for pixel in image.as_bytes().chunks_exact(channels) {
        let Some((alpha, colours)) = pixel.split_last() else { continue };
        shows_through |= *alpha < 255;
        flat.extend(colours.iter().map(|colour| on_white(*colour, *alpha)));
    }
    if shows_through {
        notes.push(format!("{format} knows no transparency; the picture was put on white"));
    }
    let flattened = if is_gray {
        image::GrayImage::from_raw(width, height, flat).map(DynamicImage::from)
    } else {
        image::RgbImage::from_raw(width, height, flat).map(DynamicImage::from)
    };
    flattened.unwrap_or(image)
}

fn on_white(colour: u8, alpha: u8) -> u8 {
    let (colour, alpha) = (u32::from(colour), u32::from(alpha));
    ((colour * alpha + 255 * (255 - alpha) + 127) / 255) as u8
}

#[cfg(test)]
mod tests {
    use image::{GrayAlphaImage, Rgb32FImage, RgbaImage};

    use super::*;

    fn fitted(image: impl Into<DynamicImage>, format: Format) -> (DynamicImage, usize) {
        let mut notes = Vec::new();
        let image = fit(image.into(), format, &mut notes);
        (image, notes.len())
    }

    #[test]
    fn alpha_is_put_on_white() {
        let pixels = vec![0, 0, 0, 255, 0, 0, 0, 0, 200, 100, 0, 128];
        let image = RgbaImage::from_raw(3, 1, pixels).unwrap();
        let (flat, notes) = fitted(image, Format::Jpeg);
        assert_eq!(flat.as_bytes(), [0, 0, 0, 255, 255, 255, 227, 177, 127]);
        assert_eq!(notes, 1);
        let opaque = GrayAlphaImage::from_raw(1, 1, vec![7, 255]).unwrap();
        let (flat, notes) = fitted(opaque, Format::Jpeg);
        assert_eq!((flat.as_bytes(), notes), (&[7][..], 0));
    }

    #[test]
    fn gray_becomes_colours_where_it_has_to() {
        let image = GrayAlphaImage::from_raw(1, 1, vec![7, 9]).unwrap();
        let (image, notes) = fitted(image, Format::WebP);
        assert_eq!((image.as_bytes(), notes), (&[7, 7, 7, 9][..], 0));
    }

    #[test]
    fn depth_is_reduced_with_a_note() {
        let image = Rgb32FImage::from_raw(1, 1, vec![0.5, -1.0, 2.0]).unwrap();
        let (deep, notes) = fitted(image.clone(), Format::Png);
        assert_eq!(deep.as_rgb16().unwrap().as_raw(), &[32768, 0, 65535]);
        assert_eq!(notes, 1);
        assert_eq!(fitted(image.clone(), Format::Bmp).0.as_bytes(), [128, 0, 255]);
        assert_eq!(fitted(image, Format::Tiff).1, 0);
    }
}
