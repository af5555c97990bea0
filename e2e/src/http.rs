//! The least of HTTP: requests as they are given, whatever a proper client would make of them,
//! and answers as they come, an endless one too.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

const TIMEOUT: Duration = Duration::from_secs(10);

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The headers, in their order.
    pub headers: Vec<(String, String)>,
    /// Everything after the headers, without the marks of chunks.
    pub body: Vec<u8>,
}

impl Reply {
    /// The body for people.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("no JSON: {:?}", self.text()))
    }

    /// The value of a header, whatever the case of its name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }
}

/// An answer whose body is still to come.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    headers: Vec<(String, String)>,
    connection: BufReader<TcpStream>,
}

impl Answer {
    /// The value of a header, whatever the case of its name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The rest, to its end.
    ///
    /// # Errors
    ///
    /// When it breaks off.
    pub fn whole(self) -> Result<Reply> {
        let (status, headers) = (self.status, self.headers.clone());
        let mut body = Vec::new();
        match find(&headers, "Content-Length").map(str::parse::<u64>).transpose()? {
            Some(length) => self.connection.take(length).read_to_end(&mut body)?,
            None if is_chunked(&headers) => Chunks::new(self.connection).read_to_end(&mut body)?,
            None => self.connection.into_inner().read_to_end(&mut body)?,
        };
        Ok(Reply { status, headers, body })
    }

    /// The body as it comes, however long that takes, and its connection, to end it by.
    ///
    /// # Errors
    ///
    /// When it does not come in chunks.
    pub fn stream(self) -> Result<(Chunks<BufReader<TcpStream>>, TcpStream)> {
        if !is_chunked(&self.headers) {
            bail!("the answer does not come in chunks: {:?}", self.headers);
        }
        let socket = self.connection.get_ref().try_clone()?;
        socket.set_read_timeout(None)?;
        Ok((Chunks::new(self.connection), socket))
    }
}

/// Asks for a path.
///
/// # Errors
///
/// When there is no answer, or one that is not HTTP.
pub fn get(address: SocketAddr, path: &str) -> Result<Reply> {
    request(address, "GET", path, &[], &[])
}

/// Sends a request with exactly these bytes as its path, and waits for the whole answer.
///
/// # Errors
///
/// When there is no answer, or one that is not HTTP.
pub fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Reply> {
    let closing = [headers, &[("Connection", "close")]].concat();
    let answer = open(address, method, path, &closing, body)?;
    answer.whole().with_context(|| format!("the answer to {method} http://{address}{path}"))
}

/// Sends a request on a connection of its own, and waits for the head of the answer.
///
/// # Errors
///
/// When there is no answer, or one that is not HTTP.
pub fn open(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Answer> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    let request = [head.as_bytes(), body].concat();
    exchange(address, &request).with_context(|| format!("{method} http://{address}{path}"))
}

fn exchange(address: SocketAddr, request: &[u8]) -> Result<Answer> {
    let mut connection = TcpStream::connect_timeout(&address, TIMEOUT)?;
    connection.set_read_timeout(Some(TIMEOUT))?;
    connection.write_all(request)?;
    let mut connection = BufReader::new(connection);
    let (status, headers) = head(&mut connection)?;
    Ok(Answer { status, headers, connection })
}

fn head(connection: &mut impl BufRead) -> Result<(u16, Vec<(String, String)>)> {
    let first = line(connection)?;
    let status = first.starts_with("HTTP/1.1 ").then(|| first.split(' ').nth(1)).flatten();
    let status = status.and_then(|status| status.parse().ok());
    let status = status.with_context(|| format!("no status in {first:?}"))?;
    let mut headers = Vec::new();
    loop {
        let line = line(connection)?;
        if line.is_empty() {
            return Ok((status, headers));
        }
        let (name, value) = line.split_once(':').with_context(|| format!("no header: {line:?}"))?;
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
}

/// A line without its end, which is CR and LF.
fn line(connection: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    connection.read_until(b'\n', &mut line)?;
    match line.strip_suffix(b"\r\n") {
        Some(line) => Ok(String::from_utf8_lossy(line).into_owned()),
        None => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection ended in a line")),
    }
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = headers.iter().find(|(it, _)| it.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

fn is_chunked(headers: &[(String, String)]) -> bool {
    find(headers, "Transfer-Encoding").is_some_and(|it| it.eq_ignore_ascii_case("chunked"))
}

/// What comes in chunks, without their marks. Reading ends with the terminating chunk; a
/// connection that ends before is an error.
#[derive(Debug)]
pub struct Chunks<R> {
    source: R,
    left: u64,
    ended: bool,
}

impl<R: BufRead> Chunks<R> {
    fn new(source: R) -> Self {
        Self { source, left: 0, ended: false }
    }

    fn next_chunk(&mut self) -> io::Result<()> {
        let line = line(&mut self.source)?;
        let size = line.split(';').next().unwrap_or_default().trim();
        self.left = u64::from_str_radix(size, 16).map_err(|_| {
            io::Error::new(io::ErrorKind::InvalidData, format!("a chunk of {line:?}"))
        })?;
        self.ended = self.left == 0;
        if self.ended { self.end_of_chunk() } else { Ok(()) }
    }

    fn end_of_chunk(&mut self) -> io::Result<()> {
        match line(&mut self.source)?.as_str() {
            "" => Ok(()),
            more => Err(io::Error::new(io::ErrorKind::InvalidData, format!("{more:?} in a chunk"))),
        }
    }
}

impl<R: BufRead> Read for Chunks<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !self.ended {
            self.next_chunk()?;
        }
        if self.ended || buffer.is_empty() {
            return Ok(0);
        }
        let read = (&mut self.source).take(self.left).read(buffer)?;
        if read == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the connection ended in a chunk",
            ));
        }
        self.left -= read as u64;
        if self.left == 0 {
            self.end_of_chunk()?;
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_its_status_and_its_headers() {
        let (status, headers) = head(&mut &b"HTTP/1.1 404 Not Found\r\nA: b\r\n\r\n"[..]).unwrap();
        assert_eq!((status, find(&headers, "a")), (404, Some("b")));
        for broken in [&b""[..], b"hello\r\n\r\n", b"HTTP/1.1 200 OK\r\nA: b\r\n"] {
            assert!(head(&mut &*broken).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn chunks_are_joined_to_their_end() {
        let mut text = String::new();
        let mut chunks = Chunks::new(&b"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n"[..]);
        chunks.read_to_string(&mut text).unwrap();
        assert_eq!(text, "abc0123456789");
    }

    #[test]
    fn chunks_that_break_off_are_an_error() {
        for broken in [&b"3\r\nab"[..], b"3\r\nabc\r\n", b"3\r\nabcd", b"x\r\n"] {
            assert!(Chunks::new(broken).read_to_end(&mut Vec::new()).is_err(), "{broken:?}");
        }
    }
}
