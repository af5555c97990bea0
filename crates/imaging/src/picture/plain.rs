//! The formats that are hardly more than their pixels: BMP, TGA, PNM, QOI and ICO.

use std::io::Cursor;

use image::{
    DynamicImage, ImageEncoder, ImageResult,
    codecs::{
        bmp::BmpEncoder,
        ico::{IcoEncoder, IcoFrame},
        qoi::QoiEncoder,
        tga::TgaEncoder,
    },
};

use super::{
    metadata::{Density, Metadata, Unit},
    palette::Palette,
};
use crate::{
    Error, Format,
    bmp::{self, Bitmap},
    tga,
};

/// Where a BMP has its header, behind that of the file, and how long the latest form of it is.
const BMP_HEADER: usize = 14;
const BMP_LATEST_BYTES: usize = 124;
/// Where a BMP has its pixels per metre.
const BMP_DENSITY: usize = 38;
/// Where a QOI says whether its samples are linear.
const QOI_COLOURS: usize = 13;
const TGA_HEADER_BYTES: usize = 18;
/// Where a TGA has its height, in two bytes.
const TGA_HEIGHT: usize = 14;
const ICO_HEADER_BYTES: usize = 6;
const ICO_ENTRY_BYTES: usize = 16;

/// What the header of a BMP says about density.
pub(crate) fn bmp_density(input: &[u8]) -> Option<Density> {
    let header_bytes = u32::from_le_bytes(*input.get(14..)?.first_chunk()?);
    let &[a0, a1, a2, a3, d0, d1, d2, d3] = input.get(BMP_DENSITY..)?.first_chunk()?;
    let across = u32::from_le_bytes([a0, a1, a2, a3]);
    let down = u32::from_le_bytes([d0, d1, d2, d3]);
    let is_given = header_bytes >= 40 && across > 0 && down > 0;
    is_given.then(|| Density { across: across.into(), down: down.into(), unit: Unit::Metre })
}

/// The colour profile that the latest form of header can lead to.
pub(crate) fn bmp_profile(input: &[u8]) -> Option<Vec<u8>> {
    let header = input.get(BMP_HEADER..)?;
    let number = |at: usize| {
        header.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes) as usize)
    };
    let is_embedded = number(0)? == BMP_LATEST_BYTES && header.get(56..60)? == b"DEBM";
    let (start, length) = (number(112)?, number(116)?);
    let profile = header.get(start..start.checked_add(length)?)?;
    (is_embedded && !profile.is_empty()).then(|| profile.to_vec())
}

/// Writes gray, RGB or RGBA of eight bits; with a colour table where `source`, the BMP it was read
/// from if it was one, has one and that will do.
pub(crate) fn encode_bmp(
    image: &DynamicImage,
    source: Option<&Bitmap>,
    metadata: &Metadata,
    notes: &mut Vec<String>,
) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let (width, height) = (image.width(), image.height());
    let is_indexed = source.is_some_and(Bitmap::is_indexed);
    let palette = Palette::of(image).filter(|(found, _)| is_indexed && found.alpha().is_none());
    let mut encoder = BmpEncoder::new(&mut bytes);
    let done = if let Some((palette, indices)) = palette {
        let colours: Vec<[u8; 3]> = palette.rgb().as_chunks::<3>().0.to_vec();
        let kind = image::ExtendedColorType::L8;
        encoder.encode_with_palette(&indices, width, height, kind, Some(&colours))
    } else {
        encoder.encode(image.as_bytes(), width, height, image.color().into())
    };
    done.map_err(|error| Error::unwritable(Format::Bmp, error))?;
    if let Some(density) = metadata.density.filter(|density| density.unit != Unit::Aspect) {
        let (across, down) = density.per(Unit::Metre).rounded();
        let field = [across.to_le_bytes(), down.to_le_bytes()].concat();
        if let Some(place) = bytes.get_mut(BMP_DENSITY..BMP_DENSITY + field.len()) {
            place.copy_from_slice(&field);
        }
    }
    if let (Some(source), Ok(written)) = (source, bmp::bitmap(&bytes)) {
        note_bmp(source, &written, notes);
    }
    Ok(bytes)
}

/// Says what a BMP lost that became another.
fn note_bmp(source: &Bitmap, written: &Bitmap, notes: &mut Vec<String>) {
    let (from, to) = (source.bits, written.bits);
    if source.is_indexed() && !written.is_indexed() {
        notes.push("the palette of the BMP became colours of their own".to_owned());
    } else if matches!(from, 1 | 2 | 4 | 16) && from != to {
        notes.push(format!("the BMP of {from} bits a pixel became one of {to} bits"));
    }
    if source.is_run_length() {
        notes.push("the BMP was run-length encoded and is no longer".to_owned());
    }
}

/// Writes eight bits of any kind but gray with alpha; `source` is how the TGA is stored that it
/// was read from, if it was one.
pub(crate) fn encode_tga(
    image: &DynamicImage,
    source: Option<tga::Style>,
    notes: &mut Vec<String>,
) -> Result<Vec<u8>, Error> {
    let (width, height) = (image.width(), image.height());
    let unwritable = |error| Error::unwritable(Format::Tga, error);
    let source = source.unwrap_or_default();
    if source.is_indexed {
        notes.push("the palette of the TGA became colours of their own".to_owned());
    } else if matches!(source.bits, 15 | 16) && image.color().has_color() {
        let (from, to) = (source.bits, 8 * image.color().bytes_per_pixel());
        notes.push(format!("the TGA of {from} bits a pixel became one of {to} bits"));
    }
    if source.is_run_length {
        return run_length_rows(image).map_err(unwritable);
    }
    let mut bytes = Vec::new();
    TgaEncoder::new(&mut bytes)
        .disable_rle()
        .write_image(image.as_bytes(), width, height, image.color().into())
        .map_err(unwritable)?;
    Ok(bytes)
}

/// Every row as a file of its own, joined: packets must not cross rows, and the encoder lets them.
fn run_length_rows(image: &DynamicImage) -> ImageResult<Vec<u8>> {
    let row_bytes = image.width() as usize * usize::from(image.color().bytes_per_pixel());
    let mut bytes = Vec::new();
    for row in image.as_bytes().chunks_exact(row_bytes) {
        let mut file = Vec::new();
        TgaEncoder::new(&mut file).write_image(row, image.width(), 1, image.color().into())?;
        let kept = if bytes.is_empty() { 0 } else { TGA_HEADER_BYTES };
        bytes.extend(file.get(kept..).unwrap_or_default());
    }
    if let Some(field) = bytes.get_mut(TGA_HEIGHT..).and_then(|rest| rest.first_chunk_mut()) {
        *field = (image.height() as u16).to_le_bytes();
    }
    Ok(bytes)
}

/// Writes RGB or RGBA of eight bits; `source` is the QOI it was read from, if it was one.
pub(crate) fn encode_qoi(image: &DynamicImage, source: Option<&[u8]>) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    QoiEncoder::new(&mut bytes)
        .write_image(image.as_bytes(), image.width(), image.height(), image.color().into())
        .map_err(|error| Error::unwritable(Format::Qoi, error))?;
    let colours = source.and_then(|source| source.get(QOI_COLOURS));
    if let (Some(to), Some(from)) = (bytes.get_mut(QOI_COLOURS), colours) {
        *to = *from;
    }
    Ok(bytes)
}

/// Writes PBM, PGM, PPM or, where there is alpha, PAM; eight or sixteen bits.
pub(crate) fn encode_pnm(image: &DynamicImage, is_bitmap: bool) -> Vec<u8> {
    let (width, height) = (image.width(), image.height());
    let colour = image.color();
    let channels = colour.channel_count();
    let sample_bytes = colour.bytes_per_pixel() / channels;
    if let (true, Some(gray)) = (is_bitmap, image.as_luma8())
        && gray.iter().all(|sample| matches!(sample, 0 | 255))
    {
        let mut bytes = format!("P4\n{width} {height}\n").into_bytes();
        gray.rows().for_each(|row| {
            let row: Vec<bool> = row.map(|pixel| pixel.0 == [0]).collect();
            bytes.extend(row.chunks(8).map(eight_bits));
        });
        return bytes;
    }
    let most = if sample_bytes == 2 { 65535 } else { 255 };
    let head = match (channels, colour.has_alpha()) {
        (1, _) => format!("P5\n{width} {height}\n{most}\n"),
        (3, _) => format!("P6\n{width} {height}\n{most}\n"),
        (_, _) => {
            let kind = if channels == 2 { "GRAYSCALE_ALPHA" } else { "RGB_ALPHA" };
            format!(
                "P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH {channels}\nMAXVAL {most}\n\
                 TUPLTYPE {kind}\nENDHDR\n"
            )
        }
    };
    let mut bytes = head.into_bytes();
    if sample_bytes == 2 {
        bytes.extend(crate::pixels::big_endian(image.as_bytes()));
    } else {
        bytes.extend(image.as_bytes());
    }
    bytes
}

/// Up to eight pixels, the first one in the highest bit.
fn eight_bits(pixels: &[bool]) -> u8 {
    let bits = pixels.iter().zip((0..8).rev());
    bits.fold(0, |byte, (is_set, place)| byte | u8::from(*is_set) << place)
}

/// One of the pictures of an icon. Several of them may share their bytes.
pub(crate) struct Icon<'a> {
    head: [u8; 4],
    description: [u8; 8],
    data: &'a [u8],
}

impl Icon<'_> {
    /// The PNG, if it is one: of any kind, while decoders of icons expect RGBA.
    pub(crate) fn png(&self) -> Option<&[u8]> {
        self.data.starts_with(b"\x89PNG").then_some(self.data)
    }

    /// An icon of this picture alone.
    pub(crate) fn file(&self) -> Vec<u8> {
        let start = (ICO_HEADER_BYTES + ICO_ENTRY_BYTES) as u32;
        let length = self.data.len() as u32;
        let lengths = [length.to_le_bytes(), start.to_le_bytes()].concat();
        [&self.head[..], &[1, 0], &self.description, &lengths, self.data].concat()
    }

    /// Whether it is a PNG of RGBA with eight bits already.
    pub(crate) fn is_as_written(&self) -> bool {
        const DEPTH_AND_COLOUR: usize = 24;
        let kind = self.png().and_then(|png| png.get(DEPTH_AND_COLOUR..));
        kind.is_some_and(|kind| kind.starts_with(&[8, 6]))
    }
}

/// The pictures of an icon.
pub(crate) fn icons(input: &[u8]) -> Result<Vec<Icon<'_>>, Error> {
    let mut cursor = crate::cursor::Cursor::new(input, Format::Ico);
    let head = cursor.array::<4>()?;
    let count = cursor.u16_le()?;
    if count == 0 {
        return Err(Error::corrupt(Format::Ico, "it holds no picture"));
    }
    let mut icons = Vec::new();
    for _ in 0..count {
        let description = cursor.array::<8>()?;
        let (length, start) = (cursor.u32_le()? as usize, cursor.u32_le()? as usize);
        let data = start.checked_add(length).and_then(|end| input.get(start..end));
        let data = data.ok_or_else(|| Error::truncated(Format::Ico))?;
        icons.push(Icon { head, description, data });
    }
    Ok(icons)
}

/// Writes pictures, each at most 256 x 256, as PNGs of RGBA with eight bits: programs expect
/// nothing else in an icon.
pub(crate) fn encode_ico(images: Vec<DynamicImage>) -> Result<Vec<u8>, Error> {
    let mut bytes = Cursor::new(Vec::new());
    let frame = |image: DynamicImage| {
        let image = image.into_rgba8();
        let (width, height) = image.dimensions();
        IcoFrame::as_png(&image, width, height, image::ExtendedColorType::Rgba8)
    };
    let frames = images.into_iter().map(frame).collect::<Result<Vec<_>, _>>();
    frames
        .and_then(|frames| IcoEncoder::new(&mut bytes).encode_images(&frames))
        .map_err(|error| Error::unwritable(Format::Ico, error))?;
    Ok(bytes.into_inner())
}
