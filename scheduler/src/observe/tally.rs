//! What became of the images, counted: by class, host, format and time.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use batch::{ImageEnd, ImageOutcome};
use protocol::{Class, Outcome};
use serde::Serialize;
use url::Url;

use super::spread::{Quantiles, Spread};

/// How many hosts are followed; memory must not grow with lists of a host an image.
const MAX_HOSTS: usize = 10_000;

/// How many of the slowest hosts are told.
const TOLD_HOSTS: usize = 5;

/// The longest text of an example, in characters.
const MAX_EXAMPLE: usize = 500;

/// Counts outcomes; each is given once.
#[derive(Debug, Default)]
pub struct Tally {
    /// Images with a result, duplicates of them included.
    pub done: u64,
    /// Images whose URL stands earlier.
    pub duplicates: u64,
    /// Failures by class.
    pub failed: BTreeMap<Class, Failures>,
    /// Bytes downloaded for images that are done.
    pub bytes_in: u64,
    /// Bytes of results.
    pub bytes_out: u64,
    /// Results by format.
    pub formats: BTreeMap<String, u64>,
    hosts: HashMap<String, Host>,
    phases: [Spread; 10],
}

/// The failures of one class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failures {
    /// In a word.
    pub class: &'static str,
    /// How many.
    pub count: u64,
    /// What people can do about it.
    pub hint: &'static str,
    /// The first of them.
    pub example: Example,
}

/// A failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Example {
    /// Its line in the list, from 1.
    pub line: u64,
    /// Where the image should be.
    pub url: String,
    /// What went wrong.
    pub message: String,
}

/// A host and how fast it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SlowHost {
    /// Its name, with the port if it is an unusual one.
    pub host: String,
    /// Images of it that were downloaded.
    pub images: u64,
    /// The mean time of a download.
    pub mean_ms: u64,
    /// The longest.
    pub max_ms: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Host {
    images: u64,
    total_ms: u64,
    max_ms: u64,
}

/// Where the time of images went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Timings {
    /// Waiting for a place in the executor.
    pub queue: Quantiles,
    /// From the request to the last byte.
    pub download: Quantiles,
    /// Finding the addresses of hosts, as a part of the download.
    pub dns: Quantiles,
    /// Connecting to them, as a part of the download.
    pub connect: Quantiles,
    /// From the request to the head of the answer, as a part of the download.
    pub first_byte: Quantiles,
    /// Decoding, operations and encoding.
    pub process: Quantiles,
    /// From the file to samples, as a part of the processing.
    pub decode: Quantiles,
    /// The operations on the samples, as a part of the processing.
    pub operate: Quantiles,
    /// From samples to the file, as a part of the processing.
    pub encode: Quantiles,
    /// Until the file server said that the result is durable.
    pub upload: Quantiles,
}

impl Tally {
    /// Counts an image that has an outcome.
    pub fn count(&mut self, image: &ImageOutcome<'_>) {
        self.duplicates += u64::from(image.duplicate_of.is_some());
        match image.outcome {
            Outcome::Done => self.done += 1,
            Outcome::Failed => self.fail(image),
        }
        if image.duplicate_of.is_none() {
            self.work(image);
        }
    }

    /// The images that failed.
    #[must_use]
    pub fn failed_len(&self) -> u64 {
        self.failed.values().map(|failures| failures.count).sum()
    }

    /// The failures, the most frequent class first.
    #[must_use]
    pub fn failures(&self) -> Vec<Failures> {
        let mut all: Vec<_> = self.failed.values().cloned().collect();
        all.sort_by_key(|failures| std::cmp::Reverse(failures.count));
        all
    }

    /// Whether trying the failed images again may help, whatever their class: bad lines stay bad.
    #[must_use]
    pub fn can_retry(&self) -> bool {
        self.failed.keys().any(|class| !matches!(class, Class::BadUrl | Class::Duplicate))
    }

    /// The slowest hosts, the slowest first.
    #[must_use]
    pub fn slowest(&self) -> Vec<SlowHost> {
        let mut all: Vec<_> = self.hosts.iter().map(|(name, host)| host.told(name)).collect();
        all.sort_by(|a, b| b.mean_ms.cmp(&a.mean_ms).then_with(|| a.host.cmp(&b.host)));
        all.truncate(TOLD_HOSTS);
        all
    }

    /// Where the time went.
    #[must_use]
    pub fn timings(&self) -> Timings {
        let [queue, download, dns, connect, first_byte, process, decode, operate, encode, upload] =
            &self.phases;
        Timings {
            queue: queue.quantiles(),
            download: download.quantiles(),
            dns: dns.quantiles(),
            connect: connect.quantiles(),
            first_byte: first_byte.quantiles(),
            process: process.quantiles(),
            decode: decode.quantiles(),
            operate: operate.quantiles(),
            encode: encode.quantiles(),
            upload: upload.quantiles(),
        }
    }

    fn fail(&mut self, image: &ImageOutcome<'_>) {
        let class = image.class;
        let first = || Failures {
            class: class.as_str(),
            count: 0,
            hint: class.hint(),
            example: Example {
                line: image.line,
                url: shortened(image.url),
                message: shortened(image.message),
            },
        };
        self.failed.entry(class).or_insert_with(first).count += 1;
    }

    fn work(&mut self, image: &ImageOutcome<'_>) {
        let end = image.end;
        if image.outcome == Outcome::Done {
            self.bytes_in += end.bytes_in;
            self.bytes_out += end.bytes_out;
            *self.formats.entry(end.format.to_string()).or_default() += 1;
            self.phases.iter_mut().zip(times(end)).for_each(|(spread, time)| spread.add(time));
        }
        if end.download_time > Duration::ZERO {
            self.host(image.url, end.download_time);
        }
    }

    fn host(&mut self, url: &str, time: Duration) {
        let Some(name) = host_of(url) else { return };
        if self.hosts.len() >= MAX_HOSTS && !self.hosts.contains_key(&name) {
            return;
        }
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let host = self.hosts.entry(name).or_default();
        host.images += 1;
        host.total_ms = host.total_ms.saturating_add(ms);
        host.max_ms = host.max_ms.max(ms);
    }
}

/// In the order of [`Timings`].
fn times(end: &ImageEnd) -> [Duration; 10] {
    [
        end.queue_time,
        end.download_time,
        end.dns_time,
        end.connect_time,
        end.first_byte_time,
        end.process_time,
        end.decode_time,
        end.operate_time,
        end.encode_time,
        end.upload_time,
    ]
}

impl Host {
    fn told(self, name: &str) -> SlowHost {
        SlowHost {
            host: name.to_owned(),
            images: self.images,
            mean_ms: self.total_ms.checked_div(self.images).unwrap_or(0),
            max_ms: self.max_ms,
        }
    }
}

/// The host of a URL, with its port if that is an unusual one.
#[must_use]
pub fn host_of(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

/// Lists hold strange things; what people see is short and without controls.
fn shortened(text: &str) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(clean).take(MAX_EXAMPLE).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use protocol::ImageReport;

    /// An outcome for tests.
    pub(crate) fn outcome<'a>(index: u64, url: &'a str, end: &'a ImageEnd) -> ImageOutcome<'a> {
        ImageOutcome {
            index,
            line: index,
            url,
            outcome: end.outcome(),
            class: end.class,
            message: &end.message,
            output: &end.output,
            sha256: &end.sha256,
            attempts: 1,
            task: None,
            agent: &end.agent,
            duplicate_of: None,
            end,
        }
    }

    /// An image that is done.
    pub(crate) fn done(download_ms: u64) -> ImageEnd {
        let timings = protocol::Timings { download_ms, process_ms: 3, ..Default::default() };
        let report = ImageReport {
            bytes_in: 10,
            bytes_out: 7,
            format: "png".into(),
            timings,
            ..ImageReport::default()
        };
        ImageEnd::of(report, "a")
    }

    #[test]
    fn outcomes_are_counted_by_class_host_and_time() {
        let (fast, slow) = (done(4), done(400));
        let gone = ImageEnd::failed(Class::Http4xx, "404\nNot Found", "a");
        let mut tally = Tally::default();
        tally.count(&outcome(1, "http://fast/a", &fast));
        tally.count(&outcome(2, "http://slow:81/b", &slow));
        tally.count(&ImageOutcome { duplicate_of: Some(1), ..outcome(3, "http://fast/a", &fast) });
        tally.count(&outcome(4, "http://fast/c", &gone));
        tally.count(&outcome(5, "http://fast/d", &gone));
        assert_eq!((tally.done, tally.failed_len()), (3, 2));
        assert_eq!((tally.duplicates, tally.bytes_in, tally.bytes_out), (1, 20, 14));
        assert_eq!(tally.formats["png"], 2);
        let failures = &tally.failed[&Class::Http4xx];
        assert_eq!((failures.count, failures.example.line), (2, 4));
        assert_eq!(failures.example.message, "404 Not Found");
        let slowest = tally.slowest();
        assert_eq!((slowest[0].host.as_str(), slowest[0].max_ms), ("slow:81", 400));
        assert_eq!(tally.timings().download.count, 2);
        assert!(tally.can_retry());
    }

    #[test]
    fn duplicates_of_what_failed_are_counted_as_the_manifest_names_them() {
        let gone = ImageEnd::failed(Class::Http4xx, "404 Not Found", "a");
        let again = outcome(2, "http://h/a", &gone);
        let mut tally = Tally::default();
        tally.count(&outcome(1, "http://h/a", &gone));
        tally.count(&ImageOutcome { class: Class::Duplicate, duplicate_of: Some(1), ..again });
        assert_eq!(tally.failed_len(), 2);
        assert_eq!(tally.failed[&Class::Http4xx].count, 1);
        assert_eq!(tally.failed[&Class::Duplicate].count, 1);
    }

    #[test]
    fn memory_does_not_grow_with_the_hosts() {
        let mut tally = Tally::default();
        let end = done(4);
        for index in 0..(MAX_HOSTS as u64 + 10) {
            tally.count(&outcome(index, &format!("http://h{index}/"), &end));
        }
        assert_eq!((tally.hosts.len(), tally.slowest().len()), (MAX_HOSTS, TOLD_HOSTS));
    }
}
