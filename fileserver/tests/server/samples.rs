//! `GET /samples/…`.

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::Server;

fn server() -> Server {
    Server::with(|folder, config| {
        let samples = folder.join("samples");
        fs::create_dir_all(samples.join("more")).unwrap();
        fs::write(samples.join("a.jpg"), "jpeg").unwrap();
        fs::write(samples.join("more/b c.webp"), "webp").unwrap();
        fs::write(samples.join(".hidden"), "hidden").unwrap();
        fs::write(folder.join("secret"), "secret").unwrap();
        symlink(folder.join("secret"), samples.join("link.jpg")).unwrap();
        symlink("a.jpg", samples.join("inside.jpg")).unwrap();
        config.samples = Some(samples);
    })
}

#[test]
fn samples_come_with_their_media_type() {
    let server = server();
    for (path, media_type, content) in [
        ("/samples/a.jpg", "image/jpeg", "jpeg"),
        ("/samples/inside.jpg", "image/jpeg", "jpeg"),
        ("/samples/more/b%20c.webp", "image/webp", "webp"),
    ] {
        let reply = server.get(path);
        assert_eq!((reply.status, reply.text()), (200, content), "{path}");
        assert_eq!(reply.header("content-type"), Some(media_type));
    }
    let reply = server.send("GET", "/samples/a.jpg", &["Range: bytes=-2"], b"");
    assert_eq!((reply.status, reply.text()), (206, "eg"));
}

#[test]
fn nothing_else_is_a_sample() {
    let server = server();
    for path in [
        "/samples/",
        "/samples",
        "/samples/more",
        "/samples/more/",
        "/samples/.hidden",
        "/samples/link.jpg",
        "/samples/../secret",
        "/samples/more/../../secret",
        "/samples/%2e%2e/secret",
        "/samples/..%2fsecret",
        "/samples//etc/passwd",
        "/samples/%2fetc%2fpasswd",
        "/samples/a.jpg/",
        "/samples/a.jpg%00",
        "/samples/none.jpg",
    ] {
        let reply = server.get(path);
        assert_eq!(reply.status, 404, "{path}");
        assert!(!reply.text().contains("secret"), "{path}");
    }
    assert_eq!(Server::start().get("/samples/a.jpg").status, 404);
}
