//! How images ended, and how many.

use protocol::{Class, Outcome};

use crate::ImageEnd;

/// How one image ended, for the manifest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ImageOutcome<'a> {
    /// Its number in the list, from 1.
    pub index: u64,
    /// The line it stands on, from 1.
    pub line: u64,
    /// Where it was.
    pub url: &'a str,
    /// Whether there is a result.
    pub outcome: Outcome,
    /// In a word. A duplicate's is [`Class::Duplicate`], whatever became of the original.
    pub class: Class,
    /// In a sentence; empty when done.
    pub message: &'a str,
    /// The name of the result; empty when failed.
    pub output: &'a str,
    /// SHA-256 of the result in lower-case hexadecimal; empty when failed.
    pub sha256: &'a str,
    /// How many tasks it was in, those that were lost included.
    pub attempts: u32,
    /// The id of the agent that processed it last, empty if none did.
    pub agent: &'a str,
    /// The earlier image with the same URL, if that was processed in place of this one.
    pub duplicate_of: Option<u64>,
    /// The rest: sizes, format, timings; those of the original for a duplicate.
    pub end: &'a ImageEnd,
}

/// How far the job is. Images, unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// All that were submitted; `done + failed + duplicates + running + pending +
    /// retrying`.
    pub total: u64,
    /// With a result.
    pub done: u64,
    /// Without a result, for good; rejected lines included.
    pub failed: u64,
    /// Not processed because the same URL stands earlier.
    pub duplicates: u64,
    /// In tasks that are out.
    pub running: u64,
    /// Waiting for their first task, or for room.
    pub pending: u64,
    /// Waiting to be tried again.
    pub retrying: u64,
    /// Tasks that are out.
    pub tasks_running: u64,
    /// Tasks launched so far.
    pub tasks_launched: u64,
    /// Bytes downloaded for images that are done.
    pub bytes_in: u64,
    /// Bytes of results.
    pub bytes_out: u64,
    /// Whether the whole list was read.
    pub list_ended: bool,
}

impl Progress {
    /// The images with an outcome, duplicates included.
    #[must_use]
    pub fn ended(&self) -> u64 {
        self.done + self.failed + self.duplicates
    }
}
