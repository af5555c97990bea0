//! Changes of single colours: inversion, gray, brightness and contrast.

use image::{DynamicImage, ImageBuffer, Luma, LumaA, Pixel, Primitive, Rgb, Rgba};

use crate::operations::Percent;

/// Rec. 709 weights of red, green and blue.
const LUMA: [f32; 3] = [0.2126, 0.7152, 0.0722];

/// Maximum minus sample; floating point is limited to 0 to 1 first.
pub(crate) fn invert(image: &mut DynamicImage) {
    map_samples(image, |sample| 1.0 - sample);
}

/// What [`brighten`] does to a sample between 0 and 1.
pub(crate) fn brightened(sample: f64, percent: Percent) -> f64 {
    sample + f64::from(percent.get()) / 100.0
}

/// What [`contrast`] does to a sample between 0 and 1.
pub(crate) fn contrasted(sample: f64, percent: Percent) -> f64 {
    let factor = (100.0 + f64::from(percent.get())) / 100.0;
    (sample - 0.5) * factor * factor + 0.5
}

pub(crate) fn brighten(image: &mut DynamicImage, percent: Percent) {
    map_samples(image, |sample| brightened(sample, percent));
}

pub(crate) fn contrast(image: &mut DynamicImage, percent: Percent) {
    map_samples(image, |sample| contrasted(sample, percent));
}

/// A table of what `map`, from 0 to 1, does to every sample of eight bits.
pub(crate) fn table(map: impl Fn(f64) -> f64) -> [u8; 256] {
    let mut sample = 0.0;
    [(); 256].map(|()| {
        let mapped = (map(sample / 255.0) * 255.0).round().clamp(0.0, 255.0) as u8;
        sample += 1.0;
        mapped
    })
}

fn long_table(map: impl Fn(f64) -> f64) -> Vec<u16> {
    let mapped = |sample: u16| map(f64::from(sample) / 65535.0) * 65535.0;
    (0..=u16::MAX).map(|sample| mapped(sample).round().clamp(0.0, 65535.0) as u16).collect()
}

/// Maps all samples but alpha.
fn map_samples(image: &mut DynamicImage, map: impl Fn(f64) -> f64) {
    let channels = usize::from(image.color().channel_count());
    let colours = channels - usize::from(image.color().has_alpha());
    match samples_mut(image) {
        SamplesMut::Bytes(samples) => {
            let table = table(map);
            each(samples, channels, colours, |sample| look_up(&table, (*sample).into(), sample));
        }
        SamplesMut::Words(samples) => {
            let table = long_table(map);
            each(samples, channels, colours, |sample| look_up(&table, (*sample).into(), sample));
        }
        SamplesMut::Floats(samples) => each(samples, channels, colours, |sample| {
            *sample = map(f64::from(sample.clamp(0.0, 1.0))).clamp(0.0, 1.0) as f32;
        }),
    }
}

fn look_up<T: Copy>(table: &[T], index: usize, sample: &mut T) {
    if let Some(&mapped) = table.get(index) {
        *sample = mapped;
    }
}

fn each<T>(samples: &mut [T], channels: usize, colours: usize, change: impl Fn(&mut T)) {
    if channels == colours {
        samples.iter_mut().for_each(change);
    } else {
        let pixels = samples.chunks_exact_mut(channels);
        pixels.for_each(|pixel| pixel.iter_mut().take(colours).for_each(&change));
    }
}

enum SamplesMut<'a> {
    Bytes(&'a mut [u8]),
    Words(&'a mut [u16]),
    Floats(&'a mut [f32]),
}

fn samples_mut(image: &mut DynamicImage) -> SamplesMut<'_> {
    match image {
        DynamicImage::ImageLuma8(image) => SamplesMut::Bytes(image),
        DynamicImage::ImageLumaA8(image) => SamplesMut::Bytes(image),
        DynamicImage::ImageRgb8(image) => SamplesMut::Bytes(image),
        DynamicImage::ImageRgba8(image) => SamplesMut::Bytes(image),
        DynamicImage::ImageLuma16(image) => SamplesMut::Words(image),
        DynamicImage::ImageLumaA16(image) => SamplesMut::Words(image),
        DynamicImage::ImageRgb16(image) => SamplesMut::Words(image),
        DynamicImage::ImageRgba16(image) => SamplesMut::Words(image),
        DynamicImage::ImageRgb32F(image) => SamplesMut::Floats(image),
        DynamicImage::ImageRgba32F(image) => SamplesMut::Floats(image),
        _ => SamplesMut::Bytes(&mut []),
    }
}

/// Gray by the luma of Rec. 709. Floating point keeps three equal samples, since there is no gray
/// of that kind here.
pub(crate) fn grayscale(image: DynamicImage) -> DynamicImage {
    match image {
        DynamicImage::ImageRgb8(image) => DynamicImage::ImageLuma8(to_gray(&image)),
        DynamicImage::ImageRgba8(image) => DynamicImage::ImageLumaA8(to_gray_alpha(&image)),
        DynamicImage::ImageRgb16(image) => DynamicImage::ImageLuma16(to_gray(&image)),
        DynamicImage::ImageRgba16(image) => DynamicImage::ImageLumaA16(to_gray_alpha(&image)),
        DynamicImage::ImageRgb32F(mut image) => {
            image.pixels_mut().for_each(|pixel| pixel.0 = [luma(pixel.0); 3]);
            DynamicImage::ImageRgb32F(image)
        }
        DynamicImage::ImageRgba32F(mut image) => {
            for pixel in image.pixels_mut() {
                let [red, green, blue, alpha] = pixel.0;
                let luma = luma([red, green, blue]);
                pixel.0 = [luma, luma, luma, alpha];
            }
            DynamicImage::ImageRgba32F(image)
        }
        gray @ (DynamicImage::ImageLuma8(_)
        | DynamicImage::ImageLumaA8(_)
        | DynamicImage::ImageLuma16(_)
        | DynamicImage::ImageLumaA16(_)
        | _) => gray,
    }
}

/// The luma of red, green and blue; for whole samples not yet rounded.
pub(crate) fn luma(colour: [f32; 3]) -> f32 {
    colour.into_iter().zip(LUMA).map(|(sample, weight)| sample * weight).sum()
}

type Buffer<P> = ImageBuffer<P, Vec<<P as Pixel>::Subpixel>>;

fn to_gray<T: Sample>(image: &Buffer<Rgb<T>>) -> Buffer<Luma<T>>
where
    Rgb<T>: Pixel<Subpixel = T>,
    Luma<T>: Pixel<Subpixel = T>,
{
    let mut gray = ImageBuffer::new(image.width(), image.height());
    for (gray, colour) in gray.pixels_mut().zip(image.pixels()) {
        *gray = Luma([T::luma(colour.0)]);
    }
    gray
}

fn to_gray_alpha<T: Sample>(image: &Buffer<Rgba<T>>) -> Buffer<LumaA<T>>
where
    Rgba<T>: Pixel<Subpixel = T>,
    LumaA<T>: Pixel<Subpixel = T>,
{
    let mut gray = ImageBuffer::new(image.width(), image.height());
    for (gray, colour) in gray.pixels_mut().zip(image.pixels()) {
        let [red, green, blue, alpha] = colour.0;
        *gray = LumaA([T::luma([red, green, blue]), alpha]);
    }
    gray
}

/// A whole sample of eight or sixteen bits.
pub(crate) trait Sample: Primitive {
    fn luma(colour: [Self; 3]) -> Self;
}

impl Sample for u8 {
    fn luma(colour: [Self; 3]) -> Self {
        luma(colour.map(f32::from)).round() as Self
    }
}

impl Sample for u16 {
    fn luma(colour: [Self; 3]) -> Self {
        luma(colour.map(f32::from)).round() as Self
    }
}
