//! A server on a free port, and a client that sends what it is told, byte by byte.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use fileserver::Config;
use tempfile::TempDir;
use tokio::sync::oneshot;

const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Server {
    pub(crate) folder: TempDir,
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(|_, _| {})
    }

    /// A server whose configuration is changed first; the path is the folder around
    /// the output folder.
    pub(crate) fn with(change: impl FnOnce(&Path, &mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::new(folder.path().join("output"));
        change(folder.path(), &mut config);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let listener = runtime.block_on(fileserver::bind("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let end = async {
                let _ = stopped.await;
            };
            runtime.block_on(fileserver::serve(listener, config, end)).unwrap();
        });
        let server = Self { folder, address, stop: Some(stop), thread: Some(thread) };
        // Answered only after the folder of results is open.
        assert_eq!(server.get("/healthz").status, 200);
        server
    }

    /// Asks for the end; running requests may finish.
    pub(crate) fn stop(&mut self) {
        drop(self.stop.take());
    }

    pub(crate) fn output(&self) -> PathBuf {
        self.folder.path().join("output")
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], b"")
    }

    pub(crate) fn put(&self, path: &str, body: &[u8]) -> Reply {
        self.send("PUT", path, &[], body)
    }

    pub(crate) fn send(&self, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Reply {
        send(self.address, method, path, headers, body)
    }

    pub(crate) fn raw(&self, request: &[u8]) -> Reply {
        raw(self.address, request)
    }

    /// Every file below the folder around the output folder, temporary ones included.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        files(self.folder.path())
    }

    /// Sends the bytes, goes away while they are being stored, and waits until the server
    /// is done with them.
    pub(crate) fn break_off(&self, request: &[u8]) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(request).unwrap();
        self.wait_for_uploads(|uploads| uploads > 0);
        drop(stream);
        self.wait_for_uploads(|uploads| uploads == 0);
    }

    /// Waits for the number of uploads that have a temporary file.
    pub(crate) fn wait_for_uploads(&self, wanted: impl Fn(usize) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !wanted(fs::read_dir(self.output().join(".incoming")).unwrap().count()) {
            assert!(Instant::now() < deadline, "the number of uploads did not change");
            std::thread::yield_now();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
        self.thread.take().unwrap().join().unwrap();
    }
}

pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        assert!(end.is_some(), "no answer: {:?}", String::from_utf8_lossy(bytes));
        let end = end.unwrap();
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let reply = Self { status, head, body: bytes[end + 4..].to_vec() };
        assert_eq!(reply.header("transfer-encoding"), None, "the length of every body is known");
        reply
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

pub(crate) fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[&str],
    body: &[u8],
) -> Reply {
    let mut request =
        format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for header in headers {
        request += &format!("{header}\r\n");
    }
    let mut request = format!("{request}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    request.extend_from_slice(body);
    raw(address, &request)
}

/// Sends the bytes, says that no more come, and reads until the server closes.
pub(crate) fn raw(address: SocketAddr, request: &[u8]) -> Reply {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    Reply::parse(&answer)
}
