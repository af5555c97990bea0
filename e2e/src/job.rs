//! A run of the scheduler.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::manifest::{Entry, manifest};
use crate::process::{self, Program};
use crate::{Cluster, executors, programs, until};

/// Agents give executors 5 s to end by themselves.
const EXECUTORS_END_WITHIN: Duration = Duration::from_secs(30);

/// What to run: a list on a cluster. The same job can be run again, with its state.
#[derive(Debug, Clone)]
pub struct Job {
    folder: PathBuf,
    list: PathBuf,
    flags: Vec<OsString>,
}

impl Job {
    /// A job of these lines, with deadlines short enough for tests.
    ///
    /// # Errors
    ///
    /// When the list cannot be written.
    pub fn of_lines(cluster: &Cluster, lines: &[String]) -> Result<Self> {
        let list = cluster.folder().join("list");
        fs::write(&list, lines.join("\n") + "\n").context("cannot write the list")?;
        Self::of_list(cluster, &list)
    }

    /// A job of a list that is there.
    ///
    /// # Errors
    ///
    /// When the executor cannot be built.
    pub fn of_list(cluster: &Cluster, list: &Path) -> Result<Self> {
        let folder = cluster.folder().to_owned();
        let mut job = Self { list: list.to_owned(), flags: Vec::new(), folder };
        let (output, state) = (job.output(), job.folder.join("state"));
        job = job.with(&cluster.flags());
        job = job.with(&["--artifact-port", "0", "--no-progress"]);
        job = job.with(&["--output".into(), output, "--state-dir".into(), state]);
        let executor = programs::program("executor")?;
        Ok(job.with(&["--executor".into(), executor]))
    }

    /// With more flags.
    #[must_use]
    pub fn with(mut self, flags: &[impl Clone + Into<OsString>]) -> Self {
        self.flags.extend(flags.iter().cloned().map(Into::into));
        self
    }

    /// With its file server on a port of its own, the same in every run: then executors that outlive
    /// a scheduler serve the next.
    ///
    /// # Errors
    ///
    /// When there is no free port.
    pub fn on_one_port(mut self) -> Result<Self> {
        let flag = self.flags.iter().position(|flag| flag == "--artifact-port");
        let port = flag.and_then(|at| self.flags.get_mut(at + 1)).context("no --artifact-port")?;
        *port = crate::free_port()?.to_string().into();
        Ok(self)
    }

    /// Where the results go.
    #[must_use]
    pub fn output(&self) -> PathBuf {
        self.folder.join("output")
    }

    /// The command line.
    ///
    /// # Errors
    ///
    /// When the scheduler cannot be built.
    pub fn command(&self) -> Result<Command> {
        let mut command = process::command("scheduler")?;
        command.args(&self.flags).arg(&self.list);
        Ok(command)
    }

    /// Starts the scheduler.
    ///
    /// # Errors
    ///
    /// When it cannot be built or started.
    pub fn start(&self) -> Result<Run> {
        let program = Program::start("scheduler", &mut self.command()?, &self.folder)?;
        let (folder, output) = (self.folder.clone(), self.output());
        Ok(Run { program, folder, output, started: Instant::now() })
    }

    /// Runs the scheduler to its end.
    ///
    /// # Errors
    ///
    /// When it does not end within the time, or not with that status.
    pub fn run(&self, status: i32, within: Duration) -> Result<Finished> {
        self.start()?.finish(status, within)
    }
}

/// A scheduler at work.
#[derive(Debug)]
pub struct Run {
    /// The process.
    pub program: Program,
    folder: PathBuf,
    output: PathBuf,
    started: Instant,
}

impl Run {
    /// Waits for the end of the scheduler and of all executors, and reads the manifest.
    ///
    /// # Errors
    ///
    /// When it does not end within the time, not with that status, or executors stay.
    pub fn finish(mut self, status: i32, within: Duration) -> Result<Finished> {
        let ended = self.program.wait(within)?;
        let took = self.started.elapsed();
        ensure!(
            ended.code() == Some(status),
            "the scheduler ended with {ended} instead of {status}\n{}",
            self.program.tail()
        );
        until("the end of the executors of a job that has ended", EXECUTORS_END_WITHIN, || {
            Ok(executors(&self.folder).is_empty().then_some(()))
        })?;
        let entries = manifest(&self.output);
        let entries = entries.with_context(|| self.program.tail())?;
        let log = self.program.stdout() + &self.program.stderr();
        Ok(Finished { entries, output: self.output.clone(), log, took })
    }
}

/// What a run left.
#[derive(Debug)]
pub struct Finished {
    /// The manifest, in the order of the list.
    pub entries: Vec<Entry>,
    /// Where the results are.
    pub output: PathBuf,
    /// Everything it wrote.
    pub log: String,
    /// How long it took.
    pub took: Duration,
}

impl Finished {
    /// The entry of a URL; the first if there are several.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn of(&self, url: &str) -> Result<&Entry> {
        let entry = self.entries.iter().find(|entry| entry.url == url);
        entry.with_context(|| format!("{url} is not in the manifest: {:#?}", self.entries))
    }
}
