//! Decoders that say what a file holds.

use image::{DynamicImage, GrayImage, RgbImage};
use zune_core::{bytestream::ZCursor, options::DecoderOptions};

use super::coefficients::Jpeg;

/// All samples of a picture.
pub(crate) type Decode = fn(&[u8]) -> Result<Vec<u8>, String>;

/// Knows every sampling, scans of single components among them.
pub(crate) fn jpeg(bytes: &[u8]) -> Result<Vec<u8>, String> {
    jpeg_decoder::Decoder::new(bytes).decode().map_err(|error| error.to_string())
}

/// Accepts no damage, but takes scans of single components wrongly where chroma is small.
pub(crate) fn strict_jpeg(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let options = DecoderOptions::default().set_strict_mode(true);
    let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    let samples = decoder.decode().map_err(|error| error.to_string())?;
    let is_gray = decoder.info().is_some_and(|info| info.components == 1);
    // Gray comes as red, green and blue.
    Ok(samples.into_iter().step_by(if is_gray { 3 } else { 1 }).collect())
}

/// By the letter of the standard, without the rounding that fast decoders permit themselves.
pub(crate) fn exact_jpeg(bytes: &[u8]) -> Result<Vec<u8>, String> {
    Ok(Jpeg::read(bytes)?.samples())
}

pub(crate) fn exact_jpeg_picture(bytes: &[u8]) -> Result<DynamicImage, String> {
    let jpeg = Jpeg::read(bytes)?;
    let (width, height, samples) = (jpeg.width as u32, jpeg.height as u32, jpeg.samples());
    let picture = match jpeg.components.len() {
        1 => GrayImage::from_raw(width, height, samples).map(DynamicImage::from),
        3 => RgbImage::from_raw(width, height, samples).map(DynamicImage::from),
        _ => return Err("other colours".to_owned()),
    };
    picture.ok_or_else(|| "more or fewer samples than its size says".to_owned())
}
