//! The least of HTTP: requests as they are given, whatever a proper client would make of them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};

const TIMEOUT: Duration = Duration::from_secs(10);

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Everything after the headers.
    pub body: Vec<u8>,
}

impl Reply {
    /// The body for people.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
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

/// Sends a request with exactly these bytes as its path.
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
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    let request = [head.as_bytes(), body].concat();
    exchange(address, &request).with_context(|| format!("{method} http://{address}{path}"))
}

fn exchange(address: SocketAddr, request: &[u8]) -> Result<Reply> {
    let mut connection = TcpStream::connect_timeout(&address, TIMEOUT)?;
    connection.set_read_timeout(Some(TIMEOUT))?;
    connection.write_all(request)?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer)?;
    parse(&answer)
}

fn parse(answer: &[u8]) -> Result<Reply> {
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else {
        bail!("the answer has no end of headers: {:?}", String::from_utf8_lossy(answer))
    };
    let (head, body) = answer.split_at(end);
    let head = String::from_utf8_lossy(head);
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.with_context(|| format!("no status in {head:?}"))?;
    Ok(Reply { status, body: body.get(4..).unwrap_or_default().to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_its_status_and_its_body() {
        let reply = parse(b"HTTP/1.1 404 Not Found\r\nA: b\r\n\r\nnone\r\n\r\n").unwrap();
        assert_eq!((reply.status, reply.text().as_str()), (404, "none\r\n\r\n"));
        assert!(parse(b"").is_err());
        assert!(parse(b"hello\r\n\r\n").is_err());
    }
}
