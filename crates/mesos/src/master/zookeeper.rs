//! The address of masters in ZooKeeper.

use std::fmt;

/// The port of a ZooKeeper server when none is given.
const DEFAULT_PORT: u16 = 2181;

/// Where masters announce themselves: `zk://[USER:PASSWORD@]HOST:PORT,…/PATH`.
///
/// Source: MESOS "High Availability Mode"; `zookeeper::URL::parse` of 1.11.0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZooKeeperAddress {
    servers: Vec<String>,
    path: String,
    digest: Option<Digest>,
}

impl ZooKeeperAddress {
    /// The servers, each as `HOST:PORT`.
    #[must_use]
    pub fn servers(&self) -> &[String] {
        &self.servers
    }

    /// The node whose children are the masters: it begins with a slash and is not the root.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Who we say we are to ZooKeeper.
    #[must_use]
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// Reads what follows `zk://`. As in Mesos, the last `@` ends the password.
    pub(super) fn after_scheme(text: &str) -> Result<Self, &'static str> {
        let (digest, rest) = match text.rsplit_once('@') {
            Some((digest, rest)) => (Some(Digest::parse(digest)?), rest),
            None => (None, text),
        };
        let (servers, path) = rest.split_once('/').ok_or("it has no path")?;
        let servers = servers.split(',').map(server).collect::<Option<Vec<_>>>();
        let servers = servers.ok_or("a server is not of the form HOST:PORT")?;
        Ok(Self { servers, path: node(path)?, digest })
    }
}

/// `HOST:PORT`, the port completed.
fn server(text: &str) -> Option<String> {
    let is_bare = text.ends_with(']') || !text.contains(':');
    let (host, port) = if is_bare {
        (text, DEFAULT_PORT)
    } else {
        let (host, port) = text.rsplit_once(':')?;
        (host, port.parse().ok().filter(|port| *port > 0)?)
    };
    let is_host = !host.is_empty() && !host.contains(|c: char| is_unseen(c) || c == '/');
    let is_clear = !host.contains(':') || host.starts_with('[');
    (is_host && is_clear).then(|| format!("{host}:{port}"))
}

fn is_unseen(character: char) -> bool {
    character.is_whitespace() || character.is_control()
}

fn node(path: &str) -> Result<String, &'static str> {
    let path = path.trim_end_matches('/');
    if path.is_empty() {
        return Err("its path is the root, where no master announces itself");
    }
    if path.contains(is_unseen) {
        return Err("its path has a blank or a character that cannot be seen");
    }
    if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err("its path has an empty part, `.` or `..`");
    }
    Ok(format!("/{path}"))
}

impl fmt::Display for ZooKeeperAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("zk://")?;
        if let Some(digest) = &self.digest {
            write!(f, "{}:***@", digest.user)?;
        }
        write!(f, "{}{}", self.servers.join(","), self.path)
    }
}

/// A user of ZooKeeper and the password, for its `digest` scheme.
#[derive(Clone, PartialEq, Eq)]
pub struct Digest {
    user: String,
    password: String,
}

impl Digest {
    fn parse(text: &str) -> Result<Self, &'static str> {
        match text.split_once(':') {
            Some((user, password)) if !user.is_empty() && !password.is_empty() => {
                Ok(Self { user: user.to_owned(), password: password.to_owned() })
            }
            _ => Err("what stands before the @ is not of the form USER:PASSWORD"),
        }
    }

    /// The user.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// `USER:PASSWORD`, for ZooKeeper only.
    #[cfg(feature = "zookeeper")]
    pub(crate) fn for_zookeeper(&self) -> Vec<u8> {
        format!("{}:{}", self.user, self.password).into_bytes()
    }
}

/// Without the password.
impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Digest").field("user", &self.user).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> ZooKeeperAddress {
        ZooKeeperAddress::after_scheme(text).unwrap()
    }

    #[test]
    fn servers_path_and_user_are_told_apart() {
        let address = read("a:2181,b:2182/mesos");
        assert_eq!(address.servers(), ["a:2181", "b:2182"]);
        assert_eq!(address.path(), "/mesos");
        assert_eq!(address.digest(), None);
        let address = read("u:p@a/b@c:1/x/y/");
        assert_eq!(address.servers(), ["c:1"]);
        assert_eq!(address.path(), "/x/y");
        assert_eq!(address.digest(), Some(&Digest { user: "u".into(), password: "p@a/b".into() }));
    }

    #[test]
    fn the_usual_port_may_be_left_out() {
        assert_eq!(read("a,[::1],[::1]:3/m").servers(), ["a:2181", "[::1]:2181", "[::1]:3"]);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "", "a:1", "a:1/", "a:1//", "/mesos", "a:x/m", "a:0/m", ",a/m", "a::1/m", "a b/m",
            "a/m//n", "a/../m", "u@a/m", ":p@a/m", "u:@a/m", "a/m\n", "a/m n", "a\0/m",
        ] {
            assert!(ZooKeeperAddress::after_scheme(text).is_err(), "{text}");
        }
    }
}
