//! The compressed pixels of a PNG, mapped without being compressed anew.
//!
//! Compressed data say which bytes stand for themselves and which are copies of earlier ones.
//! Rows are mapped byte by byte (see [`rows`](super::rows)), so what was a copy before nearly
//! always is one afterwards; that is compared, and where it is not so the copy becomes literals.
//! What remains is to write the same sequences with codes for their new counts. No match is
//! searched for but bytes that repeat themselves, and beside alpha pixels and rows (see
//! [`mend`](super::mend)); only the last rows are in memory.

use std::collections::VecDeque;

use super::{
    chunks::{Colour, Header},
    deflate::{Flaw, HISTORY, ROOM, Reader, Sequence, Stop, Writer, window},
    mend::Elsewhere,
    rows::{Refusal, Rows},
};
use crate::{Error, Format, request::Request};

/// Bytes read at a time, and twice as many as the largest block written.
const SPAN: usize = 256 * 1024;

/// Maps the pixels that `pieces` hold and writes them behind `out`.
pub(super) fn recode(
    request: &Request<'_>,
    header: &Header,
    pieces: &[&[u8]],
    mut out: Vec<u8>,
) -> Result<Vec<u8>, Error> {
    let start = out.len();
    match Recoder::new(request, header, pieces, out, false)?.run() {
        Err(Failure::Refused(error)) => return Err(error),
        Ok(written) => return Ok(written),
        Err(Failure::NoSamples(written)) => out = written,
    }
    out.truncate(start);
    match Recoder::new(request, header, pieces, out, true)?.run() {
        Ok(written) => Ok(written),
        Err(Failure::Refused(error)) => Err(error),
        Err(Failure::NoSamples(_)) => Err(Error::corrupt(Format::Png, "its rows are unclear")),
    }
}

/// Why the result was not written.
enum Failure {
    /// Samples are needed after all. What was written so far is given back.
    NoSamples(Vec<u8>),
    Refused(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

fn buffer_bytes(longest_row: u64, all_rows: u64) -> u64 {
    let most = |bytes: usize| all_rows.min(bytes as u64);
    most(HISTORY) + most(SPAN) + longest_row + 2 * ROOM as u64
}

fn refused(flaw: Flaw) -> Error {
    match flaw {
        Flaw::Truncated => Error::truncated(Format::Png),
        Flaw::Broken(what) => Error::corrupt(Format::Png, what),
    }
}

/// Where a block of the source ends.
#[derive(Debug, Clone, Copy)]
struct BlockEnd {
    sequences: usize,
    bytes: usize,
}

struct Recoder<'a> {
    request: &'a Request<'a>,
    reader: Reader<'a>,
    writer: Writer,
    header: &'a Header,
    rows: Rows,
    /// Bytes of the row that was mapped last, and how many bytes readers of the result keep.
    row_bytes: usize,
    window: usize,
    sum: simd_adler32::Adler32,
    /// Filtered rows of the source, and the same mapped, behind some history.
    old: Vec<u8>,
    new: Vec<u8>,
    /// Bytes of `old` that are there, of `new` that are there, and of `new` that were written.
    filled: usize,
    mapped: usize,
    written: usize,
    /// What `old` consists of from `written` on, behind those sequences that were taken.
    sequences: Vec<Sequence>,
    taken: usize,
    blocks: VecDeque<BlockEnd>,
    /// Room for the sequences of one block.
    mended: Vec<Sequence>,
}

impl<'a> Recoder<'a> {
    fn new(
        request: &'a Request<'a>,
        header: &'a Header,
        pieces: &[&'a [u8]],
        out: Vec<u8>,
        with_samples: bool,
    ) -> Result<Self, Error> {
        let (longest_row, all_rows) = Rows::sizes(header);
        let buffer = buffer_bytes(longest_row, all_rows);
        // Three wide rows for predictions, two buffers, and what these consist of if all is copied.
        request.limits.check_memory(6 * longest_row + 8 * buffer + out.len() as u64)?;
        let (reader, zlib_header) = Reader::new(pieces.to_vec()).map_err(refused)?;
        Ok(Self {
            request,
            reader,
            writer: Writer::after(out, zlib_header),
            header,
            rows: Rows::new(header, request.map, with_samples),
            row_bytes: 0,
            window: window(zlib_header),
            sum: simd_adler32::Adler32::new(),
            old: vec![0; buffer as usize],
            new: vec![0; buffer as usize],
            filled: 0,
            mapped: 0,
            written: 0,
            sequences: Vec::new(),
            taken: 0,
            blocks: VecDeque::new(),
            mended: Vec::new(),
        })
    }

    fn run(mut self) -> Result<Vec<u8>, Failure> {
        loop {
            let stop = self.reader.read(&mut self.old, &mut self.filled, &mut self.sequences);
            let stop = stop.map_err(refused)?;
            match self.map_rows_once_more() {
                Ok(()) => {}
                Err(Refusal::NoSamples) => {
                    return Err(Failure::NoSamples(self.writer.into_bytes()));
                }
                Err(Refusal::NoSuchFilter) => {
                    let what = "one of its rows is filtered in a way that does not exist";
                    return Err(Error::corrupt(Format::Png, what).into());
                }
            }
            if self.rows.next_length().is_none() {
                self.end_block(self.sequences.len(), self.filled);
                self.write_blocks(true)?;
                return Ok(self.writer.finish(self.sum.finish()));
            }
            match stop {
                Stop::End => return Err(Error::truncated(Format::Png).into()),
                Stop::EndOfBlock => {
                    self.end_block(self.sequences.len(), self.filled);
                    self.write_blocks(false)?;
                }
                Stop::Full => {
                    self.write_blocks(false)?;
                    self.cut_large_block()?;
                    self.slide();
                }
            }
        }
    }

    /// Maps rows, and if samples turn out to be needed while all rows are still there, again with
    /// those.
    fn map_rows_once_more(&mut self) -> Result<(), Refusal> {
        let mapped = self.map_rows();
        if !matches!(mapped, Err(Refusal::NoSamples)) || self.written > 0 {
            return mapped;
        }
        self.rows = Rows::new(self.header, self.request.map, true);
        (self.mapped, self.sum) = (0, simd_adler32::Adler32::new());
        self.map_rows()
    }

    fn map_rows(&mut self) -> Result<(), Refusal> {
        let start = self.mapped;
        while let Some(length) = self.rows.next_length() {
            let range = self.mapped..self.mapped + length;
            let Some(old) = self.old.get(range.clone()).filter(|_| range.end <= self.filled) else {
                break;
            };
            self.rows.map_next(old, self.new.get_mut(range).unwrap_or_default())?;
            self.mapped += length;
            self.row_bytes = length;
        }
        self.sum.write(self.new.get(start..self.mapped).unwrap_or_default());
        Ok(())
    }

    fn end_block(&mut self, sequences: usize, bytes: usize) {
        let last = self.blocks.back().map_or(self.written, |block| block.bytes);
        if bytes > last {
            self.blocks.push_back(BlockEnd { sequences, bytes });
        }
    }

    /// Writes the blocks whose rows are mapped; all of them at the end.
    fn write_blocks(&mut self, is_end: bool) -> Result<(), Error> {
        while let Some(&block) = self.blocks.front() {
            if block.bytes > self.mapped && !is_end {
                break;
            }
            self.blocks.pop_front();
            // Whatever follows after the last row belongs to no picture.
            let end = block.bytes.min(self.mapped);
            let is_last = is_end && (end == self.mapped);
            self.write_block(block.sequences, end, is_last)?;
            if is_last {
                break;
            }
        }
        Ok(())
    }

    fn write_block(&mut self, sequences: usize, end: usize, is_last: bool) -> Result<(), Error> {
        self.request.limits.check_time()?;
        self.request.limits.check_memory((self.writer.written() + 2 * self.new.len()) as u64)?;
        let sequences_of_block = self.sequences.get(self.taken..sequences).unwrap_or_default();
        let elsewhere = self.elsewhere();
        elsewhere.mend(&self.new, self.written, end, sequences_of_block, &mut self.mended);
        let bytes = self.new.get(self.written..end).unwrap_or_default();
        self.writer.block(bytes, &self.mended, is_last);
        (self.taken, self.written) = (sequences, end);
        Ok(())
    }

    fn elsewhere(&self) -> Elsewhere {
        match self.header.colour {
            Colour::Gray | Colour::Rgb | Colour::Indexed => Elsewhere::Byte,
            Colour::GrayAlpha | Colour::Rgba => {
                Elsewhere::pixel(self.header.pixel_bytes(), self.row_bytes, self.window)
            }
        }
    }

    /// Writes what is mapped of a block that is too large to wait for its end.
    fn cut_large_block(&mut self) -> Result<(), Error> {
        if self.mapped - self.written < self.old.len().saturating_sub(HISTORY) / 2 {
            return Ok(());
        }
        let mut at = self.written;
        let mut index = self.taken;
        while let Some(sequence) = self.sequences.get_mut(index) {
            let literals = sequence.literals as usize;
            let next = at + literals + usize::from(sequence.length);
            if next > self.mapped {
                let cut = literals.min(self.mapped - at);
                sequence.literals -= cut as u32;
                self.sequences.insert(index, Sequence::only_literals(cut));
                self.blocks.iter_mut().for_each(|block| block.sequences += 1);
                (at, index) = (at + cut, index + 1);
                break;
            }
            (at, index) = (next, index + 1);
        }
        self.write_block(index, at, false)
    }

    /// Moves what is still needed to the beginning.
    fn slide(&mut self) {
        let shift = self.written.saturating_sub(HISTORY);
        self.old.copy_within(shift..self.filled, 0);
        self.new.copy_within(shift..self.mapped, 0);
        self.filled -= shift;
        self.mapped -= shift;
        self.written -= shift;
        self.sequences.drain(..self.taken);
        for block in &mut self.blocks {
            block.sequences -= self.taken;
            block.bytes -= shift;
        }
        self.taken = 0;
    }
}
