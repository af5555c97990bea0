//! The folder of a run, and the programs of the release build.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rustix::fs::StatVfsMountFlags;
use tempfile::TempDir;

use crate::{tools, workspace};

/// Where a run keeps its things, and where the programs are.
pub(crate) struct Place {
    folder: PathBuf,
    programs: PathBuf,
    /// Removed with this value.
    _temporary: Option<TempDir>,
}

/// Where Linux has files that never reach a disk.
const MEMORY: &str = "/dev/shm";

impl Place {
    /// Makes the folder, `target/bench` unless told otherwise, and, if told so, builds the programs.
    ///
    /// # Errors
    ///
    /// When cargo cannot build them.
    pub(crate) fn prepare(builds: bool, folder: Option<PathBuf>) -> Result<Self> {
        let folder = folder.unwrap_or_else(|| workspace::target().join("bench"));
        fs::create_dir_all(&folder).with_context(|| format!("no '{}'", folder.display()))?;
        if builds {
            build()?;
        }
        Ok(Self { folder, programs: release_folder()?, _temporary: None })
    }

    /// One in memory for the same programs, where nothing waits for the disk; none if this one is
    /// there already, or the machine has no such place where executors can run.
    pub(crate) fn in_memory(&self) -> Option<Self> {
        let mount = rustix::fs::statvfs(MEMORY).ok()?;
        if self.folder.starts_with(MEMORY) || mount.f_flag.contains(StatVfsMountFlags::NOEXEC) {
            return None;
        }
        let temporary = tempfile::Builder::new().prefix("bench-").tempdir_in(MEMORY).ok()?;
        let (folder, programs) = (temporary.path().to_owned(), self.programs.clone());
        Some(Self { folder, programs, _temporary: Some(temporary) })
    }

    /// Where its files are, for the lines of the table.
    pub(crate) fn medium(&self) -> &'static str {
        if self.folder.starts_with(MEMORY) { "in memory" } else { "on the disk" }
    }

    /// The folder that stays from run to run.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A program of the release build.
    ///
    /// # Errors
    ///
    /// When there is none of that name.
    pub(crate) fn program(&self, name: &str) -> Result<PathBuf> {
        let path = self.programs.join(name);
        if !path.is_file() {
            bail!("cargo made no program '{}'", path.display());
        }
        Ok(path)
    }

    /// An empty folder of that name.
    ///
    /// # Errors
    ///
    /// When what was there cannot be removed.
    pub(crate) fn fresh(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        let failed = || format!("cannot empty '{}'", folder.display());
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(failed)?;
        }
        fs::create_dir_all(&folder).with_context(failed)?;
        Ok(folder)
    }
}

fn build() -> Result<()> {
    eprintln!("building the programs in release");
    let mut command = tools::cargo(&["build", "--quiet", "--release", "--bins"]);
    command.args(["-p", "scheduler", "-p", "executor", "-p", "fileserver", "-p", "mesos-local"]);
    tools::run(&mut command)
}

/// This program is in `TARGET/debug` or another profile's folder beside `TARGET/release`.
fn release_folder() -> Result<PathBuf> {
    let this = env::current_exe().context("cannot tell where this program is")?;
    let target = this.parent().and_then(Path::parent);
    Ok(target.context("this program is in no folder of cargo's")?.join("release"))
}
