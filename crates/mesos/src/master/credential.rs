//! Who the framework says it is.

use std::fmt;
use std::str::FromStr;

/// Who the framework says it is, by HTTP basic authentication.
///
/// Neither its `Debug` text nor any message shows the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// The principal; also set in `FrameworkInfo.principal`.
    pub principal: String,
    secret: String,
}

/// Why there is no credential. No message shows any of the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// The text is in neither form.
    #[error("line {line}: {reason}")]
    Malformed {
        /// From 1.
        line: usize,
        /// What is wrong and what is wanted.
        reason: String,
    },
    /// Mesos takes no such principal or secret.
    #[error("the {what} {reason}, so Mesos can never take it: choose another")]
    Unusable {
        /// `principal` or `secret`.
        what: &'static str,
        /// Why.
        reason: &'static str,
    },
    /// The file cannot be read.
    #[error("cannot read the credential in {file} ({reason}): name another file")]
    Unreadable {
        /// Its path.
        file: String,
        /// Why.
        reason: String,
    },
    /// The file can be read and holds no credential.
    #[error("{file}: {reason}")]
    InFile {
        /// Its path.
        file: String,
        /// Why.
        reason: Box<CredentialError>,
    },
}

impl Credential {
    /// A principal and its secret.
    #[must_use]
    pub fn new(principal: impl Into<String>, secret: impl Into<String>) -> Self {
        Self { principal: principal.into(), secret: secret.into() }
    }

    /// Checks what Mesos could never take: HTTP basic authentication joins principal and
    /// secret by a colon, and Mesos wants exactly one.
    ///
    /// Source: `BasicAuthenticatorProcess::authenticate` of 1.11.0.
    ///
    /// # Errors
    ///
    /// When one of the two is empty, has a colon, or has control characters.
    pub fn checked(self) -> Result<Self, CredentialError> {
        for (what, text) in [("principal", &self.principal), ("secret", &self.secret)] {
            let reason = if text.is_empty() {
                "is empty"
            } else if text.contains(':') {
                "has a colon"
            } else if text.contains(char::is_control) {
                "has a control character"
            } else {
                continue;
            };
            return Err(CredentialError::Unusable { what, reason });
        }
        Ok(self)
    }

    /// Reads a file with a credential, in either form of [`Credential::from_str`].
    ///
    /// As Mesos does with its own, it warns of a file that everybody may read.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or holds no credential; the message names file and line.
    #[cfg(feature = "client")]
    pub fn read(path: &std::path::Path) -> Result<Self, CredentialError> {
        let file = || path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| CredentialError::Unreadable {
            file: file(),
            reason: error.to_string(),
        })?;
        if is_open(path) {
            let file = path.display();
            tracing::warn!("everybody may read the credential in {file}: run `chmod 600 {file}`");
        }
        text.parse()
            .map_err(|reason| CredentialError::InFile { file: file(), reason: Box::new(reason) })
    }

    /// The secret, for the `Authorization` header only.
    #[cfg(feature = "client")]
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.secret
    }
}

/// Whether others than the owner and the group may read or write the file.
#[cfg(all(feature = "client", unix))]
fn is_open(path: &std::path::Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|data| data.permissions().mode() & 0o007 != 0)
}

#[cfg(all(feature = "client", not(unix)))]
fn is_open(_: &std::path::Path) -> bool {
    false
}

impl FromStr for Credential {
    type Err = CredentialError;

    /// Reads the content of a credential file, in either form that Mesos knows: one line
    /// `PRINCIPAL SECRET`, or JSON `{"principal": "…", "secret": "…"}` (with the feature `json`).
    ///
    /// ```
    /// use mesos::master::Credential;
    /// let text: Credential = "inverter s3cret\n".parse().unwrap();
    /// let json: Credential = r#"{"principal": "inverter", "secret": "s3cret"}"#.parse().unwrap();
    /// assert_eq!(text, json);
    /// ```
    fn from_str(text: &str) -> Result<Self, CredentialError> {
        #[cfg(feature = "json")]
        if text.trim_start().starts_with('{') {
            return from_json(text)?.checked();
        }
        from_line(text)?.checked()
    }
}

/// The one line that is not empty.
fn from_line(text: &str) -> Result<Credential, CredentialError> {
    let malformed = |line: usize, reason: &str| CredentialError::Malformed {
        line,
        reason: format!("{reason}; write one line: the principal, a space, the secret"),
    };
    let mut lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let (number, line) = lines.next().ok_or_else(|| malformed(1, "there is no credential"))?;
    if let Some((second, _)) = lines.next() {
        return Err(malformed(second, "there is a second line"));
    }
    let words: Vec<_> = line.split_whitespace().collect();
    match words[..] {
        [principal, secret] => Ok(Credential::new(principal, secret)),
        [_] => Err(malformed(number, "there is one word only")),
        _ => Err(malformed(number, "there are more than two words")),
    }
}

#[cfg(feature = "json")]
fn from_json(text: &str) -> Result<Credential, CredentialError> {
    use serde_json::Value;
    let malformed = |line: usize, reason: &str| CredentialError::Malformed {
        line,
        reason: format!(r#"{reason}; write {{"principal": "...", "secret": "..."}}"#),
    };
    let value: Value =
        serde_json::from_str(text).map_err(|error| malformed(error.line(), "this is no JSON"))?;
    let field = |name: &str| match value.get(name) {
        Some(Value::String(text)) => Ok(text.as_str()),
        Some(_) => Err(malformed(line_of(text, name), &format!("{name:?} is no string"))),
        None => Err(malformed(1, &format!("there is no {name:?}"))),
    };
    Ok(Credential::new(field("principal")?, field("secret")?))
}

/// The line with the key, from 1.
#[cfg(feature = "json")]
fn line_of(text: &str, key: &str) -> usize {
    let key = format!("{key:?}");
    text.lines().position(|line| line.contains(&key)).map_or(1, |index| index + 1)
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
    fn the_secret_is_not_in_the_debug_text() {
        assert!(!format!("{:?}", Credential::new("p", "s3cret")).contains("s3cret"));
    }

    #[test]
    fn a_line_is_read() {
        for text in ["p s3cret", "p s3cret\n", "\n  p\ts3cret \n\n"] {
            assert_eq!(text.parse(), Ok(Credential::new("p", "s3cret")), "{text:?}");
        }
    }

    #[cfg(feature = "json")]
    #[test]
    fn json_is_read() {
        let text = "{\n  \"principal\": \"p q\",\n  \"secret\": \"s3 cret\"\n}\n";
        assert_eq!(text.parse(), Ok(Credential::new("p q", "s3 cret")));
    }

    #[test]
    fn mistakes_are_named_by_their_line_and_never_shown() {
        for (text, line, what) in [
            ("", 1, "no credential"),
            ("\ns3cret", 2, "one word only"),
            ("p s3cret x", 1, "more than two words"),
            ("p s3cret\n\nq s3cret", 3, "second line"),
        ] {
            assert_mistake(text, line, what);
        }
    }

    #[cfg(feature = "json")]
    #[test]
    fn mistakes_in_json_are_named_by_their_line_and_never_shown() {
        for (text, line, what) in [
            ("{\"principal\": \"p\",\n\"secret\": s3cret}", 2, "no JSON"),
            ("{\"principal\": \"p\",\n\"secret\": [\"s3cret\"]}", 2, "\"secret\" is no string"),
            ("{\"secret\": \"s3cret\"}", 1, "no \"principal\""),
            ("{\"credentials\": [{\"secret\": \"s3cret\"}]}", 1, "no \"principal\""),
        ] {
            assert_mistake(text, line, what);
        }
    }

    fn assert_mistake(text: &str, line: usize, what: &str) {
        let message = text.parse::<Credential>().unwrap_err().to_string();
        assert!(message.starts_with(&format!("line {line}: ")), "{message}");
        assert!(message.contains(what) && !message.contains("s3cret"), "{message}");
    }

    #[test]
    fn what_http_basic_cannot_carry_is_refused() {
        for (principal, secret, what) in [
            ("", "s", "the principal is empty"),
            ("p", "", "the secret is empty"),
            ("p:q", "s", "the principal has a colon"),
            ("p", "s:t", "the secret has a colon"),
            ("p", "s\n", "the secret has a control character"),
        ] {
            let error = Credential::new(principal, secret).checked().unwrap_err().to_string();
            assert!(error.starts_with(what), "{error}");
        }
    }

    #[cfg(feature = "client")]
    #[test]
    fn a_file_is_named_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credential");
        let message = Credential::read(&path).unwrap_err().to_string();
        assert!(message.contains("credential (No such file"), "{message}");
        std::fs::write(&path, "p\n").unwrap();
        let message = Credential::read(&path).unwrap_err().to_string();
        assert!(message.contains("/credential: line 1: there is one word only"), "{message}");
        std::fs::write(&path, "p s3cret\n").unwrap();
        assert_eq!(Credential::read(&path), Ok(Credential::new("p", "s3cret")));
    }
}
