//! Huffman codes: tables to read them, and the shortest ones for given counts.

/// The longest code word of DEFLATE, in bits.
const LONGEST_WORD: usize = 15;

/// What a code word, or a pair of words for literals, stands for; packed for the reading loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry(u32);

impl Entry {
    /// No word of the table's width.
    const NONE: Self = Self(0);

    pub(super) fn new(value: u16, extra_bits: u8, kind: Kind) -> Self {
        Self(u32::from(value) << 16 | (kind as u32) << 12 | u32::from(extra_bits) << 8)
    }

    fn with_word_bits(self, bits: u8) -> Self {
        Self(self.0 | u32::from(bits))
    }

    /// Both of two literals, of which this is the first.
    fn with(self, second: Self) -> Self {
        let value = (self.value() | second.value() << 8) as u16;
        let bits = (self.word_bits() + second.word_bits()) as u8;
        Self::new(value, 2, Kind::Literal).with_word_bits(bits)
    }

    /// Bits of the word, or of both.
    #[inline(always)]
    pub(super) fn word_bits(self) -> u32 {
        self.0 & 0xff
    }

    /// Bits that follow and belong to it; for literals, how many these are.
    #[inline(always)]
    pub(super) fn extra_bits(self) -> u32 {
        self.0 >> 8 & 0xf
    }

    #[inline(always)]
    pub(super) fn is_literal(self) -> bool {
        self.0 & 0xf000 == 0
    }

    fn is_single_literal(self) -> bool {
        self != Self::NONE && self.is_literal() && self.extra_bits() == 1
    }

    #[inline(always)]
    pub(super) fn is_end(self) -> bool {
        self.0 & 0xf000 == (Kind::End as u32) << 12
    }

    #[inline(always)]
    pub(super) fn value(self) -> u32 {
        self.0 >> 16
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Literal = 0,
    Copy = 1,
    End = 2,
}

/// Reads the words of one code: short ones by a table of `1 << BITS`, long ones bit by bit.
#[derive(Debug)]
pub(super) struct Decoder<const BITS: usize> {
    table: Vec<Entry>,
    /// How many words there are of each length.
    counts: [u16; LONGEST_WORD + 1],
    /// The entries in the order of their words.
    ordered: Vec<Entry>,
}

impl<const BITS: usize> Decoder<BITS> {
    pub(super) fn new() -> Self {
        Self { table: vec![Entry::NONE; 1 << BITS], counts: [0; 16], ordered: Vec::new() }
    }

    /// Sets the code whose word for each symbol has the length in `lengths`; `None` when there
    /// is no such code, or one with unused words.
    pub(super) fn set(&mut self, lengths: &[u8], entry: impl Fn(usize) -> Entry) -> Option<()> {
        let starts = self.count(lengths)?;
        self.order(lengths, starts, entry);
        self.table.fill(Entry::NONE);
        let (mut word, mut symbol) = (0u32, 0);
        for (bits, &count) in self.counts.iter().enumerate().take(BITS + 1).skip(1) {
            for _ in 0..count {
                let entry = *self.ordered.get(symbol)?;
                let first = (word << (32 - bits)).reverse_bits() as usize;
                let places = self.table.iter_mut().skip(first).step_by(1 << bits);
                places.for_each(|place| *place = entry);
                (word, symbol) = (word + 1, symbol + 1);
            }
            word <<= 1;
        }
        Some(())
    }

    /// Lets short words for literals be read two at a time.
    pub(super) fn pair_literals(&mut self) {
        for index in (0..self.table.len()).rev() {
            let first = self.table[index];
            let bits = first.word_bits() as usize;
            // What is left of the index is lower, so it was not paired yet.
            let second = self.table[index >> bits];
            let fits = bits + second.word_bits() as usize <= BITS;
            if fits && first.is_single_literal() && second.is_single_literal() {
                self.table[index] = first.with(second);
            }
        }
    }

    /// Counts the words of each length and gives where those of each begin in the order.
    fn count(&mut self, lengths: &[u8]) -> Option<[u16; LONGEST_WORD + 2]> {
        self.counts = [0; 16];
        for &length in lengths {
            *self.counts.get_mut(usize::from(length))? += 1;
        }
        self.counts[0] = 0;
        let mut starts = [0; LONGEST_WORD + 2];
        let mut free = 1i32;
        let mut start = 0;
        for (length, &count) in self.counts.iter().enumerate().skip(1) {
            free = 2 * free - i32::from(count);
            if free < 0 {
                return None;
            }
            *starts.get_mut(length)? = start;
            start += count;
        }
        // One word of one bit may stand alone, and so may none at all.
        let is_allowed = free == 0 || start == 0 || (start == 1 && self.counts[1] == 1);
        is_allowed.then_some(starts)
    }

    fn order(
        &mut self,
        lengths: &[u8],
        mut starts: [u16; LONGEST_WORD + 2],
        entry: impl Fn(usize) -> Entry,
    ) {
        self.ordered.clear();
        self.ordered.resize(lengths.len(), Entry::NONE);
        let used = lengths.iter().enumerate().filter(|&(_, &length)| length > 0);
        for (symbol, &length) in used {
            let Some(start) = starts.get_mut(usize::from(length)) else { continue };
            if let Some(place) = self.ordered.get_mut(usize::from(*start)) {
                *place = entry(symbol).with_word_bits(length);
            }
            *start += 1;
        }
    }

    /// The entry for the word that `bits` begin with; `None` when there is none.
    #[inline(always)]
    pub(super) fn find(&self, bits: u64) -> Option<Entry> {
        let index = bits as usize & ((1 << BITS) - 1);
        match self.table.get(index) {
            Some(&entry) if entry != Entry::NONE => Some(entry),
            _ => self.find_long(bits),
        }
    }

    #[cold]
    fn find_long(&self, mut bits: u64) -> Option<Entry> {
        let (mut word, mut first, mut index) = (0u32, 0u32, 0u32);
        for &count in self.counts.iter().skip(1) {
            word |= (bits & 1) as u32;
            bits >>= 1;
            let count = u32::from(count);
            if word < first + count {
                return self.ordered.get((index + word - first) as usize).copied();
            }
            index += count;
            first = (first + count) << 1;
            word <<= 1;
        }
        None
    }
}

/// Sets the lengths of the shortest code for `counts`, none longer than `longest`.
pub(super) fn shortest(counts: &[u32], longest: usize, lengths: &mut [u8]) {
    lengths.fill(0);
    let used = counts.iter().enumerate().filter(|&(_, &count)| count > 0);
    let mut used: Vec<(u32, u16)> = used.map(|(symbol, &count)| (count, symbol as u16)).collect();
    used.sort_unstable();
    let per_length = match used.len() {
        0 => return,
        1 => Lengths::of_one(),
        _ => Lengths::of(&used).limited(longest),
    };
    let mut symbols = used.iter();
    for (length, &count) in per_length.0.iter().enumerate().rev() {
        for &(_, symbol) in symbols.by_ref().take(count as usize) {
            if let Some(place) = lengths.get_mut(usize::from(symbol)) {
                *place = length as u8;
            }
        }
    }
}

/// How many words there are of each length.
#[derive(Debug)]
struct Lengths([u32; 64]);

impl Lengths {
    fn of_one() -> Self {
        let mut lengths = Self([0; 64]);
        lengths.0[1] = 1;
        lengths
    }

    /// Of Huffman's code for counts that grow.
    fn of(used: &[(u32, u16)]) -> Self {
        // Inner nodes come into being in the order of their weights, so two rows are enough.
        let mut leaves = used.iter().map(|&(count, _)| u64::from(count)).enumerate().peekable();
        let mut weights: Vec<u64> = Vec::with_capacity(used.len());
        let mut parents = vec![0usize; 2 * used.len()];
        let mut next_inner = 0;
        for inner in 0..used.len() - 1 {
            let mut weight = 0;
            for _ in 0..2 {
                let lightest = weights.get(next_inner).copied().unwrap_or(u64::MAX);
                let node = match leaves.next_if(|&(_, leaf)| leaf <= lightest) {
                    Some((leaf, count)) => {
                        weight += count;
                        leaf
                    }
                    None => {
                        weight += lightest;
                        next_inner += 1;
                        used.len() + next_inner - 1
                    }
                };
                if let Some(parent) = parents.get_mut(node) {
                    *parent = used.len() + inner;
                }
            }
            weights.push(weight);
        }
        Self::of_tree(used.len(), &parents)
    }

    fn of_tree(leaves: usize, parents: &[usize]) -> Self {
        let root = 2 * leaves - 2;
        let mut depths = vec![0u8; 2 * leaves];
        let mut lengths = Self([0; 64]);
        for node in (0..root).rev() {
            let parent = parents.get(node).copied().unwrap_or(root);
            let depth = depths.get(parent).copied().unwrap_or(0) + 1;
            if let Some(place) = depths.get_mut(node) {
                *place = depth;
            }
            if let Some(count) = lengths.0.get_mut(usize::from(depth)).filter(|_| node < leaves) {
                *count += 1;
            }
        }
        lengths
    }

    /// Shortens words that are too long, and lengthens others to make room for them.
    fn limited(mut self, longest: usize) -> Self {
        let (kept, cut) = self.0.split_at_mut(longest + 1);
        let too_long: u32 = cut.iter().sum();
        cut.fill(0);
        let Some(last) = kept.last_mut() else { return self };
        *last += too_long;
        let mut used: u64 = 0;
        for (length, &count) in kept.iter().enumerate().skip(1) {
            used += u64::from(count) << (longest - length);
        }
        while used > 1 << longest {
            // A word of the greatest length goes beside one that becomes a bit longer.
            let Some(length) = (1..longest).rev().find(|&length| kept[length] > 0) else { break };
            kept[length] -= 1;
            kept[length + 1] += 2;
            kept[longest] -= 1;
            used -= 1;
        }
        self
    }
}

/// The words of the code with these lengths, to be written lowest bit first.
pub(super) fn words(lengths: &[u8], words: &mut [u16]) {
    let mut counts = [0u16; LONGEST_WORD + 1];
    for &length in lengths {
        counts[usize::from(length)] += 1;
    }
    counts[0] = 0;
    let mut next = [0u16; LONGEST_WORD + 2];
    for length in 1..=LONGEST_WORD {
        next[length + 1] = (next[length] + counts[length]) << 1;
    }
    for (word, &length) in words.iter_mut().zip(lengths).filter(|(_, length)| **length > 0) {
        let next = &mut next[usize::from(length)];
        *word = next.reverse_bits() >> (16 - length);
        *next = next.wrapping_add(1);
    }
}
