//! How a cluster is started and ended.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mesos::resources::Resources;
use mesos::v1::{AgentId, AgentInfo};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::actor::{self, MasterHandle, Request};
use crate::agent::{self, AgentConfig, AgentHandle};
use crate::error::Error;
use crate::faults::{Faults, Planned};
use crate::http::{self, Context};
use crate::master::{Identity, Input, Master};
use crate::messages::FromAgent;

/// How long open connections may take to end when the cluster is shut down.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);

/// What a cluster is to be like.
#[derive(Debug, Clone)]
pub struct ClusterBuilder {
    agents: usize,
    resources: Option<Resources>,
    work_dir: Option<PathBuf>,
    address: String,
    port: u16,
}

impl Default for ClusterBuilder {
    fn default() -> Self {
        Self {
            agents: 1,
            resources: None,
            work_dir: None,
            address: "127.0.0.1".to_owned(),
            port: 0,
        }
    }
}

impl ClusterBuilder {
    /// How many agents there are; 1 unless told otherwise.
    #[must_use]
    pub fn agents(mut self, count: usize) -> Self {
        self.agents = count;
        self
    }

    /// What every agent has; `cpus:2;mem:2048;disk:4096;ports:[31000-32000]` unless told
    /// otherwise. It is a promise to schedulers, not a limit for what tasks use.
    #[must_use]
    pub fn resources(mut self, resources: Resources) -> Self {
        self.resources = Some(resources);
        self
    }

    /// Where sandboxes go, and stay; otherwise a temporary directory, removed at the end.
    #[must_use]
    pub fn work_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.work_dir = Some(path.into());
        self
    }

    /// The IP address to listen on; 127.0.0.1 unless told otherwise.
    #[must_use]
    pub fn address(mut self, address: impl Into<String>) -> Self {
        self.address = address.into();
        self
    }

    /// The master's port; 0, the default, is any free one.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Starts the master and its agents; when this returns, they serve.
    ///
    /// # Errors
    ///
    /// When the address, the port or the work directory cannot be used.
    pub async fn start(self) -> Result<Cluster, Error> {
        let ip: IpAddr =
            self.address.parse().map_err(|_| Error::Address { address: self.address.clone() })?;
        let work_dir = WorkDir::prepare(self.work_dir)?;
        let (listener, address) = listen(SocketAddr::new(ip, self.port)).await?;
        let identity = Identity {
            id: Uuid::new_v4().to_string(),
            ip,
            port: address.port(),
            started_unix_seconds: unix_seconds(),
        };
        let (from_agents, agent_messages) = mpsc::unbounded_channel();
        let resources = self.resources.unwrap_or_else(default_resources);
        let plan = Plan { master_id: identity.id.clone(), ip, resources, from_agents };
        let (master, running) = actor::start(Master::new(identity), agent_messages);
        let planned = Arc::new(Planned::default());
        let context = Context {
            master: master.clone(),
            faults: Arc::clone(&planned),
            address: address.to_string(),
        };
        let server = Server::start(listener, context);
        let mut cluster = Cluster {
            address: address.to_string(),
            faults: Faults::new(master.clone(), planned),
            master,
            running,
            server,
            agents: Vec::new(),
            work_dir,
        };
        for index in 0..self.agents {
            cluster.start_agent(index, &plan).await?;
        }
        Ok(cluster)
    }
}

/// What the agents of a cluster have in common.
struct Plan {
    master_id: String,
    ip: IpAddr,
    resources: Resources,
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

    /// Where the master listens, as `HOST:PORT`.
    #[must_use]
    pub fn master(&self) -> &str {
        &self.address
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
            ..AgentInfo::default()
        };
        let config = AgentConfig {
            id: id.clone(),
            info,
            resources: plan.resources.clone(),
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

/// The master's HTTP server.
struct Server {
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<io::Result<()>>,
}

impl Server {
    fn start(listener: TcpListener, context: Context) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let router = http::master_router(context);
        let serving = tokio::spawn(async move {
            let until = async {
                let _ = stopped.await;
            };
            axum::serve(listener, router).with_graceful_shutdown(until).await
        });
        Self { stop: Some(stop), serving }
    }

    async fn stop(&mut self) {
        drop(self.stop.take());
        // A client that neither reads nor hangs up must not keep the cluster alive.
        if tokio::time::timeout(SHUTDOWN_GRACE, &mut self.serving).await.is_err() {
            self.serving.abort();
        }
    }
}

/// A directory that is removed at the end, unless somebody chose it.
enum WorkDir {
    Chosen(PathBuf),
    Temporary(TempDir),
}

impl WorkDir {
    fn prepare(chosen: Option<PathBuf>) -> Result<Self, Error> {
        let Some(path) = chosen else {
            let made = tempfile::Builder::new().prefix("mesos-local-").tempdir();
            let path = std::env::temp_dir();
            return made.map(Self::Temporary).map_err(|source| Error::WorkDir { path, source });
        };
        let made = std::fs::create_dir_all(&path).and_then(|()| std::path::absolute(&path));
        made.map(Self::Chosen).map_err(|source| Error::WorkDir { path, source })
    }

    fn path(&self) -> &std::path::Path {
        match self {
            Self::Chosen(path) => path,
            Self::Temporary(directory) => directory.path(),
        }
    }
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let fault = |source: io::Error| {
        let address = address.to_string();
        if source.kind() == io::ErrorKind::AddrInUse {
            Error::PortInUse { address }
        } else {
            Error::Listen { address, source }
        }
    };
    let listener = TcpListener::bind(address).await.map_err(fault)?;
    let address = listener.local_addr().map_err(fault)?;
    Ok((listener, address))
}

fn default_resources() -> Resources {
    "cpus:2;mem:2048;disk:4096;ports:[31000-32000]".parse().unwrap_or_default()
}

fn unix_seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
