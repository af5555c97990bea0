//! A file server whose disk is full.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::origin::{Answer, Origin};
use e2e::{
    Cluster, Engine, Entry, Job, Program, free_port, manifest, on_each_engine, pictures, program,
};
use rustix::process::Signal;

const IMAGES: u32 = 40;

/// Some seconds, as uploads are tried several times; the rest is for a busy machine.
const WITHIN: Duration = Duration::from_secs(120);

/// A disk of 1 MiB for the folder `kept`, of which 64 KiB are left: room for some of the results.
/// It is in a mount namespace of the file server alone, so nothing has to be taken down, and with
/// a user namespace whoever runs the tests may mount it.
const FILE_SERVER: &str = "\
    set -e
    mkdir -p kept
    mount -t tmpfs -o size=1m tmpfs kept
    head -c 983040 /dev/zero >kept/filler
    exec \"$@\"";

/// The server with its small disk.
struct Server {
    program: Program,
    base: String,
}

impl Server {
    fn start(cluster: &Cluster) -> Result<Self> {
        fs::write(cluster.folder().join("token"), "secret")?;
        let port = free_port()?;
        let mut command = Command::new("unshare");
        if rustix::process::geteuid().is_root() {
            command.args(["--mount", "--propagation", "private"]);
        } else {
            command.args(["--user", "--map-root-user", "--mount"]);
        }
        command.args(["sh", "-c", FILE_SERVER, "sh"]).arg(program("fileserver")?);
        command.args(["--port", &port.to_string(), "--output", "kept"]);
        command.args(["--upload-token-file", "token", "--executor"]).arg(program("executor")?);
        let mut program = Program::start("fileserver", &mut command, cluster.folder())?;
        let started = program.wait_for("its address", WITHIN, |it| {
            it.stdout().contains("Serving http://").then_some(())
        });
        started.context(
            "a file server with a disk of its own needs util-linux' `unshare`, and root or user \
             namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone)",
        )?;
        Ok(Self { program, base: format!("http://127.0.0.1:{port}") })
    }

    /// The folder of results, as the server sees it.
    fn kept(&self, cluster: &Cluster) -> PathBuf {
        let folder = cluster.folder().strip_prefix("/").unwrap_or(cluster.folder());
        PathBuf::from(format!("/proc/{}/root", self.program.pid())).join(folder).join("kept")
    }

    fn make_room(&self, cluster: &Cluster) -> Result<()> {
        fs::remove_file(self.kept(cluster).join("filler")).context("cannot make room")
    }
}

fn path(number: u32) -> String {
    format!("/{number}.png")
}

fn done(entries: &[Entry]) -> Vec<&Entry> {
    entries.iter().filter(|entry| entry.is_done()).collect()
}

fn a_full_disk_costs_time_but_no_image(engine: Engine) -> Result<()> {
    let cluster = Cluster::start(engine, 1)?;
    let server = Server::start(&cluster)?;
    let origin = Origin::start(|path| {
        let number = path.strip_prefix('/')?.strip_suffix(".png")?.parse().ok()?;
        Some(Answer::picture(pictures::png(number).ok()?))
    })?;
    let lines: Vec<String> = (1..=IMAGES).map(|number| origin.url(&path(number))).collect();
    let job = Job::of_lines(&cluster, &lines)?
        .with(&["--fileserver", &server.base, "--upload-token-file", "token"])
        .with(&["--attempts=100", "--images-per-task=10"]);

    let mut run = job.start()?;
    run.program.wait_for("a word about the full disk", WITHIN, |program| {
        let log = program.stderr();
        let line = log.lines().find(|line| line.contains("507 Insufficient Storage"))?;
        (line.contains("disk-full") && line.contains("trying again")).then_some(())
    })?;
    run.program.signal(Signal::INT)?;
    let status = run.program.wait(WITHIN)?;
    ensure!(status.code() == Some(130), "{status}\n{}", run.program.tail());
    drop(run);
    let before = manifest(&job.output())?;
    let done_before = done(&before);
    ensure!(!done_before.is_empty(), "the disk had room for some: {before:#?}");
    ensure!(done_before.len() < IMAGES as usize, "the disk was not full: {before:#?}");
    for entry in &done_before {
        entry.result(&server.kept(&cluster))?;
    }
    let requests: Vec<usize> = (1..=IMAGES).map(|number| origin.requests(&path(number))).collect();

    server.make_room(&cluster)?;
    let finished = job.run(0, WITHIN)?;
    ensure!(finished.entries.len() == IMAGES as usize, "{} entries", finished.entries.len());
    for entry in &finished.entries {
        entry.result(&server.kept(&cluster))?;
    }
    for entry in done_before {
        let number = u32::try_from(entry.index)?;
        let before = requests.get(number as usize - 1).context("an image of the list")?;
        let after = origin.requests(&path(number));
        ensure!(after == *before, "done, but fetched {before}, then {after} times: {entry:?}");
    }
    Ok(())
}

on_each_engine!(a_full_disk_costs_time_but_no_image);
