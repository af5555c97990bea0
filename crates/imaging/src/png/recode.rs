//! The compressed pixels of a PNG, mapped without being compressed anew.
//!
//! Compressed data say which bytes stand for themselves and which are copies of earlier ones.
//! Rows are mapped byte by byte (see [`rows`](super::rows)), so what was a copy before nearly
//! always is one afterwards; that is compared, and where it is not so the copy becomes literals.
//! What remains is to write the same sequences with codes for their new counts. No match is
//! searched for but bytes that repeat themselves, and only the last rows are in memory.

use std::{collections::VecDeque, ops::Range};

use super::{
    chunks::Header,
    deflate::{
        Flaw, HISTORY, LONGEST, ROOM, Reader, SHORTEST, SHORTEST_RUN, Sequence, Stop, Writer,
    },
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
        mend(&self.new, self.written, end, sequences_of_block, &mut self.mended);
        let bytes = self.new.get(self.written..end).unwrap_or_default();
        self.writer.block(bytes, &self.mended, is_last);
        (self.taken, self.written) = (sequences, end);
        Ok(())
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

/// What is left of a broken copy is worth its distance only from so many bytes on.
const LEAST_REST: usize = 8;

/// The sequences for `bytes` from `start` to `end`, given those that were right before they were
/// mapped: copies are kept as far as they are copies still, and where one broke, repeated bytes
/// become copies.
fn mend(bytes: &[u8], start: usize, end: usize, old: &[Sequence], mended: &mut Vec<Sequence>) {
    mended.clear();
    let (mut at, mut literals_from) = (start, start);
    for sequence in old {
        at = (at + sequence.literals as usize).min(end);
        let length = usize::from(sequence.length).min(end - at);
        let same = equal(bytes, at, sequence.distance.into(), length);
        let (mut broken, to) = (at, at + length);
        if same >= LEAST_REST || same == length && length >= SHORTEST {
            let literals = (at - literals_from) as u32;
            mended.push(Sequence { literals, length: same as u16, distance: sequence.distance });
            broken = at + same;
            literals_from = broken;
        }
        if broken < to {
            literals_from = copy_runs(bytes, literals_from, broken..to, mended);
        }
        at = to;
    }
    mended.push(Sequence::only_literals(end - literals_from));
}

/// Makes copies where bytes in `range` repeat the byte before them, and gives where literals, which
/// begin at `literals_from` before it, begin behind the last.
fn copy_runs(
    bytes: &[u8],
    mut literals_from: usize,
    range: Range<usize>,
    mended: &mut Vec<Sequence>,
) -> usize {
    let (mut at, to) = (range.start.max(1), range.end);
    loop {
        at = next_run(bytes, at, to);
        if at + SHORTEST_RUN > to {
            return literals_from;
        }
        let length = equal(bytes, at, 1, (to - at).min(LONGEST));
        if length >= SHORTEST_RUN {
            let literals = (at - literals_from) as u32;
            mended.push(Sequence { literals, length: length as u16, distance: 1 });
            literals_from = at + length;
        }
        at += length.max(1);
    }
}

/// Where from `at` on five bytes repeat the one before them; `to` or beyond if nowhere before, and
/// at the very end of `bytes` perhaps too early.
#[inline(always)]
fn next_run(bytes: &[u8], mut at: usize, to: usize) -> usize {
    const MIDDLE: u64 = 0xff_ff00_0000;
    let word = |at: usize| {
        let bytes = bytes.get(at..).and_then(<[u8]>::first_chunk);
        bytes.map(|bytes| u64::from_le_bytes(*bytes))
    };
    while at < to
        && let (Some(later), Some(earlier)) = (word(at), word(at - 1))
    {
        let differ = later ^ earlier;
        // Five of eight bytes in a row always are the middle ones too.
        if differ & MIDDLE == 0 {
            let five = differ | differ >> 8 | differ >> 16 | differ >> 24 | differ >> 32;
            let zeros = five.wrapping_sub(0x0101_0101) & !five & 0x8080_8080;
            if zeros != 0 {
                return at + zeros.trailing_zeros() as usize / 8;
            }
        }
        at += 4;
    }
    at
}

/// How many of the `length` bytes at `at` are the same as those `distance` before.
#[inline(always)]
fn equal(bytes: &[u8], at: usize, distance: usize, length: usize) -> usize {
    let (later, earlier) = (bytes.get(at..), bytes.get(at.saturating_sub(distance)..));
    let (later, earlier) = (later.unwrap_or_default(), earlier.unwrap_or_default());
    let mut same = 0;
    while same < length {
        let word = |bytes: &[u8]| {
            bytes.get(same..).and_then(<[u8]>::first_chunk).map(|word| u64::from_le_bytes(*word))
        };
        let (Some(later), Some(earlier)) = (word(later), word(earlier)) else {
            let pairs = later.iter().zip(earlier).take(length).skip(same);
            return same + pairs.take_while(|(a, b)| a == b).count();
        };
        let difference = later ^ earlier;
        if difference != 0 {
            return (same + difference.trailing_zeros() as usize / 8).min(length);
        }
        same += 8;
    }
    length
}
