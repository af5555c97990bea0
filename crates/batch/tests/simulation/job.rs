//! What is to be done, and how it has to end.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use batch::{Chunk, Entry, Given, Grouping, MaxFailures, Settings};
use mesos::resources::Scalar;
use protocol::Class;

pub(crate) const IMAGES: u64 = 24;

/// The engine's time zero since 1970.
pub(crate) const UNIX_START: Duration = Duration::from_secs(1_000_000_000);

/// How a run is to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Job {
    /// Whether the cluster does harm, for the first minutes.
    pub(crate) harm: bool,
    /// The program crashes once so many records are durable.
    pub(crate) crash_at: Option<usize>,
    /// The first program gives the job up at the first failure.
    pub(crate) give_up: bool,
}

impl Default for Job {
    fn default() -> Self {
        Self { harm: true, crash_at: None, give_up: false }
    }
}

pub(crate) fn entries() -> Vec<Entry> {
    let given = |index| match index {
        5 => Given::Duplicate { of: 4 },
        6 => Given::Rejected { class: Class::BadUrl, message: "line 6 is no URL".into() },
        _ => Given::Process,
    };
    let entry = |index: u64| Entry {
        index,
        line: index,
        url: format!("http://h/{index}"),
        name: index.to_string(),
        given: given(index),
    };
    (1..=IMAGES).map(entry).collect()
}

/// The only class that an image can end with, whatever the cluster does.
pub(crate) fn expected(index: u64) -> Class {
    match index {
        5 => Class::Duplicate,
        6 => Class::BadUrl,
        index if index % 7 == 0 => Class::Http4xx,
        index if index % 11 == 0 => Class::Timeout,
        _ => Class::Ok,
    }
}

pub(crate) fn settings(seed: u64) -> Settings {
    let mut settings = Settings::new("job", "exec");
    settings.seed = seed;
    settings.retry.machinery_budget = NonZeroU32::MAX;
    settings.unix_start = UNIX_START;
    let cpus = Scalar::from_thousandths(10);
    settings.grouping = Some(Grouping { cpus, disk_mib: Scalar::from_thousandths(100_000) });
    settings.images_per_task = match NonZeroU64::new(seed % 5) {
        Some(images) => Chunk::Fixed(images),
        None => Chunk::Auto,
    };
    settings
}

/// One more failure than the rejected line.
pub(crate) fn few_failures() -> Option<MaxFailures> {
    Some(MaxFailures::Images(1))
}
