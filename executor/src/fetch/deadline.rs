//! How long a download may take.

use std::time::Duration;

use tokio::time::{Instant, timeout};

/// The end of the whole download.
#[derive(Debug)]
pub(super) struct Deadline(Option<(Instant, Duration)>);

impl Deadline {
    /// `limit` from now on; `None` for no end.
    pub(super) fn new(limit: Option<Duration>) -> Self {
        Self(limit.and_then(|limit| Some((Instant::now().checked_add(limit)?, limit))))
    }

    /// Gives back time that was not the origin's.
    pub(super) fn extend(&mut self, by: Duration) {
        if let Some((end, _)) = &mut self.0 {
            *end += by;
        }
    }

    /// Waits for `work` at most until the end, and at most `silence`. The error is the
    /// limit that was hit.
    pub(super) async fn within<T>(
        &self,
        silence: Option<Duration>,
        work: impl Future<Output = T>,
    ) -> Result<T, Duration> {
        let total = self.0.map(|(end, limit)| (end.duration_since(Instant::now()), limit));
        let silence = silence.map(|limit| (limit, limit));
        match total.into_iter().chain(silence).min_by_key(|(left, _)| *left) {
            Some((left, limit)) => timeout(left, work).await.map_err(|_| limit),
            None => Ok(work.await),
        }
    }
}
