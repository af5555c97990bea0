//! Files as answers: media type, `ETag`, conditions, ranges.

use std::io::{self, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header, response};
use axum::response::{IntoResponse, Response};
use protocol::paths::DIGEST_HEADER;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::range::{Selection, select};
use crate::refusal::Refusal;

const CHUNK_BYTES: usize = 64 * 1024;

/// An open file with what its headers say.
#[derive(Debug)]
pub(super) struct FileAnswer {
    pub(super) file: File,
    pub(super) size_bytes: u64,
    /// Strong, with its quotes.
    pub(super) etag: String,
    pub(super) media_type: &'static str,
    pub(super) digest: Option<String>,
}

impl FileAnswer {
    /// A file that is replaced, never written in place: what tells its versions apart is
    /// the inode and the time, to the nanosecond.
    pub(super) async fn open(path: PathBuf, media_type: &'static str) -> io::Result<Self> {
        if !tokio::fs::metadata(&path).await?.is_file() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let file = File::open(path).await?;
        let found = file.metadata().await?;
        let (size_bytes, inode) = (found.len(), found.ino());
        let etag =
            format!("\"{inode:x}-{size_bytes:x}-{:x}-{:x}\"", found.mtime(), found.mtime_nsec());
        Ok(Self { file, size_bytes, etag, media_type, digest: None })
    }

    fn head(&self, status: StatusCode) -> response::Builder {
        let mut head = Response::builder()
            .status(status)
            .header(header::ETAG, &self.etag)
            .header(header::CACHE_CONTROL, "no-cache")
            .header(header::ACCEPT_RANGES, "bytes");
        if let Some(digest) = &self.digest {
            head = head.header(DIGEST_HEADER, digest);
        }
        head
    }
}

/// The answer to a request for `file`.
pub(super) async fn send(
    file: FileAnswer,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    if is_known(headers, &file.etag) {
        return Ok(finish(file.head(StatusCode::NOT_MODIFIED), Body::empty()));
    }
    match select(wanted_range(method, headers, &file.etag), file.size_bytes) {
        Selection::Whole => {
            let (head, bytes) = (file.head(StatusCode::OK), file.size_bytes);
            part(head, file, 0, bytes).await
        }
        Selection::Part { start, bytes } => {
            let range = format!("bytes {start}-{}/{}", start + bytes - 1, file.size_bytes);
            let head = file.head(StatusCode::PARTIAL_CONTENT).header(header::CONTENT_RANGE, range);
            part(head, file, start, bytes).await
        }
        Selection::Unsatisfiable => {
            let range = format!("bytes */{}", file.size_bytes);
            let head = Response::builder()
                .status(StatusCode::RANGE_NOT_SATISFIABLE)
                .header(header::CONTENT_RANGE, range);
            Ok(finish(head, Body::from("the file has no such range\n")))
        }
    }
}

async fn part(
    head: response::Builder,
    mut answer: FileAnswer,
    start: u64,
    bytes: u64,
) -> Result<Response, Refusal> {
    if start > 0 {
        answer.file.seek(SeekFrom::Start(start)).await?;
    }
    let head =
        head.header(header::CONTENT_TYPE, answer.media_type).header(header::CONTENT_LENGTH, bytes);
    let stream = ReaderStream::with_capacity(answer.file.take(bytes), CHUNK_BYTES);
    Ok(finish(head, Body::from_stream(stream)))
}

fn finish(head: response::Builder, body: Body) -> Response {
    head.body(body).unwrap_or_else(|error| Refusal::Disk(io::Error::other(error)).into_response())
}

fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(str::trim))
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == etag)
}

/// A range counts for `GET` alone, and not when it belongs to another version.
fn wanted_range<'a>(method: &Method, headers: &'a HeaderMap, etag: &str) -> Option<&'a str> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let same_version = text(header::IF_RANGE).is_none_or(|version| version == etag);
    text(header::RANGE).filter(|_| *method == Method::GET && same_version)
}

/// The media type of a file by its name. Whatever is not known to be harmless is
/// sent as bytes to save.
pub(crate) fn media_type(name: &str) -> &'static str {
    let extension = Path::new(name).extension().and_then(|found| found.to_str()).unwrap_or("");
    match extension.to_ascii_lowercase().as_str() {
        "jpg" | "jpeg" | "jpe" | "jfif" => "image/jpeg",
        "png" | "apng" => "image/png",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "bmp" | "dib" => "image/bmp",
        "ico" => "image/x-icon",
        "svg" => "image/svg+xml",
        "tif" | "tiff" => "image/tiff",
        "pbm" => "image/x-portable-bitmap",
        "pgm" => "image/x-portable-graymap",
        "ppm" => "image/x-portable-pixmap",
        "pam" | "pnm" => "image/x-portable-anymap",
        "qoi" => "image/qoi",
        "tga" => "image/x-tga",
        "json" => "application/json",
        "jsonl" | "txt" | "md" | "log" | "csv" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
