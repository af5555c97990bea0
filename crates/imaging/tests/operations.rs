//! Every operation against a slow and simple reference, on every kind of samples and format.

#![cfg(test)]

use std::io::Cursor;

use image::{
    AnimationDecoder, ColorType, DynamicImage, ImageBuffer, ImageDecoder, ImageFormat, ImageReader,
    Rgba, RgbaImage,
    codecs::{gif::GifDecoder, png::PngDecoder, webp::WebPDecoder},
    metadata::Orientation,
};
use imaging::{Class, Format, Limits, Output, Path, Phases, Pipeline};
use proptest::prelude::*;

fn process(bytes: &[u8], text: &str) -> Result<Output, imaging::Error> {
    let pipeline: Pipeline = text.parse().unwrap();
    imaging::process(bytes, &pipeline, &Limits::default())
}

fn run(bytes: &[u8], text: &str) -> Output {
    process(bytes, text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn decode(output: &Output) -> DynamicImage {
    image::load_from_memory_with_format(&output.bytes, image_format(output.format)).unwrap()
}

fn encode(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn image_format(format: Format) -> ImageFormat {
    match format {
        Format::Jpeg => ImageFormat::Jpeg,
        Format::Png => ImageFormat::Png,
        Format::Gif => ImageFormat::Gif,
        Format::WebP => ImageFormat::WebP,
        Format::Bmp => ImageFormat::Bmp,
        Format::Tiff => ImageFormat::Tiff,
        Format::Pnm => ImageFormat::Pnm,
        Format::Qoi => ImageFormat::Qoi,
        Format::Ico => ImageFormat::Ico,
        Format::Tga => ImageFormat::Tga,
    }
}

const FORMATS: [(&str, Format); 10] = [
    ("jpeg", Format::Jpeg),
    ("png", Format::Png),
    ("gif", Format::Gif),
    ("webp", Format::WebP),
    ("bmp", Format::Bmp),
    ("tiff", Format::Tiff),
    ("pnm", Format::Pnm),
    ("qoi", Format::Qoi),
    ("ico", Format::Ico),
    ("tga", Format::Tga),
];

const KINDS: [ColorType; 8] = [
    ColorType::L8,
    ColorType::La8,
    ColorType::Rgb8,
    ColorType::Rgba8,
    ColorType::L16,
    ColorType::La16,
    ColorType::Rgb16,
    ColorType::Rgba16,
];

/// A picture of a kind of colours, its samples filled from `seed`.
fn picture(colour: ColorType, width: u32, height: u32, seed: u32) -> DynamicImage {
    let mut state = seed.wrapping_mul(2) | 1;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as u16
    };
    macro_rules! filled {
        ($kind:ident, $sample:ty) => {{
            let count = (width * height) as usize * usize::from(colour.channel_count());
            let samples = (0..count).map(|_| next() as $sample).collect();
            DynamicImage::$kind(ImageBuffer::from_raw(width, height, samples).unwrap())
        }};
    }
    match colour {
        ColorType::L8 => filled!(ImageLuma8, u8),
        ColorType::La8 => filled!(ImageLumaA8, u8),
        ColorType::Rgb8 => filled!(ImageRgb8, u8),
        ColorType::Rgba8 => filled!(ImageRgba8, u8),
        ColorType::L16 => filled!(ImageLuma16, u16),
        ColorType::La16 => filled!(ImageLumaA16, u16),
        ColorType::Rgb16 => filled!(ImageRgb16, u16),
        ColorType::Rgba16 => filled!(ImageRgba16, u16),
        other @ (ColorType::Rgb32F | ColorType::Rgba32F | _) => panic!("no picture of {other:?}"),
    }
}

/// A smooth picture, as photos are.
fn smooth(width: u32, height: u32) -> DynamicImage {
    let image = image::RgbImage::from_fn(width, height, |x, y| {
        let wave = |a: f32, b: f32| {
            (127.5 + 100.0 * (x as f32 * a + 1.0).sin() * (y as f32 * b + 0.5).cos()) as u8
        };
        image::Rgb([wave(0.10, 0.07), wave(0.05, 0.11), wave(0.08, 0.03)])
    });
    DynamicImage::from(image)
}

/// Samples between 0 and 1, by channel.
fn samples(image: &DynamicImage) -> Vec<f64> {
    let deep = image.color().bytes_per_pixel() / image.color().channel_count() == 2;
    if deep {
        let words = image.as_bytes().as_chunks::<2>().0.iter();
        words.map(|word| f64::from(u16::from_ne_bytes(*word)) / 65535.0).collect()
    } else {
        image.as_bytes().iter().map(|sample| f64::from(*sample) / 255.0).collect()
    }
}

/// One step of a sample, between 0 and 1.
fn step(image: &DynamicImage) -> f64 {
    let deep = image.color().bytes_per_pixel() / image.color().channel_count() == 2;
    if deep { 1.0 / 65535.0 } else { 1.0 / 255.0 }
}

fn assert_close(actual: &DynamicImage, expected: &[f64], tolerance: f64, what: &str) {
    let actual = samples(actual);
    assert_eq!(actual.len(), expected.len(), "{what}");
    for (index, (actual, expected)) in actual.iter().zip(expected).enumerate() {
        let difference = (actual - expected).abs();
        assert!(difference <= tolerance, "{what}: sample {index} is {actual}, not {expected}");
    }
}

/// Applies `map` to all samples but alpha.
fn mapped(image: &DynamicImage, map: impl Fn(f64) -> f64) -> Vec<f64> {
    let channels = usize::from(image.color().channel_count());
    let alpha = image.color().has_alpha().then_some(channels - 1);
    let samples = samples(image).into_iter().enumerate();
    let mapped = samples.map(|(index, sample)| {
        if Some(index % channels) == alpha { sample } else { map(sample).clamp(0.0, 1.0) }
    });
    mapped.collect()
}

#[test]
fn tones_are_as_documented_on_every_kind_of_samples() {
    for colour in KINDS {
        let source = picture(colour, 7, 5, 1);
        let bytes = encode(&source, ImageFormat::Png);
        let check = |text: &str, map: &dyn Fn(f64) -> f64| {
            let result = decode(&run(&bytes, text));
            assert_eq!(result.color(), colour, "{text}");
            let what = format!("{text} on {colour:?}");
            assert_close(&result, &mapped(&source, map), 0.501 * step(&source), &what);
        };
        check("invert=exact", &|sample| 1.0 - sample);
        check("brightness=0", &|sample| sample);
        check("brightness=30", &|sample| sample + 0.3);
        check("brightness=-100", &|_| 0.0);
        check("brightness=100", &|_| 1.0);
        check("contrast=0", &|sample| sample);
        check("contrast=20", &|sample| (sample - 0.5) * 1.44 + 0.5);
        check("contrast=-50", &|sample| (sample - 0.5) * 0.25 + 0.5);
        check("contrast=-100", &|_| 0.5);
        check("contrast=100", &|sample| (sample - 0.5) * 4.0 + 0.5);
    }
}

#[test]
fn gray_is_the_luma_of_rec_709() {
    for colour in KINDS {
        let source = picture(colour, 9, 4, 2);
        let result = decode(&run(&encode(&source, ImageFormat::Png), "grayscale"));
        assert!(!result.color().has_color(), "{colour:?}");
        assert_eq!(result.color().has_alpha(), colour.has_alpha());
        let pixels = samples(&source);
        let expected: Vec<f64> = match usize::from(colour.channel_count()) {
            channels @ (3 | 4) => {
                let gray = |pixel: &[f64]| {
                    let luma = 0.2126 * pixel[0] + 0.7152 * pixel[1] + 0.0722 * pixel[2];
                    [luma].into_iter().chain(pixel.get(3).copied()).collect::<Vec<_>>()
                };
                pixels.chunks(channels).flat_map(gray).collect()
            }
            _ => pixels,
        };
        assert_close(&result, &expected, 0.501 * step(&source), &format!("{colour:?}"));
    }
}

#[test]
fn rotations_and_flips_are_those_of_the_image_crate() {
    for colour in KINDS {
        let source = picture(colour, 5, 3, 3);
        let bytes = encode(&source, ImageFormat::Png);
        let after = |text: &str| decode(&run(&bytes, text));
        assert_eq!(after("rotate=90"), source.rotate90());
        assert_eq!(after("rotate=180"), source.rotate180());
        assert_eq!(after("rotate=270"), source.rotate270());
        assert_eq!(after("flip=horizontal"), source.fliph());
        assert_eq!(after("flip=vertical"), source.flipv());
    }
}

/// A Gaussian blur by its definition, with colours weighted by their alpha.
fn slowly_blurred(image: &DynamicImage, sigma: f64) -> Vec<f64> {
    let channels = usize::from(image.color().channel_count());
    let colours = channels - usize::from(image.color().has_alpha());
    let (width, height) = (image.width() as i64, image.height() as i64);
    let pixels = samples(image);
    let pixel = |x: i64, y: i64| {
        let at = (y.clamp(0, height - 1) * width + x.clamp(0, width - 1)) as usize * channels;
        &pixels[at..at + channels]
    };
    let reach = (sigma * 4.0).ceil() as i64;
    let mut blurred = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let (mut sums, mut alpha, mut total) = (vec![0.0; colours], 0.0, 0.0);
            for dy in -reach..=reach {
                for dx in -reach..=reach {
                    let weight = (-((dx * dx + dy * dy) as f64) / (2.0 * sigma * sigma)).exp();
                    let pixel = pixel(x + dx, y + dy);
                    let opacity = pixel.get(colours).copied().unwrap_or(1.0);
                    let parts = sums.iter_mut().zip(pixel);
                    parts.for_each(|(sum, sample)| *sum += weight * opacity * sample);
                    alpha += weight * opacity;
                    total += weight;
                }
            }
            blurred.extend(sums.iter().map(|sum| if alpha > 0.0 { sum / alpha } else { 0.0 }));
            blurred.extend((channels > colours).then_some(alpha / total));
        }
    }
    blurred
}

#[test]
fn blur_is_gaussian_and_weighted_by_alpha() {
    for colour in KINDS {
        for sigma in [0.5, 1.0, 2.5, 6.0] {
            let source = picture(colour, 12, 9, 4);
            let result = decode(&run(&encode(&source, ImageFormat::Png), &format!("blur={sigma}")));
            assert_eq!(result.color(), colour);
            // The kernel is cut off where it hardly counts.
            let tolerance = 0.012 + step(&source);
            let what = format!("blur={sigma} on {colour:?}");
            assert_close(&result, &slowly_blurred(&source, sigma), tolerance, &what);
        }
    }
}

#[test]
fn a_strong_blur_is_made_on_a_smaller_copy_and_is_the_same() {
    for (colour, width, height) in
        [(ColorType::L8, 31, 22), (ColorType::La8, 18, 25), (ColorType::L16, 50, 3)]
    {
        for sigma in [15.9, 16.0, 24.5] {
            let source = picture(colour, width, height, 8);
            let result = decode(&run(&encode(&source, ImageFormat::Png), &format!("blur={sigma}")));
            let what = format!("blur={sigma} on {colour:?}");
            assert_close(&result, &slowly_blurred(&source, sigma), 0.015, &what);
        }
    }
    let flat = DynamicImage::from(image::RgbImage::from_pixel(40, 30, [9, 99, 199].into()));
    assert_eq!(decode(&run(&encode(&flat, ImageFormat::Png), "blur=100")), flat);
}

#[test]
fn what_cannot_be_seen_does_not_shine_through() {
    // Red where it is transparent, blue where it is not.
    let image =
        RgbaImage::from_fn(
            8,
            8,
            |x, _| {
                if x < 4 { Rgba([255, 0, 0, 0]) } else { Rgba([0, 0, 255, 255]) }
            },
        );
    let bytes = encode(&image.into(), ImageFormat::Png);
    for text in ["blur=2", "resize=16x16", "resize=3x3", "resize=5x3,crop", "thumbnail=3"] {
        let result = decode(&run(&bytes, text)).into_rgba8();
        for pixel in result.pixels().filter(|pixel| pixel.0[3] > 0) {
            assert!(pixel.0[0] <= 3 && pixel.0[2] >= 250, "{text}: {pixel:?}");
        }
    }
}

/// The weights of the source's samples for sample `place` of `to`: Lanczos' window of three lobes,
/// widened where the picture becomes smaller.
fn weights(place: u32, from: u32, to: u32) -> Vec<f64> {
    let scale = f64::from(from) / f64::from(to);
    let widened = scale.max(1.0);
    let middle = (f64::from(place) + 0.5) * scale;
    let lanczos = |x: f64| {
        let (pi_x, third) = (std::f64::consts::PI * x, std::f64::consts::PI * x / 3.0);
        match x.abs() {
            0.0 => 1.0,
            distance if distance < 3.0 => pi_x.sin() / pi_x * third.sin() / third,
            _ => 0.0,
        }
    };
    let weights: Vec<f64> =
        (0..from).map(|at| lanczos((f64::from(at) + 0.5 - middle) / widened)).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}

#[test]
fn resizing_is_a_convolution_with_three_lobes() {
    for colour in [ColorType::L8, ColorType::L16] {
        // Not so strong that a pass would overshoot, as samples are limited between the two.
        let source = encode(&picture(colour, 23, 17, 6), ImageFormat::Png);
        let bytes = run(&source, "contrast=-30").bytes;
        let source = image::load_from_memory(&bytes).unwrap();
        let pixels = samples(&source);
        for (width, height) in [(11, 8), (23, 5), (50, 40), (1, 1), (24, 16)] {
            let result = decode(&run(&bytes, &format!("resize={width}x{height},fill")));
            let mut expected = Vec::new();
            for y in 0..height {
                let down = weights(y, 17, height);
                for x in 0..width {
                    let across = weights(x, 23, width);
                    let row = |row: &[f64]| row.iter().zip(&across).map(|(s, w)| s * w).sum();
                    let rows: Vec<f64> = pixels.chunks(23).map(row).collect();
                    let sum: f64 = rows.iter().zip(&down).map(|(s, w)| s * w).sum();
                    expected.push(sum.clamp(0.0, 1.0));
                }
            }
            assert_close(
                &result,
                &expected,
                2.0 * step(&source),
                &format!("{colour:?} {width} x {height}"),
            );
        }
    }
    let source = smooth(80, 60);
    let bytes = encode(&source, ImageFormat::Png);
    for (width, height) in [(40, 30), (111, 77), (200, 9)] {
        let result = decode(&run(&bytes, &format!("resize={width}x{height},fill")));
        let filter = image::imageops::FilterType::Lanczos3;
        let difference = mean_difference(&result, &source.resize_exact(width, height, filter));
        assert!(difference <= 1.5, "{width} x {height}: {difference}");
    }
}

#[test]
fn sizes_are_as_documented() {
    let bytes = encode(&smooth(80, 60), ImageFormat::Png);
    for (text, size) in [
        ("resize=40x40", (40, 30)),
        ("resize=40x40,fit", (40, 30)),
        ("resize=160x200", (160, 120)),
        ("resize=20x", (20, 15)),
        ("resize=x20", (27, 20)),
        ("resize=40x40,fill", (40, 40)),
        ("resize=40x40,crop", (40, 40)),
        ("thumbnail=40", (40, 30)),
        ("thumbnail=200", (80, 60)),
        ("thumbnail=x30", (40, 30)),
        ("thumbnail=10x100|resize=20x20", (20, 16)),
        ("rotate=90|resize=30x", (30, 40)),
    ] {
        let output = run(&bytes, text);
        assert_eq!((output.width, output.height), size, "{text}");
        let result = decode(&output);
        assert_eq!((result.width(), result.height()), size, "{text}");
    }
}

#[test]
fn crop_takes_the_middle() {
    // Three squares side by side, of which the middle one remains.
    let image =
        image::GrayImage::from_fn(90, 30, |x, _| [if x / 30 == 1 { 200 } else { 10 }].into());
    let bytes = encode(&image.into(), ImageFormat::Png);
    let result = decode(&run(&bytes, "resize=30x30,crop")).into_luma8();
    assert!(result.pixels().all(|pixel| pixel.0[0] == 200));
    let result = decode(&run(&bytes, "rotate=90|resize=10x10,crop")).into_luma8();
    let middle = result.enumerate_pixels().filter(|(_, y, _)| (2..8).contains(y));
    assert!(middle.map(|(_, _, pixel)| pixel.0[0]).all(|gray| gray.abs_diff(200) <= 12));
}

fn source_of(format: Format, image: &DynamicImage) -> Vec<u8> {
    if format == Format::Jpeg {
        encode(&image.to_rgb8().into(), ImageFormat::Jpeg)
    } else if matches!(format, Format::Gif | Format::Ico) {
        encode(&image.to_rgba8().into(), image_format(format))
    } else {
        encode(image, image_format(format))
    }
}

/// Mean difference of RGB in levels of 255.
fn mean_difference(one: &DynamicImage, other: &DynamicImage) -> f64 {
    let (one, other) = (one.to_rgb8(), other.to_rgb8());
    assert_eq!(one.dimensions(), other.dimensions());
    let differences = one.iter().zip(other.iter()).map(|(a, b)| f64::from(a.abs_diff(*b)));
    differences.sum::<f64>() / one.len() as f64
}

#[test]
fn every_format_converts_to_every_other() {
    let image = smooth(48, 36);
    for (_, from) in FORMATS {
        let bytes = source_of(from, &image);
        let before = image::load_from_memory_with_format(&bytes, image_format(from)).unwrap();
        for (name, to) in FORMATS {
            let output = run(&bytes, &format!("convert={name}"));
            assert_eq!((output.format, output.width, output.height), (to, 48, 36));
            assert_eq!(imaging::sniff(&output.bytes), Some(imaging::Sniffed::Picture(to)));
            let most = if to == Format::Gif && from != Format::Gif {
                5.0
            } else if to == Format::Jpeg {
                4.0
            } else {
                0.0
            };
            let difference = mean_difference(&before, &decode(&output));
            assert!(difference <= most, "{from} to {to}: {difference}");
        }
    }
}

#[test]
fn every_operation_works_on_every_format_and_keeps_it() {
    let image = smooth(24, 18);
    for (_, format) in FORMATS {
        let bytes = source_of(format, &image);
        let before = image::load_from_memory_with_format(&bytes, image_format(format)).unwrap();
        for (text, expected) in [
            ("invert=exact", None),
            ("grayscale", None),
            ("blur=1", Some(before.blur(1.0))),
            ("brightness=10", None),
            ("contrast=-10", None),
            ("strip", Some(before.clone())),
            ("invert|strip", None),
            ("rotate=90", Some(before.rotate90())),
            ("flip=vertical", Some(before.flipv())),
            ("resize=12x9", None),
            ("thumbnail=6", None),
        ] {
            let output = run(&bytes, text);
            assert_eq!(output.format, format, "{text}");
            let result = decode(&output);
            assert_eq!((result.width(), result.height()), (output.width, output.height));
            if let Some(expected) = expected {
                let most = if format == Format::Jpeg { 2.0 } else { 0.5 };
                let most = if format == Format::Gif { 5.0 } else { most };
                let difference = mean_difference(&expected, &result);
                assert!(difference <= most, "{text} on {format}: {difference}");
            }
        }
    }
}

#[test]
fn depth_and_alpha_survive_where_the_target_holds_them() {
    for colour in KINDS {
        let source = picture(colour, 6, 4, 5);
        let bytes = encode(&source, ImageFormat::Png);
        for text in ["convert=tiff", "convert=pnm", "convert=tiff|convert=png"] {
            let output = run(&bytes, text);
            assert!(output.notes.is_empty(), "{text} of {colour:?}: {:?}", output.notes);
            // TIFF has no gray with alpha here, so it comes back in three equal colours.
            let result = decode(&output);
            assert_eq!(result.to_rgba16(), source.to_rgba16(), "{text} of {colour:?}");
            assert!(result.color().has_color() == colour.has_color() || colour.has_alpha());
        }
        for name in ["webp", "qoi", "tga", "bmp", "ico"] {
            let output = run(&bytes, &format!("convert={name}"));
            let is_deep = step(&source) < 1.0 / 255.0;
            let has_note = output.notes.iter().any(|note| note.contains("depth"));
            assert_eq!(has_note, is_deep, "{name} of {colour:?}: {:?}", output.notes);
            let (result, expected) = (decode(&output).into_rgba8(), source.to_rgba8());
            assert_eq!(result, expected, "{name} of {colour:?}");
        }
    }
}

#[test]
fn a_jpeg_gets_its_alpha_on_white_with_a_note() {
    let image = RgbaImage::from_pixel(16, 16, Rgba([0, 0, 0, 0]));
    let output = run(&encode(&image.into(), ImageFormat::Png), "convert=jpg");
    assert!(output.notes.iter().any(|note| note.contains("white")), "{:?}", output.notes);
    assert!(decode(&output).into_rgb8().iter().all(|sample| *sample >= 254));
}

#[test]
fn palettes_stay_palettes_where_the_colours_allow() {
    let bytes = indexed_png();
    let before = image::load_from_memory(&bytes).unwrap();
    let output = run(&bytes, "rotate=90");
    assert_eq!(output.bytes[24..26], [2, 3], "two bits, indexed");
    assert_eq!(decode(&output), before.rotate90());
    let gray = run(&encode_gray_of_two_bits(), "flip=horizontal");
    assert_eq!(gray.bytes[24..26], [2, 0], "two bits, gray");
}

/// Three colours, one of them half transparent, in two bits.
fn indexed_png() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 3, 2);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Two);
    encoder.set_palette(vec![1, 2, 3, 40, 50, 60, 255, 0, 128]);
    encoder.set_trns(vec![255, 100]);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[0b0001_1000, 0b1001_0000]).unwrap();
    writer.finish().unwrap();
    bytes
}

fn encode_gray_of_two_bits() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 3, 1);
    encoder.set_depth(png::BitDepth::Two);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[0b0001_1000]).unwrap();
    writer.finish().unwrap();
    bytes
}

#[test]
fn chains_of_colours_alone_change_the_colour_tables_and_nothing_else() {
    let gif = animated_gif(true);
    let still: DynamicImage = frames(true)[1].clone().into();
    let flat = run(&encode(&still.to_rgb8().into(), ImageFormat::Png), "convert=gif").bytes;
    let bmp = indexed_bmp(&flat);
    let png = indexed_png();
    for bytes in [&gif, &flat, &bmp, &png] {
        for text in ["grayscale", "brightness=20", "invert|contrast=30|grayscale", "contrast=-100"]
        {
            let output = run(bytes, text);
            assert_eq!((output.path, output.bytes.len()), (Path::Palette, bytes.len()), "{text}");
            // The same through the pixels.
            let pixels = run(bytes, &format!("{text}|flip=vertical|flip=vertical"));
            assert_eq!(pixels.path, Path::Pixels);
            let (one, other) = (decode(&output).into_rgba8(), decode(&pixels).into_rgba8());
            assert_looks_like(&one, &other, text);
        }
    }
}

/// A BMP with a colour table, made of a GIF of one frame.
fn indexed_bmp(gif: &[u8]) -> Vec<u8> {
    let image = image::load_from_memory(gif).unwrap().into_luma8();
    let palette: Vec<[u8; 3]> = (0..=255u8).map(|shade| [shade, shade / 2, 255 - shade]).collect();
    let mut bytes = Vec::new();
    let (width, height) = image.dimensions();
    image::codecs::bmp::BmpEncoder::new(&mut bytes)
        .encode_with_palette(&image, width, height, image::ExtendedColorType::L8, Some(&palette))
        .unwrap();
    bytes
}

const PROFILE: &[u8] = b"\0\0\0\0lcms\x02\x10\0\0mntrRGB XYZ ........................";

/// A JPEG with a profile, EXIF, XMP, a density and a comment.
fn described_jpeg() -> Vec<u8> {
    let picture = encode(&smooth(32, 24), ImageFormat::Jpeg);
    let mut segments = Vec::new();
    let mut push = |marker: u8, body: &[u8]| {
        segments.extend([0xff, marker]);
        segments.extend((body.len() as u16 + 2).to_be_bytes());
        segments.extend(body);
    };
    push(0xe0, b"JFIF\0\x01\x02\x01\x01\x2c\x01\x2c\0\0");
    push(0xe1, &[b"Exif\0\0", &exif(1)[..]].concat());
    push(0xe1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>kept</x:xmpmeta>");
    push(0xe2, &[b"ICC_PROFILE\0\x01\x01", PROFILE].concat());
    push(0xfe, b"a comment");
    let after_jfif = 4 + usize::from(u16::from_be_bytes([picture[4], picture[5]]));
    [&picture[..2], &segments, &picture[after_jfif..]].concat()
}

/// An EXIF block with an artist and an orientation.
fn exif(orientation: u8) -> Vec<u8> {
    let mut block = b"II*\0\x08\0\0\0\x02\0".to_vec();
    block.extend([0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0]);
    block.extend([0x3b, 0x01, 2, 0, 4, 0, 0, 0]);
    block.extend(b"Ada\0");
    block.extend([0; 4]);
    block
}

fn has(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

fn decoder(output: &Output) -> Box<dyn ImageDecoder> {
    let reader = Cursor::new(output.bytes.clone());
    let reader = ImageReader::with_format(reader, image_format(output.format));
    Box::new(reader.into_decoder().unwrap())
}

#[test]
fn metadata_goes_along_where_the_target_holds_it() {
    let source = described_jpeg();
    for text in ["blur=1", "convert=png", "convert=webp", "convert=png|resize=8x8"] {
        let output = run(&source, text);
        let mut decoder = decoder(&output);
        assert_eq!(decoder.icc_profile().unwrap().as_deref(), Some(PROFILE), "{text}");
        let exif = decoder.exif_metadata().unwrap().expect("EXIF");
        assert!(has(&exif, b"Ada"), "{text}");
        let xmp = decoder.xmp_metadata().unwrap().expect("XMP");
        assert!(has(&xmp, b"kept"), "{text}");
        let is_jpeg = output.format == Format::Jpeg;
        assert_eq!(has(&output.bytes, b"a comment"), is_jpeg, "{text}");
        let has_note = output.notes.iter().any(|note| note.contains("comments"));
        assert_eq!(has_note, !is_jpeg, "{text}: {:?}", output.notes);
    }
    let jpeg = run(&source, "blur=1");
    assert!(has(&jpeg.bytes, b"JFIF\0\x01\x02\x01\x01\x2c\x01\x2c"), "300 dots an inch");
    let png = run(&source, "convert=png");
    assert!(has(&png.bytes, b"pHYs\0\0\x2e\x23\0\0\x2e\x23\x01"), "11811 a metre");
    let tiff = run(&source, "convert=tiff");
    let mut tiff_decoder = decoder(&tiff);
    assert_eq!(tiff_decoder.icc_profile().unwrap().as_deref(), Some(PROFILE));
    assert!(tiff.notes.iter().any(|note| note.contains("EXIF")), "{:?}", tiff.notes);
    let bmp = run(&source, "convert=bmp");
    assert_eq!(bmp.bytes[38..42], 11811u32.to_le_bytes());
    assert!(bmp.notes.iter().any(|note| note.contains("profile")), "{:?}", bmp.notes);
}

#[test]
fn metadata_of_png_webp_and_tiff_stays_when_pixels_change() {
    for name in ["png", "webp", "tiff"] {
        let source = run(&described_jpeg(), &format!("convert={name}"));
        let output = run(&source.bytes, "flip=horizontal|brightness=3");
        assert!(output.notes.iter().all(|note| !note.contains("left out")), "{:?}", output.notes);
        let (mut before, mut after) = (decoder(&source), decoder(&output));
        assert_eq!(after.icc_profile().unwrap(), before.icc_profile().unwrap(), "{name}");
        assert_eq!(after.exif_metadata().unwrap(), before.exif_metadata().unwrap(), "{name}");
        assert_eq!(after.xmp_metadata().unwrap(), before.xmp_metadata().unwrap(), "{name}");
    }
}

#[test]
fn strip_removes_all_but_profile_and_orientation() {
    for (text, orientation) in [
        ("strip", Orientation::Rotate90),
        ("invert|strip", Orientation::Rotate90),
        ("invert=exact|strip", Orientation::Rotate90),
        ("thumbnail=100", Orientation::NoTransforms),
        ("strip|convert=png", Orientation::Rotate90),
        ("strip|convert=webp", Orientation::Rotate90),
        ("strip|convert=tiff", Orientation::Rotate90),
    ] {
        let mut source = described_jpeg();
        let at = source.windows(4).position(|window| window == b"\x12\x01\x03\0").unwrap();
        source[at + 8] = 6;
        let output = run(&source, text);
        let mut decoder = decoder(&output);
        assert_eq!(decoder.icc_profile().unwrap().as_deref(), Some(PROFILE), "{text}");
        let in_tag = (output.format == Format::Tiff).then(|| decoder.orientation().unwrap());
        let exif = decoder.exif_metadata().unwrap();
        let in_exif = exif.and_then(|block| Orientation::from_exif_chunk(&block));
        let found = in_tag.or(in_exif).unwrap_or(Orientation::NoTransforms);
        assert_eq!(found, orientation, "{text}");
        for removed in [&b"Ada"[..], b"kept", b"a comment"] {
            assert!(!has(&output.bytes, removed), "{text}");
        }
    }
}

#[test]
fn strip_alone_leaves_coded_pictures_as_they_are() {
    let gif = animated_gif(true);
    let (frames, end) = gif.split_at(gif.len() - 1);
    let commented = [frames, b"\x21\xfe\x05hello\0", end].concat();
    let output = run(&commented, "strip");
    assert_eq!((output.path, &output.bytes), (Path::Palette, &gif));

    let webp = run(&described_jpeg(), "convert=webp");
    let stripped = run(&webp.bytes, "strip");
    let coded = |bytes: &[u8]| {
        let at = bytes.windows(4).position(|window| window == b"VP8L").unwrap();
        let length = u32::from_le_bytes(*bytes[at + 4..].first_chunk().unwrap());
        bytes[at..at + 8 + length as usize].to_vec()
    };
    assert_eq!(coded(&stripped.bytes), coded(&webp.bytes));
    assert!(has(&stripped.bytes, PROFILE) && !has(&stripped.bytes, b"Ada"));

    let animated = run(&animated_gif(true), "convert=webp");
    let stripped = run(&animated.bytes, "strip");
    assert_eq!((stripped.frames, &stripped.bytes), (4, &animated.bytes));
}

#[test]
fn a_conversion_to_the_same_format_changes_nothing() {
    let jpeg = described_jpeg();
    assert_eq!(run(&jpeg, "convert=jpeg|invert|invert").bytes, run(&jpeg, "invert|invert").bytes);
    let gif = animated_gif(true);
    assert_eq!(run(&gif, "convert=bmp|convert=gif").bytes, gif);
}

#[test]
fn animations_without_a_palette_are_inverted_frame_by_frame() {
    let gif = animated_gif(true);
    let inverted = run(&gif, "invert");
    for name in ["png", "webp"] {
        let source = run(&gif, &format!("convert={name}"));
        let output = run(&source.bytes, "invert");
        assert_eq!((output.frames, output.path), (4, Path::Pixels), "{name}");
        for (one, other) in frames_of(&output).iter().zip(frames_of(&inverted)) {
            assert_looks_like(one.buffer(), other.buffer(), name);
        }
    }
}

#[test]
fn a_gray_jpeg_loses_the_profile_for_colours_with_a_note() {
    let output = run(&described_jpeg(), "grayscale");
    assert_eq!(decode(&output).color(), ColorType::L8);
    assert!(!has(&output.bytes, b"ICC_PROFILE"));
    assert!(output.notes.iter().any(|note| note.contains("profile")), "{:?}", output.notes);
}

#[test]
fn texts_of_a_png_stay_when_it_is_resized() {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 4, 4);
    encoder.add_text_chunk("Title".into(), "kept".into()).unwrap();
    encoder.set_source_gamma(png::ScaledFloat::new(0.45455));
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[7; 16]).unwrap();
    writer.finish().unwrap();
    let output = run(&bytes, "resize=2x2");
    assert!(output.notes.is_empty(), "{:?}", output.notes);
    let reader = png::Decoder::new(Cursor::new(&output.bytes)).read_info().unwrap();
    assert_eq!(reader.info().uncompressed_latin1_text[0].text, "kept");
    assert!(reader.info().gama_chunk.is_some());
    assert!(!has(&run(&bytes, "strip|resize=2x2").bytes, b"kept"));
}

/// A red square that walks over a background, on which something stays transparent.
fn frames(has_holes: bool) -> Vec<RgbaImage> {
    let frame = |number: u32| {
        RgbaImage::from_fn(12, 8, |x, y| match (x, y) {
            _ if (number * 2..number * 2 + 3).contains(&x) && y < 3 => Rgba([200, 10, 10, 255]),
            (_, 7) if has_holes => Rgba([0, 0, 0, 0]),
            _ => Rgba([x as u8 * 20, y as u8 * 30, 90, 255]),
        })
    };
    (0..4).map(frame).collect()
}

fn animated_gif(has_holes: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    {
        let mut encoder = image::codecs::gif::GifEncoder::new(&mut bytes);
        encoder.set_repeat(image::codecs::gif::Repeat::Finite(4)).unwrap();
        for (index, image) in frames(has_holes).into_iter().enumerate() {
            let delay = image::Delay::from_numer_denom_ms(50 + 10 * index as u32, 1);
            let frame = image::Frame::from_parts(image, 0, 0, delay);
            encoder.encode_frame(frame).unwrap();
        }
    }
    bytes
}

fn frames_of(output: &Output) -> Vec<image::Frame> {
    let reader = Cursor::new(output.bytes.clone());
    let frames = if output.format == Format::Gif {
        GifDecoder::new(reader).unwrap().into_frames()
    } else if output.format == Format::Png {
        PngDecoder::new(reader).unwrap().apng().unwrap().into_frames()
    } else {
        WebPDecoder::new(reader).unwrap().into_frames()
    };
    frames.collect_frames().unwrap()
}

/// Both opaque pixels alike, or both pixels not to be seen.
fn assert_looks_like(actual: &RgbaImage, expected: &RgbaImage, what: &str) {
    assert_eq!(actual.dimensions(), expected.dimensions(), "{what}");
    for (actual, expected) in actual.pixels().zip(expected.pixels()) {
        let same = actual == expected || actual.0[3] == 0 && expected.0[3] == 0;
        assert!(same, "{what}: {actual:?} is not {expected:?}");
    }
}

#[test]
fn animations_keep_their_frames_delays_and_loops_in_every_format() {
    for has_holes in [false, true] {
        let gif = animated_gif(has_holes);
        for chain in [
            vec!["rotate=90"],
            vec!["convert=png", "rotate=90"],
            vec!["convert=webp", "rotate=90"],
            vec!["convert=png|rotate=90|convert=webp", "convert=gif"],
        ] {
            let mut output = run(&gif, chain[0]);
            for text in &chain[1..] {
                output = run(&output.bytes, text);
            }
            let what = format!("{chain:?}, holes: {has_holes}");
            assert_eq!((output.frames, output.width, output.height), (4, 8, 12), "{what}");
            let frames = frames_of(&output);
            let expected = self::frames(has_holes);
            assert_eq!(frames.len(), 4);
            for (index, (frame, expected)) in frames.iter().zip(&expected).enumerate() {
                let expected = image::imageops::rotate90(expected);
                assert_looks_like(frame.buffer(), &expected, &what);
                let delay = frame.delay().numer_denom_ms();
                assert_eq!(delay.0 / delay.1, 50 + 10 * index as u32, "{what}");
            }
            if output.format == Format::Gif {
                assert!(has(&output.bytes, b"NETSCAPE2.0\x03\x01\x04\0"), "{what}");
            }
        }
    }
}

#[test]
fn every_operation_on_an_animation_keeps_all_frames() {
    let gif = animated_gif(true);
    for name in ["gif", "png", "webp"] {
        let source = run(&gif, &format!("convert={name}"));
        for text in [
            "invert=exact",
            "grayscale",
            "blur=1",
            "brightness=20",
            "contrast=20",
            "flip=horizontal",
            "resize=6x6",
            "thumbnail=5",
            "strip",
            "resize=24x24,crop|invert",
        ] {
            let output = run(&source.bytes, text);
            assert_eq!(output.frames, 4, "{text} on {name}");
            let frames = frames_of(&output);
            assert_eq!(frames.len(), 4, "{text} on {name}");
            let size = (output.width, output.height);
            assert!(frames.iter().all(|frame| frame.buffer().dimensions() == size));
        }
    }
}

#[test]
fn an_animation_is_never_cut_to_one_frame() {
    let gif = animated_gif(false);
    for name in ["jpeg", "bmp", "tiff", "pnm", "qoi", "ico", "tga"] {
        let refused = process(&gif, &format!("convert={name}")).unwrap_err();
        assert_eq!(refused.class, Class::Unsupported, "{name}");
        assert!(refused.message.contains("4 frames"), "{refused}");
    }
    let still = run(&encode(&frames(false)[0].clone().into(), ImageFormat::Gif), "convert=bmp");
    assert_eq!((still.format, still.frames), (Format::Bmp, 1));
}

fn icon(images: &[DynamicImage]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let frames: Vec<_> = images
        .iter()
        .map(|image| {
            let side = image.width();
            image::codecs::ico::IcoFrame::as_png(image.as_bytes(), side, side, image.color().into())
                .unwrap()
        })
        .collect();
    image::codecs::ico::IcoEncoder::new(&mut bytes).encode_images(&frames).unwrap();
    bytes
}

#[test]
fn all_pictures_of_an_icon_are_processed() {
    let image = |side| DynamicImage::from(smooth(side, side).to_rgba8());
    let images = [image(16), image(32), image(48)];
    let bytes = icon(&images);
    let output = run(&bytes, "rotate=90");
    assert_eq!((output.frames, output.width), (3, 48));
    assert_eq!(output.bytes[4], 3);
    let png = run(&bytes, "convert=png");
    assert_eq!((png.frames, png.width), (1, 48));
    assert!(png.notes.iter().any(|note| note.contains("3 pictures")), "{:?}", png.notes);
    assert_eq!(decode(&png), images[2]);
}

#[test]
fn an_icon_may_hold_a_png_of_any_kind() {
    let mut bytes = icon(&[smooth(20, 20).to_rgba8().into()]);
    let png = encode(&smooth(20, 20), ImageFormat::Png);
    bytes.truncate(22);
    bytes[14..18].copy_from_slice(&(png.len() as u32).to_le_bytes());
    bytes.extend(png);
    assert_eq!(decode(&run(&bytes, "convert=png")), smooth(20, 20));
    assert_eq!(run(&bytes, "rotate=90").frames, 1);
}

#[test]
fn pictures_of_an_icon_that_share_their_bytes_are_bounded_together() {
    let one = icon(&[smooth(256, 256).to_rgba8().into()]);
    let count = 1000u16;
    let shift = 16 * (u32::from(count) - 1);
    let start = u32::from_le_bytes(*one[18..].first_chunk().unwrap()) + shift;
    let entry = [&one[6..18], &start.to_le_bytes()].concat();
    let bytes = [&one[..4], &count.to_le_bytes(), &entry.repeat(count.into()), &one[22..]].concat();
    let limits = Limits { max_memory_bytes: 64 << 20, ..Limits::default() };
    let refused = imaging::process(&bytes, &"rotate=90".parse().unwrap(), &limits).unwrap_err();
    assert_eq!(refused.class, Class::TooLarge, "{refused}");
    let few = Limits { max_frames: 999, ..Limits::default() };
    let refused = imaging::process(&bytes, &"rotate=90".parse().unwrap(), &few).unwrap_err();
    assert_eq!(refused.class, Class::TooLarge, "{refused}");
}

#[test]
fn what_is_too_large_is_refused_before_it_is_allocated() {
    let bytes = encode(&smooth(8, 8), ImageFormat::Png);
    for text in [
        "resize=60000x60000",
        "resize=60000x60000,fill",
        "resize=60000x60000,crop",
        "resize=1000000x",
        "blur=1|resize=60000x60000|thumbnail=4",
        "resize=1000000x1000000|convert=ico",
    ] {
        assert_eq!(process(&bytes, text).unwrap_err().class, Class::TooLarge, "{text}");
    }
    let tight = Limits { max_memory_bytes: 1000, ..Limits::default() };
    let refused = imaging::process(&bytes, &"rotate=90".parse().unwrap(), &tight);
    assert!(refused.is_ok(), "{refused:?}");
    let refused = imaging::process(&bytes, &"resize=20x20".parse().unwrap(), &tight);
    assert_eq!(refused.unwrap_err().class, Class::TooLarge);
    let few = Limits { max_frames: 3, ..Limits::default() };
    let refused = imaging::process(&animated_gif(false), &"rotate=90".parse().unwrap(), &few);
    assert_eq!(refused.unwrap_err().class, Class::TooLarge);
}

#[test]
fn sides_that_a_format_cannot_hold_are_refused_with_a_remedy() {
    let bytes = encode(&smooth(300, 10), ImageFormat::Png);
    for text in
        ["convert=ico", "resize=70000x1,fill|convert=jpeg", "resize=17000x1,fill|convert=webp"]
    {
        let refused = process(&bytes, text).unwrap_err();
        assert_eq!(refused.class, Class::Unsupported, "{text}");
        assert!(refused.message.contains("resize it"), "{refused}");
    }
    assert_eq!(run(&bytes, "convert=ico|thumbnail=256").width, 256);
}

#[test]
fn damaged_files_have_a_class_on_this_way_too() {
    let image = smooth(40, 30);
    for (_, format) in FORMATS {
        let bytes = source_of(format, &image);
        for cut in [bytes.len() - 1, bytes.len() / 2, bytes.len() / 4] {
            for text in ["rotate=90", "blur=1|convert=png"] {
                let Err(refused) = process(&bytes[..cut], text) else {
                    // Some end with bytes that say nothing.
                    assert_eq!(cut, bytes.len() - 1, "{format} cut at {cut}");
                    continue;
                };
                assert_ne!(refused.class, Class::Internal, "{format} cut at {cut}: {refused}");
            }
        }
    }
}

#[test]
fn headers_that_promise_nothing_or_too_little_have_a_class() {
    let refused = process(b"\0\0\x01\0\0\0", "convert=png").unwrap_err();
    assert_eq!(refused.class, Class::Corrupt, "an icon without pictures");
    // Colours of three samples that claim to be something else.
    let tiff = encode(&smooth(9, 6), ImageFormat::Tiff);
    let entry = tiff.windows(4).position(|window| window == b"\x06\x01\x03\0").unwrap();
    for meaning in 0..=8 {
        let mut damaged = tiff.clone();
        damaged[entry + 8] = meaning;
        for text in ["convert=png", "convert=bmp", "blur=1"] {
            if let Err(refused) = process(&damaged, text) {
                assert_ne!(refused.class, Class::Internal, "{text} of kind {meaning}: {refused}");
            }
        }
    }
}

#[test]
fn a_jpeg_loses_little_when_it_is_only_turned() {
    let bytes = encode(&smooth(64, 48), ImageFormat::Jpeg);
    let before = image::load_from_memory(&bytes).unwrap();
    for (text, expected) in [
        ("rotate=90", before.rotate90()),
        ("rotate=180", before.rotate180()),
        ("flip=horizontal", before.fliph()),
        ("rotate=270|flip=vertical", before.rotate270().flipv()),
    ] {
        let output = run(&bytes, text);
        let difference = mean_difference(&decode(&output), &expected);
        assert!(difference <= 0.4, "{text}: {difference}");
        let growth = output.bytes.len() as f64 / bytes.len() as f64;
        assert!((0.9..1.1).contains(&growth), "{text}: {growth}");
    }
}

/// Sampling factors of the first component, and the marker of the frame.
fn frame_of(jpeg: &[u8]) -> (u8, u8) {
    let is_frame = |window: &[u8]| window[0] == 0xff && (0xc0..=0xc2).contains(&window[1]);
    let at = jpeg.windows(2).position(is_frame).unwrap();
    (jpeg[at + 11], jpeg[at + 1])
}

#[test]
fn a_turned_jpeg_has_its_sampling_and_its_tables_turned() {
    use jpeg_encoder::SamplingFactor;
    for (factor, is_progressive, before, turned) in [
        (SamplingFactor::R_4_2_2, false, 0x21, 0x12),
        (SamplingFactor::R_4_4_0, false, 0x12, 0x21),
        (SamplingFactor::R_4_2_0, true, 0x22, 0x22),
        (SamplingFactor::R_4_4_4, false, 0x11, 0x11),
    ] {
        let mut bytes = Vec::new();
        let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 60);
        encoder.set_sampling_factor(factor);
        encoder.set_progressive(is_progressive);
        let image = smooth(64, 48).into_rgb8();
        encoder.encode(&image, 64, 48, jpeg_encoder::ColorType::Rgb).unwrap();
        let marker = if is_progressive { 0xc2 } else { 0xc0 };
        assert_eq!(frame_of(&bytes), (before, marker));
        let output = run(&bytes, "rotate=90");
        assert_eq!(frame_of(&output.bytes), (turned, marker), "{factor:?}");
        let back = run(&output.bytes, "rotate=270");
        assert_eq!(frame_of(&back.bytes), (before, marker), "{factor:?}");
        let source = image::load_from_memory(&bytes).unwrap();
        let difference = mean_difference(&decode(&back), &source);
        assert!(difference <= 0.6, "{factor:?}: {difference}");
    }
}

#[test]
fn exact_goes_through_the_pixels() {
    let gif = animated_gif(false);
    assert_eq!(run(&gif, "invert").path, Path::Palette);
    let exact = run(&gif, "invert=exact");
    let inverted = run(&gif, "invert");
    for (one, other) in frames_of(&exact).iter().zip(frames_of(&inverted)) {
        assert_looks_like(one.buffer(), other.buffer(), "exact");
    }
    let jpeg = encode(&smooth(32, 32), ImageFormat::Jpeg);
    assert_eq!(run(&jpeg, "invert=exact").path, Path::Pixels);
}

fn small_pictures() -> impl Strategy<Value = (DynamicImage, Vec<u8>)> {
    let kinds = prop::sample::select(KINDS.to_vec());
    (kinds, 1..12u32, 1..12u32, any::<u32>()).prop_map(|(colour, width, height, seed)| {
        let image = picture(colour, width, height, seed);
        let bytes = encode(&image, ImageFormat::Png);
        (image, bytes)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn what_undoes_itself_gives_the_picture_back((image, bytes) in small_pictures()) {
        for text in [
            "rotate=90|rotate=90|rotate=90|rotate=90",
            "rotate=90|rotate=270",
            "rotate=180|rotate=180",
            "flip=horizontal|flip=horizontal",
            "flip=vertical|flip=vertical",
            "flip=vertical|flip=horizontal|rotate=180",
            "invert=exact|invert",
            "brightness=0|contrast=0",
        ] {
            prop_assert_eq!(&decode(&run(&bytes, text)), &image, "{}", text);
        }
    }

    #[test]
    fn inversion_may_stand_before_or_behind((_, bytes) in small_pictures()) {
        for other in ["rotate=90", "flip=horizontal", "rotate=180|flip=vertical", "convert=tiff"] {
            let before = decode(&run(&bytes, &format!("invert|{other}")));
            let behind = decode(&run(&bytes, &format!("{other}|invert")));
            prop_assert_eq!(before, behind, "{}", other);
        }
    }

    #[test]
    fn the_size_of_the_result_is_the_size_that_was_asked_for(
        (_, bytes) in small_pictures(), width in 1..40u32, height in 1..40u32,
    ) {
        for mode in ["fill", "crop"] {
            let output = run(&bytes, &format!("resize={width}x{height},{mode}"));
            prop_assert_eq!((output.width, output.height), (width, height));
        }
        let fit = run(&bytes, &format!("resize={width}x{height}"));
        prop_assert!(fit.width == width && fit.height <= height
            || fit.height == height && fit.width <= width);
    }
}

/// A TIFF with one strip, made by hand: width 4, height 2.
fn tiff(bits: u16, meaning: u16, more: &[(u16, u16, Vec<u8>)], pixels: &[u8]) -> Vec<u8> {
    let short = |value: u16| value.to_le_bytes().to_vec();
    let long = |value: u32| value.to_le_bytes().to_vec();
    let mut entries = vec![
        (256, 3, short(4)),
        (257, 3, short(2)),
        (258, 3, short(bits)),
        (259, 3, short(1)),
        (262, 3, short(meaning)),
        (273, 4, long(8)),
        (277, 3, short(1)),
        (278, 3, short(2)),
        (279, 4, long(pixels.len() as u32)),
    ];
    entries.extend_from_slice(more);
    entries.sort_by_key(|(tag, _, _)| *tag);
    let mut bytes = [&b"II*\0"[..], &[0; 4], pixels].concat();
    let mut directory = (entries.len() as u16).to_le_bytes().to_vec();
    for (tag, kind, value) in entries {
        let count = value.len() as u32 / if kind == 3 { 2 } else { 4 };
        directory.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
        directory.extend(count.to_le_bytes());
        if value.len() > 4 {
            directory.extend((bytes.len() as u32).to_le_bytes());
            bytes.extend(value);
        } else {
            directory.extend(value.iter().chain(&[0; 4]).take(4));
        }
    }
    let start = bytes.len() as u32;
    bytes[4..8].copy_from_slice(&start.to_le_bytes());
    [bytes, directory, vec![0; 4]].concat()
}

#[test]
fn tiffs_of_few_bits_and_with_palettes_are_understood() {
    // Black and white, either way round.
    for (meaning, expected) in
        [(1, [0, 255, 0, 255, 255, 255, 0, 0]), (0, [255, 0, 255, 0, 0, 0, 255, 255])]
    {
        let bytes = tiff(1, meaning, &[], &[0b0101_0000, 0b1100_0000]);
        assert_eq!(decode(&run(&bytes, "convert=png")).into_luma8().into_raw(), expected);
        let turned = run(&bytes, "rotate=180");
        let expected: Vec<u8> = expected.into_iter().rev().collect();
        assert_eq!(decode(&turned).into_luma8().into_raw(), expected);
        assert!(turned.notes.iter().any(|note| note.contains("bits")), "{:?}", turned.notes);
    }
    let four = tiff(4, 1, &[], &[0x0f, 0x12, 0x34, 0x56]);
    let expected = [0, 255, 17, 34, 51, 68, 85, 102];
    assert_eq!(decode(&run(&four, "convert=png")).into_luma8().into_raw(), expected);
    // All reds, then all greens, then all blues.
    let table: Vec<u8> = (0..48u16).flat_map(|place| (place * 5 * 257).to_le_bytes()).collect();
    let palette = tiff(4, 3, &[(320, 3, table)], &[0x0f, 0x12, 0x34, 0x56]);
    let output = run(&palette, "convert=png");
    assert!(output.notes.iter().any(|note| note.contains("palette")), "{:?}", output.notes);
    let pixels = decode(&output).into_rgb8();
    for (pixel, index) in pixels.pixels().zip([0u8, 15, 1, 2, 3, 4, 5, 6]) {
        assert_eq!(pixel.0, [index * 5, (index + 16) * 5, (index + 32) * 5]);
    }
}

#[test]
fn floating_point_keeps_its_kind_and_is_limited_where_documented() {
    let samples = vec![-0.5f32, 0.25, 2.0, 0.0, 0.5, 1.0];
    let image = image::Rgb32FImage::from_raw(2, 1, samples).unwrap();
    let bytes = encode(&image.into(), ImageFormat::Tiff);
    let after = |text: &str| {
        let output = run(&bytes, text);
        decode(&output).as_rgb32f().unwrap_or_else(|| panic!("{text}")).clone().into_raw()
    };
    assert_eq!(after("invert=exact"), [1.0, 0.75, 0.0, 1.0, 0.5, 0.0]);
    assert_eq!(after("flip=horizontal"), [0.0, 0.5, 1.0, -0.5, 0.25, 2.0]);
    let brighter = after("brightness=50");
    assert!(brighter.iter().zip([0.5, 0.75, 1.0, 0.5, 1.0, 1.0]).all(|(a, b)| a == &b));
    let gray = after("grayscale");
    assert!((gray[0] - (-0.5 * 0.2126 + 0.25 * 0.7152 + 2.0 * 0.0722)).abs() < 1e-6);
    let png = run(&bytes, "convert=png");
    assert_eq!(decode(&png).color(), ColorType::Rgb16);
    assert!(png.notes.iter().any(|note| note.contains("floating point")), "{:?}", png.notes);
}

#[test]
fn every_kind_of_pnm_is_understood() {
    for (bytes, expected) in [
        (&b"P1\n4 2\n0 1 0 1\n1 1 0 0\n"[..], [255, 0, 255, 0, 0, 0, 255, 255]),
        (b"P4\n4 2\n\x50\xc0", [255, 0, 255, 0, 0, 0, 255, 255]),
        (b"P2\n4 2\n10\n0 1 2 3 4 5 10 0\n", [0, 26, 51, 77, 102, 128, 255, 0]),
        (b"P5\n4 2\n10\n\x00\x01\x02\x03\x04\x05\x0a\x00", [0, 26, 51, 77, 102, 128, 255, 0]),
    ] {
        let what = String::from_utf8_lossy(&bytes[..2]);
        let pixels = decode(&run(bytes, "convert=png")).into_luma8().into_raw();
        let differs = pixels.iter().zip(expected).any(|(a, b)| a.abs_diff(b) > 1);
        assert!(!differs, "{what}: {pixels:?}");
        let turned = run(bytes, "rotate=90");
        assert_eq!((turned.width, turned.height), (2, 4), "{what}");
        let is_bitmap = matches!(&*what, "P1" | "P4");
        assert_eq!(turned.bytes.starts_with(b"P4"), is_bitmap, "{what}");
        let back = decode(&run(&turned.bytes, "rotate=270")).into_luma8().into_raw();
        assert_eq!(back, pixels, "{what}");
    }
}

#[test]
fn colours_multiplied_with_their_alpha_are_divided_first() {
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = tiff::encoder::TiffEncoder::new(&mut bytes).unwrap();
    let mut writer = encoder.new_image::<tiff::encoder::colortype::RGB8>(2, 1).unwrap();
    writer.extra_samples(&[tiff::tags::ExtraSamples::AssociatedAlpha]).unwrap();
    writer.write_data(&[64, 32, 0, 128, 10, 20, 30, 255]).unwrap();
    let output = run(&bytes.into_inner(), "convert=png");
    let pixels = decode(&output).into_rgba8().into_raw();
    let expected = [128u8, 64, 0, 128, 10, 20, 30, 255];
    assert!(pixels.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 1), "{pixels:?}");
    assert!(output.notes.iter().any(|note| note.contains("alpha")), "{:?}", output.notes);
}

#[test]
fn cmyk_becomes_rgb_with_a_note_and_without_its_profile() {
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 95);
    encoder.add_icc_profile(b"\0\0\0\0lcms\x02\x10\0\0prtrCMYKLab ....................").unwrap();
    // As stored 255 is no ink.
    let pixels: Vec<u8> = (0..256).flat_map(|_| [40, 200, 120, 255]).collect();
    encoder.encode(&pixels, 16, 16, jpeg_encoder::ColorType::Cmyk).unwrap();
    let before = image::load_from_memory(&bytes).unwrap();
    for text in ["convert=png", "rotate=90", "invert=exact|invert=exact"] {
        let output = run(&bytes, text);
        assert_eq!(decode(&output).color(), ColorType::Rgb8, "{text}");
        assert!(mean_difference(&decode(&output), &before) <= 3.0, "{text}");
        assert!(output.notes.iter().any(|note| note.contains("CMYK")), "{:?}", output.notes);
        assert!(output.notes.iter().any(|note| note.contains("profile")), "{:?}", output.notes);
        assert!(!has(&output.bytes, b"CMYKLab"), "{text}");
    }
}

#[test]
fn what_is_decoded_tells_how_long_each_phase_took() {
    let picture = DynamicImage::ImageRgb8(ImageBuffer::from_fn(64, 48, |x, y| {
        image::Rgb([x as u8, y as u8, (x * y) as u8])
    }));
    for (name, format) in FORMATS {
        let Phases { decode, operate, encode } =
            run(&encode(&picture, image_format(format)), "flip=horizontal").phases;
        assert!([decode, operate, encode].iter().all(|time| !time.is_zero()), "{name}");
    }
    let whole = run(&encode(&picture, ImageFormat::Jpeg), "invert");
    assert_eq!((whole.path, whole.phases), (Path::Bits, Phases::default()));
}
