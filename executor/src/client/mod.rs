//! HTTP clients: who is trusted, how names are resolved, how long connecting may take.
//!
//! There are two: [`Origin`] for downloads, whose connections take little memory and reach only
//! what they may, and that of `reqwest` for the file server.
//!
//! - Names are resolved by [`names`](crate), not by the C library.
//! - Every client dials only the addresses that its [guard](crate::guard) admits.
//! - Certificates are checked against those of the system (`SSL_CERT_FILE` and
//!   `SSL_CERT_DIR` are honoured). None are built in: who may be trusted is the operator's
//!   decision. On a system without any, every https URL fails with class `tls`.
//! - Proxies are not used, whatever the environment says: the classes of failures are
//!   those of the origin, and the file server is on the cluster's own network.

mod origin;
mod resolver;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hickory_resolver::net::NetError;
use reqwest::{Client, redirect};
use rustls::ClientConfig;

use crate::guard::{Chosen, Guard};
use crate::names::Names;

pub use origin::{Broken, Origin, Request};
use resolver::Resolver;
pub use resolver::UnresolvedHost;

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

/// Clients with the same settings but for the time that connecting may take and the
/// addresses that may be dialled, which are a task's to say. Clients are kept, as each has its
/// own pool of connections: what one may reach, another does not find there.
#[derive(Debug)]
pub struct Clients {
    tls: ClientConfig,
    names: Names,
    uploads: Mutex<HashMap<Option<Duration>, Client>>,
    downloads: Mutex<HashMap<Settings, Origin>>,
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
            uploads: Mutex::default(),
            downloads: Mutex::default(),
        })
    }

    /// A client for uploads. It follows no redirects and connects, name resolution included,
    /// within `connect_timeout` (`None`: as long as it takes), to any address.
    ///
    /// # Errors
    ///
    /// When the HTTP library refuses the settings.
    pub fn uploads(&self, connect_timeout: Option<Duration>) -> Result<Client, SetupError> {
        let mut made = self.uploads.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = made.get(&connect_timeout) {
            return Ok(client.clone());
        }
        let resolver = Resolver::new(self.names.clone(), connect_timeout, None);
        let builder = Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .dns_resolver(Arc::new(resolver))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .tcp_nodelay(true)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .pool_idle_timeout(IDLE_CONNECTION);
        let client = match connect_timeout {
            Some(limit) => builder.connect_timeout(limit).build()?,
            None => builder.build()?,
        };
        made.insert(connect_timeout, client.clone());
        Ok(client)
    }

    /// A client for downloads, with the same `connect_timeout`, for requests that somebody has
    /// chosen, if it is of matter who. It dials only what the guard admits; addresses that are
    /// a part of the URL are for the caller to check.
    ///
    /// # Errors
    ///
    /// When the HTTP library refuses the settings.
    pub fn downloads(
        &self,
        connect_timeout: Option<Duration>,
        guard: Option<(&Guard, Chosen)>,
    ) -> Result<Origin, SetupError> {
        let requests = self.uploads(connect_timeout)?;
        let guard = guard.map(|(guard, chosen)| (guard.clone(), chosen));
        let mut made = self.downloads.lock().unwrap_or_else(PoisonError::into_inner);
        let client = made.entry(Settings { connect_timeout, guard }).or_insert_with_key(|to| {
            let resolver = Resolver::new(self.names.clone(), connect_timeout, to.guard.clone());
            Origin::new(requests, self.tls.clone(), resolver, connect_timeout)
        });
        Ok(client.clone())
    }
}
