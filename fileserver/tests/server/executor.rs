//! `GET /executor`.

use std::fs;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fileserver::{Config, Error, router};
use sha2::{Digest, Sha256};

use crate::support::Server;

fn server_of(content: &[u8]) -> (Server, PathBuf) {
    let server = Server::with(|folder, config| {
        let path = folder.join("executor");
        fs::write(&path, content).unwrap();
        config.executor = Some(path);
    });
    let path = server.folder.path().join("executor");
    (server, path)
}

fn etag_of(content: &[u8]) -> String {
    let hex: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

#[test]
fn the_binary_comes_with_its_digest() {
    let content: Vec<u8> = (0..300_000_u32).map(|n| (n * 7) as u8).collect();
    let (server, _) = server_of(&content);
    let reply = server.get("/executor");
    assert_eq!((reply.status, reply.body.len()), (200, content.len()));
    assert_eq!(reply.body, content);
    assert_eq!(reply.header("content-type"), Some("application/octet-stream"));
    assert_eq!(reply.header("content-length"), Some("300000"));
    assert_eq!(reply.header("etag"), Some(etag_of(&content).as_str()));
    let digest = format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(&content)));
    assert_eq!(reply.header("repr-digest"), Some(digest.as_str()));
}

#[test]
fn head_tells_the_same_without_the_bytes() {
    let (server, _) = server_of(b"binary");
    let reply = server.send("HEAD", "/executor", &["Range: bytes=0-1"], b"");
    assert_eq!((reply.status, reply.body.len()), (200, 0));
    assert_eq!(reply.header("content-length"), Some("6"));
    assert_eq!(reply.header("etag"), Some(etag_of(b"binary").as_str()));
}

#[test]
fn who_has_it_gets_304_and_who_has_a_part_gets_the_rest() {
    let (server, _) = server_of(b"0123456789");
    let etag = etag_of(b"0123456789");
    let known = format!("If-None-Match: {etag}");
    assert_eq!(server.send("GET", "/executor", &[&known], b"").status, 304);
    let same = format!("If-Range: {etag}");
    let reply = server.send("GET", "/executor", &["Range: bytes=7-", &same], b"");
    assert_eq!((reply.status, reply.text()), (206, "789"));
    assert_eq!(reply.header("content-range"), Some("bytes 7-9/10"));
    let reply = server.send("GET", "/executor", &["Range: bytes=10-"], b"");
    assert_eq!(reply.status, 416);
    assert_eq!(reply.header("content-range"), Some("bytes */10"));
}

#[test]
fn a_rebuilt_binary_gets_its_own_digest() {
    let (server, path) = server_of(b"old");
    assert_eq!(server.get("/executor").header("etag"), Some(etag_of(b"old").as_str()));
    fs::write(path.with_extension("new"), b"new").unwrap();
    fs::rename(path.with_extension("new"), &path).unwrap();
    let reply = server.get("/executor");
    assert_eq!(reply.header("etag"), Some(etag_of(b"new").as_str()));
    assert_eq!(reply.text(), "new");
    fs::write(&path, b"written in place").unwrap();
    assert_eq!(server.get("/executor").header("etag"), Some(etag_of(b"written in place").as_str()));
    let old = format!("If-None-Match: {}", etag_of(b"new"));
    assert_eq!(server.send("GET", "/executor", &[&old], b"").status, 200);
}

#[test]
fn without_a_binary_there_is_a_hint() {
    let reply = Server::start().get("/executor");
    assert_eq!(reply.status, 404);
    assert!(reply.text().contains("--executor"), "{}", reply.text());
}

#[test]
fn a_configuration_that_cannot_work_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let none = folder.path().join("none");
    let config = Config::new(folder.path().join("output"));
    let refused = |config: Config| router(config).unwrap_err();

    let error = refused(Config { executor: Some(none.clone()), ..config.clone() });
    assert!(matches!(error, Error::Executor { .. }));
    assert!(error.to_string().contains(&none.display().to_string()), "{error}");
    assert!(error.to_string().contains("--executor"), "{error}");

    let error = refused(Config { executor: Some(folder.path().into()), ..config.clone() });
    assert!(error.to_string().contains("not a file"), "{error}");

    let error = refused(Config { samples: Some(none), ..config });
    assert!(error.to_string().contains("--samples"), "{error}");

    fs::write(folder.path().join("file"), "x").unwrap();
    let error = refused(Config::new(folder.path().join("file/output")));
    assert!(error.to_string().contains("--output"), "{error}");
}
