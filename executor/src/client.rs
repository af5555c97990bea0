//! HTTP clients: who is trusted, how names are resolved, how long connecting may take.
//!
//! - A static binary has no name service switch, so names are resolved here: the hosts
//!   file and the name servers of `/etc/resolv.conf`. Without that file only the hosts
//!   file is left; no public name server is asked instead.
//! - Certificates are checked against those of the system (`SSL_CERT_FILE` and
//!   `SSL_CERT_DIR` are honoured). None are built in: who may be trusted is the operator's
//!   decision. On a system without any, every https URL fails with class `tls`.
//! - Proxies are not used, whatever the environment says: the classes of failures are
//!   those of the origin, and the file server is on the cluster's own network.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::ResolverConfig;
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, redirect};
use rustls::ClientConfig;
use tokio::time::timeout;

/// How long an unused connection is kept for the next image of the same host.
const IDLE_CONNECTION: Duration = Duration::from_secs(30);

/// A client could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The TLS library refused its settings.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The resolver refused the system's settings.
    #[error("name resolution cannot be set up, check /etc/resolv.conf: {0}")]
    Resolver(#[from] NetError),
    /// The HTTP library refused its settings.
    #[error("the HTTP client cannot be set up: {0}")]
    Http(#[from] reqwest::Error),
}

/// A host name that does not resolve, as found in the chain of a request's error.
#[derive(Debug, thiserror::Error)]
#[error("the host name {host} does not resolve: {reason}")]
pub struct UnresolvedHost {
    /// The name.
    pub host: String,
    /// What the resolver says.
    pub reason: String,
}

/// Clients with the same settings but for the time that connecting may take, which is
/// a task's to say. Clients are kept, as each has its own pool of connections.
#[derive(Debug)]
pub struct Clients {
    tls: ClientConfig,
    resolver: TokioResolver,
    made: Mutex<HashMap<Option<Duration>, Client>>,
}

impl Clients {
    /// Reads the system's certificates and name servers.
    ///
    /// # Errors
    ///
    /// When the system's settings are unusable.
    pub fn new() -> Result<Self, SetupError> {
        Ok(Self {
            tls: mesos::client::tls::system()?,
            resolver: system_resolver()?,
            made: Mutex::default(),
        })
    }

    /// A client that follows no redirects and connects, name resolution included, within
    /// `connect_timeout` (`None`: as long as it takes).
    ///
    /// # Errors
    ///
    /// When the HTTP library refuses the settings.
    pub fn get(&self, connect_timeout: Option<Duration>) -> Result<Client, SetupError> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = made.get(&connect_timeout) {
            return Ok(client.clone());
        }
        let client = self.build(connect_timeout)?;
        made.insert(connect_timeout, client.clone());
        Ok(client)
    }

    fn build(&self, connect_timeout: Option<Duration>) -> Result<Client, SetupError> {
        // Half of the time, so that name servers that are silent are told from silent hosts.
        let patience = connect_timeout.map(|limit| limit / 2);
        let resolver = HostResolver { resolver: self.resolver.clone(), patience };
        let builder = Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .dns_resolver(Arc::new(resolver))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .tcp_nodelay(true)
            .pool_idle_timeout(IDLE_CONNECTION);
        let builder = match connect_timeout {
            Some(limit) => builder.connect_timeout(limit),
            None => builder,
        };
        Ok(builder.build()?)
    }
}

fn system_resolver() -> Result<TokioResolver, NetError> {
    let builder = TokioResolver::builder_tokio().unwrap_or_else(|error| {
        tracing::warn!("names are only looked up in the hosts file, as /etc/resolv.conf: {error}");
        let nobody = ResolverConfig::from_parts(None, Vec::new(), Vec::new());
        TokioResolver::builder_with_config(nobody, TokioRuntimeProvider::default())
    });
    builder.build()
}

/// Host names to addresses, by the system's settings.
struct HostResolver {
    resolver: TokioResolver,
    patience: Option<Duration>,
}

impl Resolve for HostResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (resolver, patience) = (self.resolver.clone(), self.patience);
        Box::pin(async move {
            let found = look_up(&resolver, name.as_str(), patience).await;
            let addresses = found.map_err(|reason| {
                let host = name.as_str().to_owned();
                UnresolvedHost { host, reason }
            })?;
            // Port 0 stands for the port of the URL.
            let addresses: Addrs =
                Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

async fn look_up(
    resolver: &TokioResolver,
    name: &str,
    patience: Option<Duration>,
) -> Result<Vec<IpAddr>, String> {
    let found = match patience {
        Some(limit) => timeout(limit, resolver.lookup_ip(name))
            .await
            .map_err(|_| format!("the name servers did not answer within {limit:?}"))?,
        None => resolver.lookup_ip(name).await,
    };
    let found = found.map_err(|error| describe(&error))?;
    Ok(found.iter().collect())
}

fn describe(error: &NetError) -> String {
    if error.is_nx_domain() {
        "there is no such name".to_owned()
    } else if error.is_no_records_found() {
        "it has no address".to_owned()
    } else {
        error.to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use hickory_resolver::config::NameServerConfig;

    use super::*;

    /// A resolver whose only name server is at `port` of this machine.
    fn asking(port: u16) -> TokioResolver {
        let mut server = NameServerConfig::udp(IpAddr::from([127, 0, 0, 1]));
        server.connections.iter_mut().for_each(|connection| connection.port = port);
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
        TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()).build().unwrap()
    }

    #[tokio::test]
    async fn silent_name_servers_are_given_up_in_time() {
        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        let resolver = asking(silent.local_addr().unwrap().port());
        let limit = Some(Duration::from_millis(100));
        let reason = look_up(&resolver, "host.test", limit).await.unwrap_err();
        assert_eq!(reason, "the name servers did not answer within 100ms");
        assert!(look_up(&resolver, "localhost", limit).await.is_ok());
    }

    #[tokio::test]
    async fn the_error_of_an_unknown_name_is_a_sentence() {
        let reason = look_up(&asking(1), "nowhere.invalid.", None).await.unwrap_err();
        assert_eq!(reason, "there is no such name");
    }
}
