//! The two engines: a cluster inside the scheduler's process, and a real Mesos.

use std::env;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::process::{self, Program};
use crate::{http, until};

/// A master and its agents usually take half a second; this is for a busy machine.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// Clusters do not run beside each other: they would only make each other slow.
static MACHINE: Mutex<()> = Mutex::new(());

/// What runs the tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// `mesos-local`, embedded.
    Local,
    /// Mesos 1.11.0.
    Real,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "the embedded cluster",
            Self::Real => "the real Mesos",
        })
    }
}

/// A cluster for one scenario, with a folder for everything. All ends with this value.
#[derive(Debug)]
pub struct Cluster {
    // The order matters: processes end before their folder goes.
    nodes: Vec<Program>,
    master: Option<u16>,
    agents: usize,
    folder: tempfile::TempDir,
    _machine: MutexGuard<'static, ()>,
}

impl Cluster {
    /// A cluster of so many agents with two processors each. The embedded one starts with
    /// the scheduler.
    ///
    /// # Errors
    ///
    /// When it does not start; the message says what to do.
    pub fn start(engine: Engine, agents: usize) -> Result<Self> {
        let mut cluster = Self::none(agents)?;
        if engine == Engine::Real {
            cluster.start_real(free_port()?)?;
        }
        Ok(cluster)
    }

    /// The same on a port that nobody listens on until [`Self::start_master`].
    ///
    /// # Errors
    ///
    /// When there is no free port.
    pub fn planned(agents: usize) -> Result<Self> {
        let mut cluster = Self::none(agents)?;
        cluster.master = Some(free_port()?);
        Ok(cluster)
    }

    /// Starts master and agents of a planned cluster, as processes of their own.
    ///
    /// # Errors
    ///
    /// When they do not start; the message says what to do.
    pub fn start_master(&mut self, engine: Engine) -> Result<()> {
        let port = self.master.context("this cluster was not planned")?;
        match engine {
            Engine::Local => self.start_mesos_local(port),
            Engine::Real => self.start_real(port),
        }
    }

    /// The scheduler's flags that name this cluster.
    #[must_use]
    pub fn flags(&self) -> Vec<String> {
        match self.master {
            Some(port) => vec!["--master".into(), format!("127.0.0.1:{port}")],
            None => {
                vec!["--master".into(), "local".into(), "--agents".into(), self.agents.to_string()]
            }
        }
    }

    /// The folder of the scenario.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What the nodes wrote last, for messages.
    #[must_use]
    pub fn tail(&self) -> String {
        self.nodes.iter().map(Program::tail).collect::<Vec<_>>().join("\n")
    }

    fn none(agents: usize) -> Result<Self> {
        let machine = MACHINE.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::Builder::new().prefix("e2e-").tempdir();
        let folder = folder.context("cannot make a temporary folder")?;
        Ok(Self { nodes: Vec::new(), master: None, agents, folder, _machine: machine })
    }

    fn start_mesos_local(&mut self, port: u16) -> Result<()> {
        let mut command = process::command("mesos-local")?;
        command.args(["--port", &port.to_string(), "--agents", &self.agents.to_string()]);
        command.arg("--work-dir").arg(self.folder().join("mesos-local/work"));
        let program = Program::start("mesos-local", &mut command, self.folder())?;
        self.nodes.push(program);
        self.wait_until_ready(port)
    }

    fn start_real(&mut self, port: u16) -> Result<()> {
        self.master = Some(port);
        let prefix = real_mesos(env::var_os("MESOS_SANDBOX_PREFIX").map(PathBuf::from))?;
        self.start_node(&prefix, "master", port, &[])?;
        for number in 1..=self.agents {
            let master = format!("127.0.0.1:{port}");
            self.start_node(&prefix, &format!("agent-{number}"), free_port()?, &[&master])?;
        }
        self.wait_until_ready(port)
    }

    fn start_node(&mut self, prefix: &Path, name: &str, port: u16, extra: &[&str]) -> Result<()> {
        let mut command = Command::new(prefix.join("run-node"));
        command.arg(name.split('-').next().unwrap_or(name));
        command.arg(self.folder().join(name).join("work")).arg(port.to_string()).args(extra);
        command.env("LIBPROCESS_IP", Ipv4Addr::LOCALHOST.to_string());
        let program = Program::start(name, &mut command, self.folder())?;
        self.nodes.push(program);
        Ok(())
    }

    fn wait_until_ready(&mut self, port: u16) -> Result<()> {
        let (address, wanted) = (SocketAddr::from((Ipv4Addr::LOCALHOST, port)), self.agents);
        let what = format!("{wanted} agents at the master {address}");
        let nodes = &mut self.nodes;
        let ready = until(&what, READY_WITHIN, || {
            for node in nodes.iter_mut() {
                if let Some(status) = node.status()? {
                    bail!("a node ended while it started, {status}");
                }
            }
            let active = active_agents(address).unwrap_or_default();
            Ok((active >= wanted).then_some(()))
        });
        ready.with_context(|| self.tail())
    }
}

/// A port on loopback that was free just now.
///
/// # Errors
///
/// When there is none.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr()?.port())
}

/// How many agents get offers made.
fn active_agents(master: SocketAddr) -> Result<usize> {
    #[derive(serde::Deserialize)]
    struct Slaves {
        slaves: Vec<Slave>,
    }
    #[derive(serde::Deserialize)]
    struct Slave {
        active: bool,
    }
    let reply = http::get(master, "/slaves")?;
    let slaves: Slaves = serde_json::from_slice(&reply.body)?;
    Ok(slaves.slaves.iter().filter(|slave| slave.active).count())
}

/// The folder of the real Mesos, from what the environment says.
fn real_mesos(prefix: Option<PathBuf>) -> Result<PathBuf> {
    const REMEDY: &str = "run the tests with `cargo xtask test`, or `sandbox/install.sh PREFIX` \
                          and set MESOS_SANDBOX_PREFIX=PREFIX";
    let Some(prefix) = prefix else {
        bail!("MESOS_SANDBOX_PREFIX does not say where the real Mesos is: {REMEDY}")
    };
    if !prefix.join("run-node").is_file() {
        bail!("there is no real Mesos in '{}': {REMEDY}", prefix.display());
    }
    Ok(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_embedded_cluster_is_named_by_its_size() {
        let cluster = Cluster::start(Engine::Local, 3).unwrap();
        assert_eq!(cluster.flags(), ["--master", "local", "--agents", "3"]);
    }

    #[test]
    fn a_real_mesos_that_is_missing_is_told_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        for prefix in [None, Some(folder.path().to_owned())] {
            let error = real_mesos(prefix).unwrap_err().to_string();
            assert!(error.contains("cargo xtask test"), "{error}");
            assert!(error.contains("sandbox/install.sh PREFIX"), "{error}");
        }
    }

    #[cfg(feature = "real-mesos")]
    #[test]
    fn a_real_cluster_gets_ready_and_leaves_nothing_running() {
        let cluster = Cluster::start(Engine::Real, 2).unwrap();
        let pids: Vec<u32> = cluster.nodes.iter().map(Program::pid).collect();
        assert_eq!((pids.len(), cluster.flags()[0].as_str()), (3, "--master"));
        let folder = cluster.folder().to_owned();
        drop(cluster);
        assert!(pids.iter().all(|pid| !Path::new("/proc").join(pid.to_string()).exists()));
        assert!(!folder.exists());
    }
}
