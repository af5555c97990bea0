//! PNG: a palette is inverted in place, other pictures in their filtered rows.

mod ancillary;
mod animation;
mod chunks;
mod deflate;
mod frames;
pub(crate) mod general;
mod mend;
mod recode;
mod rows;

use ancillary::Fate;
use animation::Animation;
use chunks::{Chunk, Chunks, Colour, SIGNATURE, name};

use crate::{Error, Format, Output, Path, Phases, exif, request::Request};

pub(crate) fn process(request: &Request<'_>) -> Result<Output, Error> {
    let png = Chunks::read(request.input)?;
    request.limits.check_size(png.header.width, png.header.height)?;
    check_kind(&png)?;
    let frames = frames(&png)?;
    request.limits.check_frames(frames)?;
    if png.header.colour == Colour::Indexed {
        process_palette(request, &png, frames)
    } else {
        process_samples(request, &png, frames)
    }
}

fn check_kind(png: &Chunks<'_>) -> Result<(), Error> {
    if png.find(b"CgBI").is_some() {
        return Err(Error::unsupported(
            "the PNG was rewritten for iPhone programs (CgBI), which is not supported",
        ));
    }
    if png.find(b"IDAT").is_none() {
        return Err(Error::corrupt(Format::Png, "it holds no picture"));
    }
    Ok(())
}

/// What acTL claims, or 1.
fn frames(png: &Chunks<'_>) -> Result<u32, Error> {
    let Some(control) = png.find(b"acTL") else { return Ok(1) };
    let frames = control.data.first_chunk().map(|frames| u32::from_be_bytes(*frames));
    let frames = frames.filter(|&frames| frames > 0);
    frames.ok_or_else(|| Error::corrupt(Format::Png, "its animation has no frames"))
}

fn process_palette(request: &Request<'_>, png: &Chunks<'_>, frames: u32) -> Result<Output, Error> {
    request.limits.check_memory(request.input.len() as u64)?;
    if png.find(b"PLTE").is_none_or(|palette| palette.data.len() % 3 != 0) {
        return Err(Error::corrupt(Format::Png, "its palette is missing or has no whole colours"));
    }
    let mut writer = Writer::new(request, png);
    png.chunks.iter().for_each(|chunk| writer.push(chunk));
    Ok(writer.finish(Path::Palette, frames))
}

fn process_samples(request: &Request<'_>, png: &Chunks<'_>, frames: u32) -> Result<Output, Error> {
    let mut writer = Writer::new(request, png);
    let mut animation = Animation::new(&png.header);
    let mut has_pixels = false;
    let is_data = |chunk: &Chunk<'_>| matches!(&chunk.kind, b"IDAT" | b"fdAT");
    for run in png.chunks.chunk_by(|a, b| is_data(a) && a.kind == b.kind) {
        let Some(chunk) = run.first() else { continue };
        let data = run.iter().map(|chunk| chunk.data);
        match &chunk.kind {
            b"IDAT" if has_pixels => {
                return Err(Error::corrupt(Format::Png, "its picture is in two places"));
            }
            b"IDAT" => {
                has_pixels = true;
                animation.begin_still();
                writer.push_pixels(*b"IDAT", &[], &png.header, &data.collect::<Vec<_>>())?;
            }
            b"fcTL" => {
                let control = animation.control(chunk.data)?;
                chunks::write(&mut writer.bytes, *b"fcTL", &control);
            }
            b"fdAT" => {
                let frame = animation.data(data)?;
                writer.push_pixels(*b"fdAT", &frame.number, &frame.header, &frame.pieces)?;
            }
            _ => writer.push(chunk),
        }
    }
    if png.find(b"acTL").is_some() {
        animation.check_count(frames)?;
    }
    writer.note_growth();
    Ok(writer.finish(Path::Pixels, frames))
}

/// Puts a PNG together from the chunks of another.
struct Writer<'a> {
    request: &'a Request<'a>,
    png: &'a Chunks<'a>,
    bytes: Vec<u8>,
    notes: Vec<String>,
}

impl<'a> Writer<'a> {
    fn new(request: &'a Request<'a>, png: &'a Chunks<'a>) -> Self {
        let mut bytes = Vec::with_capacity(request.input.len());
        bytes.extend(SIGNATURE);
        let damaged = match png.damaged {
            _ if request.strip => None,
            0 => None,
            count => Some(format!("{count} damaged extra chunks were left out")),
        };
        Self { request, png, bytes, notes: damaged.into_iter().collect() }
    }

    /// Adds the mapped pixels in a chunk of this kind, behind `before`.
    fn push_pixels(
        &mut self,
        kind: [u8; 4],
        before: &[u8],
        header: &chunks::Header,
        pieces: &[&[u8]],
    ) -> Result<(), Error> {
        let start = chunks::begin(&mut self.bytes, kind);
        self.bytes.extend(before);
        let bytes = std::mem::take(&mut self.bytes);
        self.bytes = recode::recode(self.request, header, pieces, bytes)?;
        chunks::end(&mut self.bytes, start)
    }

    /// Takes over a chunk of the source, changed where the operations change it.
    fn push(&mut self, chunk: &Chunk<'_>) {
        if matches!(&chunk.kind, b"IHDR" | b"IDAT" | b"IEND") {
            self.bytes.extend(chunk.raw);
            return;
        }
        if self.request.strip && !ancillary::is_needed(&chunk.kind) {
            // Only the orientation is not to be lost with the rest.
            let exif =
                if chunk.kind == *b"eXIf" { exif::orientation_only(chunk.data) } else { None };
            exif.into_iter().for_each(|exif| chunks::write(&mut self.bytes, *b"eXIf", &exif));
            return;
        }
        match ancillary::fate(chunk, &self.png.header, self.request.map) {
            Fate::Keep(data) => chunks::write(&mut self.bytes, chunk.kind, &data),
            Fate::WithoutThumbnail(data) => {
                chunks::write(&mut self.bytes, chunk.kind, &data);
                self.notes.push("the EXIF thumbnail of the unchanged picture was removed".into());
            }
            Fate::Drop => {
                let kind = name(chunk.kind);
                self.notes
                    .push(format!("the {kind} chunk depends on the old pixels; it was left out"));
            }
        }
    }

    /// Copies that broke beside unchanged alpha cannot all be made anew without a search.
    fn note_growth(&mut self) {
        let growth = self.bytes.len() / self.request.input.len().max(1);
        if growth >= 2 {
            self.notes.push(format!(
                "the result is about {growth} times as large: its rows were not compressed anew"
            ));
        }
    }

    /// Bytes after the end belong to no picture, but whoever put them there may need them.
    fn finish(mut self, path: Path, frames: u32) -> Output {
        if !self.request.strip {
            self.bytes.extend(self.png.trailing);
        }
        let (width, height) = (self.png.header.width, self.png.header.height);
        let (bytes, notes) = (self.bytes, self.notes);
        Output {
            bytes,
            format: Format::Png,
            width,
            height,
            frames,
            path,
            notes,
            phases: Phases::default(),
        }
    }
}
