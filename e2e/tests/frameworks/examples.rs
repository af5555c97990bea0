//! The examples do what they say, by what they print and by what the master knows of them.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::{Engine, Plan, Program, Testbed, example_command, on_each_engine};
use rustix::process::Signal;
use serde_json::json;

use crate::state::{framework, tasks};

/// Seconds; the rest is for a busy machine.
const WITHIN: Duration = Duration::from_secs(60);

/// Starts an example with its arguments and the address of the master.
fn start(name: &str, arguments: &[&str], bed: &Testbed) -> Result<Program> {
    let mut command = example_command(name)?;
    command.args(arguments).arg(bed.master().to_string());
    Program::start(name, &mut command, bed.folder())
}

/// Waits until it has printed all of these.
fn prints(program: &mut Program, lines: &[&str]) -> Result<()> {
    let what = format!("{lines:?}");
    program.wait_for(&what, WITHIN, |program| {
        let output = program.stdout();
        lines.iter().all(|line| output.contains(line)).then_some(())
    })
}

/// Ctrl-C ends it well, and it takes its framework along.
fn stops(program: &mut Program, bed: &Testbed, name: &str) -> Result<()> {
    program.signal(Signal::INT)?;
    let status = program.wait(WITHIN)?;
    ensure!(status.success(), "{status}\n{}", program.tail());
    ensure!(framework(bed.master(), "frameworks", name)?.is_none(), "'{name}' is still there");
    framework(bed.master(), "completed_frameworks", name)?.context("it was never there")?;
    Ok(())
}

/// What tasks wrote to their output, wherever their sandboxes are below the folder.
fn outputs(folder: &Path) -> Result<String> {
    let mut found = String::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.push_str(&outputs(&entry.path())?);
        } else if entry.file_name() == "stdout" {
            found.push_str(&fs::read_to_string(entry.path())?);
        }
    }
    Ok(found)
}

fn hello_world(engine: Engine) -> Result<()> {
    let bed = Testbed::start(Plan::of(engine))?;
    let mut program = start("hello_world", &[], &bed)?;
    let status = program.wait(WITHIN)?;
    ensure!(status.success(), "{status}\n{}", program.tail());
    prints(&mut program, &["hello-1 is TASK_RUNNING", "hello-1 is TASK_FINISHED"])?;
    ensure!(outputs(bed.folder())?.contains("hello"), "the task wrote nothing");
    let done = framework(bed.master(), "completed_frameworks", "hello world")?;
    let done = done.with_context(|| program.tail())?;
    let task = &done["completed_tasks"][0];
    ensure!(task["id"] == "hello-1" && task["state"] == "TASK_FINISHED", "{done}");
    let resources = &task["resources"];
    ensure!(resources["cpus"] == json!(0.1) && resources["mem"] == json!(10.0), "{task}");
    Ok(())
}

fn watch_offers(engine: Engine) -> Result<()> {
    let bed = Testbed::start(Plan::of(engine).resources("cpus:3;mem:1024"))?;
    let mut program = start("watch_offers", &[], &bed)?;
    // It refuses for five seconds, so that the second comes after that.
    program.wait_for("two offers", WITHIN, |program| {
        let offers = program.stdout().matches("Received offer ").count();
        (offers >= 2).then_some(())
    })?;
    prints(&mut program, &["Registered as ", "with cpus=3 mem=1024 on "])?;
    let watching = framework(bed.master(), "frameworks", "watch offers")?;
    ensure!(tasks(&watching.context("it is not there")?).is_empty(), "it launched something");
    stops(&mut program, &bed, "watch offers")
}

fn launch_tasks(engine: Engine) -> Result<()> {
    launches(engine, "launch_tasks", "launch tasks")
}

/// The same with the classic interface.
fn callbacks(engine: Engine) -> Result<()> {
    launches(engine, "callbacks", "callbacks")
}

fn launches(engine: Engine, example: &str, name: &str) -> Result<()> {
    let bed = Testbed::start(Plan::of(engine))?;
    let mut program = start(example, &[], &bed)?;
    // Two tasks of one processor use up the first offer.
    prints(&mut program, &["hello-1 is TASK_RUNNING", "hello-2 is TASK_RUNNING"])?;
    prints(&mut program, &["hello-1 is TASK_FINISHED", "hello-2 is TASK_FINISHED"])?;
    prints(&mut program, &["Launching hello-3 ", "hello-3 is TASK_FINISHED"])?;
    stops(&mut program, &bed, name)
}

fn taskrunner(engine: Engine) -> Result<()> {
    let bed = Testbed::start(Plan::of(engine))?;
    let small = json!({ "cpus": 0.1, "mem": 32 });
    let definition = json!({ "tasks": [
        {
            "name": "service", "instances": 2, "resources": small,
            "command": { "cmd": "sleep 600" }, "labels": { "for": "e2e" },
        },
        {
            "name": "restless", "resources": small, "command": { "cmd": "exit 1" },
            "retry": { "time": "100ms", "max_time": "1secs" },
        },
        {
            "name": "once", "resources": small, "command": { "cmd": "echo", "arguments": ["well done"] },
            "retry": { "restart": "on_failure" },
        },
    ] });
    let file = bed.folder().join("tasks.json");
    fs::write(&file, definition.to_string())?;
    let file = file.display().to_string();
    let mut program = start("taskrunner", &[&file], &bed)?;
    prints(&mut program, &["is done", "is started again in", "is TASK_FINISHED"])?;
    let master = bed.master();
    program.wait_for("both instances of the service", WITHIN, |_| {
        let tasks = tasks(&framework(master, "frameworks", "taskrunner").ok()??);
        let labels = json!([{ "key": "for", "value": "e2e" }]);
        let services = tasks.iter().filter(|it| it["labels"] == labels);
        (services.filter(|it| it["state"] == "TASK_RUNNING").count() == 2).then_some(())
    })?;
    ensure!(outputs(bed.folder())?.contains("well done"), "the task wrote nothing");
    stops(&mut program, &bed, "taskrunner")
}

on_each_engine!(hello_world, watch_offers, launch_tasks, callbacks, taskrunner);
