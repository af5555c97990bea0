//! Every format and depth: the result is maximum minus source, alpha stays, twice is the source.

#![cfg(test)]

use std::io::Cursor;

use image::{ColorType, DynamicImage, ImageBuffer, ImageFormat, Pixel};
use imaging::{Limits, Output, Path, Pipeline};
use proptest::prelude::*;

fn inverted(bytes: &[u8]) -> Output {
    imaging::process(bytes, &Pipeline::invert(), &Limits::default()).unwrap()
}

fn decode_as(bytes: &[u8], format: ImageFormat) -> DynamicImage {
    image::load_from_memory_with_format(bytes, format).unwrap()
}

fn encode(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A picture of a kind of colours, its samples filled from `seed`.
fn picture(colour: ColorType, width: u32, height: u32, seed: u32) -> DynamicImage {
    let mut state = seed.wrapping_mul(2) | 1;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as u16
    };
    macro_rules! filled {
        ($kind:ident, $sample:ty) => {{
            let channels = usize::from(colour.channel_count());
            let count = (width * height) as usize * channels;
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
        float @ (ColorType::Rgb32F | ColorType::Rgba32F | _) => panic!("{float:?}"),
    }
}

fn assert_inverse(before: &DynamicImage, after: &DynamicImage, what: &str) {
    assert_eq!(before.color(), after.color(), "{what}");
    assert_eq!((before.width(), before.height()), (after.width(), after.height()), "{what}");
    let (before, after) = (before.to_rgba16(), after.to_rgba16());
    for (before, after) in before.pixels().zip(after.pixels()) {
        let mut expected = *before;
        expected.apply_without_alpha(|sample| u16::MAX - sample);
        assert_eq!(*after, expected, "{what}");
    }
}

const LOSSLESS: &[(ImageFormat, &[ColorType])] = {
    use ColorType::*;
    &[
        (ImageFormat::Png, &[L8, La8, Rgb8, Rgba8, L16, La16, Rgb16, Rgba16]),
        (ImageFormat::Tiff, &[L8, Rgb8, Rgba8, L16, Rgb16, Rgba16]),
        (ImageFormat::Bmp, &[L8, Rgb8, Rgba8]),
        (ImageFormat::WebP, &[Rgb8, Rgba8]),
        (ImageFormat::Qoi, &[Rgb8, Rgba8]),
        (ImageFormat::Tga, &[L8, La8, Rgb8, Rgba8]),
        (ImageFormat::Pnm, &[L8, Rgb8]),
        (ImageFormat::Ico, &[Rgba8]),
    ]
};

fn check_lossless(width: u32, height: u32, seed: u32) {
    for &(format, colours) in LOSSLESS {
        for &colour in colours {
            let what = format!("{format:?} {colour:?} {width} x {height}");
            let source = encode(&picture(colour, width, height, seed), format);
            let before = decode_as(&source, format);
            let once = inverted(&source);
            assert_inverse(&before, &decode_as(&once.bytes, format), &what);
            assert_eq!((once.width, once.height, once.frames), (width, height, 1), "{what}");
            let twice = inverted(&once.bytes);
            assert_eq!(decode_as(&twice.bytes, format), before, "{what}");
        }
    }
}

#[test]
fn lossless_formats_are_exact_at_every_depth() {
    check_lossless(1, 1, 1);
    check_lossless(17, 5, 2);
    check_lossless(64, 48, 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_picture_comes_back_after_two_inversions(
        width in 1u32..40, height in 1u32..40, seed in any::<u32>(),
    ) {
        check_lossless(width, height, seed);
    }

    #[test]
    fn any_bytes_behind_a_known_beginning_give_an_outcome(
        start in 0usize..12, noise in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let magic: &[&[u8]] = &[
            b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"II*\0", b"MM\0*", b"II+\0",
            b"qoif", b"\0\0\x01\0", b"BM", b"RIFF\x20\0\0\0WEBPVP8L", b"P6 ", b"P7\n",
        ];
        let bytes = [magic[start], &noise].concat();
        let outcome = imaging::process(&bytes, &Pipeline::invert(), &Limits::default());
        prop_assert!(!matches!(outcome, Err(error) if error.class == imaging::Class::Internal));
    }
}

#[test]
fn two_inversions_in_one_chain_change_no_pixel() {
    let source = encode(&picture(ColorType::Rgb8, 9, 9, 5), ImageFormat::Png);
    let twice: Pipeline = "invert|invert".parse().unwrap();
    let output = imaging::process(&source, &twice, &Limits::default()).unwrap();
    assert_eq!(decode_as(&output.bytes, ImageFormat::Png), decode_as(&source, ImageFormat::Png));
}

#[test]
fn floating_point_is_clamped_and_says_so() {
    let samples = vec![0.0f32, 0.25, 1.0, -3.0, 0.5, 9.0];
    let before = DynamicImage::ImageRgb32F(ImageBuffer::from_raw(2, 1, samples).unwrap());
    let output = inverted(&encode(&before, ImageFormat::Tiff));
    let after = decode_as(&output.bytes, ImageFormat::Tiff).into_rgb32f();
    assert_eq!(after.into_raw(), [1.0, 0.75, 0.0, 1.0, 0.5, 0.0]);
    assert!(output.notes.iter().any(|note| note.contains("floating point")));
}

#[test]
fn pnm_keeps_its_maximum_its_text_and_its_comments() {
    for (before, after) in [
        (&b"P2\n# a comment\n3 1\n10\n0 3 10\n"[..], &b"P2\n# a comment\n3 1\n10\n10 7 0\n"[..]),
        (b"P1 2 2\n0110\n", b"P1 2 2\n1001\n"),
        (b"P3 1 1 255 1 # red\n 2 3\n", b"P3 1 1 255 254 # red\n 253 252\n"),
        (b"P5 2 1 7\n\x00\x07", b"P5 2 1 7\n\x07\x00"),
        (b"P5 1 1 1000\n\x00\x01", b"P5 1 1 1000\n\x03\xe7"),
        (b"P4 9 1\n\xaa\x80", b"P4 9 1\n\x55\x7f"),
        (
            b"P7\nWIDTH 1\nHEIGHT 1\nDEPTH 2\nMAXVAL 255\nTUPLTYPE GRAYSCALE_ALPHA\nENDHDR\n\x01\x02",
            b"P7\nWIDTH 1\nHEIGHT 1\nDEPTH 2\nMAXVAL 255\nTUPLTYPE GRAYSCALE_ALPHA\nENDHDR\n\xfe\x02",
        ),
    ] {
        let output = inverted(before);
        assert_eq!(output.bytes, after, "{}", String::from_utf8_lossy(before));
        assert_eq!(inverted(after).bytes, before);
    }
}

fn bmp(bits: u16, compression: u32, size: (u32, u32), between: &[u8], pixels: &[u8]) -> Vec<u8> {
    let start = (14 + 40 + between.len()) as u32;
    let mut bytes = b"BM".to_vec();
    bytes.extend((start + pixels.len() as u32).to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(start.to_le_bytes());
    bytes.extend(40u32.to_le_bytes());
    bytes.extend(size.0.to_le_bytes());
    bytes.extend(size.1.to_le_bytes());
    bytes.extend(1u16.to_le_bytes());
    bytes.extend(bits.to_le_bytes());
    bytes.extend(compression.to_le_bytes());
    bytes.extend([0; 20]);
    bytes.extend(between);
    bytes.extend(pixels);
    bytes
}

#[test]
fn bmp_of_every_kind_is_changed_in_place() {
    let table: Vec<u8> = (0..16u8).flat_map(|i| [i * 3, i * 5, i * 7, 0]).collect();
    let masks: Vec<u8> = [0xf800u32, 0x07e0, 0x001f].map(u32::to_le_bytes).concat();
    for (name, source, path) in [
        ("1 bit", bmp(1, 0, (2, 1), &table[..8], &[0x40, 0, 0, 0]), Path::Palette),
        ("4 bits", bmp(4, 0, (3, 1), &table, &[0x1f, 0x70, 0, 0]), Path::Palette),
        ("run length", bmp(4, 2, (4, 1), &table, &[3, 0x12, 1, 0x50, 0, 1]), Path::Palette),
        ("16 bits", bmp(16, 0, (1, 1), &[], &[0x34, 0x12, 0, 0]), Path::Pixels),
        ("masks", bmp(16, 3, (1, 1), &masks, &[0x34, 0x12, 0, 0]), Path::Pixels),
        ("24 bits", bmp(24, 0, (1, 1), &[], &[1, 2, 3, 0]), Path::Pixels),
        ("32 bits", bmp(32, 0, (1, 1), &[], &[1, 2, 3, 0]), Path::Pixels),
    ] {
        let output = inverted(&source);
        assert_eq!(output.path, path, "{name}");
        let before = decode_as(&source, ImageFormat::Bmp);
        assert_inverse(&before, &decode_as(&output.bytes, ImageFormat::Bmp), name);
        assert_eq!(inverted(&output.bytes).bytes, source, "{name}");
    }
}

#[test]
fn run_lengths_of_a_bmp_need_no_end_mark_once_all_rows_are_there() {
    let table: Vec<u8> = (0..=255u8).flat_map(|shade| [shade, shade, shade, 0]).collect();
    let rotated = |runs: &[u8]| {
        let source = bmp(8, 1, (4, 2), &table, runs);
        let inverse = imaging::process(&source, &Pipeline::invert(), &Limits::default());
        let turned = imaging::process(&source, &"rotate=180".parse().unwrap(), &Limits::default());
        assert_eq!(inverse.is_ok(), turned.is_ok(), "{runs:?}");
        let pixels = decode_as(&turned?.bytes, ImageFormat::Bmp).into_luma8().into_raw();
        Ok::<_, imaging::Error>((inverse?.bytes.len(), pixels))
    };
    let expected = [1, 1, 1, 1, 2, 2, 3, 3];
    for runs in [
        &[4, 1, 0, 0, 2, 3, 2, 2, 0, 0, 0, 1][..],
        &[4, 1, 0, 0, 2, 3, 2, 2, 0, 1],
        &[4, 1, 0, 0, 2, 3, 2, 2, 0, 0],
        &[4, 1, 0, 0, 2, 3, 2, 2, 0],
        &[4, 1, 0, 0, 2, 3, 2, 2, 7],
        &[4, 1, 0, 0, 0, 4, 3, 3, 2, 2],
        &[4, 1, 0, 0, 2, 3, 2, 2],
    ] {
        let (length, pixels) = rotated(runs).unwrap_or_else(|error| panic!("{runs:?}: {error}"));
        assert_eq!((length, pixels), (54 + 1024 + runs.len(), expected.to_vec()), "{runs:?}");
    }
    for runs in [&[][..], &[4, 1], &[4, 1, 0, 0], &[4, 1, 0, 0, 2, 3], &[4, 1, 0, 0, 0, 4, 3, 3]] {
        assert_eq!(rotated(runs).unwrap_err().class, imaging::Class::Truncated, "{runs:?}");
    }
}

fn tga(kind: u8, bits: u8, size: (u16, u16), map: &[u8], pixels: &[u8]) -> Vec<u8> {
    let entries = (map.len() / 3) as u16;
    let mut bytes = vec![0, (entries > 0).into(), kind, 0, 0];
    bytes.extend(entries.to_le_bytes());
    bytes.extend([if entries > 0 { 24 } else { 0 }, 0, 0, 0, 0]);
    bytes.extend(size.0.to_le_bytes());
    bytes.extend(size.1.to_le_bytes());
    bytes.extend([bits, 0]);
    bytes.extend(map);
    bytes.extend(pixels);
    bytes
}

#[test]
fn tga_of_every_kind_is_changed_in_place() {
    let runs = [0x81, 1, 2, 3, 0x00, 4, 5, 6];
    for (name, source) in [
        ("palette", tga(1, 8, (2, 1), &[1, 2, 3, 4, 5, 6], &[1, 0])),
        ("colour", tga(2, 24, (1, 1), &[], &[1, 2, 3])),
        ("gray", tga(3, 8, (2, 1), &[], &[7, 200])),
        ("run length", tga(10, 24, (3, 1), &[], &runs)),
        ("run length gray", tga(11, 8, (3, 1), &[], &[0x82, 9])),
    ] {
        let output = inverted(&source);
        let before = decode_as(&source, ImageFormat::Tga);
        assert_inverse(&before, &decode_as(&output.bytes, ImageFormat::Tga), name);
        assert_eq!(inverted(&output.bytes).bytes, source, "{name}");
    }
}

/// How many pixels each packet of a run-length TGA of colours holds.
fn packets(mut samples: &[u8]) -> Vec<usize> {
    let mut counts = Vec::new();
    while let Some((head, rest)) = samples.split_first() {
        let count = usize::from(head & 0x7f) + 1;
        samples = &rest[if head & 0x80 == 0 { count * 3 } else { 3 }..];
        counts.push(count);
    }
    counts
}

#[test]
fn packets_of_a_tga_end_with_their_row_and_only_packets_become_packets() {
    const HEADER_BYTES: usize = 18;
    let samples = [9; 20 * 3 * 3];
    let open = tga(2, 24, (20, 3), &[], &samples);
    let packed = tga(10, 24, (20, 3), &[], &[0x93, 9, 9, 9].repeat(3));
    let text = |text: &str| text.parse::<Pipeline>().unwrap();
    for pipeline in [text("flip=vertical"), text("rotate=90")] {
        let process = |bytes| imaging::process(bytes, &pipeline, &Limits::default()).unwrap();
        let (from_open, from_packed) = (process(&open), process(&packed));
        assert_eq!((from_open.bytes[2], from_packed.bytes[2]), (2, 10), "{pipeline}");
        let width = from_packed.width as usize;
        let mut at = 0;
        for count in packets(&from_packed.bytes[HEADER_BYTES..]) {
            assert!(at % width + count <= width, "{pipeline}: {count} pixels from {at} on");
            at += count;
        }
        assert_eq!(at, 60, "{pipeline}");
        let decoded = [from_open, from_packed].map(|tga| decode_as(&tga.bytes, ImageFormat::Tga));
        assert_eq!(decoded[0], decoded[1], "{pipeline}");
    }
    let png = encode(&decode_as(&open, ImageFormat::Tga), ImageFormat::Png);
    let converted = imaging::process(&png, &text("convert=tga"), &Limits::default()).unwrap();
    assert_eq!(converted.bytes[2], 2);
}

/// A classic TIFF of one strip with tags of one short each, and a colour map if there is one.
fn tiff(big: bool, tags: &[(u16, u16)], map: &[u16], strip: &[u8]) -> Vec<u8> {
    let short = |value: u16| if big { value.to_be_bytes() } else { value.to_le_bytes() };
    let long = |value: u32| if big { value.to_be_bytes() } else { value.to_le_bytes() };
    let count = tags.len() + 2 + usize::from(!map.is_empty());
    let data = (8 + 2 + count * 12 + 4) as u32;
    let mut entries: Vec<(u16, u16, u32, [u8; 4])> = Vec::new();
    for &(tag, value) in tags {
        let [first, second] = short(value);
        entries.push((tag, 3, 1, [first, second, 0, 0]));
    }
    entries.push((273, 4, 1, long(data + map.len() as u32 * 2)));
    entries.push((279, 4, 1, long(strip.len() as u32)));
    if !map.is_empty() {
        entries.push((320, 3, map.len() as u32, long(data)));
    }
    entries.sort_by_key(|entry| entry.0);
    let mut bytes = if big { b"MM\0*".to_vec() } else { b"II*\0".to_vec() };
    bytes.extend(long(8));
    bytes.extend(short(count as u16));
    for (tag, kind, count, value) in entries {
        bytes.extend(short(tag));
        bytes.extend(short(kind));
        bytes.extend(long(count));
        bytes.extend(value);
    }
    bytes.extend(long(0));
    map.iter().for_each(|&value| bytes.extend(short(value)));
    bytes.extend(strip);
    bytes
}

#[test]
fn tiff_with_one_bit_changes_what_black_means() {
    for big in [false, true] {
        for meaning in [0, 1] {
            let tags = [(256, 4), (257, 1), (258, 1), (259, 1), (262, meaning), (277, 1), (278, 1)];
            let source = tiff(big, &tags, &[], &[0xa0]);
            let output = inverted(&source);
            let (before, after) = (
                decode_as(&source, ImageFormat::Tiff),
                decode_as(&output.bytes, ImageFormat::Tiff),
            );
            assert_inverse(&before, &after, "bilevel");
            assert_eq!(output.path, Path::Palette);
            assert_eq!(inverted(&output.bytes).bytes, source);
        }
    }
}

#[test]
fn tiff_with_a_palette_changes_its_colour_map() {
    for big in [false, true] {
        let map: Vec<u16> = (0..48).map(|value| value * 1000).collect();
        let tags = [(256, 2), (257, 1), (258, 4), (259, 1), (262, 3), (277, 1), (278, 1)];
        let source = tiff(big, &tags, &map, &[0x3f]);
        let output = inverted(&source);
        let opposite: Vec<u16> = map.iter().map(|value| u16::MAX - value).collect();
        assert_eq!(output.bytes, tiff(big, &tags, &opposite, &[0x3f]));
        assert_eq!(output.path, Path::Palette);
    }
}

#[test]
fn tiff_in_either_byte_order_keeps_orientation_and_sixteen_bits() {
    for big in [false, true] {
        let tags =
            [(256, 2), (257, 1), (258, 16), (259, 1), (262, 1), (274, 6), (277, 1), (278, 1)];
        let source = tiff(big, &tags, &[], &[0x12, 0x34, 0xff, 0x00]);
        let output = inverted(&source);
        let before = decode_as(&source, ImageFormat::Tiff);
        assert_inverse(&before, &decode_as(&output.bytes, ImageFormat::Tiff), "16 bits");
        let mut decoder = tiff_decoder(&output.bytes);
        assert_eq!(decoder.get_tag_u32(tiff::tags::Tag::Orientation).unwrap(), 6);
    }
}

fn tiff_decoder(bytes: &[u8]) -> tiff::decoder::Decoder<Cursor<&[u8]>> {
    tiff::decoder::Decoder::new(Cursor::new(bytes)).unwrap()
}

#[test]
fn multiplied_alpha_is_the_maximum_of_its_colours() {
    let mut tags = vec![(256, 1), (257, 1), (259, 1), (262, 2), (277, 4), (278, 1), (338, 1)];
    tags.push((258, 8));
    // Four depths do not fit into an entry; the decoder takes one for all.
    let source = tiff(false, &tags, &[], &[10, 100, 0, 100]);
    let Ok(output) = imaging::process(&source, &Pipeline::invert(), &Limits::default()) else {
        panic!("one depth for all samples has to be understood");
    };
    let after = decode_as(&output.bytes, ImageFormat::Tiff).into_rgba8();
    assert_eq!(after.into_raw(), [90, 0, 100, 100]);
}

#[test]
fn icons_of_both_kinds_are_changed_and_all_of_them_kept() {
    let png = encode(&picture(ColorType::Rgba8, 3, 3, 7), ImageFormat::Png);
    // Two rows of two pixels, the second one being the mask.
    let header = bmp(32, 0, (2, 2), &[], &[]);
    let pixels = [1, 2, 3, 255, 4, 5, 6, 128];
    let dib = [&header[14..], &pixels, &[0, 0, 0, 0]].concat();
    let mut ico = vec![0, 0, 1, 0, 2, 0];
    let mut start = 6 + 32;
    for (size, data) in [(3u8, &png), (2, &dib)] {
        ico.extend([size, size, 0, 0, 1, 0, 32, 0]);
        ico.extend((data.len() as u32).to_le_bytes());
        ico.extend((start as u32).to_le_bytes());
        start += data.len();
    }
    ico.extend(png.iter().chain(&dib));
    let output = inverted(&ico);
    assert_eq!((output.frames, output.width, output.height), (2, 3, 3));
    let (before, after) =
        (decode_as(&ico, ImageFormat::Ico), decode_as(&output.bytes, ImageFormat::Ico));
    assert_inverse(&before, &after, "the largest icon");
    let expected = [254, 253, 252, 255, 251, 250, 249, 128];
    assert!(output.bytes.windows(8).any(|window| window == expected), "the bitmap");
}
