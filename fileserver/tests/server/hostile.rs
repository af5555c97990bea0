//! Names that want to get out.

use std::fs;

use crate::support::Server;

fn put(server: &Server, target: &str) -> u16 {
    let mut request =
        format!("PUT {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n").into_bytes();
    request.extend(b"Content-Length: 4\r\n\r\nevil");
    server.raw(&request).status
}

#[test]
fn bad_names_write_nothing_and_get_400() {
    let server = Server::start();
    fs::create_dir(server.folder.path().join("beside")).unwrap();
    let long = format!("/uploads/job/{}", "x".repeat(300));
    let long_job = format!("/uploads/{}/x", "j".repeat(300));
    for target in [
        "/uploads/../../x",
        "/uploads/../beside/x",
        "/uploads/job/../../../beside/x",
        "/uploads//etc/x",
        "/uploads/job//etc/x",
        "/uploads/%2fetc/x",
        "/uploads/job/%2fetc%2fx",
        "/uploads/..%2fx",
        "/uploads/..%2fbeside/x",
        "/uploads/job/..%2fx",
        "/uploads/job/..%2F..%2Fbeside%2Fx",
        "/uploads/job/..%252fx",
        "/uploads/%2e%2e/x",
        "/uploads/job/%2e%2e",
        "/uploads/job/.",
        "/uploads/./x",
        "/uploads/job/a%00b",
        "/uploads/job/%00",
        "/uploads/job/a\0b",
        "/uploads/job/a/b",
        "/uploads/job/a/",
        "/uploads/job/",
        "/uploads/job",
        "/uploads//x",
        "/uploads/",
        "/uploads",
        "/uploads/.incoming/x",
        "/uploads/job/.hidden",
        "/uploads/job/a%5cb",
        "/uploads/job/a\\b",
        "/uploads/job/a%20b",
        "/uploads/job/a%0d%0ab",
        "/uploads/job/%c3%a9",
        "/uploads/job/%ff",
        "/uploads/job/%zz",
        "/uploads/job/%",
        "../../x",
        &long,
        &long_job,
    ] {
        assert_eq!(put(&server, target), 400, "{target:?}");
    }
    assert!(server.files().is_empty(), "{:?}", server.files());
    assert!(!server.output().join("job").exists(), "not even a folder is made");
}

#[test]
fn a_refusal_names_the_rule() {
    let server = Server::start();
    let sentence = |target: &str| server.put(target, b"x").text().to_owned();
    assert!(sentence("/uploads/job/.x").contains("begins with a dot"));
    assert!(sentence("/uploads/a%20b/x").contains("job: the name holds ' '"));
    assert!(sentence("/uploads/a/b/c").contains("/uploads/JOB/NAME"));
    let long = sentence(&format!("/uploads/job/{}", "x".repeat(300)));
    assert!(long.contains("300 bytes long, at most 200"), "{long}");
}

#[test]
fn paths_outside_of_uploads_take_nothing() {
    let server = Server::start();
    for target in ["x", "//etc/x", "/x", "/../x", "/samples/x", "/jobs/a/b", "/%2e%2e/uploads/a/b"]
    {
        assert!(matches!(put(&server, target), 404 | 405), "{target:?}");
    }
    assert!(server.files().is_empty());
}

#[test]
fn the_whole_url_as_target_is_as_good_as_the_path() {
    let server = Server::start();
    assert_eq!(put(&server, "http://x/uploads/job/a"), 201);
    assert_eq!(put(&server, "http://x/uploads/job/..%2fa"), 400);
}
