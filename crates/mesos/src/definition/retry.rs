//! What happens when an instance ends.

use std::time::Duration;

use serde::Deserialize;

use super::fields::{self, choice};

/// When an ended instance is started again.
///
/// What the machinery is to blame for (a lost agent, a launch that did not arrive) does not
/// count as a failure: such an instance is started again after the first wait. A task that Mesos
/// calls wrong (`TASK_ERROR`) is given up at once.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// The first wait. Default: 1 s.
    #[serde(deserialize_with = "fields::time")]
    pub time: Duration,
    /// Whether waits double with every failure in a row. Default: yes.
    pub exp_backoff: bool,
    /// The longest wait. Default: 5 min.
    #[serde(deserialize_with = "fields::time")]
    pub max_time: Duration,
    /// How many failures in a row are followed by another try. An instance that ran for
    /// [`STEADY`](Retry::STEADY) has none behind it. Default: no limit.
    pub total_retries: Option<u32>,
    /// Whether an instance that ended well is started again too: `always`, or only
    /// `on_failure`. Default: `always`.
    pub restart: Restart,
}

choice! {
    /// What is started again.
    #[derive(Default)]
    Restart {
        /// Whatever ends, so that the instances keep running.
        #[default]
        Always: "always",
        /// What did not end well.
        OnFailure: "on_failure",
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(1),
            exp_backoff: true,
            max_time: Duration::from_secs(300),
            total_retries: None,
            restart: Restart::Always,
        }
    }
}

impl Retry {
    /// How long an instance must have run for its earlier failures to be forgotten.
    pub const STEADY: Duration = Duration::from_secs(60);

    /// The wait after so many failures in a row (from 1; 0 is after an end that was none), by
    /// `jitter` between 0 and 1: at least three quarters of its bound, at most all of it.
    /// `None`: that was the last try.
    #[must_use]
    pub fn wait(&self, failures: u32, jitter: f64) -> Option<Duration> {
        if self.total_retries.is_some_and(|most| failures > most) {
            return None;
        }
        let doublings = if self.exp_backoff { failures.saturating_sub(1).min(31) } else { 0 };
        let bound = self.time.saturating_mul(1 << doublings).min(self.max_time.max(self.time));
        Some(bound.mul_f64(0.75 + jitter.clamp(0.0, 1.0) / 4.0))
    }
}
