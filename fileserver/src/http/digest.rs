//! SHA-256 as headers and as text.

use std::fmt::Write;

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use protocol::paths::DIGEST_HEADER;

use crate::refusal::Refusal;

const ALGORITHM: &str = "sha-256=";

/// The value of the `Repr-Digest` header.
pub(super) fn header(sha256: &[u8; 32]) -> String {
    format!("{ALGORITHM}:{}:", STANDARD.encode(sha256))
}

/// What the sender says of its bytes; other algorithms than SHA-256 are passed over.
pub(super) fn expected(headers: &HeaderMap) -> Result<Option<[u8; 32]>, Refusal> {
    let mut found = None;
    for value in headers.get_all(DIGEST_HEADER) {
        let value = value.to_str().map_err(|_| Refusal::DigestHeader)?;
        for digest in value.split(',').filter_map(|part| part.trim().strip_prefix(ALGORITHM)) {
            found = Some(decode(digest).ok_or(Refusal::DigestHeader)?);
        }
    }
    Ok(found)
}

/// Whether the digest is announced as a trailer.
pub(super) fn is_promised(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::TRAILER).into_iter();
    let mut names = values.filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(','));
    names.any(|name| name.trim().eq_ignore_ascii_case(DIGEST_HEADER))
}

fn decode(digest: &str) -> Option<[u8; 32]> {
    let text = digest.strip_prefix(':')?.strip_suffix(':')?;
    STANDARD.decode(text).ok()?.try_into().ok()
}

/// Lower-case hexadecimal.
pub(super) fn hex(sha256: &[u8; 32]) -> String {
    sha256.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(
            DIGEST_HEADER.parse().unwrap(),
            HeaderValue::from_str(value).unwrap(),
        )])
    }

    #[test]
    fn a_digest_is_read_as_it_is_written() {
        let digest = [7; 32];
        assert_eq!(expected(&headers(&header(&digest))).unwrap(), Some(digest));
        let among_others = format!("sha-512=:AAAA:, {}", header(&digest));
        assert_eq!(expected(&headers(&among_others)).unwrap(), Some(digest));
        assert_eq!(hex(&digest), "07".repeat(32));
    }

    #[test]
    fn a_promise_is_one_of_the_names_in_the_trailer_header() {
        for (value, promised) in
            [("Repr-Digest", true), ("expires, repr-digest", true), ("repr-digest-x", false)]
        {
            let headers = HeaderMap::from_iter([(header::TRAILER, value.parse().unwrap())]);
            assert_eq!(is_promised(&headers), promised, "{value}");
        }
        assert!(!is_promised(&HeaderMap::new()));
    }

    #[test]
    fn malformed_digests_are_refused_and_foreign_ones_ignored() {
        for bad in ["sha-256=", "sha-256=:AAAA:", "sha-256=abc", "sha-256=:!:"] {
            assert!(matches!(expected(&headers(bad)), Err(Refusal::DigestHeader)), "{bad:?}");
        }
        assert_eq!(expected(&headers("md5=:AAAA:")).unwrap(), None);
        assert_eq!(expected(&HeaderMap::new()).unwrap(), None);
    }
}
