//! Lists of one image a line.

use std::io::{self, BufRead};

use super::address::MAX_URL_BYTES;
use super::items::{Item, Items, Skipped};
use super::lines::Lines;

/// A plain text; blank lines and lines that begin with `#` are skipped.
#[derive(Debug)]
pub(super) struct Text<R> {
    lines: Lines<R>,
    line: Vec<u8>,
    skipped: Skipped,
}

impl<R: BufRead> Text<R> {
    pub(super) fn new(from: R) -> Self {
        let lines = Lines::new(from, MAX_URL_BYTES);
        Self { lines, line: Vec::new(), skipped: Skipped::default() }
    }
}

impl<R: BufRead> Items for Text<R> {
    fn next_item(&mut self) -> io::Result<Option<Item>> {
        while self.lines.read(&mut self.line)? {
            match self.line.trim_ascii() {
                [] => self.skipped.blank += 1,
                [b'#', ..] => self.skipped.comments += 1,
                text => return Ok(Some(Item::of(self.lines.number(), text))),
            }
        }
        Ok(None)
    }

    fn skipped(&self) -> Skipped {
        self.skipped
    }
}
