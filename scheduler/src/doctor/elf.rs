//! Whether a program runs without the C library of its machine.

/// What a file is, as far as it matters to a machine that is to run it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A program that needs nothing but Linux.
    Static,
    /// A program that needs a loader, and the libraries it was linked with.
    Dynamic,
    /// No program of 64 bits in the format of Linux.
    Other,
}

/// The entry that names a loader.
const INTERPRETER: u32 = 3;

/// Reads the head of a file in the Executable and Linkable Format (`elf(5)`), little endian.
pub(super) fn kind(head: &[u8]) -> Kind {
    if !head.starts_with(b"\x7fELF\x02\x01") {
        return Kind::Other;
    }
    let Some((table, size, count)) = program_headers(head) else { return Kind::Other };
    for number in 0..count {
        let Some(entry) = table.checked_add(usize::from(number) * usize::from(size)) else {
            return Kind::Other;
        };
        match word(head, entry) {
            None => return Kind::Other,
            Some(INTERPRETER) => return Kind::Dynamic,
            Some(_) => {}
        }
    }
    Kind::Static
}

/// Where the table of segments begins, and size and number of its entries.
fn program_headers(head: &[u8]) -> Option<(usize, u16, u16)> {
    let begin = head.get(32..40)?.try_into().ok().map(u64::from_le_bytes)?;
    let half = |at: usize| head.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes);
    Some((usize::try_from(begin).ok()?, half(54)?, half(56)?))
}

fn word(head: &[u8], at: usize) -> Option<u32> {
    head.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(segments: &[u32]) -> Vec<u8> {
        let mut head = b"\x7fELF\x02\x01".to_vec();
        head.resize(64, 0);
        head[32] = 64;
        head[54] = 56;
        head[56] = u8::try_from(segments.len()).unwrap();
        for segment in segments {
            head.extend(segment.to_le_bytes());
            head.resize(head.len() + 52, 0);
        }
        head
    }

    #[test]
    fn programs_with_a_loader_are_told_from_those_without() {
        assert_eq!(kind(&program(&[6, 1, 2])), Kind::Static);
        assert_eq!(kind(&program(&[6, 3, 1])), Kind::Dynamic);
        assert_eq!(kind(b"#!/bin/sh\n"), Kind::Other);
        let whole = program(&[1, 1]);
        for length in 0..whole.len() - 56 {
            assert_eq!(kind(&whole[..length]), Kind::Other, "{length}");
        }
        // The tests themselves are linked in the usual way.
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(kind(&own), Kind::Dynamic);
    }
}
