//! A `--master` value.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use url::Url;

use super::{DEFAULT_PORT, Master, ZooKeeperAddress};

/// A `--master` value, in one of these forms:
///
/// | form | the leading master is |
/// |---|---|
/// | `HOST:PORT`, also `master@HOST:PORT` | there, or where that master redirects to |
/// | `http(s)://HOST[:PORT]` | the same; the port is 5050 when none is given |
/// | `HOST:PORT,HOST:PORT,…` | found by trying one after the other |
/// | `zk://[USER:PASSWORD@]HOST:PORT,…/PATH` | announced in ZooKeeper, and watched |
/// | `file://PATH` | in a file that holds one of the other forms, read again when it changes |
///
/// Printed, it never shows the password.
///
/// ```
/// use mesos::master::MasterSpec;
/// let spec: MasterSpec = "zk://mesos:secret@a:2181,b:2181/mesos".parse().unwrap();
/// assert_eq!(spec.to_string(), "zk://mesos:***@a:2181,b:2181/mesos");
/// assert!("10.141.141.10".parse::<MasterSpec>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MasterSpec {
    /// At an address, or one of several.
    Fixed(Master),
    /// In ZooKeeper.
    ZooKeeper(ZooKeeperAddress),
    /// In a file.
    File(PathBuf),
}

/// Why a text names no master. Passwords in it are left out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MasterSpecError {
    /// It has no form of a master.
    #[error(
        "{text:?} names no master: write HOST:PORT, for example 10.141.141.10:5050, or \
         http(s)://HOST:PORT, zk://HOST:PORT/PATH or file://PATH"
    )]
    Malformed {
        /// The text.
        text: String,
    },
    /// It begins with `zk://` and goes on wrongly.
    #[error(
        "{text:?} names no masters in ZooKeeper, as {reason}: write \
         zk://[USER:PASSWORD@]HOST:PORT,HOST:PORT/PATH, for example zk://10.141.141.10:2181/mesos"
    )]
    ZooKeeper {
        /// The text.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// It begins with `file://` and goes on wrongly.
    #[error(
        "{text:?} names no file: write file:// and its absolute path, for example file:///etc/mesos/zk"
    )]
    File {
        /// The text.
        text: String,
    },
}

impl FromStr for MasterSpec {
    type Err = MasterSpecError;

    fn from_str(text: &str) -> Result<Self, MasterSpecError> {
        let trimmed = text.trim();
        if let Some(address) = trimmed.strip_prefix("zk://") {
            return ZooKeeperAddress::after_scheme(address).map(Self::ZooKeeper).map_err(
                |reason| MasterSpecError::ZooKeeper { text: without_password(trimmed), reason },
            );
        }
        if let Some(path) = trimmed.strip_prefix("file://") {
            let wrong = || MasterSpecError::File { text: trimmed.to_owned() };
            return path.starts_with('/').then(|| Self::File(path.into())).ok_or_else(wrong);
        }
        let malformed = || MasterSpecError::Malformed { text: without_password(trimmed) };
        addresses(trimmed).map(Self::Fixed).ok_or_else(malformed)
    }
}

impl From<Master> for MasterSpec {
    fn from(master: Master) -> Self {
        Self::Fixed(master)
    }
}

impl From<ZooKeeperAddress> for MasterSpec {
    fn from(address: ZooKeeperAddress) -> Self {
        Self::ZooKeeper(address)
    }
}

/// A text that may hold an address, without what stands between `://` and the last `@`,
/// where a password may be.
///
/// ```
/// use mesos::master::without_password;
/// assert_eq!(without_password("--master=zk://u:secret@a:2181/m"), "--master=zk://***@a:2181/m");
/// ```
#[must_use]
pub fn without_password(text: &str) -> String {
    let start = text.find("://").map_or(0, |at| at + "://".len());
    match text.rfind('@').filter(|at| *at > start) {
        Some(at) => {
            let (before, after) = (text.get(..start), text.get(at..));
            format!("{}***{}", before.unwrap_or_default(), after.unwrap_or_default())
        }
        None => text.to_owned(),
    }
}

fn addresses(text: &str) -> Option<Master> {
    let mut all = text.split(',').map(|part| address(part.trim()));
    let first = all.next()??;
    Some(Master::any_of(first, all.collect::<Option<Vec<_>>>()?))
}

fn address(text: &str) -> Option<Url> {
    let text = text.strip_prefix("master@").unwrap_or(text);
    match text.split_once("://") {
        Some(("http" | "https", _)) => from_url(text),
        Some(_) => None,
        None => from_host_and_port(text),
    }
}

fn from_host_and_port(text: &str) -> Option<Url> {
    let (host, port) = text.rsplit_once(':')?;
    let port: u16 = port.parse().ok()?;
    if host.is_empty() || port == 0 || host.contains(['/', '@', '?', '#']) {
        return None;
    }
    from_url(&format!("http://{text}"))
}

fn from_url(text: &str) -> Option<Url> {
    let mut url = Url::parse(text).ok()?;
    url.host_str().filter(|host| !host.is_empty())?;
    let has_credentials = !url.username().is_empty() || url.password().is_some();
    if has_credentials || url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return None;
    }
    // `Url` drops the port that is a scheme's default, so look at the text for it.
    if url.port().is_none() && !has_port(text) {
        url.set_port(Some(DEFAULT_PORT)).ok()?;
    }
    Some(url)
}

fn has_port(text: &str) -> bool {
    let authority = text.split_once("://").map_or(text, |(_, rest)| rest).trim_end_matches('/');
    let after_host = authority.rsplit(']').next().unwrap_or(authority);
    after_host.contains(':')
}

impl fmt::Display for MasterSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(master) => write!(f, "{master}"),
            Self::ZooKeeper(address) => write!(f, "{address}"),
            Self::File(path) => write!(f, "file://{}", path.display()),
        }
    }
}

impl fmt::Display for Master {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, address) in self.addresses().iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let scheme = if address.scheme() == "http" { "" } else { "https://" };
            let host = address.host_str().unwrap_or_default();
            // Without its port, an address would be read as one of Mesos' own port.
            let port = address.port_or_known_default().unwrap_or(DEFAULT_PORT);
            write!(f, "{comma}{scheme}{host}:{port}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed(text: &str) -> Vec<String> {
        match text.parse::<MasterSpec>() {
            Ok(MasterSpec::Fixed(master)) => {
                master.addresses().iter().map(Url::to_string).collect()
            }
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn what_is_shown_names_the_same_master() {
        for text in ["host:80", "https://host:443/", "http://host", "https://[::1]:1", "a:1,b:80"] {
            let spec: MasterSpec = text.parse().unwrap();
            assert_eq!(spec.to_string().parse::<MasterSpec>().unwrap(), spec, "{text}");
        }
    }

    #[test]
    fn reads_the_forms_that_name_one_master() {
        for (text, url) in [
            ("127.0.0.1:5050", "http://127.0.0.1:5050/"),
            ("master@127.0.0.1:5050", "http://127.0.0.1:5050/"),
            ("[::1]:5050", "http://[::1]:5050/"),
            ("host:80", "http://host/"),
            ("http://host", "http://host:5050/"),
            ("https://host:443/", "https://host/"),
            (" host:1 ", "http://host:1/"),
        ] {
            assert_eq!(fixed(text), [url], "{text}");
        }
    }

    #[test]
    fn a_list_keeps_its_order() {
        assert_eq!(fixed("b:2,a:1, https://c"), ["http://b:2/", "http://a:1/", "https://c:5050/"]);
    }

    #[test]
    fn a_file_is_named_by_its_absolute_path() {
        let path = PathBuf::from("/etc/mesos/zk");
        assert_eq!("file:///etc/mesos/zk".parse(), Ok(MasterSpec::File(path)));
        let error = "file://etc/zk".parse::<MasterSpec>().unwrap_err();
        assert!(error.to_string().contains("file:///"), "{error}");
    }

    #[test]
    fn refuses_the_rest_with_the_remedy() {
        for text in [
            "",
            "host",
            ":5050",
            "host:0",
            "host:99999",
            "ftp://h:1",
            "http://u:p@h",
            "h:1/x",
            "h:1,",
            "h:1,,i:1",
            "etcd://h:1/mesos",
        ] {
            let error = text.parse::<MasterSpec>().unwrap_err();
            assert!(error.to_string().contains("HOST:PORT"), "{text}: {error}");
        }
    }

    #[test]
    fn prints_what_was_meant() {
        for text in
            ["h:5050", "https://h:5050", "a:1,b:2", "zk://h:2181/mesos", "file:///etc/mesos/zk"]
        {
            assert_eq!(text.parse::<MasterSpec>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn no_text_shows_a_password() {
        let spec: MasterSpec = "zk://u:s3cret@h:2181/mesos".parse().unwrap();
        assert!(!format!("{spec} {spec:?}").contains("s3cret"));
        for text in
            ["zk://u:s3cret@h:2181", "zk://u:s3c@s3cret@h:x/y", "http://u:s3cret@h", "u:s3cret@h"]
        {
            let error = text.parse::<MasterSpec>().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("s3c"), "{error}");
        }
    }
}
