//! A running cluster.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use mesos::v1::{AgentId, AgentInfo};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::actor::{self, MasterHandle, Request};
use crate::agent::{self, AgentConfig, AgentHandle};
use crate::builder::ClusterBuilder;
use crate::error::Error;
use crate::faults::{Faults, Planned};
use crate::http::Context;
use crate::master::{Identity, Input, Master};
use crate::messages::FromAgent;
use crate::server::{Server, listen};
use crate::settings::Settings;
use crate::work_dir::WorkDir;

/// What the agents of a cluster have in common.
struct Plan {
    master_id: String,
    ip: IpAddr,
    settings: Settings,
    from_agents: mpsc::UnboundedSender<(AgentId, FromAgent)>,
}

/// A running master with its agents.
///
/// Dropping it ends the agents and their executors too, without waiting for them.
pub struct Cluster {
    address: String,
    faults: Faults,
    master: MasterHandle,
    running: JoinHandle<()>,
    server: Server,
    agents: Vec<Option<(AgentId, AgentHandle)>>,
    work_dir: WorkDir,
}

impl Cluster {
    /// A cluster to be configured and started.
    #[must_use]
    pub fn builder() -> ClusterBuilder {
        ClusterBuilder::default()
    }

    pub(crate) async fn start(
        builder: ClusterBuilder,
        ip: IpAddr,
        work_dir: WorkDir,
    ) -> Result<Self, Error> {
        let ClusterBuilder { agents, settings, port, .. } = builder;
        let (listener, address) = listen((ip, port).into()).await?;
        let identity = Identity {
            id: Uuid::new_v4().to_string(),
            ip,
            port: address.port(),
            started_unix_seconds: unix_seconds(),
        };
        // A master that does not lead has no agents.
        let agents = if settings.access.leads() { agents } else { 0 };
        let access = Arc::new(settings.access.clone());
        let (from_agents, agent_messages) = mpsc::unbounded_channel();
        let master = Master::new(identity.clone(), settings.master.clone());
        let (master, running) = actor::start(master, agent_messages);
        let planned = Arc::new(Planned::default());
        let address = address.to_string();
        let context = Context {
            master: master.clone(),
            faults: Arc::clone(&planned),
            access,
            address: address.clone(),
        };
        let mut cluster = Self {
            address,
            faults: Faults::new(master.clone(), planned),
            master,
            running,
            server: Server::start(listener, context),
            agents: Vec::new(),
            work_dir,
        };
        let plan = Plan { master_id: identity.id, ip, settings, from_agents };
        for index in 0..agents {
            cluster.start_agent(index, &plan).await?;
        }
        Ok(cluster)
    }

    /// Where the master listens, as `HOST:PORT`.
    #[must_use]
    pub fn master(&self) -> &str {
        &self.address
    }

    /// How many agents there are.
    #[must_use]
    pub fn agents(&self) -> usize {
        self.agents.iter().flatten().count()
    }

    /// How to make this cluster misbehave.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Where the sandboxes are.
    #[must_use]
    pub fn work_dir(&self) -> &std::path::Path {
        self.work_dir.path()
    }

    /// Ends agent `index` (counted from 0) with its executors, as if its machine had
    /// died: its tasks become unreachable and its offers are rescinded.
    ///
    /// Returns whether there was such an agent.
    pub async fn stop_agent(&mut self, index: usize) -> bool {
        let Some((id, handle)) = self.agents.get_mut(index).and_then(Option::take) else {
            return false;
        };
        self.master.tell(Request::Plain(Input::AgentLost(id)));
        handle.shutdown().await;
        true
    }

    /// Ends the agents with their executors, then the master, and removes a temporary
    /// work directory.
    pub async fn shutdown(mut self) {
        for (_, agent) in self.agents.drain(..).flatten() {
            agent.shutdown().await;
        }
        self.running.abort();
        self.server.stop().await;
    }

    async fn start_agent(&mut self, index: usize, plan: &Plan) -> Result<(), Error> {
        let id = AgentId::from(format!("{}-S{index}", plan.master_id));
        let info = AgentInfo {
            id: Some(id.clone()),
            hostname: plan.ip.to_string(),
            attributes: plan.settings.attributes.clone(),
            ..AgentInfo::default()
        };
        let config = AgentConfig {
            id: id.clone(),
            info,
            resources: plan.settings.resources.clone(),
            settings: plan.settings.agent.clone(),
            work_dir: self.work_dir.path().to_owned(),
            address: plan.ip,
        };
        let started = agent::start(config, plan.from_agents.clone()).await;
        let handle = started.map_err(|source| Error::Agent { index, source })?;
        self.master.tell(Request::AgentStarted(id.clone(), handle.to_agent.clone()));
        self.agents.push(Some((id, handle)));
        Ok(())
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").field("master", &self.address).finish_non_exhaustive()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.running.abort();
    }
}

fn unix_seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
