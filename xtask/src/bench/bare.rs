//! The peer of tasks a second: the least that a framework does, in Python, with tasks that do
//! nothing. What it reaches is what the cluster gives on this machine.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::family::Running;
use super::job;
use super::place::Place;

/// Standard library alone.
const PROGRAM: &str = include_str!("bare.py");

/// Runs so many tasks on the cluster of that master; tasks a second from the first launch on.
///
/// # Errors
///
/// When there is no Python, or it does not get through.
pub(crate) fn run(place: &Place, master: &str, tasks: u32, within: Duration) -> Result<f64> {
    let folder = place.fresh("bare")?;
    std::fs::write(folder.join("bare.py"), PROGRAM)?;
    let seconds = folder.join("seconds");
    let mut command = Command::new("python3");
    job::forget_settings(&mut command);
    command.args(["bare.py", master, &tasks.to_string()]).arg(&seconds);
    Running::start("bare", &mut command, &folder)?.finish(within)?;
    Ok(f64::from(tasks) / read(&seconds)?)
}

fn read(file: &Path) -> Result<f64> {
    let text = std::fs::read_to_string(file)?;
    text.trim().parse().with_context(|| format!("'{text}' is no number of seconds"))
}
