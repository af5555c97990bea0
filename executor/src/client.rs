//! HTTP clients: who is trusted, how names are resolved, how long connecting may take.
//!
//! - Names are resolved by [`names`](crate), not by the C library.
//! - Every client dials only the addresses that its [guard](crate::guard) admits.
//! - Certificates are checked against those of the system (`SSL_CERT_FILE` and
//!   `SSL_CERT_DIR` are honoured). None are built in: who may be trusted is the operator's
//!   decision. On a system without any, every https URL fails with class `tls`.
//! - Proxies are not used, whatever the environment says: the classes of failures are
//!   those of the origin, and the file server is on the cluster's own network.

use std::collections::HashMap;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hickory_resolver::net::NetError;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, redirect};
use rustls::ClientConfig;

use crate::guard::{Chosen, Guard};
use crate::names::Names;
use crate::probe;

/// How long an unused connection is kept for the next image of the same host.
pub(crate) const IDLE_CONNECTION: Duration = Duration::from_secs(30);
/// Unused connections that are kept for one host. [`hosts`](crate::hosts) limits the hosts.
const IDLE_CONNECTIONS: usize = 16;

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

/// Clients with the same settings but for the time that connecting may take and the
/// addresses that may be dialled, which are a task's to say. Clients are kept, as each has its
/// own pool of connections: what one may reach, another does not find there.
#[derive(Debug)]
pub struct Clients {
    tls: ClientConfig,
    names: Names,
    made: Mutex<HashMap<Settings, Client>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Settings {
    connect_timeout: Option<Duration>,
    guard: Option<(Guard, Chosen)>,
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
            names: Names::of_system()?,
            made: Mutex::default(),
        })
    }

    /// A client that follows no redirects and connects, name resolution included, within
    /// `connect_timeout` (`None`: as long as it takes), to any address.
    ///
    /// # Errors
    ///
    /// When the HTTP library refuses the settings.
    pub fn get(&self, connect_timeout: Option<Duration>) -> Result<Client, SetupError> {
        self.find(Settings { connect_timeout, guard: None })
    }

    /// The same for requests that `chosen` has decided on. It dials only what `guard` admits;
    /// addresses that are a part of the URL are for the caller to check.
    ///
    /// # Errors
    ///
    /// When the HTTP library refuses the settings.
    pub fn guarded(
        &self,
        connect_timeout: Option<Duration>,
        guard: &Guard,
        chosen: Chosen,
    ) -> Result<Client, SetupError> {
        self.find(Settings { connect_timeout, guard: Some((guard.clone(), chosen)) })
    }

    fn find(&self, settings: Settings) -> Result<Client, SetupError> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = made.get(&settings) {
            return Ok(client.clone());
        }
        let client = self.build(&settings)?;
        made.insert(settings, client.clone());
        Ok(client)
    }

    fn build(&self, settings: &Settings) -> Result<Client, SetupError> {
        let connect_timeout = settings.connect_timeout;
        let resolver = HostResolver {
            names: self.names.clone(),
            // Half of the time, so that name servers that are silent are told from silent hosts.
            patience: connect_timeout.map(|limit| limit / 2),
            guard: settings.guard.clone().map(Arc::new),
        };
        let builder = Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .dns_resolver(Arc::new(resolver))
            .connector_layer(probe::Connecting)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .tcp_nodelay(true)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .pool_idle_timeout(IDLE_CONNECTION);
        let builder = match connect_timeout {
            Some(limit) => builder.connect_timeout(limit),
            None => builder,
        };
        Ok(builder.build()?)
    }
}

/// Host names to the addresses that may be dialled.
#[derive(Clone)]
struct HostResolver {
    names: Names,
    patience: Option<Duration>,
    guard: Option<Arc<(Guard, Chosen)>>,
}

impl Resolve for HostResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let this = self.clone();
        Box::pin(probe::resolving(async move { this.addresses(name.as_str()).await }))
    }
}

impl HostResolver {
    async fn addresses(&self, host: &str) -> Result<Addrs, Box<dyn Error + Send + Sync>> {
        let found = self.names.look_up(host, self.patience).await;
        let mut found = found.map_err(|reason| UnresolvedHost { host: host.to_owned(), reason })?;
        if let Some((guard, chosen)) = self.guard.as_deref() {
            let refused = found.iter().find_map(|address| guard.check(*chosen, *address).err());
            found.retain(|address| guard.check(*chosen, *address).is_ok());
            if let (true, Some(forbidden)) = (found.is_empty(), refused) {
                return Err(forbidden.into());
            }
        }
        // Port 0 stands for the port of the URL.
        Ok(Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0))))
    }
}
