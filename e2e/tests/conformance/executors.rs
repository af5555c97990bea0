//! The executor's side: what the agent answers, and what becomes of executors.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use e2e::plain::{End, Executor, Next};
use e2e::{Agent, Engine, http, until};
use serde_json::{Value, json};

use crate::bench::{SOON, Stage, bare_task, framework, has, is, plan, status_is, tells};

pub(crate) fn c45_shutdown_of_an_executor(engine: Engine) -> Result<()> {
    let mut stage = Stage::running(engine)?;
    let executor_id = json!({ "value": "e1" });
    let shutdown = json!({ "executor_id": executor_id, "agent_id": stage.agent_id() });
    stage.scheduler.does("SHUTDOWN", shutdown)?;
    stage.orders.of_type("SHUTDOWN", SOON)?;
    stage.executor.update(&stage.executor.status("t1", "TASK_KILLED", 2))?;
    let status = stage.scheduler.status("t1")?;
    has(&status, "/state", "TASK_KILLED")?;
    stage.executor.host.exit(0)?;
    let failure = stage.scheduler.events.of_type("FAILURE", SOON)?;
    has(&failure, "/failure/executor_id", executor_id)?;
    has(&failure, "/failure/agent_id", stage.agent_id())?;
    has(&failure, "/failure/status", 0)
}

pub(crate) fn c46_teardown(engine: Engine) -> Result<()> {
    let mut stage = Stage::running(engine)?;
    stage.scheduler.does("TEARDOWN", Value::Null)?;
    let end = stage.scheduler.events.end(SOON)?;
    ensure!(end == End::Closed, "{end:?}");
    stage.orders.of_type("SHUTDOWN", SOON)?;
    Ok(())
}

pub(crate) fn c48_an_executor_subscribes(engine: Engine) -> Result<()> {
    let (scheduler, host, offer, _bed) = Stage::launched(plan(engine), &framework(), &["t1"])?;
    let executor = host.executor()?;
    let answer = executor.subscription(&json!({}))?;
    ensure!(answer.status == 200, "{answer:?}");
    ensure!(answer.header("Transfer-Encoding") == Some("chunked"), "{answer:?}");
    ensure!(answer.header("Content-Type") == Some("application/json"), "{answer:?}");
    let mut events = e2e::plain::Events::of(answer)?;
    let Next::Event(first) = events.next(SOON) else { bail!("no first event") };
    has(&first, "/type", "SUBSCRIBED")?;
    has(&first, "/subscribed/executor_info/executor_id/value", "e1")?;
    has(&first, "/subscribed/executor_info/framework_id/value", scheduler.framework_id.clone())?;
    has(&first, "/subscribed/framework_info/id/value", scheduler.framework_id)?;
    has(&first, "/subscribed/agent_info/id", offer["agent_id"].clone())?;
    let container = first.pointer("/subscribed/container_id/value").and_then(Value::as_str);
    ensure!(container.is_some_and(|id| !id.is_empty()), "no container id in {first}");
    let Next::Event(second) = events.next(SOON) else { bail!("no second event") };
    has(&second, "/type", "LAUNCH")?;
    has(&second, "/launch/task/task_id/value", "t1")?;
    has(&second, "/launch/task/executor/executor_id/value", "e1")?;
    knows_its_world(&executor, &offer)
}

/// The environment that the agent promises to executors.
fn knows_its_world(executor: &Executor, offer: &Value) -> Result<()> {
    let of = |name: &str| {
        executor.environment.get(name).with_context(|| format!("no {name}")).map(String::as_str)
    };
    ensure!(offer["agent_id"]["value"] == of("MESOS_SLAVE_ID")?);
    ensure!(of("MESOS_SLAVE_PID")? == format!("slave(1)@{}", executor.agent));
    ensure!(of("MESOS_CHECKPOINT")? == "0");
    ensure!(of("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD")? == "5secs");
    ensure!(of("MESOS_HTTP_COMMAND_EXECUTOR")? == "0");
    ensure!(of("LIBPROCESS_PORT")? == "0");
    let sandbox = Path::new(of("MESOS_SANDBOX")?);
    ensure!(sandbox.is_absolute() && sandbox == Path::new(of("MESOS_DIRECTORY")?));
    ensure!(sandbox.join("stdout").is_file() && of("PWD")? == of("MESOS_SANDBOX")?);
    Ok(())
}

/// A call to the executor's endpoint of an agent.
fn post(agent: &Agent, call: &Value) -> Result<http::Reply> {
    let path = format!("/{}/api/v1/executor", agent.process);
    let json = [("Content-Type", "application/json")];
    http::request(agent.address, "POST", &path, &json, call.to_string().as_bytes())
}

fn call(kind: &str, content: &Value) -> Value {
    let mut call = json!({
        "framework_id": { "value": "unknown" },
        "executor_id": { "value": "unknown" },
        "type": kind,
    });
    call[kind.to_lowercase()] = content.clone();
    call
}

pub(crate) fn c49_an_agent_that_recovers(engine: Engine) -> Result<()> {
    let mut bed = crate::bench::bed(engine)?;
    let agent = bed.the_agent()?;
    bed.kill_agent(0)?;
    // Recovery reads this file, and waits for somebody to write to it.
    let file = bed.agent_work_dir(0).join("meta/boot_id");
    let content = fs::read(&file)?;
    fs::remove_file(&file)?;
    ensure!(Command::new("mkfifo").arg(&file).status()?.success(), "no mkfifo");
    bed.start_agent(0)?;
    let subscribe = call("SUBSCRIBE", &json!({}));
    let refused = until("an answer of the agent", SOON, || {
        // Nobody listens yet, or nothing is known of paths yet.
        Ok(post(&agent, &subscribe).ok().filter(|reply| reply.status != 404))
    })?;
    is(&refused, 503, "Agent has not finished recovery")?;
    fs::write(&file, content)?;
    bed.wait_for_agents()?;
    is(&post(&agent, &subscribe)?, 400, "Framework cannot be found")
}

pub(crate) fn c50_an_unknown_framework(engine: Engine) -> Result<()> {
    let stage = Stage::running(engine)?;
    let agent = stage.bed.the_agent()?;
    is(&post(&agent, &call("SUBSCRIBE", &json!({})))?, 400, "Framework cannot be found")?;
    let mut unknown = stage.executor.as_call("SUBSCRIBE", &json!({}));
    unknown["executor_id"]["value"] = json!("unknown");
    is(&post(&agent, &unknown)?, 400, "Executor cannot be found")
}

pub(crate) fn c51_calls_without_their_content(engine: Engine) -> Result<()> {
    let stage = Stage::running(engine)?;
    for kind in ["SUBSCRIBE", "UPDATE", "MESSAGE"] {
        let reply = stage.executor.call(kind, &Value::Null)?;
        is(&reply, 400, "Failed to validate Executor::Call: Expecting '").context(kind)?;
        let field = format!("'{}' to be present", kind.to_lowercase());
        is(&reply, 400, &field)?;
    }
    Ok(())
}

pub(crate) fn c52_updates_that_are_none(engine: Engine) -> Result<()> {
    let stage = Stage::running(engine)?;
    let bad = [
        ("executor_id", json!({ "value": "other" })),
        ("uuid", json!(e2e::plain::base64(b"bad-uuid"))),
        ("uuid", json!(e2e::plain::base64(&[0xff; 16]))),
        ("uuid", Value::Null),
        ("state", json!("TASK_STAGING")),
        ("source", json!("SOURCE_AGENT")),
        ("source", Value::Null),
    ];
    for (field, value) in bad {
        let mut status = stage.executor.status("t1", "TASK_RUNNING", 9);
        status[field] = value.clone();
        let reply = stage.executor.call("UPDATE", &json!({ "status": status }))?;
        is(&reply, 400, "Failed to validate Executor::Call: ")
            .context(format!("{field} {value}"))?;
    }
    Ok(())
}

pub(crate) fn c53_a_heartbeat_of_anybody(engine: Engine) -> Result<()> {
    let bed = crate::bench::bed(engine)?;
    let mut heartbeat = call("HEARTBEAT", &Value::Null);
    if let Some(fields) = heartbeat.as_object_mut() {
        fields.remove("heartbeat");
    }
    is(&post(&bed.the_agent()?, &heartbeat)?, 202, "")
}

pub(crate) fn c54_an_executor_that_does_not_subscribe(engine: Engine) -> Result<()> {
    let plan = plan(engine).agent("executor_registration_timeout", "2secs");
    let (mut scheduler, host, _, _bed) = Stage::launched(plan, &framework(), &["t1"])?;
    host.executor()?;
    let status = scheduler.status("t1")?;
    status_is(&status, "TASK_FAILED", "REASON_EXECUTOR_REGISTRATION_TIMEOUT")?;
    has(&status, "/source", "SOURCE_AGENT")?;
    tells(&status, "/message", "Executor did not register within 2secs")
}

pub(crate) fn c55_an_executor_that_dies(engine: Engine) -> Result<()> {
    let mut stage = Stage::running(engine)?;
    stage.executor.host.exit(3)?;
    let status = stage.scheduler.status("t1")?;
    status_is(&status, "TASK_FAILED", "REASON_EXECUTOR_TERMINATED")?;
    has(&status, "/source", "SOURCE_AGENT")?;
    has(&status, "/executor_id/value", "e1")?;
    ensure!(status.get("uuid").is_some(), "no uuid in {status}");
    let failure = stage.scheduler.events.of_type("FAILURE", SOON)?;
    has(&failure, "/failure/executor_id/value", "e1")?;
    // As wait(2) has it: the exit status is in the second byte.
    has(&failure, "/failure/status", 3 << 8)
}

pub(crate) fn c56_an_executor_subscribes_again(engine: Engine) -> Result<()> {
    let tasks = ["known", "reported", "forgotten"];
    let mut stage = Stage::set_with(plan(engine), &framework(), &tasks)?;
    let reported = stage.executor.status("reported", "TASK_RUNNING", 1);
    // As the executor has to keep a task until the agent acknowledges its first update.
    let kept: Vec<_> = ["known", "reported"].map(|id| bare_task(&stage.offer, id)).into();
    let mut again = stage.executor.subscribe_with(&json!({
        "unacknowledged_tasks": kept,
        "unacknowledged_updates": [{ "status": reported }],
    }))?;
    let end = stage.orders.end(SOON)?;
    ensure!(end == End::Closed, "{end:?}");
    again.of_type("SUBSCRIBED", SOON)?;
    let running = stage.scheduler.status("reported")?;
    has(&running, "/state", "TASK_RUNNING")?;
    has(&running, "/uuid", reported["uuid"].clone())?;
    has(&again.of_type("ACKNOWLEDGED", SOON)?, "/acknowledged/uuid", reported["uuid"].clone())?;
    let dropped = stage.scheduler.status("forgotten")?;
    status_is(&dropped, "TASK_LOST", "REASON_AGENT_RESTARTED")?;
    has(&dropped, "/source", "SOURCE_AGENT")?;
    stage.scheduler.gets_no_status("known", crate::bench::SILENCE)
}
