//! Whether a quoted value that goes over lines is one, or a stray mark that swallows rows.
//!
//! A mark that stands for inches, or whose partner was forgotten, opens a value that only ends at
//! the next mark, however many rows further down. Where that leaves a trace, the mark is taken for a
//! mistake in its own row.

/// Where a reader of a row is.
#[derive(Debug, Clone, Copy)]
enum At {
    Start,
    Plain,
    /// Within marks, with line ends so far or without.
    Quoted {
        has_lines: bool,
    },
    /// Behind a mark that may have been the last of its value.
    Closed {
        has_lines: bool,
    },
}

/// Whether a value of several lines has text behind its closing mark: that mark was to open another
/// value.
pub(super) fn close_amid_text(row: &[u8], delimiter: u8) -> bool {
    let mut at = At::Start;
    for &byte in row {
        let is_end = byte == delimiter || matches!(byte, b'\r' | b'\n');
        at = match at {
            At::Start if byte == b'"' => At::Quoted { has_lines: false },
            At::Closed { has_lines } if byte == b'"' => At::Quoted { has_lines },
            At::Quoted { has_lines } if byte == b'"' => At::Closed { has_lines },
            At::Quoted { has_lines } => At::Quoted { has_lines: has_lines || byte == b'\n' },
            At::Start | At::Plain | At::Closed { .. } if is_end => At::Start,
            At::Closed { has_lines: true } => return true,
            At::Start | At::Plain | At::Closed { has_lines: false } => At::Plain,
        };
    }
    false
}

/// What rows of a table have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// Where the URL is.
    pub(super) column: usize,
    /// How many columns there are.
    pub(super) columns: usize,
}

/// Whether a line that a quoted value goes on in is a row of its own by the look of it: as wide as
/// the others, and with a URL in its column. So is the last line of a value that is the first of its
/// `row`, which ends there.
pub(super) fn is_swallowed(line: &[Vec<u8>], shape: Shape, row: Option<&[Vec<u8>]>) -> bool {
    let begins_row = row.and_then(<[_]>::first).is_some_and(|first| first.contains(&b'\n'));
    let value = line.get(shape.column).map(|value| value.trim_ascii_start()).unwrap_or_default();
    let is_url = ["http://", "https://"].iter().any(|scheme| {
        let start = value.get(..scheme.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes()))
    });
    line.len() == shape.columns && is_url && !begins_row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_several_lines_close_before_a_delimiter_or_the_end() {
        let proper = ["1,\"a\nb\",c\n", "\"a\n\"\"b\"\"\"\r\n", "1,\"a\nb\"", "1,\"\",\"a\n\",2\n"];
        for row in proper {
            assert!(!close_amid_text(row.as_bytes(), b','), "{row:?}");
        }
        let strays = ["1,\"a\n2,\"b\",c\n", "1,\"a\n2,5\" wide,c\n", "1,\"a\n2,\"\"\"b\"\n"];
        for row in strays {
            assert!(close_amid_text(row.as_bytes(), b','), "{row:?}");
        }
        assert!(!close_amid_text(b"1,\"a\" b,\"c\"\n", b','), "within a line it costs no row");
        assert!(!close_amid_text(b"1;\"a\n\";2\n", b';'));
    }

    #[test]
    fn lines_with_a_url_in_its_column_are_rows() {
        let values =
            |line: &str| line.split(',').map(|it| it.as_bytes().to_vec()).collect::<Vec<_>>();
        let line = values("6, HTTP://h/6,n");
        let of = |column, columns| Shape { column, columns };
        assert!(is_swallowed(&line, of(1, 3), None));
        assert!(!is_swallowed(&line, of(2, 3), None), "in another column");
        assert!(!is_swallowed(&line, of(1, 2), None), "of other tables");
        assert!(is_swallowed(&line, of(1, 3), Some(&values("5,http://h/5,x"))));
        assert!(!is_swallowed(&line, of(1, 3), Some(&values("a\nb,http://h/6,n"))), "the first");
        assert!(!is_swallowed(&values("see http://h"), of(0, 2), None), "a text with a link");
    }
}
