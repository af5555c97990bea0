//! Ctrl-C, a crash, and going on afterwards.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::origin::{Answer, Origin};
use e2e::{
    Cluster, Engine, Entry, Finished, Job, executors, manifest, on_each_engine, pictures, until,
};
use rustix::process::Signal;

const IMAGES: u32 = 24;

/// 24 images of 0.3 s each; the rest is for a busy machine.
const WITHIN: Duration = Duration::from_secs(90);

fn path(number: u32) -> String {
    format!("/{number}.png")
}

/// Pictures that take a moment each; the first `stuck` of them for ever when asked for first.
fn origin(stuck: u32) -> Result<Origin> {
    Origin::start(move |path| {
        let number = path.strip_prefix('/')?.strip_suffix(".png")?.parse().ok()?;
        let picture = Answer::picture(pictures::png(number).ok()?);
        let picture = picture.after(Duration::from_millis(300));
        Some(if number <= stuck { Answer::Never.then(1, picture) } else { picture })
    })
}

fn job(cluster: &Cluster, origin: &Origin) -> Result<Job> {
    let lines: Vec<String> = (1..=IMAGES).map(|number| origin.url(&path(number))).collect();
    Ok(Job::of_lines(cluster, &lines)?.with(&["--images-per-task=1"]))
}

fn count(entries: &[Entry], outcome: &str) -> usize {
    entries.iter().filter(|entry| entry.outcome == outcome).count()
}

/// Every image is done, and what was done `before` was not fetched again.
fn is_complete(finished: &Finished, origin: &Origin, before: &[Entry]) -> Result<()> {
    ensure!(finished.entries.len() == IMAGES as usize, "{:#?}", finished.entries);
    for (number, entry) in (1..).zip(&finished.entries) {
        entry.result(&finished.output)?;
        let was_done = before.iter().any(|it| it.index == entry.index && it.is_done());
        let requests = origin.requests(&path(number));
        ensure!(requests == 1 || !was_done, "fetched {requests} times: {entry:?}");
    }
    Ok(())
}

fn an_interrupted_job_goes_on_where_it_was(engine: Engine) -> Result<()> {
    let cluster = Cluster::start(engine, 2)?;
    let origin = origin(0)?;
    let job = job(&cluster, &origin)?;
    let mut run = job.start()?;
    run.program
        .wait_for("the sixth request", WITHIN, |_| (origin.total_requests() >= 6).then_some(()))?;
    run.program.signal(Signal::INT)?;
    let interrupted = run.program.wait(WITHIN)?;
    let (log, fetched) = (run.program.tail(), origin.total_requests());
    drop(run);
    ensure!(interrupted.code() == Some(130), "{interrupted}\n{log}");
    ensure!(fetched < IMAGES as usize, "the interrupt came too late to show anything: {fetched}");
    // What ran when the interrupt came was finished, so what was fetched is done.
    let so_far = manifest(&job.output())?;
    let (done, pending) = (count(&so_far, "done"), count(&so_far, "pending"));
    ensure!(done == fetched && done + pending == so_far.len(), "{done} and {pending}: {log}");

    let finished = job.run(0, WITHIN).with_context(|| format!("after {log}"))?;
    is_complete(&finished, &origin, &so_far)?;
    ensure!(origin.total_requests() == IMAGES as usize, "{} requests", origin.total_requests());
    Ok(())
}

fn a_job_interrupted_twice_stops_at_once_and_goes_on_later(engine: Engine) -> Result<()> {
    let cluster = Cluster::start(engine, 2)?;
    let origin = origin(1)?;
    // Long enough to be interrupted twice; agents go on with what runs, so it must end some time.
    let job = job(&cluster, &origin)?.with(&["--idle-timeout=20s"]);
    let mut run = job.start()?;
    run.program.wait_for(
        "an image that is done beside the one that never comes",
        WITHIN,
        |it| (origin.requests(&path(1)) == 1 && it.stderr().contains(" is done")).then_some(()),
    )?;
    run.program.signal(Signal::INT)?;
    run.program.wait_for("a word about the interrupt", WITHIN, |program| {
        program.stderr().contains("interrupt again").then_some(())
    })?;
    run.program.signal(Signal::INT)?;
    let at_once = Duration::from_secs(15);
    let stopped = run.program.wait(at_once)?;
    let log = run.program.tail();
    drop(run);
    ensure!(stopped.code() == Some(130), "{stopped}\n{log}");

    let so_far = manifest(&job.output())?;
    ensure!(count(&so_far, "pending") > 0 && count(&so_far, "done") > 0, "{so_far:#?}\n{log}");
    let finished = job.run(0, WITHIN).with_context(|| format!("after {log}"))?;
    is_complete(&finished, &origin, &so_far)
}

fn a_job_whose_scheduler_is_killed_goes_on_where_it_was(engine: Engine) -> Result<()> {
    let cluster = Cluster::start(engine, 2)?;
    let origin = origin(0)?;
    let job = job(&cluster, &origin)?;
    let mut run = job.start()?;
    run.program
        .wait_for("the eighth request", WITHIN, |_| (origin.total_requests() >= 8).then_some(()))?;
    run.program.signal(Signal::KILL)?;
    run.program.wait(WITHIN)?;
    if engine == Engine::Local {
        // Their agents died with the scheduler, and nobody else ends them.
        until("the end of executors without an agent", WITHIN, || {
            Ok(executors(cluster.folder()).is_empty().then_some(()))
        })?;
    }
    let log = run.program.tail();
    drop(run);

    let finished = job.run(0, WITHIN).with_context(|| format!("after {log}"))?;
    is_complete(&finished, &origin, &[])?;
    // Only what was under way may have been fetched twice: one image a processor.
    let again = (1..=IMAGES).filter(|number| origin.requests(&path(*number)) > 1).count();
    ensure!(again <= 4, "{again} images were fetched again\nafter {log}");
    Ok(())
}

on_each_engine!(
    an_interrupted_job_goes_on_where_it_was,
    a_job_interrupted_twice_stops_at_once_and_goes_on_later,
    a_job_whose_scheduler_is_killed_goes_on_where_it_was,
);
