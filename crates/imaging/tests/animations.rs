//! What animations do between their frames, and what they say beside them.

#![cfg(test)]

use std::io::Cursor;

use image::{
    AnimationDecoder, ExtendedColorType, ImageDecoder, ImageEncoder, RgbaImage,
    codecs::{
        gif::GifDecoder,
        png::PngDecoder,
        webp::{WebPDecoder, WebPEncoder},
    },
};
use imaging::{Format, Limits, Output, Pipeline};

fn run(bytes: &[u8], text: &str) -> Output {
    let pipeline: Pipeline = text.parse().unwrap();
    imaging::process(bytes, &pipeline, &Limits::default()).unwrap()
}

/// The frames as they are shown. Those of a WebP must not be cleared away: the decoder would not.
fn shown(output: &Output) -> Vec<RgbaImage> {
    let reader = Cursor::new(&output.bytes);
    let frames = if output.format == Format::Png {
        PngDecoder::new(reader).unwrap().apng().unwrap().into_frames()
    } else {
        WebPDecoder::new(reader).unwrap().into_frames()
    };
    frames.map(|frame| frame.unwrap().into_buffer()).collect()
}

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let padding = &[0][..data.len() % 2];
    [&kind[..], &(data.len() as u32).to_le_bytes(), data, padding].concat()
}

/// An animation of frames of 2 x 2 pixels at (`left`, 0), each given with its flags.
fn webp(width: u8, frames: &[(u8, u8)], more: &[u8]) -> Vec<u8> {
    const FLAGS: u8 = 0x12;
    let exif = if more.is_empty() { 0 } else { 0x08 };
    let mut body = b"WEBP".to_vec();
    body.extend(chunk(b"VP8X", &[FLAGS | exif, 0, 0, 0, width - 1, 0, 0, 1, 0, 0]));
    // A red background, which no viewer shows.
    body.extend(chunk(b"ANIM", &[0, 0, 255, 255, 0, 0]));
    for (left, flags) in frames {
        let mut picture = Vec::new();
        let samples = [10, 20, 30, 255].repeat(4);
        let kind = ExtendedColorType::Rgba8;
        WebPEncoder::new_lossless(&mut picture).encode(&samples, 2, 2, kind).unwrap();
        let place = [left / 2, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 50, 0, 0, *flags];
        body.extend(chunk(b"ANMF", &[&place[..], &picture[12..]].concat()));
    }
    body.extend(more);
    chunk(b"RIFF", &body)
}

#[test]
fn frames_of_a_webp_are_cleared_away_where_they_say_so() {
    const CLEARED: u8 = 1;
    let source = webp(6, &[(0, CLEARED), (2, 0), (4, CLEARED)], &[]);
    for text in ["invert", "flip=vertical", "convert=png"] {
        let frames = shown(&run(&source, text));
        let visible = frames.iter().map(|frame| frame.pixels().filter(|p| p.0[3] > 0).count());
        assert_eq!(visible.collect::<Vec<_>>(), [4, 4, 8], "{text}");
    }
}

/// A frame of an animated PNG: width and left end in pixels, all in one colour.
struct Part {
    width: u32,
    left: u32,
    disposal: png::DisposeOp,
    delay: (u16, u16),
}

/// An animation of one row of four pixels in a kind of colours without alpha.
fn apng(
    colour: png::ColorType,
    setup: impl FnOnce(&mut png::Encoder<'static, &mut Vec<u8>>),
    parts: &[Part],
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 4, 1);
    encoder.set_color(colour);
    encoder.set_animated(parts.len() as u32, 0).unwrap();
    setup(&mut encoder);
    let mut writer = encoder.write_header().unwrap();
    for part in parts {
        writer.set_frame_dimension(part.width, 1).unwrap();
        writer.set_frame_position(part.left, 0).unwrap();
        writer.set_dispose_op(part.disposal).unwrap();
        writer.set_frame_delay(part.delay.0, part.delay.1).unwrap();
        let samples = vec![9; part.width as usize * colour.samples()];
        writer.write_image_data(&samples).unwrap();
    }
    writer.finish().unwrap();
    bytes
}

#[test]
fn what_a_png_without_alpha_clears_away_stays_transparent() {
    use png::DisposeOp::{Background, None, Previous};
    let part = |width, left, disposal| Part { width, left, disposal, delay: (1, 10) };
    let whole = |disposal| part(4, 0, disposal);
    for colour in [png::ColorType::Grayscale, png::ColorType::Rgb] {
        for (parts, alphas, has_alpha) in [
            ([whole(Background), part(1, 2, None)], [0, 0, 255, 0], true),
            ([whole(Previous), part(2, 0, None)], [255, 255, 0, 0], true),
            ([whole(None), part(1, 2, Previous)], [255; 4], false),
            ([whole(Background), whole(Background)], [255; 4], false),
        ] {
            let output = run(&apng(colour, |_| {}, &parts), "flip=vertical");
            let frames = shown(&output);
            let actual: Vec<u8> = frames[1].pixels().map(|pixel| pixel.0[3]).collect();
            assert_eq!(actual, alphas, "{colour:?}");
            let alpha_bit = output.bytes[25] & 4;
            assert_eq!(alpha_bit > 0, has_alpha, "{colour:?}, the kind in IHDR");
        }
    }
}

#[test]
fn frames_of_a_png_that_stay_for_minutes_stay_for_minutes() {
    let part = |delay| Part { width: 4, left: 0, disposal: png::DisposeOp::None, delay };
    let source = apng(png::ColorType::Rgb, |_| {}, &[part((100, 1)), part((7, 100))]);
    let output = run(&source, "rotate=180");
    let frames = PngDecoder::new(Cursor::new(&output.bytes)).unwrap().apng().unwrap();
    let milliseconds = frames.into_frames().map(|frame| {
        let (numerator, denominator) = frame.unwrap().delay().numer_denom_ms();
        numerator / denominator
    });
    assert_eq!(milliseconds.collect::<Vec<_>>(), [100_000, 70]);
}

/// A GIF of two frames of one pixel, with further blocks before and behind them.
fn gif(before: &[u8], behind: &[u8]) -> Vec<u8> {
    let mut bytes = b"GIF89a\x01\0\x01\0\x80\0\0".to_vec();
    // These colours look like the beginning of a comment.
    bytes.extend([0x21, 0xfe, 0x05, 0x21, 0xfe, 0x05]);
    bytes.extend(before);
    for _ in 0..2 {
        bytes.extend(b"\x21\xf9\x04\0\x07\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0");
    }
    bytes.extend(behind);
    bytes.push(0x3b);
    bytes
}

fn comment(length: usize) -> Vec<u8> {
    let blocks = vec![b'x'; length];
    let blocks = blocks.chunks(255).flat_map(|block| [&[block.len() as u8], block].concat());
    [&[0x21, 0xfe][..], &blocks.collect::<Vec<u8>>(), &[0]].concat()
}

const PROFILE: &[u8] = b"about     colourRGB \x01";

fn profile() -> Vec<u8> {
    let (first, second) = PROFILE.split_at(9);
    let parts = [&b"\x21\xff\x0bICCRGBG1012\x09"[..], first, b"\x0c", second, b"\0"];
    parts.concat()
}

fn xmp(packet: &[u8]) -> Vec<u8> {
    let trailer: Vec<u8> = (0..=255).rev().collect();
    [&b"\x21\xff\x0bXMP DataXMP"[..], packet, b"\x01", &trailer, b"\0"].concat()
}

fn has(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

#[test]
fn a_gif_is_played_as_often_as_before_wherever_it_says_so() {
    let plays = |count: u8| [b"\x21\xff\x0bNETSCAPE2.0\x03\x01", &[count, 0, 0][..]].concat();
    for count in [0, 7] {
        for source in [
            gif(&plays(count), &[]),
            gif(&[comment(9000), plays(count)].concat(), &[]),
            gif(&[], &plays(count)),
        ] {
            assert!(has(&run(&source, "rotate=90").bytes, &plays(count)), "{count} times");
        }
    }
    // A text that looks like a number of plays is none.
    let text = gif(b"\x21\xfe\x0fNETSCAPE2.0\x03\x01\0\0\0", &[]);
    assert!(!has(&run(&text, "rotate=90").bytes, b"NETSCAPE2.0"));
}

#[test]
fn what_a_gif_says_beside_its_frames_is_named_where_it_is_left_out() {
    let lost = "left out, since the GIF does not take it along: ";
    let program = b"\x21\xff\x0bSOMEPROGRAM\x01\x01\0".to_vec();
    for (source, names) in [
        (gif(&[], &[]), ""),
        (gif(&comment(5), &[]), "comments"),
        (gif(&[], &comment(5)), "comments"),
        (gif(&[comment(9000), profile()].concat(), &[]), "comments"),
        (gif(&xmp(b"<x/>"), &[]), ""),
        (gif(&program, b"\x21\x01\0"), "texts to be drawn, blocks of programs"),
    ] {
        let expected = if names.is_empty() { vec![] } else { vec![format!("{lost}{names}")] };
        assert_eq!(run(&source, "rotate=90").notes, expected);
    }
    assert!(run(&gif(&comment(5), &[]), "strip|rotate=90").notes.is_empty());
}

#[test]
fn profile_and_xmp_stay_in_a_gif_whose_frames_are_written_anew() {
    // Longer than one block of data.
    let long = [PROFILE, &[7; 700]].concat();
    let blocks: Vec<u8> =
        long.chunks(255).flat_map(|block| [&[block.len() as u8], block].concat()).collect();
    let profile = [&b"\x21\xff\x0bICCRGBG1012"[..], &blocks, b"\0"].concat();
    let xmp = xmp(b"<x>packet</x>");
    let source = gif(&[profile.clone(), xmp.clone()].concat(), &[]);
    let output = run(&source, "rotate=90");
    assert!(has(&output.bytes, &profile) && has(&output.bytes, &xmp));
    assert_eq!(output.notes, [""; 0]);
    let png = run(&run(&source, "convert=png").bytes, "convert=gif");
    assert!(has(&png.bytes, &profile) && has(&png.bytes, &xmp));
    // Every reader goes by blocks, and has to come to the frames.
    let frames = GifDecoder::new(Cursor::new(&output.bytes)).unwrap().into_frames();
    assert_eq!(frames.filter(Result::is_ok).count(), 2);
    assert_eq!(run(&output.bytes, "rotate=90").bytes, output.bytes);
    assert!(!has(&run(&source, "strip|rotate=90").bytes, &xmp));
}

#[test]
fn xmp_that_cannot_be_walked_through_is_left_out_with_a_note() {
    let xmp: Vec<u8> = "<x/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let blocks = [&b"\x21\xff\x0bXMP DataXMP"[..], &[xmp.len() as u8], &xmp, b"\0"].concat();
    let output = run(&gif(&blocks, &[]), "rotate=90");
    assert!(!has(&output.bytes, b"XMP"));
    assert_eq!(output.notes, ["the XMP holds zeros, which a GIF cannot take; it was left out"]);
}

#[test]
fn a_profile_for_gray_is_not_for_the_colours_of_a_gif() {
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::png::PngEncoder::new(&mut bytes);
    encoder.set_icc_profile(b"about     colourGRAY\x01".to_vec()).unwrap();
    encoder.write_image(&[7], 1, 1, ExtendedColorType::L8).unwrap();
    let output = run(&bytes, "convert=gif");
    assert!(!has(&output.bytes, b"ICCRGBG1012"));
    assert!(output.notes.iter().any(|note| note.contains("profile")), "{:?}", output.notes);
}

#[test]
fn bytes_behind_a_gif_are_kept_or_named() {
    let source = [gif(&[], &[]), b"more".to_vec()].concat();
    assert!(run(&source, "invert").bytes.ends_with(b"\x3bmore"));
    assert!(run(&source, "strip").bytes.ends_with(b"\x3b"));
    let notes = run(&source, "rotate=90").notes;
    assert_eq!(notes, ["4 bytes after the end of the picture were left out"]);
}

#[test]
fn delays_that_do_not_fit_have_a_note() {
    let part =
        |seconds| Part { width: 4, left: 0, disposal: png::DisposeOp::None, delay: (seconds, 1) };
    let source = apng(png::ColorType::Rgb, |_| {}, &[part(655), part(656), part(20_000)]);
    let cut = |format: &str| run(&source, &format!("convert={format}")).notes;
    let note = |format: &str, frames, seconds| {
        format!("{format} holds delays of at most {seconds} s; {frames} frame(s) had longer ones")
    };
    assert_eq!(cut("gif"), [note("GIF", 2, 655)]);
    assert!(cut("webp").contains(&note("WebP", 1, 16_777)));
    assert_eq!(run(&source, "flip=vertical").notes, [""; 0]);
}

#[test]
fn profile_and_xmp_of_a_gif_go_along_where_the_target_holds_them() {
    let source = gif(&[profile(), xmp(b"<x>packet</x>")].concat(), &[]);
    let output = run(&source, "convert=png");
    assert!(output.notes.is_empty(), "{:?}", output.notes);
    let mut decoder = PngDecoder::new(Cursor::new(&output.bytes)).unwrap();
    assert_eq!(decoder.icc_profile().unwrap().as_deref(), Some(PROFILE));
    assert_eq!(decoder.xmp_metadata().unwrap().as_deref(), Some(&b"<x>packet</x>"[..]));
}

/// An EXIF block that gives a width of 9 as a short and a height of 8 as a long number.
fn exif() -> Vec<u8> {
    let mut block = b"MM\0*\0\0\0\x08\0\x01\x87\x69\0\x04\0\0\0\x01\0\0\0\x1a\0\0\0\0".to_vec();
    block.extend(b"\0\x02\xa0\x02\0\x03\0\0\0\x01\0\x09\0\0");
    block.extend(b"\xa0\x03\0\x04\0\0\0\x01\0\0\0\x08\0\0\0\0");
    block
}

#[test]
fn density_and_size_follow_an_animation_that_is_turned_or_resized() {
    let part = || Part { width: 4, left: 0, disposal: png::DisposeOp::None, delay: (1, 10) };
    let setup = |encoder: &mut png::Encoder<'static, &mut Vec<u8>>| {
        let unit = png::Unit::Meter;
        encoder.set_pixel_dims(Some(png::PixelDimensions { xppu: 1000, yppu: 2000, unit }));
    };
    let source = apng(png::ColorType::Rgb, setup, &[part(), part()]);
    for (text, expected) in [("rotate=90", (2000, 1000)), ("rotate=180", (1000, 2000))] {
        let output = run(&source, text);
        let reader = png::Decoder::new(Cursor::new(&output.bytes)).read_info().unwrap();
        let dims = reader.info().pixel_dims.unwrap();
        assert_eq!((dims.xppu, dims.yppu), expected, "{text}");
    }
    let source = webp(6, &[(0, 0), (2, 0)], &chunk(b"EXIF", &exif()));
    let mut decoder = WebPDecoder::new(Cursor::new(run(&source, "resize=12x4").bytes)).unwrap();
    let block = decoder.exif_metadata().unwrap().unwrap();
    assert_eq!((&block[36..38], &block[48..52]), (&[0, 12][..], &[0, 0, 0, 4][..]));
}
