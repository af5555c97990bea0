//! Where the master is, as people write it, and who we say we are to it.
//!
//! Nothing here connects anywhere; finding the leading master is in `detect`.

mod credential;
mod spec;
mod zookeeper;

pub use credential::{Credential, CredentialError};
pub use spec::{MasterSpec, MasterSpecError, without_password};
pub use zookeeper::{Digest, ZooKeeperAddress};

use url::Url;

/// The port of a master when none is given with `http(s)://`.
pub const DEFAULT_PORT: u16 = 5050;

/// Where a master is: its address, or those of several masters of one cluster, any of
/// which redirects to the one that leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Master {
    addresses: Vec<Url>,
}

impl Master {
    /// The master at one address: scheme, host and port.
    #[must_use]
    pub fn at(address: Url) -> Self {
        Self { addresses: vec![address] }
    }

    /// Any of several masters; `first` is tried first.
    #[must_use]
    pub fn any_of(first: Url, others: impl IntoIterator<Item = Url>) -> Self {
        Self { addresses: std::iter::once(first).chain(others).collect() }
    }

    /// The addresses, never none of them, in the order in which they are tried.
    #[must_use]
    pub fn addresses(&self) -> &[Url] {
        &self.addresses
    }

    /// The same addresses with a path, as endpoints.
    #[cfg(feature = "client")]
    pub(crate) fn endpoints(&self, path: &str) -> Vec<Url> {
        let with_path = |address: &Url| {
            let mut endpoint = address.clone();
            endpoint.set_path(path);
            endpoint
        };
        self.addresses.iter().map(with_path).collect()
    }
}
