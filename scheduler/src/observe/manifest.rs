//! What became of each image: `manifest.jsonl`, one JSON object a line, in the order of the
//! list.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use batch::{Attempt, Entry, ImageOutcome, outcome};
use protocol::Outcome;
use serde::Serialize;
use tempfile::NamedTempFile;

use crate::spool::Spool;
use crate::store::JobStore;

/// The file's name in the output folder.
pub const FILE: &str = "manifest.jsonl";

/// The form of the lines; another number tells of fields that mean something else.
const SCHEMA: u32 = 1;

/// One line.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub(super) struct Line<'a> {
    schema: u32,
    index: u64,
    line: u64,
    url: &'a str,
    /// `done`, `failed`, or `pending` after an interruption.
    outcome: &'a str,
    class: &'a str,
    message: &'a str,
    /// Relative to the output folder.
    output: String,
    sha256: &'a str,
    attempts: u32,
    agent: &'a str,
    task: String,
    duplicate_of: Option<u64>,
    final_url: Option<&'a str>,
    http_status: Option<u32>,
    bytes_in: u64,
    bytes_out: u64,
    format: &'a str,
    width: u32,
    height: u32,
    frames: u32,
    path: &'a str,
    notes: &'a [String],
    queue_ms: u128,
    download_ms: u128,
    dns_ms: u128,
    connect_ms: u128,
    first_byte_ms: u128,
    process_ms: u128,
    decode_ms: u128,
    operate_ms: u128,
    encode_ms: u128,
    upload_ms: u128,
}

/// Writes the lines of `list` to the file in `folder`, all or nothing, and tells `each` of every
/// outcome.
///
/// # Errors
///
/// When the file cannot be written, or `list` or `store` not be read; an earlier file is left as
/// it was then.
pub fn write(
    folder: &Path,
    job: &str,
    list: &Spool,
    store: &JobStore,
    mut each: impl FnMut(&ImageOutcome<'_>),
) -> io::Result<PathBuf> {
    let path = folder.join(FILE);
    let outcomes = store.outcomes().map_err(io::Error::other)?;
    let mut file = NamedTempFile::new_in(folder)?;
    let mut writer = BufWriter::with_capacity(1 << 16, file.as_file_mut());
    for entry in list.entries() {
        let entry = entry?;
        let found = outcome::find(&entry, |index| outcomes.get(index)).map_err(io::Error::other)?;
        let outcome = found.as_ref().map(|found| found.of(&entry));
        let line = match &outcome {
            Some(outcome) => ended(outcome, job),
            None => pending(&entry, store.last_task(entry.index), job),
        };
        outcome.iter().for_each(&mut each);
        serde_json::to_writer(&mut writer, &line)?;
        writer.write_all(b"\n")?;
    }
    writer.flush()?;
    drop(writer);
    make_readable(file.as_file())?;
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    Ok(path)
}

fn ended<'a>(image: &ImageOutcome<'a>, job: &str) -> Line<'a> {
    let end = image.end;
    let milliseconds = |time: Duration| time.as_millis();
    Line {
        schema: SCHEMA,
        index: image.index,
        line: image.line,
        url: image.url,
        outcome: image.outcome.as_str(),
        class: image.class.as_str(),
        message: image.message,
        output: output(image, job),
        sha256: image.sha256,
        attempts: image.attempts,
        agent: image.agent,
        task: task(image.task, job),
        duplicate_of: image.duplicate_of,
        final_url: end.final_url.as_deref(),
        http_status: end.http_status,
        bytes_in: end.bytes_in,
        bytes_out: end.bytes_out,
        format: &end.format,
        width: end.width,
        height: end.height,
        frames: end.frames,
        path: &end.path,
        notes: &end.notes,
        queue_ms: milliseconds(end.queue_time),
        download_ms: milliseconds(end.download_time),
        dns_ms: milliseconds(end.dns_time),
        connect_ms: milliseconds(end.connect_time),
        first_byte_ms: milliseconds(end.first_byte_time),
        process_ms: milliseconds(end.process_time),
        decode_ms: milliseconds(end.decode_time),
        operate_ms: milliseconds(end.operate_time),
        encode_ms: milliseconds(end.encode_time),
        upload_ms: milliseconds(end.upload_time),
    }
}

fn output(image: &ImageOutcome<'_>, job: &str) -> String {
    match image.outcome {
        Outcome::Done => fileserver::result_path(job, image.output),
        Outcome::Failed => String::new(),
    }
}

fn task(attempt: Option<Attempt>, job: &str) -> String {
    attempt.map(|attempt| attempt.task_id(job).value).unwrap_or_default()
}

fn pending<'a>(entry: &'a Entry, last: Option<Attempt>, job: &str) -> Line<'a> {
    Line {
        schema: SCHEMA,
        index: entry.index,
        line: entry.line,
        url: &entry.url,
        outcome: "pending",
        task: task(last, job),
        ..Line::default()
    }
}

/// A temporary file is its owner's alone; a manifest is as public as the results.
fn make_readable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(test)]
mod tests {
    use super::*;
    use batch::{Given, ImageEnd, Record, Store};
    use protocol::{Class, ImageReport};

    fn entries() -> Vec<Entry> {
        let entry = |index, given| Entry {
            index,
            line: index + 10,
            url: format!("http://h/{index}"),
            name: format!("{index}-x"),
            given,
        };
        let rejected =
            Given::Rejected { class: Class::BadUrl, message: "line 12 is no URL".into() };
        vec![
            entry(1, Given::Process),
            entry(2, rejected),
            entry(3, Given::Duplicate { of: 1 }),
            entry(4, Given::Process),
        ]
    }

    fn store(folder: &Path) -> JobStore {
        let report = ImageReport {
            index: 1,
            output: "1-x.png".into(),
            sha256: "ab".repeat(32),
            bytes_out: 9,
            timings: protocol::Timings {
                dns_ms: 2,
                connect_ms: 3,
                first_byte_ms: 4,
                decode_ms: 5,
                operate_ms: 6,
                encode_ms: 7,
                ..Default::default()
            },
            ..ImageReport::default()
        };
        let attempt = |batch| Attempt { batch, number: 1 };
        let launched = |batch| {
            let images = vec![batch];
            Record::Launched { attempt: attempt(batch), agent: "agent-1".into(), images }
        };
        let records = [
            launched(1),
            Record::ImageEnded { index: 1, end: Box::new(ImageEnd::of(report, "agent-1")) },
            Record::TaskEnded { attempt: attempt(1), cost: 0 },
            launched(4),
        ];
        let mut store = JobStore::open(folder, "job-1").unwrap();
        store.replay(|_| ()).unwrap();
        store.append(&records).unwrap();
        store
    }

    #[test]
    fn every_entry_has_a_line_in_the_order_of_the_list() {
        let (folder, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let list = Spool::of(folder.path(), entries()).unwrap();
        let mut told = Vec::new();
        let each = |outcome: &ImageOutcome<'_>| told.push(outcome.index);
        write(folder.path(), "job-1", &list, &store(state.path()), each).unwrap();
        let text = std::fs::read_to_string(folder.path().join(FILE)).unwrap();
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let words: Vec<_> = lines
            .iter()
            .map(|l| (l["outcome"].as_str().unwrap(), l["class"].as_str().unwrap()))
            .collect();
        assert_eq!(
            words,
            [("done", "ok"), ("failed", "bad-url"), ("done", "duplicate"), ("pending", "")]
        );
        assert_eq!(told, [1, 2, 3]);
        assert_eq!(lines[0]["output"], "job-1/1-x.png");
        assert_eq!(lines[0]["agent"], "agent-1");
        assert_eq!(lines[0]["task"], "job-1.1.1");
        assert_eq!(lines[0]["attempts"], 1);
        let parts =
            ["dns_ms", "connect_ms", "first_byte_ms", "decode_ms", "operate_ms", "encode_ms"];
        assert_eq!(parts.map(|name| lines[0][name].as_u64()), [2, 3, 4, 5, 6, 7].map(Some));
        assert_eq!(lines[1]["message"], "line 12 is no URL");
        assert_eq!(lines[1]["output"], "");
        assert_eq!(lines[2]["duplicate_of"], 1);
        assert_eq!(
            (lines[3]["line"].as_u64(), lines[3]["task"].as_str()),
            (Some(14), Some("job-1.4.1"))
        );
    }

    #[test]
    fn a_manifest_that_cannot_be_written_leaves_nothing_half_done() {
        let (folder, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::create_dir(folder.path().join(FILE)).unwrap();
        let list = Spool::of(folder.path(), entries()).unwrap();
        assert!(write(folder.path(), "job-1", &list, &store(state.path()), |_| ()).is_err());
        let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(files.len(), 1);
    }
}
