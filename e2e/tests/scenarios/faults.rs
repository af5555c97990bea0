//! Agents, executors and masters that come and go.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::origin::{Answer, Origin};
use e2e::{Cluster, Engine, Job, executors, on_each_engine, pictures, until};

/// These jobs take seconds; the rest is for a busy machine.
const WITHIN: Duration = Duration::from_secs(90);

/// Pictures that take a moment each, `/1.png`, `/2.png` and so on.
fn leisurely(wait: Duration) -> Result<Origin> {
    Origin::start(move |path| {
        let number = path.strip_prefix('/')?.strip_suffix(".png")?.parse().ok()?;
        Some(Answer::picture(pictures::png(number).ok()?).after(wait))
    })
}

fn both_agents_get_work(engine: Engine) -> Result<()> {
    let cluster = Cluster::start(engine, 2)?;
    let origin = leisurely(Duration::from_millis(300))?;
    let lines: Vec<String> = (1..=16).map(|n| origin.url(&format!("/{n}.png"))).collect();
    let finished = Job::of_lines(&cluster, &lines)?.run(0, WITHIN)?;
    let agents: BTreeSet<&str> = finished.entries.iter().map(|it| it.agent.as_str()).collect();
    ensure!(agents.len() == 2 && !agents.contains(""), "the agents are {agents:?}");
    Ok(())
}

fn a_task_whose_executor_is_killed_is_run_again(engine: Engine) -> Result<()> {
    let cluster = Cluster::start(engine, 1)?;
    let origin = Origin::start(|path| {
        let number = path.strip_prefix('/')?.strip_suffix(".png")?.parse().ok()?;
        let picture = Answer::picture(pictures::png(number).ok()?);
        // Only the death of the executor gets the first one going again.
        Some(if number == 1 { Answer::Never.then(1, picture) } else { picture })
    })?;
    let lines: Vec<String> = (1..=4).map(|n| origin.url(&format!("/{n}.png"))).collect();
    let job = Job::of_lines(&cluster, &lines)?;
    let mut run = job.with(&["--idle-timeout=10m", "--download-timeout=10m"]).start()?;
    run.program.wait_for("the request that is not answered", WITHIN, |_| {
        (origin.requests("/1.png") == 1).then_some(())
    })?;
    let killed = executors(cluster.folder());
    ensure!(killed.len() == 1, "there should be one executor: {killed:?}");
    for executor in &killed {
        executor.kill()?;
    }
    let finished = run.finish(0, WITHIN)?;
    let first = finished.of(&origin.url("/1.png"))?;
    ensure!(first.attempts > 1 && origin.requests("/1.png") == 2, "{first:?}");
    for entry in &finished.entries {
        entry.result(&finished.output)?;
    }
    until("the end of the killed executor", WITHIN, || {
        Ok(killed.iter().all(|executor| !executor.is_running()).then_some(()))
    })
}

fn a_scheduler_without_a_master_waits_for_it(engine: Engine) -> Result<()> {
    let mut cluster = Cluster::planned(2)?;
    let origin = leisurely(Duration::ZERO)?;
    let lines: Vec<String> = (1..=4).map(|n| origin.url(&format!("/{n}.png"))).collect();
    let mut run = Job::of_lines(&cluster, &lines)?.start()?;
    run.program.wait_for("a word about the refused connection", WITHIN, |program| {
        program.stderr().to_lowercase().contains("refused").then_some(())
    })?;
    cluster.start_master(engine)?;
    let finished = run.finish(0, WITHIN)?;
    for entry in &finished.entries {
        entry.result(&finished.output)?;
    }
    Ok(())
}

on_each_engine!(
    both_agents_get_work,
    a_task_whose_executor_is_killed_is_run_again,
    a_scheduler_without_a_master_waits_for_it,
);
