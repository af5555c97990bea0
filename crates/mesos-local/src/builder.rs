//! What a cluster is to be like.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use mesos::resources::Resources;
use mesos::v1::Attribute;

use crate::cluster::Cluster;
use crate::credentials::{Acls, Credentials};
use crate::error::Error;
use crate::settings::{Leader, Settings};
use crate::work_dir::WorkDir;

/// What a cluster is to be like.
#[derive(Debug, Clone)]
pub struct ClusterBuilder {
    agents: usize,
    settings: Settings,
    work_dir: Option<PathBuf>,
    address: String,
    port: u16,
}

impl Default for ClusterBuilder {
    fn default() -> Self {
        Self {
            agents: 1,
            settings: Settings::default(),
            work_dir: None,
            address: "127.0.0.1".to_owned(),
            port: 0,
        }
    }
}

impl Cluster {
    /// A cluster to be configured and started.
    #[must_use]
    pub fn builder() -> ClusterBuilder {
        ClusterBuilder::default()
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
        self.settings.resources = resources;
        self
    }

    /// What every agent says of itself besides; nothing unless told otherwise.
    #[must_use]
    pub fn attributes(mut self, attributes: Vec<Attribute>) -> Self {
        self.settings.attributes = attributes;
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

    /// Whom the closed endpoints let in; nobody unless told otherwise.
    #[must_use]
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.settings.access.credentials = credentials;
        self
    }

    /// Whether schedulers must authenticate; they need not unless told so.
    #[must_use]
    pub fn authenticate_frameworks(mut self, must: bool) -> Self {
        self.settings.access.frameworks = must;
        self
    }

    /// Whether operators must authenticate to look (`readonly`) and to change things
    /// (`readwrite`); they need not unless told so.
    #[must_use]
    pub fn authenticate_operators(mut self, readonly: bool, readwrite: bool) -> Self {
        self.settings.access.readonly = readonly;
        self.settings.access.readwrite = readwrite;
        self
    }

    /// Who may tear down whose frameworks; everyone unless told otherwise.
    #[must_use]
    pub fn acls(mut self, acls: Acls) -> Self {
        self.settings.master.acls = acls;
        self
    }

    /// Makes this master a standby that sends everyone on to the leader at `HOST:PORT`.
    #[must_use]
    pub fn standby_of(mut self, leader: impl Into<String>) -> Self {
        self.settings.access.leader = Leader::Elsewhere(leader.into());
        self
    }

    /// Makes this master one that does not lead, and knows of nobody who does.
    #[must_use]
    pub fn no_leader(mut self) -> Self {
        self.settings.access.leader = Leader::Nobody;
        self
    }

    /// The time between two allocations of everything, and the shortest filter; 1 s unless
    /// told otherwise. At least 1 ms.
    #[must_use]
    pub fn allocation_interval(mut self, interval: Duration) -> Self {
        self.settings.master.allocation_interval = interval.max(Duration::from_millis(1));
        self
    }

    /// A silent agent is unreachable after `misses` pings without an answer, each of which is
    /// waited for this long; 15 s and 5 unless told otherwise.
    #[must_use]
    pub fn agent_ping_timeouts(mut self, wait: Duration, misses: u32) -> Self {
        self.settings.master.agent_ping_timeout = wait;
        self.settings.master.max_agent_ping_timeouts = misses;
        self
    }

    /// How long agents may take to return to a new master; 10 min unless told otherwise.
    #[must_use]
    pub fn agent_reregister_timeout(mut self, wait: Duration) -> Self {
        self.settings.master.agent_reregister_timeout = wait;
        self
    }

    /// How long a new executor may take to subscribe, fetching included; 60 s unless told
    /// otherwise.
    #[must_use]
    pub fn executor_registration_timeout(mut self, wait: Duration) -> Self {
        self.settings.agent.executor_registration_timeout = wait;
        self
    }

    /// How long executors may take to return to an agent that was restarted; 2 s unless told
    /// otherwise.
    #[must_use]
    pub fn executor_reregistration_timeout(mut self, wait: Duration) -> Self {
        self.settings.agent.executor_reregistration_timeout = wait;
        self
    }

    /// How long an executor may take to end after SHUTDOWN, unless it says itself; 5 s unless
    /// told otherwise.
    #[must_use]
    pub fn executor_shutdown_grace_period(mut self, grace: Duration) -> Self {
        self.settings.agent.executor_shutdown_grace_period = grace;
        self
    }

    /// Starts the master and its agents; when this returns, they serve.
    ///
    /// # Errors
    ///
    /// When the address, the port or the work directory cannot be used, or resources are
    /// reserved for a role.
    pub async fn start(self) -> Result<Cluster, Error> {
        let ip: IpAddr =
            self.address.parse().map_err(|_| Error::Address { address: self.address.clone() })?;
        let reserved = self.settings.resources.reserved();
        if !reserved.is_empty() {
            return Err(Error::Reserved { resources: reserved.to_string() });
        }
        let work_dir = WorkDir::prepare(self.work_dir)?;
        Cluster::start((ip, self.port).into(), self.agents, self.settings, work_dir).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn reserved_resources_are_refused_instead_of_offered_to_everybody() {
        let resources = "cpus:1;cpus(web):2".parse().unwrap();
        let error = Cluster::builder().port(0).resources(resources).start().await.unwrap_err();
        assert!(error.to_string().starts_with("cpus(web):2 is reserved"), "{error}");
    }
}
