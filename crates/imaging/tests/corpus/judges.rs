//! Decoders that say what a file holds.

use image::{DynamicImage, GrayImage, RgbImage};
use jpeg_decoder::PixelFormat;
use zune_core::{bytestream::ZCursor, options::DecoderOptions};

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
    decoder.decode().map_err(|error| error.to_string())
}

pub(crate) fn jpeg_picture(bytes: &[u8]) -> Result<DynamicImage, String> {
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    let samples = decoder.decode().map_err(|error| error.to_string())?;
    let info = decoder.info().ok_or("no header was read")?;
    let (width, height) = (info.width.into(), info.height.into());
    let picture = match info.pixel_format {
        PixelFormat::L8 => GrayImage::from_raw(width, height, samples).map(DynamicImage::from),
        PixelFormat::RGB24 => RgbImage::from_raw(width, height, samples).map(DynamicImage::from),
        PixelFormat::L16 | PixelFormat::CMYK32 => return Err("other colours".to_owned()),
    };
    picture.ok_or_else(|| "more or fewer samples than its size says".to_owned())
}
