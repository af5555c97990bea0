//! Where the master is, as people write it.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// The port of a master when none is given with `http(s)://`.
pub const DEFAULT_PORT: u16 = 5050;

/// A `--master` value.
///
/// `HOST:PORT` and `http(s)://HOST[:PORT]` name one master; a standby's redirect
/// to the leading one is followed. `zk://` and `file://` are recognised and refused
/// with a clear message; detection through them has its place here.
///
/// ```
/// use mesos::master::MasterSpec;
/// let spec: MasterSpec = "10.141.141.10:5050".parse().unwrap();
/// assert_eq!(spec.url().as_str(), "http://10.141.141.10:5050/");
/// assert!("10.141.141.10".parse::<MasterSpec>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterSpec {
    url: Url,
}

impl MasterSpec {
    /// The base URL: scheme, host and port.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }
}

/// Why a text names no master.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MasterSpecError {
    /// It has no form of a master.
    #[error(
        "{text:?} names no master: write HOST:PORT, for example 10.141.141.10:5050, or http(s)://HOST:PORT"
    )]
    Malformed {
        /// The text.
        text: String,
    },
    /// A way of detection that is not there.
    #[error(
        "masters cannot be found through {scheme}:// yet: name one of them as HOST:PORT, a standby redirects to the leader"
    )]
    Unsupported {
        /// `zk` or `file`.
        scheme: String,
    },
}

impl FromStr for MasterSpec {
    type Err = MasterSpecError;

    fn from_str(text: &str) -> Result<Self, MasterSpecError> {
        let malformed = || MasterSpecError::Malformed { text: text.to_owned() };
        let trimmed = text.trim();
        let trimmed = trimmed.strip_prefix("master@").unwrap_or(trimmed);
        match trimmed.split_once("://") {
            Some(("http" | "https", _)) => from_url(trimmed).ok_or_else(malformed),
            Some((scheme @ ("zk" | "file"), _)) => {
                Err(MasterSpecError::Unsupported { scheme: scheme.to_owned() })
            }
            Some(_) => Err(malformed()),
            None => from_host_and_port(trimmed).ok_or_else(malformed),
        }
    }
}

fn from_host_and_port(text: &str) -> Option<MasterSpec> {
    let (host, port) = text.rsplit_once(':')?;
    let port: u16 = port.parse().ok()?;
    if host.is_empty() || port == 0 || host.contains(['/', '@', '?', '#']) {
        return None;
    }
    from_url(&format!("http://{text}"))
}

fn from_url(text: &str) -> Option<MasterSpec> {
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
    Some(MasterSpec { url })
}

fn has_port(text: &str) -> bool {
    let authority = text.split_once("://").map_or(text, |(_, rest)| rest).trim_end_matches('/');
    let after_host = authority.rsplit(']').next().unwrap_or(authority);
    after_host.contains(':')
}

impl fmt::Display for MasterSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.url.as_str().trim_end_matches('/');
        f.write_str(text.strip_prefix("http://").unwrap_or(text))
    }
}

/// Who the framework says it is, by HTTP basic authentication.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// The principal; also set in `FrameworkInfo.principal`.
    pub principal: String,
    secret: String,
}

impl Credential {
    /// A principal and its secret.
    #[must_use]
    pub fn new(principal: impl Into<String>, secret: impl Into<String>) -> Self {
        Self { principal: principal.into(), secret: secret.into() }
    }

    /// The secret, for the `Authorization` header only.
    #[cfg(feature = "client")]
    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }
}

/// Without the secret.
impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("principal", &self.principal).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(text.parse::<MasterSpec>().unwrap().url().as_str(), url, "{text}");
        }
    }

    #[test]
    fn refuses_the_rest_with_the_remedy() {
        for text in
            ["", "host", ":5050", "host:0", "host:99999", "ftp://h:1", "http://u:p@h", "h:1/x"]
        {
            let error = text.parse::<MasterSpec>().unwrap_err();
            assert!(error.to_string().contains("HOST:PORT"), "{text}: {error}");
        }
        let error = "zk://a:2181/mesos".parse::<MasterSpec>().unwrap_err();
        assert!(error.to_string().contains("zk://"), "{error}");
    }

    #[test]
    fn prints_what_was_meant() {
        assert_eq!("h:5050".parse::<MasterSpec>().unwrap().to_string(), "h:5050");
        assert_eq!("https://h:5050".parse::<MasterSpec>().unwrap().to_string(), "https://h:5050");
    }

    #[test]
    fn the_secret_is_not_in_the_debug_text() {
        assert!(!format!("{:?}", Credential::new("p", "s3cret")).contains("s3cret"));
    }
}
