//! Host names to the addresses that may be dialled.

use std::error::Error;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::client::legacy::connect::dns;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tower::Service;

use crate::guard::{Chosen, Guard};
use crate::names::Names;
use crate::probe;

/// A host name that does not resolve, as found in the chain of a request's error.
#[derive(Debug, thiserror::Error)]
#[error("the host name {host} does not resolve: {reason}")]
pub struct UnresolvedHost {
    /// The name.
    pub host: String,
    /// What the resolver says.
    pub reason: String,
}

/// The resolver of one client, for both HTTP libraries.
#[derive(Debug, Clone)]
pub(super) struct Resolver {
    names: Names,
    patience: Option<Duration>,
    guard: Option<Arc<(Guard, Chosen)>>,
}

impl Resolver {
    pub(super) fn new(
        names: Names,
        connect_timeout: Option<Duration>,
        guard: Option<(Guard, Chosen)>,
    ) -> Self {
        // Half of the time, so that name servers that are silent are told from silent hosts.
        let patience = connect_timeout.map(|limit| limit / 2);
        Self { names, patience, guard: guard.map(Arc::new) }
    }

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

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let this = self.clone();
        Box::pin(async move { this.addresses(name.as_str()).await })
    }
}

impl Service<dns::Name> for Resolver {
    type Response = Addrs;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Addrs, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: dns::Name) -> Self::Future {
        let this = self.clone();
        Box::pin(probe::resolving(async move { this.addresses(name.as_str()).await }))
    }
}
