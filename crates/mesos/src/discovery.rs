//! How others find a task or an executor: what it is, and on which ports it listens.
//!
//! Mesos hands this on and does nothing else with it: it is in the master's `/state` for tasks
//! (`discovery`, with `ports.ports` and `labels.labels`), and in the operator API's
//! `GET_STATE` for executors too. Service discovery such as Mesos-DNS reads it there.
//!
//! Source: MESOS "Service Discovery".

use crate::v1::discovery_info::Visibility;
use crate::v1::{DiscoveryInfo, Labels, Port, Ports};

/// A `DiscoveryInfo` in the making.
///
/// ```
/// use mesos::discovery::Discovery;
/// let info = Discovery::cluster("shop")
///     .environment("test")
///     .version("2.1")
///     .port(31000, "http", "tcp")
///     .labels([("owner", "web team")])
///     .info();
/// assert_eq!(info.ports.unwrap().ports[0].name(), "http");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Discovery {
    info: DiscoveryInfo,
}

impl Discovery {
    /// Only for the framework itself.
    #[must_use]
    pub fn framework(name: impl Into<String>) -> Self {
        Self::of(Visibility::Framework, name.into())
    }

    /// For everything in the cluster.
    #[must_use]
    pub fn cluster(name: impl Into<String>) -> Self {
        Self::of(Visibility::Cluster, name.into())
    }

    /// For the world outside too.
    #[must_use]
    pub fn external(name: impl Into<String>) -> Self {
        Self::of(Visibility::External, name.into())
    }

    fn of(visibility: Visibility, name: String) -> Self {
        let visibility = visibility.into();
        Self { info: DiscoveryInfo { visibility, name: Some(name), ..DiscoveryInfo::default() } }
    }

    /// Which environment it belongs to, such as `production`.
    #[must_use]
    pub fn environment(mut self, environment: impl Into<String>) -> Self {
        self.info.environment = Some(environment.into());
        self
    }

    /// Where it is, such as a rack or a data centre.
    #[must_use]
    pub fn location(mut self, location: impl Into<String>) -> Self {
        self.info.location = Some(location.into());
        self
    }

    /// Its version.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.info.version = Some(version.into());
        self
    }

    /// A port that it listens on, what it is for (`http`), and by which protocol (`tcp`).
    #[must_use]
    pub fn port(
        mut self,
        number: u16,
        name: impl Into<String>,
        protocol: impl Into<String>,
    ) -> Self {
        let ports = self.info.ports.get_or_insert_with(Ports::default);
        ports.ports.push(Port {
            number: number.into(),
            name: Some(name.into()),
            protocol: Some(protocol.into()),
            ..Port::default()
        });
        self
    }

    /// More about it.
    #[must_use]
    pub fn labels<K: Into<String>, V: Into<String>>(
        mut self,
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        self.info.labels = Some(pairs.into_iter().collect::<Labels>());
        self
    }

    /// The message.
    #[must_use]
    pub fn info(self) -> DiscoveryInfo {
        self.info
    }
}

impl From<Discovery> for DiscoveryInfo {
    fn from(discovery: Discovery) -> Self {
        discovery.info
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_its_place() {
        let info = Discovery::external("shop")
            .environment("test")
            .location("eu")
            .version("1")
            .port(80, "http", "tcp")
            .port(53, "dns", "udp")
            .labels([("a", "b")])
            .info();
        assert_eq!((info.visibility(), info.name()), (Visibility::External, "shop"));
        assert_eq!((info.environment(), info.location(), info.version()), ("test", "eu", "1"));
        let ports = info.ports.unwrap().ports;
        assert_eq!((ports.len(), ports[1].number, ports[1].protocol()), (2, 53, "udp"));
        assert_eq!(info.labels.unwrap().value("a"), Some("b"));
        assert_eq!(Discovery::framework("x").info().visibility(), Visibility::Framework);
    }
}
