//! How it ended, in a few lines for people.

use std::fmt;
use std::time::Duration;

use bytesize::ByteSize;

use crate::failure::End;

use super::report::Report;
use super::tally::{Failures, SlowHost};

/// The longest example, in characters.
const EXAMPLE_CHARACTERS: usize = 200;

/// Hosts whose downloads take less on average are not called slow.
const SLOW_MS: u64 = 1_000;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        first_line(self, f)?;
        if self.images.duplicates > 0 {
            writeln!(f, "  {} of them stand in the list more than once", self.images.duplicates)?;
        }
        if !self.failures.is_empty() {
            writeln!(f, "{} failed:", self.images.failed)?;
        }
        self.failures.iter().try_for_each(|failures| failed(failures, f))?;
        if self.images.pending > 0 {
            writeln!(f, "{} without an outcome yet", self.images.pending)?;
        }
        slow(&self.hosts, f)?;
        writeln!(f, "Results:  {}", self.results)?;
        writeln!(f, "Manifest: {}", self.manifest.display())?;
        write!(f, "Job:      {}, kept in {}", self.job, self.state.display())?;
        if let Some(again) = &self.again {
            match self.end {
                End::AllDone | End::SomeFailed => {}
                End::Interrupted => write!(f, "\nInterrupted; to go on: {again}")?,
                End::Aborted => write!(
                    f,
                    "\nGiven up as too many images failed; to go on, allow more of them with \
                     --max-failures, or all: {again}"
                )?,
            }
        }
        if let Some(retry) = &self.retry {
            write!(f, "\nTo try the failed ones again: {retry}")?;
        }
        Ok(())
    }
}

fn first_line(report: &Report, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let images = report.images;
    write!(f, "{} of {} images done ({:.1} %)", images.done, images.total, report.success_percent)?;
    if let Some(ms) = report.elapsed_ms {
        write!(f, " in {}", humantime::format_duration(rounded(ms)))?;
    }
    let (bytes_in, bytes_out) = (ByteSize::b(report.bytes_in), ByteSize::b(report.bytes_out));
    writeln!(f, ": {bytes_in} in, {bytes_out} out")
}

fn failed(failures: &Failures, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Failures { class, count, hint, example } = failures;
    // Most messages name the URL or the line themselves.
    let line = format!("line {} ", example.line);
    let place = if example.message.starts_with(&line) {
        format!("{}: {}", example.message, example.url)
    } else if example.message.contains(&example.url) {
        format!("line {}: {}", example.line, example.message)
    } else {
        format!("line {}, {}: {}", example.line, example.url, example.message)
    };
    writeln!(f, "  {count:>5} {class:<17} {}", shortened(&place))?;
    if hint.is_empty() { Ok(()) } else { writeln!(f, "{:>26}{hint}", "") }
}

fn slow(hosts: &[SlowHost], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let slow = hosts.iter().filter(|host| host.mean_ms >= SLOW_MS);
    let told = |host: &SlowHost| {
        let mean = humantime::format_duration(rounded(host.mean_ms));
        format!("{} ({mean} an image, {} images)", host.host, host.images)
    };
    let told: Vec<_> = slow.map(told).collect();
    if told.is_empty() { Ok(()) } else { writeln!(f, "Slow hosts: {}", told.join(", ")) }
}

fn rounded(milliseconds: u64) -> Duration {
    Duration::from_millis(if milliseconds < 10_000 {
        milliseconds / 100 * 100
    } else {
        milliseconds / 1_000 * 1_000
    })
}

fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(EXAMPLE_CHARACTERS).collect();
    if text.chars().nth(EXAMPLE_CHARACTERS).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::report::Images;
    use crate::observe::tally::Tally;
    use crate::observe::tally::tests::{done, outcome};
    use batch::ImageEnd;
    use protocol::Class;

    fn report() -> Report {
        let mut tally = Tally::default();
        let bad = ImageEnd::failed(Class::BadUrl, "it is\nno URL", "");
        tally.count(&outcome(2, "bad 1", &bad));
        tally.count(&outcome(3, "bad 2", &bad));
        Report {
            elapsed_ms: Some(4_260),
            job: "j".into(),
            results: "output/j".into(),
            manifest: "output/manifest.jsonl".into(),
            state: "output/.state/j.redb".into(),
            ..Report::of(&tally, 2)
        }
    }

    #[test]
    fn failures_are_told_by_class_with_an_example_and_a_hint() {
        assert_eq!(
            report().to_string(),
            "0 of 2 images done (0.0 %) in 4s 200ms: 0 B in, 0 B out\n\
             2 failed:\n      2 bad-url           line 2, bad 1: it is no URL\n                          \
             Correct these lines of the list.\n\
             Results:  output/j\nManifest: output/manifest.jsonl\n\
             Job:      j, kept in output/.state/j.redb"
        );
    }

    #[test]
    fn no_line_is_named_twice() {
        let mut tally = Tally::default();
        let bad = ImageEnd::failed(Class::BadUrl, "line 2 is no URL", "");
        tally.count(&outcome(2, "a b", &bad));
        let text = Report::of(&tally, 1).to_string();
        assert!(text.contains("1 bad-url           line 2 is no URL: a b\n"), "{text}");
    }

    #[test]
    fn the_commands_to_go_on_and_to_try_again_stand_at_the_end() {
        let images = Images { pending: 3, ..report().images };
        let report = Report {
            images,
            end: End::Interrupted,
            again: Some("scheduler holiday.txt".into()),
            retry: Some("scheduler holiday.txt --retry-failed".into()),
            ..report()
        };
        let text = report.to_string();
        assert!(text.contains("3 without an outcome yet"), "{text}");
        assert!(text.contains("\nInterrupted; to go on: scheduler holiday.txt\n"), "{text}");
        assert!(text.ends_with("again: scheduler holiday.txt --retry-failed"), "{text}");
    }

    #[test]
    fn slow_hosts_are_named_and_fast_ones_are_not() {
        let mut tally = Tally::default();
        tally.count(&outcome(1, "http://fast/1", &done(20)));
        tally.count(&outcome(2, "http://slow/2", &done(2_500)));
        let text = Report::of(&tally, 2).to_string();
        assert!(text.contains("Slow hosts: slow (2s 500ms an image, 1 images)\n"), "{text}");
    }
}
