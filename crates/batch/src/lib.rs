//! Decides: images to batches, batches to task attempts, attempts to results.
