//! Servers on loopback that answer as a test says, and tasks for them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use executor::budget::Budget;
use executor::client::Clients;
use executor::origins::Courtesy;
use executor::runner::Runner;
use executor::task::Workshop;
use mesos::v1::{TaskInfo, TaskState, TaskStatus};
use protocol::{Image, ImageReport, Limits, Report, Task};

/// One blue pixel.
pub(crate) const PICTURE: &[u8] = b"P6 1 1 255\n\x00\x00\xff";
/// Its inverse.
pub(crate) const INVERSE: &[u8] = b"P6 1 1 255\n\xff\xff\x00";

/// A server whose every connection is handled by a closure, with the request as read.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) requests: Arc<AtomicUsize>,
}

impl Server {
    /// The closure gets the number of the request, from 0.
    pub(crate) fn start(
        answer: impl Fn(usize, &Request, &mut TcpStream) + Send + Sync + 'static,
    ) -> Self {
        Self::at("127.0.0.1:0", answer)
    }

    pub(crate) fn at(
        address: &str,
        answer: impl Fn(usize, &Request, &mut TcpStream) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        let (counter, answer) = (Arc::clone(&requests), Arc::new(answer));
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let (counter, answer) = (Arc::clone(&counter), Arc::clone(&answer));
                thread::spawn(move || {
                    if let Some(request) = Request::read(&mut stream) {
                        answer(counter.fetch_add(1, Ordering::SeqCst), &request, &mut stream);
                    }
                });
            }
        });
        Self { address, requests }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The same answer to everything.
    pub(crate) fn saying(head: &str, body: &[u8]) -> Self {
        let answer = answer(head, body);
        Self::start(move |_, _, stream| drop(stream.write_all(&answer)))
    }
}

/// A whole answer; `head` is the status line and more header lines.
pub(crate) fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    [head.as_bytes(), body].concat()
}

pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn read(stream: &mut impl Read) -> Option<Self> {
        let mut read = Vec::new();
        let end = loop {
            if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            let mut piece = [0; 4096];
            let length = stream.read(&mut piece).ok().filter(|length| *length > 0)?;
            read.extend_from_slice(&piece[..length]);
        };
        let head = String::from_utf8_lossy(&read[..end]).into_owned();
        let mut body = read.split_off(end);
        if header(&head, "transfer-encoding") == Some("chunked") {
            let body = dechunk(&mut body.chain(stream))?;
            return Some(Self { head, body });
        }
        let length = header(&head, "content-length").and_then(|v| v.parse().ok()).unwrap_or(0);
        let mut rest = vec![0; length - body.len()];
        stream.read_exact(&mut rest).ok()?;
        body.append(&mut rest);
        Some(Self { head, body })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }
}

/// The body in chunks, if it comes to its end with the right digest as its trailer.
fn dechunk(chunks: &mut impl Read) -> Option<Vec<u8>> {
    let mut chunks = BufReader::new(chunks);
    let mut line = || -> Option<(String, Vec<u8>)> {
        let mut line = String::new();
        chunks.read_line(&mut line).ok().filter(|length| *length > 0)?;
        let line = line.trim_end().to_owned();
        let mut piece = Vec::new();
        if let Ok(length @ 1..) = usize::from_str_radix(&line, 16) {
            piece.resize(length + 2, 0);
            chunks.read_exact(&mut piece).ok()?;
            piece.truncate(length);
        }
        Some((line, piece))
    };
    let mut body = Vec::new();
    loop {
        let (length, piece) = line()?;
        body.extend(piece);
        if length == "0" {
            let (trailer, _) = line()?;
            assert_eq!(trailer, format!("repr-digest: sha-256=:{}:", base64(&body)));
            return Some(body);
        }
    }
}

fn base64(body: &[u8]) -> String {
    use base64::Engine;
    use sha2::Digest;
    base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(body))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

/// What a file server received.
pub(crate) type Stored = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// A file server that stores everything brought with the token `t`.
pub(crate) fn file_server() -> (Server, Stored) {
    let stored = Stored::default();
    let shelf = Arc::clone(&stored);
    let server = Server::start(move |_, request, stream| {
        let answer = if request.header("authorization") == Some("Bearer t") {
            shelf.lock().unwrap().push((request.head.clone(), request.body.clone()));
            answer("201 Created", receipt(&request.body).as_bytes())
        } else {
            answer("401 Unauthorized", b"the upload needs the token\n")
        };
        drop(stream.write_all(&answer));
    });
    (server, stored)
}

/// What a file server says of `body`.
pub(crate) fn receipt(body: &[u8]) -> String {
    use sha2::Digest;
    let digest: String = sha2::Sha256::digest(body).iter().map(|b| format!("{b:02x}")).collect();
    format!(r#"{{"path":"x","bytes":{},"sha256":"{digest}"}}"#, body.len())
}

/// Short, so that the tests are.
pub(crate) fn limits() -> Limits {
    Limits {
        connect_timeout_ms: 2_000,
        idle_timeout_ms: 1_000,
        download_timeout_ms: 5_000,
        max_download_bytes: 1 << 20,
        max_redirects: 5,
        upload_timeout_ms: 5_000,
        ..Limits::default()
    }
}

pub(crate) fn task(file_server: &Server, urls: &[String]) -> Task {
    task_with(file_server.url(""), urls)
}

pub(crate) fn task_with(file_server: String, urls: &[String]) -> Task {
    let image = |(at, url): (usize, &String)| Image {
        index: at as u64 + 1,
        url: url.clone(),
        name: format!("{}-x", at + 1),
    };
    Task {
        job: "job".into(),
        images: urls.iter().enumerate().map(image).collect(),
        operations: "invert".into(),
        file_server,
        upload_token: Some("t".into()),
        limits: limits(),
        user_agent: "test/1".into(),
        ..Task::default()
    }
}

pub(crate) fn info(id: &str, payload: Vec<u8>) -> TaskInfo {
    TaskInfo { task_id: id.into(), data: Some(payload), ..TaskInfo::default() }
}

pub(crate) fn runner() -> Runner {
    runner_with(Courtesy::default())
}

pub(crate) fn runner_with(courtesy: Courtesy) -> Runner {
    let (clients, budget) = (Clients::new().unwrap(), Budget::of_this_machine());
    Runner::new(Workshop { clients, courtesy, budget })
}

/// Runs a task and gives its terminal status, with all that was told on the way.
pub(crate) async fn outcome(task: &Task) -> TaskStatus {
    outcome_of(runner(), task).await
}

pub(crate) async fn outcome_of(mut runner: Runner, task: &Task) -> TaskStatus {
    let running = runner.launch(info("t", task.to_payload())).unwrap();
    assert_eq!(running.state(), TaskState::TaskRunning);
    let status = ending(&mut runner).await;
    assert!(runner.is_idle());
    status
}

/// The next terminal status, with the images that were told of before it added.
pub(crate) async fn ending(runner: &mut Runner) -> TaskStatus {
    let mut told = Vec::new();
    loop {
        let status = runner.next_status().await;
        if status.state() != TaskState::TaskRunning {
            return with_images(status, told);
        }
        let images = reports(&status);
        assert!(!images.is_empty(), "an update that tells nothing");
        told.extend(images);
    }
}

fn with_images(status: TaskStatus, told: Vec<ImageReport>) -> TaskStatus {
    let Some(data) = &status.data else { return status };
    let mut report = Report::from_payload(data).unwrap();
    report.images.extend(told);
    TaskStatus { data: Some(report.to_payload()), ..status }
}

/// Runs a task and gives its images by their number.
pub(crate) async fn images(task: &Task) -> Vec<ImageReport> {
    let status = outcome(task).await;
    assert_eq!(status.state(), TaskState::TaskFinished, "{:?}", status.message);
    reports(&status)
}

pub(crate) fn reports(status: &TaskStatus) -> Vec<ImageReport> {
    let mut images = Report::from_payload(status.data.as_ref().unwrap()).unwrap().images;
    images.sort_by_key(|image| image.index);
    images
}

/// Runs a task of one image.
pub(crate) async fn one(task: &Task) -> ImageReport {
    let [image] = images(task).await.try_into().unwrap();
    image
}
