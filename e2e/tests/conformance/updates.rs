//! Status updates: once for each acknowledgement, again without one.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use e2e::Engine;
use serde_json::json;

use crate::bench::{SOON, Stage, has, lacks, tells};

pub(crate) fn c33_an_update_goes_through(engine: Engine) -> Result<()> {
    let mut stage = Stage::set(engine)?;
    for (number, state) in [(1, "TASK_RUNNING"), (2, "TASK_FINISHED")] {
        let mut status = stage.executor.status("t1", state, number);
        status["data"] = json!("AAH/");
        status["message"] = json!("some message");
        status["labels"] = json!({ "labels": [{ "key": "k", "value": "v" }] });
        stage.executor.update(&status)?;
        let acknowledged = stage.orders.of_type("ACKNOWLEDGED", SOON)?;
        has(&acknowledged, "/acknowledged/task_id/value", "t1")?;
        has(&acknowledged, "/acknowledged/uuid", status["uuid"].clone())?;
        let arrived = stage.scheduler.status("t1")?;
        for field in ["state", "uuid", "data", "message", "labels", "executor_id", "task_id"] {
            has(&arrived, &format!("/{field}"), status[field].clone())?;
        }
        has(&arrived, "/source", "SOURCE_EXECUTOR")?;
        has(&arrived, "/agent_id", stage.agent_id())?;
        ensure!(arrived["timestamp"].as_f64().is_some_and(|it| it > 1e9), "{arrived}");
        has(&arrived, "/container_status/network_infos/0/ip_addresses/0/ip_address", "127.0.0.1")?;
        let container = arrived.pointer("/container_status/container_id/value");
        ensure!(container.is_some(), "no container id in {arrived}");
        lacks(&arrived, "/reason")?;
        stage.scheduler.acknowledge(&arrived)?;
    }
    Ok(())
}

pub(crate) fn c34_again_until_acknowledged(engine: Engine) -> Result<()> {
    let mut stage = Stage::set(engine)?;
    stage.executor.update(&stage.executor.status("t1", "TASK_RUNNING", 1))?;
    stage.executor.update(&stage.executor.status("t1", "TASK_FINISHED", 2))?;
    let first = stage.scheduler.status("t1")?;
    has(&first, "/state", "TASK_RUNNING")?;
    for seconds in [10, 20] {
        let since = Instant::now();
        // Not earlier, but later on a busy machine; and nothing else in between.
        let early = Duration::from_secs(seconds - 1);
        stage.scheduler.gets_no_status("t1", early)?;
        let again = stage.scheduler.status("t1")?;
        has(&again, "/state", "TASK_RUNNING")?;
        has(&again, "/uuid", first["uuid"].clone())?;
        has(&again, "/timestamp", first["timestamp"].clone())?;
        ensure!(since.elapsed() >= early, "again after {:?}", since.elapsed());
    }
    stage.scheduler.acknowledge(&first)?;
    has(&stage.scheduler.status("t1")?, "/state", "TASK_FINISHED")
}

pub(crate) fn c35_the_next_instance_gets_what_waits(engine: Engine) -> Result<()> {
    let mut stage = Stage::set(engine)?;
    stage.executor.update(&stage.executor.status("t1", "TASK_RUNNING", 1))?;
    let first = stage.scheduler.status("t1")?;
    stage.scheduler.events.forget();
    stage.scheduler = stage.scheduler.again()?;
    // The agent would send it again by itself only ten seconds after the first time.
    let again = stage.scheduler.status_within("t1", Duration::from_secs(8))?;
    has(&again, "/uuid", first["uuid"].clone())?;
    has(&again, "/state", "TASK_RUNNING")
}

pub(crate) fn c47_messages_both_ways(engine: Engine) -> Result<()> {
    let mut stage = Stage::running(engine)?;
    // Every byte, and what JSON has to escape.
    let data = e2e::plain::base64(&(0..=u8::MAX).collect::<Vec<_>>());
    let exchange = |stage: &mut Stage| -> Result<()> {
        let (agent, executor) = (stage.agent_id(), json!({ "value": "e1" }));
        stage
            .scheduler
            .does("MESSAGE", json!({ "agent_id": agent, "executor_id": executor, "data": data }))?;
        has(&stage.orders.of_type("MESSAGE", SOON)?, "/message/data", data.clone())?;
        let reply = stage.executor.call("MESSAGE", &json!({ "data": data }))?;
        ensure!(reply.status == 202, "{reply:?}");
        let message = stage.scheduler.events.of_type("MESSAGE", SOON)?;
        has(&message, "/message/data", data.clone())?;
        has(&message, "/message/agent_id", agent)?;
        has(&message, "/message/executor_id/value", "e1")
    };
    exchange(&mut stage)?;
    let next = stage.scheduler.again()?;
    let mut before = std::mem::replace(&mut stage.scheduler, next);
    before.events.end(SOON)?;
    exchange(&mut stage).context("after the failover of the scheduler")?;
    let late = before.events.of_type("MESSAGE", Duration::ZERO);
    ensure!(late.is_err(), "the scheduler of before got {late:?}");
    tells(&stage.scheduler.subscribed, "/type", "SUBSCRIBED")
}
