//! What was odd about a list, with the first few lines of each kind.

use std::fmt;

use serde::Serialize;

use super::items::Skipped;

/// How many examples are kept of each kind.
const EXAMPLES: usize = 3;

/// Counts and examples.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Findings {
    /// The entries so far, those below included.
    pub entries: u64,
    /// What names no image and is not meant to.
    pub skipped: Skipped,
    /// Entries that are no URL; they fail.
    pub bad: Examples,
    /// Entries whose URL stands earlier; they are processed once.
    pub duplicates: Examples,
}

/// How many there are, and the first of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Examples {
    /// How many.
    pub count: u64,
    /// The first few.
    pub first: Vec<Example>,
}

/// One place in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Example {
    /// The line, from 1.
    pub line: u64,
    /// What is there, in a sentence.
    pub message: String,
}

impl Examples {
    /// Counts one more.
    pub(super) fn add(&mut self, line: u64, message: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < EXAMPLES {
            self.first.push(Example { line, message: message() });
        }
    }
}

impl Findings {
    /// Whether there is anything that people should look at.
    #[must_use]
    pub fn is_odd(&self) -> bool {
        self.bad.count > 0 || self.duplicates.count > 0
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Skipped { blank, comments } = self.skipped;
        write!(f, "{} images, {} duplicates, ", self.entries, self.duplicates.count)?;
        write!(f, "{} that are no URL; {comments} comments, {blank} blank lines", self.bad.count)?;
        for examples in [&self.bad, &self.duplicates] {
            let shown: Vec<_> = examples.first.iter().map(|one| one.message.as_str()).collect();
            if !shown.is_empty() {
                let more = if examples.count > EXAMPLES as u64 { "; …" } else { "" };
                write!(f, "\n  {}{more}", shown.join("; "))?;
            }
        }
        Ok(())
    }
}
