//! Asking a master which agents it has.

use std::io::{Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

const TIMEOUT: Duration = Duration::from_secs(5);

/// An agent as the master's `/slaves` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Agent {
    /// The id that the master gave it.
    pub(super) id: String,
    /// Its process and address, as in `slave(1)@127.0.0.1:5051`.
    pub(super) pid: String,
    /// Whether it is connected and gets offers made.
    pub(super) active: bool,
}

/// The agents that the master knows.
///
/// # Errors
///
/// When no master answers at the address.
pub(super) fn agents(address: SocketAddrV4) -> Result<Vec<Agent>> {
    parse_agents(&get(address, "/slaves")?)
}

/// How many of them get offers made.
pub(super) fn count_active(agents: &[Agent]) -> usize {
    agents.iter().filter(|agent| agent.active).count()
}

fn get(address: SocketAddrV4, path: &str) -> Result<String> {
    let no_answer = || format!("no answer from http://{address}{path}");
    let mut connection =
        TcpStream::connect_timeout(&address.into(), TIMEOUT).with_context(no_answer)?;
    connection.set_read_timeout(Some(TIMEOUT)).with_context(no_answer)?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).with_context(no_answer)?;
    let mut reply = String::new();
    connection.read_to_string(&mut reply).with_context(no_answer)?;
    body(&reply).map(str::to_owned).with_context(|| format!("http://{address}{path}"))
}

/// The body of a reply that closes with the connection.
fn body(reply: &str) -> Result<&str> {
    let status = reply.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        bail!("the answer is not 200 but '{status}'");
    }
    let (_, body) = reply.split_once("\r\n\r\n").context("the answer is cut off")?;
    Ok(body)
}

fn parse_agents(body: &str) -> Result<Vec<Agent>> {
    #[derive(Deserialize)]
    struct Slaves {
        slaves: Vec<Agent>,
    }
    let slaves: Slaves = serde_json::from_str(body).context("the list of agents is unreadable")?;
    Ok(slaves.slaves)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLAVES: &str = r#"{"slaves":[
        {"id":"f-S0","hostname":"localhost","pid":"slave(1)@127.0.0.1:5051","active":true},
        {"id":"f-S1","hostname":"localhost","pid":"slave(1)@127.0.0.1:5052","active":false}
    ],"recovered_slaves":[]}"#;

    #[test]
    fn only_active_agents_count() {
        let agents = parse_agents(SLAVES).unwrap();
        assert_eq!(agents.len(), 2);
        assert_eq!(count_active(&agents), 1);
    }

    #[test]
    fn the_body_follows_the_headers() {
        assert_eq!(body("HTTP/1.1 200 OK\r\nA: b\r\n\r\n{}\r\n\r\n").unwrap(), "{}\r\n\r\n");
    }

    #[test]
    fn another_status_than_200_is_an_error() {
        let error = body("HTTP/1.1 503 Service Unavailable\r\n\r\n").unwrap_err();
        assert!(error.to_string().contains("503 Service Unavailable"), "{error}");
    }

    #[test]
    fn an_answer_that_is_no_http_is_an_error() {
        assert!(body("").is_err());
        assert!(body("HTTP/1.1 200 OK\r\nA: b").is_err());
    }
}
