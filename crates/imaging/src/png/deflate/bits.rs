//! Bits, lowest first, from pieces of bytes and into bytes.

/// Reads bits from bytes that lie in several pieces.
///
/// After [`refill`](Self::refill) at least 56 bits are there; behind the end they are 0, and
/// [`is_exhausted`](Self::is_exhausted) tells once one of those was used.
#[derive(Debug)]
pub(super) struct BitReader<'a> {
    pub(super) window: Window<'a>,
    later: std::vec::IntoIter<&'a [u8]>,
    /// Bits that were made up behind the end.
    made_up: u32,
}

/// The next bits and the piece they come from. Innermost loops work on a copy, which stays in
/// registers, and put it back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window<'a> {
    piece: &'a [u8],
    bits: u64,
    count: u32,
}

impl Window<'_> {
    /// Whether there were bytes enough; if not, [`BitReader::refill`] has to do it.
    #[inline(always)]
    pub(super) fn refill(&mut self) -> bool {
        let Some(next) = self.piece.first_chunk() else { return false };
        self.bits |= u64::from_le_bytes(*next) << self.count;
        let taken = (63 - self.count) / 8;
        self.piece = self.piece.get(taken as usize..).unwrap_or_default();
        self.count |= 56;
        true
    }

    /// The next bits, of which at least 56 count after a refill.
    #[inline(always)]
    pub(super) fn peek(&self) -> u64 {
        self.bits
    }

    #[inline(always)]
    pub(super) fn skip(&mut self, count: u32) {
        self.bits >>= count;
        self.count -= count;
    }

    #[inline(always)]
    pub(super) fn take(&mut self, count: u32) -> u32 {
        let taken = self.bits & ((1 << count) - 1);
        self.skip(count);
        taken as u32
    }
}

impl<'a> BitReader<'a> {
    pub(super) fn new(pieces: Vec<&'a [u8]>) -> Self {
        let window = Window { piece: &[], bits: 0, count: 0 };
        Self { window, later: pieces.into_iter(), made_up: 0 }
    }

    #[inline(always)]
    pub(super) fn refill(&mut self) {
        if !self.window.refill() {
            self.refill_by_bytes();
        }
    }

    #[cold]
    fn refill_by_bytes(&mut self) {
        while self.window.count <= 56 {
            let byte = self.next_byte().unwrap_or_else(|| {
                self.made_up += 8;
                0
            });
            self.window.bits |= u64::from(byte) << self.window.count;
            self.window.count += 8;
        }
    }

    fn next_byte(&mut self) -> Option<u8> {
        while self.window.piece.is_empty() {
            self.window.piece = self.later.next()?;
        }
        let (byte, rest) = self.window.piece.split_first()?;
        self.window.piece = rest;
        Some(*byte)
    }

    /// Whether bits from behind the end were used.
    pub(super) fn is_exhausted(&self) -> bool {
        self.made_up > self.window.count
    }

    pub(super) fn peek(&self) -> u64 {
        self.window.peek()
    }

    pub(super) fn skip(&mut self, count: u32) {
        self.window.skip(count);
    }

    pub(super) fn take(&mut self, count: u32) -> u32 {
        self.window.take(count)
    }

    /// Skips the rest of a byte that was begun.
    pub(super) fn align(&mut self) {
        self.skip(self.window.count % 8);
    }
}

/// Writes bits behind the bytes of a vector.
#[derive(Debug, Default)]
pub(super) struct BitWriter {
    out: Vec<u8>,
    bits: u64,
    count: u32,
    /// Where whole bytes go; what is behind it in `out` is room.
    at: usize,
}

impl BitWriter {
    pub(super) fn after(out: Vec<u8>) -> Self {
        let at = out.len();
        Self { out, bits: 0, count: 0, at }
    }

    pub(super) fn written(&self) -> usize {
        self.at
    }

    /// Makes room for `bits` more; without it they would be lost.
    pub(super) fn reserve(&mut self, bits: u64) {
        let needed = self.at + (bits / 8) as usize + 16;
        if self.out.len() < needed {
            self.out.resize(needed, 0);
        }
    }

    /// Adds bits; at most 56 between two calls of [`flush`](Self::flush).
    #[inline(always)]
    pub(super) fn add(&mut self, bits: u64, count: u32) {
        self.bits |= bits << self.count;
        self.count += count;
    }

    #[inline(always)]
    pub(super) fn flush(&mut self) {
        if let Some(room) = self.out.get_mut(self.at..).and_then(<[u8]>::first_chunk_mut) {
            *room = self.bits.to_le_bytes();
        }
        self.at += (self.count / 8) as usize;
        self.bits >>= self.count & 56;
        self.count &= 7;
    }

    pub(super) fn align(&mut self) {
        self.count = self.count.next_multiple_of(8);
        self.flush();
    }

    /// Adds whole bytes; call [`align`](Self::align) before.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.out.truncate(self.at);
        self.out.extend_from_slice(bytes);
        self.at = self.out.len();
    }

    pub(super) fn into_bytes(mut self) -> Vec<u8> {
        self.reserve(64);
        self.align();
        self.out.truncate(self.at);
        self.out
    }
}
