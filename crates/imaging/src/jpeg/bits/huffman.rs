//! One Huffman table: from codes to symbols and back.

use crate::jpeg::segments::DHT;

/// Codes up to this many bits are found by one look.
pub(super) const SHORT_BITS: u32 = 11;

/// As many symbols as [`Code::shortest`] takes: with these no code gets longer than 15 bits.
pub(super) const MOST_SYMBOLS: usize = 15;

/// A code's length in bits and its symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Symbol {
    pub(super) length: u32,
    pub(super) value: u8,
}

/// A code of at most [`SHORT_BITS`], from the top of the word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ShortCode {
    pub(super) bits: u16,
    pub(super) length: u32,
    pub(super) value: u8,
}

/// A Huffman table of a JPEG.
#[derive(Debug, Clone)]
pub(super) struct Code {
    /// By the next bits: length in the upper byte, symbol in the lower; 0 where the code is longer.
    short: Box<[u16; 1 << SHORT_BITS]>,
    /// For each length, one more than its last code, filled up to 16 bits; and where its symbols
    /// begin.
    ends: [(u32, usize); 17],
    counts: [u8; 16],
    symbols: Vec<u8>,
    /// By symbol: its code from the top of the word, and its length; 0 if it has none.
    codes: Box<[(u16, u8); 256]>,
}

impl Code {
    /// Reads a table from the counts of codes by length and from the symbols in order of length.
    /// `None` if there are more codes than bits allow.
    pub(super) fn new(counts: &[u8; 16], symbols: &[u8]) -> Option<Self> {
        let mut code = Self {
            short: Box::new([0; 1 << SHORT_BITS]),
            ends: [(0, 0); 17],
            counts: *counts,
            symbols: symbols.to_vec(),
            codes: Box::new([(0, 0); 256]),
        };
        let (mut next, mut taken) = (0u32, 0);
        for (length, &count) in (1u32..).zip(counts) {
            let step = 1 << (16 - length);
            for &symbol in symbols.get(taken..taken + usize::from(count))? {
                if next + step > 1 << 16 {
                    return None;
                }
                code.enter(next as u16, length, symbol);
                next += step;
            }
            taken += usize::from(count);
            *code.ends.get_mut(length as usize)? = (next, taken);
        }
        Some(code)
    }

    /// The shortest table for symbols that occur so often, with a code for each that occurs.
    pub(super) fn shortest(frequencies: &[u32; MOST_SYMBOLS]) -> Option<Self> {
        // The code of all ones is not allowed; a symbol that never occurs takes it.
        let mut trees = vec![(0u64, vec![(None, 0u8)])];
        for (symbol, &frequency) in (0u8..).zip(frequencies).filter(|&(_, &count)| count > 0) {
            trees.push((frequency.into(), vec![(Some(symbol), 0)]));
        }
        while trees.len() > 1 {
            trees.sort_by_key(|(frequency, _)| std::cmp::Reverse(*frequency));
            let ((first, mut leaves), (second, more)) = (trees.pop()?, trees.pop()?);
            leaves.extend(more);
            leaves.iter_mut().for_each(|(_, length)| *length += 1);
            trees.push((first + second, leaves));
        }
        let (_, mut leaves) = trees.pop()?;
        // Of the longest codes the last is the one of all ones.
        leaves.sort_by_key(|&(symbol, length)| (length, symbol.is_none(), symbol));
        let (mut counts, mut symbols) = ([0; 16], Vec::new());
        for (symbol, length) in leaves {
            let Some(symbol) = symbol else { continue };
            *counts.get_mut(usize::from(length).checked_sub(1)?)? += 1;
            symbols.push(symbol);
        }
        Self::new(&counts, &symbols)
    }

    /// The DHT segment that defines it as the table for DC differences of this number, which has
    /// few symbols.
    pub(super) fn dc_segment(&self, number: u8) -> Vec<u8> {
        let length = 2 + 1 + self.counts.len() + self.symbols.len();
        let head = [0xff, DHT, 0, length as u8, number];
        [&head[..], &self.counts, &self.symbols].concat()
    }

    /// Whether it has as many codes of each length, for these symbols in turn.
    pub(super) fn is_of(&self, counts: &[u8; 16], symbols: &[u8]) -> bool {
        self.counts == *counts && self.symbols == symbols
    }

    fn enter(&mut self, bits: u16, length: u32, symbol: u8) {
        // Of two codes for one symbol, which no encoder writes, the shorter is used.
        if let Some(entry) = self.codes.get_mut(usize::from(symbol)).filter(|entry| entry.1 == 0) {
            *entry = (bits, length as u8);
        }
        if length <= SHORT_BITS {
            let first = usize::from(bits >> (16 - SHORT_BITS));
            let entries = self.short.iter_mut().skip(first).take(1 << (SHORT_BITS - length));
            entries.for_each(|entry| *entry = (length as u16) << 8 | u16::from(symbol));
        }
    }

    /// The symbol of a code of at most [`SHORT_BITS`] at the top of `bits`.
    #[inline]
    pub(super) fn short(&self, bits: u64) -> Option<Symbol> {
        let entry = self.short.get((bits >> (64 - SHORT_BITS)) as usize).copied().unwrap_or(0);
        (entry != 0).then_some(Symbol { length: u32::from(entry >> 8), value: entry as u8 })
    }

    /// The codes of at most [`SHORT_BITS`], shortest first.
    pub(super) fn short_codes(&self) -> Vec<ShortCode> {
        let mut next = 0;
        let mut first = 0;
        let mut codes = Vec::new();
        for (length, &(end, symbols)) in (1u32..=SHORT_BITS).zip(self.ends.iter().skip(1)) {
            for &value in self.symbols.get(first..symbols).unwrap_or_default() {
                codes.push(ShortCode { bits: next as u16, length, value });
                next += 1 << (16 - length);
            }
            (next, first) = (end, symbols);
        }
        codes
    }

    /// The symbol whose code is at the top of `bits`; `None` if there is no such code.
    #[inline]
    pub(super) fn symbol(&self, bits: u64) -> Option<Symbol> {
        self.short(bits).or_else(|| self.long(bits))
    }

    fn long(&self, bits: u64) -> Option<Symbol> {
        let bits = (bits >> 48) as u32;
        let (length, &(end, symbols)) =
            (1u32..).zip(self.ends.iter().skip(1)).find(|&(_, &(end, _))| bits < end)?;
        // Counted back from the last code of this length.
        let back = ((end - 1 - bits) >> (16 - length)) as usize;
        let value = *self.symbols.get(symbols.checked_sub(1 + back)?)?;
        Some(Symbol { length, value })
    }

    /// The code of a symbol from the top of the word, and its length; `None` if it has none.
    pub(super) fn code(&self, symbol: u8) -> Option<(u64, u32)> {
        let &(bits, length) = self.codes.get(usize::from(symbol))?;
        (length > 0).then_some((u64::from(bits) << 48, length.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::standard::LUMA_DC_COUNTS, *};

    fn standard_dc() -> Code {
        Code::new(LUMA_DC_COUNTS, &Vec::from_iter(0..12)).unwrap()
    }

    #[test]
    fn every_code_is_read_as_it_is_written() {
        // One code of each length up to 16, the last with a sister.
        let symbols: Vec<u8> = (100..117).collect();
        let mut counts = [1; 16];
        counts[15] = 2;
        for code in [standard_dc(), Code::new(&counts, &symbols).unwrap()] {
            for symbol in 0..=255 {
                let Some((bits, length)) = code.code(symbol) else { continue };
                for rest in [0, u64::MAX >> length] {
                    assert_eq!(code.symbol(bits | rest), Some(Symbol { length, value: symbol }));
                }
            }
        }
    }

    #[test]
    fn lengths_are_those_of_the_standard() {
        let lengths = (0..12).map(|size| standard_dc().code(size).unwrap().1);
        assert_eq!(Vec::from_iter(lengths), [2, 3, 3, 3, 3, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(standard_dc().code(12), None);
    }

    #[test]
    fn bits_that_are_no_code_have_no_symbol() {
        assert_eq!(standard_dc().symbol(u64::MAX), None);
        assert_eq!(Code::new(&[0; 16], &[]).unwrap().symbol(0), None);
    }

    #[test]
    fn more_codes_than_fit_are_refused() {
        let mut counts = [0; 16];
        counts[0] = 3;
        assert!(Code::new(&counts, &[1, 2, 3]).is_none());
        counts[0] = 2;
        assert!(Code::new(&counts, &[1]).is_none(), "a symbol is missing");
        assert!(Code::new(&counts, &[1, 2]).is_some());
    }

    #[test]
    fn the_shortest_table_has_a_code_for_what_occurs_and_none_of_all_ones() {
        let doubling = std::array::from_fn(|bit| 1 << bit);
        let single = std::array::from_fn(|symbol| if symbol == 3 { 9 } else { 0 });
        for frequencies in [doubling, [1; MOST_SYMBOLS], single] {
            let code = Code::shortest(&frequencies).unwrap();
            for (symbol, &count) in (0u8..).zip(&frequencies) {
                let found = code.code(symbol);
                assert_eq!(found.is_some(), count > 0);
                assert!(found.is_none_or(|(bits, length)| bits != !(u64::MAX >> length)));
            }
        }
        let code = Code::shortest(&doubling).unwrap();
        assert_eq!((code.code(14).unwrap().1, code.code(0).unwrap().1), (1, 15));
    }

    #[test]
    fn a_table_reads_back_from_its_segment() {
        let frequencies = [5, 1, 0, 2, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        let code = Code::shortest(&frequencies).unwrap();
        let segment = code.dc_segment(1);
        assert_eq!(segment[..5], [0xff, 0xc4, 0, 2 + 17 + 5, 1]);
        let again = Code::new(segment[5..21].try_into().unwrap(), &segment[21..]).unwrap();
        assert!((0..=255).all(|symbol| code.code(symbol) == again.code(symbol)));
    }
}
