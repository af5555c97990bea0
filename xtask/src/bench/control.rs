//! Tasks a second: what it costs to launch one, follow it and count it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::family::Running;
use super::job::{self, Job};
use super::nginx::Nginx;
use super::place::Place;
use super::table::{Goal, Line, Peer, Sample};
use super::{Bench, bare};
use crate::sandbox::{Sandbox, free_port};

/// How many tasks, of one tiny image each.
const TASKS: u32 = 2000;

/// A task with its image, which takes next to nothing: 20 fit into the 2 cpus of an agent, so that
/// the cluster always has something to do while records and results are written to the disk.
const TINY_TASKS: [&str; 3] = ["--images-per-task=1", "--cpus=0.1", "--mem=32"];

const WITHIN: Duration = Duration::from_secs(600);

/// On a real Mesos with two agents: on the disk, and in memory, where only the control is measured.
///
/// # Errors
///
/// When something cannot be installed, started, or does not do its work.
pub(crate) fn on_mesos(bench: &mut Bench) -> Result<Vec<Line>> {
    on_each_medium(bench, real_mesos)
}

/// On `mesos-local` with two agents, as a process of its own and within the scheduler: on the disk
/// and in memory.
///
/// # Errors
///
/// As [`on_mesos`].
pub(crate) fn on_local(bench: &mut Bench) -> Result<Vec<Line>> {
    on_each_medium(bench, embedded)
}

fn on_each_medium(
    bench: &Bench,
    measure: fn(&Place, u32) -> Result<Vec<Line>>,
) -> Result<Vec<Line>> {
    let mut lines = measure(&bench.place, bench.runs)?;
    if let Some(place) = bench.place.in_memory() {
        lines.extend(measure(&place, bench.runs)?);
    }
    Ok(lines)
}

fn real_mesos(place: &Place, runs: u32) -> Result<Vec<Line>> {
    let sandbox = Sandbox::start(&place.fresh("mesos")?, 2)?;
    compare(place, runs, "real Mesos", &sandbox.master(), 500.0)
}

fn embedded(place: &Place, runs: u32) -> Result<Vec<Line>> {
    let mut lines = {
        let local = MesosLocal::start(place)?;
        compare(place, runs, "mesos-local", &local.master, 2000.0)?
    };
    let list = Origin::start(place)?;
    let runs = (0..runs).map(|_| from_first_launch(place, "local", &list.list));
    let runs = runs.collect::<Result<_>>()?;
    let goal = Goal::AtLeast(2000.0);
    lines.push(line(place, "--master local, first launch to end", runs, None, goal));
    Ok(lines)
}

/// An embedded cluster as a process of its own, so that only the scheduler is measured.
pub(crate) struct MesosLocal {
    _running: Running,
    /// Where its master listens.
    pub(crate) master: String,
}

impl MesosLocal {
    /// Starts it with two agents.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub(crate) fn start(place: &Place) -> Result<Self> {
        let folder = place.fresh("mesos-local")?;
        let master = free_port()?;
        let mut command = Command::new(place.program("mesos-local")?);
        job::forget_settings(&mut command);
        command.args(["--port", &master.port().to_string(), "--agents", "2"]);
        // What it tells of each task is no part of what is measured.
        command.args(["--work-dir", "work"]).env("RUST_LOG", "warn");
        let mut running = Running::start("mesos-local", &mut command, &folder)?;
        running.until("its port", WITHIN, |it| it.log().contains("listens on").then_some(()))?;
        Ok(Self { _running: running, master: master.to_string() })
    }
}

fn compare(place: &Place, runs: u32, engine: &str, master: &str, goal: f64) -> Result<Vec<Line>> {
    let Origin { list, .. } = &Origin::start(place)?;
    let (mut whole, mut tasks, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..runs {
        let job = Job::new(place, master, list)?.with(&TINY_TASKS);
        whole.push(f64::from(TASKS) / job.run(TASKS, WITHIN)?.time.as_secs_f64());
        tasks.push(from_first_launch(place, master, list)?);
        bare.push(bare::run(place, master, TASKS, WITHIN)?);
    }
    let peer = Peer { name: "Python, tasks that do nothing".into(), sample: Sample::of(bare) };
    let first = format!("{engine}, first launch to end");
    Ok(vec![
        line(place, &first, tasks, Some(peer), Goal::AtLeast(goal)),
        line(place, &format!("{engine}, whole process"), whole, None, Goal::Shown),
    ])
}

fn line(place: &Place, what: &str, runs: Vec<f64>, peer: Option<Peer>, goal: Goal) -> Line {
    let what = format!("{TASKS} tasks of 0.1 cpu {}, {what}", place.medium());
    Line { what, unit: "tasks/s", ours: Sample::of(runs), peer, goal }
}

/// Where the tiny pictures are, and their list.
struct Origin {
    _nginx: Nginx,
    list: PathBuf,
}

impl Origin {
    fn start(place: &Place) -> Result<Self> {
        let folder = place.fresh("origin")?;
        let nginx = Nginx::serve(&folder, &folder)?;
        let list = tiny_list(&nginx, TASKS, folder.join("list"))?;
        Ok(Self { _nginx: nginx, list })
    }
}

/// Tasks a second between the first launch and the end of the job, as its log tells them.
fn from_first_launch(place: &Place, master: &str, list: &Path) -> Result<f64> {
    let job = Job::new(place, master, list)?.with(&TINY_TASKS);
    let mut running = job.start()?;
    let launched = first_launch(&mut running)?;
    running.finish(WITHIN)?;
    Ok(f64::from(TASKS) / launched.elapsed().as_secs_f64())
}

/// Waits for the line about the first launch.
///
/// # Errors
///
/// When it does not come.
pub(crate) fn first_launch(running: &mut Running) -> Result<Instant> {
    running
        .until("its first launch", WITHIN, |it| it.log().contains("launching ").then(Instant::now))
}

/// A list of so many names of the tiny picture.
///
/// # Errors
///
/// When it cannot be written.
pub(crate) fn tiny_list(origin: &Nginx, lines: u32, file: PathBuf) -> Result<PathBuf> {
    let urls = (1..=lines).map(|number| origin.url(&format!("/tiny/{number}.png")));
    job::write_list(&file, urls).context("no list of tiny pictures")?;
    Ok(file)
}
