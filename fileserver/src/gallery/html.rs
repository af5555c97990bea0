//! Text that is safe in a page.

use std::fmt::{self, Display, Write};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stays as it is in a path segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'_').remove(b'-').remove(b'~');

/// Any text, as text or in a quoted attribute.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// A name as one segment of a path.
pub(super) fn segment(name: &str) -> impl Display + '_ {
    utf8_percent_encode(name, SEGMENT)
}

/// A size for people.
pub(super) fn size(bytes: u64) -> String {
    bytesize::ByteSize(bytes).display().iec().to_string()
}

/// A number with its thousands apart.
pub(super) fn number(value: usize) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_out_of_text_attribute_or_path() {
        assert_eq!(Escaped("<a href=\"'&\">").to_string(), "&lt;a href=&quot;&#39;&amp;&quot;&gt;");
        assert_eq!(segment("a b/<\"'%é.png").to_string(), "a%20b%2F%3C%22%27%25%C3%A9.png");
    }

    #[test]
    fn numbers_are_readable() {
        assert_eq!(number(7), "7");
        assert_eq!(number(100_000), "100\u{202f}000");
        assert_eq!(number(1_234_567), "1\u{202f}234\u{202f}567");
    }
}
