//! Gaussian blur. Beyond the edges the picture is taken to go on as it ends there.
//!
//! The work of a convolution grows with the deviation. A strong blur leaves no detail, so it is
//! made on a smaller copy, which is then enlarged: the work stays the same from there on.

use fast_image_resize::{FilterType, MulDiv, ResizeAlg, ResizeOptions, Resizer};
use image::{DynamicImage, ImageBuffer, Pixel};

use crate::{Class, Error, operations::Sigma};

/// Copies of the picture that are held at once, those of twice the depth counted as two.
pub(crate) const COPIES: u64 = 6;
/// The deviation that is left to a smaller copy, at least, in its own pixels.
const SMALL_SIGMA: f32 = 8.0;

pub(crate) fn blur(image: DynamicImage, sigma: Sigma) -> Result<DynamicImage, Error> {
    let sigma = sigma.pixels();
    if !image.color().has_alpha() {
        return blur_opaque(&image, sigma);
    }
    // What cannot be seen must not shine through, so colours count by their alpha. Small alpha
    // leaves little of eight bits, so sixteen are used.
    let is_short = image.as_luma_alpha8().is_some() || image.as_rgba8().is_some();
    let has_colour = image.color().has_color();
    let mut wide = widened(image);
    let multiplier = MulDiv::new();
    multiplier.multiply_alpha_inplace(&mut wide).map_err(refused)?;
    let mut blurred = blur_opaque(&wide, sigma)?;
    drop(wide);
    multiplier.divide_alpha_inplace(&mut blurred).map_err(refused)?;
    Ok(match (is_short, has_colour) {
        (true, true) => DynamicImage::ImageRgba8(blurred.into_rgba8()),
        (true, false) => DynamicImage::ImageLumaA8(blurred.into_luma_alpha8()),
        (false, _) => blurred,
    })
}

fn widened(image: DynamicImage) -> DynamicImage {
    if image.as_luma_alpha8().is_some() {
        DynamicImage::ImageLumaA16(image.into_luma_alpha16())
    } else if image.as_rgba8().is_some() {
        DynamicImage::ImageRgba16(image.into_rgba16())
    } else {
        image
    }
}

fn blur_opaque(image: &DynamicImage, sigma: f32) -> Result<DynamicImage, Error> {
    let factor = (sigma / SMALL_SIGMA) as u32;
    if factor < 2 { Ok(image.blur(sigma)) } else { blur_smaller(image, sigma, factor) }
}

/// Averages blocks of `factor` x `factor` pixels, blurs those, and enlarges the result.
fn blur_smaller(image: &DynamicImage, sigma: f32, factor: u32) -> Result<DynamicImage, Error> {
    // One more block on each side, so that the outermost ones hold nothing but the edge.
    let blocks = |side: u32| side.div_ceil(factor) + 2;
    let (across, down) = (blocks(image.width()), blocks(image.height()));
    let padded = padded(image, across * factor, down * factor, factor);
    let mut small = DynamicImage::new(across, down, image.color());
    let options = ResizeOptions::new().use_alpha(false);
    let averaging = options.resize_alg(ResizeAlg::Convolution(FilterType::Box));
    Resizer::new().resize(&padded, &mut small, &averaging).map_err(refused)?;
    drop(padded);
    // The average over a block blurs too: its variance is a twelfth of its square.
    let wide = factor as f32;
    let variance = sigma * sigma - (wide * wide - 1.0) / 12.0;
    let small = small.blur(variance.sqrt() / wide);
    let mut blurred = DynamicImage::new(image.width(), image.height(), image.color());
    let (width, height) = (f64::from(image.width()), f64::from(image.height()));
    let enlarging = options.resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom)).crop(
        1.0,
        1.0,
        width / f64::from(factor),
        height / f64::from(factor),
    );
    Resizer::new().resize(&small, &mut blurred, &enlarging).map_err(refused)?;
    Ok(blurred)
}

/// A larger picture, whose edges go on to its left and above for `start` pixels, and to the right
/// and below as far as needed.
fn padded(image: &DynamicImage, width: u32, height: u32, start: u32) -> DynamicImage {
    let size = (width, height);
    match image {
        DynamicImage::ImageLuma8(image) => DynamicImage::ImageLuma8(pad(image, size, start)),
        DynamicImage::ImageLumaA8(image) => DynamicImage::ImageLumaA8(pad(image, size, start)),
        DynamicImage::ImageRgb8(image) => DynamicImage::ImageRgb8(pad(image, size, start)),
        DynamicImage::ImageRgba8(image) => DynamicImage::ImageRgba8(pad(image, size, start)),
        DynamicImage::ImageLuma16(image) => DynamicImage::ImageLuma16(pad(image, size, start)),
        DynamicImage::ImageLumaA16(image) => DynamicImage::ImageLumaA16(pad(image, size, start)),
        DynamicImage::ImageRgb16(image) => DynamicImage::ImageRgb16(pad(image, size, start)),
        DynamicImage::ImageRgba16(image) => DynamicImage::ImageRgba16(pad(image, size, start)),
        DynamicImage::ImageRgb32F(image) => DynamicImage::ImageRgb32F(pad(image, size, start)),
        DynamicImage::ImageRgba32F(image) => DynamicImage::ImageRgba32F(pad(image, size, start)),
        other => other.clone(),
    }
}

type Buffer<P> = ImageBuffer<P, Vec<<P as Pixel>::Subpixel>>;

fn pad<P: Pixel>(image: &Buffer<P>, (width, height): (u32, u32), start: u32) -> Buffer<P> {
    let (right, bottom) = (image.width() - 1, image.height() - 1);
    ImageBuffer::from_fn(width, height, |x, y| {
        let (x, y) = (x.saturating_sub(start).min(right), y.saturating_sub(start).min(bottom));
        *image.get_pixel(x, y)
    })
}

fn refused(error: impl std::fmt::Display) -> Error {
    Error::new(Class::Internal, format!("the picture could not be blurred: {error}"))
}
