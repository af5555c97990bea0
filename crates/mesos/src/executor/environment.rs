//! What the agent tells an executor through its environment.
//!
//! Source: MESOS "Executor HTTP API", Environment Variables; section 2.1 of what
//! the agent of 1.11.0 really sets (`MESOS_CHECKPOINT` is `1` or `0`).

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use crate::client::tls::{Tls, TlsBuilder, TlsError};
use crate::duration;
use crate::v1::{AgentId, ExecutorId, FrameworkId};

/// How long an executor has to end after SHUTDOWN unless the agent says otherwise.
const DEFAULT_GRACE_PERIOD: Duration = Duration::from_secs(5);
/// How long to look for a lost agent unless the agent says otherwise.
const DEFAULT_RECOVERY_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// Where and as whom an executor runs.
#[derive(Clone, PartialEq, Eq)]
pub struct Environment {
    /// The framework it belongs to.
    pub framework_id: FrameworkId,
    /// Its own id.
    pub executor_id: ExecutorId,
    /// The agent it runs on, if the agent says so.
    pub agent_id: Option<AgentId>,
    /// The agent's executor API.
    pub endpoint: Url,
    /// The working directory, where the URIs were fetched to.
    pub sandbox: Option<PathBuf>,
    /// Whether it may outlive a restart of the agent.
    pub checkpoint: bool,
    /// How long to look for a lost agent, with checkpointing.
    pub recovery_timeout: Duration,
    /// The longest wait between tries to come back, if the agent sets one.
    pub subscription_backoff_max: Option<Duration>,
    /// How long it may take to end after SHUTDOWN before it is killed.
    pub shutdown_grace_period: Duration,
    /// For https, which the agent speaks when it is told to by `LIBPROCESS_SSL_ENABLED`.
    tls: Option<TlsBuilder>,
    /// The token for the agent, if it wants one.
    token: Option<String>,
}

/// Why the environment is not that of an executor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentError {
    /// A variable that every agent sets is not there.
    #[error("{name} is not set: an executor is started by a Mesos agent, not by hand")]
    Missing {
        /// The variable.
        name: &'static str,
    },
    /// A variable has a value that no agent would give it.
    #[error("{name} is {value:?}, which is not of the expected form")]
    Malformed {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
    },
}

impl Environment {
    /// Reads the process's own environment.
    ///
    /// # Errors
    ///
    /// When the process was not started by an agent.
    pub fn from_env() -> Result<Self, EnvironmentError> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Reads the variables through `lookup`.
    ///
    /// # Errors
    ///
    /// When a variable is missing or malformed.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, EnvironmentError> {
        let required = |name: &'static str| {
            lookup(name).filter(|v| !v.is_empty()).ok_or(EnvironmentError::Missing { name })
        };
        let time = |name: &'static str| match lookup(name) {
            Some(value) => {
                duration::parse(&value).map(Some).ok_or(EnvironmentError::Malformed { name, value })
            }
            None => Ok(None),
        };
        let tls = TlsBuilder::from_lookup(&lookup);
        Ok(Self {
            framework_id: required("MESOS_FRAMEWORK_ID")?.into(),
            executor_id: required("MESOS_EXECUTOR_ID")?.into(),
            agent_id: lookup("MESOS_SLAVE_ID").map(AgentId::from),
            endpoint: endpoint(
                if tls.is_some() { "https" } else { "http" },
                required("MESOS_AGENT_ENDPOINT")?,
                lookup("MESOS_SLAVE_PID").as_deref(),
            )?,
            sandbox: lookup("MESOS_SANDBOX").map(PathBuf::from),
            checkpoint: lookup("MESOS_CHECKPOINT").is_some_and(|v| v == "1" || v == "true"),
            recovery_timeout: time("MESOS_RECOVERY_TIMEOUT")?.unwrap_or(DEFAULT_RECOVERY_TIMEOUT),
            subscription_backoff_max: time("MESOS_SUBSCRIPTION_BACKOFF_MAX")?,
            shutdown_grace_period: time("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD")?
                .unwrap_or(DEFAULT_GRACE_PERIOD),
            tls,
            token: lookup("MESOS_EXECUTOR_AUTHENTICATION_TOKEN"),
        })
    }

    /// Whom to trust and who we are over https.
    pub(super) fn tls(&self) -> Result<Tls, TlsError> {
        self.tls.clone().unwrap_or_default().build()
    }

    /// The token for the agent, for the `Authorization` header only.
    pub(super) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }
}

/// Without the token.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("framework_id", &self.framework_id.value)
            .field("executor_id", &self.executor_id.value)
            .field("endpoint", &self.endpoint.as_str())
            .field("checkpoint", &self.checkpoint)
            .finish_non_exhaustive()
    }
}

/// The API's address. The agent's process id is its path prefix, which matters when
/// several agents share one process.
fn endpoint(scheme: &str, address: String, pid: Option<&str>) -> Result<Url, EnvironmentError> {
    let prefix = match pid.and_then(|pid| pid.split_once('@')) {
        Some((process, _)) => format!("/{process}"),
        None => String::new(),
    };
    Url::parse(&format!("{scheme}://{address}{prefix}/api/v1/executor"))
        .map_err(|_| EnvironmentError::Malformed { name: "MESOS_AGENT_ENDPOINT", value: address })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(extra: &[(&str, &str)]) -> Result<Environment, EnvironmentError> {
        let base = [
            ("MESOS_FRAMEWORK_ID", "f"),
            ("MESOS_EXECUTOR_ID", "e"),
            ("MESOS_AGENT_ENDPOINT", "127.0.0.1:5051"),
        ];
        Environment::from_lookup(|name| {
            let all = extra.iter().chain(&base);
            all.clone().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned())
        })
    }

    #[test]
    fn a_zero_means_no_checkpointing() {
        assert!(!read(&[("MESOS_CHECKPOINT", "0")]).unwrap().checkpoint);
        assert!(read(&[("MESOS_CHECKPOINT", "1")]).unwrap().checkpoint);
        assert!(!read(&[]).unwrap().checkpoint);
    }

    #[test]
    fn the_endpoint_has_the_agents_prefix() {
        let environment = read(&[("MESOS_SLAVE_PID", "slave(3)@127.0.0.1:5051")]).unwrap();
        assert_eq!(environment.endpoint.as_str(), "http://127.0.0.1:5051/slave(3)/api/v1/executor");
        assert_eq!(read(&[]).unwrap().endpoint.path(), "/api/v1/executor");
    }

    #[test]
    fn an_agent_with_tls_is_spoken_to_by_https() {
        let on = ("LIBPROCESS_SSL_ENABLED", "1");
        assert_eq!(
            read(&[on]).unwrap().endpoint.as_str(),
            "https://127.0.0.1:5051/api/v1/executor"
        );
        read(&[on]).unwrap().tls().unwrap();
        let missing = ("LIBPROCESS_SSL_CA_FILE", "/nowhere/ca.pem");
        let error = read(&[on, missing]).unwrap().tls().unwrap_err();
        assert!(error.to_string().contains("/nowhere/ca.pem"), "{error}");
        let off = ("LIBPROCESS_SSL_ENABLED", "0");
        assert_eq!(read(&[off, missing]).unwrap().endpoint.scheme(), "http");
    }

    #[test]
    fn names_what_is_missing_or_malformed() {
        let error = Environment::from_lookup(|_| None).unwrap_err();
        assert!(error.to_string().starts_with("MESOS_FRAMEWORK_ID is not set"), "{error}");
        assert!(read(&[("MESOS_RECOVERY_TIMEOUT", "15m")]).is_err());
        assert!(read(&[("MESOS_AGENT_ENDPOINT", "a b")]).is_err());
    }

    #[test]
    fn the_token_is_not_in_the_debug_text() {
        let environment = read(&[("MESOS_EXECUTOR_AUTHENTICATION_TOKEN", "s3cret")]).unwrap();
        assert_eq!(environment.token(), Some("s3cret"));
        assert!(!format!("{environment:?}").contains("s3cret"));
    }
}
