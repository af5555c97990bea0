//! The classic tutorial's form.

use std::fs;

use fileserver::Token;

use crate::support::{Reply, Server};

const TYPE: &str = "Content-Type: multipart/form-data; boundary=xx";

fn part(name: &str, file: bool, value: &[u8]) -> Vec<u8> {
    let file =
        if file { "; filename=\"out.jpg\"\r\nContent-Type: application/octet-stream" } else { "" };
    let head = format!("--xx\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
    [head.as_bytes(), value, b"\r\n"].concat()
}

fn form(parts: &[Vec<u8>]) -> Vec<u8> {
    [parts.concat().as_slice(), b"--xx--\r\n"].concat()
}

fn post(server: &Server, headers: &[&str], parts: &[Vec<u8>]) -> Reply {
    server.send("POST", "/", &[&[TYPE], headers].concat(), &form(parts))
}

#[test]
fn a_form_is_stored_in_either_order() {
    let server = Server::start();
    let image = vec![9; 600_000];
    let (file, name) =
        (part("image", true, &image), |name: &str| part("name", false, name.as_bytes()));
    let reply = post(&server, &[], &[file.clone(), name("a_processed.jpg")]);
    assert_eq!(
        (reply.status, reply.text()),
        (200, "File uploaded successfully : a_processed.jpg\n")
    );
    let reply = post(&server, &[], &[name("b_processed.jpg"), part("other", false, b"x"), file]);
    assert_eq!(reply.status, 200);
    for stored in ["a_processed.jpg", "b_processed.jpg"] {
        assert_eq!(fs::read(server.output().join("tutorial").join(stored)).unwrap(), image);
    }
    assert_eq!(server.files().len(), 2);
    assert_eq!(server.get("/uploads/tutorial/a_processed.jpg").status, 200);
}

#[test]
fn a_bad_name_writes_nothing_in_either_order() {
    let server = Server::start();
    let file = part("image", true, &vec![1; 500_000]);
    let long = "x".repeat(300);
    let longer = "x".repeat(5_000);
    for bad in
        ["../../x", "/etc/x", "..%2fx", "a\0b", "", ".x", "a b", "a/b", "%n%s", &long, &longer]
    {
        let name = part("name", false, bad.as_bytes());
        assert_eq!(post(&server, &[], &[file.clone(), name.clone()]).status, 400, "{bad:?}");
        assert_eq!(post(&server, &[], &[name, file.clone()]).status, 400, "{bad:?}");
    }
    assert_eq!(post(&server, &[], &[file, part("name", false, b"\xff")]).status, 400);
    assert!(server.files().is_empty(), "{:?}", server.files());
}

#[test]
fn a_missing_part_is_named() {
    let server = Server::start();
    let reply = post(&server, &[], &[part("name", false, b"a.jpg")]);
    assert_eq!(reply.status, 400);
    assert!(reply.text().contains("\"image\" is missing"), "{}", reply.text());
    let reply = post(&server, &[], &[part("image", true, b"x")]);
    assert_eq!(reply.status, 400);
    assert!(reply.text().contains("\"name\" is missing"), "{}", reply.text());
    assert_eq!(server.send("POST", "/", &[], b"image=x").status, 400);
    assert_eq!(post(&server, &[], &[]).status, 400);
    assert!(server.files().is_empty());
}

#[test]
fn a_form_needs_the_token_too() {
    let server = Server::with(|_, config| config.upload_token = Token::new("s3cret").ok());
    let parts = [part("image", true, b"x"), part("name", false, b"a.jpg")];
    assert_eq!(post(&server, &[], &parts).status, 401);
    assert_eq!(post(&server, &["Authorization: Bearer no"], &parts).status, 401);
    assert!(server.files().is_empty());
    assert_eq!(post(&server, &["Authorization: Bearer s3cret"], &parts).status, 200);
}

#[test]
fn a_form_that_is_too_large_is_refused() {
    let server = Server::with(|_, config| config.max_upload_bytes = 1_000);
    let name = || part("name", false, b"a.jpg");
    assert_eq!(post(&server, &[], &[part("image", true, &[1; 1_000]), name()]).status, 200);
    assert_eq!(post(&server, &[], &[part("image", true, &[1; 1_001]), name()]).status, 413);
    let padding = part("padding", false, &vec![1; 200_000]);
    assert_eq!(post(&server, &[], &[padding, part("image", true, b"x"), name()]).status, 413);
    assert_eq!(server.files().len(), 1);
}

#[test]
fn a_form_that_breaks_off_leaves_nothing() {
    let server = Server::start();
    let whole = form(&[part("name", false, b"a.jpg"), part("image", true, &vec![1; 1_000_000])]);
    let head =
        format!("POST / HTTP/1.1\r\nHost: x\r\n{TYPE}\r\nContent-Length: {}\r\n\r\n", whole.len());
    server.break_off(&[head.as_bytes(), &whole[..900_000]].concat());
    let cut = server.send("POST", "/", &[TYPE], &whole[..900_000]);
    assert_eq!(cut.status, 400, "a form without its end is not whole: {}", cut.text());
    assert!(server.files().is_empty());
}

#[test]
fn pages_of_other_sites_cannot_post() {
    let server = Server::start();
    let parts = [part("image", true, b"x"), part("name", false, b"a.jpg")];
    for other in ["Origin: http://example.org", "Origin: null", "Origin: http://127.0.0.1:1"] {
        assert_eq!(post(&server, &[other], &parts).status, 403, "{other}");
    }
    assert!(server.files().is_empty());
    let own = format!("Origin: http://{}", server.address);
    assert_eq!(post(&server, &[&own], &parts).status, 200);
}
