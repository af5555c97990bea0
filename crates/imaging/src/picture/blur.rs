//! Gaussian blur. Beyond the edges the picture is taken to go on as it ends there.

use fast_image_resize::MulDiv;
use image::DynamicImage;

use crate::{Class, Error, operations::Sigma};

/// Copies of the picture that are held at once, those of twice the depth counted as two.
pub(crate) const COPIES: u64 = 4;

pub(crate) fn blur(image: DynamicImage, sigma: Sigma) -> Result<DynamicImage, Error> {
    if !image.color().has_alpha() {
        return Ok(image.blur(sigma.pixels()));
    }
    // What cannot be seen must not shine through, so colours count by their alpha. Small alpha
    // leaves little of eight bits, so sixteen are used.
    let is_short = image.as_luma_alpha8().is_some() || image.as_rgba8().is_some();
    let has_colour = image.color().has_color();
    let mut wide = widened(image);
    let multiplier = MulDiv::new();
    multiplier.multiply_alpha_inplace(&mut wide).map_err(refused)?;
    let mut blurred = wide.blur(sigma.pixels());
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

fn refused(error: impl std::fmt::Display) -> Error {
    Error::new(Class::Internal, format!("the picture could not be blurred: {error}"))
}
