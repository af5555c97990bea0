//! Origins that speak https, and whom the program trusts.

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use mesos::v1::TaskState;
use protocol::{Class, ImageReport};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;

use crate::agent::Agent;
use crate::common::{INVERSE, PICTURE, Request, answer, file_server, info, reports, task};

/// An origin with a certificate, and the authority that issued it in a file.
struct Origin {
    address: SocketAddr,
    folder: TempDir,
}

impl Origin {
    fn start() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let authority = CertifiedIssuer::self_signed(params, key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();

        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &authority).unwrap().der().clone();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let key = key.serialize_der().try_into().unwrap();
        let config = Arc::new(config.with_single_cert(vec![certificate], key).unwrap());

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                let mut stream = StreamOwned::new(connection, socket);
                // Nobody asks who does not trust it.
                if Request::read(&mut stream).is_some() {
                    drop(stream.write_all(&answer("200 OK", PICTURE)));
                    stream.conn.send_close_notify();
                    drop(stream.flush());
                }
            }
        });
        Self { address, folder }
    }

    fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }
}

/// What becomes of a picture of that origin, under a program that trusts these authorities.
fn outcome(origin: &Origin, authorities: &Path) -> (ImageReport, Vec<Vec<u8>>) {
    let (agent, (server, stored)) = (Agent::start(), file_server());
    let _executor = agent.executor_with(&[("SSL_CERT_FILE", authorities)]);
    let url = format!("https://{}/a.ppm", origin.address);
    agent.launch(info("t", task(&server, &[url]).to_payload()));
    let last = std::iter::repeat_with(|| agent.update())
        .find(|status| status.state() != TaskState::TaskRunning)
        .unwrap();
    let [image] = reports(&last).try_into().unwrap();
    let stored = stored.lock().unwrap().iter().map(|(_, body)| body.clone()).collect();
    (image, stored)
}

#[test]
fn a_picture_comes_over_https_from_whom_the_system_trusts_and_from_nobody_else() {
    let origin = Origin::start();
    let (image, stored) = outcome(&origin, &origin.authority());
    assert_eq!((image.class(), &*image.message), (Class::Ok, ""));
    assert_eq!(stored, [INVERSE]);

    let stranger = Origin::start();
    let (image, stored) = outcome(&origin, &stranger.authority());
    assert_eq!(image.class(), Class::Tls, "{}", image.message);
    assert!(stored.is_empty());
}
