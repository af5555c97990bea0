//! How is a command started, signalled and waited for?

use std::os::unix::process::{CommandExt as _, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;
use std::{fs, io};

use mesos::v1::CommandInfo;
use rustix::process::{Pid, Signal as Number, kill_process_group};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use super::sandbox::Output;
use crate::agent::outbox::{Launch, Signal};

/// How often a program that is still open for writing is tried again. Whoever this cluster is
/// embedded in may fork as well.
const BUSY_RETRIES: u32 = 20;
const BUSY_WAIT: Duration = Duration::from_millis(20);

/// Held by whoever forks, and shared by those who write a program that may be run next. Between its
/// fork and its exec a child has all open files of this process, and a program that anybody has open
/// for writing cannot be run: neither by us nor, where nobody could try again, by a shell.
static FORKING: RwLock<()> = RwLock::new(());

/// Starts a command while nobody writes a program.
pub(super) fn start(command: &mut Command) -> io::Result<Child> {
    let _alone = FORKING.write().unwrap_or_else(PoisonError::into_inner);
    command.spawn()
}

/// Copies a program while nobody starts a command. Neither takes long.
pub(super) fn copy_program(from: &Path, to: &Path) -> io::Result<()> {
    let _shared = FORKING.read().unwrap_or_else(PoisonError::into_inner);
    fs::copy(from, to).map(drop)
}

/// A running command and the group it leads.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    group: Group,
}

/// A process group that does not outlive this value.
#[derive(Debug)]
struct Group(Option<Pid>);

impl Group {
    fn signal(&self, number: Number) {
        if let Some(leader) = self.0 {
            // It fails only when the whole group is gone, which is what is wanted.
            let _ = kill_process_group(leader, number);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Number::KILL);
    }
}

/// Starts the command of `launch` in its sandbox.
pub(super) async fn spawn(launch: &Launch, output: Output) -> io::Result<Process> {
    let mut command = command(&launch.command, &launch.sandbox);
    command
        .current_dir(&launch.sandbox)
        .env_clear()
        .envs(launch.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(output.stdout)
        .stderr(output.stderr)
        .process_group(0)
        .kill_on_drop(true);
    let mut tries = 0;
    let child = loop {
        match start(&mut command) {
            Err(error)
                if error.kind() == io::ErrorKind::ExecutableFileBusy && tries < BUSY_RETRIES =>
            {
                tries += 1;
                tokio::time::sleep(BUSY_WAIT).await;
            }
            spawned => break spawned?,
        }
    };
    let leader = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    Ok(Process { child, group: Group(leader) })
}

fn command(info: &CommandInfo, sandbox: &Path) -> Command {
    if info.shell() {
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(info.value());
        return command;
    }
    let mut command = std::process::Command::new(program(info.value(), sandbox));
    let mut arguments = info.arguments.iter();
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    command.args(arguments);
    command.into()
}

/// A relative program is looked for in the sandbox, then along the child's PATH.
fn program(value: &str, sandbox: &Path) -> PathBuf {
    let inside = sandbox.join(value);
    if value.contains('/') || inside.is_file() { inside } else { value.into() }
}

impl Process {
    /// The id of the process that leads the group, while it is known.
    pub(super) fn leader(&self) -> Option<i32> {
        self.group.0.map(|leader| leader.as_raw_nonzero().get())
    }

    /// Waits for the end, passing signals on; gives the raw wait status.
    ///
    /// What the command leaves behind in its group is killed.
    pub(super) async fn run(
        mut self,
        signals: &mut mpsc::UnboundedReceiver<Signal>,
    ) -> Option<i32> {
        loop {
            tokio::select! {
                ended = self.child.wait() => return ended.ok().map(ExitStatusExt::into_raw),
                signal = signals.recv() => match signal {
                    Some(Signal::Terminate) => self.group.signal(Number::TERM),
                    Some(Signal::Kill) | None => {
                        self.group.signal(Number::KILL);
                        return self.child.wait().await.ok().map(ExitStatusExt::into_raw);
                    }
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// A shell that runs a program which another fork of this process has open fails, and nobody
    /// can try again for it.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn programs_are_run_by_shells_while_others_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let origin = folder.path().join("origin");
        // Long enough to be under way when somebody forks.
        let script = ["#!/bin/sh\nexit 7\n", &"#".repeat(1 << 20)].concat();
        fs::write(&origin, script).unwrap();
        fs::set_permissions(&origin, fs::Permissions::from_mode(0o755)).unwrap();
        let mut runs = tokio::task::JoinSet::new();
        for number in 0..8 {
            let (origin, folder) = (origin.clone(), folder.path().to_owned());
            runs.spawn(async move {
                for round in 0..40 {
                    let program = folder.join(format!("{number}-{round}"));
                    copy_program(&origin, &program).unwrap();
                    let mut shell = Command::new("/bin/sh");
                    shell.arg("-c").arg(program);
                    let ended = start(&mut shell).unwrap().wait().await.unwrap();
                    assert_eq!(ended.code(), Some(7));
                }
            });
        }
        while let Some(run) = runs.join_next().await {
            run.unwrap();
        }
    }
}
