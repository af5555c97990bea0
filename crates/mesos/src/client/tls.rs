//! Whom to trust over https, and who we are.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{AlertDescription, CertificateError, ClientConfig, RootCertStore};

/// Whom to trust over https, and who we are. Cheap to clone; its `Debug` text shows no key.
///
/// ```no_run
/// # fn main() -> Result<(), mesos::client::tls::TlsError> {
/// use mesos::client::tls::Tls;
/// let tls = Tls::builder()
///     .ca_file("/etc/mesos/ca.pem")
///     .client_certificate("/etc/mesos/framework.pem", "/etc/mesos/framework.key")
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Tls(Arc<ClientConfig>);

impl Tls {
    /// Trusts the certificate authorities of the system and shows no certificate.
    ///
    /// # Errors
    ///
    /// [`TlsError::Provider`] only; see [`system`].
    pub fn system() -> Result<Self, TlsError> {
        Self::builder().build()
    }

    /// Begins with what [`Tls::system`] is.
    #[must_use]
    pub fn builder() -> TlsBuilder {
        TlsBuilder::default()
    }

    /// The same for other clients that use rustls.
    #[must_use]
    pub fn config(&self) -> ClientConfig {
        ClientConfig::clone(&self.0)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

/// What can be chosen for https.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsBuilder {
    ca_file: Option<PathBuf>,
    identity: Option<(PathBuf, PathBuf)>,
}

impl TlsBuilder {
    /// What the variables say by which Mesos itself is told: `LIBPROCESS_SSL_CA_FILE`,
    /// `LIBPROCESS_SSL_CERT_FILE` and `LIBPROCESS_SSL_KEY_FILE`. `None` unless
    /// `LIBPROCESS_SSL_ENABLED` is `1` or `true`.
    ///
    /// Unlike Mesos, which does so with `LIBPROCESS_SSL_VERIFY_CERT` only, every certificate
    /// of the other side is verified.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Option<Self> {
        lookup("LIBPROCESS_SSL_ENABLED").filter(|value| value == "1" || value == "true")?;
        let file = |name: &str| lookup(name).filter(|path| !path.is_empty()).map(PathBuf::from);
        let certificate = file("LIBPROCESS_SSL_CERT_FILE");
        let identity = certificate.zip(file("LIBPROCESS_SSL_KEY_FILE"));
        Some(Self { ca_file: file("LIBPROCESS_SSL_CA_FILE"), identity })
    }

    /// Trust the certificate authorities in this PEM file, and no others.
    #[must_use]
    pub fn ca_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.ca_file = Some(file.into());
        self
    }

    /// Show this certificate (PEM, with the ones between it and its authority after it),
    /// whose private key is in the other file (PEM, without a passphrase).
    ///
    /// Masters ask for one with `LIBPROCESS_SSL_REQUIRE_CLIENT_CERT`.
    #[must_use]
    pub fn client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.identity = Some((certificate.into(), key.into()));
        self
    }

    /// Reads the files.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or does not hold what it should; the message names it.
    pub fn build(self) -> Result<Tls, TlsError> {
        let roots = match &self.ca_file {
            Some(file) => Arc::new(roots_of(file)?),
            None => system_roots(),
        };
        let builder = builder().map_err(TlsError::Provider)?.with_root_certificates(roots);
        let config = match self.identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let (chain, private) = (certificates(&certificate)?, private_key(&key)?);
                builder.with_client_auth_cert(chain, private).map_err(|error| {
                    let reason = format!("does not fit to the key in {} ({error})", key.display());
                    TlsError::unusable(&certificate, &reason)
                })?
            }
        };
        Ok(Tls(Arc::new(config)))
    }
}

/// Why https cannot be set up.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be used.
    #[error("the file {file} {reason}")]
    File {
        /// Its path.
        file: String,
        /// What is wrong with it, never its content.
        reason: String,
    },
    /// The cryptography does not support the protocol.
    #[error("no TLS: {0}")]
    Provider(rustls::Error),
}

impl TlsError {
    fn unusable(file: &Path, reason: &str) -> Self {
        Self::File { file: file.display().to_string(), reason: reason.to_owned() }
    }

    fn pem(file: &Path, wanted: &str, error: &pem::Error) -> Self {
        let reason = if let pem::Error::Io(error) = error {
            format!("cannot be read ({error})")
        } else if matches!(error, pem::Error::NoItemsFound) {
            format!("holds no {wanted} in PEM")
        } else {
            format!("is no sound PEM ({error})")
        };
        Self::unusable(file, &reason)
    }
}

/// Settings that trust the system's certificate authorities (`SSL_CERT_FILE` and
/// `SSL_CERT_DIR` are honoured), with the ring provider.
///
/// They are read once a process, as hundreds of files may have to be parsed.
///
/// None are built in: who may be trusted is the operator's decision. A system without
/// any is no error, as most masters and agents speak plain http; every https
/// connection then fails, and a warning says why.
///
/// # Errors
///
/// When the provider does not support the protocol versions.
pub fn system() -> Result<ClientConfig, rustls::Error> {
    Ok(builder()?.with_root_certificates(system_roots()).with_no_client_auth())
}

fn builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()
}

fn system_roots() -> Arc<RootCertStore> {
    static ROOTS: LazyLock<Arc<RootCertStore>> = LazyLock::new(|| Arc::new(read_system_roots()));
    Arc::clone(&ROOTS)
}

fn read_system_roots() -> RootCertStore {
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

fn roots_of(file: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|error| {
            TlsError::unusable(file, &format!("holds an unusable certificate ({error})"))
        })?;
    }
    Ok(roots)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |error: pem::Error| TlsError::pem(file, "certificate", &error);
    let all = CertificateDer::pem_file_iter(file).map_err(wrong)?;
    let all = all.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    if all.is_empty() { Err(wrong(pem::Error::NoItemsFound)) } else { Ok(all) }
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(file).map_err(|error| TlsError::pem(file, "private key", &error))
}

/// What TLS has against a connection, as a sentence, if it has anything.
pub(crate) fn describe(error: &(dyn StdError + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(current) = cause {
        if let Some(error) = tls_error(current) {
            return Some(sentence(error));
        }
        cause = current.source();
    }
    None
}

fn tls_error<'a>(cause: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    if let Some(error) = cause.downcast_ref() {
        return Some(error);
    }
    // The source of an I/O error is that of its content, not the content.
    let content: &(dyn StdError + 'static) = cause.downcast_ref::<io::Error>()?.get_ref()?;
    tls_error(content)
}

fn sentence(error: &rustls::Error) -> String {
    let known = if let rustls::Error::InvalidCertificate(why) = error {
        of_certificate(why)
    } else if let rustls::Error::AlertReceived(why) = error {
        of_alert(*why)
    } else {
        None
    };
    known.map_or_else(|| error.to_string(), str::to_owned)
}

fn of_certificate(why: &CertificateError) -> Option<&'static str> {
    use CertificateError as E;
    // The signature is bad if the authority was made anew under its old name.
    if matches!(why, E::UnknownIssuer | E::BadSignature) {
        Some("its certificate is of no trusted authority: name the file with its authority")
    } else if matches!(why, E::NotValidForName | E::NotValidForNameContext { .. }) {
        Some("its certificate is for another name or address")
    } else if matches!(why, E::Expired | E::ExpiredContext { .. }) {
        Some("its certificate has expired")
    } else {
        None
    }
}

fn of_alert(why: AlertDescription) -> Option<&'static str> {
    use AlertDescription as A;
    if why == A::CertificateRequired {
        Some("it wants a client certificate: name the files with ours and its key")
    } else if why == A::HandshakeFailure {
        // With TLS 1.2 there is no alert for a missing certificate.
        Some("it breaks off the handshake; if it wants a client certificate, name ours and its key")
    } else if matches!(why, A::UnknownCA | A::BadCertificate | A::DecryptError) {
        Some("it does not trust our client certificate")
    } else {
        None
    }
}
