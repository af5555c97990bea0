//! The command line: what is this program's own, then what real masters and agents know.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgAction, Parser};
use mesos::resources::Resources;
use mesos_local::{Acls, Cluster, ClusterBuilder, Credentials, Error, parse_attributes};

/// Runs an embedded Mesos master and agents on this machine, until Ctrl-C.
#[derive(Debug, Parser)]
#[command(name = "mesos-local", version)]
pub(crate) struct Flags {
    /// The IP address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    address: String,
    /// The master's port; 0 is any free one
    #[arg(long, default_value_t = 5050)]
    port: u16,
    /// How many agents to run
    #[arg(long, default_value_t = 2)]
    agents: usize,
    /// What every agent offers; not a limit for what its tasks use
    #[arg(long, default_value = "cpus:2;mem:2048;disk:4096")]
    resources: Resources,
    /// What every agent says of itself besides, as `rack:abc;level:10`
    #[arg(long, default_value = "")]
    attributes: String,
    /// Where sandboxes go, and stay; otherwise a temporary directory, removed at the end
    #[arg(long)]
    work_dir: Option<PathBuf>,
    /// Be a standby master that sends everyone on to the leader at HOST:PORT
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "no_leader")]
    standby_of: Option<String>,
    /// Be a master that does not lead, and knows of nobody who does
    #[arg(long)]
    no_leader: bool,
    #[command(flatten)]
    mesos: MesosFlags,
}

/// Flags under the names of Mesos, with its values: `true`, `500ms`.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Flags of Mesos")]
struct MesosFlags {
    /// Principals and secrets, as `{"credentials": [{"principal": …, "secret": …}]}`
    #[arg(long, value_name = "FILE")]
    credentials: Option<PathBuf>,
    /// Whether schedulers must authenticate
    #[arg(long, default_value_t = false, action = ArgAction::Set)]
    authenticate_http_frameworks: bool,
    /// How schedulers authenticate
    #[arg(long, default_value = "basic", value_parser = ["basic"])]
    http_framework_authenticators: String,
    /// Whether operators must authenticate to look
    #[arg(long, default_value_t = false, action = ArgAction::Set)]
    authenticate_http_readonly: bool,
    /// Whether operators must authenticate to change things
    #[arg(long, default_value_t = false, action = ArgAction::Set)]
    authenticate_http_readwrite: bool,
    /// Who may tear down whose frameworks: JSON, or a file of it
    #[arg(long, value_name = "JSON|FILE")]
    acls: Option<String>,
    /// The time between two allocations of everything
    #[arg(long, default_value = "1secs", value_parser = duration)]
    allocation_interval: Duration,
    /// How long the answer to a ping of an agent is waited for
    #[arg(long, default_value = "15secs", value_parser = duration)]
    agent_ping_timeout: Duration,
    /// How many pings without an answer make an agent unreachable
    #[arg(long, default_value_t = 5)]
    max_agent_ping_timeouts: u32,
    /// How long agents may take to return to a new master
    #[arg(long, default_value = "10mins", value_parser = duration)]
    agent_reregister_timeout: Duration,
    /// How long a new executor may take to subscribe, fetching included
    #[arg(long, default_value = "1mins", value_parser = duration)]
    executor_registration_timeout: Duration,
    /// How long executors may take to return to an agent that was restarted
    #[arg(long, default_value = "2secs", value_parser = duration)]
    executor_reregistration_timeout: Duration,
    /// How long an executor may take to end after SHUTDOWN, unless it says itself
    #[arg(long, default_value = "5secs", value_parser = duration)]
    executor_shutdown_grace_period: Duration,
}

impl Flags {
    /// The cluster that these flags describe.
    pub(crate) fn into_builder(self) -> Result<ClusterBuilder, Error> {
        let mut builder = Cluster::builder()
            .agents(self.agents)
            .resources(self.resources)
            .attributes(parse_attributes(&self.attributes)?)
            .address(self.address)
            .port(self.port);
        if let Some(path) = self.work_dir {
            builder = builder.work_dir(path);
        }
        if let Some(leader) = self.standby_of {
            builder = builder.standby_of(leader);
        }
        if self.no_leader {
            builder = builder.no_leader();
        }
        self.mesos.apply(builder)
    }
}

impl MesosFlags {
    fn apply(self, mut builder: ClusterBuilder) -> Result<ClusterBuilder, Error> {
        builder = builder
            .authenticate_frameworks(self.authenticate_http_frameworks)
            .authenticate_operators(
                self.authenticate_http_readonly,
                self.authenticate_http_readwrite,
            )
            .allocation_interval(self.allocation_interval)
            .agent_ping_timeouts(self.agent_ping_timeout, self.max_agent_ping_timeouts)
            .agent_reregister_timeout(self.agent_reregister_timeout)
            .executor_registration_timeout(self.executor_registration_timeout)
            .executor_reregistration_timeout(self.executor_reregistration_timeout)
            .executor_shutdown_grace_period(self.executor_shutdown_grace_period);
        if let Some(path) = &self.credentials {
            builder = builder.credentials(Credentials::read(path)?);
        }
        if let Some(acls) = &self.acls {
            builder = builder.acls(read_acls(acls)?);
        }
        Ok(builder)
    }
}

fn read_acls(value: &str) -> Result<Acls, Error> {
    if value.trim_start().starts_with('{') {
        return Acls::parse(value);
    }
    let path = Path::new(value.strip_prefix("file://").unwrap_or(value));
    let text = std::fs::read_to_string(path);
    Acls::parse(&text.map_err(|source| Error::File { path: path.to_owned(), source })?)
}

fn duration(text: &str) -> Result<Duration, String> {
    mesos::duration::parse(text)
        .ok_or_else(|| "write a number and a unit, as in 500ms, 15secs or 10mins".to_owned())
}
