//! The same work by the `image` crate.

use std::io::Cursor;

use image::{
    AnimationDecoder, DynamicImage, Frame, ImageFormat, ImageResult,
    codecs::{
        gif::{GifDecoder, GifEncoder},
        jpeg::JpegEncoder,
    },
    imageops,
};

/// One picture, or the frames of an animation.
pub(crate) enum Decoded {
    One(DynamicImage),
    Frames(Vec<Frame>),
}

pub(crate) fn decode(bytes: &[u8], format: ImageFormat) -> ImageResult<Decoded> {
    if format == ImageFormat::Gif {
        let frames = GifDecoder::new(Cursor::new(bytes))?.into_frames();
        return Ok(Decoded::Frames(frames.collect_frames()?));
    }
    Ok(Decoded::One(image::load_from_memory_with_format(bytes, format)?))
}

pub(crate) fn decode_invert_encode(
    bytes: &[u8],
    format: ImageFormat,
    quality: u8,
) -> ImageResult<Vec<u8>> {
    let mut result = Cursor::new(Vec::new());
    match decode(bytes, format)? {
        Decoded::Frames(mut frames) => {
            frames.iter_mut().for_each(|frame| imageops::invert(frame.buffer_mut()));
            GifEncoder::new(&mut result).encode_frames(frames)?;
        }
        Decoded::One(mut picture) => {
            picture.invert();
            if format == ImageFormat::Jpeg {
                JpegEncoder::new_with_quality(&mut result, quality).encode_image(&picture)?;
            } else {
                picture.write_to(&mut result, format)?;
            }
        }
    }
    Ok(result.into_inner())
}

impl Decoded {
    pub(crate) fn pictures(self) -> Vec<DynamicImage> {
        match self {
            Self::One(picture) => vec![picture],
            Self::Frames(frames) => {
                frames.into_iter().map(|frame| frame.into_buffer().into()).collect()
            }
        }
    }
}
