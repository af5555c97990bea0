//! What a list says where an image is: a URL with `http` or `https`, or a path.

use percent_encoding::percent_decode_str;
use url::Url;

use super::items::Item;

/// The longest text that is taken for a URL, in bytes.
pub(super) const MAX_URL_BYTES: usize = 8 * 1024;

/// The URL of an item, or a sentence that says why there is none. Paths are relative to `base`.
pub(super) fn parse(item: &Item, base: &Url) -> Result<Url, String> {
    let number = item.line;
    if let Some(wrong) = &item.wrong {
        return Err(wrong.clone());
    }
    if item.text.is_empty() {
        return Err(format!("line {number} has no URL"));
    }
    if item.text.len() > MAX_URL_BYTES {
        return Err(format!("line {number} is longer than {MAX_URL_BYTES} bytes"));
    }
    let text = std::str::from_utf8(&item.text)
        .map_err(|_| format!("line {number} is not UTF-8; write the URL in percent-encoding"))?;
    if text.chars().any(char::is_control) {
        return Err(format!("line {number} holds a control character"));
    }
    let mut url = match Url::parse(text) {
        Ok(url) => web(url, number)?,
        Err(url::ParseError::RelativeUrlWithoutBase) => relative(text, base, number)?,
        Err(error) => return Err(format!("line {number} is not a URL: {error}")),
    };
    url.set_fragment(None);
    Ok(url)
}

fn web(url: Url, number: u64) -> Result<Url, String> {
    if matches!(url.scheme(), "http" | "https") {
        return Ok(url);
    }
    let scheme = url.scheme();
    // `host:8080/a.jpg` reads as a scheme with a path.
    let is_host = scheme.contains('.') || scheme == "localhost";
    let remedy = if is_host { "; write http:// before a host" } else { "" };
    Err(format!("line {number} has the scheme {scheme}; only http and https are supported{remedy}"))
}

fn relative(text: &str, base: &Url, number: u64) -> Result<Url, String> {
    let first = text.split(['/', '?']).next().unwrap_or_default();
    let is_path = !text.starts_with("//")
        && !first.contains(':')
        && !text.contains(|c: char| c.is_whitespace() || "<>\"{}|\\^`".contains(c));
    if !is_path {
        let remedy = if text.contains(char::is_whitespace) {
            "write spaces as %20"
        } else {
            "write it as http://HOST/PATH, without quotes or brackets around it"
        };
        return Err(format!(
            "line {number} is neither a URL with http or https nor a path; {remedy}"
        ));
    }
    base.join(text).map_err(|error| format!("line {number} is not a path: {error}"))
}

/// What results are named after.
pub(super) fn last_segment(url: &Url) -> String {
    let segment = url.path_segments().and_then(|mut segments| segments.next_back());
    percent_decode_str(segment.unwrap_or_default()).decode_utf8_lossy().into_owned()
}
