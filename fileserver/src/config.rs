//! What the server is told at its start.

use std::fmt;
use std::hint::black_box;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use crate::Error;

/// The largest upload unless told otherwise: 256 MiB.
pub const DEFAULT_MAX_UPLOAD_BYTES: u64 = 256 * 1024 * 1024;

/// What to serve, and from where.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder of results; made when it is not there.
    pub output: PathBuf,
    /// The executor binary. `None`: `GET /executor` is answered with 404.
    pub executor: Option<PathBuf>,
    /// The folder of sample pictures. `None`: `GET /samples/…` is answered with 404.
    pub samples: Option<PathBuf>,
    /// What an upload has to bring as bearer token. `None`: anybody may upload.
    pub upload_token: Option<Token>,
    /// The largest upload, in bytes.
    pub max_upload_bytes: u64,
}

impl Config {
    /// Results in `output`, nothing else served, [`DEFAULT_MAX_UPLOAD_BYTES`], no token.
    #[must_use]
    pub fn new(output: impl Into<PathBuf>) -> Self {
        Self {
            output: output.into(),
            executor: None,
            samples: None,
            upload_token: None,
            max_upload_bytes: DEFAULT_MAX_UPLOAD_BYTES,
        }
    }
}

/// A secret that uploads have to bring. It does not show in logs.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// A token of `text`, without the white space around it.
    ///
    /// # Errors
    ///
    /// When nothing is left, or something that no header can carry.
    pub fn new(text: impl AsRef<str>) -> Result<Self, Error> {
        let text = text.as_ref().trim();
        let usable = !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic());
        if usable { Ok(Self(text.to_owned())) } else { Err(Error::Token) }
    }

    /// Whether `candidate` is this token, in a time that does not depend on where they differ.
    #[must_use]
    pub fn matches(&self, candidate: &[u8]) -> bool {
        let (ours, theirs) = (Sha256::digest(self.0.as_bytes()), Sha256::digest(candidate));
        ours.iter().zip(theirs.iter()).fold(0, |seen, (a, b)| black_box(seen | (a ^ b))) == 0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_matches_only_itself() {
        let token = Token::new(" s3cret\n").unwrap();
        assert!(token.matches(b"s3cret"));
        for other in ["", "s3cre", "s3cret ", "S3cret", "s3cret0"] {
            assert!(!token.matches(other.as_bytes()), "{other:?}");
        }
    }

    #[test]
    fn a_token_does_not_show() {
        let token = Token::new("s3cret").unwrap();
        let config = Config { upload_token: Some(token), ..Config::new("output") };
        assert!(!format!("{config:?}").contains("s3cret"));
    }

    #[test]
    fn a_token_must_fit_into_a_header() {
        for bad in ["", " \n", "two words", "é", "a\nb"] {
            assert!(matches!(Token::new(bad), Err(Error::Token)), "{bad:?}");
        }
    }
}
