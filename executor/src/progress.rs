//! When the outcomes of single images are told while their task still runs.

use std::mem;
use std::time::Duration;

use protocol::{ImageReport, Report};
use tokio::time::{Instant, sleep_until};

/// How long an outcome waits for others to be told along with it. A task has about two
/// updates a second, and one that takes less has none but its last.
pub const INTERVAL: Duration = Duration::from_millis(500);

/// The outcomes that nobody was told yet.
#[derive(Debug, Default)]
pub struct Unreported {
    images: Vec<ImageReport>,
    due: Option<Instant>,
}

impl Unreported {
    /// Adds an outcome. The first one after a [`take`](Self::take) begins the interval.
    pub fn push(&mut self, now: Instant, image: ImageReport) {
        self.due.get_or_insert(now + INTERVAL);
        self.images.push(image);
    }

    /// Everything that was added since the last time.
    pub fn take(&mut self) -> Report {
        self.due = None;
        Report { images: mem::take(&mut self.images), ..Report::default() }
    }

    /// Waits until there is something to tell and its interval is over.
    pub async fn due(&self) {
        match self.due {
            Some(due) => sleep_until(due).await,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Class;
    use tokio::time::timeout;

    fn image(index: u64) -> ImageReport {
        ImageReport::failed(index, Class::Dns, "no")
    }

    #[tokio::test(start_paused = true)]
    async fn outcomes_wait_for_the_interval_that_the_first_begins() {
        let mut unreported = Unreported::default();
        assert!(timeout(INTERVAL * 2, unreported.due()).await.is_err());
        let start = Instant::now();
        unreported.push(start, image(1));
        assert!(timeout(INTERVAL / 2, unreported.due()).await.is_err());
        unreported.push(Instant::now(), image(2));
        unreported.due().await;
        assert!(start.elapsed() >= INTERVAL && start.elapsed() < INTERVAL * 3 / 2);
        assert_eq!(unreported.take().images, [image(1), image(2)]);
        assert!(timeout(INTERVAL * 2, unreported.due()).await.is_err());
        assert!(unreported.take().images.is_empty());
    }
}
