//! Lines of bounded length.

use std::io::{self, BufRead};

/// Reads lines and counts them, but keeps no more than the beginning of a long one.
#[derive(Debug)]
pub(super) struct Lines<R> {
    from: R,
    number: u64,
    keep_bytes: usize,
}

impl<R: BufRead> Lines<R> {
    /// Lines of which at most so many bytes are kept, and a few more.
    pub(super) fn new(from: R, keep_bytes: usize) -> Self {
        Self { from, number: 0, keep_bytes: keep_bytes + 3 }
    }

    /// The number of the line read last, from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Reads a line with its end into an empty buffer, without the mark that some programs put
    /// at the beginning. False at the end of the list.
    pub(super) fn read(&mut self, into: &mut Vec<u8>) -> io::Result<bool> {
        into.clear();
        if !self.read_marked(into)? {
            return Ok(false);
        }
        if self.number == 1 && into.starts_with(super::MARK) {
            into.drain(..super::MARK.len());
        }
        Ok(true)
    }

    fn read_marked(&mut self, into: &mut Vec<u8>) -> io::Result<bool> {
        let mut any = false;
        loop {
            let piece = self.from.fill_buf()?;
            if piece.is_empty() {
                self.number += u64::from(any);
                return Ok(any);
            }
            any = true;
            let end = memchr::memchr(b'\n', piece);
            let length = end.map_or(piece.len(), |at| at + 1);
            let room = self.keep_bytes.saturating_sub(into.len());
            into.extend(piece.iter().take(length.min(room)));
            self.from.consume(length);
            if end.is_some() {
                self.number += 1;
                return Ok(true);
            }
        }
    }
}
