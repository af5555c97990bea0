//! Processes that are still the ones we started.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

const POLL: Duration = Duration::from_millis(20);

/// A process, told apart from later ones of the same id by the time of its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Process {
    /// Its id.
    pub(super) pid: u32,
    /// When it started, in clock ticks since the machine did.
    pub(super) start_ticks: u64,
}

/// What the kernel tells of a process in `/proc/PID/stat`.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    state: char,
    parent: u32,
    start_ticks: u64,
}

impl Process {
    /// The process that has this id now, unless none has.
    pub(super) fn find(pid: u32) -> Option<Self> {
        stat(pid).map(|stat| Self { pid, start_ticks: stat.start_ticks })
    }

    /// Whether it has not ended yet.
    pub(super) fn is_running(self) -> bool {
        stat(self.pid).is_some_and(|now| now.start_ticks == self.start_ticks && now.state != 'Z')
    }

    /// Asks it to end, makes it after `grace`, and returns once it is gone.
    ///
    /// # Errors
    ///
    /// When it may not be signalled, or does not end even so.
    pub(super) fn end(self, grace: Duration) -> Result<()> {
        for signal in [Signal::TERM, Signal::KILL] {
            self.signal(signal)?;
            if self.wait(grace) {
                return Ok(());
            }
        }
        bail!("process {} does not end", self.pid)
    }

    /// Signals this very process: the handle is opened before its identity is checked.
    fn signal(self, signal: Signal) -> Result<()> {
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else {
            bail!("{} is no process id", self.pid)
        };
        let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else { return Ok(()) };
        if !self.is_running() {
            return Ok(());
        }
        match pidfd_send_signal(handle, signal) {
            Err(error) if error != rustix::io::Errno::SRCH => {
                Err(error).with_context(|| format!("cannot signal process {}", self.pid))
            }
            _ => Ok(()),
        }
    }

    /// Whether it ends within the time.
    fn wait(self, limit: Duration) -> bool {
        let start = Instant::now();
        while self.is_running() {
            if start.elapsed() >= limit {
                return false;
            }
            thread::sleep(POLL);
        }
        true
    }
}

/// Containers of an agent: what descends from its process, and what it left behind in its work
/// directory, as a container outlives the agent that started it.
pub(super) fn containers(agent: Process, work_dir: &Path) -> Vec<Process> {
    let all: Vec<(Process, u32)> = all();
    let mut family = vec![agent.pid];
    let mut found = Vec::new();
    // Parents need not come before their children, so look until nobody is added.
    loop {
        let before = found.len();
        for (process, parent) in &all {
            if family.contains(parent) && !family.contains(&process.pid) {
                family.push(process.pid);
                found.push(*process);
            }
        }
        if found.len() == before {
            break;
        }
    }
    let left_behind = all.iter().map(|(process, _)| *process).filter(|process| {
        !family.contains(&process.pid) && runs_in_sandbox_below(process.pid, work_dir)
    });
    found.extend(left_behind);
    found
}

/// Every process with its parent's id.
fn all() -> Vec<(Process, u32)> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid| {
        let stat = stat(pid)?;
        Some((Process { pid, start_ticks: stat.start_ticks }, stat.parent))
    })
    .collect()
}

fn runs_in_sandbox_below(pid: u32, work_dir: &Path) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    names_sandbox_below(&environment, work_dir)
}

/// Whether the environment has the variable that every container gets for its sandbox.
fn names_sandbox_below(environment: &[u8], work_dir: &Path) -> bool {
    environment
        .split(|byte| *byte == 0)
        .filter_map(|variable| variable.strip_prefix(b"MESOS_DIRECTORY="))
        .any(|sandbox| Path::new(&*String::from_utf8_lossy(sandbox)).starts_with(work_dir))
}

fn stat(pid: u32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The name, in parentheses, may itself contain blanks and parentheses.
fn parse_stat(text: &str) -> Option<Stat> {
    let (_, fields) = text.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    let start_ticks = fields.nth(17)?.parse().ok()?;
    Some(Stat { state, parent, start_ticks })
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};

    use super::*;

    const GRACE: Duration = Duration::from_secs(5);

    fn start(script: &str) -> (Child, Process) {
        let child = Command::new("sh").args(["-c", script]).spawn().unwrap();
        let process = Process::find(child.id()).unwrap();
        (child, process)
    }

    #[test]
    fn a_name_with_blanks_and_parentheses_does_not_shift_the_fields() {
        let text = "42 (a) b (c)) S 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 9876 1 2";
        assert_eq!(parse_stat(text), Some(Stat { state: 'S', parent: 1, start_ticks: 9876 }));
    }

    #[test]
    fn a_stat_that_is_cut_off_is_none() {
        assert_eq!(parse_stat("42 (sh) S 1 42"), None);
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn an_own_process_is_ended() {
        let (mut child, process) = start("exec sleep 60");
        process.end(GRACE).unwrap();
        assert!(!process.is_running());
        child.wait().unwrap();
    }

    #[test]
    fn a_later_process_of_the_same_id_is_left_alone() {
        let (mut child, process) = start("exec sleep 60");
        let earlier = Process { start_ticks: process.start_ticks - 1, ..process };
        earlier.end(GRACE).unwrap();
        assert!(process.is_running());
        process.end(GRACE).unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn ending_a_process_that_is_gone_is_fine() {
        let (mut child, process) = start("exit 0");
        child.wait().unwrap();
        process.end(GRACE).unwrap();
    }

    #[test]
    fn containers_are_found_by_their_descent_and_by_their_sandbox() {
        let (mut agent, agent_process) = start("sleep 60 & sleep 60 & wait");
        let folder = tempfile::tempdir().unwrap();
        let mut orphan = Command::new("sleep")
            .arg("60")
            .env("MESOS_DIRECTORY", folder.path().join("slaves/x"))
            .spawn()
            .unwrap();
        let begun = Instant::now();
        let mut found = Vec::new();
        while found.len() < 3 && begun.elapsed() < GRACE {
            found = containers(agent_process, folder.path());
        }
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found.iter().any(|process| process.pid == orphan.id()));
        for process in found.into_iter().chain([agent_process]) {
            process.end(GRACE).unwrap();
        }
        agent.wait().unwrap();
        orphan.wait().unwrap();
    }

    #[test]
    fn a_sandbox_elsewhere_is_not_below_the_work_directory() {
        let environment = b"PATH=/bin\0MESOS_DIRECTORY=/w/agent-10/slaves/1\0";
        assert!(names_sandbox_below(environment, Path::new("/w/agent-10")));
        assert!(!names_sandbox_below(environment, Path::new("/w/agent-1")));
        assert!(!names_sandbox_below(b"", Path::new("/w")));
    }
}
