//! Pictures, good and bad.

use std::io::Cursor;

use anyhow::{Context, Result};
use image::{DynamicImage, ImageFormat, RgbImage};

/// A small picture that differs for each number.
///
/// # Errors
///
/// When the encoder fails.
pub fn png(number: u32) -> Result<Vec<u8>> {
    encode(number, 24, ImageFormat::Png)
}

/// A small photo that differs for each number.
///
/// # Errors
///
/// When the encoder fails.
pub fn jpeg(number: u32) -> Result<Vec<u8>> {
    encode(number, 96, ImageFormat::Jpeg)
}

/// The first half of a photo.
///
/// # Errors
///
/// When the encoder fails.
pub fn truncated_jpeg() -> Result<Vec<u8>> {
    let mut bytes = jpeg(0)?;
    bytes.truncate(bytes.len() / 2);
    Ok(bytes)
}

/// A PNG of a few bytes that claims to be 60000 x 60000 pixels, 14 GB once decoded.
#[must_use]
pub fn png_bomb() -> Vec<u8> {
    let size = 60_000_u32.to_be_bytes();
    let depth_and_so_on = [8, 6, 0, 0, 0];
    let header = [&size[..], &size[..], &depth_and_so_on[..]].concat();
    // An empty deflate stream.
    let data = [0x78, 0x01, 0x03, 0x00, 0x00, 0x00, 0x00, 0x01];
    let signature = b"\x89PNG\r\n\x1a\n".to_vec();
    [signature, chunk(b"IHDR", &header), chunk(b"IDAT", &data), chunk(b"IEND", &[])].concat()
}

/// A whole picture, decoded.
///
/// # Errors
///
/// When it is none.
pub fn decode(bytes: &[u8]) -> Result<DynamicImage> {
    let reader = image::ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
    reader.decode().context("cannot decode the picture")
}

/// How far `after` is from maximum minus `before`: mean and largest difference, in levels of
/// 255. `None` if size, kind of colours or alpha differ, or the samples are not integers.
#[must_use]
pub fn distance_from_inverse(before: &DynamicImage, after: &DynamicImage) -> Option<(f64, f64)> {
    let size = |picture: &DynamicImage| (picture.width(), picture.height(), picture.color());
    if size(before) != size(after) {
        return None;
    }
    let colour = before.color();
    let channels = usize::from(colour.channel_count());
    let alpha = colour.has_alpha().then(|| channels - 1);
    match colour.bytes_per_pixel() / colour.channel_count() {
        1 => distance(before.as_bytes(), after.as_bytes(), channels, alpha, u8::MAX),
        2 => {
            let samples = |picture: &DynamicImage| -> Vec<u16> {
                let pairs = picture.as_bytes().chunks_exact(2);
                pairs.filter_map(|pair| pair.try_into().ok().map(u16::from_ne_bytes)).collect()
            };
            distance(&samples(before), &samples(after), channels, alpha, u16::MAX)
        }
        _ => None,
    }
}

fn distance<T: Copy + PartialEq + Into<f64>>(
    before: &[T],
    after: &[T],
    channels: usize,
    alpha: Option<usize>,
    max: T,
) -> Option<(f64, f64)> {
    let max: f64 = max.into();
    let (mut sum, mut largest, mut count) = (0.0, 0.0_f64, 0_u32);
    for (before, after) in before.chunks_exact(channels).zip(after.chunks_exact(channels)) {
        for (channel, (before, after)) in before.iter().zip(after).enumerate() {
            if Some(channel) == alpha {
                if before != after {
                    return None;
                }
                continue;
            }
            let difference = (max - (*before).into() - (*after).into()).abs();
            sum += difference;
            largest = largest.max(difference);
            count += 1;
        }
    }
    Some((sum / f64::from(count.max(1)) / max * 255.0, largest / max * 255.0))
}

fn encode(number: u32, side: u32, format: ImageFormat) -> Result<Vec<u8>> {
    let level = |value: u32| u8::try_from(value % 256).unwrap_or_default();
    let picture = RgbImage::from_fn(side, side, |x, y| {
        image::Rgb([level(number), level(number / 256 + 2 * x), level(2 * y + number % 7)])
    });
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(picture).write_to(&mut bytes, format).context("cannot encode")?;
    Ok(bytes.into_inner())
}

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap_or_default().to_be_bytes();
    let body = [&kind[..], data].concat();
    let check = crc32fast::hash(&body).to_be_bytes();
    [&length[..], &body, &check].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_make_different_pictures() {
        let all: std::collections::BTreeSet<_> = (0..600).map(|n| png(n).unwrap()).collect();
        assert_eq!(all.len(), 600);
    }

    #[test]
    fn the_bomb_is_well_formed_but_for_its_size() {
        let reader =
            image::ImageReader::new(Cursor::new(png_bomb())).with_guessed_format().unwrap();
        assert_eq!(reader.into_dimensions().unwrap(), (60_000, 60_000));
    }

    #[test]
    fn the_distance_is_zero_for_the_inverse_only() {
        let before = decode(&png(7).unwrap()).unwrap();
        let mut after = before.clone();
        assert!(distance_from_inverse(&before, &after).unwrap().0 > 10.0);
        after.invert();
        assert_eq!(distance_from_inverse(&before, &after), Some((0.0, 0.0)));
        let deep = DynamicImage::from(before.to_rgba16());
        let mut deep_inverse = deep.clone();
        deep_inverse.invert();
        assert_eq!(distance_from_inverse(&deep, &deep_inverse), Some((0.0, 0.0)));
        assert_eq!(distance_from_inverse(&before, &deep), None);
    }
}
