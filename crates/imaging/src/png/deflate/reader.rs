//! Reading a DEFLATE stream: the bytes it stands for, and how it puts them together.

use super::{
    END_OF_BLOCK, FIRST_LENGTH, LENGTH_ORDER, LENGTHS, ROOM, SHORTEST, SHORTEST_RUN, Sequence,
    bits::{BitReader, Window},
    code::{Decoder, Entry, Kind},
    distance, fixed_lengths,
};

/// Bytes of a copy on the average, below which the bytes of a block are taken for noise.
const SHORT_ON_THE_WHOLE: u32 = 9;

/// Bytes of the shortest copies that are worth keeping in noise.
const LEAST_IN_NOISE: usize = 8;

/// What is wrong with a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::png) enum Flaw {
    /// It ends too early.
    Truncated,
    /// It breaks the rules, and how.
    Broken(&'static str),
}

/// Where reading stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::png) enum Stop {
    /// There is no room for more.
    Full,
    /// A block ended, and others follow.
    EndOfBlock,
    /// The last block ended.
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before a block.
    Between,
    /// Within a stored block, of which so many bytes are left.
    Stored(usize),
    /// Within a compressed block.
    Compressed,
    /// After the last block.
    Done,
}

/// A zlib stream that is being read.
#[derive(Debug)]
pub(in crate::png) struct Reader<'a> {
    bits: BitReader<'a>,
    state: State,
    is_last: bool,
    symbols: Decoder<12>,
    distances: Decoder<9>,
    /// Literals since the last copy.
    literals: usize,
    /// Shorter copies are told as literals.
    least: usize,
}

impl<'a> Reader<'a> {
    /// Begins with the zlib header, which is given as well.
    pub(in crate::png) fn new(pieces: Vec<&'a [u8]>) -> Result<(Self, [u8; 2]), Flaw> {
        let mut bits = BitReader::new(pieces);
        bits.refill();
        let header = [bits.take(8) as u8, bits.take(8) as u8];
        if bits.is_exhausted() {
            return Err(Flaw::Truncated);
        }
        let [method, flags] = header;
        let is_sound = method & 0x0f == 8
            && method >> 4 <= 7
            && flags & 0x20 == 0
            && u16::from_be_bytes(header).is_multiple_of(31);
        if !is_sound {
            return Err(Flaw::Broken("its compressed data have a wrong header"));
        }
        let (symbols, distances) = (Decoder::new(), Decoder::new());
        let state = State::Between;
        let (literals, least) = (0, SHORTEST);
        Ok((Self { bits, state, is_last: false, symbols, distances, literals, least }, header))
    }

    /// Fills `bytes` from `filled` on, with the history before it, and says how the new bytes
    /// came about. The last [`ROOM`] bytes are kept free.
    pub(in crate::png) fn read(
        &mut self,
        bytes: &mut [u8],
        filled: &mut usize,
        sequences: &mut Vec<Sequence>,
    ) -> Result<Stop, Flaw> {
        let stop = self.read_on(bytes, filled, sequences);
        // What was made up behind the end can look like anything.
        if self.bits.is_exhausted() { Err(Flaw::Truncated) } else { stop }
    }

    fn read_on(
        &mut self,
        bytes: &mut [u8],
        filled: &mut usize,
        sequences: &mut Vec<Sequence>,
    ) -> Result<Stop, Flaw> {
        let room = bytes.len().saturating_sub(ROOM);
        loop {
            let stop = match self.state {
                State::Done => Stop::End,
                State::Between if self.is_last => {
                    self.state = State::Done;
                    Stop::End
                }
                State::Between => {
                    self.begin_block()?;
                    continue;
                }
                State::Stored(left) => self.read_stored(left, &mut bytes[..room], filled)?,
                State::Compressed => self.read_compressed(bytes, filled, sequences)?,
            };
            if self.literals > 0 {
                sequences.push(Sequence::only_literals(self.literals));
                self.literals = 0;
            }
            return Ok(stop);
        }
    }

    fn begin_block(&mut self) -> Result<(), Flaw> {
        self.bits.refill();
        self.is_last = self.bits.take(1) == 1;
        match self.bits.take(2) {
            0 => self.begin_stored()?,
            1 => self.begin_fixed(),
            2 => self.begin_dynamic()?,
            _ => return Err(Flaw::Broken("its compressed data have a block of no known type")),
        }
        Ok(())
    }

    fn begin_stored(&mut self) -> Result<(), Flaw> {
        self.bits.align();
        self.bits.refill();
        let (length, complement) = (self.bits.take(16), self.bits.take(16));
        if length != complement ^ 0xffff {
            return Err(Flaw::Broken("its compressed data have a block of no sure length"));
        }
        self.state = State::Stored(length as usize);
        Ok(())
    }

    fn begin_fixed(&mut self) {
        // Both codes are complete, so they can be set.
        let _ = self.symbols.set(&fixed_lengths(), symbol_entry);
        self.symbols.pair_literals();
        let _ = self.distances.set(&[5; 32], distance_entry);
        self.least = SHORTEST;
        self.state = State::Compressed;
    }

    fn begin_dynamic(&mut self) -> Result<(), Flaw> {
        let symbols = 257 + self.bits.take(5) as usize;
        let distances = 1 + self.bits.take(5) as usize;
        let listed = 4 + self.bits.take(4) as usize;
        if symbols > 286 || distances > 30 {
            return Err(BAD_HEAD);
        }
        let mut code = [0; 19];
        for &place in LENGTH_ORDER.iter().take(listed) {
            self.bits.refill();
            code[place] = self.bits.take(3) as u8;
        }
        let lengths = self.read_lengths(&code, symbols + distances)?;
        let (symbols, distances) = lengths.split_at_checked(symbols).ok_or(BAD_HEAD)?;
        if symbols.get(END_OF_BLOCK).is_none_or(|&length| length == 0) {
            return Err(BAD_HEAD);
        }
        self.symbols.set(symbols, symbol_entry).ok_or(BAD_HEAD)?;
        self.symbols.pair_literals();
        self.distances.set(distances, distance_entry).ok_or(BAD_HEAD)?;
        self.least = least_worth_keeping(symbols);
        self.state = State::Compressed;
        Ok(())
    }

    /// The lengths of both codes, which run on from one to the other.
    fn read_lengths(&mut self, code: &[u8], count: usize) -> Result<Vec<u8>, Flaw> {
        let mut decoder = Decoder::<7>::new();
        let entry = |symbol: usize| Entry::new(symbol as u16, 0, Kind::Literal);
        decoder.set(code, entry).ok_or(BAD_HEAD)?;
        let mut lengths: Vec<u8> = Vec::with_capacity(count);
        while lengths.len() < count {
            self.bits.refill();
            let entry = decoder.find(self.bits.peek()).ok_or(BAD_HEAD)?;
            self.bits.skip(entry.word_bits());
            let (length, times) = match entry.value() {
                16 => {
                    let last = lengths.last().copied().ok_or(BAD_HEAD)?;
                    (last, 3 + self.bits.take(2))
                }
                17 => (0, 3 + self.bits.take(3)),
                18 => (0, 11 + self.bits.take(7)),
                length => (length as u8, 1),
            };
            lengths.extend(std::iter::repeat_n(length, times as usize));
            if self.bits.is_exhausted() {
                return Err(Flaw::Truncated);
            }
        }
        if lengths.len() > count { Err(BAD_HEAD) } else { Ok(lengths) }
    }

    fn read_stored(
        &mut self,
        mut left: usize,
        bytes: &mut [u8],
        filled: &mut usize,
    ) -> Result<Stop, Flaw> {
        while left > 0 {
            let Some(place) = bytes.get_mut(*filled) else {
                self.state = State::Stored(left);
                return Ok(Stop::Full);
            };
            self.bits.refill();
            *place = self.bits.take(8) as u8;
            *filled += 1;
            self.literals += 1;
            left -= 1;
        }
        self.state = State::Between;
        Ok(Stop::EndOfBlock)
    }

    #[inline(always)]
    fn next_symbol(&self, window: &mut Window<'_>) -> Result<Entry, Flaw> {
        let entry = self.symbols.find(window.peek()).ok_or(NO_WORD)?;
        window.skip(entry.word_bits());
        Ok(entry)
    }

    #[inline(always)]
    fn refill(&mut self, window: &mut Window<'a>) {
        if !window.refill() {
            self.bits.window = *window;
            self.bits.refill();
            *window = self.bits.window;
        }
    }

    fn read_compressed(
        &mut self,
        bytes: &mut [u8],
        filled: &mut usize,
        sequences: &mut Vec<Sequence>,
    ) -> Result<Stop, Flaw> {
        let mut window = self.bits.window;
        let stop = self.read_words(&mut window, bytes, filled, sequences);
        self.bits.window = window;
        stop
    }

    #[inline(always)]
    fn read_words(
        &mut self,
        window: &mut Window<'a>,
        bytes: &mut [u8],
        filled: &mut usize,
        sequences: &mut Vec<Sequence>,
    ) -> Result<Stop, Flaw> {
        let room = bytes.len().saturating_sub(ROOM);
        let mut at = *filled;
        let mut literals_from = at - self.literals;
        let stop = loop {
            if at >= room {
                break Stop::Full;
            }
            self.refill(window);
            // A refill is enough for three words, of which each may be a copy.
            let mut entry = self.next_symbol(window)?;
            if entry.is_literal() {
                at += put_literals(bytes, at, entry);
                entry = self.next_symbol(window)?;
                if entry.is_literal() {
                    at += put_literals(bytes, at, entry);
                    entry = self.next_symbol(window)?;
                    if entry.is_literal() {
                        at += put_literals(bytes, at, entry);
                        continue;
                    }
                }
                self.refill(window);
            }
            if entry.is_end() {
                self.state = State::Between;
                break Stop::EndOfBlock;
            }
            let length = (entry.value() + window.take(entry.extra_bits())) as usize;
            let entry = self.distances.find(window.peek()).ok_or(NO_WORD)?;
            window.skip(entry.word_bits());
            let distance = (entry.value() + window.take(entry.extra_bits())) as usize;
            if length == 0 || entry.value() == 0 {
                return Err(NO_WORD);
            }
            if distance > at {
                return Err(Flaw::Broken("its compressed data copy from before their beginning"));
            }
            copy(bytes, at, length, distance);
            let is_run = distance == 1 && length >= SHORTEST_RUN;
            if length < self.least && !is_run {
                at += length;
                continue;
            }
            let literals = (at - literals_from) as u32;
            let (length16, distance16) = (length as u16, distance as u16);
            sequences.push(Sequence { literals, length: length16, distance: distance16 });
            at += length;
            literals_from = at;
        };
        self.literals = at - literals_from;
        *filled = at;
        Ok(stop)
    }
}

const BAD_HEAD: Flaw = Flaw::Broken("its compressed data have a block with a wrong head");
const NO_WORD: Flaw = Flaw::Broken("its compressed data have a word that stands for nothing");

/// The shortest copies of a block that are worth keeping, by the lengths of its words.
///
/// In noise, as in photos, copies are short, and hardly shorter to write than what they copy. Once
/// other samples are in between and some of them broke, literals take less room and less time. How
/// long copies are on the whole is known before them: likely ones have short words.
fn least_worth_keeping(words: &[u8]) -> usize {
    let (mut times, mut bytes) = (0, 0);
    for (&word, (base, extra)) in words.iter().skip(FIRST_LENGTH).zip(LENGTHS) {
        if word > 0 {
            let likely = 1u32 << (15 - word.min(15));
            times += likely;
            bytes += likely * (u32::from(base) + ((1 << extra) >> 1));
        }
    }
    if bytes < SHORT_ON_THE_WHOLE * times { LEAST_IN_NOISE } else { SHORTEST }
}

fn symbol_entry(symbol: usize) -> Entry {
    match symbol {
        0..END_OF_BLOCK => Entry::new(symbol as u16, 1, Kind::Literal),
        END_OF_BLOCK => Entry::new(0, 0, Kind::End),
        _ => {
            // Two symbols of the fixed code stand for no length; they copy nothing.
            let (base, extra) = LENGTHS.get(symbol - FIRST_LENGTH).copied().unwrap_or((0, 0));
            Entry::new(base, extra, Kind::Copy)
        }
    }
}

fn distance_entry(symbol: usize) -> Entry {
    let (base, extra) = if symbol < 30 { distance(symbol) } else { (0, 0) };
    Entry::new(base, extra, Kind::Copy)
}

/// Puts down one or two literals and gives how many they were.
#[inline(always)]
fn put_literals(bytes: &mut [u8], at: usize, entry: Entry) -> usize {
    if let Some(place) = bytes.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *place = (entry.value() as u16).to_le_bytes();
    }
    entry.extra_bits() as usize
}

/// Copies within `bytes`; the copy may overlap what it is taken from.
#[inline(always)]
fn copy(bytes: &mut [u8], at: usize, length: usize, distance: usize) {
    const STEP: usize = 16;
    if distance >= STEP && at + length + STEP <= bytes.len() {
        let (mut from, mut to) = (at - distance, at);
        while to < at + length {
            let mut step = [0; STEP];
            step.copy_from_slice(&bytes[from..from + STEP]);
            bytes[to..to + STEP].copy_from_slice(&step);
            (from, to) = (from + STEP, to + STEP);
        }
    } else {
        for index in at..at + length {
            bytes[index] = bytes[index - distance];
        }
    }
}
