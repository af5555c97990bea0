//! The names of tasks: `JOB.BATCH.ATTEMPT`.

use std::fmt;

use mesos::v1::TaskId;
use serde::{Deserialize, Serialize};

/// One attempt at one batch; with the job's name it is the id of a task.
///
/// No id is used twice, so an update that comes late can be told from one that counts.
///
/// ```
/// use batch::Attempt;
/// let attempt = Attempt { batch: 12, number: 2 };
/// let id = attempt.task_id("my.job");
/// assert_eq!(id.value, "my.job.12.2");
/// assert_eq!(Attempt::of("my.job", &id), Some(attempt));
/// assert_eq!(Attempt::of("job", &id), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Attempt {
    /// The batch, from 1.
    pub batch: u64,
    /// The attempt at this batch, from 1.
    pub number: u32,
}

impl Attempt {
    /// The id of this attempt's task.
    #[must_use]
    pub fn task_id(self, job: &str) -> TaskId {
        format!("{job}.{self}").into()
    }

    /// The attempt that `id` names, or `None` if it is no task of that job.
    #[must_use]
    pub fn of(job: &str, id: &TaskId) -> Option<Self> {
        let (batch, number) = id.value.strip_prefix(job)?.strip_prefix('.')?.split_once('.')?;
        Some(Self { batch: counting_number(batch)?, number: counting_number(number)? })
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.batch, self.number)
    }
}

/// A number from 1, written the one way in which it is printed.
fn counting_number<N: std::str::FromStr>(text: &str) -> Option<N> {
    let canonical =
        !text.is_empty() && !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
    canonical.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ids_that_only_look_alike_are_not_ours() {
        for id in ["", "job", "job.1", "job.1.", "job.0.1", "job.01.1", "job.1.+1", "job.1.1.1"] {
            assert_eq!(Attempt::of("job", &id.into()), None, "{id}");
        }
        assert_eq!(Attempt::of("job", &"job.1.99999999999".into()), None);
        assert_eq!(Attempt::of("job", &"jobs.1.1".into()), None);
    }

    proptest! {
        #[test]
        fn an_id_is_read_as_it_is_written(job in "[a-z.0-9]{1,20}", batch in 1_u64.., number in 1_u32..) {
            let attempt = Attempt { batch, number };
            prop_assert_eq!(Attempt::of(&job, &attempt.task_id(&job)), Some(attempt));
        }
    }
}
