//! How it ended, in a few lines.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use batch::{ImageOutcome, Progress};
use bytesize::ByteSize;
use protocol::{Class, Outcome};

use crate::failure::End;

/// The longest URL in an example, in characters.
const EXAMPLE_CHARACTERS: usize = 100;

/// What is said at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// How the program ended.
    pub end: End,
    /// All images of the list.
    pub total: u64,
    /// Images with a result, duplicates of them included.
    pub done: u64,
    /// Images whose URL stands earlier.
    pub duplicates: u64,
    /// Failures by class: how many, and one of them.
    pub failed: BTreeMap<Class, (u64, String)>,
    /// Bytes downloaded.
    pub bytes_in: u64,
    /// Bytes of results.
    pub bytes_out: u64,
    /// The time this run took.
    pub elapsed: Duration,
    /// Where the results are: a folder, or a page of another file server.
    pub results: String,
    /// The manifest.
    pub manifest: PathBuf,
    /// The command to go on with, after an interruption.
    pub again: String,
}

/// The images that have ended, counted one by one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    done: u64,
    failed: BTreeMap<Class, (u64, String)>,
}

impl Tally {
    /// Counts an image.
    pub fn count(&mut self, image: &ImageOutcome<'_>) {
        match image.outcome {
            Outcome::Done => self.done += 1,
            Outcome::Failed => {
                let first = || (0_u64, example(image));
                self.failed.entry(image.class).or_insert_with(first).0 += 1;
            }
        }
    }
}

impl Summary {
    /// Sums up what became of the images. The places are to be filled in.
    #[must_use]
    pub fn of(progress: &Progress, tally: Tally, interrupted: bool) -> Self {
        let Tally { done, failed } = tally;
        let end = match (interrupted, failed.is_empty()) {
            (true, _) => End::Interrupted,
            (false, true) => End::AllDone,
            (false, false) => End::SomeFailed,
        };
        Self {
            end,
            total: progress.total,
            done,
            duplicates: progress.duplicates,
            failed,
            bytes_in: progress.bytes_in,
            bytes_out: progress.bytes_out,
            elapsed: Duration::ZERO,
            results: String::new(),
            manifest: PathBuf::new(),
            again: String::new(),
        }
    }

    fn failed_len(&self) -> u64 {
        self.failed.values().map(|(count, _)| count).sum()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = humantime::format_duration(rounded(self.elapsed));
        let (bytes_in, bytes_out) = (ByteSize::b(self.bytes_in), ByteSize::b(self.bytes_out));
        writeln!(
            f,
            "{} of {} images done in {time}: {bytes_in} in, {bytes_out} out",
            self.done, self.total
        )?;
        if self.duplicates > 0 {
            writeln!(f, "  {} of them stand in the list more than once", self.duplicates)?;
        }
        if !self.failed.is_empty() {
            writeln!(f, "{} failed:", self.failed_len())?;
        }
        for (class, (count, example)) in &self.failed {
            writeln!(f, "  {count:>5} {class:<17} {}", shortened(example))?;
        }
        let open = self.total.saturating_sub(self.done).saturating_sub(self.failed_len());
        if open > 0 {
            writeln!(f, "{open} without an outcome yet")?;
        }
        writeln!(f, "Results:  {}", self.results)?;
        write!(f, "Manifest: {}", self.manifest.display())?;
        match self.end {
            End::AllDone | End::SomeFailed => Ok(()),
            End::Interrupted => write!(f, "\nInterrupted; to go on: {}", self.again),
            End::Aborted => write!(
                f,
                "\nGiven up as too many images failed; to go on, allow more of them with \
                 --max-failures: {}",
                self.again
            ),
        }
    }
}

fn rounded(time: Duration) -> Duration {
    let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(if milliseconds < 10_000 {
        milliseconds / 100 * 100
    } else {
        milliseconds / 1_000 * 1_000
    })
}

/// Most messages name the URL themselves.
fn example(image: &ImageOutcome<'_>) -> String {
    if image.message.contains(image.url) {
        format!("line {}: {}", image.line, image.message)
    } else {
        format!("line {}, {}: {}", image.line, image.url, image.message)
    }
}

/// Lists hold strange things; what reaches a terminal is one short line without controls.
fn shortened(text: &str) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    let mut short: String = text.chars().map(clean).take(2 * EXAMPLE_CHARACTERS).collect();
    if text.chars().nth(2 * EXAMPLE_CHARACTERS).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use batch::outcome::find;
    use batch::{Entry, Given};
    use std::convert::Infallible;

    fn summary(interrupted: bool) -> Summary {
        let mut tally = Tally::default();
        for index in [1, 2] {
            let entry = Entry {
                index,
                line: index + 1,
                url: format!("bad {index}"),
                name: format!("{index}-x"),
                given: Given::Rejected { class: Class::BadUrl, message: "it is\nno URL".into() },
            };
            let found = find(&entry, |_| Ok::<_, Infallible>(None)).unwrap().unwrap();
            tally.count(&found.of(&entry));
        }
        let progress = Progress { total: 2, failed: 2, ..Progress::default() };
        Summary::of(&progress, tally, interrupted)
    }

    #[test]
    fn failures_are_told_by_class_with_an_example() {
        let summary = Summary {
            elapsed: Duration::from_millis(4_260),
            results: "output/j".into(),
            manifest: "output/manifest.jsonl".into(),
            ..summary(false)
        };
        assert_eq!(summary.end, End::SomeFailed);
        assert_eq!(
            summary.to_string(),
            "0 of 2 images done in 4s 200ms: 0 B in, 0 B out\n\
             2 failed:\n      2 bad-url           line 2, bad 1: it is no URL\n\
             Results:  output/j\nManifest: output/manifest.jsonl"
        );
    }

    #[test]
    fn an_interruption_names_the_command_to_go_on() {
        let summary = Summary { total: 5, again: "scheduler holiday.txt".into(), ..summary(true) };
        let text = summary.to_string();
        assert_eq!(summary.end.status(), 130);
        assert!(text.contains("3 without an outcome yet"), "{text}");
        assert!(text.ends_with("to go on: scheduler holiday.txt"), "{text}");
    }
}
