//! What can be set.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use mesos::resources::Scalar;

use crate::{Constraint, MaxFailures};

/// Everything that the engine has to be told. The same settings, entries and inputs
/// give the same decisions.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The job: a valid [name](protocol::names), the first part of every task's id.
    pub job: String,
    /// Images a task. Default: [`Chunk::Auto`].
    pub images_per_task: Chunk,
    /// What a task takes, in cores. Default: 1.
    pub task_cpus: Scalar,
    /// What a task takes, in MiB. Default: 128.
    pub task_mem_mib: Scalar,
    /// What our executor takes once an agent, in cores. Default: 0.1.
    pub executor_cpus: Scalar,
    /// What our executor takes once an agent, in MiB. Default: 64. Mesos warns under 32.
    pub executor_mem_mib: Scalar,
    /// What our executor takes beside that where an agent has it, so that several tasks can be
    /// launched as a group. Default: `None`, nothing.
    pub grouping: Option<Grouping>,
    /// The executor's id, by which an agent that has one already is known.
    pub executor_id: String,
    /// The roles for which the master offers resources, as it was told. Default: `*`.
    pub roles: Vec<String>,
    /// What agents have to be like. Default: nothing is asked.
    pub constraints: Vec<Constraint>,
    /// What is tried again, how often and when.
    pub retry: RetryPolicy,
    /// How many images may fail before the job is given up. Default: `None`, any number.
    pub max_failures: Option<MaxFailures>,
    /// From what age on, at least, a task is launched a second time elsewhere when nothing else is
    /// left to launch; it has to be thrice as old as tasks get, too. Default: 20 s; `None`: never.
    pub straggler_after: Option<Duration>,
    /// How long to refuse offers while there is nothing to launch. Default: one hour;
    /// a REVIVE takes it back.
    pub refuse_idle: Duration,
    /// How long to refuse what is too small for a task. Default: 5 s. If more comes free
    /// on that agent, Mesos offers it in spite of this.
    pub refuse_small: Duration,
    /// The longest time between two REVIVE calls of which the first brought no offers: the first such
    /// wait is a two-hundredth of it, and waits double. Default, and never less: 50 ms.
    pub revive_interval: Duration,
    /// How long a launched task may be silent before the master is asked. Default: 60 s.
    pub launch_timeout: Duration,
    /// How long to wait for a task's report when the master says that the task is
    /// over, before the task counts as lost. Default: 2 minutes; agents repeat a
    /// report after 10 s, then 20 s, and so on.
    pub report_timeout: Duration,
    /// The first wait for an answer to a reconciliation, and the longest. Default: 4 s,
    /// 30 s.
    pub reconcile_backoff: Backoff,
    /// How often to ask about all tasks that are out. Default: 15 minutes.
    pub reconcile_interval: Duration,
    /// The engine's time zero, as time since 1970: offers name the beginning of maintenance by
    /// it. Default: zero, by which maintenance is never near.
    pub unix_start: Duration,
    /// Where the jitter of waits comes from, together with a task's or image's number.
    pub seed: u64,
}

impl Settings {
    /// The defaults, for a job and the id of its executor.
    #[must_use]
    pub fn new(job: impl Into<String>, executor_id: impl Into<String>) -> Self {
        Self {
            job: job.into(),
            images_per_task: Chunk::Auto,
            task_cpus: Scalar::from_thousandths(1_000),
            task_mem_mib: Scalar::from_thousandths(128_000),
            executor_cpus: Scalar::from_thousandths(100),
            executor_mem_mib: Scalar::from_thousandths(64_000),
            grouping: None,
            executor_id: executor_id.into(),
            roles: vec!["*".into()],
            constraints: Vec::new(),
            retry: RetryPolicy::default(),
            max_failures: None,
            straggler_after: Some(Duration::from_secs(20)),
            refuse_idle: Duration::from_secs(60 * 60),
            refuse_small: Duration::from_secs(5),
            revive_interval: Self::MIN_REVIVE_INTERVAL,
            launch_timeout: Duration::from_secs(60),
            report_timeout: Duration::from_secs(120),
            reconcile_backoff: Backoff::seconds(4, 30),
            reconcile_interval: Duration::from_secs(15 * 60),
            unix_start: Duration::ZERO,
            seed: 0,
        }
    }

    /// Every REVIVE costs the master a round of allocation over all agents.
    pub const MIN_REVIVE_INTERVAL: Duration = Duration::from_millis(50);

    /// Nothing is launched on an agent whose maintenance begins within this time, or within the
    /// time after which a task is a straggler.
    pub const MIN_MAINTENANCE_NOTICE: Duration = Duration::from_secs(60);

    /// How long to wait for the end of tasks that were killed because the job was given up.
    pub const KILL_TIMEOUT: Duration = Duration::from_secs(15);
}

/// What Mesos wants an executor to have before it launches tasks for it as a group (LAUNCH_GROUP):
/// at least 0.01 cores, 32 MiB of memory and some disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grouping {
    /// Cores. They come out of one task of the agent, so that as many tasks fit as without; where
    /// that were more than a tenth of a task's, there are no groups.
    pub cpus: Scalar,
    /// Disk, in MiB.
    pub disk_mib: Scalar,
}

/// How many images go into a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Chunk {
    /// One each at first, more while tasks are short, so that a task takes some seconds, and again
    /// fewer towards the end; at most 512.
    #[default]
    Auto,
    /// As many as this, and what is left in the last.
    Fixed(NonZeroU64),
}

/// What is tried again, how often and when.
///
/// Images and machinery have budgets of their own: a bad agent does not fail an
/// image, and a bad image does not keep the machinery busy for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often an image may fail in a [transient](protocol::Class::is_transient)
    /// way before that is final. Default: 3.
    pub image_attempts: NonZeroU32,
    /// The waits between. Default: 1 s doubling to 60 s.
    pub image_backoff: Backoff,
    /// The longest wait that an origin's `Retry-After` may ask for. Default: 1 hour.
    pub max_retry_after: Duration,
    /// How often in a row an image may come back without its host having been asked, as that wants
    /// patience, before that counts like a failure. Default: 24: a day, if each wait is the longest.
    pub patience: u32,
    /// How much may go wrong with the tasks of a batch before its images fail:
    /// a lost task counts 1, a task that Mesos did not like 2. Default: 10.
    pub machinery_budget: NonZeroU32,
    /// The waits between. Default: 0.5 s doubling to 30 s.
    pub machinery_backoff: Backoff,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            image_attempts: NonZeroU32::MIN.saturating_add(2),
            image_backoff: Backoff::seconds(1, 60),
            max_retry_after: Duration::from_secs(60 * 60),
            patience: 24,
            machinery_budget: NonZeroU32::MIN.saturating_add(9),
            machinery_backoff: Backoff {
                first: Duration::from_millis(500),
                max: Duration::from_secs(30),
            },
        }
    }
}

/// Waits that double.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The first wait, before jitter.
    pub first: Duration,
    /// The longest wait, before jitter.
    pub max: Duration,
}

impl Backoff {
    /// From a first to a longest wait, in whole seconds.
    #[must_use]
    pub const fn seconds(first: u64, max: u64) -> Self {
        Self { first: Duration::from_secs(first), max: Duration::from_secs(max) }
    }

    /// The wait after this many failures, from 1, before jitter.
    ///
    /// ```
    /// use batch::Backoff;
    /// let waits = (1..=4).map(|n| Backoff::seconds(4, 30).after(n).as_secs());
    /// assert_eq!(waits.collect::<Vec<_>>(), [4, 8, 16, 30]);
    /// ```
    #[must_use]
    pub fn after(&self, failures: u32) -> Duration {
        let doubled = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first.saturating_mul(doubled).min(self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_never_overflow() {
        let backoff = Backoff { first: Duration::MAX, max: Duration::from_secs(9) };
        assert_eq!(backoff.after(u32::MAX), Duration::from_secs(9));
    }
}
