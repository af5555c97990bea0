//! A program under test, as a process.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::family::{self, Member};
use crate::wait::until;

/// How much of a log is shown when something goes wrong.
const LINES_SHOWN: usize = 30;

/// A running program. It and everything it started end with this value, by their ids.
#[derive(Debug)]
pub struct Program {
    name: String,
    child: Child,
    own: PathBuf,
    out: PathBuf,
    err: PathBuf,
    ended: Option<ExitStatus>,
    is_alone: bool,
}

impl Program {
    /// Starts the command in the folder, where its output goes to `NAME.out` and `NAME.err`.
    ///
    /// `NAME/` is for its temporary files: whatever runs in a sandbox below it ends with the
    /// program.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn start(name: &str, command: &mut Command, folder: &Path) -> Result<Self> {
        let (out, err) = (folder.join(format!("{name}.out")), folder.join(format!("{name}.err")));
        let own = folder.join(name);
        fs::create_dir_all(&own).with_context(|| format!("no '{}'", own.display()))?;
        let create =
            |file: &Path| File::create(file).with_context(|| format!("no '{}'", file.display()));
        let child = command
            .current_dir(folder)
            .env("TMPDIR", &own)
            .stdin(Stdio::null())
            .stdout(create(&out)?)
            .stderr(create(&err)?)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name: name.to_owned(), child, own, out, err, ended: None, is_alone: false })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything it wrote to its output so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        text(&self.out)
    }

    /// Everything it logged so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        text(&self.err)
    }

    /// Sends it a signal.
    ///
    /// # Errors
    ///
    /// When it has ended already.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        if let Some(status) = self.status()? {
            bail!("{} has ended already, {status}\n{}", self.name, self.tail());
        }
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw);
        kill_process(pid.context("no process id")?, signal)?;
        Ok(())
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    ///
    /// When the system does not say.
    pub fn status(&mut self) -> Result<Option<ExitStatus>> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait()?;
        }
        Ok(self.ended)
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    ///
    /// When it does not within the time; the message shows what it logged last.
    pub fn wait(&mut self, within: Duration) -> Result<ExitStatus> {
        let what = format!("the end of {}", self.name);
        until(&what, within, || self.status()).with_context(|| self.tail())
    }

    /// Waits until the program has written something that `find` finds.
    ///
    /// # Errors
    ///
    /// When that does not happen within the time or the program ends before.
    pub fn wait_for<T>(
        &mut self,
        what: &str,
        within: Duration,
        find: impl Fn(&Self) -> Option<T>,
    ) -> Result<T> {
        let looked = until(what, within, || {
            let ended = self.status()?;
            match (find(self), ended) {
                (None, Some(status)) => bail!("{} ended before {what}, {status}", self.name),
                (found, _) => Ok(found),
            }
        });
        looked.with_context(|| self.tail())
    }

    /// The last that it wrote, for messages.
    #[must_use]
    pub fn tail(&self) -> String {
        let last = |text: String| {
            let lines: Vec<&str> = text.lines().collect();
            lines.get(lines.len().saturating_sub(LINES_SHOWN)..).unwrap_or_default().join("\n")
        };
        let (out, err) = (last(self.stdout()), last(self.stderr()));
        format!("{}'s last output:\n{out}\nand last log:\n{err}", self.name)
    }

    /// Ends it at once, but not what it started.
    pub(crate) fn kill_alone(mut self) -> Result<()> {
        self.child.kill().with_context(|| format!("cannot end {}", self.name))?;
        self.ended = Some(self.child.wait()?);
        self.is_alone = true;
        Ok(())
    }

    fn relatives(&self) -> Vec<Member> {
        let mut found = family::descendants(self.child.id());
        found.extend(family::in_sandboxes_below(&self.own));
        found
    }
}

/// Nothing that a test started outlives it.
impl Drop for Program {
    fn drop(&mut self) {
        if self.is_alone {
            return;
        }
        let mut others = Vec::new();
        if self.ended.is_none() {
            others = self.relatives();
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        others.extend(family::in_sandboxes_below(&self.own));
        if let Err(error) = family::end(&others) {
            eprintln!("cannot end what {} started: {error}", self.name);
        }
    }
}

/// A command for a program of this repository, apart from what the environment of the test says.
///
/// # Errors
///
/// When the program cannot be built.
pub(crate) fn command(name: &str) -> Result<Command> {
    let mut command = Command::new(crate::program(name)?);
    forget_ours(&mut command);
    Ok(command)
}

/// The same for an example of the `mesos` crate, which runs its tasks as the user of the test.
///
/// # Errors
///
/// When the example cannot be built.
pub fn example_command(name: &str) -> Result<Command> {
    let mut command = Command::new(crate::programs::example(name)?);
    forget_ours(&mut command);
    command.env("USER", user());
    Ok(command)
}

/// Who runs the test, as tasks should.
#[must_use]
pub fn user() -> &'static str {
    static USER: OnceLock<String> = OnceLock::new();
    USER.get_or_init(|| {
        let output = Command::new("id").arg("-un").output();
        let name = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        name.unwrap_or_else(|_| "root".to_owned())
    })
}

/// Takes from the command what the environment of the test says about our programs and Mesos.
pub(crate) fn forget_ours(command: &mut Command) {
    let ours = |name: &OsStr| {
        let name = name.to_string_lossy();
        ["MESOS_", "SCHEDULER_", "FILESERVER_", "EXECUTOR_", "UPLOAD_"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
    };
    for (name, _) in std::env::vars_os().filter(|(name, _)| ours(name)) {
        command.env_remove(name);
    }
    command.env_remove("RUST_LOG");
}

fn text(file: &Path) -> String {
    String::from_utf8_lossy(&fs::read(file).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    fn shell(script: &str, folder: &Path) -> Program {
        Program::start("shell", Command::new("sh").args(["-c", script]), folder).unwrap()
    }

    #[test]
    fn output_and_status_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut program = shell("echo out; echo err >&2; exit 3", folder.path());
        assert_eq!(program.wait(SOON).unwrap().code(), Some(3));
        assert_eq!((program.stdout().as_str(), program.stderr().as_str()), ("out\n", "err\n"));
    }

    #[test]
    fn one_that_does_not_end_is_told_with_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let mut program = shell("echo stuck >&2; exec sleep 60", folder.path());
        program
            .wait_for("its line", SOON, |it| it.stderr().contains("stuck").then_some(()))
            .unwrap();
        let error = format!("{:#}", program.wait(Duration::ZERO).unwrap_err());
        assert!(error.contains("the end of shell") && error.contains("stuck"), "{error}");
    }

    #[test]
    fn it_ends_with_its_value_and_so_does_what_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let mut program = shell("sleep 60 & echo started; wait", folder.path());
        program.wait_for("start", SOON, |it| (!it.stdout().is_empty()).then_some(())).unwrap();
        let members = program.relatives();
        assert_eq!(members.len(), 1);
        drop(program);
        until("their end", SOON, || Ok(members.iter().all(|it| !it.is_running()).then_some(())))
            .unwrap();
    }
}
