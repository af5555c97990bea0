//! https: whom the driver trusts, and who it says it is.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use mesos::backoff::Backoff;
use mesos::client::tls::Tls;
use mesos::master::{Credential, MasterSpec};
use mesos::scheduler::{Calls, Driver, Event, Events};
use mesos::v1::FrameworkInfo;
use mesos::v1::scheduler::Call;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::{peer, subscribed};

/// A certificate authority of a test.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A certificate for `name` and its key.
    fn issue(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.0).unwrap(), key)
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        roots
    }
}

/// A master that speaks https.
struct Master {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Master {
    /// With a certificate of `authority` for `name`; clients must show one of `clients`.
    async fn new(authority: &Authority, name: &str, clients: Option<&Authority>) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let config = config.with_safe_default_protocol_versions().unwrap();
        let config = match clients {
            None => config.with_no_client_auth(),
            Some(clients) => {
                let roots = Arc::new(clients.roots());
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
                config.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let (certificate, key) = authority.issue(name);
        let key = key.serialize_der().try_into().unwrap();
        let config = config.with_single_cert(vec![certificate.der().clone()], key).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { listener, acceptor: TlsAcceptor::from(Arc::new(config)) }
    }

    fn spec(&self) -> MasterSpec {
        format!("https://{}", self.listener.local_addr().unwrap()).parse().unwrap()
    }

    async fn handshake(&self) -> std::io::Result<TlsStream<TcpStream>> {
        let (socket, _) = self.listener.accept().await.unwrap();
        self.acceptor.accept(socket).await
    }

    /// Accepts a SUBSCRIBE and begins its stream.
    async fn accept_subscribe(&self) -> TlsStream<TcpStream> {
        let subscribe = peer::read::<Call, _>(self.handshake().await.unwrap()).await;
        assert_eq!(subscribe.header("authorization"), Some("Basic cDpzM2NyZXQ="));
        subscribe.stream("Mesos-Stream-Id: s\r\n", &subscribed(15.0)).await
    }
}

/// Files as people have them.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    fn ca(&self, authority: &Authority) -> PathBuf {
        self.write("ca.pem", &authority.0.pem())
    }

    fn identity(&self, authority: &Authority) -> (PathBuf, PathBuf) {
        let (certificate, key) = authority.issue("framework");
        (self.write("own.pem", &certificate.pem()), self.write("own.key", &key.serialize_pem()))
    }
}

fn connect(spec: MasterSpec, tls: Tls) -> (Events, Calls) {
    let builder = Driver::builder(FrameworkInfo::default()).master(spec).tls(Some(tls));
    let builder = builder.credential(Some(Credential::new("p", "s3cret")));
    builder.backoff(Backoff::EXECUTOR).connect().unwrap()
}

async fn problem(events: &mut Events) -> String {
    let error = events.next().await.unwrap().unwrap_err();
    assert!(!error.is_terminal(), "{error}");
    error.to_string()
}

#[tokio::test]
async fn the_authority_of_a_file_is_trusted() {
    let (authority, files) = (Authority::new("masters"), Files::new());
    let master = Master::new(&authority, "127.0.0.1", None).await;
    let tls = Tls::builder().ca_file(files.ca(&authority)).build().unwrap();
    let (mut events, _calls) = connect(master.spec(), tls);
    let _stream = master.accept_subscribe().await;
    assert!(matches!(events.next().await, Some(Ok(Event::Subscribed { first: true, .. }))));
}

#[tokio::test]
async fn another_authority_is_refused_in_one_sentence() {
    let (authority, files) = (Authority::new("masters"), Files::new());
    let master = Master::new(&authority, "127.0.0.1", None).await;
    let trusting = |name| Tls::builder().ca_file(files.ca(&Authority::new(name))).build().unwrap();
    for tls in [trusting("masters"), trusting("others"), Tls::system().unwrap()] {
        let (mut events, _calls) = connect(master.spec(), tls);
        assert!(master.handshake().await.is_err());
        let text = format!(
            "no connection to {}: its certificate is of no trusted authority: name the file with \
             its authority",
            master.spec()
        );
        assert_eq!(problem(&mut events).await, text);
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let (authority, files) = (Authority::new("masters"), Files::new());
    let master = Master::new(&authority, "other.example", None).await;
    let tls = Tls::builder().ca_file(files.ca(&authority)).build().unwrap();
    let (mut events, _calls) = connect(master.spec(), tls);
    assert!(master.handshake().await.is_err());
    let text = problem(&mut events).await;
    assert!(text.ends_with("its certificate is for another name or address"), "{text}");
}

#[tokio::test]
async fn a_client_certificate_is_shown_where_it_is_wanted() {
    let (authority, clients) = (Authority::new("masters"), Authority::new("clients"));
    let files = Files::new();
    let master = Master::new(&authority, "127.0.0.1", Some(&clients)).await;
    let (certificate, key) = files.identity(&clients);
    let tls = Tls::builder().ca_file(files.ca(&authority)).client_certificate(certificate, key);
    let (mut events, _calls) = connect(master.spec(), tls.build().unwrap());
    let stream = master.accept_subscribe().await;
    assert_eq!(stream.get_ref().1.peer_certificates().unwrap().len(), 1);
    assert!(matches!(events.next().await, Some(Ok(Event::Subscribed { .. }))));
}

#[tokio::test]
async fn without_the_wanted_client_certificate_the_sentence_says_so() {
    let (authority, clients) = (Authority::new("masters"), Authority::new("clients"));
    let files = Files::new();
    let master = Master::new(&authority, "127.0.0.1", Some(&clients)).await;
    let tls = Tls::builder().ca_file(files.ca(&authority)).build().unwrap();
    let (mut events, _calls) = connect(master.spec(), tls);
    assert!(master.handshake().await.is_err());
    let text = problem(&mut events).await;
    assert!(text.contains("it wants a client certificate"), "{text}");
}

#[tokio::test]
async fn a_client_certificate_of_nobody_known_is_told() {
    let (authority, clients) = (Authority::new("masters"), Authority::new("clients"));
    let files = Files::new();
    let master = Master::new(&authority, "127.0.0.1", Some(&clients)).await;
    for name in ["clients", "others"] {
        let (certificate, key) = files.identity(&Authority::new(name));
        let tls = Tls::builder().ca_file(files.ca(&authority));
        let tls = tls.client_certificate(certificate, key).build().unwrap();
        let (mut events, _calls) = connect(master.spec(), tls);
        assert!(master.handshake().await.is_err());
        let text = problem(&mut events).await;
        assert!(text.contains("does not trust our client certificate"), "{name}: {text}");
    }
}

#[test]
fn files_that_cannot_be_used_are_named_and_never_shown() {
    let (authority, files) = (Authority::new("masters"), Files::new());
    let (certificate, key) = files.identity(&authority);
    let (_, other_key) = authority.issue("framework");
    let other_key = files.write("other.key", &other_key.serialize_pem());
    let nothing = files.write("nothing.pem", "s3cret");
    let torn = files.write("torn.pem", "-----BEGIN CERTIFICATE-----\ns3cret\n");
    let missing = files.0.path().join("missing.pem");
    for (tls, sentence) in [
        (Tls::builder().ca_file(&missing), "missing.pem cannot be read (No such file"),
        (Tls::builder().ca_file(&nothing), "nothing.pem holds no certificate in PEM"),
        (Tls::builder().ca_file(&torn), "torn.pem is no sound PEM"),
        (Tls::builder().client_certificate(&nothing, &key), "nothing.pem holds no certificate"),
        (Tls::builder().client_certificate(&certificate, &nothing), "holds no private key in PEM"),
        (Tls::builder().client_certificate(&certificate, &other_key), "own.pem does not fit to"),
    ] {
        let error = tls.build().unwrap_err();
        assert!(error.to_string().contains(sentence), "{error}");
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
    }
}

#[test]
fn no_debug_text_shows_a_key() {
    let (authority, files) = (Authority::new("masters"), Files::new());
    let (certificate, key) = files.identity(&authority);
    let content = fs::read_to_string(&key).unwrap();
    let line = content.lines().nth(1).unwrap();
    let tls = Tls::builder().client_certificate(certificate, key);
    let text = format!("{tls:?} {:?}", tls.clone().build().unwrap());
    assert!(!text.contains(line));
    let builder = Driver::builder(FrameworkInfo::default()).tls(Some(tls.build().unwrap()));
    let builder = builder.credential(Some(Credential::new("p", "s3cret")));
    let text = format!("{builder:?}");
    assert!(!text.contains("s3cret") && !text.contains(line), "{text}");
}
