//! What the bytes are. Only their beginning counts; names and media types are ignored.

use crate::{Class, Error, Format, tga};

/// What the first bytes of a file say it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sniffed {
    /// A picture that [`process`](crate::process) works on.
    Picture(Format),
    /// A picture or drawing of a format that is known by name only.
    Foreign(&'static str),
    /// Something else, named with its article, such as "an HTML page".
    Other(&'static str),
}

/// Tells by its first bytes what a file is; `None` when nothing is recognised.
///
/// ```
/// use imaging::{Format, Sniffed, sniff};
///
/// assert_eq!(sniff(b"GIF89a..."), Some(Sniffed::Picture(Format::Gif)));
/// assert_eq!(sniff(b"<!DOCTYPE html>"), Some(Sniffed::Other("an HTML page")));
/// assert_eq!(sniff(&[0xba, 0xad]), None);
/// ```
pub fn sniff(input: &[u8]) -> Option<Sniffed> {
    magic(input)
        .or_else(|| iso_media(input))
        .or_else(|| text(input))
        .or_else(|| tga::is_likely(input).then_some(Sniffed::Picture(Format::Tga)))
}

/// The format, or why there is none that can be processed.
pub(crate) fn picture(input: &[u8]) -> Result<Format, Error> {
    if input.is_empty() {
        return Err(Error::new(Class::Empty, "the file is empty"));
    }
    match sniff(input) {
        Some(Sniffed::Picture(format)) => Ok(format),
        Some(Sniffed::Foreign(name)) => Err(Error::unsupported(format!(
            "the file is {name}, which is not supported; convert it to JPEG or PNG first"
        ))),
        Some(Sniffed::Other(name)) => Err(Error::new(
            Class::NotAnImage,
            format!("the file is no picture: it looks like {name}"),
        )),
        None => Err(Error::new(
            Class::NotAnImage,
            "the file is no picture of any known format: its first bytes are not recognised",
        )),
    }
}

const PICTURES: &[(&[u8], Format)] = &[
    (b"\xff\xd8\xff", Format::Jpeg),
    (b"\x89PNG\r\n\x1a\n", Format::Png),
    (b"GIF87a", Format::Gif),
    (b"GIF89a", Format::Gif),
    (b"II*\0", Format::Tiff),
    (b"MM\0*", Format::Tiff),
    (b"II+\0", Format::Tiff),
    (b"MM\0+", Format::Tiff),
    (b"qoif", Format::Qoi),
    (b"\0\0\x01\0", Format::Ico),
    (b"BM", Format::Bmp),
];

const FOREIGN: &[(&[u8], &str)] = &[
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript document"),
    (b"8BPS", "a Photoshop document"),
    (b"\x76\x2f\x31\x01", "an OpenEXR picture"),
    (b"#?RADIANCE", "a Radiance HDR picture"),
    (b"#?RGBE", "a Radiance HDR picture"),
    (b"DDS ", "a DDS texture"),
    (b"farbfeld", "a farbfeld picture"),
    (b"\x8aMNG", "an MNG animation"),
    (b"\xd7\xcd\xc6\x9a", "a Windows metafile"),
];

const OTHERS: &[(&[u8], &str)] = &[
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x7fELF", "a program"),
    (b"\x1aE\xdf\xa3", "a video"),
];

fn magic(input: &[u8]) -> Option<Sniffed> {
    if input.starts_with(b"RIFF") && input.get(8..12) == Some(b"WEBP") {
        return Some(Sniffed::Picture(Format::WebP));
    }
    // Canon's raw pictures are TIFF files with their own mark.
    if input.starts_with(b"II*\0") && input.get(8..10) == Some(b"CR") {
        return Some(Sniffed::Foreign("a camera raw picture"));
    }
    // A TGA can begin like a cursor, but has zeros where that has its number of pictures.
    if input.starts_with(b"\0\0\x02\0") && input.get(4..6).is_some_and(|count| count != [0, 0]) {
        return Some(Sniffed::Foreign("a Windows cursor"));
    }
    if let [b'P', b'1'..=b'7', b' ' | b'\t' | b'\n' | b'\r' | b'#', ..] = input {
        return Some(Sniffed::Picture(Format::Pnm));
    }
    let starts = |magic: &[u8]| input.starts_with(magic);
    let picture = PICTURES.iter().find(|(magic, _)| starts(magic));
    let foreign = FOREIGN.iter().find(|(magic, _)| starts(magic));
    let other = OTHERS.iter().find(|(magic, _)| starts(magic));
    picture
        .map(|&(_, format)| Sniffed::Picture(format))
        .or(foreign.map(|&(_, name)| Sniffed::Foreign(name)))
        .or(other.map(|&(_, name)| Sniffed::Other(name)))
}

fn iso_media(input: &[u8]) -> Option<Sniffed> {
    if input.get(4..8) != Some(b"ftyp") {
        return None;
    }
    Some(match input.get(8..12).unwrap_or_default() {
        b"avif" | b"avis" => Sniffed::Foreign("an AVIF picture"),
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1" => {
            Sniffed::Foreign("a HEIC picture")
        }
        b"crx " => Sniffed::Foreign("a camera raw picture"),
        _ => Sniffed::Other("a video"),
    })
}

/// Text of some kind; only the first kilobyte is looked at.
fn text(input: &[u8]) -> Option<Sniffed> {
    let start = input.get(..1024).unwrap_or(input);
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    let is_text = |&byte: &u8| byte >= b' ' && byte != 0x7f || matches!(byte, b'\t'..=b'\r');
    if start.len() < 4 || !start.iter().all(is_text) {
        return None;
    }
    // A cut in the middle of a character at the end is no reason against text.
    if std::str::from_utf8(start).is_err_and(|error| error.error_len().is_some()) {
        return None;
    }
    let lower = start.to_ascii_lowercase();
    let has = |what: &[u8]| lower.windows(what.len()).any(|window| window == what);
    let begins = |what: &[u8]| lower.trim_ascii_start().starts_with(what);
    Some(if begins(b"<!doctype html") || has(b"<html") || has(b"<head") || has(b"<body") {
        Sniffed::Other("an HTML page")
    } else if has(b"<svg") {
        Sniffed::Foreign("an SVG drawing")
    } else if begins(b"<") {
        Sniffed::Other("an XML document")
    } else if begins(b"{") || begins(b"[") {
        Sniffed::Other("a JSON document")
    } else {
        Sniffed::Other("a text file")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class_and_message(input: &[u8]) -> (Class, String) {
        let error = picture(input).unwrap_err();
        (error.class, error.message)
    }

    #[test]
    fn nothing_is_empty() {
        assert_eq!(class_and_message(b"").0, Class::Empty);
    }

    #[test]
    fn formats_without_a_codec_are_unsupported_by_name() {
        for (input, name) in [
            (&b"\0\0\0\x1cftypheic\0\0\0\0mif1"[..], "HEIC"),
            (b"\0\0\0\x20ftypavif\0\0\0\0avif", "AVIF"),
            (b"\xff\x0a\x00\x10", "JPEG XL"),
            (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
            (b"<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\"/>", "SVG"),
            (b"<svg width=\"1\"/>", "SVG"),
            (b"%PDF-1.7\n", "PDF"),
            (b"II*\0\x10\0\0\0CR\x02\0", "raw"),
        ] {
            let (class, message) = class_and_message(input);
            assert_eq!(class, Class::Unsupported, "{message}");
            assert!(message.contains(name), "{message}");
        }
    }

    #[test]
    fn pages_and_texts_are_no_pictures() {
        for (input, name) in [
            (&b"\n <!DOCTYPE html><title>404</title>"[..], "an HTML page"),
            (b"<HTML><BODY>not found", "an HTML page"),
            (b"{\"error\":\"gone\"}", "a JSON document"),
            ("Leider nicht gefunden: Ä".as_bytes(), "a text file"),
            (b"<?xml version=\"1.0\"?><Error/>", "an XML document"),
            (b"PK\x03\x04\x14\0", "a ZIP archive"),
        ] {
            let (class, message) = class_and_message(input);
            assert_eq!(class, Class::NotAnImage);
            assert!(message.contains(name), "{message}");
        }
    }

    #[test]
    fn noise_is_not_recognised() {
        assert_eq!(class_and_message(&[0xde, 0xad, 0xbe, 0xef]).0, Class::NotAnImage);
    }
}
