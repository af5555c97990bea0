//! How Mesos sees that a task works.

use std::time::Duration;

use serde::Deserialize;

use super::command::CommandDefinition;
use super::fields::{self, Fault, choice};
use crate::v1::HealthCheck;
use crate::v1::health_check::{self, HttpCheckInfo, TcpCheckInfo};

/// A health check, made on the agent beside the task.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthDefinition {
    /// `tcp`, `http` or `command`; the part of that name says more.
    #[serde(rename = "type")]
    pub kind: HealthKind,
    /// How long after the start the first check is made. Default: 15 s.
    #[serde(default, deserialize_with = "fields::some_time")]
    pub delay: Option<Duration>,
    /// How long between checks. Default: 10 s.
    #[serde(default, deserialize_with = "fields::some_time")]
    pub interval: Option<Duration>,
    /// How long a check may take. Default: 20 s.
    #[serde(default, deserialize_with = "fields::some_time")]
    pub timeout: Option<Duration>,
    /// How many failed checks in a row kill the task. Default: 3.
    #[serde(default)]
    pub fails: Option<std::num::NonZeroU32>,
    /// How long after the start failed checks do not count. Default: 10 s.
    #[serde(default, alias = "grace_period", deserialize_with = "fields::some_time")]
    pub graceperiod: Option<Duration>,
    /// For type `http`.
    #[serde(default)]
    pub http: Option<HttpCheck>,
    /// For type `tcp`.
    #[serde(default)]
    pub tcp: Option<TcpCheck>,
    /// For type `command`: healthy if it exits with 0.
    #[serde(default)]
    pub command: Option<CommandDefinition>,
    /// The same as `http.path`.
    #[serde(default)]
    pub endpoint: Option<String>,
}

choice! {
    /// Kinds of health checks.
    HealthKind {
        /// A connection can be made.
        Tcp: "tcp",
        /// A request is answered with a good status.
        Http: "http",
        /// A command exits with 0.
        Command: "command",
    }
}

/// A request that must be answered.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpCheck {
    /// `http` or `https`. Default: `http`.
    #[serde(default)]
    pub scheme: Option<String>,
    /// The port.
    #[serde(deserialize_with = "fields::port")]
    pub port: u16,
    /// The path, from its slash on. Default: `/`.
    #[serde(default)]
    pub path: Option<String>,
    /// The good statuses. Default: 200 to 399.
    #[serde(default)]
    pub statuses: Vec<u32>,
}

/// A connection that must come about.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TcpCheck {
    /// The port.
    #[serde(deserialize_with = "fields::port")]
    pub port: u16,
}

impl HealthDefinition {
    pub(super) fn check(&self) -> Result<(), Fault> {
        let parts = [
            (HealthKind::Tcp, "tcp", self.tcp.is_some()),
            (HealthKind::Http, "http", self.http.is_some()),
            (HealthKind::Command, "command", self.command.is_some()),
        ];
        for (kind, name, is_there) in parts {
            if is_there != (kind == self.kind) {
                let text = if is_there { "does not belong to this type" } else { "is missing" };
                return Err(Fault::at(name, text));
            }
        }
        if let Some(command) = &self.command {
            command.check().map_err(|fault| fault.within("command"))?;
        }
        match &self.http {
            Some(http) => http.check(self.endpoint.as_deref()),
            None if self.endpoint.is_some() => {
                Err(Fault::at("endpoint", "belongs to the type http only"))
            }
            None => Ok(()),
        }
    }

    pub(super) fn message(&self) -> HealthCheck {
        let kind = match self.kind {
            HealthKind::Tcp => health_check::Type::Tcp,
            HealthKind::Http => health_check::Type::Http,
            HealthKind::Command => health_check::Type::Command,
        };
        let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
        let tcp = |tcp: &TcpCheck| TcpCheckInfo { port: tcp.port.into(), ..Default::default() };
        HealthCheck {
            r#type: Some(kind.into()),
            delay_seconds: seconds(self.delay),
            interval_seconds: seconds(self.interval),
            timeout_seconds: seconds(self.timeout),
            consecutive_failures: self.fails.map(Into::into),
            grace_period_seconds: seconds(self.graceperiod),
            command: self.command.as_ref().map(|command| command.info(&[])),
            http: self.http.as_ref().map(|http| http.message(self.endpoint.as_deref())),
            tcp: self.tcp.as_ref().map(tcp),
        }
    }
}

impl HttpCheck {
    fn check(&self, endpoint: Option<&str>) -> Result<(), Fault> {
        if self.scheme.as_deref().is_some_and(|scheme| scheme != "http" && scheme != "https") {
            return Err(Fault::at("http.scheme", "write http or https"));
        }
        if self.path.is_some() && endpoint.is_some() {
            return Err(Fault::at("endpoint", "is the same as http.path: write one of them"));
        }
        for (field, path) in [("http.path", self.path.as_deref()), ("endpoint", endpoint)] {
            if path.is_some_and(|path| !path.starts_with('/')) {
                return Err(Fault::at(field, "a path begins with a slash"));
            }
        }
        if let Some(status) = self.statuses.iter().find(|status| !(100..600).contains(*status)) {
            return Err(Fault::at("http.statuses", format!("{status} is not an HTTP status")));
        }
        Ok(())
    }

    fn message(&self, endpoint: Option<&str>) -> HttpCheckInfo {
        HttpCheckInfo {
            scheme: self.scheme.clone(),
            port: self.port.into(),
            path: self.path.clone().or_else(|| endpoint.map(Into::into)),
            statuses: self.statuses.clone(),
            ..HttpCheckInfo::default()
        }
    }
}
