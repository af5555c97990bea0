//! A process of the bench: timed, its memory watched, ended with its value.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::machine::kibibytes;

const POLL: Duration = Duration::from_millis(5);
const GRACE: Duration = Duration::from_secs(10);
const LINES_SHOWN: usize = 15;

/// A running program, whose output is in `NAME.log` of its folder. It ends with this value.
pub(crate) struct Running {
    name: String,
    child: Child,
    log: PathBuf,
    begun: Instant,
}

/// What a program took to its end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Taken {
    /// From its start to its end.
    pub(crate) time: Duration,
    /// The most memory it had at once, in MiB, without that of its children.
    pub(crate) peak_mib: f64,
}

impl Running {
    /// Starts the command in the folder.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub(crate) fn start(name: &str, command: &mut Command, folder: &Path) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let output = File::create(&log).with_context(|| format!("no '{}'", log.display()))?;
        command.current_dir(folder).stdin(Stdio::null());
        command.stdout(output.try_clone()?).stderr(output);
        let begun = Instant::now();
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name: name.to_owned(), child, log, begun })
    }

    /// Since when it runs.
    pub(crate) fn begun(&self) -> Instant {
        self.begun
    }

    /// What it wrote so far.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// The most memory it had at once until now, in MiB; none when it has ended.
    pub(crate) fn peak_mib(&self) -> Option<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let peak = u32::try_from(kibibytes(&status, "VmHWM")?).ok()?;
        Some(f64::from(peak) / 1024.0)
    }

    /// The most memory that one of the programs it has started had at once until now, in MiB; none
    /// when none runs.
    pub(crate) fn peak_mib_of_children(&self) -> Option<f64> {
        let all = fs::read_dir("/proc").ok()?.flatten();
        let statuses = all.filter_map(|entry| fs::read_to_string(entry.path().join("status")).ok());
        let parent = format!("PPid:\t{}", self.child.id());
        let peaks = statuses
            .filter(|status| status.lines().any(|line| line == parent))
            .filter_map(|status| u32::try_from(kibibytes(&status, "VmHWM")?).ok());
        peaks.max().map(|peak| f64::from(peak) / 1024.0)
    }

    /// Waits for its end, which must be a good one.
    ///
    /// # Errors
    ///
    /// When it does not end within the time, or badly; the message shows its last lines.
    pub(crate) fn finish(mut self, within: Duration) -> Result<Taken> {
        let mut peak_mib = 0.0;
        loop {
            peak_mib = self.peak_mib().unwrap_or(peak_mib).max(peak_mib);
            if let Some(status) = self.child.try_wait()? {
                let time = self.begun.elapsed();
                if !status.success() {
                    bail!("{} ended with {status}; its last lines:\n{}", self.name, self.tail());
                }
                return Ok(Taken { time, peak_mib });
            }
            if self.begun.elapsed() > within {
                bail!("{} did not end in {within:?}; its last lines:\n{}", self.name, self.tail());
            }
            thread::sleep(POLL);
        }
    }

    /// The most memory it had at once, in MiB, until its end or for so long, whichever comes first.
    ///
    /// # Errors
    ///
    /// When it ends badly; the message shows its last lines.
    pub(crate) fn peak_mib_for(&mut self, time: Duration) -> Result<f64> {
        let (mut peak_mib, begun) = (0.0, Instant::now());
        loop {
            peak_mib = self.peak_mib().unwrap_or(peak_mib).max(peak_mib);
            match self.child.try_wait()? {
                Some(status) if !status.success() => {
                    bail!("{} ended with {status}; its last lines:\n{}", self.name, self.tail())
                }
                None if begun.elapsed() < time => thread::sleep(POLL),
                Some(_) | None => return Ok(peak_mib),
            }
        }
    }

    /// Waits until `look` finds something.
    ///
    /// # Errors
    ///
    /// When it does not within the time, or the program ends before.
    pub(crate) fn until<T>(
        &mut self,
        what: &str,
        within: Duration,
        mut look: impl FnMut(&Self) -> Option<T>,
    ) -> Result<T> {
        loop {
            if let Some(found) = look(self) {
                return Ok(found);
            }
            let ended = self.child.try_wait()?;
            if ended.is_some() || self.begun.elapsed() > within {
                bail!("{} did not get to {what}; its last lines:\n{}", self.name, self.tail());
            }
            thread::sleep(POLL);
        }
    }

    fn tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(LINES_SHOWN)..).unwrap_or_default().join("\n")
    }

    fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

/// Asked first, so that it can end what it started in turn.
impl Drop for Running {
    fn drop(&mut self) {
        if !self.is_running() {
            return;
        }
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let _ = pid.map(|pid| kill_process(pid, Signal::TERM));
        let asked = Instant::now();
        while self.is_running() && asked.elapsed() < GRACE {
            thread::sleep(POLL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, folder: &Path) -> Running {
        Running::start("shell", Command::new("sh").args(["-c", script]), folder).unwrap()
    }

    #[test]
    fn a_program_that_ends_well_is_timed() {
        let folder = tempfile::tempdir().unwrap();
        let taken = shell("sleep 0.1", folder.path()).finish(GRACE).unwrap();
        assert!(taken.time >= Duration::from_millis(100) && taken.peak_mib > 0.0, "{taken:?}");
    }

    #[test]
    fn a_program_that_ends_badly_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let error = shell("echo why; exit 3", folder.path()).finish(GRACE).unwrap_err();
        assert!(error.to_string().ends_with("why"), "{error}");
    }

    #[test]
    fn memory_is_watched_until_the_end_or_for_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let mut short = shell("exec sleep 0.1", folder.path());
        assert!(short.peak_mib_for(GRACE).unwrap() > 0.0);
        let mut long = shell("exec sleep 60", folder.path());
        assert!(long.peak_mib_for(Duration::from_millis(50)).unwrap() > 0.0);
        assert!(long.is_running());
        assert!(shell("exit 3", folder.path()).peak_mib_for(GRACE).is_err());
    }

    #[test]
    fn a_program_ends_with_its_value() {
        let folder = tempfile::tempdir().unwrap();
        let mut program = shell("echo up; exec sleep 60", folder.path());
        program.until("its line", GRACE, |it| it.log().contains("up").then_some(())).unwrap();
        let pid = program.child.id();
        drop(program);
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }
}
