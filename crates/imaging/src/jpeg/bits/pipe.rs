//! Bits on their way from the old scan to the new one.
//!
//! Most of them stay, some are flipped in place, a few are replaced by others. [`Pipe`] holds a
//! window of 57 bits or more over the input. Symbols are told off from its front, with the bits to
//! flip noted in a mask beside it; once it runs low, all of them go out together.

use super::{
    sink::{Sink, has_ff},
    stage::Stage,
};
use crate::jpeg::segments::EOI;

/// Where the entropy-coded data cannot be followed any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::jpeg) enum Halt {
    /// The rest has not come yet.
    Dry,
    /// The data break a rule.
    Broken(&'static str),
    /// The end of the picture stands in the middle of it.
    CutOff,
    /// There are more rows than the limits allow.
    TooTall,
}

/// Why nothing comes after the bits in the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// More may come.
    Unknown,
    /// A marker stands there.
    OfScan,
    /// The end of the picture stands there.
    OfPicture,
}

/// The bits between one piece of input and the output.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pipe {
    view: View,
    end: End,
    /// The next byte of the input that is not in the window.
    position: usize,
    sink: Sink,
}

/// The window of a pipe.
#[derive(Debug, Clone, Copy, Default)]
struct View {
    /// The next bits, from the top.
    window: u64,
    /// Bits of the window that are known.
    have: u32,
    /// Bits of the window that have been told off.
    used: u32,
    /// Which of the bits told off are to be flipped.
    flips: u64,
}

impl View {
    /// The next bits from the top of the word; as many are known as are [`left`](Self::left), the
    /// others mean nothing.
    #[inline]
    fn peek(&self) -> u64 {
        self.window << self.used
    }

    #[inline]
    fn left(&self) -> u32 {
        self.have - self.used
    }

    /// Tells off `count` bits, no more than are left, and flips those that are set in `flips`,
    /// which are counted from the top.
    #[inline]
    fn pass(&mut self, count: u32, flips: u64) {
        self.flips |= flips >> self.used;
        self.used += count;
    }
}

impl Pipe {
    pub(super) fn new(position: usize) -> Self {
        Self { view: View::default(), end: End::Unknown, position, sink: Sink::default() }
    }

    pub(super) fn peek(&self) -> u64 {
        self.view.peek()
    }

    pub(super) fn left(&self) -> u32 {
        self.view.left()
    }

    pub(super) fn pass(&mut self, count: u32, flips: u64) {
        self.view.pass(count, flips);
    }

    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// The input was cut off before its byte `by`.
    pub(super) fn rebase(&mut self, by: usize) {
        self.position -= by;
    }

    /// Makes sure that at least 32 bits are left, or all there are.
    #[inline]
    pub(super) fn fill(&mut self, data: &[u8], out: &mut Vec<u8>) {
        if self.left() < 32 {
            self.refill(data, out);
        }
    }

    /// Gets as many bits into the window as it holds.
    pub(super) fn refill(&mut self, data: &[u8], out: &mut Vec<u8>) {
        self.flush(out);
        let word = data
            .get(self.position..)
            .and_then(<[u8]>::first_chunk)
            .map(|bytes| u64::from_be_bytes(*bytes));
        match word {
            Some(word) if !has_ff(word) => {
                // Bits beyond the last whole byte get in as well. They are the right ones, so the
                // next time they only meet themselves.
                self.view.window |= word >> self.view.have;
                self.position += ((63 - self.view.have) / 8) as usize;
                self.view.have |= 56;
            }
            Some(_) | None => self.refill_by_bytes(data),
        }
    }

    fn refill_by_bytes(&mut self, data: &[u8]) {
        while self.view.have < 56 && self.end == End::Unknown {
            let rest = data.get(self.position..).unwrap_or_default();
            let (byte, length) = match *rest {
                [] | [0xff] => return,
                [0xff, 0x00, ..] => (0xff, 2),
                [0xff, ..] => match marker_or_data(rest) {
                    Some(After::Stuffed { length }) => (0xff, length),
                    Some(After::Marker(marker)) => {
                        self.end = if marker == EOI { End::OfPicture } else { End::OfScan };
                        return;
                    }
                    None => return,
                },
                [byte, ..] => (byte, 1),
            };
            // What the fast way put there already is the same byte.
            self.view.window |= u64::from(byte) << (56 - self.view.have);
            self.view.have += 8;
            self.position += length;
        }
    }

    fn flush(&mut self, out: &mut Vec<u8>) {
        self.sink.put(self.view.window ^ self.view.flips, self.view.used, out);
        let View { window, have, used, .. } = self.view;
        self.view = View { window: window << used, have: have - used, used: 0, flips: 0 };
    }

    /// Puts `count` other bits, counted from the top of `bits`, in the place of the next `instead_of`.
    pub(super) fn replace(&mut self, instead_of: u32, bits: u64, count: u32, out: &mut Vec<u8>) {
        self.flush(out);
        self.view.window <<= instead_of;
        self.view.have -= instead_of;
        self.sink.put(bits, count, out);
    }

    /// Lays the next bits out in `stage` as far as they are plain data; whether that is worth
    /// while. Nothing is taken before [`Self::give_back`].
    pub(super) fn lend(&self, data: &[u8], stage: &mut Stage) -> bool {
        let rest = data.get(self.position..).unwrap_or_default();
        self.end == End::Unknown && stage.fill(self.peek(), self.left(), rest)
    }

    /// Takes what was lent up to the bit `end` of the stage, with the bits there that were
    /// flipped; `false`, and nothing is taken, if that is not beyond what the window held.
    pub(super) fn give_back(&mut self, stage: &Stage, end: usize, out: &mut Vec<u8>) -> bool {
        let Some(position) = stage.passed(end) else { return false };
        self.flush(out);
        stage.write(end, &mut self.sink, out);
        self.position += position;
        let (window, have) = stage.rest_of_byte(end);
        self.view = View { window, have, used: 0, flips: 0 };
        true
    }

    /// What it means that a symbol is longer than what is left.
    pub(super) fn shortage(&self) -> Halt {
        match self.end {
            End::Unknown => Halt::Dry,
            End::OfScan => Halt::Broken("a marker stands in the middle of a block"),
            End::OfPicture => Halt::CutOff,
        }
    }

    /// Whether nothing but the filling of the last byte is left before a marker.
    pub(super) fn is_at_end(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<bool, Halt> {
        self.fill(data, out);
        match self.end {
            End::OfScan | End::OfPicture => Ok(self.left() < 8),
            End::Unknown if self.left() < 8 => Err(Halt::Dry),
            End::Unknown => Ok(false),
        }
    }

    /// Where the marker after the data ends, and which it is.
    pub(super) fn marker(&self, data: &[u8]) -> Option<(usize, u8)> {
        let rest = data.get(self.position..)?;
        let run = rest.iter().take_while(|&&byte| byte == 0xff).count();
        Some((self.position + run + 1, *rest.get(run)?))
    }

    /// Takes over the restart marker that is next, which has to be that of `turn`.
    pub(super) fn pass_restart(
        &mut self,
        data: &[u8],
        out: &mut Vec<u8>,
        turn: u8,
    ) -> Result<(), Halt> {
        let (end, marker) = self.marker(data).ok_or(Halt::Dry)?;
        if marker != 0xd0 + turn {
            return Err(Halt::Broken("a restart marker is missing or out of its turn"));
        }
        out.extend(data.get(self.position..end).unwrap_or_default());
        *self = Self::new(end);
        Ok(())
    }

    /// Fills the last byte up, with zeros where the old one was filled so.
    pub(super) fn align(&mut self, out: &mut Vec<u8>) {
        // Bytes get in whole, so what is left of one is what filled it up.
        let filling = self.left() % 8;
        let was_zero = filling > 0 && self.peek() >> (64 - filling) == 0;
        self.flush(out);
        self.view.window <<= filling;
        self.view.have -= filling;
        self.sink.align(!was_zero, out);
    }

    /// Lets bytes between the last block and the marker through; some encoders leave such.
    pub(super) fn drain(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), Halt> {
        loop {
            self.pass(self.left(), 0);
            self.refill(data, out);
            if self.left() == 0 {
                self.sink.align(true, out);
                return if self.end == End::Unknown { Err(Halt::Dry) } else { Ok(()) };
            }
        }
    }
}

/// What a 0xff can mean.
pub(super) enum After {
    Stuffed { length: usize },
    Marker(u8),
}

/// What stands at a 0xff, or at a run of them; `None` if that has not come yet.
pub(super) fn marker_or_data(rest: &[u8]) -> Option<After> {
    let run = rest.iter().take_while(|&&byte| byte == 0xff).count();
    match *rest.get(run)? {
        0 => Some(After::Stuffed { length: run + 1 }),
        marker => Some(After::Marker(marker)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jpeg::bits::{lookup::ones, sink::stuff};

    /// Everything goes through in steps of `step` bits, unchanged but for what `flips` says.
    fn through(data: &[u8], step: u32, flips: u64) -> Vec<u8> {
        let (mut pipe, mut out) = (Pipe::new(0), Vec::new());
        loop {
            pipe.fill(data, &mut out);
            let count = step.min(pipe.left());
            if count == 0 {
                break;
            }
            pipe.pass(count, flips & ones(count));
        }
        pipe.align(&mut out);
        out
    }

    fn stuffed(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        stuff(bytes, &mut out);
        out
    }

    #[test]
    fn bits_come_out_as_they_went_in_at_every_step_and_with_every_stuffing() {
        let mut bytes: Vec<u8> = (0..200).map(|i: u8| i.wrapping_mul(37)).collect();
        bytes.extend([0xff; 9]);
        bytes.extend([1, 0xff, 2, 0xff, 0xff]);
        let mut data = stuffed(&bytes);
        let expected = data.clone();
        data.extend([0xff, 0xd9]);
        for step in 1..=31 {
            assert_eq!(through(&data, step, 0), expected, "steps of {step} bits");
        }
    }

    #[test]
    fn flips_hit_their_bits_wherever_the_window_stands() {
        let bytes: Vec<u8> = (0..160).map(|i: u8| i.wrapping_mul(91)).collect();
        let data = [stuffed(&bytes), vec![0xff, 0xd9]].concat();
        let inverse: Vec<u8> = bytes.iter().map(|byte| !byte).collect();
        for step in [1, 2, 4, 5, 8, 10, 16, 20] {
            assert_eq!(through(&data, step, u64::MAX), stuffed(&inverse), "steps of {step} bits");
        }
    }

    #[test]
    fn other_bits_move_all_that_follow() {
        let data = [0b1010_1010, 0b1100_1100, 0xff, 0xd9];
        let (mut pipe, mut out) = (Pipe::new(0), Vec::new());
        pipe.fill(&data, &mut out);
        pipe.pass(3, 0);
        pipe.replace(2, 0b0111 << 60, 4, &mut out);
        pipe.pass(11, 0);
        pipe.align(&mut out);
        assert_eq!(out, [0b1010_1110, 0b1011_0011, 0b0011_1111]);
    }

    #[test]
    fn the_filling_of_the_last_byte_stays_what_it_was() {
        for (last, expected) in [(0b1010_1111, 0b0101_1111), (0b1010_0000, 0b0101_0000)] {
            let data = [last, 0xff, 0xd9];
            let (mut pipe, mut out) = (Pipe::new(0), Vec::new());
            pipe.fill(&data, &mut out);
            pipe.pass(4, 0xf << 60);
            pipe.align(&mut out);
            assert_eq!(out, [expected]);
        }
    }

    #[test]
    fn bytes_before_the_marker_go_along_and_fill_bytes_are_not_data() {
        let data = [0x12, 0x34, 0xff, 0x00, 0x56, 0xff, 0xff, 0xff, 0xd9];
        let (mut pipe, mut out) = (Pipe::new(0), Vec::new());
        pipe.fill(&data, &mut out);
        pipe.pass(5, 0);
        pipe.align(&mut out);
        pipe.drain(&data, &mut out).unwrap();
        assert_eq!(out, [0x17, 0x34, 0xff, 0x00, 0x56]);
        assert_eq!(pipe.position(), 5);
    }

    #[test]
    fn an_end_without_a_marker_is_dry_and_one_with_it_is_cut_off() {
        for (data, halt) in [(&[0x12, 0xff][..], Halt::Dry), (&[0x12, 0xff, 0xd9], Halt::CutOff)] {
            let (mut pipe, mut out) = (Pipe::new(0), Vec::new());
            pipe.fill(data, &mut out);
            assert_eq!((pipe.left(), pipe.shortage()), (8, halt));
        }
    }
}
