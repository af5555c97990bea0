//! A web server that misbehaves as told, and counts.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};

/// How soon a connection notices that the server ends.
const TICK: Duration = Duration::from_millis(50);

/// What to do with a request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// 200 with a body of a type.
    Content(&'static str, Vec<u8>),
    /// Another status, without anything else.
    Status(u16),
    /// 429, with a number of seconds to wait.
    TooMany {
        /// What `Retry-After` says.
        retry_after_s: u32,
    },
    /// 302 to another path or URL.
    Redirect(String),
    /// Nothing, ever.
    Never,
    /// 200, then these bytes, one a second.
    Drip(Vec<u8>),
    /// 200, then bytes without end.
    Endless,
    /// This answer, but later.
    After(Duration, Box<Self>),
    /// This answer, but not before that is true.
    Once(Arc<AtomicBool>, Box<Self>),
    /// This answer to so many requests of the path, then the other one.
    First(usize, Box<Self>, Box<Self>),
}

impl Answer {
    /// A PNG or JPEG picture.
    #[must_use]
    pub fn picture(bytes: Vec<u8>) -> Self {
        let kind = if bytes.starts_with(b"\x89PNG") { "image/png" } else { "image/jpeg" };
        Self::Content(kind, bytes)
    }

    /// This answer, but later.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        Self::After(wait, Box::new(self))
    }

    /// This answer, but not before that is true.
    #[must_use]
    pub fn once(self, is_true: &Arc<AtomicBool>) -> Self {
        Self::Once(Arc::clone(is_true), Box::new(self))
    }

    /// This answer to so many requests of the path, then the other one.
    #[must_use]
    pub fn then(self, times: usize, other: Self) -> Self {
        Self::First(times, Box::new(self), Box::new(other))
    }
}

type Routes = dyn Fn(&str) -> Option<Answer> + Send + Sync;

struct Shared {
    routes: Box<Routes>,
    requests: Mutex<HashMap<String, usize>>,
    ends: AtomicBool,
}

impl Shared {
    fn ends(&self) -> bool {
        self.ends.load(Ordering::Relaxed)
    }

    /// Counts a request of the path, and says how many there were before.
    fn count(&self, path: &str) -> usize {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let count = requests.entry(path.to_owned()).or_default();
        *count += 1;
        *count - 1
    }
}

/// The server. It ends with this value.
pub struct Origin {
    addresses: Vec<SocketAddr>,
    shared: Arc<Shared>,
    acceptors: Vec<JoinHandle<()>>,
}

impl Origin {
    /// Starts it on loopback. `routes` says how to answer a path, its query included; what it has
    /// no answer for is 404.
    ///
    /// # Errors
    ///
    /// When there is no free port.
    pub fn start(routes: impl Fn(&str) -> Option<Answer> + Send + Sync + 'static) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
        Self::serve(vec![listener], routes)
    }

    /// The same at several addresses of the loopback network, on one port: as many hosts.
    ///
    /// # Errors
    ///
    /// When no port is free at all of them.
    pub fn start_at(
        hosts: &[Ipv4Addr],
        routes: impl Fn(&str) -> Option<Answer> + Send + Sync + 'static,
    ) -> Result<Self> {
        let port = crate::free_port()?;
        let bind = |host: &Ipv4Addr| {
            TcpListener::bind((*host, port)).with_context(|| format!("no port {port} at {host}"))
        };
        let listeners: Result<Vec<TcpListener>> = hosts.iter().map(bind).collect();
        Self::serve(listeners?, routes)
    }

    fn serve(
        listeners: Vec<TcpListener>,
        routes: impl Fn(&str) -> Option<Answer> + Send + Sync + 'static,
    ) -> Result<Self> {
        let routes = Box::new(routes);
        let shared = Shared { routes, requests: Mutex::default(), ends: AtomicBool::new(false) };
        let shared = Arc::new(shared);
        let addresses = listeners.iter().map(TcpListener::local_addr);
        let addresses = addresses.collect::<std::io::Result<Vec<_>>>()?;
        let acceptors = listeners.into_iter().map(|listener| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || accept(&listener, &shared))
        });
        let acceptors = acceptors.collect();
        Ok(Self { addresses, shared, acceptors })
    }

    /// Where it listens, at the first of its addresses.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.addresses.first().copied().unwrap_or((Ipv4Addr::LOCALHOST, 0).into())
    }

    /// The URL of a path, which begins with a slash.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    /// How often the path was asked for so far, its query included.
    #[must_use]
    pub fn requests(&self, path: &str) -> usize {
        let requests = self.shared.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.get(path).copied().unwrap_or_default()
    }

    /// How many requests there were so far.
    #[must_use]
    pub fn total_requests(&self) -> usize {
        self.shared.requests.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::Relaxed);
        for address in &self.addresses {
            // Wakes the acceptor.
            let _ = TcpStream::connect(address);
        }
        for acceptor in self.acceptors.drain(..) {
            let _ = acceptor.join();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut connections = Vec::new();
    for stream in listener.incoming() {
        if shared.ends() {
            break;
        }
        let Ok(stream) = stream else { continue };
        let shared = Arc::clone(shared);
        connections.retain(|connection: &JoinHandle<()>| !connection.is_finished());
        connections.push(thread::spawn(move || {
            // A client that goes away is its own business.
            let _ = serve(&stream, &shared);
        }));
    }
    for connection in connections {
        let _ = connection.join();
    }
}

/// One request a connection.
fn serve(mut stream: &TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.set_write_timeout(Some(Duration::from_secs(10)))?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    while reader.read_line(&mut line)? > 2 {}
    let before = shared.count(&path);
    let answer = (shared.routes)(&path).unwrap_or(Answer::Status(404));
    respond(&mut stream, answer, before, shared)
}

fn respond(
    stream: &mut &TcpStream,
    answer: Answer,
    before: usize,
    shared: &Shared,
) -> std::io::Result<()> {
    match answer {
        Answer::Content(kind, body) => {
            let head = format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len());
            stream.write_all(&[head_of(200, &head).as_bytes(), &body].concat())
        }
        Answer::Status(status) => {
            stream.write_all(head_of(status, "Content-Length: 0\r\n").as_bytes())
        }
        Answer::TooMany { retry_after_s } => {
            let headers = format!("Retry-After: {retry_after_s}\r\nContent-Length: 0\r\n");
            stream.write_all(head_of(429, &headers).as_bytes())
        }
        Answer::Redirect(to) => {
            let headers = format!("Location: {to}\r\nContent-Length: 0\r\n");
            stream.write_all(head_of(302, &headers).as_bytes())
        }
        Answer::Never => {
            while !shared.ends() && is_open(stream, TICK)? {}
            Ok(())
        }
        Answer::Drip(body) => drip(stream, &body, shared),
        Answer::Endless => {
            stream.write_all(head_of(200, "Content-Type: image/jpeg\r\n").as_bytes())?;
            while !shared.ends() {
                stream.write_all(&[0xff; 16 * 1024])?;
            }
            Ok(())
        }
        Answer::After(wait, answer) => {
            let mut ticks = wait.as_millis().div_ceil(TICK.as_millis());
            while ticks > 0 && !shared.ends() && is_open(stream, TICK)? {
                ticks -= 1;
            }
            respond(stream, *answer, before, shared)
        }
        Answer::Once(is_true, answer) => {
            while !is_true.load(Ordering::Relaxed) && !shared.ends() && is_open(stream, TICK)? {}
            respond(stream, *answer, before, shared)
        }
        Answer::First(times, first, then) => {
            let answer = if before < times { *first } else { *then };
            respond(stream, answer, before, shared)
        }
    }
}

fn drip(stream: &mut &TcpStream, body: &[u8], shared: &Shared) -> std::io::Result<()> {
    let head = format!("Content-Type: image/png\r\nContent-Length: {}\r\n", body.len());
    stream.write_all(head_of(200, &head).as_bytes())?;
    for byte in body {
        stream.write_all(&[*byte])?;
        if shared.ends() || !is_open(stream, Duration::from_secs(1))? {
            break;
        }
    }
    Ok(())
}

/// Whether the client is still there after the time, or sooner if it is not.
fn is_open(stream: &mut &TcpStream, wait: Duration) -> std::io::Result<bool> {
    use std::io::ErrorKind::{TimedOut, WouldBlock};
    stream.set_read_timeout(Some(wait))?;
    match stream.read(&mut [0; 16]) {
        Ok(length) => Ok(length > 0),
        Err(error) if matches!(error.kind(), WouldBlock | TimedOut) => Ok(true),
        Err(error) => Err(error),
    }
}

fn head_of(status: u16, headers: &str) -> String {
    format!("HTTP/1.1 {status} Told\r\n{headers}Connection: close\r\n\r\n")
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::http::get;

    fn origin() -> Origin {
        Origin::start(|path| match path {
            "/a?b=c" => Some(Answer::Content("text/html", b"<p>".to_vec())),
            "/weak" => Some(Answer::Status(500).then(2, Answer::Status(204))),
            "/late" => Some(Answer::Status(200).after(Duration::from_millis(200))),
            "/never" => Some(Answer::Never),
            _ => None,
        })
        .unwrap()
    }

    #[test]
    fn it_answers_as_told_and_counts() {
        let origin = origin();
        let status = |path| get(origin.address(), path).unwrap().status;
        assert_eq!(get(origin.address(), "/a?b=c").unwrap().text(), "<p>");
        assert_eq!(
            [status("/a"), status("/weak"), status("/weak"), status("/weak")],
            [404, 500, 500, 204]
        );
        assert_eq!((origin.requests("/weak"), origin.requests("/a?b=c")), (3, 1));
        assert_eq!((origin.requests("/none"), origin.total_requests()), (0, 5));
    }

    #[test]
    fn late_is_late() {
        let (origin, start) = (origin(), Instant::now());
        assert_eq!(get(origin.address(), "/late").unwrap().status, 200);
        assert!(start.elapsed() >= Duration::from_millis(190));
    }

    #[test]
    fn it_ends_even_if_somebody_waits() {
        let origin = origin();
        let mut waiting = TcpStream::connect(origin.address()).unwrap();
        waiting.write_all(b"GET /never HTTP/1.1\r\n\r\n").unwrap();
        crate::until("the request", Duration::from_secs(5), || {
            Ok((origin.requests("/never") == 1).then_some(()))
        })
        .unwrap();
        drop(origin);
        assert_eq!(waiting.read(&mut [0; 1]).unwrap(), 0);
    }
}
