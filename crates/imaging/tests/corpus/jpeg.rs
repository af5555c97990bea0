//! JPEG by a public encoder, in every kind it can write.

use jpeg_encoder::{
    ChromaSubsamplingMethod, ColorType, Encoder, ImageBuffer, JpegColorType, SamplingFactor,
};

use super::Picture;

/// How a picture is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) quality: u8,
    pub(crate) colours: Colours,
    pub(crate) sampling: SamplingFactor,
    /// Tables made to measure; the encoder then writes one scan for each component.
    pub(crate) optimised: bool,
    /// Blocks of an interval, 0 for none.
    pub(crate) restart_interval: u16,
    /// Scans for each component, 0 for sequential.
    pub(crate) progressive_scans: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colours {
    YCbCr,
    Gray,
    /// Red, green and blue as they are, told by the segment of Adobe.
    AdobeRgb,
}

impl Default for Kind {
    fn default() -> Self {
        Self {
            quality: 75,
            colours: Colours::YCbCr,
            sampling: SamplingFactor::F_2_2,
            optimised: false,
            restart_interval: 0,
            progressive_scans: 0,
        }
    }
}

impl Kind {
    pub(crate) fn is_sequential(self) -> bool {
        self.progressive_scans == 0
    }

    pub(crate) fn encode(self, picture: &Picture) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, self.quality);
        self.set(&mut encoder);
        let (width, height) = (picture.width as u16, picture.height as u16);
        match self.colours {
            Colours::YCbCr => encoder.encode(&picture.rgb, width, height, ColorType::Rgb),
            Colours::Gray => encoder.encode(&picture.gray(), width, height, ColorType::Luma),
            Colours::AdobeRgb => {
                encoder.add_app_segment(14, b"Adobe\0\x64\0\0\0\0\0".to_vec()).unwrap();
                encoder.encode_image(Untransformed(picture))
            }
        }
        .unwrap();
        if self.colours == Colours::AdobeRgb {
            // Where a JFIF segment comes first, decoders do not agree which one counts.
            let length = usize::from(u16::from_be_bytes([bytes[4], bytes[5]]));
            bytes.drain(2..4 + length);
        }
        bytes
    }

    fn set(self, encoder: &mut Encoder<&mut Vec<u8>>) {
        encoder.set_sampling_factor(self.sampling);
        encoder.set_chroma_subsampling_method(ChromaSubsamplingMethod::Average);
        encoder.set_optimized_huffman_tables(self.optimised);
        encoder.set_restart_interval(self.restart_interval);
        if self.progressive_scans > 0 {
            encoder.set_progressive_scans(self.progressive_scans);
        }
    }
}

struct Untransformed<'a>(&'a Picture);

impl ImageBuffer for Untransformed<'_> {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        JpegColorType::Ycbcr
    }

    fn width(&self) -> u16 {
        self.0.width as u16
    }

    fn height(&self) -> u16 {
        self.0.height as u16
    }

    fn fill_buffers(&self, y: u16, buffers: &mut [Vec<u8>; 4]) {
        let row_bytes = self.0.width as usize * 3;
        let start = usize::from(y) * row_bytes;
        for pixel in self.0.rgb[start..start + row_bytes].chunks_exact(3) {
            buffers.iter_mut().zip(pixel).for_each(|(buffer, &sample)| buffer.push(sample));
        }
    }
}

/// A sequential JPEG of any height, row of blocks after row of blocks, without ever being whole.
///
/// A strip is encoded with restarts at the end of each row of blocks, and its rows are repeated.
pub(crate) struct Endless {
    header: Vec<u8>,
    rows: Vec<Vec<u8>>,
    count: usize,
}

impl Endless {
    const STRIP_ROWS: u32 = 8;

    /// Of `width` pixels and as many rows of 16 pixels as `rows` says.
    pub(crate) fn new(width: u16, rows: u16, quality: u8) -> Self {
        let strip = Picture::photo(width.into(), 16 * Self::STRIP_ROWS, 9);
        let kind = Kind { quality, restart_interval: width.div_ceil(16), ..Kind::default() };
        let mut bytes = kind.encode(&strip);
        let frame = bytes.windows(2).position(|pair| pair == b"\xff\xc0").unwrap();
        bytes[frame + 5..frame + 7].copy_from_slice(&(rows * 16).to_be_bytes());
        let scan = bytes.windows(2).position(|pair| pair == b"\xff\xda").unwrap();
        let start = scan + 2 + usize::from(u16::from_be_bytes([bytes[scan + 2], bytes[scan + 3]]));
        let coded = &bytes[start..bytes.len() - 2];
        Self { header: bytes[..start].to_vec(), rows: split(coded), count: rows.into() }
    }

    /// All bytes of the file in pieces of uneven size.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = Vec<u8>> + '_ {
        let rows = (0..self.count).map(|row| {
            let mut bytes = self.rows[row % self.rows.len()].clone();
            let is_last = row + 1 == self.count;
            bytes.extend([0xff, if is_last { 0xd9 } else { 0xd0 + (row % 8) as u8 }]);
            bytes
        });
        std::iter::once(self.header.clone()).chain(rows)
    }
}

/// The coded data between restart markers.
fn split(coded: &[u8]) -> Vec<Vec<u8>> {
    let mut parts = vec![Vec::new()];
    let mut bytes = coded.iter();
    while let Some(&byte) = bytes.next() {
        match (byte, bytes.as_slice().first()) {
            (0xff, Some(0xd0..=0xd7)) => {
                bytes.next();
                parts.push(Vec::new());
            }
            (_, _) => parts.last_mut().unwrap().push(byte),
        }
    }
    parts
}
