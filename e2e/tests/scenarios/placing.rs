//! Where tasks run: roles, constraints, and the second run of a task that takes too long.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::origin::{Answer, Origin};
use e2e::{Cluster, Engine, Job, Plan, http, on_each_engine, pictures};
use rustix::process::Signal;

/// These jobs take seconds; the rest is for a busy machine.
const WITHIN: Duration = Duration::from_secs(90);

fn picture(path: &str) -> Option<(u32, Answer)> {
    let number = path.strip_prefix('/')?.strip_suffix(".png")?.parse().ok()?;
    Some((number, Answer::picture(pictures::png(number).ok()?)))
}

fn job(cluster: &Cluster, origin: &Origin, images: u32) -> Result<Job> {
    let lines: Vec<String> = (1..=images).map(|n| origin.url(&format!("/{n}.png"))).collect();
    let job = Job::of_lines(cluster, &lines)?;
    // Whatever waits here does so until it is helped.
    Ok(job.with(&["--images-per-task=1", "--idle-timeout=10m", "--download-timeout=10m"]))
}

/// The first picture comes when another was asked for. Each agent has room for one task, and the
/// master shares the agents out between the roles, so with one role alone it would never come.
fn resources_of_several_roles_are_used(engine: Engine) -> Result<()> {
    let plan = Plan::of(engine).resources("cpus:1;mem:512");
    let mut cluster = Cluster::of_processes(plan, 2)?;
    let (asked, both) = (AtomicU32::new(0), Arc::new(AtomicBool::new(false)));
    let origin = Origin::start(move |path| {
        let (_, picture) = picture(path)?;
        if asked.fetch_add(1, Ordering::Relaxed) > 0 {
            both.store(true, Ordering::Relaxed);
        }
        Some(picture.once(&both))
    })?;
    let job = job(&cluster, &origin, 6)?.with(&["--role", "birds", "--role", "trees"]);
    let finished = job.run(0, WITHIN)?;
    for entry in &finished.entries {
        entry.result(&finished.output)?;
    }
    let state = http::get(cluster.nodes()?.master(), "/state")?.json()?;
    let tasks = state["completed_frameworks"][0]["completed_tasks"].as_array().cloned();
    let tasks = tasks.unwrap_or_default();
    let roles: BTreeSet<&str> = tasks.iter().filter_map(|task| task["role"].as_str()).collect();
    ensure!(roles == BTreeSet::from(["birds", "trees"]), "{roles:?}\n{}", finished.log);
    Ok(())
}

fn agents_that_do_not_suit_a_constraint_get_no_task(engine: Engine) -> Result<()> {
    let cluster = Cluster::of_processes(Plan::of(engine).agent("attributes", "rack:r1"), 1)?;
    let origin = Origin::start(|path| Some(picture(path)?.1))?;
    let job = job(&cluster, &origin, 2)?;

    let mut run = job.clone().with(&["--constraint", "rack:IS:r2", "--verbose"]).start()?;
    run.program.wait_for("a declined offer", WITHIN, |program| {
        let log = program.stderr();
        let mut declined = log.lines().filter(|line| line.contains("declined offer"));
        declined.any(|line| line.contains("does not suit a constraint")).then_some(())
    })?;
    run.program.signal(Signal::INT)?;
    let status = run.program.wait(WITHIN)?;
    ensure!(status.code() == Some(130), "{status}\n{}", run.program.tail());
    drop(run);
    ensure!(origin.total_requests() == 0, "{} requests", origin.total_requests());

    let finished = job.with(&["--constraint", "rack:LIKE:r[12]"]).run(0, WITHIN)?;
    for entry in &finished.entries {
        entry.result(&finished.output)?;
    }
    Ok(())
}

/// The first picture is not sent to who asks for it first.
fn a_task_that_takes_too_long_is_run_a_second_time_elsewhere(engine: Engine) -> Result<()> {
    let cluster = Cluster::start(engine, 2)?;
    let origin = Origin::start(|path| {
        let (number, picture) = picture(path)?;
        Some(if number == 1 { Answer::Never.then(1, picture) } else { picture })
    })?;
    let finished = job(&cluster, &origin, 6)?.with(&["--straggler-after=1s"]).run(0, WITHIN)?;
    for entry in &finished.entries {
        entry.result(&finished.output)?;
    }
    ensure!(finished.log.contains("is slow;"), "{}", finished.log);
    let requests = origin.requests("/1.png");
    ensure!(requests == 2, "asked for {requests} times\n{}", finished.log);
    // It is all the same image, so none is counted twice.
    ensure!(finished.log.matches("image 1 is done").count() == 1, "{}", finished.log);
    Ok(())
}

on_each_engine!(
    resources_of_several_roles_are_used,
    agents_that_do_not_suit_a_constraint_get_no_task,
    a_task_that_takes_too_long_is_run_a_second_time_elsewhere,
);
