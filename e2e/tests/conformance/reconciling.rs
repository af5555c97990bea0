//! What the master says when it is asked about tasks.

use anyhow::Result;
use e2e::Engine;
use e2e::plain::Scheduler;
use serde_json::{Value, json};

use crate::bench::{
    SILENCE, SOON, Stage, bed, framework, framework_with, has, lacks, reconcile, status_is,
};

fn everything() -> Value {
    json!({ "tasks": [] })
}

pub(crate) fn c36_a_running_task(engine: Engine) -> Result<()> {
    let mut stage = Stage::running(engine)?;
    stage.scheduler.does("RECONCILE", everything())?;
    let status = stage.scheduler.status("t1")?;
    status_is(&status, "TASK_RUNNING", "REASON_RECONCILIATION")?;
    has(&status, "/source", "SOURCE_MASTER")?;
    has(&status, "/agent_id", stage.agent_id())?;
    has(&status, "/message", "Reconciliation: Latest task state")?;
    lacks(&status, "/uuid")
}

/// The task is over; the update that says so has arrived.
fn finish(stage: &mut Stage) -> Result<Value> {
    stage.executor.update(&stage.executor.status("t1", "TASK_FINISHED", 2))?;
    let status = stage.scheduler.status("t1")?;
    has(&status, "/state", "TASK_FINISHED")?;
    Ok(status)
}

pub(crate) fn c37_a_task_that_is_over(engine: Engine) -> Result<()> {
    let mut stage = Stage::running(engine)?;
    let status = finish(&mut stage)?;
    stage.scheduler.acknowledge(&status)?;
    // Answered in their order; so the second says when the first has been.
    stage.scheduler.does("RECONCILE", everything())?;
    stage.scheduler.does("RECONCILE", reconcile("unknown", None))?;
    stage.scheduler.status("unknown")?;
    stage.scheduler.gets_no_status("t1", SILENCE)
}

pub(crate) fn c38_a_task_that_is_over_unacknowledged(engine: Engine) -> Result<()> {
    let mut stage = Stage::running(engine)?;
    finish(&mut stage)?;
    stage.scheduler.does("RECONCILE", everything())?;
    let status = stage.scheduler.status("t1")?;
    status_is(&status, "TASK_FINISHED", "REASON_RECONCILIATION")?;
    lacks(&status, "/uuid")
}

pub(crate) fn c39_an_unknown_task_on_a_known_agent(engine: Engine) -> Result<()> {
    let bed = bed(engine)?;
    let agent = bed.the_agent()?.id;
    for (capabilities, state) in [(&[][..], "TASK_LOST"), (&["PARTITION_AWARE"], "TASK_GONE")] {
        let mut scheduler = Scheduler::subscribe(bed.master(), &framework_with(capabilities))?;
        scheduler.does("RECONCILE", reconcile("t1", Some(&agent)))?;
        let status = scheduler.status("t1")?;
        status_is(&status, state, "REASON_RECONCILIATION")?;
        has(&status, "/message", "Reconciliation: Task is unknown to the agent")?;
        lacks(&status, "/unreachable_time")?;
    }
    Ok(())
}

pub(crate) fn c40_an_unknown_agent(engine: Engine) -> Result<()> {
    let bed = bed(engine)?;
    for (capabilities, state) in [(&[][..], "TASK_LOST"), (&["PARTITION_AWARE"], "TASK_UNKNOWN")] {
        let mut scheduler = Scheduler::subscribe(bed.master(), &framework_with(capabilities))?;
        for (task, agent) in [("t1", Some("unknown")), ("t2", None)] {
            scheduler.does("RECONCILE", reconcile(task, agent))?;
            let status = scheduler.status(task)?;
            status_is(&status, state, "REASON_RECONCILIATION")?;
            has(&status, "/message", "Reconciliation: Task is unknown")?;
        }
    }
    Ok(())
}

pub(crate) fn c41_an_agent_that_is_not_back_yet(engine: Engine) -> Result<()> {
    let mut bed = bed(engine)?;
    let agent = bed.the_agent()?.id;
    let mut scheduler = Scheduler::subscribe(bed.master(), &framework())?;
    let info = scheduler.info_with_id();
    bed.kill_agent(0)?;
    bed.kill_master()?;
    scheduler.events.end(SOON)?;
    bed.start_master()?;
    bed.wait_for_master()?;
    let content = json!({ "framework_info": info });
    let mut scheduler = Scheduler::subscribe_with(bed.master(), None, &content)?;
    // Nobody can say without that agent.
    for id in [Some(agent.as_str()), None] {
        scheduler.does("RECONCILE", reconcile("t1", id))?;
    }
    scheduler.gets_no_status("t1", SILENCE)?;
    bed.start_agent(0)?;
    bed.wait_for_agents()?;
    scheduler.does("RECONCILE", reconcile("t1", Some(&agent)))?;
    status_is(&scheduler.status("t1")?, "TASK_LOST", "REASON_RECONCILIATION")
}
