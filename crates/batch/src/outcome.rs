//! How images ended, and how many.
//!
//! The engine itself remembers only whether an image ended. Who keeps the records knows the
//! rest: [`Tries`] says what to keep with the record of an image's end, [`find`] puts what was
//! kept and what the list says together.
//!
//! ```
//! use batch::outcome::{self, Ended, Tries};
//! use batch::{Attempt, Entry, Given, ImageEnd, Record};
//! use protocol::Class;
//! use std::collections::BTreeMap;
//!
//! let end = Box::new(ImageEnd::failed(Class::Http4xx, "http://h/a answered 404", "agent-1"));
//! let attempt = Attempt { batch: 1, number: 1 };
//! let records = [
//!     Record::Launched { attempt, agent: "agent-1".into(), images: vec![1] },
//!     Record::ImageEnded { index: 1, end },
//! ];
//!
//! let (mut tries, mut kept) = (Tries::default(), BTreeMap::new());
//! for record in records {
//!     if let Some((index, tried)) = tries.note(&record)
//!         && let Record::ImageEnded { end, .. } = record
//!     {
//!         kept.insert(index, Ended { end: *end, tried });
//!     }
//! }
//!
//! let entry = Entry {
//!     index: 1,
//!     line: 1,
//!     url: "http://h/a".into(),
//!     name: "1-a".into(),
//!     given: Given::Process,
//! };
//! let look_up = |index| Ok::<_, ()>(kept.get(&index).cloned());
//! let found = outcome::find(&entry, look_up).unwrap().unwrap();
//! let outcome = found.of(&entry);
//! assert_eq!((outcome.class, outcome.attempts, outcome.agent), (Class::Http4xx, 1, "agent-1"));
//! ```

use std::collections::BTreeMap;

use protocol::{Class, Outcome};

use crate::{Attempt, Entry, Given, ImageEnd, Record, Time};

/// The tasks that an image was in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tried {
    /// How many, those that were lost included.
    pub attempts: u32,
    /// The one whose report counted, else the last of them; `None` if it was in no task.
    pub task: Option<Attempt>,
}

/// Follows images through the records, from their first task to their outcome, and forgets them
/// then: memory grows with the images that are under way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tries {
    under_way: BTreeMap<u64, Tried>,
}

impl Tries {
    /// Takes a record into account; give all of them, in their order. For the end of an image
    /// returns the image and the tasks that it was in.
    pub fn note(&mut self, record: &Record) -> Option<(u64, Tried)> {
        match record {
            Record::Launched { attempt, images, .. } => {
                for index in images {
                    let tried = self.under_way.entry(*index).or_default();
                    *tried = Tried { attempts: tried.attempts + 1, task: Some(*attempt) };
                }
                None
            }
            Record::ImageEnded { index, end } => {
                let tried = self.under_way.remove(index).unwrap_or_default();
                // A second run of a straggler may have been launched after the task that won.
                Some((*index, Tried { task: end.task.or(tried.task), ..tried }))
            }
            Record::ImagePutOff { index } => {
                let tried = self.under_way.entry(*index).or_default();
                tried.attempts = tried.attempts.saturating_sub(1);
                None
            }
            Record::FrameworkSubscribed { .. }
            | Record::ExecutorPlaced { .. }
            | Record::ImageFailedOnce { .. }
            | Record::TaskEnded { .. }
            | Record::ImageReopened { .. } => None,
        }
    }

    /// The tasks of an image that has no outcome yet.
    #[must_use]
    pub fn of(&self, index: u64) -> Tried {
        self.under_way.get(&index).copied().unwrap_or_default()
    }
}

/// How an image ended, and after which tasks.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// How it ended.
    pub end: ImageEnd,
    /// The tasks it was in.
    pub tried: Tried,
}

/// What became of an entry of the list.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// How it ended; how the original did, for a duplicate.
    pub ended: Ended,
    /// The earlier image with the same URL, if that was processed in place of this one.
    pub duplicate_of: Option<u64>,
}

impl Found {
    /// The same with what the list says. To be asked with the entry that it was found for.
    #[must_use]
    pub fn of<'a>(&'a self, entry: &'a Entry) -> ImageOutcome<'a> {
        let (end, duplicate_of) = (&self.ended.end, self.duplicate_of);
        let own = if duplicate_of.is_some() { Tried::default() } else { self.ended.tried };
        ImageOutcome {
            index: entry.index,
            line: entry.line,
            url: &entry.url,
            outcome: end.outcome(),
            class: duplicate_of.map_or(end.class, |_| Class::Duplicate),
            message: &end.message,
            output: &end.output,
            sha256: &end.sha256,
            attempts: own.attempts,
            task: own.task,
            agent: &end.agent,
            duplicate_of,
            end,
        }
    }
}

/// Finds out what became of an entry; `None` while it has no outcome. `look_up` gives what was
/// kept of the end of an image, by index.
///
/// # Errors
///
/// When `look_up` fails.
pub fn find<E>(
    entry: &Entry,
    look_up: impl Fn(u64) -> Result<Option<Ended>, E>,
) -> Result<Option<Found>, E> {
    if let Some(ended) = look_up(entry.index)? {
        return Ok(Some(Found { ended, duplicate_of: None }));
    }
    Ok(match &entry.given {
        Given::Process => None,
        Given::Duplicate { of } => {
            look_up(*of)?.map(|ended| Found { ended, duplicate_of: Some(*of) })
        }
        Given::Rejected { class, message } => {
            let end = ImageEnd::failed(*class, message.as_str(), "");
            Some(Found { ended: Ended { end, tried: Tried::default() }, duplicate_of: None })
        }
    })
}

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
    /// How many tasks it was in, those that were lost included, but not those that it came back from
    /// because its host wanted patience and was not asked.
    pub attempts: u32,
    /// The one of those tasks whose report counted, else the last of them.
    pub task: Option<Attempt>,
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
    /// When the first of those is tried, in the engine's time; `None` if some only wait for room,
    /// or nothing is launched any more.
    pub next_retry: Option<Time>,
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
