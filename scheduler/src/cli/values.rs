//! Reads the values of flags. Whatever is wrong with one, the sentence says what to give.

use std::num::NonZeroU32;
use std::time::Duration;

use batch::Chunk;
use bytesize::ByteSize;
use imaging::{ParsePipelineError, Pipeline};
use mesos::resources::Scalar;
use url::Url;

/// A chain of operations, checked here so that a mistake in it does not fail every image.
pub(super) fn operations(text: &str) -> Result<Pipeline, String> {
    text.parse().map_err(|error: ParsePipelineError| error.to_string())
}

pub(super) fn images_per_task(text: &str) -> Result<Chunk, String> {
    if text == "auto" {
        return Ok(Chunk::Auto);
    }
    text.parse().map(Chunk::Fixed).map_err(|_| "give a number from 1, or auto".into())
}

pub(super) fn positive(text: &str) -> Result<Scalar, String> {
    match text.parse::<Scalar>() {
        Ok(amount) if amount > Scalar::ZERO => Ok(amount),
        Ok(_) | Err(_) => Err("give a number of at least 0.001".into()),
    }
}

pub(super) fn attempts(text: &str) -> Result<NonZeroU32, String> {
    text.parse().map_err(|_| "give a number from 1".into())
}

pub(super) fn agents(text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| (1..=64).contains(number));
    number.ok_or_else(|| "give a number from 1 to 64".into())
}

pub(super) fn port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| "give a port from 1 to 65535, or 0 for any free one".into())
}

/// A time, which may be none at all.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| "give a time such as 30s, 2m or 7days".into())
}

pub(super) fn some_time(text: &str) -> Result<Duration, String> {
    match time(text) {
        Ok(time) if time.is_zero() => Err("give more than no time, for example 30s".into()),
        other => other,
    }
}

/// The name of a role as Mesos takes it, or nothing, which is left out.
pub(super) fn role(text: &str) -> Result<String, String> {
    let role = text.trim();
    let is_part = |part: &str| !matches!(part, "" | "." | ".." | "*") && !part.starts_with('-');
    let is_plain = !role.contains(|c: char| c.is_ascii_whitespace() || c.is_ascii_control());
    if matches!(role, "" | "*") || is_plain && role.split('/').all(is_part) {
        return Ok(role.to_owned());
    }
    Err("Mesos takes no such role: give names like web or web/images, with commas between".into())
}

/// A number of bytes, but not none, as zero means no limit to executors.
pub(super) fn size(text: &str) -> Result<ByteSize, String> {
    let size = text.parse().ok().filter(|size| *size > ByteSize(0));
    size.ok_or_else(|| "give a size such as 500kB, 64MiB or 4GiB".into())
}

/// A number, possibly in thousands (k), millions (M) or billions (G).
pub(super) fn pixels(text: &str) -> Result<u64, String> {
    let wrong = || "give a number of pixels such as 100M".to_owned();
    let (digits, factor) = match text.char_indices().last() {
        Some((at, 'k' | 'K')) => (text.get(..at), 1_000),
        Some((at, 'm' | 'M')) => (text.get(..at), 1_000_000),
        Some((at, 'g' | 'G')) => (text.get(..at), 1_000_000_000),
        _ => (Some(text), 1),
    };
    let number: u64 = digits.unwrap_or_default().parse().map_err(|_| wrong())?;
    number.checked_mul(factor).filter(|pixels| *pixels > 0).ok_or_else(wrong)
}

/// The address of a server; a path in it ends with a slash.
pub(super) fn server(text: &str) -> Result<Url, String> {
    let url = text.parse::<Url>().ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let mut url = url.ok_or("give a URL such as http://10.141.141.1:12345")?;
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}
