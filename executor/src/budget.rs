//! What all images of this executor share: downloads, memory and processors.

use std::sync::Arc;
use std::thread;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Downloads in flight at once, over all tasks: enough to hide the network's latency,
/// few enough to be a polite guest.
pub const MAX_DOWNLOADS: usize = 32;

/// Memory for downloaded files, over all tasks. A download sets aside what its server
/// announced, or the most it may become, until its image is done; others wait.
pub const MAX_BUFFERED_BYTES: u64 = 512 << 20;

/// The unit in which memory is set aside, as a semaphore counts in 32 bits.
const BLOCK_BYTES: u64 = 1 << 10;

/// A place that is free again when this is dropped.
pub type Place = OwnedSemaphorePermit;

/// The places to be had.
#[derive(Debug, Clone)]
pub struct Budget {
    downloads: Arc<Semaphore>,
    blocks: Arc<Semaphore>,
    processors: Arc<Semaphore>,
}

impl Budget {
    /// The limits of this module, and as much pixel work at once as there are processors.
    #[must_use]
    pub fn of_this_machine() -> Self {
        Self::new(MAX_DOWNLOADS, thread::available_parallelism().map_or(1, usize::from))
    }

    /// Other limits, for tests.
    #[must_use]
    pub fn new(downloads: usize, processors: usize) -> Self {
        Self {
            downloads: Arc::new(Semaphore::new(downloads)),
            blocks: Arc::new(Semaphore::new(blocks(MAX_BUFFERED_BYTES) as usize)),
            processors: Arc::new(Semaphore::new(processors)),
        }
    }

    /// Waits until one more download may start. `None` never comes: nobody closes a budget.
    pub async fn download(&self) -> Option<Place> {
        Arc::clone(&self.downloads).acquire_owned().await.ok()
    }

    /// Waits until `bytes` of memory may be filled, at most all there are.
    pub async fn memory(&self, bytes: u64) -> Option<Place> {
        Arc::clone(&self.blocks).acquire_many_owned(blocks(bytes)).await.ok()
    }

    /// Waits for a processor.
    pub async fn processor(&self) -> Option<Place> {
        Arc::clone(&self.processors).acquire_owned().await.ok()
    }
}

fn blocks(bytes: u64) -> u32 {
    let blocks = bytes.min(MAX_BUFFERED_BYTES).div_ceil(BLOCK_BYTES);
    u32::try_from(blocks).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn memory_is_shared_and_given_back() {
        let budget = Budget::new(1, 1);
        let all = budget.memory(u64::MAX).await;
        assert!(all.is_some());
        assert_eq!(budget.blocks.available_permits(), 0);
        drop(all);
        let some = budget.memory(1).await;
        assert_eq!(budget.blocks.available_permits() as u64, MAX_BUFFERED_BYTES / BLOCK_BYTES - 1);
        drop(some);
    }
}
