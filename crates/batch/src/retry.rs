//! Again or not, and when.

use std::time::Duration;

use protocol::{ImageReport, Outcome};

use crate::{Attempt, Backoff, RetryPolicy};

/// What follows from a report of one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterReport {
    /// That is its outcome.
    Final,
    /// It is tried again, in another batch, after this wait.
    Again(Duration),
    /// The same, but it was no try at all: its host could not be asked.
    PutOff(Duration),
}

/// What an image without an outcome has been through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Setbacks {
    /// How often it has failed by itself.
    pub(crate) failures: u32,
    /// How often since then it came back without its host having been asked.
    pub(crate) put_off: u32,
}

/// Decides on an image that has now been reported, after what it has been through before.
pub(crate) fn after_report(
    policy: &RetryPolicy,
    seed: u64,
    report: &ImageReport,
    before: Setbacks,
) -> AfterReport {
    let failures = before.failures.saturating_add(1);
    let is_put_off = report.not_asked && before.put_off < policy.patience;
    let is_final = report.outcome() == Outcome::Done
        || !report.class().is_transient()
        || failures >= policy.image_attempts.get() && !is_put_off;
    if is_final {
        return AfterReport::Final;
    }
    let asked = report.retry_after_ms.map_or(Duration::ZERO, Duration::from_millis);
    let own = jittered(policy.image_backoff, failures, [seed, report.index, failures.into()]);
    let wait = own.max(asked.min(policy.max_retry_after));
    if is_put_off { AfterReport::PutOff(wait) } else { AfterReport::Again(wait) }
}

/// What follows when a task ends and leaves images without an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterLoss {
    /// The images fail.
    GiveUp,
    /// The rest of the batch is launched again after this wait.
    Again(Duration),
}

/// Decides on a batch that has now spent `spent` of its budget, this time included.
pub(crate) fn after_loss(
    policy: &RetryPolicy,
    seed: u64,
    attempt: Attempt,
    spent: u32,
) -> AfterLoss {
    if spent >= policy.machinery_budget.get() {
        return AfterLoss::GiveUp;
    }
    let key = [seed, !attempt.batch, attempt.number.into()];
    AfterLoss::Again(jittered(policy.machinery_backoff, spent, key))
}

/// Full jitter: any wait up to the whole of the backoff, so that what failed together does not come
/// back together. The same key gives the same wait.
fn jittered(backoff: Backoff, failures: u32, key: [u64; 3]) -> Duration {
    let hash = key.into_iter().fold(0, |hash, part| mix(hash ^ part));
    let wait = u64::try_from(backoff.after(failures).as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(hash % wait.saturating_add(1))
}

/// SplitMix64: one step of the generator, used as a hash. Every bit of the input
/// changes about half of the bits of the output.
fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Class;

    fn policy() -> RetryPolicy {
        RetryPolicy::default()
    }

    #[test]
    fn permanent_failures_are_final_and_transient_ones_only_in_the_end() {
        let after = |class, failures| {
            after_report(
                &policy(),
                1,
                &ImageReport::failed(7, class, ""),
                Setbacks { failures, put_off: 0 },
            )
        };
        assert_eq!(after(Class::Http4xx, 0), AfterReport::Final);
        assert!(matches!(after(Class::Timeout, 0), AfterReport::Again(_)));
        assert!(matches!(after(Class::Timeout, 1), AfterReport::Again(_)));
        assert_eq!(after(Class::Timeout, 2), AfterReport::Final);
    }

    #[test]
    fn an_origin_may_ask_for_patience_up_to_a_limit() {
        let mut report = ImageReport::failed(7, Class::TooManyRequests, "");
        report.retry_after_ms = Some(120_000);
        let after = |report: &ImageReport| after_report(&policy(), 1, report, Setbacks::default());
        assert_eq!(after(&report), AfterReport::Again(Duration::from_secs(120)));
        report.retry_after_ms = Some(u64::MAX);
        assert_eq!(after(&report), AfterReport::Again(policy().max_retry_after));
    }

    #[test]
    fn an_image_whose_host_was_not_asked_spends_patience_instead_of_attempts() {
        let mut report = ImageReport::failed(7, Class::TooManyRequests, "");
        report.retry_after_ms = Some(120_000);
        report.not_asked = true;
        let wait = Duration::from_secs(120);
        let patience = policy().patience;
        let after =
            |failures, put_off| after_report(&policy(), 1, &report, Setbacks { failures, put_off });
        assert_eq!(after(0, 0), AfterReport::PutOff(wait));
        assert_eq!(after(2, patience - 1), AfterReport::PutOff(wait));
        assert_eq!(after(1, patience), AfterReport::Again(wait));
        assert_eq!(after(2, patience), AfterReport::Final);
    }

    #[test]
    fn waits_are_spread_evenly_from_none_to_the_whole_backoff() {
        let backoff = Backoff::seconds(10, 10);
        let waits: Vec<_> = (0..10_000).map(|n| jittered(backoff, 1, [3, n, 1])).collect();
        assert!(waits.iter().all(|wait| *wait <= Duration::from_secs(10)));
        for tenth in 0..10 {
            let count = waits.iter().filter(|wait| wait.as_secs() == tenth).count();
            assert!((850..1_150).contains(&count), "{tenth}: {count}");
        }
        assert_eq!(jittered(backoff, 1, [3, 0, 1]), waits[0]);
        assert_eq!(jittered(Backoff::seconds(0, 0), 1, [3, 0, 1]), Duration::ZERO);
    }

    #[test]
    fn the_generator_gives_the_published_sequence() {
        let golden = 0x9e37_79b9_7f4a_7c15_u64;
        let sequence = [mix(0), mix(golden), mix(golden.wrapping_mul(2))];
        let published = [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f];
        assert_eq!(sequence, published);
    }
}
