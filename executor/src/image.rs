//! One image on its way: download, operations, upload, report.
//!
//! A JPEG that is only to be inverted goes [through in pieces](crate::passage), unless it is
//! small; everything else is downloaded, processed and uploaded as a whole. Both ways end in
//! the same outcome.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use imaging::{Format, Output, Path, Pipeline};
use protocol::{Class, Image, ImageReport, Limits, Task};
use reqwest::Client;
use tokio::time::sleep;
use url::Url;

use crate::budget::{Place, Share};
use crate::fetch::{self, Download, Incoming};
use crate::origins::Origins;
use crate::passage::{Passage, Trouble};
use crate::process::{Processed, process};
use crate::receive::{File, Received, Receiver};
use crate::upload::{self, Failed, FileServer, Label, NotStored, WAITS, growing};
use crate::{classify, shown};

/// What all images of one task have in common.
#[derive(Debug)]
pub struct Job {
    /// The task as it came.
    pub task: Task,
    /// Its operations.
    pub pipeline: Pipeline,
    /// Its file server.
    pub file_server: Url,
    /// The client for uploads, with its connect deadline.
    pub client: Client,
    /// How images are asked for.
    pub origins: Origins,
    /// What its images may take.
    pub share: Share,
}

impl Job {
    fn file_server(&self) -> FileServer<'_> {
        FileServer {
            client: &self.client,
            base: &self.file_server,
            token: self.task.upload_token.as_deref(),
            timeout: Limits::duration(self.task.limits.upload_timeout_ms),
        }
    }

    fn label<'a>(&'a self, name: &'a str, format: Format) -> Label<'a> {
        Label { job: &self.task.job, name, media_type: format.media_type() }
    }
}

/// Brings `image` to its outcome. Never fails: failures are outcomes.
pub async fn run(job: &Job, image: &Image) -> ImageReport {
    let mut report = ImageReport { index: image.index, ..ImageReport::default() };
    match steps(job, image, &mut report).await {
        Ok(()) => report.set_class(Class::Ok),
        Err((class, message)) => {
            report.set_class(class);
            report.message = message;
            if class == Class::DiskFull {
                report.retry_after_ms = Some(milliseconds(ROOM_IN));
            }
        }
    }
    log(image, &report);
    report
}

/// How long it takes at least until somebody has made room on a disk.
const ROOM_IN: Duration = Duration::from_secs(30);

/// How an image failed.
type Outcome = (Class, String);

/// Why an image is not done, this time.
enum Stop {
    /// It has failed.
    Failed(Outcome),
    /// Its upload broke off, and may go better with another download.
    Again(upload::Failure),
}

impl From<Outcome> for Stop {
    fn from(outcome: Outcome) -> Self {
        Self::Failed(outcome)
    }
}

/// Fills the report on the way, so that a failure still shows how far the image came.
async fn steps(job: &Job, image: &Image, report: &mut ImageReport) -> Result<(), Outcome> {
    let mut waits = WAITS.iter();
    loop {
        let why = match once(job, image, report).await {
            Ok(()) => return Ok(()),
            Err(Stop::Failed(outcome)) => return Err(outcome),
            Err(Stop::Again(why)) => why,
        };
        let Some(wait) = waits.next() else {
            return Err(not_stored(image, &upload::given_up(&why)));
        };
        tracing::debug!("the image is tried again: {why}");
        sleep(*wait).await;
    }
}

async fn once(job: &Job, image: &Image, report: &mut ImageReport) -> Result<(), Stop> {
    let (incoming, received) = download(job, image, report).await?;
    match received {
        Received::Passing(passage, here) => {
            let begun = (passage, here, incoming);
            pass(job, image, begun, report).await
        }
        Received::Whole(file) => {
            drop(incoming);
            let (output, _memory) = work(job, image, file, report).await?;
            describe(&output, report);
            Ok(store(job, image, output, report).await?)
        }
    }
}

async fn download(
    job: &Job,
    image: &Image,
    report: &mut ImageReport,
) -> Result<(Incoming, Received), Outcome> {
    let (probe, started) = (Arc::default(), Instant::now());
    let limits = imaging_limits(&job.task.limits);
    let download = Download {
        origins: &job.origins,
        limits: &job.task.limits,
        share: &job.share,
        probe: &probe,
    };
    let begun = async {
        let mut incoming = download.open(&image.url).await?;
        let receiver =
            Receiver { share: &job.share, pipeline: &job.pipeline, limits, probe: &probe };
        let received = receiver.receive(&mut incoming).await?;
        Ok((incoming, received))
    };
    let begun = begun.await;
    report.timings.queue_ms += milliseconds(probe.waited());
    report.timings.download_ms = milliseconds(started.elapsed().saturating_sub(probe.waited()));
    probe.fill(&mut report.timings);
    let (incoming, received) = begun.map_err(|failure| note_failure(failure, report))?;
    report.bytes_in = incoming.received_bytes();
    report.http_status = Some(u32::from(incoming.http_status()));
    report.final_url = incoming.final_url().map(str::to_owned);
    Ok((incoming, received))
}

fn note_failure(failure: fetch::failure::Failure, report: &mut ImageReport) -> Outcome {
    report.http_status = failure.http_status.map(u32::from);
    report.final_url = failure.final_url;
    report.retry_after_ms = failure.retry_after.map(milliseconds);
    report.not_asked = failure.not_asked;
    (failure.class, failure.message)
}

async fn work(
    job: &Job,
    image: &Image,
    file: File,
    report: &mut ImageReport,
) -> Result<(Output, Place), Outcome> {
    let limits = imaging_limits(&job.task.limits);
    let Processed { result, waited, worked } =
        process(&job.share, file, &job.pipeline, &limits).await;
    report.timings.queue_ms += milliseconds(waited);
    report.timings.process_ms = milliseconds(worked);
    let Some(result) = result else { return Err(bug(image)) };
    result.map_err(|error| {
        let (class, mut message) = not_processed(image, &error);
        let is_tight = job.share.max_work_bytes() < limits.max_memory_bytes;
        if is_tight && error.class == imaging::Class::TooLarge && message.contains("memory") {
            message.push_str(": give tasks more (--mem)");
        }
        (class, message)
    })
}

async fn store(
    job: &Job,
    image: &Image,
    output: Output,
    report: &mut ImageReport,
) -> Result<(), Outcome> {
    let started = Instant::now();
    let name = format!("{}.{}", image.name, output.format.extension());
    let label = job.label(&name, output.format);
    let stored = job.file_server().store(&label, Bytes::from(output.bytes)).await;
    report.timings.upload_ms = milliseconds(started.elapsed());
    report.sha256 = stored.map_err(|failure| not_stored(image, &failure))?;
    report.output = name;
    Ok(())
}

/// Inverts and uploads a picture while its rest is still coming.
async fn pass(
    job: &Job,
    image: &Image,
    (passage, here, mut incoming): (Box<Passage>, [Bytes; 2], Incoming),
    report: &mut ImageReport,
) -> Result<(), Stop> {
    let started = Instant::now();
    let name = format!("{}.{}", image.name, Format::Jpeg.extension());
    let label = job.label(&name, Format::Jpeg);
    let (writer, body) = growing(Limits::duration(job.task.limits.upload_timeout_ms));
    let passing = passage.run(&job.share, here, &mut incoming, writer);
    let stored = job.file_server().store_growing(&label, body, passing).await;
    report.bytes_in = incoming.received_bytes();
    let (passed, sum) = match stored {
        Ok(stored) => stored,
        Err(NotStored::Upload(Failed::Again(why))) => return Err(Stop::Again(why)),
        Err(NotStored::Upload(Failed::Final(why))) => Err(not_stored(image, &why))?,
        Err(NotStored::Source(Trouble::Origin(failure))) => Err(note_failure(failure, report))?,
        Err(NotStored::Source(Trouble::Picture(error))) => Err(not_processed(image, &error))?,
    };
    let moved = passed.ended.duration_since(started).saturating_sub(passed.worked);
    report.timings.download_ms += milliseconds(moved);
    report.timings.process_ms = milliseconds(passed.worked);
    report.timings.upload_ms = milliseconds(passed.ended.elapsed());
    describe_jpeg(passed.summary, report);
    report.bytes_out = sum.bytes;
    report.sha256 = sum.hexadecimal();
    report.output = name;
    Ok(())
}

fn describe(output: &Output, report: &mut ImageReport) {
    report.bytes_out = output.bytes.len() as u64;
    report.format = output.format.to_string().to_lowercase();
    report.width = output.width;
    report.height = output.height;
    report.frames = output.frames;
    report.path = output.path.to_string();
    report.notes.clone_from(&output.notes);
    report.timings.decode_ms = milliseconds(output.phases.decode);
    report.timings.operate_ms = milliseconds(output.phases.operate);
    report.timings.encode_ms = milliseconds(output.phases.encode);
}

/// As a whole JPEG would be [described](describe).
fn describe_jpeg(summary: imaging::JpegSummary, report: &mut ImageReport) {
    report.format = Format::Jpeg.to_string().to_lowercase();
    report.width = summary.width;
    report.height = summary.height;
    report.frames = 1;
    report.path = Path::Bits.to_string();
    report.notes = summary.notes;
}

/// Zero means no limit in a task.
fn imaging_limits(limits: &Limits) -> imaging::Limits {
    let or_all = |limit: u64| if limit == 0 { u64::MAX } else { limit };
    imaging::Limits {
        max_pixels: or_all(limits.max_pixels),
        max_memory_bytes: or_all(limits.max_memory_bytes),
        ..imaging::Limits::default()
    }
}

fn not_processed(image: &Image, error: &imaging::Error) -> Outcome {
    let message = format!("{} cannot be processed: {}", shown_url(image), error.message);
    (classify::picture(error.class), message)
}

fn not_stored(image: &Image, why: &upload::Failure) -> Outcome {
    (why.class, format!("{} is processed but not stored: {why}", shown_url(image)))
}

fn bug(image: &Image) -> Outcome {
    (Class::Internal, format!("{} made the executor fail, which is a bug", shown_url(image)))
}

/// A report for an image whose work broke down in a way nobody foresaw.
#[must_use]
pub fn broken(image: &Image) -> ImageReport {
    let (class, message) = bug(image);
    ImageReport::failed(image.index, class, message)
}

fn shown_url(image: &Image) -> String {
    Url::parse(&image.url).map_or_else(|_| shown::text(&image.url), |url| shown::url(&url))
}

fn log(image: &Image, report: &ImageReport) {
    let (index, timings) = (report.index, report.timings);
    if report.class() != Class::Ok {
        tracing::warn!(index, class = %report.class(), "{}", report.message);
        return;
    }
    tracing::info!(
        index,
        output = report.output,
        bytes = report.bytes_out,
        queue_ms = timings.queue_ms,
        dns_ms = timings.dns_ms,
        connect_ms = timings.connect_ms,
        first_byte_ms = timings.first_byte_ms,
        download_ms = timings.download_ms,
        process_ms = timings.process_ms,
        decode_ms = timings.decode_ms,
        operate_ms = timings.operate_ms,
        encode_ms = timings.encode_ms,
        upload_ms = timings.upload_ms,
        "processed {}",
        shown_url(image)
    );
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A job behind a pointer, as its images run side by side.
pub type SharedJob = Arc<Job>;

#[cfg(test)]
mod tests {
    use super::*;
    use imaging::Phases;

    #[test]
    fn a_report_tells_what_the_picture_is_and_where_its_time_went() {
        let time = Duration::from_millis;
        let output = Output {
            bytes: vec![0; 9],
            format: Format::Png,
            width: 3,
            height: 2,
            frames: 1,
            path: Path::Pixels,
            notes: vec!["no profile".to_owned()],
            phases: Phases { decode: time(5), operate: time(6), encode: time(7) },
        };
        let mut report = ImageReport::default();
        describe(&output, &mut report);
        assert_eq!((report.bytes_out, report.width, report.height, report.frames), (9, 3, 2, 1));
        assert_eq!((report.format.as_str(), report.path.as_str()), ("png", "pixels"));
        assert_eq!(report.notes, ["no profile"]);
        let timings = report.timings;
        assert_eq!((timings.decode_ms, timings.operate_ms, timings.encode_ms), (5, 6, 7));
    }
}
