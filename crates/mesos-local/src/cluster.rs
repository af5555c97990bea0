//! A running cluster.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use mesos::v1::{AgentId, AgentInfo};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::actor::{self, MasterHandle, Request};
use crate::agent::{self, AgentConfig, AgentHandle, Remains};
use crate::error::Error;
use crate::faults::{Faults, Planned};
use crate::http::Context;
use crate::master::{Identity, Input, Master};
use crate::messages::FromAgent;
use crate::server::{Server, listen};
use crate::settings::Settings;
use crate::store::{Registry, Store, StoredAgent};
use crate::work_dir::WorkDir;

/// What the agents of a cluster have in common.
struct Plan {
    master_id: String,
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
    socket: SocketAddr,
    agents: Vec<Option<RunningAgent>>,
    work_dir: WorkDir,
    plan: Plan,
}

struct RunningAgent {
    config: AgentConfig,
    handle: AgentHandle,
}

impl Cluster {
    /// A master at `socket`, of which the port may be any, and its agents.
    pub(crate) async fn start(
        socket: SocketAddr,
        agents: usize,
        settings: Settings,
        work_dir: WorkDir,
    ) -> Result<Self, Error> {
        let (listener, address) = listen(socket).await?;
        let identity = new_identity(address);
        // A master that does not lead has no agents.
        let agents = if settings.access.leads() { agents } else { 0 };
        let access = Arc::new(settings.access.clone());
        let (from_agents, agent_messages) = mpsc::unbounded_channel();
        let mut store = work_dir.kept("master").map(Store::<Registry>::at);
        let known = store.as_mut().and_then(Store::load).unwrap_or_default().agents;
        let master = Master::recovered(identity.clone(), settings.master.clone(), known);
        let (master, running) = actor::start(master, agent_messages, store);
        let planned = Arc::new(Planned::default());
        let socket = address;
        let address = address.to_string();
        let context = Context {
            master: master.clone(),
            faults: Arc::clone(&planned),
            access,
            address: address.clone(),
        };
        let mut cluster = Self {
            address,
            socket,
            faults: Faults::new(master.clone(), planned),
            master,
            running,
            server: Server::start(listener, context),
            agents: Vec::new(),
            work_dir,
            plan: Plan { master_id: identity.id, settings, from_agents },
        };
        for index in 0..agents {
            let running = cluster.start_agent(index).await?;
            cluster.agents.push(Some(running));
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
        let Some(RunningAgent { config, handle }) = self.take_agent(index) else {
            return false;
        };
        self.master.tell(Request::Plain(Input::AgentLost(config.id)));
        handle.shutdown().await;
        true
    }

    /// Restarts agent `index` (counted from 0) as after a crash of its process: executors of
    /// frameworks that checkpoint live on and subscribe again, all others are killed.
    ///
    /// Returns whether there was such an agent.
    ///
    /// # Errors
    ///
    /// When somebody else took the agent's port meanwhile.
    pub async fn restart_agent(&mut self, index: usize) -> Result<bool, Error> {
        let Some(RunningAgent { config, handle }) = self.take_agent(index) else {
            return Ok(false);
        };
        self.master.tell(Request::Plain(Input::AgentDisconnected(config.id.clone())));
        let Some(remains) = handle.halt().await else { return Ok(false) };
        let running = self.run_agent(index, config, Some(remains)).await?;
        if let Some(place) = self.agents.get_mut(index) {
            *place = Some(running);
        }
        Ok(true)
    }

    /// Restarts the master as after a crash of its process: streams end, offers are gone, and
    /// it knows its agents, but nothing of frameworks and tasks until they tell.
    pub async fn restart_master(&self) {
        let identity = Box::new(new_identity(self.socket));
        // Without an answer the cluster is ending.
        let _ = self.master.ask(|done| Request::Restart(identity, done)).await;
    }

    /// Loses everything that the master and agent `index` say to each other, until
    /// [`Cluster::heal_agent`]. After the ping timeouts the agent counts as unreachable.
    ///
    /// Returns whether there is such an agent.
    pub fn partition_agent(&self, index: usize) -> bool {
        self.set_partition(index, true)
    }

    /// Ends [`Cluster::partition_agent`]: an agent that counts as unreachable registers again.
    pub fn heal_agent(&self, index: usize) -> bool {
        self.set_partition(index, false)
    }

    fn set_partition(&self, index: usize, is_apart: bool) -> bool {
        let Some(Some(agent)) = self.agents.get(index) else { return false };
        self.master.tell(Request::Partition(agent.config.id.clone(), is_apart));
        true
    }

    fn take_agent(&mut self, index: usize) -> Option<RunningAgent> {
        self.agents.get_mut(index).and_then(Option::take)
    }

    /// Ends the agents with their executors, then the master, and removes a temporary
    /// work directory.
    pub async fn shutdown(mut self) {
        for agent in self.agents.drain(..).flatten() {
            agent.handle.shutdown().await;
        }
        self.running.abort();
        self.server.stop().await;
    }

    async fn start_agent(&self, index: usize) -> Result<RunningAgent, Error> {
        let Plan { master_id, settings, .. } = &self.plan;
        let kept = self.work_dir.kept(&format!("agent-{index}"));
        let stored = kept.clone().and_then(|path| Store::<StoredAgent>::at(path).load());
        let stored = stored.unwrap_or_default();
        let known = stored.info.and_then(|info| Some((info.id.clone()?, info.port())));
        let is_new = known.is_none();
        let (id, port) = known.unwrap_or_else(|| (format!("{master_id}-S{index}").into(), 0));
        let checkpoint = stored.checkpoint.unwrap_or_default();
        // Only executors that live on need to find the agent where it was.
        let port = if checkpoint.survivors().is_empty() { 0 } else { port };
        let info = AgentInfo {
            id: Some(id.clone()),
            hostname: self.socket.ip().to_string(),
            attributes: settings.attributes.clone(),
            ..AgentInfo::default()
        };
        let config = AgentConfig {
            id,
            info,
            resources: settings.resources.clone(),
            work_dir: self.work_dir.path().to_owned(),
            address: (self.socket.ip(), u16::try_from(port).unwrap_or_default()).into(),
            settings: settings.agent.clone(),
            kept,
        };
        let remains = (!is_new).then(|| Remains::of(checkpoint));
        self.run_agent(index, config, remains).await
    }

    async fn run_agent(
        &self,
        index: usize,
        config: AgentConfig,
        remains: Option<Remains>,
    ) -> Result<RunningAgent, Error> {
        let started = agent::start(config.clone(), remains, self.plan.from_agents.clone()).await;
        let handle = started.map_err(|source| Error::Agent { index, source })?;
        self.master.tell(Request::AgentStarted(config.id.clone(), handle.to_agent.clone()));
        let config = AgentConfig { address: handle.address, ..config };
        Ok(RunningAgent { config, handle })
    }
}

fn new_identity(address: SocketAddr) -> Identity {
    Identity {
        id: Uuid::new_v4().to_string(),
        ip: address.ip(),
        port: address.port(),
        started_unix_seconds: unix_seconds(),
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
