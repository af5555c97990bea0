//! What the executor says of a task.

use prost::Message;

use crate::Class;
use crate::version::{DecodeError, VERSION, check};

/// The outcomes of a task's images.
#[derive(Clone, PartialEq, Eq, Hash, Message)]
pub struct Report {
    /// [`VERSION`] of the sender.
    #[prost(uint32, tag = "1")]
    pub version: u32,
    /// One entry an image that has an outcome, in no particular order.
    #[prost(message, repeated, tag = "2")]
    pub images: Vec<ImageReport>,
}

impl Report {
    /// The payload for `TaskStatus.data`, stamped with this program's version.
    #[must_use]
    pub fn to_payload(&self) -> Vec<u8> {
        Self { version: VERSION, ..self.clone() }.encode_to_vec()
    }

    /// The report in a payload.
    ///
    /// # Errors
    ///
    /// When the bytes are no report, or one of another version.
    pub fn from_payload(payload: &[u8]) -> Result<Self, DecodeError> {
        let report = Self::decode(payload)?;
        check(report.version).map(|()| report)
    }
}

/// Whether an image is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The result is durable on the file server.
    Done,
    /// There is no result; the class and the message say why.
    Failed,
}

impl Outcome {
    /// The word in manifests.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// The outcome of one attempt at one image.
#[derive(Clone, PartialEq, Eq, Hash, Message)]
pub struct ImageReport {
    /// The image's number in the list, from 1.
    #[prost(uint64, tag = "1")]
    pub index: u64,
    /// [`Class::Ok`] when done, else why not.
    #[prost(enumeration = "Class", tag = "2")]
    pub class: i32,
    /// One sentence for people; empty when done.
    #[prost(string, tag = "3")]
    pub message: String,
    /// The result's name with its extension; empty when failed.
    #[prost(string, tag = "4")]
    pub output: String,
    /// Size of the download in bytes.
    #[prost(uint64, tag = "5")]
    pub bytes_in: u64,
    /// Size of the result in bytes.
    #[prost(uint64, tag = "6")]
    pub bytes_out: u64,
    /// SHA-256 of the result in lower-case hexadecimal; empty when failed.
    #[prost(string, tag = "7")]
    pub sha256: String,
    /// The result's format, for example `jpeg`; empty when unknown.
    #[prost(string, tag = "8")]
    pub format: String,
    /// Width in pixels.
    #[prost(uint32, tag = "9")]
    pub width: u32,
    /// Height in pixels.
    #[prost(uint32, tag = "10")]
    pub height: u32,
    /// Frames; 1 unless animated.
    #[prost(uint32, tag = "11")]
    pub frames: u32,
    /// The way the pixels went: `palette`, `pixels`.
    #[prost(string, tag = "12")]
    pub path: String,
    /// What could not be kept, and other remarks.
    #[prost(string, repeated, tag = "13")]
    pub notes: Vec<String>,
    /// Where the time went.
    #[prost(message, required, tag = "14")]
    pub timings: Timings,
    /// The status the origin answered with, if it answered.
    #[prost(uint32, optional, tag = "15")]
    pub http_status: Option<u32>,
    /// Where redirects led, if they led anywhere.
    #[prost(string, optional, tag = "16")]
    pub final_url: Option<String>,
    /// How long the origin asks to wait before the next try, in milliseconds.
    #[prost(uint64, optional, tag = "17")]
    pub retry_after_ms: Option<u64>,
    /// That the origin was not even asked: its host had asked for patience before. Such a try does
    /// not count among the image's attempts.
    #[prost(bool, tag = "18")]
    pub not_asked: bool,
}

impl ImageReport {
    /// A failure without anything known but why.
    #[must_use]
    pub fn failed(index: u64, class: Class, message: impl Into<String>) -> Self {
        Self { index, class: class.into(), message: message.into(), ..Self::default() }
    }

    /// Whether it is done.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        if self.class() == Class::Ok && !self.sha256.is_empty() {
            Outcome::Done
        } else {
            Outcome::Failed
        }
    }
}

/// Where the time of one image went, in milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Message)]
pub struct Timings {
    /// Waiting for a place in the executor, and for the turn of its host.
    #[prost(uint64, tag = "1")]
    pub queue_ms: u64,
    /// From the request to the last byte.
    #[prost(uint64, tag = "2")]
    pub download_ms: u64,
    /// Decoding, operations and encoding.
    #[prost(uint64, tag = "3")]
    pub process_ms: u64,
    /// Until the file server said that the result is durable.
    #[prost(uint64, tag = "4")]
    pub upload_ms: u64,
    /// Finding the addresses of hosts, as a part of `download_ms`.
    #[prost(uint64, tag = "10")]
    pub dns_ms: u64,
    /// Connecting to them, TLS included, as a part of `download_ms`; nothing on a connection
    /// that was there already.
    #[prost(uint64, tag = "11")]
    pub connect_ms: u64,
    /// From the request to the head of the answer, without the two above, as a part of
    /// `download_ms`.
    #[prost(uint64, tag = "12")]
    pub first_byte_ms: u64,
    /// From the file to samples, as a part of `process_ms`; like the two below it is nothing for
    /// pictures that are inverted without being decoded.
    #[prost(uint64, tag = "13")]
    pub decode_ms: u64,
    /// The operations on the samples, as a part of `process_ms`.
    #[prost(uint64, tag = "14")]
    pub operate_ms: u64,
    /// From samples to the file, as a part of `process_ms`.
    #[prost(uint64, tag = "15")]
    pub encode_ms: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_survives_its_payload() {
        let failed = ImageReport::failed(7, Class::Http4xx, "http://h/x answered 404 Not Found");
        let report = Report { images: vec![failed.clone()], ..Report::default() };
        let read = Report::from_payload(&report.to_payload()).unwrap();
        assert_eq!(read.images, [failed]);
        assert_eq!(read.images[0].outcome(), Outcome::Failed);
    }

    #[test]
    fn done_needs_a_digest() {
        let mut image = ImageReport { index: 1, ..ImageReport::default() };
        assert_eq!(image.class(), Class::Ok);
        assert_eq!(image.outcome(), Outcome::Failed);
        image.sha256 = "00".repeat(32);
        assert_eq!(image.outcome(), Outcome::Done);
    }

    #[test]
    fn an_empty_payload_is_no_report() {
        assert_eq!(Report::from_payload(&[]), Err(DecodeError::Version { found: 0 }));
    }
}
