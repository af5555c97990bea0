//! What a user may get wrong: one sentence, a status of its own, nothing half-written.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::origin::{Answer, Origin};
use e2e::{Program, program};

const SOON: Duration = Duration::from_secs(30);

/// A folder with a list in it, and the command to run there.
struct Case {
    folder: tempfile::TempDir,
    command: Command,
    may_keep_state: bool,
}

impl Case {
    fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("list"), "http://127.0.0.1:1/x.jpg\n")?;
        let mut command = Command::new(program("scheduler")?);
        command.env_remove("MESOS_MASTER").env_remove("RUST_LOG").arg("--no-progress");
        Ok(Self { folder, command, may_keep_state: false })
    }

    fn with(mut self, arguments: &[&str]) -> Self {
        self.command.args(arguments);
        self
    }

    /// For what is only found out once the job is under way: its state is whole at any time.
    fn that_has_begun(mut self) -> Self {
        self.may_keep_state = true;
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs it and holds it to the rules.
    fn fails(mut self, status: i32, words: &[&str]) -> Result<()> {
        let mut program = Program::start("scheduler", &mut self.command, self.folder.path())?;
        let ended = program.wait(SOON)?;
        let (out, log) = (program.stdout(), program.stderr());
        ensure!(ended.code() == Some(status), "{ended} instead of {status}: {log}{out}");
        let last = log.lines().last().unwrap_or_default();
        for word in words {
            ensure!(last.contains(word), "{word:?} is not in the last line of\n{log}");
        }
        ensure!(!log.contains("panicked") && !log.contains("RUST_BACKTRACE"), "{log}");
        let mut left = files(&self.path("output"))?;
        left.retain(|file| !(self.may_keep_state && file.starts_with(self.path("output/.state"))));
        ensure!(left.is_empty(), "it left {left:?}\n{log}");
        Ok(())
    }
}

/// The files below a folder, which need not exist.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry?.path();
        if path.is_dir() { found.extend(files(&path)?) } else { found.push(path) }
    }
    Ok(found)
}

#[test]
fn a_list_that_is_not_there() -> Result<()> {
    let case = Case::new()?.with(&["--artifact-port", "0", "no-such-list"]);
    case.fails(3, &["no-such-list", "name a file"])
}

#[test]
fn a_list_that_is_a_folder() -> Result<()> {
    let case = Case::new()?.with(&["--artifact-port", "0", "a-folder"]);
    fs::create_dir(case.path("a-folder"))?;
    case.fails(3, &["a-folder", "name a file"])
}

#[test]
fn a_list_without_images() -> Result<()> {
    let case = Case::new()?.with(&["--artifact-port", "0", "empty"]);
    fs::write(case.path("empty"), "# nothing\n\n")?;
    case.fails(3, &["empty", "one URL or path a line"])
}

#[test]
fn an_executor_that_is_not_there() -> Result<()> {
    let flags = ["--artifact-port", "0", "--executor", "no-such-executor", "list"];
    Case::new()?.with(&flags).fails(4, &["no-such-executor", "--executor"])
}

#[test]
fn a_port_that_is_in_use() -> Result<()> {
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let port = taken.local_addr()?.port().to_string();
    let case = Case::new()?.with(&["--artifact-port", &port, "list"]);
    case.fails(4, &[&port, "--artifact-port"])
}

#[test]
fn a_folder_that_cannot_be_written() -> Result<()> {
    // Root may write anywhere, but not below a file.
    let flags = ["--artifact-port", "0", "--output", "list/output", "list"];
    Case::new()?.with(&flags).fails(4, &["list/output", "--output"])
}

#[test]
fn a_master_that_refuses_the_credentials() -> Result<()> {
    let master = Origin::start(|_| Some(Answer::Status(401)))?;
    let address = master.address().to_string();
    let case = Case::new()?.with(&["--artifact-port", "0", "--master", &address, "list"]);
    case.that_has_begun().fails(5, &[&address, "--principal"])
}

#[test]
fn a_flag_that_does_not_exist() -> Result<()> {
    let case = Case::new()?.with(&["--no-such-flag", "list"]);
    case.fails(2, &[])
}
