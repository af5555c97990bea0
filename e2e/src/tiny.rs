//! A web server of one tiny picture under a great many names, on connections that stay.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::pictures;

/// How soon a connection notices that the server ends.
const TICK: Duration = Duration::from_millis(200);

/// Serves `/1`, `/2` and so on, and counts how often each was asked for. It ends with this value.
#[derive(Debug)]
pub struct Tiny {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    picture: Vec<u8>,
    missing_every: usize,
    requests: Vec<AtomicU8>,
    ends: AtomicBool,
}

impl Tiny {
    /// Starts it for so many names, of which every so many-th is answered with 404.
    ///
    /// # Errors
    ///
    /// When there is no free port.
    pub fn start(names: usize, missing_every: usize) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
        let address = listener.local_addr()?;
        let requests = (0..names).map(|_| AtomicU8::new(0)).collect();
        let ends = AtomicBool::new(false);
        let shared = Shared { picture: pictures::png(1)?, missing_every, requests, ends };
        let shared = Arc::new(shared);
        let for_acceptor = Arc::clone(&shared);
        let acceptor = Some(thread::spawn(move || accept(&listener, &for_acceptor)));
        Ok(Self { address, shared, acceptor })
    }

    /// The URL of a number, from 1.
    #[must_use]
    pub fn url(&self, number: usize) -> String {
        format!("http://{}/{number}", self.address)
    }

    /// Whether there is no picture of that number.
    #[must_use]
    pub fn is_missing(&self, number: usize) -> bool {
        self.shared.is_missing(number)
    }

    /// How often a number was asked for, up to 255 times.
    #[must_use]
    pub fn requests(&self, number: usize) -> u8 {
        let count = number.checked_sub(1).and_then(|index| self.shared.requests.get(index));
        count.map_or(0, |count| count.load(Ordering::Relaxed))
    }
}

impl Shared {
    fn is_missing(&self, number: usize) -> bool {
        number.is_multiple_of(self.missing_every)
    }

    /// Counts the request; none if there is no such number.
    fn count(&self, number: usize) -> Option<()> {
        let count = self.requests.get(number.checked_sub(1)?)?;
        count.fetch_add(1, Ordering::Relaxed);
        Some(())
    }
}

impl Drop for Tiny {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::Relaxed);
        // Wakes the acceptor.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut connections: Vec<JoinHandle<()>> = Vec::new();
    for stream in listener.incoming() {
        if shared.ends.load(Ordering::Relaxed) {
            break;
        }
        let Ok(stream) = stream else { continue };
        let shared = Arc::clone(shared);
        connections.retain(|connection| !connection.is_finished());
        connections.push(thread::spawn(move || {
            // A client that goes away is its own business.
            let _ = serve(&stream, &shared);
        }));
    }
    for connection in connections {
        let _ = connection.join();
    }
}

fn serve(stream: &TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(TICK))?;
    let mut reader = BufReader::new(stream);
    while wait_for_more(&mut reader, shared)? {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let number = line.split(' ').nth(1).and_then(|path| path.strip_prefix('/')?.parse().ok());
        while reader.read_line(&mut line)? > 2 {}
        let answer = answer(number.unwrap_or_default(), shared);
        let mut writer = stream;
        writer.write_all(&answer)?;
    }
    Ok(())
}

/// Whether a request begins, sooner or later.
fn wait_for_more(reader: &mut BufReader<&TcpStream>, shared: &Shared) -> std::io::Result<bool> {
    use std::io::ErrorKind::{TimedOut, WouldBlock};
    loop {
        match reader.fill_buf() {
            Ok(bytes) => return Ok(!bytes.is_empty()),
            Err(error) if matches!(error.kind(), WouldBlock | TimedOut) => {
                if shared.ends.load(Ordering::Relaxed) {
                    return Ok(false);
                }
            }
            Err(error) => return Err(error),
        }
    }
}

fn answer(number: usize, shared: &Shared) -> Vec<u8> {
    let is_there = shared.count(number).is_some() && !shared.is_missing(number);
    let (status, body) =
        if is_there { ("200 OK", &shared.picture[..]) } else { ("404 Not Found", &b""[..]) };
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Type: image/png\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::get;

    #[test]
    fn requests_are_answered_and_counted() {
        let tiny = Tiny::start(10, 5).unwrap();
        let status = |path| get(tiny.address, path).unwrap().status;
        assert_eq!([status("/1"), status("/5"), status("/11"), status("/1")], [200, 404, 404, 200]);
        assert_eq!([1, 2, 5].map(|number| tiny.requests(number)), [2, 0, 1]);
    }
}
