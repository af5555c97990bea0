//! Clients without haste, on a clock that is not real.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use bytes::Bytes;
use fileserver::{Config, IDLE_TIMEOUT, router};
use futures_util::stream::{self, StreamExt};
use tower::ServiceExt;

use crate::support::Server;

fn upload(method: &str, path: &str, body: Body) -> Request<Body> {
    let form = "multipart/form-data; boundary=xx";
    Request::builder().method(method).uri(path).header("content-type", form).body(body).unwrap()
}

fn then_nothing(start: &'static [u8]) -> Body {
    let start = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(start))]);
    Body::from_stream(start.chain(stream::pending()))
}

#[tokio::test(start_paused = true)]
async fn who_stops_sending_gets_408_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let app = router(Config::new(folder.path())).unwrap();
    let form = b"--xx\r\nContent-Disposition: form-data; name=\"image\"\r\n\r\nabc";
    for request in [
        upload("PUT", "/uploads/job/a", then_nothing(b"abc")),
        upload("POST", "/", then_nothing(form)),
    ] {
        let started = tokio::time::Instant::now();
        let answer = app.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::REQUEST_TIMEOUT);
        let waited = started.elapsed();
        assert!(waited >= IDLE_TIMEOUT && waited < IDLE_TIMEOUT * 3 / 2, "{waited:?}");
    }
    assert!(!folder.path().join("job").exists() && !folder.path().join("tutorial").exists());
    assert_eq!(std::fs::read_dir(folder.path().join(".incoming")).unwrap().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_sends_slowly_but_steadily_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let app = router(Config::new(folder.path())).unwrap();
    let pause = IDLE_TIMEOUT - Duration::from_secs(1);
    let pieces = stream::iter(0..5).then(move |_| async move {
        tokio::time::sleep(pause).await;
        Ok::<_, std::io::Error>(Bytes::from_static(b"ab"))
    });
    let request = upload("PUT", "/uploads/job/a", Body::from_stream(pieces));
    assert_eq!(app.oneshot(request).await.unwrap().status(), StatusCode::CREATED);
    assert_eq!(std::fs::read(folder.path().join("job/a")).unwrap(), b"ababababab");
}

#[test]
fn an_upload_that_runs_at_the_end_is_still_stored() {
    let mut server = Server::start();
    let mut idle = TcpStream::connect(server.address).unwrap();
    let mut upload = TcpStream::connect(server.address).unwrap();
    let head = b"PUT /uploads/job/a HTTP/1.1\r\nHost: x\r\nContent-Length: 600000\r\n\r\n";
    upload.write_all(&[head.as_slice(), &vec![1; 300_000]].concat()).unwrap();
    server.wait_for_uploads(|uploads| uploads == 1);
    server.stop();
    while TcpStream::connect(server.address).is_ok() {
        std::thread::yield_now();
    }
    assert_eq!(idle.read(&mut [0; 9]).unwrap(), 0, "who asks nothing is not waited for");
    upload.write_all(&vec![1; 300_000]).unwrap();
    let mut answer = String::new();
    upload.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    assert_eq!(std::fs::read(server.output().join("job/a")).unwrap(), vec![1; 600_000]);
}
