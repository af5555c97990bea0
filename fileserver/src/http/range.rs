//! Which part of a file a `Range` header asks for.

/// The part to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Selection {
    /// Everything: nothing was asked for, or in words that may be ignored.
    Whole,
    /// From `start`, `bytes` long, at least one.
    Part { start: u64, bytes: u64 },
    /// Nothing of what was asked for exists.
    Unsatisfiable,
}

/// The part of a file of `size_bytes` that `range` asks for. Several ranges at once
/// are not worth an answer of their own and give everything, which is allowed.
pub(super) fn select(range: Option<&str>, size_bytes: u64) -> Selection {
    range.and_then(|range| parse(range, size_bytes)).unwrap_or(Selection::Whole)
}

fn parse(range: &str, size_bytes: u64) -> Option<Selection> {
    let (first, last) = range.strip_prefix("bytes=")?.trim().split_once('-')?;
    let (start, end) = if first.is_empty() {
        (size_bytes.saturating_sub(number(last)?), size_bytes)
    } else if last.is_empty() {
        (number(first)?, size_bytes)
    } else {
        let (first, last) = (number(first)?, number(last)?);
        (first <= last).then_some(())?;
        (first, last.saturating_add(1).min(size_bytes))
    };
    let exists = start < end;
    Some(if exists {
        Selection::Part { start, bytes: end - start }
    } else {
        Selection::Unsatisfiable
    })
}

/// A number as RFC 9110 writes it: digits alone, without a sign.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then_some(())?;
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_a_part_of_the_file() {
        let part = |start, bytes| Selection::Part { start, bytes };
        for (range, expected) in [
            ("bytes=0-0", part(0, 1)),
            ("bytes=2-5", part(2, 4)),
            ("bytes=8-", part(8, 2)),
            ("bytes=8-99", part(8, 2)),
            ("bytes=-3", part(7, 3)),
            ("bytes=-99", part(0, 10)),
            ("bytes=0-18446744073709551615", part(0, 10)),
            ("bytes=10-", Selection::Unsatisfiable),
            ("bytes=-0", Selection::Unsatisfiable),
        ] {
            assert_eq!(select(Some(range), 10), expected, "{range}");
        }
        assert_eq!(select(Some("bytes=0-"), 0), Selection::Unsatisfiable);
    }

    #[test]
    fn what_is_no_single_range_gives_everything() {
        for range in [
            "",
            "bytes",
            "bytes=",
            "bytes=a-b",
            "bytes=5-2",
            "bytes=0-1,3-4",
            "lines=1-2",
            "bytes=+1-2",
        ] {
            assert_eq!(select(Some(range), 10), Selection::Whole, "{range:?}");
        }
        assert_eq!(select(None, 10), Selection::Whole);
    }
}
