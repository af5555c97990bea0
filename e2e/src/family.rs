//! Processes that our processes started.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::until;

/// How long the system may take to end a killed process.
const GONE_WITHIN: Duration = Duration::from_secs(10);

/// A process, told apart from later ones of the same id by the time of its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Member {
    /// Its id.
    pub pid: u32,
    start_ticks: u64,
}

impl Member {
    /// Whether it has not ended yet.
    #[must_use]
    pub fn is_running(self) -> bool {
        Stat::of(self.pid)
            .is_some_and(|now| now.start_ticks == self.start_ticks && now.state != 'Z')
    }

    /// Ends it at once. One that is gone, or whose id is another's by now, is left alone.
    ///
    /// # Errors
    ///
    /// When it may not be signalled.
    pub fn kill(self) -> anyhow::Result<()> {
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else { return Ok(()) };
        let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else { return Ok(()) };
        // The handle is open before the identity is checked, so it is this very process.
        if !self.is_running() {
            return Ok(());
        }
        match pidfd_send_signal(handle, Signal::KILL) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn executable(self) -> Option<PathBuf> {
        fs::read_link(format!("/proc/{}/exe", self.pid)).ok()
    }
}

/// Ends processes at once, and returns when they are gone.
pub(crate) fn end(members: &[Member]) -> anyhow::Result<()> {
    for member in members {
        member.kill()?;
    }
    until("the end of killed processes", GONE_WITHIN, || {
        Ok((!members.iter().any(|member| member.is_running())).then_some(()))
    })
}

/// The executors that run in sandboxes below the folder: programs called `executor`, not the
/// shells around them.
#[must_use]
pub fn executors(folder: &Path) -> Vec<Member> {
    let is_executor = |path: PathBuf| {
        path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"executor"))
    };
    let mut found = in_sandboxes_below(folder);
    found.retain(|member| member.executable().is_some_and(is_executor));
    found
}

/// Every process with a sandbox below the folder, whoever its parent is by now.
pub(crate) fn in_sandboxes_below(folder: &Path) -> Vec<Member> {
    let all = all().into_iter().map(|(member, _)| member);
    all.filter(|member| runs_in_sandbox_below(member.pid, folder)).collect()
}

/// What descends from the process.
pub(crate) fn descendants(ancestor: u32) -> Vec<Member> {
    let all = all();
    let (mut family, mut found) = (vec![ancestor], Vec::new());
    // Parents need not come before their children, so look until nobody is added.
    loop {
        let before = found.len();
        for (member, parent) in &all {
            if family.contains(parent) && !family.contains(&member.pid) {
                family.push(member.pid);
                found.push(*member);
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

/// Every process with its parent's id.
fn all() -> Vec<(Member, u32)> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let with_parent = |pid| {
        let stat = Stat::of(pid)?;
        Some((Member { pid, start_ticks: stat.start_ticks }, stat.parent))
    };
    pids.filter_map(with_parent).collect()
}

fn runs_in_sandbox_below(pid: u32, folder: &Path) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    names_sandbox_below(&environment, folder)
}

/// Whether the environment has one of the variables that every container gets for its sandbox.
fn names_sandbox_below(environment: &[u8], folder: &Path) -> bool {
    let sandbox_of = |variable: &[u8]| {
        let name_and_value = String::from_utf8_lossy(variable).into_owned();
        let (name, value) = name_and_value.split_once('=')?;
        matches!(name, "MESOS_DIRECTORY" | "MESOS_SANDBOX").then(|| PathBuf::from(value))
    };
    environment.split(|byte| *byte == 0).filter_map(sandbox_of).any(|path| path.starts_with(folder))
}

/// What the kernel tells of a process in `/proc/PID/stat`.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    state: char,
    parent: u32,
    start_ticks: u64,
}

impl Stat {
    fn of(pid: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The name, in parentheses, may itself contain blanks and parentheses.
    fn parse(text: &str) -> Option<Self> {
        let (_, fields) = text.rsplit_once(") ")?;
        let mut fields = fields.split(' ');
        let state = fields.next()?.chars().next()?;
        let parent = fields.next()?.parse().ok()?;
        let start_ticks = fields.nth(17)?.parse().ok()?;
        Some(Self { state, parent, start_ticks })
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_name_with_blanks_does_not_shift_the_fields() {
        let text = "42 (a) b (c)) S 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 9876 1 2";
        assert_eq!(Stat::parse(text), Some(Stat { state: 'S', parent: 1, start_ticks: 9876 }));
        assert_eq!(Stat::parse("42 (sh) S 1 42"), None);
    }

    #[test]
    fn descendants_and_sandboxes_are_found_and_killed() {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new("sh")
            .args(["-c", "sleep 60 & wait"])
            .env("MESOS_SANDBOX", folder.path().join("runs/1"))
            .spawn()
            .unwrap();
        let found = until("the family", Duration::from_secs(5), || {
            let found = (descendants(child.id()), in_sandboxes_below(folder.path()));
            Ok((found.0.len() == 1 && found.1.len() == 2).then_some(found))
        });
        let (below, mut all) = found.unwrap();
        all.extend(below);
        end(&all).unwrap();
        child.wait().unwrap();
        assert!(all.iter().all(|member| !member.is_running()));
    }

    #[test]
    fn a_sandbox_elsewhere_is_not_below_the_folder() {
        let environment = b"PATH=/bin\0MESOS_DIRECTORY=/w/agent-10/runs\0";
        assert!(names_sandbox_below(environment, Path::new("/w/agent-10")));
        assert!(!names_sandbox_below(environment, Path::new("/w/agent-1")));
    }
}
