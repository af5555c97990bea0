//! One image on its way: download, operations, upload, report.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use imaging::{Output, Pipeline};
use protocol::{Class, Image, ImageReport, Task, Timings};
use reqwest::Client;
use url::Url;

use crate::budget::Budget;
use crate::fetch::{self, Download, Fetched};
use crate::origins::Origins;
use crate::upload::{FileServer, Picture};
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
    /// What it shares with other tasks.
    pub budget: Budget,
}

/// Brings `image` to its outcome. Never fails: failures are outcomes.
pub async fn run(job: &Job, image: &Image) -> ImageReport {
    let mut report = ImageReport { index: image.index, ..ImageReport::default() };
    match steps(job, image, &mut report).await {
        Ok(()) => report.set_class(Class::Ok),
        Err((class, message)) => {
            report.set_class(class);
            report.message = message;
        }
    }
    log(image, &report);
    report
}

type Failed = (Class, String);

/// Fills the report on the way, so that a failure still shows how far the image came.
async fn steps(job: &Job, image: &Image, report: &mut ImageReport) -> Result<(), Failed> {
    let fetched = download(job, image, report).await?;
    report.bytes_in = fetched.bytes.len() as u64;
    report.http_status = Some(u32::from(fetched.http_status));
    report.final_url = fetched.final_url;
    let output = process(job, image, fetched.bytes, &mut report.timings).await?;
    describe(&output, report);
    upload(job, image, output, report).await
    // The memory set aside by the download is given back here, as the result is gone too.
}

async fn download(job: &Job, image: &Image, report: &mut ImageReport) -> Result<Fetched, Failed> {
    let (probe, started) = (Arc::default(), Instant::now());
    let download = Download {
        origins: &job.origins,
        limits: &job.task.limits,
        budget: &job.budget,
        probe: &probe,
    };
    let result = download.run(&image.url).await;
    report.timings.queue_ms = milliseconds(probe.waited());
    report.timings.download_ms = milliseconds(started.elapsed().saturating_sub(probe.waited()));
    probe.fill(&mut report.timings);
    result.map_err(|failure| note_failure(failure, report))
}

fn note_failure(failure: fetch::Failure, report: &mut ImageReport) -> Failed {
    report.http_status = failure.http_status.map(u32::from);
    report.final_url = failure.final_url;
    report.retry_after_ms = failure.retry_after.map(milliseconds);
    (failure.class, failure.message)
}

async fn process(
    job: &Job,
    image: &Image,
    bytes: Vec<u8>,
    timings: &mut Timings,
) -> Result<Output, Failed> {
    let queued = Instant::now();
    let place = job.budget.processor().await;
    timings.queue_ms += milliseconds(queued.elapsed());
    let started = Instant::now();
    let (pipeline, limits) = (job.pipeline.clone(), imaging_limits(&job.task.limits));
    let work = tokio::task::spawn_blocking(move || {
        // Held by the work itself: when a task is killed, its work goes on to its end.
        let _place = place;
        imaging::process(&bytes, &pipeline, &limits)
    });
    let result = work.await;
    timings.process_ms = milliseconds(started.elapsed());
    match result {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(error)) => Err((
            classify::picture(error.class),
            format!("{} cannot be processed: {}", shown_url(image), error.message),
        )),
        Err(_) => Err((
            Class::Internal,
            format!("{} made the executor fail, which is a bug", shown_url(image)),
        )),
    }
}

async fn upload(
    job: &Job,
    image: &Image,
    output: Output,
    report: &mut ImageReport,
) -> Result<(), Failed> {
    let started = Instant::now();
    let name = format!("{}.{}", image.name, output.format.extension());
    let picture = Picture {
        job: &job.task.job,
        name: &name,
        media_type: output.format.media_type(),
        bytes: Bytes::from(output.bytes),
    };
    let file_server = FileServer {
        client: &job.client,
        base: &job.file_server,
        token: job.task.upload_token.as_deref(),
        timeout: protocol::Limits::duration(job.task.limits.upload_timeout_ms),
    };
    let stored = file_server.store(&picture).await;
    report.timings.upload_ms = milliseconds(started.elapsed());
    match stored {
        Ok(sha256) => {
            report.sha256 = sha256;
            report.output = name;
            Ok(())
        }
        Err(failure) => Err((
            Class::Upload,
            format!("{} is processed but not stored: {failure}", shown_url(image)),
        )),
    }
}

fn describe(output: &Output, report: &mut ImageReport) {
    report.bytes_out = output.bytes.len() as u64;
    report.format = output.format.to_string().to_lowercase();
    report.width = output.width;
    report.height = output.height;
    report.frames = output.frames;
    report.path = output.path.to_string();
    report.notes.clone_from(&output.notes);
}

/// Zero means no limit in a task.
fn imaging_limits(limits: &protocol::Limits) -> imaging::Limits {
    let or_all = |limit: u64| if limit == 0 { u64::MAX } else { limit };
    imaging::Limits {
        max_pixels: or_all(limits.max_pixels),
        max_memory_bytes: or_all(limits.max_memory_bytes),
        ..imaging::Limits::default()
    }
}

/// A report for an image whose work broke down in a way nobody foresaw.
#[must_use]
pub fn broken(image: &Image) -> ImageReport {
    let message = format!("{} made the executor fail, which is a bug", shown_url(image));
    ImageReport::failed(image.index, Class::Internal, message)
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
        download_ms = timings.download_ms,
        process_ms = timings.process_ms,
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
