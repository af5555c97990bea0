//! Ports on loopback.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};

use anyhow::{Context, Result, bail};

/// A port on loopback: the wished-for one, or any free one for 0.
///
/// # Errors
///
/// When the port is in use.
pub(super) fn choose(wish: u16) -> Result<SocketAddrV4> {
    let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, wish);
    match TcpListener::bind(address) {
        Ok(listener) => {
            let port = listener.local_addr().context("cannot find a free port")?.port();
            Ok(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))
        }
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            bail!("port {wish} is in use; end what listens there, or name another with --port")
        }
        Err(error) => Err(error).with_context(|| format!("cannot listen on port {wish}")),
    }
}

/// That many different free ports on loopback, none of them `taken`.
///
/// # Errors
///
/// When there are none left.
pub(super) fn choose_free(count: usize, taken: SocketAddrV4) -> Result<Vec<SocketAddrV4>> {
    let mut chosen = BTreeSet::new();
    for _ in 0..count.saturating_mul(100) {
        if chosen.len() == count {
            break;
        }
        let address = choose(0)?;
        if address != taken {
            chosen.insert(address);
        }
    }
    if chosen.len() < count {
        bail!("found {} free ports on loopback of the {count} that are needed", chosen.len());
    }
    Ok(chosen.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_refused_by_name() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let error = choose(port).unwrap_err().to_string();
        assert!(error.starts_with(&format!("port {port} is in use")), "{error}");
    }

    #[test]
    fn zero_is_any_free_port() {
        let address = choose(0).unwrap();
        assert_ne!(address.port(), 0);
        assert!(address.ip().is_loopback());
    }

    #[test]
    fn free_ports_differ_from_each_other_and_from_the_master_s() {
        let taken = choose(0).unwrap();
        let chosen = choose_free(20, taken).unwrap();
        let different: BTreeSet<_> = chosen.iter().collect();
        assert_eq!(different.len(), 20);
        assert!(!chosen.contains(&taken));
    }
}
