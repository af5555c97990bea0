//! Which addresses a request may reach.
//!
//! A list may name any host: its author decides, unless `--deny-private` says that the list
//! is not to be trusted so far. A redirect is the origin's decision. From a public host it
//! leads to public addresses only, and from a private one not to link-local addresses, where
//! clouds keep their secrets; `--allow-net` names what is reached all the same.
//!
//! What counts is the address that is dialled: that of the URL, or each that its name resolves
//! to at that moment. A name that resolves to another address the second time gains nothing.

use std::net::IpAddr;

use ipnet::IpNet;
use protocol::Manners;
use url::{Host, Url};

use crate::address::{self, Kind};

/// Who has chosen where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Chosen {
    /// The list.
    ByList,
    /// A redirect of a host that is not public.
    ByPrivateHost,
    /// A redirect of a public host, or of one of which nothing is known.
    ByPublicHost,
}

/// The rules of one job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Guard {
    allowed: Vec<IpNet>,
    as_public: Vec<IpNet>,
    deny_private: bool,
}

/// An address that may not be reached, as found in the chain of a request's error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{address} is {kind}, which {who} may not reach; --allow-net {end} permits it, if it is meant"
)]
pub struct Forbidden {
    address: IpAddr,
    end: IpAddr,
    kind: Kind,
    who: &'static str,
}

impl Guard {
    /// The rules that came with a task.
    ///
    /// # Errors
    ///
    /// When a network is none: one sentence.
    pub fn new(manners: &Manners) -> Result<Self, String> {
        let parse = |text: &String| {
            text.parse().map_err(|error| format!("the network {text:?} of the task: {error}"))
        };
        let allowed = manners.allow_net.iter().map(parse).collect::<Result<_, _>>()?;
        Ok(Self { allowed, as_public: Vec::new(), deny_private: manners.deny_private })
    }

    /// The same, but addresses in `networks` count as public: for tests, which have only
    /// loopback.
    #[must_use]
    pub fn with_as_public(mut self, networks: Vec<IpNet>) -> Self {
        self.as_public = networks;
        self
    }

    /// Who has chosen where a redirect goes that came from `from`.
    #[must_use]
    pub fn redirected(&self, before: Chosen, from: Option<IpAddr>) -> Chosen {
        let is_private = |address| self.obstacles(address).next().is_some();
        match before {
            Chosen::ByPublicHost => Chosen::ByPublicHost,
            Chosen::ByList | Chosen::ByPrivateHost if from.is_some_and(is_private) => {
                Chosen::ByPrivateHost
            }
            Chosen::ByList | Chosen::ByPrivateHost => Chosen::ByPublicHost,
        }
    }

    /// Whether `address` may be dialled.
    ///
    /// # Errors
    ///
    /// When it may not, why.
    pub fn check(&self, chosen: Chosen, address: IpAddr) -> Result<(), Forbidden> {
        let forbidden = |who, (end, kind)| Err(Forbidden { address, end, kind, who });
        let refused = self.obstacles(address).find(|(end, _)| !self.is_allowed(*end));
        match (refused, chosen) {
            (None, _) => Ok(()),
            (Some(found), _) if self.deny_private => forbidden("a list with --deny-private", found),
            (Some(_), Chosen::ByList) => Ok(()),
            (Some(found), Chosen::ByPublicHost) => {
                forbidden("a redirect from a public host", found)
            }
            (Some(found @ (_, Kind::LinkLocal)), Chosen::ByPrivateHost) => {
                forbidden("a redirect", found)
            }
            (Some(_), Chosen::ByPrivateHost) => Ok(()),
        }
    }

    /// Whether `url` may be asked, as far as it names an address and not a name.
    ///
    /// # Errors
    ///
    /// When it may not, why.
    pub fn check_literal(&self, chosen: Chosen, url: &Url) -> Result<(), Forbidden> {
        match url.host() {
            Some(Host::Ipv4(address)) => self.check(chosen, address.into()),
            Some(Host::Ipv6(address)) => self.check(chosen, address.into()),
            Some(Host::Domain(_)) | None => Ok(()),
        }
    }

    /// What of `address` is not public, and not called so by a test.
    fn obstacles(&self, address: IpAddr) -> impl Iterator<Item = (IpAddr, Kind)> {
        let is_public = |end: &IpAddr| self.as_public.iter().any(|net| net.contains(end));
        let ends = address::ends(address).into_iter().filter(move |end| !is_public(end));
        ends.map(|end| (end, address::kind(end))).filter(|(_, kind)| *kind != Kind::Public)
    }

    fn is_allowed(&self, address: IpAddr) -> bool {
        self.allowed.iter().any(|net| net.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(allow: &[&str], deny_private: bool) -> Guard {
        let allow_net = allow.iter().map(ToString::to_string).collect();
        Guard::new(&Manners { allow_net, deny_private, ..Manners::default() }).unwrap()
    }

    fn admits(guard: &Guard, chosen: Chosen, address: &str) -> bool {
        guard.check(chosen, address.parse().unwrap()).is_ok()
    }

    #[test]
    fn a_list_names_what_it_wants_and_a_redirect_does_not() {
        let guard = guard(&[], false);
        for address in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1"] {
            assert!(admits(&guard, Chosen::ByList, address), "{address}");
            assert!(!admits(&guard, Chosen::ByPublicHost, address), "{address}");
            let is_metadata = address == "169.254.169.254";
            assert_eq!(admits(&guard, Chosen::ByPrivateHost, address), !is_metadata, "{address}");
        }
        assert!(admits(&guard, Chosen::ByPublicHost, "8.8.8.8"));
    }

    #[test]
    fn an_untrusted_list_reaches_public_addresses_only() {
        let guard = guard(&["10.1.0.0/16"], true);
        assert!(!admits(&guard, Chosen::ByList, "127.0.0.1"));
        assert!(!admits(&guard, Chosen::ByPrivateHost, "10.2.0.1"));
        assert!(admits(&guard, Chosen::ByList, "10.1.0.1"));
        assert!(admits(&guard, Chosen::ByList, "8.8.8.8"));
    }

    #[test]
    fn allowed_networks_are_reached_however_they_are_wrapped() {
        let guard = guard(&["10.1.0.0/16", "fd00::/8"], false);
        for address in [
            "10.1.255.255",
            "::ffff:10.1.2.3",
            "64:ff9b::10.1.2.3",
            "2002:a01:203::1",
            "fd12::1",
            "fd12::5efe:10.1.2.3",
            "2a00::5efe:10.1.2.3",
        ] {
            assert!(admits(&guard, Chosen::ByPublicHost, address), "{address}");
        }
        for address in ["10.2.0.1", "fd12::5efe:10.2.0.1", "fc00::1", "2001:0:a02:1:0:0:f5fe:fdfc"]
        {
            assert!(!admits(&guard, Chosen::ByPublicHost, address), "{address}");
        }
    }

    #[test]
    fn once_a_public_host_has_redirected_it_stays_so() {
        let guard = guard(&[], false);
        let from = |before, address: &str| guard.redirected(before, address.parse().ok());
        assert_eq!(from(Chosen::ByList, "8.8.8.8"), Chosen::ByPublicHost);
        assert_eq!(from(Chosen::ByList, "10.0.0.1"), Chosen::ByPrivateHost);
        assert_eq!(from(Chosen::ByPrivateHost, "8.8.8.8"), Chosen::ByPublicHost);
        assert_eq!(from(Chosen::ByPublicHost, "10.0.0.1"), Chosen::ByPublicHost);
        assert_eq!(guard.redirected(Chosen::ByList, None), Chosen::ByPublicHost);
    }

    #[test]
    fn odd_spellings_of_addresses_are_seen_through() {
        let guard = guard(&[], false);
        for host in [
            "127.0.0.1",
            "127.1",
            "127.0.0.1.",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "017700000001",
            "%31%32%37.0.0.1",
            "127。0。0。1",
            "①②⑦.0.0.1",
            "0",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[0:0:0:0:0:0:0:1]",
            "[::7f00:1]",
        ] {
            let url = Url::parse(&format!("http://{host}:81/a.jpg")).unwrap();
            assert!(guard.check_literal(Chosen::ByPublicHost, &url).is_err(), "{host}: {url}");
        }
        let name = Url::parse("http://localhost/").unwrap();
        assert!(
            guard.check_literal(Chosen::ByPublicHost, &name).is_ok(),
            "names are resolved first"
        );
    }

    #[test]
    fn the_refusal_names_the_address_and_the_remedy() {
        let refused = guard(&[], false)
            .check(Chosen::ByPublicHost, "::ffff:10.0.0.1".parse().unwrap())
            .unwrap_err();
        assert_eq!(
            refused.to_string(),
            "::ffff:10.0.0.1 is a private address, which a redirect from a public host may not \
             reach; --allow-net 10.0.0.1 permits it, if it is meant"
        );
    }

    #[test]
    fn a_network_that_is_none_is_told() {
        let manners = Manners { allow_net: vec!["10.0.0.0/99".into()], ..Manners::default() };
        assert!(Guard::new(&manners).unwrap_err().contains("10.0.0.0/99"));
    }
}
