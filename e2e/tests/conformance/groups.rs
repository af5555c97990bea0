//! Task groups: together to one executor, or none of them.

use anyhow::{Result, ensure};
use e2e::plain::{Host, Scheduler};
use e2e::{Engine, Testbed};
use serde_json::{Value, json};

use crate::bench::{
    SILENCE, SOON, bare_task, bed, executor_info, framework, has, resources, scalar, status_is,
    tells,
};

/// A scheduler with an offer, and an executor that may have groups.
struct Stage {
    scheduler: Scheduler,
    host: Host,
    offer: Value,
    executor: Value,
    // Last, so that connections end before their peers.
    _bed: Testbed,
}

impl Stage {
    fn set(engine: Engine) -> Result<Self> {
        let bed = bed(engine)?;
        let mut scheduler = Scheduler::subscribe(bed.master(), &framework())?;
        let offer = scheduler.offer()?;
        let host = Host::new(bed.folder(), "e1");
        let mut executor = executor_info("e1", &host);
        executor["type"] = json!("CUSTOM");
        executor["framework_id"] = json!({ "value": scheduler.framework_id });
        executor["resources"] =
            json!([scalar("cpus", 0.1), scalar("mem", 32.0), scalar("disk", 1.0)]);
        Ok(Self { scheduler, host, offer, executor, _bed: bed })
    }

    /// Tasks of these ids, without an executor of their own.
    fn tasks(&self, ids: &[&str]) -> Vec<Value> {
        ids.iter().map(|id| bare_task(&self.offer, id)).collect()
    }

    fn launch(&self, tasks: &[Value]) -> Result<()> {
        let group = json!({ "executor": self.executor, "task_group": { "tasks": tasks } });
        let operation = json!({ "type": "LAUNCH_GROUP", "launch_group": group });
        self.scheduler.accept(&self.offer, &operation, 0.0)
    }

    /// Each task is refused for this.
    fn is_refused(&mut self, tasks: &[Value], message: &str) -> Result<()> {
        self.launch(tasks)?;
        for task in tasks {
            let id = task["name"].as_str().unwrap_or_default();
            let status = self.scheduler.status(id)?;
            status_is(&status, "TASK_ERROR", "REASON_TASK_GROUP_INVALID")?;
            has(&status, "/source", "SOURCE_MASTER")?;
            tells(&status, "/message", message)?;
        }
        ensure!(!self.host.has_started(), "an executor for nothing");
        Ok(())
    }
}

pub(crate) fn c63_a_group_comes_as_one(engine: Engine) -> Result<()> {
    let mut stage = Stage::set(engine)?;
    stage.launch(&stage.tasks(&["t1", "t2"]))?;
    let executor = stage.host.executor()?;
    let mut orders = executor.subscribe()?;
    let launch = orders.of_type("LAUNCH_GROUP", SOON)?;
    for (number, id) in ["t1", "t2"].into_iter().enumerate() {
        let path = format!("/launch_group/task_group/tasks/{number}");
        has(&launch, &format!("{path}/task_id/value"), id)?;
        has(&launch, &format!("{path}/executor/executor_id/value"), "e1")?;
        executor.update(&executor.status(id, "TASK_RUNNING", 1 + number as u64))?;
        let status = stage.scheduler.status(id)?;
        has(&status, "/state", "TASK_RUNNING")?;
        stage.scheduler.acknowledge(&status)?;
    }
    // Each ends by itself.
    executor.update(&executor.status("t1", "TASK_FINISHED", 3))?;
    let status = stage.scheduler.until_state("t1", "TASK_FINISHED")?;
    stage.scheduler.acknowledge(&status)?;
    stage.scheduler.gets_no_status("t2", SILENCE)
}

pub(crate) fn c64_all_of_a_group_or_none(engine: Engine) -> Result<()> {
    let mut stage = Stage::set(engine)?;
    let mut tasks = stage.tasks(&["t1", "t2"]);
    tasks[1]["resources"] = json!([]);
    stage.is_refused(&tasks, "Task 't2' is invalid: Task uses no resources")?;
    let mut stage = Stage::set(engine)?;
    stage.executor["resources"] = resources(0.1, 32.0);
    stage.is_refused(&stage.tasks(&["t1", "t2"]), "uses no disk")?;
    let mut stage = Stage::set(engine)?;
    let mut tasks = stage.tasks(&["t1", "t2"]);
    tasks[1]["resources"] = resources(1000.0, 32.0);
    stage.is_refused(&tasks, "more than available")?;
    // Whoever has the id is not touched by what is said of it.
    let mut stage = Stage::set(engine)?;
    stage.launch(&stage.tasks(&["t1"]))?;
    stage.offer = stage.scheduler.offer()?;
    stage.launch(&stage.tasks(&["t1", "t2"]))?;
    for id in ["t1", "t2"] {
        let status = stage.scheduler.status(id)?;
        status_is(&status, "TASK_ERROR", "REASON_TASK_GROUP_INVALID")?;
        has(&status, "/message", "Task 't1' is invalid: Task has duplicate ID: t1")?;
    }
    let executor = stage.host.executor()?;
    let mut orders = executor.subscribe()?;
    let launch = orders.of_type("LAUNCH_GROUP", SOON)?;
    has(&launch, "/launch_group/task_group/tasks/0/task_id/value", "t1")
}

pub(crate) fn c65_a_kill_before_delivery_is_for_the_whole_group(engine: Engine) -> Result<()> {
    let mut stage = Stage::set(engine)?;
    stage.launch(&stage.tasks(&["t1", "t2"]))?;
    // It runs, but has not subscribed.
    let executor = stage.host.executor()?;
    stage.scheduler.does("KILL", json!({ "task_id": { "value": "t1" } }))?;
    for id in ["t1", "t2"] {
        let status = stage.scheduler.status(id)?;
        status_is(&status, "TASK_KILLED", "REASON_TASK_KILLED_DURING_LAUNCH")?;
        ensure!(status.get("uuid").is_some(), "no uuid in {status}");
    }
    executor.subscribe()?.of_type("SHUTDOWN", SOON)?;
    Ok(())
}
