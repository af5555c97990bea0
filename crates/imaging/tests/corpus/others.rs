//! The other formats by public encoders.

use std::io::Cursor;

use image::{
    DynamicImage, ImageFormat, RgbImage,
    codecs::gif::{GifEncoder, Repeat},
};

use super::Picture;

pub(crate) fn dynamic(picture: &Picture) -> DynamicImage {
    RgbImage::from_raw(picture.width, picture.height, picture.rgb.clone()).unwrap().into()
}

pub(crate) fn encode(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Truecolour, packed about as well as by most programs: the best filter by row, zlib's usual level.
pub(crate) fn png(picture: &Picture) -> Vec<u8> {
    write_png(picture, png::ColorType::Rgb, &picture.rgb, |encoder| {
        encoder.set_compression(png::Compression::Balanced);
        encoder.set_filter(png::Filter::Adaptive);
    })
}

/// A disc of one colour on nothing, without filters, as icons are.
pub(crate) fn transparent_png(picture: &Picture) -> Vec<u8> {
    let (width, height) = (i64::from(picture.width), i64::from(picture.height));
    let radius = width.min(height) / 4;
    let pixel = |x: i64, y: i64| {
        let is_inside = (x - width / 2).pow(2) + (y - height / 2).pow(2) < radius.pow(2);
        if is_inside { [200, 30, 40, 255] } else { [0; 4] }
    };
    let samples: Vec<u8> =
        (0..height).flat_map(|y| (0..width).flat_map(move |x| pixel(x, y))).collect();
    write_png(picture, png::ColorType::Rgba, &samples, |encoder| {
        encoder.set_compression(png::Compression::Balanced);
        encoder.set_filter(png::Filter::NoFilter);
    })
}

pub(crate) fn gray_png(picture: &Picture) -> Vec<u8> {
    write_png(picture, png::ColorType::Grayscale, &picture.gray(), |_| ())
}

/// With the 216 colours that browsers once shared.
pub(crate) fn palette_png(picture: &Picture) -> Vec<u8> {
    write_png(picture, png::ColorType::Indexed, &indices(picture), |encoder| {
        encoder.set_palette(palette());
    })
}

fn write_png(
    picture: &Picture,
    colours: png::ColorType,
    samples: &[u8],
    set: impl FnOnce(&mut png::Encoder<'_, &mut Vec<u8>>),
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, picture.width, picture.height);
    encoder.set_color(colours);
    encoder.set_depth(png::BitDepth::Eight);
    set(&mut encoder);
    encoder.write_header().unwrap().write_image_data(samples).unwrap();
    bytes
}

fn palette() -> Vec<u8> {
    let level = |index: u8, unit: u8| index / unit % 6 * 51;
    (0..216).flat_map(|index| [level(index, 36), level(index, 6), level(index, 1)]).collect()
}

fn indices(picture: &Picture) -> Vec<u8> {
    let nearest = |pixel: &[u8]| {
        pixel.iter().fold(0, |index, &sample| index * 6 + ((u16::from(sample) + 25) / 51) as u8)
    };
    picture.rgb.chunks_exact(3).map(nearest).collect()
}

pub(crate) fn gif(picture: &Picture) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new_with_speed(&mut bytes, 30);
    encoder.set_repeat(Repeat::Infinite).unwrap();
    encoder.encode_frame(image::Frame::new(dynamic(picture).into_rgba8())).unwrap();
    drop(encoder);
    bytes
}

/// Eight bits a pixel with a colour table.
pub(crate) fn palette_bmp(picture: &Picture) -> Vec<u8> {
    let colours = palette();
    let table = colours.chunks_exact(3).map(|colour| [colour[0], colour[1], colour[2]]);
    let table: Vec<[u8; 3]> = table.collect();
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::bmp::BmpEncoder::new(&mut bytes);
    let (width, height) = (picture.width, picture.height);
    let kind = image::ExtendedColorType::L8;
    encoder.encode_with_palette(&indices(picture), width, height, kind, Some(&table)).unwrap();
    bytes
}
