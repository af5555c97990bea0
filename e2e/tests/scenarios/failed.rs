//! Jobs with failed images: given up when there are too many, and tried again on request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::origin::{Answer, Origin};
use e2e::{Cluster, Engine, Entry, Job, manifest, on_each_engine, pictures};

const IMAGES: u64 = 24;

/// These jobs take seconds; the rest is for a busy machine.
const WITHIN: Duration = Duration::from_secs(90);

/// Four of them, long before the end.
fn is_missing(number: u64) -> bool {
    number <= 12 && number.is_multiple_of(3)
}
const MISSING: usize = 4;

fn path(number: u64) -> String {
    format!("/{number}.png")
}

/// An origin where pictures are missing until they are put there.
struct Source {
    origin: Origin,
    is_complete: Arc<AtomicBool>,
}

impl Source {
    fn start() -> Result<Self> {
        let is_complete = Arc::new(AtomicBool::new(false));
        let complete = Arc::clone(&is_complete);
        let origin = Origin::start(move |path| {
            let number = path.strip_prefix('/')?.strip_suffix(".png")?.parse().ok()?;
            if is_missing(number) && !complete.load(Ordering::Relaxed) {
                return None;
            }
            Some(Answer::picture(pictures::png(number.try_into().ok()?).ok()?))
        })?;
        Ok(Self { origin, is_complete })
    }

    fn job(&self, cluster: &Cluster) -> Result<Job> {
        let lines: Vec<String> = (1..=IMAGES).map(|n| self.origin.url(&path(n))).collect();
        Ok(Job::of_lines(cluster, &lines)?.with(&["--images-per-task=1"]))
    }

    /// How often each image was asked for.
    fn requests(&self) -> Vec<usize> {
        (1..=IMAGES).map(|number| self.origin.requests(&path(number))).collect()
    }
}

fn count(entries: &[Entry], class: &str) -> usize {
    entries.iter().filter(|entry| entry.class == class).count()
}

/// Runs the job until it gives up. The framework stays, so that the same command goes on; with it
/// stay its executors.
fn give_up(job: &Job) -> Result<Vec<Entry>> {
    let mut run = job.start()?;
    let status = run.program.wait(WITHIN)?;
    let log = run.program.stderr();
    ensure!(status.code() == Some(7), "{status}\n{log}");
    ensure!(log.contains("the job is given up"), "{log}");
    manifest(&job.output()).context(log)
}

fn a_job_with_too_many_failures_is_given_up_and_goes_on_when_more_are_allowed(
    engine: Engine,
) -> Result<()> {
    let cluster = Cluster::start(engine, 1)?;
    let source = Source::start()?;
    let job = source.job(&cluster)?.on_one_port()?;
    let given_up = give_up(&job.clone().with(&["--fail-fast"]))?;
    ensure!(count(&given_up, "http-4xx") >= 1 && count(&given_up, "") >= 1, "{given_up:#?}");
    let one_less = format!("--max-failures={}", MISSING - 1);
    let given_up = give_up(&job.clone().with(&[one_less]))?;
    ensure!(count(&given_up, "http-4xx") == MISSING, "{given_up:#?}");
    ensure!(count(&given_up, "") >= 1, "nothing was left to do: {given_up:#?}");

    let before = source.requests();
    let finished = job.with(&["--max-failures=50%"]).run(1, WITHIN)?;
    for ((entry, earlier), times) in
        finished.entries.iter().zip(&given_up).zip(before.iter().zip(source.requests()))
    {
        ensure!(entry.is_done() != is_missing(entry.index), "{entry:?}\n{}", finished.log);
        ensure!(earlier.outcome == "pending" || *times.0 == times.1, "fetched again: {entry:?}");
    }
    ensure!(finished.entries.len() == given_up.len(), "{:#?}", finished.entries);
    Ok(())
}

fn what_failed_is_tried_again_on_request(engine: Engine) -> Result<()> {
    let cluster = Cluster::start(engine, 1)?;
    let source = Source::start()?;
    let job = source.job(&cluster)?;
    let failed = job.run(1, WITHIN)?;
    ensure!(count(&failed.entries, "http-4xx") == MISSING, "{:#?}", failed.entries);
    let before = source.requests();
    source.is_complete.store(true, Ordering::Relaxed);

    // None has failed in this way.
    let same = job.clone().with(&["--retry-failed=timeout"]).run(1, WITHIN)?;
    ensure!(same.entries == failed.entries, "{:#?}", same.entries);
    ensure!(source.requests() == before, "asked for without being told to\n{}", same.log);

    let finished = job.with(&["--retry-failed=http-4xx"]).run(0, WITHIN)?;
    for ((entry, before), after) in finished.entries.iter().zip(before).zip(source.requests()) {
        entry.result(&finished.output)?;
        let again = usize::from(is_missing(entry.index));
        ensure!(after == before + again, "fetched {before}, then {after} times: {entry:?}");
    }
    Ok(())
}

on_each_engine!(
    a_job_with_too_many_failures_is_given_up_and_goes_on_when_more_are_allowed,
    what_failed_is_tried_again_on_request,
);
