//! Bits that become the bytes of the new scan.

use super::lookup::ones;

/// Whether one of the eight bytes is 0xff.
#[inline]
pub(super) fn has_ff(word: u64) -> bool {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // The usual search for a zero byte, in the complement.
    let zero = !word;
    zero.wrapping_sub(LOW) & word & HIGH != 0
}

/// Bytes that are shifted at once.
const PIECE: usize = 512;

/// Collects bits into bytes, with a zero after each 0xff.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sink {
    bits: u64,
    count: u32,
}

impl Sink {
    /// Takes the `count` topmost bits, at most 63.
    #[inline]
    pub(super) fn put(&mut self, bits: u64, count: u32, out: &mut Vec<u8>) {
        let bits = bits & ones(count);
        self.bits |= bits >> self.count;
        let total = self.count + count;
        if total < 64 {
            self.count = total;
            return;
        }
        write_stuffed(self.bits, out);
        // Of the new bits, as many as there was room for are gone: not all 64, as that many never
        // come at once.
        self.bits = bits << (64 - self.count);
        self.count = total - 64;
    }

    /// Takes many bits at once.
    pub(super) fn put_bytes(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.write_whole_bytes(out);
        let count = self.count;
        let mut before = (self.bits >> 1 >> (63 - count)) as u8;
        let mut shifted = [0; PIECE];
        for piece in bytes.chunks(PIECE) {
            let [head, tail @ ..] = &mut shifted;
            let Some((&first, behind)) = piece.split_first() else { continue };
            *head = between(before, first, count);
            for ((byte, &left), &right) in tail.iter_mut().zip(piece).zip(behind) {
                *byte = between(left, right, count);
            }
            before = behind.last().copied().unwrap_or(first);
            stuff(shifted.get(..piece.len()).unwrap_or_default(), out);
        }
        self.bits = u64::from(before) << 1 << (63 - count);
    }

    /// Keeps less than a byte.
    fn write_whole_bytes(&mut self, out: &mut Vec<u8>) {
        while self.count >= 8 {
            push_stuffed((self.bits >> 56) as u8, out);
            self.bits <<= 8;
            self.count -= 8;
        }
    }

    /// Writes what there is, with the last byte filled up with ones or zeros.
    pub(super) fn align(&mut self, with_ones: bool, out: &mut Vec<u8>) {
        if with_ones {
            self.put(u64::MAX, self.count.wrapping_neg() % 8, out);
        }
        let bytes = self.bits.to_be_bytes();
        let count = self.count.div_ceil(8) as usize;
        bytes.iter().take(count).for_each(|&byte| push_stuffed(byte, out));
        *self = Self::default();
    }
}

/// The byte that begins with the last `count` bits of `left`, at most seven.
#[inline]
fn between(left: u8, right: u8, count: u32) -> u8 {
    (u16::from_be_bytes([left, right]) >> count) as u8
}

#[inline]
fn write_stuffed(word: u64, out: &mut Vec<u8>) {
    if has_ff(word) {
        word.to_be_bytes().iter().for_each(|&byte| push_stuffed(byte, out));
    } else {
        out.extend_from_slice(&word.to_be_bytes());
    }
}

/// Writes bytes with a zero after each 0xff.
pub(super) fn stuff(bytes: &[u8], out: &mut Vec<u8>) {
    let mut written = 0;
    for at in memchr::memchr_iter(0xff, bytes) {
        out.extend_from_slice(bytes.get(written..=at).unwrap_or_default());
        out.push(0);
        written = at + 1;
    }
    out.extend_from_slice(bytes.get(written..).unwrap_or_default());
}

fn push_stuffed(byte: u8, out: &mut Vec<u8>) {
    out.push(byte);
    if byte == 0xff {
        out.push(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_ones_are_found_in_every_byte() {
        for at in 0..8 {
            assert!(has_ff(0xff << (8 * at)));
            assert!(!has_ff(0xfe << (8 * at)));
        }
        assert!(!has_ff(0x7f80_017f_fe80_0100));
        assert!(has_ff(0x00ff_0100_0000_0000));
    }

    #[test]
    fn many_bytes_are_put_as_one_by_one() {
        for count in 0..64 {
            for length in [0, 1, 2, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE + 3] {
                let bytes: Vec<u8> =
                    (0..length).map(|at| (at * 91 + 7) as u8 | ((at as u8 & 1) * 0x70)).collect();
                let ((mut all, mut out), (mut each, mut expected)) =
                    <((Sink, Vec<u8>), (Sink, Vec<u8>))>::default();
                for (sink, out) in [(&mut all, &mut out), (&mut each, &mut expected)] {
                    sink.put(0x9249_2492_4924_9249, count, out);
                }
                all.put_bytes(&bytes, &mut out);
                bytes.iter().for_each(|&byte| each.put(u64::from(byte) << 56, 8, &mut expected));
                for (sink, out) in [(&mut all, &mut out), (&mut each, &mut expected)] {
                    sink.put(0x5555 << 48, 13, out);
                    sink.align(true, out);
                }
                assert_eq!(out, expected, "{length} bytes behind {count} bits");
            }
        }
    }
}
