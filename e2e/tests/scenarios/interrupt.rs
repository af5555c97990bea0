//! Ctrl-C, and going on afterwards.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::origin::{Answer, Origin};
use e2e::{Cluster, Engine, Entry, Job, manifest, on_each_engine, pictures};
use rustix::process::Signal;

const IMAGES: u32 = 24;

/// 24 images of 0.3 s each; the rest is for a busy machine.
const WITHIN: Duration = Duration::from_secs(90);

fn an_interrupted_job_goes_on_where_it_was(engine: Engine) -> Result<()> {
    let cluster = Cluster::start(engine, 2)?;
    let origin = Origin::start(|path| {
        let number = path.strip_prefix('/')?.strip_suffix(".png")?.parse().ok()?;
        let picture = Answer::picture(pictures::png(number).ok()?);
        Some(picture.after(Duration::from_millis(300)))
    })?;
    let path = |number: u32| format!("/{number}.png");
    let lines: Vec<String> = (1..=IMAGES).map(|number| origin.url(&path(number))).collect();
    let job = Job::of_lines(&cluster, &lines)?.with(&["--images-per-task=1"]);

    let mut run = job.start()?;
    run.program
        .wait_for("the sixth request", WITHIN, |_| (origin.total_requests() >= 6).then_some(()))?;
    run.program.signal(Signal::INT)?;
    let interrupted = run.program.wait(WITHIN)?;
    ensure!(interrupted.code() == Some(130), "{interrupted}\n{}", run.program.tail());
    let (log, fetched) = (run.program.tail(), origin.total_requests());
    drop(run);
    ensure!(fetched < lines.len(), "the interrupt came too late to show anything: {fetched}");
    let so_far = manifest(&job.output())?;
    let (done, pending) = (count(&so_far, "done"), count(&so_far, "pending"));
    ensure!(done == fetched && done + pending == lines.len(), "{done} and {pending}: {so_far:#?}");

    let finished = job.run(0, WITHIN).with_context(|| format!("after {log}"))?;
    ensure!(finished.entries.len() == lines.len(), "{:#?}", finished.entries);
    for (number, entry) in (1..).zip(&finished.entries) {
        entry.result(&finished.output)?;
        // What ran when the interrupt came was finished, so nothing is fetched twice.
        let requests = origin.requests(&path(number));
        ensure!(requests == 1, "fetched {requests} times: {entry:?}\nfirst {log}");
    }
    Ok(())
}

fn count(entries: &[Entry], outcome: &str) -> usize {
    entries.iter().filter(|entry| entry.outcome == outcome).count()
}

on_each_engine!(an_interrupted_job_goes_on_where_it_was);
