//! What every format of list comes down to: the images it names, one after the other.

use std::io;

/// How much of something that is no URL is kept, in characters.
const SHOWN_CHARACTERS: usize = 200;

/// One image that a list names, or a place where one should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    /// The line it begins on, from 1; in formats without lines its number.
    pub(crate) line: u64,
    /// The URL or path; if something is wrong, what stands there, possibly cut.
    pub(crate) text: Vec<u8>,
    /// A sentence, if it is already clear that there is no URL.
    pub(crate) wrong: Option<String>,
}

impl Item {
    /// A text that may be a URL.
    pub(crate) fn of(line: u64, text: &[u8]) -> Self {
        Self { line, text: text.trim_ascii().to_vec(), wrong: None }
    }

    /// A place without a URL.
    pub(crate) fn wrong(line: u64, text: &[u8], why: impl Into<String>) -> Self {
        Self { wrong: Some(why.into()), ..Self::of(line, text) }
    }

    /// What of it people see.
    pub(crate) fn shown(&self) -> String {
        String::from_utf8_lossy(&self.text).chars().take(SHOWN_CHARACTERS).collect()
    }
}

/// Lines that name no image and are not meant to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Skipped {
    /// Lines without anything.
    pub blank: u64,
    /// Lines that begin with `#`, in text.
    pub comments: u64,
}

/// A list in any format, read as a stream.
pub(crate) trait Items {
    /// The next image; `None` at the end.
    ///
    /// # Errors
    ///
    /// When the list cannot be read, or is not in its format at all.
    fn next_item(&mut self) -> io::Result<Option<Item>>;

    /// What was skipped so far.
    fn skipped(&self) -> Skipped;
}
