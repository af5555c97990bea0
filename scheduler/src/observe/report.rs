//! How a job stands, in full: for `--report`, for `scheduler report`, and for the lines at the end.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tempfile::NamedTempFile;

use crate::failure::{End, Failure};

use super::tally::{Failures, SlowHost, Tally, Timings};

/// The form of the JSON; another number tells of fields that mean something else.
pub const SCHEMA: u32 = 1;

/// What became of a job, counted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The job's name.
    pub job: String,
    /// The list as people know it.
    pub list: String,
    /// What was done with each image.
    pub operations: String,
    /// `all-done`, `some-failed`, `aborted`, or `interrupted`.
    pub end: End,
    /// Images by outcome.
    pub images: Images,
    /// Images that are done, of 100.
    pub success_percent: f64,
    /// Bytes downloaded for images that are done.
    pub bytes_in: u64,
    /// Bytes of results.
    pub bytes_out: u64,
    /// The time of the last run, if it has just ended.
    pub elapsed_ms: Option<u64>,
    /// Failures, the most frequent class first.
    pub failures: Vec<Failures>,
    /// The slowest hosts, the slowest first.
    pub hosts: Vec<SlowHost>,
    /// Where the time of images that are done went.
    pub timings: Timings,
    /// Results by format.
    pub formats: BTreeMap<String, u64>,
    /// Where the results are: a folder, or a page of another file server.
    pub results: String,
    /// The manifest.
    pub manifest: PathBuf,
    /// The state of the job.
    pub state: PathBuf,
    /// The command to go on with, if there is something left to do.
    pub again: Option<String>,
    /// The command to try failed images again, if there are any for which that may help.
    pub retry: Option<String>,
}

/// Images by outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Images {
    /// All of the list; `done + failed + pending`.
    pub total: u64,
    /// With a result, duplicates of them included.
    pub done: u64,
    /// Without a result, for good.
    pub failed: u64,
    /// Without an outcome.
    pub pending: u64,
    /// Those whose URL stands earlier, whatever became of it.
    pub duplicates: u64,
}

impl Report {
    /// What was counted. The names are to be filled in.
    #[must_use]
    pub fn of(tally: &Tally, total: u64) -> Self {
        let (done, failed) = (tally.done, tally.failed_len());
        let pending = total.saturating_sub(done).saturating_sub(failed);
        let end = match (pending, failed) {
            (0, 0) => End::AllDone,
            (0, _) => End::SomeFailed,
            _ => End::Interrupted,
        };
        Self {
            schema: SCHEMA,
            job: String::new(),
            list: String::new(),
            operations: String::new(),
            end,
            images: Images { total, done, failed, pending, duplicates: tally.duplicates },
            success_percent: percent(done, total),
            bytes_in: tally.bytes_in,
            bytes_out: tally.bytes_out,
            elapsed_ms: None,
            failures: tally.failures(),
            hosts: tally.slowest(),
            timings: tally.timings(),
            formats: tally.formats.clone(),
            results: String::new(),
            manifest: PathBuf::new(),
            state: PathBuf::new(),
            again: None,
            retry: None,
        }
    }

    /// The same as JSON for programs.
    ///
    /// # Errors
    ///
    /// Never in practice: every field can be written.
    pub fn json(&self) -> Result<String, Failure> {
        serde_json::to_string_pretty(self)
            .map_err(|error| Failure::Start(format!("{error}, which is a bug: report it")))
    }

    /// Writes the JSON to a file.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        write_whole(path, &(self.json()? + "\n")).map_err(|error| unwritable(path, &error))
    }
}

/// One decimal is enough for people and programs.
#[expect(clippy::cast_precision_loss, reason = "one decimal of a percentage is kept")]
fn percent(part: u64, all: u64) -> f64 {
    if all == 0 { 100.0 } else { (part as f64 / all as f64 * 1_000.0).floor() / 10.0 }
}

/// Sees whether a report could be written to the file, before there is anything to report.
///
/// # Errors
///
/// A sentence that names the file and the flag.
pub fn check(path: &Path) -> Result<(), Failure> {
    let tried = if path.is_dir() {
        Err(io::ErrorKind::IsADirectory.into())
    } else {
        let folder = folder_of(path);
        fs::create_dir_all(folder).and_then(|()| tempfile::tempfile_in(folder)).map(drop)
    };
    tried.map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    let path = path.display();
    Failure::Start(format!("cannot write {path} ({error}): name another with --report"))
}

fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// Writes a file that readers see whole or not at all; its folder is made if need be.
///
/// # Errors
///
/// When it cannot be written.
pub fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let folder = folder_of(path);
    fs::create_dir_all(folder)?;
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(Permissions::from_mode(0o644))?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::observe::tally::tests::{done, outcome};
    use batch::ImageEnd;
    use protocol::Class;

    /// A report with everything in it.
    pub(crate) fn report() -> Report {
        let mut tally = Tally::default();
        tally.count(&outcome(1, "http://h/1", &done(40)));
        let gone = ImageEnd::failed(Class::Http4xx, "http://h/2 answered 404", "a");
        tally.count(&outcome(2, "http://h/2", &gone));
        Report {
            job: "birds-1a2b3c4d".into(),
            list: "birds.csv".into(),
            operations: "invert".into(),
            retry: Some("scheduler birds.csv --retry-failed".into()),
            ..Report::of(&tally, 3)
        }
    }

    #[test]
    fn the_json_has_its_form_and_what_was_counted() {
        let json: serde_json::Value = serde_json::from_str(&report().json().unwrap()).unwrap();
        assert_eq!((json["schema"].as_u64(), json["end"].as_str()), (Some(1), Some("interrupted")));
        assert_eq!(json["images"]["pending"], 1);
        assert_eq!(json["success_percent"], 33.3);
        assert_eq!(json["failures"][0]["class"], "http-4xx");
        assert_eq!(json["failures"][0]["example"]["url"], "http://h/2");
        assert_eq!(json["hosts"][0]["mean_ms"], 40);
        assert_eq!(json["timings"]["download"]["p50_ms"], 40);
    }

    #[test]
    fn not_all_are_done_before_the_last_one_is() {
        assert_eq!(percent(999_999, 1_000_000).to_string(), "99.9");
        assert_eq!(percent(7, 7).to_string(), "100");
    }

    #[test]
    fn a_report_replaces_an_earlier_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/r.json");
        for text in ["one", "two"] {
            write_whole(&path, text).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
