//! The executor is a good guest, and is not led where its operator does not want it.
//!
//! All servers of a test are on loopback; those at 127.0.1.0/24 count as public.

use std::io::Write;
use std::net::TcpListener;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use executor::origins::Courtesy;
use protocol::{Class, ImageReport, Limits, Manners, Task};

use crate::common::{
    PICTURE, Server, answer, file_server, limits, outcome_of, reports, runner_with, task,
};

const PUBLIC: &str = "127.0.1.1:0";
const PRIVATE: &str = "127.0.0.1:0";

fn courtesy() -> Courtesy {
    Courtesy::with_as_public(vec!["127.0.1.0/24".parse().unwrap()])
}

async fn images(task: &Task) -> Vec<ImageReport> {
    reports(&outcome_of(runner_with(courtesy()), task).await)
}

async fn fetch(url: String, manners: Manners) -> ImageReport {
    let (server, _) = file_server();
    let task = Task { manners: Some(manners), ..task(&server, &[url]) };
    images(&task).await.remove(0)
}

fn allowing(network: &str) -> Manners {
    Manners { allow_net: vec![network.into()], ..Manners::default() }
}

fn redirecting(at: &str, to: &str) -> Server {
    Server::at(at, {
        let answer = answer(&format!("302 Found\r\nLocation: {to}"), b"");
        move |_, _, stream| drop(stream.write_all(&answer))
    })
}

fn picture(at: &str) -> Server {
    Server::at(at, |_, _, stream| drop(stream.write_all(&answer("200 OK", PICTURE))))
}

#[tokio::test]
async fn a_public_host_cannot_lead_into_a_private_network() {
    let secret = picture(PRIVATE);
    let port = secret.address.port();
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "[::ffff:127.0.0.1]",
        "localhost",
        "LOCALHOST",
        "[::1]",
        "0.0.0.0",
        "169.254.169.254",
        "10.0.0.1",
        "[fe80::1]",
        "[64:ff9b::a00:1]",
    ] {
        let origin = redirecting(PUBLIC, &format!("http://{host}:{port}/a.ppm"));
        let image = fetch(origin.url("/x"), Manners::default()).await;
        assert_eq!(image.class(), Class::ForbiddenAddress, "{host}: {}", image.message);
        assert!(image.message.starts_with(&origin.url("/x")), "{}", image.message);
        assert!(image.message.contains("--allow-net"), "{}", image.message);
    }
    assert_eq!(secret.requests.load(Ordering::SeqCst), 0, "nothing was asked");
}

#[tokio::test]
async fn a_private_network_is_reached_when_it_is_allowed_or_in_the_list() {
    let secret = picture(PRIVATE);
    let origin = redirecting(PUBLIC, &secret.url("/a.ppm"));
    for manners in [allowing("127.0.0.1/32"), allowing("127.0.0.0/8")] {
        assert_eq!(fetch(origin.url("/x"), manners).await.class(), Class::Ok);
    }
    let elsewhere = fetch(origin.url("/x"), allowing("10.0.0.0/8")).await;
    assert_eq!(elsewhere.class(), Class::ForbiddenAddress);
    assert_eq!(fetch(secret.url("/a.ppm"), Manners::default()).await.class(), Class::Ok);
    let own = redirecting(PRIVATE, &secret.url("/a.ppm"));
    assert_eq!(fetch(own.url("/x"), Manners::default()).await.class(), Class::Ok);
}

#[tokio::test]
async fn a_detour_over_another_public_host_changes_nothing() {
    let secret = picture(PRIVATE);
    let second = redirecting(PUBLIC, &secret.url("/a.ppm"));
    let first = redirecting(PUBLIC, &second.url("/y"));
    let own = redirecting(PRIVATE, &first.url("/x"));
    for origin in [&first, &own] {
        let image = fetch(origin.url("/x"), Manners::default()).await;
        assert_eq!(image.class(), Class::ForbiddenAddress, "{}", image.message);
    }
    assert_eq!(secret.requests.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn redirects_between_public_hosts_are_followed() {
    let goal = picture(PUBLIC);
    let origin = redirecting(PUBLIC, &goal.url("/a.ppm"));
    let image = fetch(origin.url("/x"), Manners::default()).await;
    assert_eq!(image.class(), Class::Ok, "{}", image.message);
}

#[tokio::test]
async fn an_untrusted_list_reaches_public_hosts_and_our_own_file_server() {
    let deny = Manners { deny_private: true, ..Manners::default() };
    let secret = picture(PRIVATE);
    for url in [secret.url("/a"), format!("http://localhost:{}/a", secret.address.port())] {
        let image = fetch(url, deny.clone()).await;
        assert_eq!(image.class(), Class::ForbiddenAddress, "{}", image.message);
    }
    assert_eq!(secret.requests.load(Ordering::SeqCst), 0);
    assert_eq!(fetch(picture(PUBLIC).url("/a"), deny.clone()).await.class(), Class::Ok);
    let ours = Server::at(PRIVATE, |_, request, stream| {
        let reply = if request.head.starts_with("GET /samples/a") {
            answer("200 OK", PICTURE)
        } else {
            answer("201 Created", crate::common::receipt(&request.body).as_bytes())
        };
        drop(stream.write_all(&reply));
    });
    let task = Task { manners: Some(deny), ..task(&ours, &[ours.url("/samples/a.ppm")]) };
    assert_eq!(images(&task).await[0].class(), Class::Ok);
}

#[tokio::test]
async fn a_network_that_is_none_fails_the_task() {
    let (server, _) = file_server();
    let task = Task { manners: Some(allowing("nonsense")), ..task(&server, &[]) };
    let status = outcome_of(runner_with(courtesy()), &task).await;
    assert!(status.message().contains("nonsense"), "{}", status.message());
}

/// What a server has seen: the most connections at once, and every request.
#[derive(Default)]
struct Seen {
    now: usize,
    most: usize,
    heads: Vec<String>,
}

fn watched(at: &str) -> (Server, Arc<Mutex<Seen>>) {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let own = Arc::clone(&seen);
    let server = Server::at(at, move |_, request, stream| {
        {
            let mut seen = own.lock().unwrap();
            seen.now += 1;
            seen.most = seen.most.max(seen.now);
            seen.heads.push(request.head.clone());
        }
        thread::sleep(Duration::from_millis(20));
        own.lock().unwrap().now -= 1;
        drop(stream.write_all(&answer("200 OK", PICTURE)));
    });
    (server, seen)
}

#[tokio::test]
async fn a_host_gets_as_many_downloads_at_once_as_allowed() {
    for (per_host, most) in [(Some(2), 2), (Some(5), 5), (None, 64)] {
        let (origin, seen) = watched(PRIVATE);
        let (server, _) = file_server();
        let urls: Vec<_> = (0..40).map(|number| origin.url(&format!("/{number}"))).collect();
        let manners = Manners { per_host, ..Manners::default() };
        let task = Task { manners: Some(manners), ..task(&server, &urls) };
        assert!(images(&task).await.iter().all(|image| image.class() == Class::Ok));
        let seen = seen.lock().unwrap();
        assert_eq!(seen.heads.len(), 40);
        assert!(seen.most <= most && seen.most > most / 4, "{} of {most}", seen.most);
    }
}

#[tokio::test]
async fn the_images_of_a_silent_host_do_not_hold_up_the_others() {
    // It accepts, as the system does for it, and never answers.
    let silent = TcpListener::bind("127.0.0.2:0").unwrap();
    let bad = silent.local_addr().unwrap();
    let good = picture(PRIVATE);
    let (server, stored) = file_server();
    // More of the bad ones, and first, than there are downloads or images at once.
    let mut urls: Vec<_> = (0..100).map(|number| format!("http://{bad}/{number}")).collect();
    urls.extend((0..100).map(|number| good.url(&format!("/{number}"))));
    let manners = Manners { per_host: Some(2), ..Manners::default() };
    let limits = Limits { idle_timeout_ms: 600_000, download_timeout_ms: 0, ..limits() };
    let task = Task { manners: Some(manners), limits, ..task(&server, &urls) };
    let mut runner = runner_with(courtesy());
    runner.launch(crate::common::info("t", task.to_payload())).unwrap();
    let mut done = 0;
    while done < 100 {
        let told = reports(&runner.next_status().await);
        assert!(told.iter().all(|image| image.class() == Class::Ok));
        done += told.len();
    }
    assert_eq!(stored.lock().unwrap().len(), 100);
    runner.kill_all();
    assert!(reports(&crate::common::ending(&mut runner).await).is_empty());
}

/// Three images of a host that is asked for one at a time.
async fn three_one_by_one(origin: &Server) -> Vec<ImageReport> {
    let (server, _) = file_server();
    let urls: Vec<_> = (0..3).map(|number| origin.url(&format!("/{number}"))).collect();
    let manners = Manners { per_host: Some(1), ..Manners::default() };
    let task = Task { manners: Some(manners), ..task(&server, &urls) };
    images(&task).await
}

#[tokio::test]
async fn a_host_that_asks_for_patience_gets_it_from_all_its_images() {
    let origin = Server::at(PRIVATE, |number, _, stream| {
        let reply = match number {
            0 => answer("429 Too Many Requests\r\nRetry-After: 1", b""),
            _ => answer("200 OK", PICTURE),
        };
        drop(stream.write_all(&reply));
    });
    let reports = three_one_by_one(&origin).await;
    let classes: Vec<_> = reports.iter().map(ImageReport::class).collect();
    assert_eq!(classes, [Class::TooManyRequests, Class::Ok, Class::Ok]);
    assert!(reports[1].timings.queue_ms >= 900, "{:?}", reports[1].timings);
}

#[tokio::test]
async fn a_host_that_asks_for_much_patience_is_not_waited_for() {
    let origin = Server::at(PRIVATE, |_, _, stream| {
        let reply = answer("503 Service Unavailable\r\nRetry-After: 900", b"");
        drop(stream.write_all(&reply));
    });
    let reports = three_one_by_one(&origin).await;
    assert_eq!(origin.requests.load(Ordering::SeqCst), 1);
    assert_eq!((reports[0].class(), reports[0].retry_after_ms), (Class::Http5xx, Some(900_000)));
    assert_eq!(reports[2].class(), Class::TooManyRequests, "{}", reports[2].message);
    assert!(reports[2].retry_after_ms.unwrap() > 890_000);
    let not_asked: Vec<_> = reports.iter().map(|report| report.not_asked).collect();
    assert_eq!(not_asked, [false, true, true]);
}

#[tokio::test]
async fn requests_say_who_asks_and_for_what() {
    let (origin, seen) = watched(PUBLIC);
    let image = fetch(origin.url("/a?b=c"), Manners::default()).await;
    assert_eq!(image.class(), Class::Ok, "{}", image.message);
    let head = seen.lock().unwrap().heads[0].to_lowercase();
    assert!(head.starts_with("get /a?b=c http/1.1\r\n"), "{head}");
    assert!(head.contains("\r\nuser-agent: test/1\r\n"), "{head}");
    assert!(head.contains("\r\naccept: image/"), "{head}");
    assert!(head.contains("\r\naccept-encoding: identity\r\n"), "{head}");
    for absent in ["cookie", "referer", "authorization"] {
        assert!(!head.contains(absent), "{head}");
    }
}

#[tokio::test]
async fn the_parts_of_a_download_are_timed() {
    let origin = Server::at(PRIVATE, |_, _, stream| {
        thread::sleep(Duration::from_millis(60));
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n");
        thread::sleep(Duration::from_millis(60));
        drop(stream.write_all(PICTURE));
    });
    let image = fetch(origin.url("/a.ppm"), Manners::default()).await;
    let timings = image.timings;
    assert!(timings.first_byte_ms >= 59, "{timings:?}");
    assert!(timings.download_ms >= timings.first_byte_ms + 50, "{timings:?}");
    assert!(timings.dns_ms + timings.connect_ms < timings.download_ms, "{timings:?}");
}

/// An origin with rules: `robots` answers for robots.txt, everything else is a picture.
fn with_rules(robots: &'static str, rules: &'static str) -> (Server, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let own = Arc::clone(&asked);
    let server = Server::at(PRIVATE, move |_, request, stream| {
        let path = request.head.split(' ').nth(1).unwrap().to_owned();
        let reply = if path == "/robots.txt" {
            answer(robots, rules.as_bytes())
        } else {
            answer("200 OK", PICTURE)
        };
        own.lock().unwrap().push(path);
        drop(stream.write_all(&reply));
    });
    (server, asked)
}

fn obey() -> Manners {
    Manners { obey_robots_txt: true, per_host: Some(1), ..Manners::default() }
}

#[tokio::test]
async fn robots_txt_is_asked_once_and_obeyed_if_that_is_wanted() {
    let (origin, asked) = with_rules("200 OK", "User-agent: test\nDisallow: /no\n");
    let (server, _) = file_server();
    let urls = ["/no/a", "/yes/b", "/yes/c"].map(|path| origin.url(path));
    let polite = Task { manners: Some(obey()), ..task(&server, &urls) };
    let reports = images(&polite).await;
    let classes: Vec<_> = reports.iter().map(ImageReport::class).collect();
    assert_eq!(classes, [Class::Robots, Class::Ok, Class::Ok], "{}", reports[1].message);
    let mut paths = std::mem::take(&mut *asked.lock().unwrap());
    paths.sort();
    assert_eq!(paths, ["/robots.txt", "/yes/b", "/yes/c"]);
    let reports = images(&task(&server, &urls)).await;
    assert!(reports.iter().all(|image| image.class() == Class::Ok));
    assert!(!asked.lock().unwrap().iter().any(|path| path == "/robots.txt"));
}

#[tokio::test]
async fn missing_rules_allow_and_failing_ones_forbid_for_now() {
    for (status, class) in [
        ("404 Not Found", Class::Ok),
        ("403 Forbidden", Class::Ok),
        ("302 Found\r\nLocation: /robots.txt", Class::Ok),
        ("503 Service Unavailable\r\nRetry-After: 60", Class::Http5xx),
        ("429 Too Many Requests\r\nRetry-After: 60", Class::TooManyRequests),
    ] {
        let (origin, _) = with_rules(status, "");
        let image = fetch(origin.url("/a"), obey()).await;
        assert_eq!(image.class(), class, "{status}: {}", image.message);
        assert_eq!(image.retry_after_ms, (class != Class::Ok).then_some(60_000), "{status}");
    }
}

#[tokio::test]
async fn a_picture_that_is_to_be_left_alone_is() {
    let origin = Server::at(PRIVATE, |_, _, stream| {
        let head = "200 OK\r\nX-Robots-Tag: otherbot: noai\r\nX-Robots-Tag: noimageai";
        drop(stream.write_all(&answer(head, PICTURE)));
    });
    let image = fetch(origin.url("/a"), Manners::default()).await;
    assert_eq!((image.class(), image.http_status), (Class::Robots, Some(200)));
    assert!(image.message.contains("noimageai"), "{}", image.message);
    let ignoring = Manners { ignore_robots_tag: true, ..Manners::default() };
    assert_eq!(fetch(origin.url("/a"), ignoring).await.class(), Class::Ok);
}
