//! Every way in which an origin can misbehave has its class, within its deadline.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{
    INVERSE, PICTURE, Request, Server, answer, file_server, images, limits, one, task,
};
use protocol::{Class, ImageReport, Limits, Outcome};

async fn fetch(url: String, limits: Limits) -> ImageReport {
    let (server, stored) = file_server();
    let image = one(&protocol::Task { limits, ..task(&server, &[url]) }).await;
    assert_eq!(stored.lock().unwrap().len(), usize::from(image.outcome() == Outcome::Done));
    image
}

async fn fetch_from(server: &Server) -> ImageReport {
    let image = fetch(server.url("/a.jpg"), limits()).await;
    assert_eq!(image.class() == Class::Ok, image.message.is_empty());
    if image.class() != Class::Ok {
        assert!(image.message.starts_with(&server.url("/a.jpg")), "{}", image.message);
    }
    image
}

#[tokio::test]
async fn a_good_image_is_processed_and_stored() {
    let origin = Server::saying("200 OK", PICTURE);
    let (server, stored) = file_server();
    let image = one(&task(&server, &[origin.url("/a.ppm")])).await;
    assert_eq!(image.outcome(), Outcome::Done, "{}", image.message);
    assert_eq!((image.output.as_str(), image.format.as_str()), ("1-x.pnm", "pnm"));
    assert_eq!((image.bytes_in, image.bytes_out), (14, 14));
    assert_eq!((image.width, image.height, image.frames), (1, 1, 1));
    assert_eq!((image.http_status, image.final_url), (Some(200), None));
    let stored = stored.lock().unwrap();
    let (head, body) = &stored[0];
    assert!(head.starts_with("PUT /uploads/job/1-x.pnm HTTP/1.1\r\n"), "{head}");
    assert!(head.to_lowercase().contains("repr-digest: sha-256=:"), "{head}");
    assert_eq!(body, INVERSE);
}

#[tokio::test]
async fn statuses_have_their_class() {
    for (head, class) in [
        ("404 Not Found", Class::Http4xx),
        ("408 Request Timeout", Class::Timeout),
        ("500 Internal Server Error", Class::Http5xx),
        ("304 Not Modified", Class::Redirect),
        ("302 Found", Class::Redirect),
        ("302 Found\r\nLocation: ftp://h/x", Class::Redirect),
        ("200 OK", Class::Empty),
    ] {
        let image = fetch_from(&Server::saying(head, b"")).await;
        assert_eq!(image.class(), class, "{head}: {}", image.message);
        assert_eq!(image.http_status.unwrap().to_string(), head[..3]);
    }
}

#[tokio::test]
async fn too_many_requests_tells_how_long_to_wait() {
    let origin = Server::saying("429 Too Many Requests\r\nRetry-After: 7", b"");
    let image = fetch_from(&origin).await;
    assert_eq!((image.class(), image.retry_after_ms), (Class::TooManyRequests, Some(7_000)));
}

#[tokio::test]
async fn a_refused_connection_is_told_from_an_unknown_host() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refused = fetch(format!("http://{free}/a.jpg"), limits()).await;
    assert_eq!(refused.class(), Class::Connect, "{}", refused.message);
    // The dot at the end keeps search domains, and so the network, out of it.
    let unknown = fetch("http://nowhere.invalid./a.jpg".to_owned(), limits()).await;
    assert_eq!(unknown.class(), Class::Dns, "{}", unknown.message);
}

#[tokio::test]
async fn names_of_this_machine_resolve() {
    let origin = Server::saying("200 OK", PICTURE);
    let url = format!("http://localhost:{}/a.ppm", origin.address.port());
    assert_eq!(fetch(url, limits()).await.class(), Class::Ok);
}

#[tokio::test]
async fn a_plain_server_behind_an_https_url_fails_with_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
        }
    });
    let image = fetch(format!("https://{address}/a.jpg"), limits()).await;
    assert_eq!(image.class(), Class::Tls, "{}", image.message);
}

fn drip(_: usize, _: &Request, stream: &mut TcpStream) {
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    while stream.write_all(b"x").is_ok() {
        thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test]
async fn silence_and_slowness_end_at_their_deadline() {
    let silent = Server::start(|_, _, _| thread::sleep(Duration::from_secs(60)));
    let stops = Server::start(|_, _, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nP6");
        thread::sleep(Duration::from_secs(60));
    });
    let slow = Server::start(drip);
    let limits = Limits {
        connect_timeout_ms: 100,
        idle_timeout_ms: 300,
        download_timeout_ms: 900,
        ..limits()
    };
    for (server, at_least) in [(&silent, 300), (&stops, 300), (&slow, 850)] {
        let started = Instant::now();
        let image = fetch(server.url("/a.jpg"), limits).await;
        let took = started.elapsed();
        assert_eq!(image.class(), Class::Timeout, "{}", image.message);
        assert!(took >= Duration::from_millis(at_least), "{took:?}: {}", image.message);
        assert!(took < Duration::from_secs(10), "{took:?}: {}", image.message);
    }
}

#[tokio::test]
async fn too_large_is_known_from_the_announcement_or_by_counting() {
    let announced = Server::start(|_, _, stream| {
        drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"));
    });
    let image = fetch_from(&announced).await;
    assert_eq!(image.class(), Class::TooLarge, "{}", image.message);
    assert!(image.message.contains("99999999999"), "{}", image.message);
    let endless = Server::start(|_, _, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        while stream.write_all(&[b'x'; 4096]).is_ok() {}
    });
    let image = fetch_from(&endless).await;
    assert_eq!(image.class(), Class::TooLarge, "{}", image.message);
}

#[tokio::test]
async fn a_transfer_that_breaks_off_is_told_from_a_truncated_picture() {
    let broken = Server::start(|_, _, stream| {
        drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\nP6 1 1"));
    });
    assert_eq!(fetch_from(&broken).await.class(), Class::Transfer);
    let no_http = Server::start(|_, _, stream| drop(stream.write_all(b"SSH-2.0-x\r\n\r\n")));
    assert_eq!(fetch_from(&no_http).await.class(), Class::Transfer);
    let truncated = Server::saying("200 OK", &PICTURE[..12]);
    assert_eq!(fetch_from(&truncated).await.class(), Class::Truncated);
}

#[tokio::test]
async fn redirects_are_followed_and_loops_end() {
    let origin = Server::start(|number, _, stream| {
        let reply = match number {
            0 => answer("301 Moved\r\nLocation: b.ppm?x=1", b""),
            1 => answer("307 Temporary\r\nLocation: /c/d.ppm", b""),
            _ => answer("200 OK", PICTURE),
        };
        drop(stream.write_all(&reply));
    });
    let image = fetch_from(&origin).await;
    assert_eq!(image.class(), Class::Ok, "{}", image.message);
    assert_eq!(image.final_url, Some(origin.url("/c/d.ppm")));
    let circle = Server::saying("302 Found\r\nLocation: /a.jpg", b"");
    let image = fetch_from(&circle).await;
    assert_eq!(image.class(), Class::Redirect, "{}", image.message);
    assert_eq!(circle.requests.load(std::sync::atomic::Ordering::SeqCst), 6);
}

#[tokio::test]
async fn what_is_no_picture_is_named() {
    let page = Server::saying("200 OK", b"<!doctype html><html><body>Hello</body></html>");
    assert_eq!(fetch_from(&page).await.class(), Class::NotAnImage);
    let sample = include_bytes!("../../../samples/aurora-profile.jpg");
    let truncated = Server::saying("200 OK", &sample[..sample.len() / 2]);
    assert_eq!(fetch_from(&truncated).await.class(), Class::Truncated);
}

#[tokio::test]
async fn credentials_are_sent_but_never_shown() {
    let origin = Server::start(|_, request, stream| {
        let known = request.header("authorization") == Some("Basic dXNlcjpzM2NyZXQ=");
        let reply = if known { answer("410 Gone", b"") } else { answer("401 Unauthorized", b"") };
        drop(stream.write_all(&reply));
    });
    let url = origin.url("/a.jpg").replace("http://", "http://user:s3cret@");
    let image = fetch(url, limits()).await;
    assert_eq!(image.http_status, Some(410));
    assert!(!format!("{image:?}").contains("s3cret"), "{image:?}");
    assert_eq!(fetch("ftp://user:s3cret@h/a".to_owned(), limits()).await.class(), Class::BadUrl);
}

#[tokio::test]
async fn one_bad_image_does_not_hold_up_the_others() {
    let good = Server::saying("200 OK", PICTURE);
    let bad = Server::saying("404 Not Found", b"");
    let (server, stored) = file_server();
    let urls: Vec<String> = (0..100)
        .map(|number| if number % 2 == 0 { good.url("/a") } else { bad.url("/b") })
        .collect();
    let reports = images(&task(&server, &urls)).await;
    let numbers: Vec<u64> = reports.iter().map(|image| image.index).collect();
    assert_eq!(numbers, (1..=100).collect::<Vec<_>>());
    assert!(reports.iter().all(|i| (i.class() == Class::Ok) == (i.index % 2 == 1)));
    assert_eq!(stored.lock().unwrap().len(), 50);
}
