//! The two engines: a cluster inside the scheduler's process, and a real Mesos.

use std::fmt;
use std::path::Path;

use anyhow::{Context, Result};

use crate::nodes::{self, Nodes, Plan, free_port};

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
    nodes: Option<Nodes>,
    master: Option<u16>,
    agents: usize,
    folder: tempfile::TempDir,
}

impl Cluster {
    /// A cluster of so many agents with two processors each. The embedded one starts with
    /// the scheduler.
    ///
    /// # Errors
    ///
    /// When it does not start; the message says what to do.
    pub fn start(engine: Engine, agents: usize) -> Result<Self> {
        match engine {
            Engine::Local => Self::none(agents),
            Engine::Real => Self::of_processes(Plan::of(engine).agents(agents), agents),
        }
    }

    /// A cluster whose nodes are processes of their own on either engine.
    ///
    /// # Errors
    ///
    /// When it does not start; the message says what to do.
    pub fn of_processes(plan: Plan, agents: usize) -> Result<Self> {
        let mut cluster = Self::planned(agents)?;
        let port = cluster.master.context("this cluster was not planned")?;
        cluster.nodes = Some(plan.agents(agents).start_on(port, cluster.folder())?);
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
        let plan = Plan::of(engine).agents(self.agents);
        self.nodes = Some(plan.start_on(port, self.folder())?);
        Ok(())
    }

    /// The nodes, to look at and to disturb.
    ///
    /// # Errors
    ///
    /// When the cluster is inside the scheduler's process, or not started.
    pub fn nodes(&mut self) -> Result<&mut Nodes> {
        self.nodes.as_mut().context("this cluster has no processes of its own")
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
        self.nodes.as_ref().map(Nodes::tail).unwrap_or_default()
    }

    fn none(agents: usize) -> Result<Self> {
        Ok(Self { nodes: None, master: None, agents, folder: nodes::folder()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_embedded_cluster_is_named_by_its_size() {
        let cluster = Cluster::start(Engine::Local, 3).unwrap();
        assert_eq!(cluster.flags(), ["--master", "local", "--agents", "3"]);
    }
}
