//! What is kept: the same records give the same engine.

use std::time::Duration;

use protocol::{Class, ImageReport, Outcome};
use serde::{Deserialize, Serialize};

use crate::Attempt;

/// One thing that must not be forgotten.
///
/// The list itself is not recorded: give the same entries again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Record {
    /// The master knows us by this id.
    FrameworkSubscribed {
        /// The id.
        framework_id: String,
    },
    /// Our executor's resources on an agent, which must not change while it runs.
    ExecutorPlaced {
        /// The agent.
        agent: String,
        /// Each as an encoded `mesos.v1.Resource`.
        resources: Vec<Vec<u8>>,
    },
    /// A task is about to be launched.
    Launched {
        /// Which.
        attempt: Attempt,
        /// Where.
        agent: String,
        /// The images in it, by index.
        images: Vec<u64>,
    },
    /// An image has its outcome.
    ImageEnded {
        /// Its index.
        index: u64,
        /// How it ended.
        end: Box<ImageEnd>,
    },
    /// An image failed and is tried again in another batch.
    ImageFailedOnce {
        /// Its index.
        index: u64,
        /// In a word.
        #[serde(with = "class_as_word")]
        class: Class,
    },
    /// A task is over. Images that it left without an outcome are launched again.
    TaskEnded {
        /// Which.
        attempt: Attempt,
        /// How much of the batch's machinery budget it spent.
        cost: u32,
    },
    /// An image that has failed is to be tried again, as if it had never been.
    ImageReopened {
        /// Its index.
        index: u64,
    },
    /// An image came back without having been asked for, as its host wants patience; it is tried
    /// again in another batch.
    ImagePutOff {
        /// Its index.
        index: u64,
    },
}

/// How an image ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImageEnd {
    /// [`Class::Ok`] when done, else why not.
    #[serde(with = "class_as_word")]
    pub class: Class,
    /// One sentence; empty when done.
    pub message: Box<str>,
    /// The name of the result; empty when failed.
    pub output: Box<str>,
    /// SHA-256 of the result in lower-case hexadecimal; empty when failed.
    pub sha256: Box<str>,
    /// The agent that processed it; empty if none did.
    pub agent: Box<str>,
    /// The task that reported this; `None` if none did.
    pub task: Option<Attempt>,
    /// Size of the download in bytes.
    pub bytes_in: u64,
    /// Size of the result in bytes.
    pub bytes_out: u64,
    /// The result's format, for example `jpeg`; empty when unknown.
    pub format: Box<str>,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Frames; 1 unless animated.
    pub frames: u32,
    /// The way the pixels went: `palette`, `pixels`.
    pub path: Box<str>,
    /// What could not be kept, and other remarks.
    pub notes: Box<[String]>,
    /// Waiting for a place in the executor.
    #[serde(with = "in_milliseconds")]
    pub queue_time: Duration,
    /// From the request to the last byte.
    #[serde(with = "in_milliseconds")]
    pub download_time: Duration,
    /// Finding the addresses of hosts, as a part of the download.
    #[serde(with = "in_milliseconds")]
    pub dns_time: Duration,
    /// Connecting to them, as a part of the download.
    #[serde(with = "in_milliseconds")]
    pub connect_time: Duration,
    /// From the request to the head of the answer, as a part of the download.
    #[serde(with = "in_milliseconds")]
    pub first_byte_time: Duration,
    /// Decoding, operations and encoding.
    #[serde(with = "in_milliseconds")]
    pub process_time: Duration,
    /// From the file to samples, as a part of the processing.
    #[serde(with = "in_milliseconds")]
    pub decode_time: Duration,
    /// The operations on the samples, as a part of the processing.
    #[serde(with = "in_milliseconds")]
    pub operate_time: Duration,
    /// From samples to the file, as a part of the processing.
    #[serde(with = "in_milliseconds")]
    pub encode_time: Duration,
    /// Until the file server said that the result is durable.
    #[serde(with = "in_milliseconds")]
    pub upload_time: Duration,
    /// The status the origin answered with, if it answered.
    pub http_status: Option<u32>,
    /// Where redirects led, if they led anywhere.
    pub final_url: Option<Box<str>>,
}

impl ImageEnd {
    /// The end of an image that has no result and of which nothing more is known.
    #[must_use]
    pub fn failed(class: Class, message: impl Into<Box<str>>, agent: impl Into<Box<str>>) -> Self {
        let report = ImageReport::failed(0, class, "");
        Self { message: message.into(), ..Self::of(report, agent) }
    }

    /// The end that a report tells of; of which task is to be filled in.
    #[must_use]
    pub fn of(report: ImageReport, agent: impl Into<Box<str>>) -> Self {
        let millis = Duration::from_millis;
        Self {
            class: report.class(),
            message: report.message.into(),
            output: report.output.into(),
            sha256: report.sha256.into(),
            agent: agent.into(),
            task: None,
            bytes_in: report.bytes_in,
            bytes_out: report.bytes_out,
            format: report.format.into(),
            width: report.width,
            height: report.height,
            frames: report.frames,
            path: report.path.into(),
            notes: report.notes.into(),
            queue_time: millis(report.timings.queue_ms),
            download_time: millis(report.timings.download_ms),
            dns_time: millis(report.timings.dns_ms),
            connect_time: millis(report.timings.connect_ms),
            first_byte_time: millis(report.timings.first_byte_ms),
            process_time: millis(report.timings.process_ms),
            decode_time: millis(report.timings.decode_ms),
            operate_time: millis(report.timings.operate_ms),
            encode_time: millis(report.timings.encode_ms),
            upload_time: millis(report.timings.upload_ms),
            http_status: report.http_status,
            final_url: report.final_url.map(Into::into),
        }
    }

    /// Whether there is a result.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        if self.class == Class::Ok { Outcome::Done } else { Outcome::Failed }
    }
}

/// A class as the word that people see, so that records stay readable and numbers may change.
mod class_as_word {
    use protocol::Class;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(class: &Class, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(class.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Class, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// A time as whole milliseconds, as reports have it: in a byte or two.
mod in_milliseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_survive_being_written() {
        let end = ImageEnd {
            final_url: Some("http://h/b".into()),
            notes: vec!["no profile".to_owned()].into(),
            task: Some(Attempt { batch: 3, number: 2 }),
            first_byte_time: Duration::from_millis(1_234),
            ..ImageEnd::failed(Class::Http4xx, "http://h/a answered 404", "agent-1")
        };
        let attempt = Attempt { batch: 3, number: 2 };
        let records = [
            Record::FrameworkSubscribed { framework_id: "f".into() },
            Record::ExecutorPlaced { agent: "a".into(), resources: vec![vec![1, 2]] },
            Record::Launched { attempt, agent: "a".into(), images: vec![1, 9] },
            Record::ImageEnded { index: 1, end: Box::new(end) },
            Record::ImageFailedOnce { index: 9, class: Class::Dns },
            Record::TaskEnded { attempt, cost: 1 },
            Record::ImageReopened { index: 9 },
            Record::ImagePutOff { index: 9 },
        ];
        for record in records {
            let text = serde_json::to_string(&record).unwrap();
            assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record, "{text}");
        }
    }
}
