//! The folder of a run, and the programs of the release build.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rustix::fs::StatVfsMountFlags;
use tempfile::TempDir;

use crate::{tools, workspace};

/// Where a run keeps its things, and where the programs are.
pub(crate) struct Place {
    folder: PathBuf,
    programs: PathBuf,
    attic: Attic,
    /// Removed with this value.
    _temporary: Option<TempDir>,
}

/// What was in the way, removed when nothing is measured any more: for minutes after many files
/// were, some file systems are slow to make new ones (ext4 without a journal passes over every
/// inode that was in use a short time ago).
struct Attic(PathBuf);

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
        let attic = Attic::within(&folder);
        Ok(Self { folder, programs: release_folder()?, attic, _temporary: None })
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
        let attic = Attic::within(&folder);
        Some(Self { folder, programs, attic, _temporary: Some(temporary) })
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
    /// When it cannot be made, or what was there cannot be put away.
    pub(crate) fn fresh(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        let failed = || format!("cannot empty '{}'", folder.display());
        self.attic.take(&folder).with_context(failed)?;
        fs::create_dir_all(&folder).with_context(failed)?;
        Ok(folder)
    }
}

impl Attic {
    fn within(folder: &Path) -> Self {
        Self(folder.join(".attic"))
    }

    /// Puts a folder away, if there is one.
    fn take(&self, folder: &Path) -> io::Result<()> {
        if !folder.exists() {
            return Ok(());
        }
        fs::create_dir_all(&self.0)?;
        let room = tempfile::Builder::new().tempdir_in(&self.0)?.keep();
        fs::rename(folder, room.join("put-away"))
    }
}

impl Drop for Attic {
    fn drop(&mut self) {
        // Whatever stays is in nobody's way, and goes with the next one.
        let _ = fs::remove_dir_all(&self.0);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_is_put_away_and_removed_at_the_end() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().to_owned();
        let (programs, attic) = (folder.clone(), Attic::within(&folder));
        let place = Place { folder: folder.clone(), programs, attic, _temporary: None };
        let names = || {
            let entries = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name());
            let mut names = entries.collect::<Vec<_>>();
            names.sort();
            names
        };
        for _ in 0..3 {
            let job = place.fresh("job").unwrap();
            assert_eq!(fs::read_dir(&job).unwrap().count(), 0);
            fs::write(job.join("file"), "content").unwrap();
        }
        assert_eq!(names(), [".attic", "job"]);
        drop(place);
        assert_eq!(names(), ["job"]);
        assert!(folder.join("job/file").is_file());
    }
}
