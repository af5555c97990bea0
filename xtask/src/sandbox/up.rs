//! Starting a cluster.

use std::fs::{self, File};
use std::net::SocketAddrV4;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::cluster::{self, Cluster, Node};
use super::process::Process;
use super::{Place, down, install, master, ports};
use crate::workspace;

const READY_WITHIN: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(100);
const LOG_LINES_SHOWN: usize = 10;
const RESOURCES: &str = "cpus:2;mem:2048;disk:4096;ports:[31000-32000]";

/// How large a cluster, and where.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How many agents
    #[arg(long, value_name = "N", default_value_t = 2)]
    agents: u16,
    /// What each agent offers
    #[arg(
        long,
        value_name = "RESOURCES",
        default_value = RESOURCES
    )]
    resources: String,
    /// Where the master listens on 127.0.0.1; 0 is any free port
    #[arg(long, value_name = "PORT", default_value_t = 5050)]
    port: u16,
}

/// Starts the cluster and waits until it is ready.
///
/// # Errors
///
/// When one runs already, the port is in use, Mesos cannot be installed or the cluster does not
/// become ready; then nothing of it is left running.
pub(super) fn up(options: &Options, place: &Place) -> Result<()> {
    refuse_second(place)?;
    let master = ports::choose(options.port)?;
    install()?;
    clear(place)?;
    announce(master, &start_all(options, master, place)?);
    Ok(())
}

/// Starts a cluster on any port, without a word; returns where its master listens.
///
/// # Errors
///
/// As [`up`].
pub(super) fn start_for_a_while(agents: u16, place: &Place) -> Result<SocketAddrV4> {
    let options = Options { agents, resources: RESOURCES.to_owned(), port: 0 };
    let master = ports::choose(options.port)?;
    start_all(&options, master, place)?;
    Ok(master)
}

fn start_all(options: &Options, master: SocketAddrV4, place: &Place) -> Result<Cluster> {
    let mut cluster = Cluster { nodes: Vec::new() };
    match start(options, master, place, &mut cluster) {
        Ok(()) => Ok(cluster),
        Err(error) => {
            down::end(&cluster, place)?;
            Err(error)
        }
    }
}

fn refuse_second(place: &Place) -> Result<()> {
    match cluster::load(&place.cluster_file())? {
        Some(cluster) if cluster.is_running() => {
            let address = cluster.master().map(|at| format!(" at {at}")).unwrap_or_default();
            bail!("a cluster runs already{address}; end it with `cargo xtask sandbox down`")
        }
        _ => Ok(()),
    }
}

/// Removes what the cluster before left, all but the lock that is held.
fn clear(place: &Place) -> Result<()> {
    let failed = || format!("cannot clear '{}'", place.folder.display());
    for entry in fs::read_dir(&place.folder).with_context(failed)? {
        let entry = entry.with_context(failed)?;
        if entry.file_name() == "lock" {
            continue;
        }
        let path = entry.path();
        let removed =
            if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.with_context(failed)?;
    }
    Ok(())
}

fn start(
    options: &Options,
    master: SocketAddrV4,
    place: &Place,
    cluster: &mut Cluster,
) -> Result<()> {
    let mut add = |name: &str, address, extra: &[&str]| {
        cluster.nodes.push(start_node(name, address, extra, &place.folder)?);
        cluster::save(cluster, &place.cluster_file())
    };
    add("master", master, &[])?;
    let addresses = ports::choose_free(usize::from(options.agents), master)?;
    for (number, address) in (1..).zip(addresses) {
        let name = format!("agent-{number}");
        add(&name, address, &[&master.to_string(), &options.resources])?;
    }
    wait_until_ready(master, cluster)
}

/// A process group of its own keeps a Ctrl-C in the terminal away from the node.
fn start_node(name: &str, address: SocketAddrV4, extra: &[&str], folder: &Path) -> Result<Node> {
    let work_dir = folder.join(name);
    let log = folder.join(format!("{name}.log"));
    let output = File::create(&log).with_context(|| format!("cannot write '{}'", log.display()))?;
    let role = name.split('-').next().unwrap_or(name);
    let child = Command::new(workspace::mesos_prefix().join("run-node"))
        .arg(role)
        .arg(&work_dir)
        .arg(address.port().to_string())
        .args(extra)
        .env("LIBPROCESS_IP", address.ip().to_string())
        .stdin(Stdio::null())
        .stdout(output.try_clone().context("cannot share a log file")?)
        .stderr(output)
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start the {name}"))?;
    let process = Process::find(child.id())
        .with_context(|| format!("the {name} is gone as soon as it was started"))?;
    Ok(Node { name: name.to_owned(), address, work_dir, log, process })
}

fn wait_until_ready(master: SocketAddrV4, cluster: &Cluster) -> Result<()> {
    let wanted = cluster.nodes.len() - 1;
    let start = Instant::now();
    loop {
        if let Some(node) = cluster.nodes.iter().find(|node| !node.process.is_running()) {
            bail!("the {} ended while it started. {}", node.name, end_of_log(&node.log));
        }
        let active = master::agents(master).map(|agents| master::count_active(&agents));
        match active {
            Ok(active) if active >= wanted => return Ok(()),
            _ if start.elapsed() < READY_WITHIN => thread::sleep(POLL),
            Ok(active) => {
                bail!("only {active} of {wanted} agents registered within {READY_WITHIN:?}")
            }
            Err(error) => return Err(error.context("the master did not get ready")),
        }
    }
}

fn end_of_log(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    format!("The end of '{}':\n{}", log.display(), last_complaints(&text, LOG_LINES_SHOWN))
}

/// The last lines but for those of Mesos that only inform: `I0131 23:59:59.…`.
fn last_complaints(log: &str, count: usize) -> String {
    let informs = |line: &str| {
        let mut start = line.chars();
        start.next() == Some('I') && start.next().is_some_and(|second| second.is_ascii_digit())
    };
    let lines: Vec<&str> = log.lines().filter(|line| !informs(line)).collect();
    lines.get(lines.len().saturating_sub(count)..).unwrap_or_default().join("\n")
}

fn announce(master: SocketAddrV4, cluster: &Cluster) {
    println!("Mesos 1.11.0 runs, its master at {master}:");
    for node in &cluster.nodes {
        println!("  {:9} {}  log {}", node.name, node.address, node.log.display());
    }
    println!("Try it:   cargo build --release && target/release/scheduler --master {master}");
    println!("End it:   cargo xtask sandbox down");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_informs_is_left_out_of_the_end_of_a_log() {
        let log = "It goes\nI1121 05:04:32.124892 1 slave.cpp:281] started\nE1121 broken\n***\n";
        assert_eq!(last_complaints(log, 5), "It goes\nE1121 broken\n***");
        assert_eq!(last_complaints(log, 1), "***");
        assert_eq!(last_complaints("", 5), "");
    }

    #[test]
    fn a_node_that_cannot_run_is_told_with_the_end_of_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("agent-1.log");
        fs::write(&log, "first\nit broke\n").unwrap();
        let node = Node {
            name: "agent-1".to_owned(),
            address: ports::choose(0).unwrap(),
            work_dir: folder.path().to_owned(),
            log,
            process: Process { pid: 4_000_000, start_ticks: 1 },
        };
        let address = node.address;
        let error = wait_until_ready(address, &Cluster { nodes: vec![node] }).unwrap_err();
        assert!(error.to_string().starts_with("the agent-1 ended while it started"), "{error}");
        assert!(error.to_string().ends_with("it broke"), "{error}");
    }
}
