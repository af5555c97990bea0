//! What can be chosen about a master and its agents, under the names of Mesos' flags.

use std::time::Duration;

use mesos::resources::Resources;
use mesos::v1::Attribute;

use crate::credentials::{Acls, Credentials};

/// What the master's decisions depend on.
#[derive(Debug, Clone)]
pub(crate) struct MasterSettings {
    /// `allocation_interval`.
    pub(crate) allocation_interval: Duration,
    /// `agent_ping_timeout`.
    pub(crate) agent_ping_timeout: Duration,
    /// `max_agent_ping_timeouts`.
    pub(crate) max_agent_ping_timeouts: u32,
    /// `agent_reregister_timeout`.
    pub(crate) agent_reregister_timeout: Duration,
    /// `acls`.
    pub(crate) acls: Acls,
}

impl Default for MasterSettings {
    fn default() -> Self {
        Self {
            allocation_interval: Duration::from_secs(1),
            agent_ping_timeout: Duration::from_secs(15),
            max_agent_ping_timeouts: 5,
            agent_reregister_timeout: Duration::from_secs(600),
            acls: Acls::default(),
        }
    }
}

/// What an agent's decisions depend on.
#[derive(Debug, Clone)]
pub(crate) struct AgentSettings {
    /// `executor_registration_timeout`.
    pub(crate) executor_registration_timeout: Duration,
    /// `executor_reregistration_timeout`.
    pub(crate) executor_reregistration_timeout: Duration,
    /// `executor_shutdown_grace_period`.
    pub(crate) executor_shutdown_grace_period: Duration,
}

impl Default for AgentSettings {
    fn default() -> Self {
        Self {
            executor_registration_timeout: Duration::from_secs(60),
            executor_reregistration_timeout: Duration::from_secs(2),
            executor_shutdown_grace_period: Duration::from_secs(5),
        }
    }
}

/// Who is let in to the master's endpoints.
#[derive(Debug, Clone, Default)]
pub(crate) struct Access {
    pub(crate) credentials: Credentials,
    /// `authenticate_http_frameworks`.
    pub(crate) frameworks: bool,
    /// `authenticate_http_readonly`.
    pub(crate) readonly: bool,
    /// `authenticate_http_readwrite`.
    pub(crate) readwrite: bool,
    pub(crate) leader: Leader,
}

/// Which master leads.
#[derive(Debug, Clone, Default)]
pub(crate) enum Leader {
    /// This one.
    #[default]
    Here,
    /// The one at `HOST:PORT`.
    Elsewhere(String),
    /// None.
    Nobody,
}

impl Access {
    /// Whether this master leads.
    pub(crate) const fn leads(&self) -> bool {
        matches!(self.leader, Leader::Here)
    }
}

/// Everything together.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) master: MasterSettings,
    pub(crate) agent: AgentSettings,
    pub(crate) access: Access,
    pub(crate) resources: Resources,
    pub(crate) attributes: Vec<Attribute>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            master: MasterSettings::default(),
            agent: AgentSettings::default(),
            access: Access::default(),
            resources: default_resources(),
            attributes: Vec::new(),
        }
    }
}

fn default_resources() -> Resources {
    "cpus:2;mem:2048;disk:4096;ports:[31000-32000]".parse().unwrap_or_default()
}
