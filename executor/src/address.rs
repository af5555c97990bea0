//! Which addresses belong to the public Internet, whatever they are wrapped in.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is for, by the registries of special-purpose addresses of IANA
/// (RFC 6890 and its successors).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Anything that is not special.
    Public,
    /// This machine: `127.0.0.0/8`, `::1`.
    Loopback,
    /// The operator's own networks: RFC 1918, unique local and the old site-local addresses.
    Private,
    /// This link alone: `169.254.0.0/16`, where clouds keep their metadata, and `fe80::/10`.
    LinkLocal,
    /// Shared by a provider's customers: `100.64.0.0/10`.
    Shared,
    /// No address at all: `0.0.0.0/8`, `::`; systems take it for this machine.
    Unspecified,
    /// Many receivers: `224.0.0.0/4`, `ff00::/8`.
    Multicast,
    /// Everybody on the link: `255.255.255.255`.
    Broadcast,
    /// For examples in texts: `192.0.2.0/24`, `2001:db8::/32` and others.
    Documentation,
    /// For measuring devices: `198.18.0.0/15`, `2001:2::/48`.
    Benchmarking,
    /// For the translation between versions in one network: `64:ff9b:1::/48`.
    Translation,
    /// Kept for protocols or the future.
    Reserved,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "a public address",
            Self::Loopback => "a loopback address",
            Self::Private => "a private address",
            Self::LinkLocal => "a link-local address",
            Self::Shared => "an address shared by a provider's customers",
            Self::Unspecified => "the unspecified address",
            Self::Multicast => "a multicast address",
            Self::Broadcast => "the broadcast address",
            Self::Documentation => "an address for documentation",
            Self::Benchmarking => "an address for benchmarks",
            Self::Translation => "an address of a local translator",
            Self::Reserved => "a reserved address",
        })
    }
}

/// The addresses that a packet to `address` may end at: the address itself, or those that it
/// carries inside. It is public only if they all are.
#[must_use]
pub fn ends(address: IpAddr) -> Vec<IpAddr> {
    match address {
        IpAddr::V4(_) => vec![address],
        IpAddr::V6(v6) => carried(v6).unwrap_or_else(|| vec![address]),
    }
}

/// What one address is, not looking inside; see [`ends`].
#[must_use]
pub fn kind(address: IpAddr) -> Kind {
    match address {
        IpAddr::V4(v4) => kind_v4(v4),
        IpAddr::V6(v6) => kind_v6(v6),
    }
}

fn carried(address: Ipv6Addr) -> Option<Vec<IpAddr>> {
    let low = |bits: u32| IpAddr::V4(Ipv4Addr::from(bits));
    let bits = u128::from(address);
    let at = |shift: u32| (bits >> shift) as u32;
    match address.segments() {
        // IPv4-mapped, -compatible (RFC 4291) and -translated (RFC 2765); `::` and `::1` are their own.
        [0, 0, 0, 0, 0, 0xffff, _, _] | [0, 0, 0, 0, 0xffff, 0, _, _] => Some(vec![low(at(0))]),
        [0, 0, 0, 0, 0, 0, high, rest] if high != 0 || rest > 1 => Some(vec![low(at(0))]),
        // The well-known prefix of NAT64 (RFC 6052).
        [0x64, 0xff9b, 0, 0, 0, 0, _, _] => Some(vec![low(at(0))]),
        // 6to4 (RFC 3056).
        [0x2002, ..] => Some(vec![low(at(80))]),
        // Teredo (RFC 4380): the server, and the client with its bits turned over.
        [0x2001, 0, ..] => Some(vec![low(at(64)), low(!at(0))]),
        // ISATAP (RFC 5214) in any network.
        [_, _, _, _, 0 | 0x200, 0x5efe, _, _] => Some(vec![IpAddr::V6(address), low(at(0))]),
        _ => None,
    }
}

fn kind_v4(address: Ipv4Addr) -> Kind {
    match address.octets() {
        [0, ..] => Kind::Unspecified,
        [127, ..] => Kind::Loopback,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Kind::Private,
        [169, 254, ..] => Kind::LinkLocal,
        [100, 64..=127, ..] => Kind::Shared,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] | [233, 252, 0, _] => {
            Kind::Documentation
        }
        [198, 18..=19, ..] => Kind::Benchmarking,
        [224..=239, ..] => Kind::Multicast,
        [255, 255, 255, 255] => Kind::Broadcast,
        // Protocol assignments, the old relays of 6to4, and class E.
        [192, 0, 0, _] | [192, 88, 99, _] | [240..=255, ..] => Kind::Reserved,
        _ => Kind::Public,
    }
}

fn kind_v6(address: Ipv6Addr) -> Kind {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Kind::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => Kind::Loopback,
        [0x64, 0xff9b, 1, ..] => Kind::Translation,
        [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] => Kind::Private,
        [0xfe80..=0xfebf, ..] => Kind::LinkLocal,
        [0xff00..=0xffff, ..] => Kind::Multicast,
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Kind::Documentation,
        [0x2001, 2, 0, ..] => Kind::Benchmarking,
        // The rest of the protocol assignments; what is global in them serves no pictures.
        [0x2001, 0..=0x1ff, ..] => Kind::Reserved,
        [0x2000..=0x3fff, ..] => Kind::Public,
        _ => Kind::Reserved,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first that is not public of what an address leads to.
    fn seen(text: &str) -> Kind {
        let mut kinds = ends(text.parse().unwrap()).into_iter().map(kind);
        kinds.find(|kind| *kind != Kind::Public).unwrap_or(Kind::Public)
    }

    #[test]
    fn every_special_network_has_its_kind_at_both_ends() {
        for (kind, addresses) in [
            (Kind::Unspecified, &["0.0.0.0", "0.255.255.255", "::"] as &[_]),
            (Kind::Loopback, &["127.0.0.1", "127.255.255.255", "::1"]),
            (Kind::Private, &["10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255"]),
            (Kind::Private, &["192.168.0.0", "192.168.255.255", "fc00::", "fdff::1", "fec0::1"]),
            (Kind::LinkLocal, &["169.254.0.0", "169.254.169.254", "fe80::1", "febf::1"]),
            (Kind::Shared, &["100.64.0.0", "100.127.255.255"]),
            (Kind::Multicast, &["224.0.0.0", "239.255.255.255", "ff02::1", "ffff::1"]),
            (Kind::Broadcast, &["255.255.255.255"]),
            (Kind::Documentation, &["192.0.2.1", "198.51.100.1", "203.0.113.255", "233.252.0.1"]),
            (Kind::Documentation, &["2001:db8::1", "2001:db8:ffff::1", "3fff::1", "3fff:fff::1"]),
            (Kind::Benchmarking, &["198.18.0.0", "198.19.255.255", "2001:2::1"]),
            (Kind::Translation, &["64:ff9b:1::8.8.8.8", "64:ff9b:1:ffff::1"]),
            (Kind::Reserved, &["192.0.0.8", "192.88.99.1", "240.0.0.1", "255.255.255.254"]),
            (Kind::Reserved, &["2001:1ff::1", "2001:20::1", "4000::1", "100::1", "5f00::1"]),
        ] {
            for address in addresses {
                assert_eq!(seen(address), kind, "{address}");
            }
        }
    }

    #[test]
    fn their_neighbours_are_public() {
        for address in [
            "1.0.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "192.169.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "223.255.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "2001:200::1",
            "2001:db7::1",
            "2001:db9::1",
            "2606:4700::1111",
            "3fff:1000::1",
            "2a00::1",
        ] {
            assert_eq!(seen(address), Kind::Public, "{address}");
        }
    }

    #[test]
    fn wrapped_addresses_are_what_they_carry() {
        for wrap in [
            "::ffff:{}",
            "::{}",
            "::ffff:0:{}",
            "64:ff9b::{}",
            "2a00::5efe:{}",
            "2a00::200:5efe:{}",
        ] {
            for (inside, kind) in [
                ("127.0.0.1", Kind::Loopback),
                ("10.1.2.3", Kind::Private),
                ("169.254.169.254", Kind::LinkLocal),
                ("100.64.0.1", Kind::Shared),
                ("8.8.8.8", Kind::Public),
            ] {
                let address = wrap.replace("{}", inside);
                assert_eq!(seen(&address), kind, "{address}");
            }
        }
    }

    #[test]
    fn tunnels_are_what_they_lead_to() {
        // 10.1.2.3, 127.0.0.1 and 8.8.8.8 behind 6to4.
        assert_eq!(seen("2002:a01:203::1"), Kind::Private);
        assert_eq!(seen("2002:7f00:1::1"), Kind::Loopback);
        assert_eq!(seen("2002:808:808::1"), Kind::Public);
        // Teredo: server 8.8.8.8 and client 10.1.2.3; server 10.1.2.3; both public.
        assert_eq!(seen("2001:0:808:808:0:0:f5fe:fdfc"), Kind::Private);
        assert_eq!(seen("2001:0:a01:203:0:0:f7f7:f7f7"), Kind::Private);
        assert_eq!(seen("2001:0:808:808:0:0:f7f7:f7f7"), Kind::Public);
        // ISATAP in a link-local network.
        assert_eq!(seen("fe80::5efe:8.8.8.8"), Kind::LinkLocal);
    }
}
