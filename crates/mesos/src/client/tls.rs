//! Whom to trust over https: the certificate authorities of the system.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

/// Settings that trust the system's certificate authorities (`SSL_CERT_FILE` and
/// `SSL_CERT_DIR` are honoured), with the ring provider.
///
/// None are built in: who may be trusted is the operator's decision. A system without
/// any is no error, as most masters and agents speak plain http; every https
/// connection then fails, and a warning says why.
///
/// # Errors
///
/// When the provider does not support the protocol versions.
pub fn system() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(system_roots())
        .with_no_client_auth();
    Ok(config)
}

fn system_roots() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::debug!("some certificates cannot be read: {error}");
    }
    let mut roots = RootCertStore::empty();
    let (usable, _) = roots.add_parsable_certificates(found.certs);
    if usable == 0 {
        tracing::warn!(
            "this machine has no certificate authorities (package ca-certificates): \
             https connections will fail"
        );
    }
    roots
}
