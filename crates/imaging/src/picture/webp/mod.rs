//! WebP for the general way: its container, read and written.

mod frames;

use image::{DynamicImage, codecs::webp::WebPEncoder};

use super::{
    FRAME_COPIES,
    animation::{AnimationWriter, Delay, Frame, Patch, note_delays},
    metadata::Metadata,
};
use crate::{
    Error, Format,
    riff::{
        ALPHA_FLAG, ANIMATION_FLAG, Container, EXIF_FLAG, PROFILE_FLAG, XMP_FLAG, extended_header,
        push, three_bytes, wrap,
    },
};
use frames::Frames;

/// Replace what is there, and leave the frame standing.
const REPLACE: u8 = 0x02;

/// Copies of a picture that are held while its only frame is decoded.
const STILL_COPIES: u64 = 4;
/// Frames are composed in eight bits with alpha.
pub(crate) const FRAME_PIXEL_BYTES: u64 = 4;

/// A WebP that was looked through and not decoded.
pub(crate) struct Source {
    pub(crate) metadata: Metadata,
    pub(crate) is_animated: bool,
    has_alpha: bool,
    /// The bytes of the largest frame, which are copied to be decoded.
    largest_frame: usize,
    pub(crate) frames: u32,
    /// 0 for without end.
    pub(crate) plays: u32,
    pub(crate) is_lossy: bool,
}

impl Source {
    pub(crate) fn open(input: &[u8], notes: &mut Vec<String>) -> Result<Self, Error> {
        let container = Container::read(input)?;
        let find = |wanted: &[u8; 4]| container.find(wanted);
        let mut metadata = Metadata::default();
        if let Some(exif) = find(b"EXIF") {
            metadata.set_exif(exif, notes);
        }
        metadata.profile = find(b"ICCP").map(<[u8]>::to_vec);
        metadata.xmp = find(b"XMP ").map(<[u8]>::to_vec);
        if !container.trailing.is_empty() {
            let count = container.trailing.len();
            notes.push(format!("{count} bytes after the end of the picture were left out"));
        }
        let flags = container.flags();
        // Without this flag frames are to be left aside.
        let is_animated = flags & ANIMATION_FLAG != 0;
        let parts: Vec<_> = container.all(b"ANMF").collect();
        let plays = find(b"ANIM").and_then(|data| data.get(4..6)?.first_chunk());
        let is_lossy = |part: &&[u8]| part.windows(4).take(512).any(|window| window == b"VP8 ");
        let in_frames = parts.iter().any(is_lossy);
        Ok(Self {
            metadata,
            is_animated,
            has_alpha: flags & ALPHA_FLAG != 0,
            largest_frame: parts.iter().map(|data| data.len()).max().unwrap_or(0),
            frames: if is_animated { parts.len().try_into().unwrap_or(u32::MAX) } else { 1 },
            plays: plays.map_or(1, |plays| u16::from_le_bytes(*plays).into()),
            is_lossy: find(b"VP8 ").is_some() || in_frames,
        })
    }

    /// What decoding `samples` bytes of a picture takes, themselves included.
    pub(crate) fn decoding_bytes(&self, samples: u64) -> u64 {
        if !self.is_animated {
            return samples.saturating_mul(2);
        }
        let copies = if self.frames > 1 { FRAME_COPIES } else { STILL_COPIES };
        samples.saturating_mul(copies).saturating_add(self.largest_frame as u64)
    }

    /// The frames of what may be an animation of a single one.
    pub(crate) fn frames<'a>(
        &self,
        input: &'a [u8],
        size: (u32, u32),
    ) -> Result<Option<Frames<'a>>, Error> {
        if !self.is_animated {
            return Ok(None);
        }
        let parts = Container::read(input)?.all(b"ANMF").collect();
        Ok(Some(Frames::new(parts, size)))
    }

    /// The first of the frames, without alpha if there is none.
    pub(crate) fn first_of(&self, mut frames: Frames<'_>) -> Result<DynamicImage, Error> {
        let frame = frames.next().ok_or_else(|| Error::truncated(Format::WebP))??;
        let image = DynamicImage::ImageRgba8(frame.image);
        let has_holes = || image.as_bytes().iter().skip(3).step_by(4).any(|alpha| *alpha < 255);
        if self.has_alpha || has_holes() {
            return Ok(image);
        }
        Ok(DynamicImage::ImageRgb8(image.into_rgb8()))
    }

    /// The same coded pictures with other metadata.
    pub(crate) fn rewritten(
        &self,
        input: &[u8],
        size: (u32, u32),
        metadata: &Metadata,
    ) -> Result<Vec<u8>, Error> {
        let Container { chunks, .. } = Container::read(input)?;
        let Some((_, header)) = chunks.iter().find(|(kind, _)| kind == b"VP8X") else {
            // The simple form holds nothing else.
            return Ok(input.to_vec());
        };
        let flags = header.first().copied().unwrap_or(0);
        let is_picture =
            |kind: &[u8; 4]| matches!(kind, b"VP8 " | b"VP8L" | b"ALPH" | b"ANIM" | b"ANMF");
        let pictures = chunks.into_iter().filter(|(kind, _)| is_picture(kind));
        let pictures = pictures.map(|(kind, data)| (kind, data.to_vec()));
        Ok(assemble(flags & (ALPHA_FLAG | ANIMATION_FLAG), size, metadata, pictures))
    }
}

/// Whether a WebP has several frames.
pub(crate) fn is_animated(input: &[u8]) -> bool {
    Container::read(input).is_ok_and(|container| container.is_animated())
}

/// Writes eight bits of any kind, without loss.
pub(crate) fn encode(image: &DynamicImage, metadata: &Metadata) -> Result<Vec<u8>, Error> {
    let encoded = lossless(image)?;
    let exif = metadata.exif_to_write();
    if metadata.profile.is_none() && exif.is_none() && metadata.xmp.is_none() {
        return Ok(encoded);
    }
    let Container { chunks, .. } = Container::read(&encoded)?;
    let pixels = chunks.into_iter().filter(|(kind, _)| kind == b"VP8L");
    let alpha = if image.color().has_alpha() { ALPHA_FLAG } else { 0 };
    let size = (image.width(), image.height());
    Ok(assemble(alpha, size, metadata, pixels.map(|(kind, data)| (kind, data.to_vec()))))
}

fn lossless(image: &DynamicImage) -> Result<Vec<u8>, Error> {
    let mut encoded = Vec::new();
    let (width, height) = (image.width(), image.height());
    WebPEncoder::new_lossless(&mut encoded)
        .encode(image.as_bytes(), width, height, image.color().into())
        .map_err(|error| Error::unwritable(Format::WebP, error))?;
    Ok(encoded)
}

/// The extended form: a header that says what follows, then the chunks in their order.
fn assemble(
    mut flags: u8,
    size: (u32, u32),
    metadata: &Metadata,
    pictures: impl Iterator<Item = ([u8; 4], Vec<u8>)>,
) -> Vec<u8> {
    let exif = metadata.exif_to_write();
    flags |= if metadata.profile.is_some() { PROFILE_FLAG } else { 0 };
    flags |= if exif.is_some() { EXIF_FLAG } else { 0 };
    flags |= if metadata.xmp.is_some() { XMP_FLAG } else { 0 };
    let mut body = b"WEBP".to_vec();
    push(&mut body, b"VP8X", &extended_header(flags, size));
    if let Some(profile) = &metadata.profile {
        push(&mut body, b"ICCP", profile);
    }
    pictures.for_each(|(kind, data)| push(&mut body, &kind, &data));
    if let Some(exif) = exif {
        push(&mut body, b"EXIF", &exif);
    }
    if let Some(xmp) = &metadata.xmp {
        push(&mut body, b"XMP ", xmp);
    }
    wrap(&body)
}

/// Writes an animation frame by frame, each without loss.
pub(crate) struct WebpAnimation<'a> {
    size: (u32, u32),
    metadata: &'a Metadata,
    plays: u32,
    frames: Vec<Vec<u8>>,
    /// Frames whose delays had to be cut.
    hastened: u32,
    patch: Patch,
}

impl<'a> WebpAnimation<'a> {
    pub(crate) fn new(size: (u32, u32), plays: u32, metadata: &'a Metadata) -> Self {
        Self { size, metadata, plays, frames: Vec::new(), hastened: 0, patch: Patch::default() }
    }
}

impl AnimationWriter for WebpAnimation<'_> {
    fn push(&mut self, frame: Frame) -> Result<(), Error> {
        // Places are stored halved.
        let (at, image) = self.patch.next(frame.image, 2);
        let picture = lossless(&DynamicImage::ImageRgba8(image.clone()))?;
        let Container { chunks, .. } = Container::read(&picture)?;
        let mut data = Vec::new();
        data.extend(three_bytes(at.0 / 2));
        data.extend(three_bytes(at.1 / 2));
        data.extend(three_bytes(image.width() - 1));
        data.extend(three_bytes(image.height() - 1));
        let longest = Delay::LONGEST_OF_WEBP;
        self.hastened += u32::from(frame.delay.is_longer_than(longest));
        data.extend(three_bytes(frame.delay.milliseconds().min(longest.milliseconds())));
        data.push(REPLACE);
        let pixels = chunks.iter().filter(|(kind, _)| kind == b"VP8L");
        pixels.for_each(|(kind, pixels)| push(&mut data, kind, pixels));
        self.frames.push(data);
        Ok(())
    }

    fn written_bytes(&self) -> usize {
        self.frames.iter().map(Vec::len).sum()
    }

    fn finish(self: Box<Self>, notes: &mut Vec<String>) -> Result<Vec<u8>, Error> {
        note_delays(Format::WebP, Delay::LONGEST_OF_WEBP, self.hastened, notes);
        // No background, then the number of plays.
        let plays = u16::try_from(self.plays).unwrap_or(u16::MAX).to_le_bytes();
        let control = [&[0; 4][..], &plays].concat();
        let frames = self.frames.into_iter().map(|data| (*b"ANMF", data));
        let chunks = std::iter::once((*b"ANIM", control)).chain(frames);
        Ok(assemble(ALPHA_FLAG | ANIMATION_FLAG, self.size, self.metadata, chunks))
    }
}
