//! Data laid out for [`burst`](super::burst): without stuffed zeros, and beside them room for the
//! same with signs flipped.

use super::{burst::Lanes, lookup::ones, sink::Sink};

/// Bytes of a stage: with the tables for luma beside it, it stays in the processor's first cache.
const SIZE: usize = 4096;

/// Fewer bytes are not worth the preparation.
const LEAST: usize = 64;

/// A piece of a scan's data.
#[derive(Debug)]
pub(super) struct Stage {
    data: Box<[u8; SIZE]>,
    flipped: Box<[u8; SIZE]>,
    length: usize,
    /// Bytes of the input that it took.
    taken: usize,
    /// Bytes, the first of them perhaps not whole, that came from the window of the pipe.
    from_window: usize,
    first_bit: usize,
}

impl Default for Stage {
    fn default() -> Self {
        Self {
            data: Box::new([0; SIZE]),
            flipped: Box::new([0; SIZE]),
            length: 0,
            taken: 0,
            from_window: 0,
            first_bit: 0,
        }
    }
}

impl Stage {
    /// Lays out the topmost `count` bits of `window` and then the bytes of `rest`, up to anything
    /// that is not plain data; whether that is enough.
    pub(super) fn fill(&mut self, window: u64, count: u32, rest: &[u8]) -> bool {
        self.from_window = count.div_ceil(8) as usize;
        self.first_bit = (count.wrapping_neg() % 8) as usize;
        let word = (window & ones(count)) >> self.first_bit;
        let (head, room) = self.data.split_at_mut(self.from_window);
        head.iter_mut().zip(word.to_be_bytes()).for_each(|(byte, new)| *byte = new);
        let (taken, filled) = unstuff(rest, room);
        (self.taken, self.length) = (taken, self.from_window + filled);
        filled >= LEAST
    }

    /// The first bit of the first byte that counts.
    pub(super) fn first_bit(&self) -> usize {
        self.first_bit
    }

    /// The data, and the room for what becomes of them; of the bits that inversion flips, those in
    /// `mask` are flipped.
    pub(super) fn lanes(&mut self, mask: u64) -> Lanes<'_, SIZE> {
        let Self { data, flipped, length, .. } = self;
        Lanes { data, length: *length, flipped, mask }
    }

    /// How many bytes of the input the stage took up to bit `end`; `None` if that is not beyond
    /// what came from the window.
    pub(super) fn passed(&self, end: usize) -> Option<usize> {
        let end = end.div_ceil(8);
        let behind = self.data.get(end..self.length).filter(|_| end > self.from_window)?;
        // Counted from the back, as the end is mostly near that of the data.
        let stuffed = memchr::memchr_iter(0xff, behind).count();
        Some(self.taken - behind.len() - stuffed)
    }

    /// The bits behind bit `end` in the byte that it is in, from the top of the word, and their
    /// count.
    pub(super) fn rest_of_byte(&self, end: usize) -> (u64, u32) {
        let count = (end.wrapping_neg() % 8) as u32;
        let byte = self.data.get(end / 8).copied().unwrap_or(0);
        (u64::from(byte).checked_shl(64 - count).unwrap_or(0), count)
    }

    /// Writes the flipped bits up to bit `end`.
    pub(super) fn write(&self, end: usize, sink: &mut Sink, out: &mut Vec<u8>) {
        let first = self.first_bit.div_ceil(8);
        let byte = |at: usize| u64::from(self.flipped.get(at).copied().unwrap_or(0)) << 56;
        if self.first_bit > 0 {
            sink.put(byte(0) << self.first_bit, 8 - self.first_bit as u32, out);
        }
        sink.put_bytes(self.flipped.get(first..end / 8).unwrap_or_default(), out);
        sink.put(byte(end / 8), (end % 8) as u32, out);
    }
}

/// Copies entropy-coded data without the zero behind each 0xff, as far as there is nothing else;
/// how many bytes it took, and how many it wrote.
fn unstuff(data: &[u8], room: &mut [u8]) -> (usize, usize) {
    let (mut from, mut to) = (0, 0);
    loop {
        let rest = data.get(from..).unwrap_or_default();
        let rest = rest.get(..rest.len().min(room.len() - to)).unwrap_or_default();
        let found = memchr::memchr(0xff, rest);
        let is_stuffed = found.is_some_and(|at| data.get(from + at + 1) == Some(&0));
        let count = found.map_or(rest.len(), |at| at + usize::from(is_stuffed));
        if let (Some(room), Some(rest)) = (room.get_mut(to..to + count), rest.get(..count)) {
            room.copy_from_slice(rest);
        }
        to += count;
        if !is_stuffed {
            return (from + count, to);
        }
        from += count + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stuffed_zeros_go_and_markers_end_the_data() {
        let cases: [(&[u8], usize, &[u8]); 6] = [
            (&[1, 2, 3], 3, &[1, 2, 3]),
            (&[1, 0xff, 0, 2, 0xff, 0], 6, &[1, 0xff, 2, 0xff]),
            (&[1, 0xff], 1, &[1]),
            (&[1, 0xff, 0xd0, 7], 1, &[1]),
            (&[1, 0xff, 0xff, 0, 7], 1, &[1]),
            (&[], 0, &[]),
        ];
        for (data, taken, expected) in cases {
            let mut room = [0; 16];
            assert_eq!(unstuff(data, &mut room), (taken, expected.len()), "{data:?}");
            assert_eq!(&room[..expected.len()], expected, "{data:?}");
        }
    }

    #[test]
    fn no_more_is_taken_than_there_is_room_for() {
        for (taken, size, expected) in
            [(2, 2, &[1, 2][..]), (4, 3, &[1, 2, 0xff]), (5, 4, &[1, 2, 0xff, 4])]
        {
            let mut room = vec![0; size];
            assert_eq!(unstuff(&[1, 2, 0xff, 0, 4, 5], &mut room), (taken, size));
            assert_eq!(room, expected);
        }
    }

    #[test]
    fn what_passed_is_counted_in_bytes_of_the_input() {
        let mut stage = Stage::default();
        let data = [&[9, 0xff, 0, 8][..], &[7; 80]].concat();
        assert!(stage.fill(0b10101 << 59, 5, &data));
        assert_eq!((stage.first_bit(), stage.passed(3), stage.passed(8)), (3, None, None));
        // Two whole bytes and one bit behind the five bits of the window.
        assert_eq!(stage.passed(8 + 17), Some(2 + 1 + 1));
        assert_eq!(stage.rest_of_byte(8 + 17), (u64::from(8u8) << 57, 7));
        assert_eq!(stage.passed(8 + 24), Some(4));
        assert_eq!(stage.rest_of_byte(8 + 24), (0, 0));
        assert_eq!(stage.passed(8 + 8), Some(1), "the stuffed zero is behind");
        assert_eq!(stage.passed(8 + 83 * 8), Some(84));
        assert_eq!(stage.passed(8 + 83 * 8 + 1), None);
    }

    #[test]
    fn bits_are_written_from_the_first_to_the_last() {
        let mut stage = Stage::default();
        assert!(stage.fill(0b101 << 61, 3, &[0x0f; 100]));
        let lanes = stage.lanes(0);
        lanes.flipped.copy_from_slice(lanes.data);
        let (mut sink, mut out) = (Sink::default(), Vec::new());
        stage.write(8 + 800 - 4, &mut sink, &mut out);
        sink.align(true, &mut out);
        assert_eq!((out.len(), out[0], out[1]), (100, 0b1010_0001, 0b1110_0001));
        assert_eq!(out[99], 0b1110_0001);
    }
}
