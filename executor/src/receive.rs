//! What becomes of a download: a file that is there as a whole, or a picture on its way through.

use std::time::Instant;

use bytes::Bytes;
use imaging::Pipeline;
use protocol::Class;

use crate::budget::{Place, Share};
use crate::fetch::Incoming;
use crate::fetch::failure::Failure;
use crate::passage::Passage;
use crate::probe::Probe;

/// How much of a file is held before it may go through in pieces. What is no longer goes as a
/// whole: its upload can be repeated without another download.
pub const START_BYTES: usize = 160 << 10;

/// A download, decided on.
#[derive(Debug)]
pub enum Received {
    /// The file.
    Whole(File),
    /// A picture whose beginning is known, and what came after that; the rest is still to come.
    Passing(Box<Passage>, [Bytes; 2]),
}

/// A file in memory.
#[derive(Debug)]
pub struct File {
    /// All of it.
    pub bytes: Vec<u8>,
    /// What was set aside for it.
    _memory: Place,
}

/// What it takes to decide.
#[derive(Debug)]
pub struct Receiver<'a> {
    /// Where memory is to be had.
    pub share: &'a Share,
    /// What is to be done with the file.
    pub pipeline: &'a Pipeline,
    /// What the picture may cost.
    pub limits: imaging::Limits,
    /// Takes the time spent waiting for memory.
    pub probe: &'a Probe,
}

impl Receiver<'_> {
    /// Receives a file, or as much of it as it takes to know that it can go through.
    ///
    /// # Errors
    ///
    /// When it does not come, or needs more memory than its task has.
    pub async fn receive(&self, incoming: &mut Incoming) -> Result<Received, Failure> {
        let mut start = Vec::with_capacity(capacity(incoming));
        let mut rest = Bytes::new();
        while start.len() < START_BYTES {
            let Some(mut piece) = incoming.next().await? else {
                let memory = self.memory(incoming, start.len() as u64).await?;
                return Ok(Received::Whole(File { bytes: start, _memory: memory }));
            };
            let taken = piece.len().min(START_BYTES - start.len());
            start.extend_from_slice(&piece.split_to(taken));
            rest = piece;
        }
        if *self.pipeline == Pipeline::invert() {
            let before = Instant::now();
            let passage = Passage::begin(self.share, &start, &self.limits).await;
            incoming.excuse(before.elapsed());
            if let Some((passage, done)) = passage {
                let here = [Bytes::from(start).split_off(done), rest];
                return Ok(Received::Passing(Box::new(passage), here));
            }
        }
        self.collect(incoming, start, &rest).await
    }

    /// The rest of a file that has to be there as a whole. Without a known length, it may
    /// become the longest there is room for.
    async fn collect(
        &self,
        incoming: &mut Incoming,
        mut bytes: Vec<u8>,
        rest: &[u8],
    ) -> Result<Received, Failure> {
        let announced = incoming.announced_bytes();
        let here = (bytes.len() + rest.len()) as u64;
        let most = announced.unwrap_or(self.share.max_file_bytes()).max(here);
        let mut memory = self.memory(incoming, most).await?;
        if let Some(announced) = announced.and_then(|bytes| usize::try_from(bytes).ok()) {
            bytes.reserve_exact(announced.saturating_sub(bytes.len()));
        }
        bytes.extend_from_slice(rest);
        while let Some(piece) = incoming.next().await? {
            self.check(incoming, (bytes.len() + piece.len()) as u64)?;
            bytes.extend_from_slice(&piece);
        }
        bytes.shrink_to_fit();
        memory.shrink(bytes.len() as u64);
        Ok(Received::Whole(File { bytes, _memory: memory }))
    }

    async fn memory(&self, incoming: &mut Incoming, bytes: u64) -> Result<Place, Failure> {
        self.check(incoming, bytes)?;
        let before = Instant::now();
        let memory = self.share.file(bytes).await;
        incoming.excuse(before.elapsed());
        self.probe.add_waited(before.elapsed());
        Ok(memory)
    }

    fn check(&self, incoming: &Incoming, bytes: u64) -> Result<(), Failure> {
        let room = self.share.max_file_bytes();
        if bytes <= room {
            return Ok(());
        }
        let happened = format!(
            "has {bytes} bytes or more, and its task has room for a file of {room}: give tasks \
             more memory (--mem)"
        );
        Err(incoming.fail(Class::TooLarge, &happened))
    }
}

fn capacity(incoming: &Incoming) -> usize {
    let announced = incoming.announced_bytes().and_then(|bytes| usize::try_from(bytes).ok());
    announced.unwrap_or(START_BYTES).min(START_BYTES)
}
