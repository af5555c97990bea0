//! What a task asks of the executor.

use std::fmt;
use std::time::Duration;

use prost::Message;

use crate::version::{DecodeError, VERSION, check};

/// One batch of images with everything needed to process it.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct Task {
    /// [`VERSION`] of the sender.
    #[prost(uint32, tag = "1")]
    pub version: u32,
    /// The job whose results these are; a valid [name](crate::names).
    #[prost(string, tag = "2")]
    pub job: String,
    /// The images, each reported on its own.
    #[prost(message, repeated, tag = "3")]
    pub images: Vec<Image>,
    /// The operations, for example `invert`.
    #[prost(string, tag = "4")]
    pub operations: String,
    /// The file server, for example `http://10.0.0.1:12345`.
    #[prost(string, tag = "5")]
    pub file_server: String,
    /// What the file server wants as bearer token, if anything.
    #[prost(string, optional, tag = "6")]
    pub upload_token: Option<String>,
    /// What one image may cost.
    #[prost(message, required, tag = "7")]
    pub limits: Limits,
    /// What to send as `User-Agent` to the origins.
    #[prost(string, tag = "8")]
    pub user_agent: String,
    /// How to behave towards the origins; the defaults if absent.
    #[prost(message, optional, tag = "20")]
    pub manners: Option<Manners>,
}

impl Task {
    /// The payload for `TaskInfo.data`, stamped with this program's version.
    #[must_use]
    pub fn to_payload(&self) -> Vec<u8> {
        Self { version: VERSION, ..self.clone() }.encode_to_vec()
    }

    /// The task in a payload.
    ///
    /// # Errors
    ///
    /// When the bytes are no task, or one of another version.
    pub fn from_payload(payload: &[u8]) -> Result<Self, DecodeError> {
        let task = Self::decode(payload)?;
        check(task.version).map(|()| task)
    }
}

/// Without the token: tasks end up in logs.
impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("job", &self.job)
            .field("images", &self.images)
            .field("operations", &self.operations)
            .field("file_server", &self.file_server)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// One image of a task.
#[derive(Clone, PartialEq, Eq, Hash, Message)]
pub struct Image {
    /// Its number in the list, from 1.
    #[prost(uint64, tag = "1")]
    pub index: u64,
    /// Where it is.
    #[prost(string, tag = "2")]
    pub url: String,
    /// The name of the result without its extension, which follows from the format.
    #[prost(string, tag = "3")]
    pub name: String,
}

/// How to behave towards the origins of the images.
#[derive(Clone, PartialEq, Eq, Hash, Message)]
pub struct Manners {
    /// Networks that redirects may lead to though they are not public, in CIDR notation.
    #[prost(string, repeated, tag = "1")]
    pub allow_net: Vec<String>,
    /// Whether the list itself may name public addresses only, and those of `allow_net`.
    #[prost(bool, tag = "2")]
    pub deny_private: bool,
    /// Downloads from one host at once, in one executor; 0 for no limit. If absent,
    /// [`Manners::PER_HOST`], except from this machine itself.
    #[prost(uint32, optional, tag = "3")]
    pub per_host: Option<u32>,
    /// Time between the starts of two downloads from one host in one executor, in
    /// microseconds; 0 for none.
    #[prost(uint64, tag = "4")]
    pub per_host_interval_us: u64,
    /// Whether robots.txt is asked and obeyed.
    #[prost(bool, tag = "5")]
    pub obey_robots_txt: bool,
    /// Whether pictures are taken whatever their `X-Robots-Tag` says.
    #[prost(bool, tag = "6")]
    pub ignore_robots_tag: bool,
}

impl Manners {
    /// Downloads from one host at once, unless something else is asked for: a little more
    /// than the six connections of a browser.
    pub const PER_HOST: u32 = 8;
}

/// What one image may cost. Zero means no limit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Message)]
pub struct Limits {
    /// Time to connect, in milliseconds.
    #[prost(uint64, tag = "1")]
    pub connect_timeout_ms: u64,
    /// Time between two pieces of a download, in milliseconds.
    #[prost(uint64, tag = "2")]
    pub idle_timeout_ms: u64,
    /// Time for the whole download, redirects included, in milliseconds.
    #[prost(uint64, tag = "3")]
    pub download_timeout_ms: u64,
    /// Size of the download, in bytes.
    #[prost(uint64, tag = "4")]
    pub max_download_bytes: u64,
    /// Size of the picture, in pixels over all frames.
    #[prost(uint64, tag = "5")]
    pub max_pixels: u64,
    /// Memory for decoding one picture, in bytes.
    #[prost(uint64, tag = "6")]
    pub max_memory_bytes: u64,
    /// Number of redirects to follow.
    #[prost(uint32, tag = "7")]
    pub max_redirects: u32,
    /// Time for one upload, in milliseconds.
    #[prost(uint64, tag = "8")]
    pub upload_timeout_ms: u64,
}

impl Limits {
    /// A time of this message as a duration, or `None` if it is without limit.
    #[must_use]
    pub fn duration(milliseconds: u64) -> Option<Duration> {
        (milliseconds > 0).then(|| Duration::from_millis(milliseconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task() -> Task {
        Task {
            job: "holiday-1a2b3c4d".into(),
            images: vec![Image { index: 1, url: "http://h/a.jpg".into(), name: "1-a".into() }],
            operations: "invert".into(),
            upload_token: Some("s3cret".into()),
            ..Task::default()
        }
    }

    #[test]
    fn a_task_survives_its_payload() {
        let read = Task::from_payload(&task().to_payload()).unwrap();
        assert_eq!(read, Task { version: VERSION, ..task() });
    }

    #[test]
    fn another_version_and_garbage_are_refused() {
        let newer = Task { version: 2, ..task() }.encode_to_vec();
        assert_eq!(Task::from_payload(&newer), Err(DecodeError::Version { found: 2 }));
        assert!(matches!(Task::from_payload(&[0xff]), Err(DecodeError::Malformed(_))));
    }

    #[test]
    fn the_token_is_not_in_the_debug_text() {
        assert!(!format!("{:?}", task()).contains("s3cret"));
    }
}
