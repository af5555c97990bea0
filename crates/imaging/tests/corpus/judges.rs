//! Decoders that say what a file holds.

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
