//! What tasks say of themselves, and what a definition asks of an agent, as the master shows it.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::origin::{Answer, Origin};
use e2e::{Cluster, Engine, Job, Plan, on_each_engine, pictures};
use serde_json::Value;

use crate::state::framework;

/// Seconds; the rest is for a busy machine.
const WITHIN: Duration = Duration::from_secs(120);

fn label<'a>(of: &'a Value, key: &str) -> Option<&'a str> {
    let labels = of["labels"].as_array()?;
    labels.iter().find(|label| label["key"] == key)?["value"].as_str()
}

fn the_tasks_of_a_job_say_what_they_belong_to(engine: Engine) -> Result<()> {
    let cluster = Cluster::of_processes(Plan::of(engine), 1)?;
    let origin = Origin::start(|_| Some(Answer::picture(pictures::png(1).ok()?)))?;
    let lines = [origin.url("/a.png"), origin.url("/b.png"), origin.url("/c.png")];
    let job = Job::of_lines(&cluster, &lines)?.with(&["--images-per-task=2"]);
    job.run(0, WITHIN)?;
    let master: SocketAddr = cluster.flags()[1].parse()?;
    let ended = framework(master, "completed_frameworks", "Image Inverter (Rust)")?;
    let ended = ended.context("the master has not seen our framework end")?;
    let name = label(&ended, "job").with_context(|| format!("no job in {}", ended["labels"]))?;
    let tasks = ended["completed_tasks"].as_array().context("no tasks")?;
    ensure!(tasks.len() == 2, "{} tasks", tasks.len());
    for task in tasks {
        let id = task["id"].as_str().unwrap_or_default();
        let batch = label(task, "batch").context("no batch")?;
        ensure!(id == format!("{name}.{batch}.1"), "{id} is of batch {batch}");
        ensure!(label(task, "job") == Some(name), "{task}");
        ensure!(label(task, "attempt") == Some("1"), "{task}");
        ensure!(label(task, "operations") == Some("invert"), "{task}");
        ensure!(label(task, "images") == Some(if batch == "1" { "2" } else { "1" }), "{task}");
        let discovery = &task["discovery"];
        ensure!(discovery["name"] == name && discovery["visibility"] == "FRAMEWORK", "{task}");
        ensure!(discovery["version"].is_string(), "{task}");
    }
    Ok(())
}

on_each_engine!(the_tasks_of_a_job_say_what_they_belong_to);

/// The embedded cluster has no volumes.
#[cfg(feature = "real-mesos")]
#[test]
fn a_described_volume_outlives_its_task_on_the_agent_that_the_filters_choose() -> Result<()> {
    use e2e::{Program, Testbed, example_command};
    use serde_json::json;

    const RESOURCES: &str =
        "cpus:1;mem:256;cpus(web):1;mem(web):64;disk(web):500;ports(web):[31000-31003]";
    let plan = Plan::of(Engine::Real).resources(RESOURCES).agent("attributes", "rack:b;level:10");
    let bed = Testbed::start(plan)?;
    let volume = json!({ "size": 100, "persistence": { "id": "files" }, "volume": { "container_path": "data" } });
    let definition = json!({ "tasks": [
        {
            "name": "web",
            "resources": { "cpus": 0.5, "mem": 64, "ports": 2, "role": "web", "disk": volume },
            "command": { "cmd": "echo $PORT0 >> data/log; test $(wc -l < data/log) = 3" },
            "filters": [{ "name": "rack", "type": "text", "value": ["B"] }, { "type": "scalar", "value": [10] }],
            "retry": { "time": "100ms", "exp_backoff": false, "restart": "on_failure" },
        },
        {
            "name": "nowhere", "resources": { "cpus": 0.1, "mem": 32 }, "command": { "cmd": "true" },
            "filters": [{ "name": "rack", "type": "text", "value": ["a"] }],
        },
    ] });
    let file = bed.folder().join("tasks.json");
    std::fs::write(&file, definition.to_string())?;
    let mut command = example_command("taskrunner")?;
    command.arg(&file).arg(bed.master().to_string());
    let mut program = Program::start("taskrunner", &mut command, bed.folder())?;
    // The third try finds the lines of the two before.
    program.wait_for("the third try", WITHIN, |program| {
        program.stdout().contains("web.1.3 is done").then_some(())
    })?;
    ensure!(!program.stdout().contains("nowhere"), "{}", program.stdout());
    let runs = framework(bed.master(), "frameworks", "taskrunner")?.context("it is not there")?;
    let tasks = runs["completed_tasks"].as_array().context("no tasks")?;
    let last = tasks.iter().find(|task| task["id"] == "web.1.3").context("no third try")?;
    ensure!(last["role"] == "web" && last["resources"]["ports"] == "[31000-31001]", "{last}");
    ensure!(last["discovery"]["ports"]["ports"][1]["number"] == 31001, "{last}");
    Ok(())
}
