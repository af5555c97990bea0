//! Names of jobs and results: one rule for who makes them and who checks them.
//!
//! A name is 1 to 200 characters of `A-Z a-z 0-9 . _ -` that does not begin with a
//! dot. Such a name is a single path segment on every system, needs no escaping in
//! a URL, is never hidden, and leaves room for a suffix below the usual limit of 255.

/// The longest name, in bytes (which are characters here).
pub const MAX_NAME_BYTES: usize = 200;

/// The longest part of an output name that comes from the URL.
const MAX_STEM_BYTES: usize = 80;

/// Why a name is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// There is nothing.
    #[error("the name is empty")]
    Empty,
    /// Over [`MAX_NAME_BYTES`].
    #[error("the name is {0} bytes long, at most {MAX_NAME_BYTES} are allowed")]
    TooLong(usize),
    /// A name that begins with a dot is hidden or leads elsewhere.
    #[error("the name begins with a dot")]
    LeadingDot,
    /// Only letters, digits, dots, underscores and hyphens are allowed.
    #[error("the name holds {0:?}: only A-Z a-z 0-9 . _ - are allowed")]
    BadCharacter(char),
}

/// Passes only names that are safe as a file name and in a URL.
///
/// # Errors
///
/// Says which rule of this module `name` breaks.
pub fn check(name: &str) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if name.len() > MAX_NAME_BYTES {
        return Err(NameError::TooLong(name.len()));
    }
    if name.starts_with('.') {
        return Err(NameError::LeadingDot);
    }
    name.chars().find(|c| !is_allowed(*c)).map_or(Ok(()), |bad| Err(NameError::BadCharacter(bad)))
}

/// The name of an image's result, without extension: its number in the list, padded
/// to the width of `total`, then what is usable of `source`, the last segment of its URL.
///
/// The number makes it unique in its job, whatever the URLs are.
///
/// ```
/// use protocol::names::output_stem;
/// assert_eq!(output_stem(7, 120, "my photo (1).jpg"), "007-my-photo-1");
/// assert_eq!(output_stem(7, 120, "..%2f"), "007-2f");
/// assert_eq!(output_stem(7, 9, ""), "7-image");
/// ```
#[must_use]
pub fn output_stem(index: u64, total: u64, source: &str) -> String {
    let width = total.max(1).to_string().len();
    let stem = source.rsplit_once('.').map_or(source, |(stem, _)| stem);
    let stem = if stem.chars().any(|c| c.is_ascii_alphanumeric()) { stem } else { source };
    let usable = slug(stem, MAX_STEM_BYTES);
    let usable = if usable.is_empty() { "image".to_owned() } else { usable };
    format!("{index:0width$}-{usable}")
}

/// `text` with every run of unusable characters as one hyphen, at most `max_bytes` long.
///
/// The result is a valid name or empty.
///
/// ```
/// assert_eq!(protocol::names::slug("Été à la mer", 40), "t-la-mer");
/// ```
#[must_use]
pub fn slug(text: &str, max_bytes: usize) -> String {
    let mut slug = String::with_capacity(max_bytes.min(text.len()));
    for c in text.chars() {
        if slug.len() >= max_bytes {
            break;
        }
        if c.is_ascii_alphanumeric() || c == '_' {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for bad in
            ["", ".", "..", "../../x", "/etc/x", "a/b", "a\\b", "a\0b", "..%2fx", ".hidden", "é"]
        {
            assert!(check(bad).is_err(), "{bad:?}");
        }
        assert_eq!(check(&"x".repeat(300)), Err(NameError::TooLong(300)));
        assert_eq!(check("001-a_b.JPG"), Ok(()));
    }

    proptest! {
        #[test]
        fn output_names_are_valid_and_unique(a in 1_u64..10_000, b in 1_u64..10_000, x in ".{0,300}", y in ".{0,300}") {
            let (x, y) = (output_stem(a, 9_999, &x), output_stem(b, 9_999, &y));
            prop_assert_eq!(check(&x), Ok(()));
            prop_assert!(check(&(x.clone() + ".jpg")).is_ok());
            prop_assert_eq!(x == y && a != b, false);
        }
    }
}
