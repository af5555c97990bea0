//! Which tasks are launched, and what becomes of those that are not.

use anyhow::{Result, ensure};
use e2e::Engine;
use e2e::plain::{Host, Scheduler};
use serde_json::{Value, json};

use crate::bench::{
    SILENCE, SOON, Stage, bed, executor_info, framework, has, lacks, plan, status_is, task,
    task_of, tells,
};

/// A status that says the task itself is wrong.
fn is_invalid(status: &Value, message: &str) -> Result<()> {
    status_is(status, "TASK_ERROR", "REASON_TASK_INVALID")?;
    has(status, "/source", "SOURCE_MASTER")?;
    lacks(status, "/uuid")?;
    tells(status, "/message", message)
}

pub(crate) fn c30_a_task_without_resources(engine: Engine) -> Result<()> {
    let bed = bed(engine)?;
    let mut scheduler = Scheduler::subscribe(bed.master(), &framework())?;
    let offer = scheduler.offer()?;
    let mut nothing = task(&offer, "t1", "true");
    nothing["resources"] = json!([]);
    scheduler.launch(&offer, &[nothing])?;
    is_invalid(&scheduler.status("t1")?, "Task uses no resources")
}

pub(crate) fn c31_two_tasks_of_one_id(engine: Engine) -> Result<()> {
    let bed = bed(engine)?;
    let mut scheduler = Scheduler::subscribe(bed.master(), &framework())?;
    let offer = scheduler.offer()?;
    let host = Host::new(bed.folder(), "e1");
    let one = task_of(&offer, "t1", &executor_info("e1", &host));
    scheduler.launch(&offer, &[one, task(&offer, "t1", "true")])?;
    is_invalid(&scheduler.status("t1")?, "Task has duplicate ID: t1")?;
    // The first is not affected.
    let executor = host.executor()?;
    let mut orders = executor.subscribe()?;
    has(&orders.of_type("LAUNCH", SOON)?, "/launch/task/task_id/value", "t1")?;
    executor.update(&executor.status("t1", "TASK_RUNNING", 1))?;
    has(&scheduler.status("t1")?, "/state", "TASK_RUNNING")
}

pub(crate) fn c32_one_executor_id_for_two(engine: Engine) -> Result<()> {
    let bed = bed(engine)?;
    let mut scheduler = Scheduler::subscribe(bed.master(), &framework())?;
    let offer = scheduler.offer()?;
    let info = executor_info("e1", &Host::new(bed.folder(), "e1"));
    let mut other = info.clone();
    other["command"]["value"] = json!("exit 1");
    scheduler.launch(&offer, &[task_of(&offer, "t1", &info), task_of(&offer, "t2", &other)])?;
    is_invalid(&scheduler.status("t2")?, "ExecutorInfo is not compatible")?;
    scheduler.gets_no_status("t1", SILENCE)
}

pub(crate) fn c42_kill_of_an_unknown_task(engine: Engine) -> Result<()> {
    let bed = bed(engine)?;
    let mut scheduler = Scheduler::subscribe(bed.master(), &framework())?;
    let agent = bed.the_agent()?.id;
    for (id, agent) in [("t1", None), ("t2", Some(json!({ "value": agent })))] {
        scheduler.does("KILL", json!({ "task_id": { "value": id }, "agent_id": agent }))?;
        let status = scheduler.status(id)?;
        status_is(&status, "TASK_LOST", "REASON_RECONCILIATION")?;
        lacks(&status, "/uuid")?;
    }
    Ok(())
}

pub(crate) fn c43_kill_of_a_running_task(engine: Engine) -> Result<()> {
    let mut stage = Stage::running(engine)?;
    stage.scheduler.does(
        "KILL",
        json!({
            "task_id": { "value": "t1" },
            "agent_id": stage.agent_id(),
            "kill_policy": { "grace_period": { "nanoseconds": 7_000_000_000_i64 } },
        }),
    )?;
    let kill = stage.orders.of_type("KILL", SOON)?;
    has(&kill, "/kill/task_id/value", "t1")?;
    has(&kill, "/kill/kill_policy/grace_period/nanoseconds", 7_000_000_000_i64)?;
    stage.executor.update(&stage.executor.status("t1", "TASK_KILLED", 2))?;
    let status = stage.scheduler.status("t1")?;
    has(&status, "/state", "TASK_KILLED")?;
    has(&status, "/source", "SOURCE_EXECUTOR")
}

pub(crate) fn c44_kill_of_a_task_on_its_way(engine: Engine) -> Result<()> {
    let (mut scheduler, host, _, _bed) = Stage::launched(plan(engine), &framework(), &["t1"])?;
    // It runs, but has not subscribed.
    let executor = host.executor()?;
    scheduler.does("KILL", json!({ "task_id": { "value": "t1" } }))?;
    let status = scheduler.status("t1")?;
    status_is(&status, "TASK_KILLED", "REASON_TASK_KILLED_DURING_LAUNCH")?;
    has(&status, "/source", "SOURCE_AGENT")?;
    ensure!(status.get("uuid").is_some(), "no uuid in {status}");
    // There is nothing left to do for the executor.
    executor.subscribe()?.of_type("SHUTDOWN", SOON)?;
    Ok(())
}

pub(crate) fn c57_a_command_that_cannot_be_fetched(engine: Engine) -> Result<()> {
    let bed = bed(engine)?;
    let mut scheduler = Scheduler::subscribe(bed.master(), &framework())?;
    let offer = scheduler.offer()?;
    let mut unreachable = task(&offer, "t1", "true");
    let absent = bed.folder().join("absent").display().to_string();
    unreachable["command"]["uris"] = json!([{ "value": absent }]);
    scheduler.launch(&offer, &[unreachable])?;
    let status = scheduler.status("t1")?;
    status_is(&status, "TASK_FAILED", "REASON_CONTAINER_LAUNCH_FAILED")?;
    has(&status, "/source", "SOURCE_AGENT")?;
    let text = "Failed to launch container: Failed to fetch all URIs for container";
    tells(&status, "/message", text)?;
    ensure!(status.get("uuid").is_some(), "no uuid in {status}");
    Ok(())
}
