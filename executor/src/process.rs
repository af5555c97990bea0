//! Pixel work on a whole file, within the memory of its task.

use std::time::{Duration, Instant};

use imaging::{Class, Error, Limits, Output, Pipeline};

use crate::budget::{Place, Share};
use crate::receive::File;

/// Memory that a picture is tried with first, beside its file.
const FIRST_BYTES: u64 = 8 << 20;
/// How many times as large as the file, at least.
const FIRST_TIMES: u64 = 4;
/// How much more it is tried with when that was too little.
const MORE_TIMES: u64 = 4;

/// What came of a picture.
#[derive(Debug)]
pub struct Processed {
    /// The result with the memory it takes, or why there is none. `None` if the program failed.
    pub result: Option<Result<(Output, Place), Error>>,
    /// Time spent waiting for memory and processors.
    pub waited: Duration,
    /// Time spent on the picture.
    pub worked: Duration,
}

/// Applies `pipeline` to `file`.
///
/// How much memory a picture takes is known by its header only, so it is tried with little
/// first and with more if it is refused: many small ones share what one large one needs.
pub async fn process(share: &Share, file: File, pipeline: &Pipeline, limits: &Limits) -> Processed {
    let most = share.max_work_bytes().min(limits.max_memory_bytes);
    let first = (file.bytes.len() as u64).saturating_mul(FIRST_TIMES).max(FIRST_BYTES);
    let (mut memory_bytes, mut file) = (first.min(most), file);
    let (mut waited, mut worked) = (Duration::ZERO, Duration::ZERO);
    loop {
        let before = Instant::now();
        let memory = share.work(memory_bytes).await;
        let processor = share.processor().await;
        waited += before.elapsed();
        let started = Instant::now();
        let limits = Limits { max_memory_bytes: memory_bytes, ..*limits };
        let pipeline = pipeline.clone();
        let work = tokio::task::spawn_blocking(move || {
            // All is held by the work itself: when a task is killed, its work goes on to its end.
            let _processor = processor;
            let result = imaging::process(&file.bytes, &pipeline, &limits);
            (result, file, memory)
        });
        let done = work.await;
        worked += started.elapsed();
        let Ok((result, back, mut memory)) = done else {
            return Processed { result: None, waited, worked };
        };
        match result {
            Ok(output) => {
                memory.shrink(output.bytes.len() as u64);
                return Processed { result: Some(Ok((output, memory))), waited, worked };
            }
            Err(error) if error.class == Class::TooLarge && memory_bytes < most => {
                memory_bytes = memory_bytes.saturating_mul(MORE_TIMES).min(most);
                file = back;
            }
            Err(error) => return Processed { result: Some(Err(error)), waited, worked },
        }
    }
}
