//! What many checks begin with.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::http::Reply;
use e2e::plain::{Events, Executor, Host, Scheduler};
use e2e::{Engine, Plan, Testbed, user};
use serde_json::{Value, json};

/// For what comes at once; the rest is for a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// Short against the batch interval of a second, so that many of them fit into a moment.
pub(crate) const ALLOCATION_INTERVAL: &str = "200ms";

/// Ten allocation intervals, in which nothing may come.
pub(crate) const SILENCE: Duration = Duration::from_secs(2);

/// One agent, and allocations at short intervals.
pub(crate) fn plan(engine: Engine) -> Plan {
    Plan::of(engine).master("allocation_interval", ALLOCATION_INTERVAL)
}

/// A cluster of one agent.
pub(crate) fn bed(engine: Engine) -> Result<Testbed> {
    Testbed::start(plan(engine))
}

/// A master without agents.
pub(crate) fn lone_master(engine: Engine) -> Result<Testbed> {
    Testbed::start(plan(engine).agents(0))
}

/// A FrameworkInfo that survives a disconnection.
pub(crate) fn framework() -> Value {
    json!({ "user": user(), "name": "conformance", "failover_timeout": 600.0 })
}

/// A FrameworkInfo with capabilities.
pub(crate) fn framework_with(capabilities: &[&str]) -> Value {
    let mut info = framework();
    info["capabilities"] = capabilities.iter().map(|it| json!({ "type": it })).collect();
    info
}

/// Resources of these amounts.
pub(crate) fn resources(cpus: f64, mem: f64) -> Value {
    json!([scalar("cpus", cpus), scalar("mem", mem)])
}

/// So much of a resource.
pub(crate) fn scalar(name: &str, value: f64) -> Value {
    json!({ "name": name, "type": "SCALAR", "scalar": { "value": value } })
}

/// A small task on the agent of an offer, without a command or an executor yet.
pub(crate) fn bare_task(offer: &Value, id: &str) -> Value {
    json!({
        "name": id,
        "task_id": { "value": id },
        "agent_id": offer["agent_id"],
        "resources": resources(0.1, 32.0),
    })
}

/// A small task that runs a command.
pub(crate) fn task(offer: &Value, id: &str, command: &str) -> Value {
    let mut task = bare_task(offer, id);
    task["command"] = json!({ "value": command });
    task
}

/// A small task for an executor.
pub(crate) fn task_of(offer: &Value, id: &str, executor: &Value) -> Value {
    let mut task = bare_task(offer, id);
    task["executor"] = executor.clone();
    task
}

/// An executor whose part the test takes.
pub(crate) fn executor_info(id: &str, host: &Host) -> Value {
    json!({
        "executor_id": { "value": id },
        "name": id,
        "command": { "value": host.command() },
        "resources": resources(0.1, 32.0),
    })
}

/// A reply has this status, and a body that contains the text.
pub(crate) fn is(reply: &Reply, status: u16, text: &str) -> Result<()> {
    ensure!(
        reply.status == status && reply.text().contains(text),
        "not {status} and {text:?} but {} {:?} {:?}",
        reply.status,
        reply.headers,
        reply.text()
    );
    Ok(())
}

/// A field of a message has this value; `/a/b` is the path to it.
pub(crate) fn has(message: &Value, path: &str, value: impl Into<Value>) -> Result<()> {
    let (found, value) = (message.pointer(path), value.into());
    ensure!(found == Some(&value), "{path} is not {value} but {found:?} in {message}");
    Ok(())
}

/// A field of a message contains this text.
pub(crate) fn tells(message: &Value, path: &str, text: &str) -> Result<()> {
    let found = message.pointer(path).and_then(Value::as_str);
    let found = found.with_context(|| format!("no {path} in {message}"))?;
    ensure!(found.contains(text), "{path} does not say {text:?}: {message}");
    Ok(())
}

/// A message has no such field.
pub(crate) fn lacks(message: &Value, path: &str) -> Result<()> {
    ensure!(message.pointer(path).is_none(), "there should be no {path} in {message}");
    Ok(())
}

/// A status has this state and reason.
pub(crate) fn status_is(status: &Value, state: &str, reason: &str) -> Result<()> {
    has(status, "/state", state)?;
    has(status, "/reason", reason)
}

/// A cluster with a scheduler and an executor that has been given tasks.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) scheduler: Scheduler,
    pub(crate) executor: Executor,
    /// What the agent says to the executor.
    pub(crate) orders: Events,
    /// The offer that was used.
    pub(crate) offer: Value,
    // Last, so that connections end before their peers.
    pub(crate) bed: Testbed,
}

impl Stage {
    /// With one task, `t1`.
    pub(crate) fn set(engine: Engine) -> Result<Self> {
        Self::set_with(plan(engine), &framework(), &["t1"])
    }

    /// With these tasks of one executor, all delivered.
    pub(crate) fn set_with(plan: Plan, info: &Value, tasks: &[&str]) -> Result<Self> {
        let (scheduler, host, offer, bed) = Self::launched(plan, info, tasks)?;
        let executor = host.executor()?;
        let mut orders = executor.subscribe()?;
        orders.of_type("SUBSCRIBED", SOON)?;
        for _ in tasks {
            orders.of_type("LAUNCH", SOON)?;
        }
        Ok(Self { scheduler, executor, orders, offer, bed })
    }

    /// A task of an executor that has not subscribed.
    pub(crate) fn launched(
        plan: Plan,
        info: &Value,
        tasks: &[&str],
    ) -> Result<(Scheduler, Host, Value, Testbed)> {
        let bed = Testbed::start(plan)?;
        let mut scheduler = Scheduler::subscribe(bed.master(), info)?;
        let offer = scheduler.offer()?;
        let host = Host::new(bed.folder(), "e1");
        let executor = executor_info("e1", &host);
        let tasks: Vec<_> = tasks.iter().map(|id| task_of(&offer, id, &executor)).collect();
        scheduler.launch(&offer, &tasks)?;
        Ok((scheduler, host, offer, bed))
    }

    /// With `t1` running, and all that acknowledged.
    pub(crate) fn running(engine: Engine) -> Result<Self> {
        Self::running_with(plan(engine), &framework())
    }

    /// With `t1` running, and all that acknowledged.
    pub(crate) fn running_with(plan: Plan, info: &Value) -> Result<Self> {
        let mut stage = Self::set_with(plan, info, &["t1"])?;
        stage.executor.update(&stage.executor.status("t1", "TASK_RUNNING", 1))?;
        stage.orders.of_type("ACKNOWLEDGED", SOON)?;
        let status = stage.scheduler.until_state("t1", "TASK_RUNNING")?;
        stage.scheduler.acknowledge(&status)?;
        Ok(stage)
    }

    /// The id of the agent, as a message.
    pub(crate) fn agent_id(&self) -> Value {
        self.offer["agent_id"].clone()
    }
}

/// A RECONCILE of one task, with its agent if that is given.
pub(crate) fn reconcile(task: &str, agent: Option<&str>) -> Value {
    let agent = agent.map(|id| json!({ "value": id }));
    json!({ "tasks": [{ "task_id": { "value": task }, "agent_id": agent }] })
}
