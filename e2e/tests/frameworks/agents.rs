//! Agents that die or fall silent, and come back. Only on the real Mesos, as the agents of
//! `mesos-local` are no processes of their own.

#![cfg(feature = "real-mesos")]

use anyhow::{Context, Result, ensure};
use e2e::plain::Scheduler;
use e2e::{Cluster, Engine, Plan, Testbed, executors, until, user};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::failures::{WITHIN, each_was_done_once, first_takes_long, is_at_work, job};

#[test]
fn an_executor_outlives_its_agent_and_sends_what_it_has() -> Result<()> {
    let mut cluster = Cluster::of_processes(Plan::of(Engine::Real), 1)?;
    let origin = first_takes_long()?;
    let job = job(&cluster, &origin)?;
    let mut run = job.start()?;
    is_at_work(&mut run, &origin)?;
    let before = executors(cluster.folder());
    ensure!(before.len() == 1, "{before:?}");
    cluster.nodes()?.kill_agent(0)?;
    // While the agent is away the image gets done, so its update has to wait for the agent.
    run.program.wait_for("the result of the first image", WITHIN, |_| {
        let results = std::fs::read_dir(job.output()).ok()?.flatten();
        results.map(|it| it.path().join("1-1.png")).find(|file| file.exists())
    })?;
    ensure!(executors(cluster.folder()) == before, "the executor did not outlive its agent");
    cluster.nodes()?.start_agent(0)?;
    let finished = run.finish(0, WITHIN).with_context(|| cluster.tail())?;
    each_was_done_once(&finished, &origin)
}

#[test]
fn an_agent_that_was_unreachable_is_of_use_again() -> Result<()> {
    let plan = Plan::of(Engine::Real);
    let plan = plan.master("agent_ping_timeout", "1secs").master("max_agent_ping_timeouts", "2");
    let mut cluster = Cluster::of_processes(plan, 1)?;
    let origin = first_takes_long()?;
    let mut run = job(&cluster, &origin)?.start()?;
    is_at_work(&mut run, &origin)?;
    cluster.nodes()?.signal_agent(0, Signal::STOP)?;
    run.program.wait_for("a word about tasks on an unreachable agent", WITHIN, |program| {
        program.stderr().contains("is TASK_UNREACHABLE").then_some(())
    })?;
    until("the master to give the agent up", WITHIN, || {
        Ok(cluster.nodes()?.known_agents()?.is_empty().then_some(()))
    })?;
    cluster.nodes()?.signal_agent(0, Signal::CONT)?;
    cluster.nodes()?.wait_for_agents()?;
    let finished = run.finish(0, WITHIN).with_context(|| cluster.tail())?;
    for entry in &finished.entries {
        entry.result(&finished.output)?;
    }
    Ok(())
}

#[test]
fn an_agent_that_was_unreachable_brings_its_tasks_back() -> Result<()> {
    let plan = Plan::of(Engine::Real);
    let plan = plan.master("agent_ping_timeout", "1secs").master("max_agent_ping_timeouts", "2");
    let mut bed = Testbed::start(plan)?;
    let info = json!({
        "user": user(), "name": "patient", "checkpoint": true,
        "capabilities": [{ "type": "PARTITION_AWARE" }],
    });
    let mut scheduler = Scheduler::subscribe(bed.master(), &info)?;
    let offer = scheduler.offer()?;
    let scalar =
        |name, value| json!({ "name": name, "type": "SCALAR", "scalar": { "value": value } });
    scheduler.launch(
        &offer,
        &[json!({
            "name": "t1", "task_id": { "value": "t1" }, "agent_id": offer["agent_id"],
            "resources": [scalar("cpus", 0.1), scalar("mem", 32.0)],
            "command": { "value": "sleep 600" },
        })],
    )?;
    let running = scheduler.until_state("t1", "TASK_RUNNING")?;
    scheduler.acknowledge(&running)?;
    bed.signal_agent(0, Signal::STOP)?;
    let status = scheduler.status("t1")?;
    ensure!(status["state"] == "TASK_UNREACHABLE", "{status}");
    ensure!(status["reason"] == "REASON_AGENT_REMOVED", "{status}");
    ensure!(status.get("unreachable_time").is_some(), "{status}");
    bed.signal_agent(0, Signal::CONT)?;
    let status = scheduler.status("t1")?;
    ensure!(status["state"] == "TASK_RUNNING", "{status}");
    ensure!(status["reason"] == "REASON_AGENT_REREGISTERED", "{status}");
    ensure!(status.get("uuid").is_none(), "{status}");
    scheduler.does("TEARDOWN", Value::Null)
}
