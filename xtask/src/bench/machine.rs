//! What machine it was.

use std::fmt;
use std::fs;
use std::process::Command;
use std::thread;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::{tools, workspace};

/// The machine and the sources of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Machine {
    processor: String,
    cores: usize,
    memory_mib: u64,
    kernel: String,
    /// How many processes wanted a processor before the run, on average over a minute.
    load: String,
    commit: String,
}

impl Machine {
    /// Looks at the machine.
    ///
    /// # Errors
    ///
    /// When the system does not say.
    pub(crate) fn look() -> Result<Self> {
        let read = |file: &str| fs::read_to_string(file).with_context(|| format!("no '{file}'"));
        let load = read("/proc/loadavg")?.split(' ').next().unwrap_or_default().to_owned();
        Ok(Self {
            processor: field(&read("/proc/cpuinfo")?, "model name").unwrap_or_default(),
            cores: thread::available_parallelism()?.get(),
            memory_mib: kibibytes(&read("/proc/meminfo")?, "MemTotal").unwrap_or_default() / 1024,
            kernel: read("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            load,
            commit: commit(),
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processor, cores, memory_mib, kernel, load, commit } = self;
        write!(
            f,
            "{processor}, {cores} cores, {memory_mib} MiB, Linux {kernel}, load {load} at the \
             start, commit {commit}"
        )
    }
}

/// The sources' commit, if git knows it.
fn commit() -> String {
    let mut command = Command::new("git");
    command.current_dir(workspace::root()).args(["describe", "--always", "--dirty"]);
    tools::read(&mut command).map_or("unknown".into(), |text| text.trim().to_owned())
}

/// The value of a line `NAME : VALUE`.
pub(super) fn field(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The value of a line `NAME: VALUE kB`.
pub(super) fn kibibytes(text: &str, name: &str) -> Option<u64> {
    field(text, name)?.strip_suffix(" kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_proc_are_read() {
        let text = "model name\t: X Y\nMemTotal:       24 kB\nVmHWM:\t  1234 kB\n";
        assert_eq!(field(text, "model name").as_deref(), Some("X Y"));
        assert_eq!(kibibytes(text, "VmHWM"), Some(1234));
        assert_eq!(kibibytes(text, "VmRSS"), None);
    }

    #[test]
    fn this_machine_has_a_core() {
        assert!(Machine::look().unwrap().cores > 0);
    }
}
