//! The data of a scan up to its next marker, laid out without stuffed zeros.

use std::ops::Range;

use crate::jpeg::{
    bits::{
        lookup::ones,
        pipe::{After, Halt, marker_or_data},
        sink::{Sink, stuff},
    },
    segments::EOI,
};

/// Zeros behind the data, so that a word can be read wherever bits are.
const PADDING: usize = 16;

/// The bits up to a marker, and beside them room for the same with signs flipped.
#[derive(Debug, Default)]
pub(super) struct Interval {
    data: Vec<u8>,
    flipped: Vec<u8>,
    length: usize,
    /// Where the data end in the file, and the marker behind them, if one has come.
    position: usize,
    marker: Option<u8>,
}

impl Interval {
    /// Lays out what begins at `position`.
    pub(super) fn read(&mut self, data: &[u8], position: usize) {
        self.data.clear();
        (self.position, self.marker) = self.lay_out(data, position);
        self.length = self.data.len();
        self.data.resize(self.length + PADDING, 0);
    }

    fn lay_out(&mut self, data: &[u8], mut at: usize) -> (usize, Option<u8>) {
        loop {
            let rest = data.get(at..).unwrap_or_default();
            let plain = memchr::memchr(0xff, rest).unwrap_or(rest.len());
            let (plain, rest) = rest.split_at_checked(plain).unwrap_or_default();
            self.data.extend_from_slice(plain);
            at += plain.len();
            match marker_or_data(rest) {
                Some(After::Stuffed { length }) => {
                    self.data.push(0xff);
                    at += length;
                }
                Some(After::Marker(marker)) => return (at, Some(marker)),
                None => return (at, None),
            }
        }
    }

    /// Where the data end in the file.
    pub(super) fn end(&self) -> usize {
        self.position
    }

    pub(super) fn bits(&self) -> usize {
        self.length * 8
    }

    /// The next bits, of which at least 57 count; zeros stand behind the end.
    #[inline]
    pub(super) fn window(&self, bit: usize) -> u64 {
        word(&self.data, bit >> 3).unwrap_or(0) << (bit & 7)
    }

    /// One bit; zeros stand behind the end.
    #[inline]
    pub(super) fn bit(&self, bit: usize) -> u8 {
        self.data.get(bit >> 3).copied().unwrap_or(0) >> (!bit & 7) & 1
    }

    /// The data, and room for what becomes of them, both longer than they are.
    pub(super) fn lanes(&mut self) -> (&[u8], &mut [u8]) {
        self.flipped.resize(self.data.len(), 0);
        (&self.data, &mut self.flipped)
    }

    /// Takes all bits over as they are.
    pub(super) fn copy(&mut self) {
        self.flipped.clear();
        self.flipped.extend_from_slice(&self.data);
    }

    /// Flips one bit of those taken over.
    #[inline]
    pub(super) fn flip(&mut self, bit: usize) {
        if let Some(byte) = self.flipped.get_mut(bit >> 3) {
            *byte ^= 0x80 >> (bit & 7);
        }
    }

    /// What it means that something at `bit` breaks a rule: behind the end, only that there is one.
    pub(super) fn broken(&self, bit: usize, what: &'static str) -> Halt {
        if bit > self.bits() { self.shortage() } else { Halt::Broken(what) }
    }

    /// Bits that are no code: broken, unless the rest of a code is missing.
    pub(super) fn no_code(&self, bit: usize) -> Halt {
        self.broken(bit + 16, "there are bits that are no code")
    }

    /// `Ok` unless more bits were used than there are.
    pub(super) fn check_end(&self, bit: usize) -> Result<(), Halt> {
        if bit > self.bits() { Err(self.shortage()) } else { Ok(()) }
    }

    fn shortage(&self) -> Halt {
        match self.marker {
            None => Halt::Dry,
            Some(EOI) => Halt::CutOff,
            Some(_) => Halt::Broken("a marker stands in the middle of a block"),
        }
    }

    /// Writes the flipped bits.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        stuff(self.flipped.get(..self.length).unwrap_or_default(), out);
    }

    /// Writes the flipped bits from one to another, which others may stand before, and what is behind
    /// as it is.
    pub(super) fn write_part(
        &self,
        (from, to): (usize, usize),
        sink: &mut Sink,
        out: &mut Vec<u8>,
    ) {
        let flipped = self.flipped.get(..self.length).unwrap_or_default();
        let byte = |at: usize| u64::from(flipped.get(at).copied().unwrap_or(0)) << 56;
        let begun = (from.wrapping_neg() % 8).min(to - from);
        sink.put(byte(from / 8) << (from % 8), begun as u32, out);
        let from = from + begun;
        sink.put_bytes(flipped.get(from / 8..to / 8).unwrap_or_default(), out);
        if from % 8 == 0 {
            sink.put(byte(to / 8), (to % 8) as u32, out);
        }
        // What fills the last byte up stays what it was.
        let filling = to.wrapping_neg() % 8;
        let is_zero = filling > 0 && byte(to / 8) << (to % 8) == 0;
        sink.align(!is_zero, out);
        sink.put_bytes(flipped.get(to.div_ceil(8)..).unwrap_or_default(), out);
        sink.align(true, out);
    }

    /// Where restart `number`, counted from 1, stands, which has to be next.
    pub(super) fn restart(&self, data: &[u8], number: usize) -> Result<Range<usize>, Halt> {
        let marker = self.marker.ok_or(Halt::Dry)?;
        if marker != 0xd0 + ((number - 1) % 8) as u8 {
            return Err(Halt::Broken("a restart marker is missing or out of its turn"));
        }
        let rest = data.get(self.position..).unwrap_or_default();
        let fill = rest.iter().take_while(|&&byte| byte == 0xff).count();
        Ok(self.position..self.position + fill + 1)
    }
}

#[inline]
pub(super) fn word(data: &[u8], byte: usize) -> Option<u64> {
    let bytes = data.get(byte..)?.first_chunk()?;
    Some(u64::from_be_bytes(*bytes))
}

/// Where flipped bits have come to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Flipper {
    /// Of the bits that inversion flips, those that are flipped: all or none.
    pub(super) mask: u64,
    pub(super) bit: usize,
    /// What is flipped in the byte that the next bit is in, from the top of the word.
    carry: u64,
}

impl Flipper {
    /// Begins at a bit, before which everything stays.
    pub(super) fn new(mask: u64, bit: usize) -> Self {
        Self { mask, bit, carry: 0 }
    }

    /// Passes `count` bits, at most 57 and at most to the end of the word at the current byte, and
    /// flips those that are set in `flips`, which are counted from the current bit.
    #[inline]
    pub(super) fn pass(&mut self, (data, flipped): (u64, &mut [u8]), count: u32, flips: u64) {
        let (byte, offset) = (self.bit >> 3, (self.bit & 7) as u32);
        let here = (flips & self.mask) >> offset | self.carry;
        if let Some(place) = flipped.get_mut(byte..).and_then(<[u8]>::first_chunk_mut) {
            *place = (data ^ here).to_be_bytes();
        }
        self.carry = here.checked_shl((offset + count) & !7).unwrap_or(0);
        self.bit += count as usize;
    }

    /// Copies what is left.
    pub(super) fn finish(self, (data, flipped): (&[u8], &mut [u8])) {
        let rest = flipped.iter_mut().zip(data).skip(self.bit >> 3);
        rest.for_each(|(flipped, data)| *flipped = *data);
        if let Some(byte) = flipped.get_mut(self.bit >> 3) {
            *byte ^= ((self.carry & ones(8)) >> 56) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stuffed_zeros_go_and_a_marker_ends_the_data() {
        type Case = (&'static [u8], &'static [u8], usize, Option<u8>);
        let cases: [Case; 6] = [
            (&[1, 2, 3], &[1, 2, 3], 3, None),
            (&[1, 0xff, 0, 2, 0xff, 0xd3, 9], &[1, 0xff, 2], 4, Some(0xd3)),
            (&[1, 0xff], &[1], 1, None),
            (&[1, 0xff, 0xff, 0xd9], &[1], 1, Some(0xd9)),
            (&[1, 0xff, 0xff, 0, 7], &[1, 0xff, 7], 5, None),
            (&[], &[], 0, None),
        ];
        let mut interval = Interval::default();
        for (data, expected, end, marker) in cases {
            interval.read(data, 0);
            assert_eq!(interval.data[..interval.length], *expected, "{data:?}");
            assert_eq!((interval.end(), interval.marker), (end, marker), "{data:?}");
        }
    }

    #[test]
    fn flips_hit_their_bits_wherever_they_are() {
        let data: Vec<u8> = (0..120).map(|i: u8| i.wrapping_mul(91) & 0x7f).collect();
        for step in 1..=57 {
            let mut interval = Interval::default();
            interval.read(&data, 0);
            let mut flipper = Flipper::new(u64::MAX, 0);
            while flipper.bit + step <= interval.bits() {
                let (data, flipped) = interval.lanes();
                let here = word(data, flipper.bit >> 3).unwrap();
                flipper.pass((here, flipped), step as u32, ones(step as u32));
            }
            flipper.finish(interval.lanes());
            let whole = flipper.bit / 8;
            let inverse = data.iter().map(|byte| !byte);
            assert!(interval.flipped.iter().copied().zip(inverse).take(whole).all(|(a, b)| a == b));
            let mut rest = data.iter().zip(&interval.flipped).skip(whole + 1);
            assert!(rest.all(|(a, b)| a == b), "steps of {step}");
        }
    }

    #[test]
    fn a_restart_has_to_come_in_its_turn() {
        let data = [1, 2, 0xff, 0xff, 0xd1, 7];
        let mut interval = Interval::default();
        interval.read(&data, 0);
        assert_eq!(interval.restart(&data, 2), Ok(2..5));
        assert!(matches!(interval.restart(&data, 1), Err(Halt::Broken(_))));
        interval.read(&data, 5);
        assert_eq!(interval.restart(&data, 2), Err(Halt::Dry));
    }

    #[test]
    fn a_part_is_written_behind_other_bits() {
        for (from, to) in [(0, 24), (3, 20), (3, 7), (3, 8), (8, 8), (5, 5), (9, 31)] {
            let mut interval = Interval::default();
            interval.read(&[0xa5, 0x3c, 0x5a, 0xc7], 0);
            interval.copy();
            let bits = u32::from_be_bytes([0xa5, 0x3c, 0x5a, 0xc7]);
            let (mut sink, mut out) = (Sink::default(), Vec::new());
            sink.put(0b01 << 62, 2, &mut out);
            interval.write_part((from, to), &mut sink, &mut out);
            let part = u64::from(bits) << (32 + from) & ones((to - from) as u32);
            let mut expected = (0b01 << 62 | part >> 2).to_be_bytes().to_vec();
            let count = 2 + to - from;
            expected.truncate(count.div_ceil(8));
            let is_zero = to % 8 > 0 && (bits << to >> (24 + to % 8)).trailing_zeros() >= 8;
            let fills = if is_zero { 0 } else { 0xff >> ((count + 7) % 8 + 1) };
            *expected.last_mut().unwrap() |= fills as u8;
            expected.extend(&[0xa5, 0x3c, 0x5a, 0xc7][to.div_ceil(8)..]);
            assert_eq!(out, expected, "{from} to {to}");
        }
    }
}
