//! Our programs at work on a list.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::family::{Running, Taken};
use super::place::Place;

/// A run of the scheduler in a folder of its own.
pub(crate) struct Job {
    folder: PathBuf,
    command: Command,
}

impl Job {
    /// The list on the cluster of that master, or `local`.
    ///
    /// # Errors
    ///
    /// When there is no program, or no folder for it.
    pub(crate) fn new(place: &Place, master: &str, list: &Path) -> Result<Self> {
        let folder = place.fresh("job")?;
        let mut command = Command::new(place.program("scheduler")?);
        command.args(["--master", master, "--artifact-port", "0", "--no-progress"]);
        command.arg("--executor").arg(place.program("executor")?);
        command.args(["--output", "output"]).arg(list);
        forget_settings(&mut command);
        Ok(Self { folder, command })
    }

    /// With more flags.
    #[must_use]
    pub(crate) fn with(mut self, flags: &[&str]) -> Self {
        self.command.args(flags);
        self
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub(crate) fn start(mut self) -> Result<Running> {
        Running::start("scheduler", &mut self.command, &self.folder)
    }

    /// Runs it to its end, and sees that every image is done.
    ///
    /// # Errors
    ///
    /// When it does not end well, or not with that many results.
    pub(crate) fn run(self, images: u32, within: Duration) -> Result<Taken> {
        let manifest = self.folder.join("output/manifest.jsonl");
        let taken = self.with(&["--quiet"]).start()?.finish(within)?;
        let text = fs::read_to_string(&manifest)
            .with_context(|| format!("no '{}'", manifest.display()))?;
        let done = text.lines().filter(|line| is_done(line)).count();
        ensure!(done == images as usize, "{done} of {images} images are done");
        Ok(taken)
    }
}

fn is_done(line: &str) -> bool {
    let entry: Option<Value> = serde_json::from_str(line).ok();
    entry.is_some_and(|entry| entry.get("outcome").is_some_and(|outcome| outcome == "done"))
}

/// Takes from the command what this program's environment says about ours.
pub(crate) fn forget_settings(command: &mut Command) {
    let ours = ["MESOS_", "SCHEDULER_", "FILESERVER_", "EXECUTOR_", "UPLOAD_", "RUST_LOG"];
    for (name, _) in std::env::vars_os() {
        if ours.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            command.env_remove(name);
        }
    }
}

/// Writes a list of these URLs, which may be many.
///
/// # Errors
///
/// When it cannot be written.
pub(crate) fn write_list(file: &Path, urls: impl Iterator<Item = String>) -> Result<()> {
    use std::io::Write;
    let failed = || format!("cannot write '{}'", file.display());
    let mut out = std::io::BufWriter::new(fs::File::create(file).with_context(failed)?);
    for url in urls {
        writeln!(out, "{url}").with_context(failed)?;
    }
    out.flush().with_context(failed)
}
