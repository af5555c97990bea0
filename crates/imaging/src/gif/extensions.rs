//! What stands between the frames of a GIF: plays, profile, and what only people and programs read.

use super::{APPLICATION, COMMENT, sub_blocks};

const TEXT: u8 = 0x01;
/// Behind XMP, which is no sub-blocks, so that walking by its bytes as lengths ends all the same.
const XMP_TRAILER_BYTES: usize = 258;

#[derive(Debug, Default)]
pub(crate) struct Extensions {
    /// Times after the first one; 0 for without end.
    repeats: Option<u16>,
    pub(crate) profile: Option<Vec<u8>>,
    pub(crate) xmp: Option<Vec<u8>>,
    has_comment: bool,
    has_text: bool,
    has_program: bool,
}

impl Extensions {
    /// 0 for without end.
    pub(crate) fn plays(&self) -> u32 {
        match self.repeats {
            None => 1,
            Some(0) => 0,
            Some(repeats) => u32::from(repeats) + 1,
        }
    }

    /// The names of what no other file can hold.
    pub(crate) fn native(&self) -> Vec<&'static str> {
        let found = [
            (self.has_comment, "comments"),
            (self.has_text, "texts to be drawn"),
            (self.has_program, "blocks of programs"),
        ];
        found.iter().filter(|(is_found, _)| *is_found).map(|(_, name)| *name).collect()
    }

    /// Takes an extension in, given from its label to the empty block at its end.
    pub(super) fn take(&mut self, extension: &[u8]) {
        match extension {
            [COMMENT, ..] => self.has_comment = true,
            [TEXT, ..] => self.has_text = true,
            [APPLICATION, 11, rest @ ..] => {
                if let Some((program, data)) = rest.split_first_chunk() {
                    self.take_program(program, data);
                }
            }
            [APPLICATION, ..] => self.has_program = true,
            _ => {}
        }
    }

    fn take_program(&mut self, program: &[u8; 11], data: &[u8]) {
        match program {
            b"NETSCAPE2.0" | b"ANIMEXTS1.0" => {
                let count = sub_blocks(data).find_map(|block| match block {
                    [1, low, high, ..] => Some(u16::from_le_bytes([*low, *high])),
                    _ => None,
                });
                self.repeats = self.repeats.or(count);
            }
            b"ICCRGBG1012" => {
                self.profile.get_or_insert_with(|| sub_blocks(data).flatten().copied().collect());
            }
            b"XMP DataXMP" => {
                self.xmp.get_or_insert_with(|| xmp(data));
            }
            _ => self.has_program = true,
        }
    }
}

fn xmp(data: &[u8]) -> Vec<u8> {
    let end = data.len().saturating_sub(XMP_TRAILER_BYTES);
    match data.split_at_checked(end) {
        Some((packet, [1, 0xff, 0xfe, ..])) => packet.to_vec(),
        // Some programs cut it into sub-blocks like anything else.
        _ => sub_blocks(data).flatten().copied().collect(),
    }
}
