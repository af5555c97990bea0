//! What images may take: downloads, memory and processors, as the running tasks were given.
//!
//! | what | whose | how much |
//! |---|---|---|
//! | downloads | all tasks together | [`DOWNLOADS_PER_PROCESSOR`] for each processor given, at most [`MAX_DOWNLOADS`] |
//! | processors | all tasks together | what the running tasks were given, rounded up, at most those of the machine |
//! | memory | each task for itself | what it was given (`mem`) |
//!
//! Downloads and processors grow when a task comes and shrink when it ends. Memory is not
//! shared between tasks, so whether a picture fits never depends on what else is running,
//! and the memory of all tasks is never more than all were given. The executor's own `mem`
//! is for the program itself and its connections.
//!
//! A task's memory has three parts, and an image goes through them in this order:
//!
//! 1. [`Share::slot`]: a quarter, at most [`MAX_SLOTS`] slots of [`SLOT_BYTES`], one a download.
//!    It is all that a picture takes whose pieces go straight to the upload.
//! 2. [`Share::file`]: a quarter, for files that have to be there as a whole.
//! 3. [`Share::work`]: the rest, for working on them and for results on their way.
//!
//! Whoever holds a part waits for later parts only, and whoever holds the last one waits for
//! nothing but a processor and the network: so it can never lock up. A picture that needs more
//! than the whole of a part is refused as `too-large`; `scheduler --mem` gives more.

mod pool;

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use mesos::resources::Resources;
use mesos::v1::TaskInfo;

pub use pool::{Place, Pool};

/// Downloads at once for each processor that tasks were given: enough to hide the network's
/// latency. How many of them one host sees is not decided here.
pub const DOWNLOADS_PER_PROCESSOR: u64 = 64;
/// Downloads at once, over all tasks.
pub const MAX_DOWNLOADS: u64 = 256;
/// Memory of one download on its way through, at most: its beginning (160 KiB, until it is
/// inverted), two pieces of the download (32 KiB each), the inverter with its tables and its
/// input (92 KiB), the piece that is being made (32 KiB), what is written and not yet sent
/// (64 KiB), and what its two connections take beside that. `tests/memory.rs` holds it, by
/// counting allocations.
pub const SLOT_BYTES: u64 = 512 << 10;
/// Downloads of one task at once.
pub const MAX_SLOTS: u64 = 64;
/// The memory of a task that does not say: what the scheduler gives by default.
const DEFAULT_MEMORY_BYTES: u64 = 128 << 20;

/// What a task was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given {
    /// Processor time, in thousandths of a processor.
    pub millicpus: u64,
    /// Memory, in bytes.
    pub memory_bytes: u64,
}

impl Given {
    /// What `task` says.
    #[must_use]
    pub fn to(task: &TaskInfo) -> Self {
        let resources = Resources::from(&task.resources);
        let thousandths = |scalar: i64| u64::try_from(scalar).unwrap_or(0);
        let millimib = thousandths(resources.mem_mib().thousandths());
        let memory_bytes = match millimib.saturating_mul(1 << 20) / 1000 {
            0 => DEFAULT_MEMORY_BYTES,
            bytes => bytes,
        };
        Self { millicpus: thousandths(resources.cpus().thousandths()), memory_bytes }
    }
}

/// What all running tasks have together.
#[derive(Debug, Clone)]
pub struct Budget {
    downloads: Pool,
    processors: Pool,
    millicpus: Arc<Mutex<u64>>,
    max_downloads: u64,
    max_processors: u64,
}

impl Budget {
    /// The limits of this module and of this machine.
    #[must_use]
    pub fn of_this_machine() -> Self {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        Self::new(MAX_DOWNLOADS, processors as u64)
    }

    /// Other limits, for tests.
    #[must_use]
    pub fn new(max_downloads: u64, max_processors: u64) -> Self {
        let millicpus = Arc::default();
        let (downloads, processors) = (Pool::new(0), Pool::new(0));
        Self { downloads, processors, millicpus, max_downloads, max_processors }
    }

    /// Adds what a task was given, until the share is dropped.
    #[must_use]
    pub fn share(&self, given: Given) -> Share {
        self.change(|millicpus| millicpus.saturating_add(given.millicpus));
        let slots = (given.memory_bytes / 4 / SLOT_BYTES).clamp(1, MAX_SLOTS);
        let files = given.memory_bytes / 4;
        let work = given.memory_bytes.saturating_sub(slots * SLOT_BYTES + files);
        Share {
            budget: self.clone(),
            given,
            slots: Pool::new(slots),
            files: Pool::new(files),
            work: Pool::new(work),
        }
    }

    /// How much pixel work is done at once.
    #[must_use]
    pub fn processors(&self) -> u64 {
        self.processors.size()
    }

    fn change(&self, change: impl FnOnce(u64) -> u64) {
        let mut millicpus = self.millicpus.lock().unwrap_or_else(PoisonError::into_inner);
        *millicpus = change(*millicpus);
        let processors = millicpus.div_ceil(1000).max(1);
        self.processors.resize(processors.min(self.max_processors));
        let downloads = processors.saturating_mul(DOWNLOADS_PER_PROCESSOR);
        self.downloads.resize(downloads.min(self.max_downloads));
    }
}

/// What the images of one task may take.
#[derive(Debug)]
pub struct Share {
    budget: Budget,
    given: Given,
    slots: Pool,
    files: Pool,
    work: Pool,
}

/// A download's right to be, until it is dropped.
#[derive(Debug)]
pub struct Slot {
    _memory: Place,
    _download: Place,
}

impl Share {
    /// Waits until one more download may begin.
    pub async fn slot(&self) -> Slot {
        let memory = self.slots.take(1).await;
        Slot { _memory: memory, _download: self.budget.downloads.take(1).await }
    }

    /// Waits until a whole file of `bytes` may be held, at most [`max_file_bytes`](Self::max_file_bytes).
    pub async fn file(&self, bytes: u64) -> Place {
        self.files.take(bytes).await
    }

    /// The longest file that can be held.
    #[must_use]
    pub fn max_file_bytes(&self) -> u64 {
        self.files.size()
    }

    /// Waits until `bytes` more may be worked with, at most [`max_work_bytes`](Self::max_work_bytes).
    pub async fn work(&self, bytes: u64) -> Place {
        self.work.take(bytes).await
    }

    /// The most memory that working on one picture may take, its result included.
    #[must_use]
    pub fn max_work_bytes(&self) -> u64 {
        self.work.size()
    }

    /// Waits for a processor. To be held no longer than the work goes on.
    pub async fn processor(&self) -> Place {
        self.budget.processors.take(1).await
    }

    /// The most memory that was set aside at once in each part: slots, files, work.
    #[must_use]
    pub fn most_bytes(&self) -> [u64; 3] {
        let slots = self.slots.most_lent() * SLOT_BYTES;
        [slots, self.files.most_lent(), self.work.most_lent()]
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let millicpus = self.given.millicpus;
        self.budget.change(|given| given.saturating_sub(millicpus));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesos::resources::Scalar;

    fn given(millicpus: u64, mib: u64) -> Given {
        Given { millicpus, memory_bytes: mib << 20 }
    }

    #[test]
    fn a_task_says_what_it_was_given() {
        let resources = Resources::scalars(Scalar::from_thousandths(1_500), Scalar::from_f64(64.5));
        let task = TaskInfo { resources: resources.to_wire(), ..TaskInfo::default() };
        let bytes = (64 << 20) + (1 << 19);
        assert_eq!(Given::to(&task), Given { millicpus: 1_500, memory_bytes: bytes });
        let silent = Given { millicpus: 0, memory_bytes: DEFAULT_MEMORY_BYTES };
        assert_eq!(Given::to(&TaskInfo::default()), silent);
    }

    #[test]
    fn what_tasks_were_given_comes_and_goes_with_them() {
        let budget = Budget::new(1000, 4);
        assert_eq!(budget.processors(), 0);
        let half = budget.share(given(500, 32));
        assert_eq!((budget.processors(), budget.downloads.size()), (1, 64));
        let more = budget.share(given(2_000, 32));
        assert_eq!((budget.processors(), budget.downloads.size()), (3, 192));
        let much = budget.share(given(9_000, 32));
        assert_eq!((budget.processors(), budget.downloads.size()), (4, 768));
        drop((more, much));
        assert_eq!(budget.processors(), 1);
        drop(half);
    }

    #[test]
    fn the_parts_of_a_share_are_all_there_is() {
        let budget = Budget::new(1, 1);
        for mib in [1, 2, 3, 32, 100, 128, 1000, 100_000] {
            let share = budget.share(given(1_000, mib));
            let parts = share.slots.size() * SLOT_BYTES + share.files.size() + share.work.size();
            assert_eq!(parts, mib << 20);
            assert!(share.max_work_bytes() >= mib << 18, "{mib} MiB");
        }
    }
}
