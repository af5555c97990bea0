//! One small file of every kind that public encoders write: for the differential test and as seeds
//! of the fuzz targets.

use std::io::Cursor;

use image::{
    ColorType, DynamicImage, ImageBuffer, ImageFormat,
    codecs::{
        gif::{GifEncoder, Repeat},
        pnm::{PnmEncoder, PnmSubtype, SampleEncoding},
    },
};
use jpeg_encoder::SamplingFactor;

use super::{
    Picture, hash,
    jpeg::{Colours, Kind},
    others,
};

/// A file with the name of its format and what is special about it.
pub(crate) struct Tiny {
    pub(crate) format: ImageFormat,
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

fn tiny(format: ImageFormat, name: impl Into<String>, bytes: Vec<u8>) -> Tiny {
    Tiny { format, name: name.into(), bytes }
}

/// Every kind at this size; `photo` is smooth, else it is all noise.
pub(crate) fn files(width: u32, height: u32, seed: u32, photo: bool) -> Vec<Tiny> {
    let make = if photo { Picture::photo } else { Picture::noise };
    let picture = make(width, height, seed);
    let mut files = plain(&picture, seed);
    files.extend(jpegs(&picture));
    files.extend(pngs(&picture));
    files.extend(animations(&picture));
    files.extend(tiffs(&picture));
    files.extend(pnms(&picture));
    files.push(tiny(ImageFormat::Bmp, "palette", others::palette_bmp(&picture)));
    files
}

const PLAIN: &[(ImageFormat, &[ColorType])] = {
    use ColorType::*;
    &[
        (ImageFormat::Png, &[L8, La8, Rgb8, Rgba8, L16, La16, Rgb16, Rgba16]),
        (ImageFormat::Tiff, &[L8, Rgb8, Rgba8, L16, Rgb16, Rgba16]),
        (ImageFormat::Bmp, &[L8, Rgb8, Rgba8]),
        (ImageFormat::WebP, &[L8, Rgb8, Rgba8]),
        (ImageFormat::Qoi, &[Rgb8, Rgba8]),
        (ImageFormat::Tga, &[L8, La8, Rgb8, Rgba8]),
        (ImageFormat::Ico, &[Rgba8]),
    ]
};

fn plain(picture: &Picture, seed: u32) -> Vec<Tiny> {
    let mut files = Vec::new();
    for &(format, colours) in PLAIN {
        for &colour in colours {
            let picture = coloured(picture, colour, seed);
            files.push(tiny(format, format!("{colour:?}"), others::encode(&picture, format)));
        }
    }
    files
}

/// The picture with other colours or depth; alpha and the low bits of 16 are by chance.
fn coloured(picture: &Picture, colour: ColorType, seed: u32) -> DynamicImage {
    let mut wide = others::dynamic(picture).into_rgba16();
    for (x, y, pixel) in wide.enumerate_pixels_mut() {
        let chance = hash(x, y, seed);
        pixel.0[3] = if chance.is_multiple_of(3) { u16::MAX } else { chance as u16 };
        pixel.0[0] ^= (chance >> 24) as u16;
    }
    let wide = DynamicImage::ImageRgba16(wide);
    match colour {
        ColorType::L8 => DynamicImage::ImageLuma8(wide.into_luma8()),
        ColorType::La8 => DynamicImage::ImageLumaA8(wide.into_luma_alpha8()),
        ColorType::Rgb8 => DynamicImage::ImageRgb8(wide.into_rgb8()),
        ColorType::Rgba8 => DynamicImage::ImageRgba8(wide.into_rgba8()),
        ColorType::L16 => DynamicImage::ImageLuma16(wide.into_luma16()),
        ColorType::La16 => DynamicImage::ImageLumaA16(wide.into_luma_alpha16()),
        ColorType::Rgb16 => DynamicImage::ImageRgb16(wide.into_rgb16()),
        ColorType::Rgba16 => wide,
        other @ (ColorType::Rgb32F | ColorType::Rgba32F | _) => panic!("{other:?} is not made"),
    }
}

fn jpegs(picture: &Picture) -> Vec<Tiny> {
    let base = Kind { quality: 85, ..Kind::default() };
    let kinds = [
        ("4:2:0", base),
        ("4:4:4", Kind { sampling: SamplingFactor::F_1_1, ..base }),
        (
            "4:2:2 with restarts",
            Kind { sampling: SamplingFactor::F_2_1, restart_interval: 2, ..base },
        ),
        ("4:1:1 in three scans", Kind { sampling: SamplingFactor::F_4_1, ..base }),
        ("tables to measure", Kind { optimised: true, ..base }),
        ("gray", Kind { colours: Colours::Gray, ..base }),
        ("Adobe RGB", Kind { colours: Colours::AdobeRgb, sampling: SamplingFactor::F_1_1, ..base }),
        ("progressive", Kind { progressive_scans: 3, ..base }),
        ("progressive gray", Kind { progressive_scans: 3, colours: Colours::Gray, ..base }),
    ];
    kinds.map(|(name, kind)| tiny(ImageFormat::Jpeg, name, kind.encode(picture))).into()
}

fn pngs(picture: &Picture) -> Vec<Tiny> {
    let of = |name, bytes| tiny(ImageFormat::Png, name, bytes);
    let mut files = vec![of("palette", others::palette_png(picture))];
    for (name, colour, depth) in [
        ("1 bit", png::ColorType::Grayscale, png::BitDepth::One),
        ("4 bits", png::ColorType::Grayscale, png::BitDepth::Four),
        ("palette of 2 bits", png::ColorType::Indexed, png::BitDepth::Two),
    ] {
        let row_bytes = (picture.width * depth as u32).div_ceil(8);
        let count = (row_bytes * picture.height) as usize;
        let packed: Vec<u8> = picture.rgb.iter().copied().cycle().take(count).collect();
        files.push(of(name, png(picture, colour, depth, &packed, |_| ())));
    }
    let gray = picture.gray();
    files.push(of(
        "gray with a colour key",
        png(picture, png::ColorType::Grayscale, png::BitDepth::Eight, &gray, |encoder| {
            encoder.set_trns(vec![0, gray[0]]);
        }),
    ));
    files.push(of(
        "colour with a colour key",
        png(picture, png::ColorType::Rgb, png::BitDepth::Eight, &picture.rgb, |encoder| {
            encoder.set_trns(vec![0, picture.rgb[0], 0, picture.rgb[1], 0, picture.rgb[2]]);
        }),
    ));
    files.push(of(
        "text and gamma",
        png(picture, png::ColorType::Rgb, png::BitDepth::Eight, &picture.rgb, |encoder| {
            encoder.add_text_chunk("Title".to_owned(), "A picture".to_owned()).unwrap();
            encoder.set_source_gamma(png::ScaledFloat::new(0.45455));
        }),
    ));
    files
}

fn png(
    picture: &Picture,
    colour: png::ColorType,
    depth: png::BitDepth,
    samples: &[u8],
    set: impl FnOnce(&mut png::Encoder<'_, &mut Vec<u8>>),
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, picture.width, picture.height);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    if colour == png::ColorType::Indexed {
        encoder.set_palette(picture.rgb.iter().copied().cycle().take(12).collect::<Vec<u8>>());
    }
    set(&mut encoder);
    encoder.write_header().unwrap().write_image_data(samples).unwrap();
    bytes
}

fn animations(picture: &Picture) -> Vec<Tiny> {
    let frames = |count: u32| {
        (0..count).map(|index| {
            let mut picture = others::dynamic(picture).into_rgba8();
            picture.pixels_mut().skip(index as usize).step_by(5).for_each(|pixel| pixel.0[3] = 0);
            image::Frame::new(picture)
        })
    };
    let gif = |count| {
        let mut bytes = Vec::new();
        let mut encoder = GifEncoder::new_with_speed(&mut bytes, 30);
        encoder.set_repeat(Repeat::Infinite).unwrap();
        encoder.encode_frames(frames(count)).unwrap();
        drop(encoder);
        bytes
    };
    vec![
        tiny(ImageFormat::Gif, "one frame", gif(1)),
        tiny(ImageFormat::Gif, "three frames", gif(3)),
    ]
}

fn tiffs(picture: &Picture) -> Vec<Tiny> {
    use tiff::encoder::{Compression, DeflateLevel, TiffEncoder, colortype};

    let kinds = [
        ("LZW", Compression::Lzw),
        ("deflate", Compression::Deflate(DeflateLevel::Balanced)),
        ("pack bits", Compression::Packbits),
    ];
    let write = |compression| {
        let mut bytes = Cursor::new(Vec::new());
        let mut encoder = TiffEncoder::new(&mut bytes).unwrap().with_compression(compression);
        let (width, height) = (picture.width, picture.height);
        encoder.write_image::<colortype::RGB8>(width, height, &picture.rgb).unwrap();
        bytes.into_inner()
    };
    kinds.map(|(name, compression)| tiny(ImageFormat::Tiff, name, write(compression))).into()
}

fn pnms(picture: &Picture) -> Vec<Tiny> {
    use SampleEncoding::{Ascii, Binary};

    let gray = DynamicImage::ImageLuma8(others::dynamic(picture).into_luma8());
    let bits = gray.clone().into_luma8();
    let bits =
        DynamicImage::ImageLuma8(ImageBuffer::from_fn(picture.width, picture.height, |x, y| {
            image::Luma([bits.get_pixel(x, y).0[0] & 1])
        }));
    let colour = others::dynamic(picture);
    [
        ("P1", PnmSubtype::Bitmap(Ascii), &bits),
        ("P2", PnmSubtype::Graymap(Ascii), &gray),
        ("P3", PnmSubtype::Pixmap(Ascii), &colour),
        ("P4", PnmSubtype::Bitmap(Binary), &bits),
        ("P5", PnmSubtype::Graymap(Binary), &gray),
        ("P6", PnmSubtype::Pixmap(Binary), &colour),
        ("P7", PnmSubtype::ArbitraryMap, &colour),
    ]
    .map(|(name, subtype, picture)| {
        let mut bytes = Vec::new();
        picture.write_with_encoder(PnmEncoder::new(&mut bytes).with_subtype(subtype)).unwrap();
        tiny(ImageFormat::Pnm, name, bytes)
    })
    .into()
}
