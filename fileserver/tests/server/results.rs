//! `PUT` and `GET /uploads/JOB/NAME`.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fileserver::{Config, Token};
use sha2::{Digest, Sha256};

use crate::support::Server;

fn digest_header(body: &[u8]) -> String {
    format!("Repr-Digest: sha-256=:{}:", STANDARD.encode(Sha256::digest(body)))
}

fn hex(body: &[u8]) -> String {
    Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_result_is_stored_and_given_back() {
    let server = Server::start();
    let reply = server.put("/uploads/holiday/1-a.png", b"pixels");
    assert_eq!(reply.status, 201);
    let receipt: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    let expected = serde_json::json!({
        "path": "holiday/1-a.png", "bytes": 6, "sha256": hex(b"pixels")
    });
    assert_eq!(receipt, expected);
    assert_eq!(fs::read(server.output().join("holiday/1-a.png")).unwrap(), b"pixels");

    let reply = server.get("/uploads/holiday/1-a.png");
    assert_eq!((reply.status, reply.body.as_slice()), (200, b"pixels".as_slice()));
    assert_eq!(reply.header("content-type"), Some("image/png"));
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    assert!(reply.header("content-security-policy").unwrap().contains("sandbox"));
}

#[test]
fn a_second_upload_replaces_the_first() {
    let server = Server::start();
    assert_eq!(server.put("/uploads/job/a.bin", b"one").status, 201);
    let first = server.get("/uploads/job/a.bin").header("etag").unwrap().to_owned();
    assert_eq!(server.put("/uploads/job/a.bin", b"two").status, 200);
    let reply = server.get("/uploads/job/a.bin");
    assert_eq!(reply.body, b"two");
    assert_ne!(reply.header("etag"), Some(first.as_str()));
}

#[test]
fn an_unchanged_result_is_not_sent_again() {
    let server = Server::start();
    server.put("/uploads/job/a.bin", b"one");
    let etag = server.get("/uploads/job/a.bin").header("etag").unwrap().to_owned();
    for known in [etag.clone(), format!("\"x\", W/{etag}"), "*".to_owned()] {
        let header = format!("If-None-Match: {known}");
        let reply = server.send("GET", "/uploads/job/a.bin", &[&header], b"");
        assert_eq!((reply.status, reply.body.len()), (304, 0), "{known}");
    }
    let reply = server.send("GET", "/uploads/job/a.bin", &["If-None-Match: \"x\""], b"");
    assert_eq!(reply.status, 200);
}

#[test]
fn a_part_of_a_result_is_sent() {
    let server = Server::start();
    server.put("/uploads/job/a.bin", b"0123456789");
    let reply = server.send("GET", "/uploads/job/a.bin", &["Range: bytes=3-5"], b"");
    assert_eq!((reply.status, reply.text()), (206, "345"));
    assert_eq!(reply.header("content-range"), Some("bytes 3-5/10"));
    let stale = ["Range: bytes=3-5", "If-Range: \"another\""];
    let reply = server.send("GET", "/uploads/job/a.bin", &stale, b"");
    assert_eq!((reply.status, reply.text()), (200, "0123456789"));
}

#[test]
fn an_empty_and_a_chunked_body_are_results() {
    let server = Server::start();
    assert_eq!(server.put("/uploads/job/empty", b"").status, 201);
    assert_eq!(fs::read(server.output().join("job/empty")).unwrap(), b"");
    let request = b"PUT /uploads/job/chunked HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
        Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    assert_eq!(server.raw(request).status, 201);
    assert_eq!(fs::read(server.output().join("job/chunked")).unwrap(), b"abcde");
}

#[test]
fn a_digest_is_held_against_the_bytes() {
    let server = Server::start();
    let right = digest_header(b"pixels");
    assert_eq!(server.send("PUT", "/uploads/job/a", &[&right], b"pixels").status, 201);
    let reply = server.send("PUT", "/uploads/job/a", &[&right], b"pixelz");
    assert_eq!(reply.status, 400);
    assert!(reply.text().contains("digest"), "{}", reply.text());
    let reply = server.send("PUT", "/uploads/job/a", &["Repr-Digest: sha-256=:no:"], b"pixels");
    assert_eq!(reply.status, 400);
    assert_eq!(fs::read(server.output().join("job/a")).unwrap(), b"pixels");
    assert_eq!(server.files().len(), 1);
}

/// A body in chunks, with the header `Trailer` and with `end` behind the last chunk.
fn growing(name: &str, end: &str) -> Vec<u8> {
    format!(
        "PUT /uploads/job/{name} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
         Transfer-Encoding: chunked\r\nTrailer: Repr-Digest\r\n\r\n\
         3\r\npix\r\n3\r\nels\r\n{end}"
    )
    .into_bytes()
}

#[test]
fn a_promised_digest_is_awaited_and_held_against_the_bytes() {
    let server = Server::start();
    let trailer = |body: &[u8]| format!("0\r\n{}\r\n\r\n", digest_header(body));
    assert_eq!(server.raw(&growing("a", &trailer(b"pixels"))).status, 201);
    assert_eq!(fs::read(server.output().join("job/a")).unwrap(), b"pixels");
    for (end, word) in [
        (trailer(b"pixelz"), "the digest of the Repr-Digest header"),
        ("0\r\n\r\n".to_owned(), "did not come"),
        ("0\r\nX-Other: 1\r\n\r\n".to_owned(), "did not come"),
        ("0\r\nRepr-Digest: sha-256=:no:\r\n\r\n".to_owned(), "malformed"),
    ] {
        let reply = server.raw(&growing("b", &end));
        assert_eq!(reply.status, 400, "{end:?}");
        assert!(reply.text().contains(word), "{end:?}: {}", reply.text());
    }
    assert_eq!(server.files().len(), 1);
}

#[test]
fn a_growing_upload_that_breaks_off_leaves_nothing() {
    let server = Server::start();
    let whole = growing("c", "");
    let chunk = format!("{:x}\r\n{}\r\n", 600_000, "x".repeat(600_000));
    server.break_off(&[whole, chunk.into_bytes()].concat());
    assert!(server.files().is_empty());
}

#[test]
fn only_who_has_the_token_may_upload() {
    let server = Server::with(|_, config| config.upload_token = Token::new("s3cret").ok());
    let body = vec![7; 3_000_000];
    for wrong in [
        "X: y",
        "Authorization: Bearer wrong",
        "Authorization: Basic s3cret",
        "Authorization: Bearer",
    ] {
        let reply = server.send("PUT", "/uploads/job/a", &[wrong], &body);
        assert_eq!(reply.status, 401, "{wrong}");
        assert!(reply.header("www-authenticate").unwrap().starts_with("Bearer"));
        assert!(!reply.text().contains("s3cret"));
    }
    assert!(server.files().is_empty());
    for right in ["Authorization: Bearer s3cret", "authorization: bearer  s3cret"] {
        let status = server.send("PUT", "/uploads/job/a", &[right], &body).status;
        assert!(matches!(status, 200 | 201), "{right}: {status}");
    }
    assert_eq!(server.get("/uploads/job/a").status, 200);
}

#[test]
fn what_is_too_large_is_refused_whether_announced_or_not() {
    let limit = |_: &_, config: &mut Config| config.max_upload_bytes = 300_000;
    let server = Server::with(limit);
    assert_eq!(server.put("/uploads/job/fits", &vec![1; 300_000]).status, 201);
    let reply = server.put("/uploads/job/large", &vec![1; 300_001]);
    assert_eq!(reply.status, 413);
    assert!(reply.text().contains("300000 bytes"), "{}", reply.text());
    let mut request = b"PUT /uploads/job/large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
        Transfer-Encoding: chunked\r\n\r\n493E1\r\n"
        .to_vec();
    request.extend(vec![1; 300_001]);
    request.extend(b"\r\n0\r\n\r\n");
    assert_eq!(server.raw(&request).status, 413);
    assert_eq!(server.files(), [server.output().join("job/fits")]);
}

#[test]
fn a_refused_upload_is_read_to_its_end_and_the_connection_goes_on() {
    let server = Server::start();
    let form = "--xx\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\n..\r\n\
        --xx\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a\"\r\n\r\n";
    let form = [form.as_bytes(), &vec![1; 2_000_000], b"\r\n--xx--\r\n"].concat();
    for (target, body) in [("PUT /uploads/job/..", vec![1; 2_000_000]), ("POST /", form)] {
        let head = format!(
            "{target} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\
             Content-Type: multipart/form-data; boundary=xx\r\n\r\n",
            body.len()
        );
        let next = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        let reply = server.raw(&[head.as_bytes(), &body, next].concat());
        assert_eq!(reply.status, 400);
        assert!(
            reply.text().contains("HTTP/1.1 200") && reply.text().ends_with("ok\n"),
            "{target}"
        );
    }
}

#[test]
fn nobody_uploads_what_waits_to_be_refused() {
    let server = Server::start();
    let request = b"PUT /uploads/job/.. HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
        Expect: 100-continue\r\nContent-Length: 1000000\r\n\r\n";
    assert_eq!(server.raw(request).status, 400);
}

#[test]
fn an_upload_that_breaks_off_leaves_nothing() {
    let server = Server::start();
    let mut request =
        b"PUT /uploads/job/a HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n".to_vec();
    request.extend(vec![1; 1_000_000]);
    server.break_off(&request);
    let mut chunked = b"PUT /uploads/job/a HTTP/1.1\r\nHost: x\r\n\
        Transfer-Encoding: chunked\r\n\r\nF4240\r\n"
        .to_vec();
    chunked.extend(vec![1; 1_000_000]);
    server.break_off(&chunked);
    assert!(server.files().is_empty(), "{:?}", server.files());
}

#[test]
fn of_many_uploads_of_one_name_one_wins_whole() {
    let server = Server::start();
    let body = |number: u8| vec![number; 700_000];
    std::thread::scope(|scope| {
        for number in 0..8 {
            let server = &server;
            scope.spawn(move || {
                let reply = server.put("/uploads/job/same", &body(number));
                assert!(matches!(reply.status, 200 | 201), "{reply:?}");
            });
        }
    });
    let stored = fs::read(server.output().join("job/same")).unwrap();
    assert!((0..8).any(|number| stored == body(number)));
    assert_eq!(server.files().len(), 1);
}

#[test]
fn a_part_of_a_file_is_not_taken_for_the_whole() {
    let server = Server::start();
    let header = "Content-Range: bytes 0-2/10";
    assert_eq!(server.send("PUT", "/uploads/job/a", &[header], b"abc").status, 400);
    assert!(server.files().is_empty());
}

#[test]
fn what_is_no_result_is_not_found() {
    let server = Server::start();
    fs::write(server.output().join("manifest.jsonl"), "{}").unwrap();
    fs::write(server.folder.path().join("secret"), "secret").unwrap();
    fs::create_dir(server.output().join("job")).unwrap();
    std::os::unix::fs::symlink(
        server.folder.path().join("secret"),
        server.output().join("job/link"),
    )
    .unwrap();
    for path in [
        "/uploads/job/none",
        "/uploads/job/link",
        "/uploads/job",
        "/uploads/job/",
        "/uploads/manifest.jsonl",
        "/uploads/../secret",
        "/uploads/job/..%2f..%2fsecret",
        "/uploads/job/%00",
        "/nothing",
        "/jobs/none",
    ] {
        let reply = server.get(path);
        assert_eq!(reply.status, 404, "{path}");
        assert!(!reply.text().contains("secret"), "{path}");
    }
}

#[test]
fn other_methods_are_not_allowed() {
    let server = Server::start();
    for (method, path) in [
        ("DELETE", "/uploads/job/a"),
        ("POST", "/uploads/job/a"),
        ("PUT", "/"),
        ("PUT", "/executor"),
    ] {
        let reply = server.send(method, path, &[], b"");
        assert_eq!(reply.status, 405, "{method} {path}");
        assert!(reply.header("allow").is_some());
    }
    assert_eq!(server.get("/healthz").text(), "ok\n");
}
