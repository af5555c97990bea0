//! Writing a DEFLATE stream from known sequences.

use super::{
    END_OF_BLOCK, FIRST_LENGTH, LENGTH_ORDER, LENGTHS, LONGEST, SHORTEST, Sequence,
    bits::BitWriter,
    code::{shortest, words},
    distance, fixed_lengths,
};

/// Four literals of so many bits fit between two flushes.
const LONGEST_WORD: usize = 14;
const LONGEST_STORED: usize = 0xffff;
/// The last two stand for nothing, but the fixed code has words for them.
const SYMBOLS: usize = 288;

/// A zlib stream that is being written.
#[derive(Debug)]
pub(in crate::png) struct Writer {
    bits: BitWriter,
    length_symbols: [u8; LONGEST + 1],
    symbol_counts: [u32; SYMBOLS],
    distance_counts: [u32; 30],
}

impl Writer {
    /// Goes on behind what is in `out`, with the zlib header.
    pub(in crate::png) fn after(mut out: Vec<u8>, header: [u8; 2]) -> Self {
        out.extend(header);
        let mut length_symbols = [0; LONGEST + 1];
        for (symbol, &(base, _)) in LENGTHS.iter().enumerate() {
            length_symbols[usize::from(base)..].fill(symbol as u8);
        }
        Self {
            bits: BitWriter::after(out),
            length_symbols,
            symbol_counts: [0; SYMBOLS],
            distance_counts: [0; 30],
        }
    }

    pub(in crate::png) fn written(&self) -> usize {
        self.bits.written()
    }

    /// Writes one block that stands for `bytes`, which `sequences` put together.
    pub(in crate::png) fn block(&mut self, bytes: &[u8], sequences: &[Sequence], is_last: bool) {
        self.count(bytes, sequences);
        let dynamic = Code::dynamic(&self.symbol_counts, &self.distance_counts);
        let fixed = Code::fixed();
        let dynamic_bits = dynamic.bits(&self.symbol_counts, &self.distance_counts);
        let fixed_bits = fixed.bits(&self.symbol_counts, &self.distance_counts);
        let stored_bits = 8 * (bytes.len() as u64 + 5 * stored_blocks(bytes) as u64) + 8;
        if stored_bits < dynamic_bits.min(fixed_bits) {
            return self.stored(bytes, is_last);
        }
        let code = if fixed_bits <= dynamic_bits { fixed } else { dynamic };
        self.bits.reserve(dynamic_bits.min(fixed_bits) + 64);
        self.bits.add(is_last.into(), 1);
        code.write_head(&mut self.bits);
        self.write(bytes, sequences, &code);
    }

    /// Ends the stream with its check sum and gives everything back.
    pub(in crate::png) fn finish(mut self, sum: u32) -> Vec<u8> {
        self.bits.reserve(64);
        self.bits.align();
        self.bits.bytes(&sum.to_be_bytes());
        self.bits.into_bytes()
    }

    /// What was written so far, whole or not.
    pub(in crate::png) fn into_bytes(self) -> Vec<u8> {
        self.bits.into_bytes()
    }

    fn count(&mut self, bytes: &[u8], sequences: &[Sequence]) {
        let mut literal_counts = [[0u32; 256]; 4];
        self.symbol_counts = [0; SYMBOLS];
        self.distance_counts = [0; 30];
        let mut rest = bytes;
        for sequence in sequences {
            let (literals, after) = rest.split_at(sequence.literals as usize);
            rest = &after[usize::from(sequence.length)..];
            // Several counters keep equal neighbours from waiting for each other.
            let (fours, few) = literals.as_chunks::<4>();
            for four in fours {
                for (counts, &literal) in literal_counts.iter_mut().zip(four) {
                    counts[usize::from(literal)] += 1;
                }
            }
            for (counts, &literal) in literal_counts.iter_mut().zip(few) {
                counts[usize::from(literal)] += 1;
            }
            if sequence.length > 0 {
                let symbol = self.length_symbols[usize::from(sequence.length)];
                self.symbol_counts[FIRST_LENGTH + usize::from(symbol)] += 1;
                self.distance_counts[distance_symbol(sequence.distance)] += 1;
            }
        }
        for literal in 0..256 {
            let count = |counts: &[u32; 256]| counts[literal];
            self.symbol_counts[literal] = literal_counts.iter().map(count).sum();
        }
        self.symbol_counts[END_OF_BLOCK] = 1;
    }

    fn write(&mut self, bytes: &[u8], sequences: &[Sequence], code: &Code) {
        let words = Words::of(code);
        // As a variable of its own it stays in registers.
        let mut bits = std::mem::take(&mut self.bits);
        let mut rest = bytes;
        for sequence in sequences {
            let (literals, after) = rest.split_at(sequence.literals as usize);
            rest = &after[usize::from(sequence.length)..];
            let (fours, few) = literals.as_chunks::<4>();
            for four in fours {
                for &literal in four {
                    words.symbols[usize::from(literal)].add_to(&mut bits);
                }
                bits.flush();
            }
            for &literal in few {
                words.symbols[usize::from(literal)].add_to(&mut bits);
            }
            bits.flush();
            if sequence.length > 0 {
                self.write_copy(sequence, &words, &mut bits);
            }
        }
        words.symbols[END_OF_BLOCK].add_to(&mut bits);
        bits.flush();
        self.bits = bits;
    }

    #[inline(always)]
    fn write_copy(&self, sequence: &Sequence, words: &Words, bits: &mut BitWriter) {
        let symbol = usize::from(self.length_symbols[usize::from(sequence.length)]);
        let (base, extra) = LENGTHS[symbol];
        words.symbols[FIRST_LENGTH + symbol].add_to(bits);
        bits.add(u64::from(sequence.length - base), extra.into());
        let symbol = distance_symbol(sequence.distance);
        let (base, extra) = distance(symbol);
        words.distances[symbol].add_to(bits);
        bits.add(u64::from(sequence.distance - base), extra.into());
        bits.flush();
    }

    fn stored(&mut self, bytes: &[u8], is_last: bool) {
        let last = stored_blocks(bytes) - 1;
        let mut pieces = bytes.chunks(LONGEST_STORED);
        for index in 0..=last {
            let piece = pieces.next().unwrap_or_default();
            self.bits.reserve(64);
            self.bits.add((is_last && index == last).into(), 3);
            self.bits.align();
            let length = piece.len() as u16;
            self.bits.bytes(&length.to_le_bytes());
            self.bits.bytes(&(!length).to_le_bytes());
            self.bits.bytes(piece);
        }
    }
}

fn stored_blocks(bytes: &[u8]) -> usize {
    bytes.len().div_ceil(LONGEST_STORED).max(1)
}

#[inline(always)]
fn distance_symbol(distance: u16) -> usize {
    let before = u32::from(distance) - 1;
    if before < 4 {
        return before as usize;
    }
    let extra = before.ilog2() - 1;
    (2 * extra + (before >> extra)) as usize
}

/// The codes of one block.
struct Code {
    symbols: [u8; SYMBOLS],
    distances: [u8; 30],
    /// How the lengths are written; none for the fixed codes.
    head: Option<Head>,
}

impl Code {
    fn fixed() -> Self {
        Self { symbols: fixed_lengths(), distances: [5; 30], head: None }
    }

    fn dynamic(symbol_counts: &[u32; SYMBOLS], distance_counts: &[u32; 30]) -> Self {
        let (mut symbols, mut distances) = ([0; SYMBOLS], [0; 30]);
        shortest(symbol_counts, LONGEST_WORD, &mut symbols);
        shortest(distance_counts, LONGEST_WORD, &mut distances);
        let head = Some(Head::of(&symbols, &distances));
        Self { symbols, distances, head }
    }

    /// Bits of a whole block.
    fn bits(&self, symbol_counts: &[u32; SYMBOLS], distance_counts: &[u32; 30]) -> u64 {
        let symbol_bits = |(symbol, (&count, &word)): (usize, (&u32, &u8))| {
            let length = symbol.checked_sub(FIRST_LENGTH).and_then(|length| LENGTHS.get(length));
            let extra = length.map_or(0, |&(_, extra)| extra);
            u64::from(count) * u64::from(word + extra)
        };
        let distance_bits = |(symbol, (&count, &word)): (usize, (&u32, &u8))| {
            u64::from(count) * u64::from(word + distance(symbol).1)
        };
        let symbols = symbol_counts.iter().zip(&self.symbols).enumerate();
        let distances = distance_counts.iter().zip(&self.distances).enumerate();
        3 + self.head.as_ref().map_or(0, Head::bits)
            + symbols.map(symbol_bits).sum::<u64>()
            + distances.map(distance_bits).sum::<u64>()
    }

    fn write_head(&self, bits: &mut BitWriter) {
        match &self.head {
            None => bits.add(1, 2),
            Some(head) => head.write(bits),
        }
        bits.flush();
    }
}

/// The lengths of the codes of a block, as they are written before it.
struct Head {
    symbols: usize,
    distances: usize,
    code: [u8; 19],
    listed: usize,
    /// A symbol of the code for lengths, with its extra bits and how many they are.
    items: Vec<(u8, u8, u8)>,
}

impl Head {
    fn of(symbols: &[u8; SYMBOLS], distances: &[u8; 30]) -> Self {
        let used = |lengths: &[u8], least: usize| {
            lengths.iter().rposition(|&length| length > 0).map_or(0, |last| last + 1).max(least)
        };
        let (symbol_count, distance_count) = (used(symbols, 257), used(distances, 1));
        let lengths = [&symbols[..symbol_count], &distances[..distance_count]].concat();
        let items = in_runs(&lengths);
        let mut counts = [0; 19];
        items.iter().for_each(|&(symbol, _, _)| counts[usize::from(symbol)] += 1);
        let mut code = [0; 19];
        shortest(&counts, 7, &mut code);
        let last = LENGTH_ORDER.iter().rposition(|&place| code[place] > 0);
        let listed = last.map_or(4, |last| last + 1).max(4);
        Self { symbols: symbol_count, distances: distance_count, code, listed, items }
    }

    fn bits(&self) -> u64 {
        let item = |&(symbol, _, extra): &(u8, u8, u8)| {
            u64::from(self.code[usize::from(symbol)]) + u64::from(extra)
        };
        14 + 3 * self.listed as u64 + self.items.iter().map(item).sum::<u64>()
    }

    fn write(&self, bits: &mut BitWriter) {
        bits.add(2, 2);
        bits.add(self.symbols as u64 - 257, 5);
        bits.add(self.distances as u64 - 1, 5);
        bits.add(self.listed as u64 - 4, 4);
        bits.flush();
        for &place in LENGTH_ORDER.iter().take(self.listed) {
            bits.add(self.code[place].into(), 3);
            bits.flush();
        }
        let mut code_words = [0; 19];
        words(&self.code, &mut code_words);
        for &(symbol, extra, extra_bits) in &self.items {
            let symbol = usize::from(symbol);
            bits.add(code_words[symbol].into(), self.code[symbol].into());
            bits.add(extra.into(), extra_bits.into());
            bits.flush();
        }
    }
}

/// Lengths of words with repetitions said once.
fn in_runs(lengths: &[u8]) -> Vec<(u8, u8, u8)> {
    let mut items = Vec::with_capacity(lengths.len());
    for run in lengths.chunk_by(|a, b| a == b) {
        let (length, mut left) = (run[0], run.len());
        if length > 0 {
            items.push((length, 0, 0));
            left -= 1;
        }
        while left >= 3 {
            let (symbol, least, most, bits) = match (length, left) {
                (0, 11..) => (18, 11, 138, 7),
                (0, _) => (17, 3, 10, 3),
                _ => (16, 3, 6, 2),
            };
            let times = left.min(most);
            items.push((symbol, (times - least) as u8, bits));
            left -= times;
        }
        items.extend(std::iter::repeat_n((length, 0, 0), left));
    }
    items
}

#[derive(Debug, Clone, Copy, Default)]
struct Word {
    bits: u16,
    count: u16,
}

impl Word {
    #[inline(always)]
    fn add_to(self, bits: &mut BitWriter) {
        bits.add(self.bits.into(), self.count.into());
    }
}

/// The words of the codes of one block.
struct Words {
    symbols: [Word; SYMBOLS],
    distances: [Word; 30],
}

impl Words {
    fn of(code: &Code) -> Self {
        Self { symbols: with_lengths(&code.symbols), distances: with_lengths(&code.distances) }
    }
}

fn with_lengths<const N: usize>(lengths: &[u8; N]) -> [Word; N] {
    let mut bits = [0; N];
    words(lengths, &mut bits);
    std::array::from_fn(|symbol| Word { bits: bits[symbol], count: lengths[symbol].into() })
}

const _: () = assert!(SHORTEST < LONGEST);
