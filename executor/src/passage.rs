//! A JPEG on its way through: its pieces are inverted as they come and sent on as they are
//! ready, so that memory does not grow with the picture.

use std::mem;
use std::time::{Duration, Instant};

use bytes::Bytes;
use imaging::{Format, JpegInverter, JpegSummary, Sniffed};
use sha2::{Digest, Sha256};
use tokio::task::yield_now;

use crate::budget::{SLOT_BYTES, Share};
use crate::fetch::{self, Incoming};
use crate::upload::{Closed, Stopped, Sum, Writer};

/// How much is inverted before others have their turn: well under a millisecond of work.
const STEP_BYTES: usize = 64 << 10;
/// Less is not sent on its own, except for the last piece.
const PIECE_BYTES: usize = 32 << 10;

/// A picture that is being inverted.
#[derive(Debug)]
pub struct Passage {
    inverter: JpegInverter,
    ready: Vec<u8>,
    sent: Sent,
    worked: Duration,
}

#[derive(Debug, Default)]
struct Sent {
    bytes: u64,
    digest: Sha256,
}

/// A picture that has gone through.
#[derive(Debug)]
pub struct Passed {
    /// What it was.
    pub summary: JpegSummary,
    /// The time that inverting it took.
    pub worked: Duration,
    /// When the last of it was handed over.
    pub ended: Instant,
}

/// Why a picture does not go through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The rest of it does not come.
    Origin(fetch::Failure),
    /// It is damaged, or larger than allowed.
    Picture(imaging::Error),
}

impl Passage {
    /// Begins with the `start` of a file. `None` if it has to be there as a whole, as it is no
    /// JPEG, one of another kind, or damaged already: [`imaging::process`] will say.
    pub async fn begin(share: &Share, start: &[u8], limits: &imaging::Limits) -> Option<Self> {
        if imaging::sniff(start) != Some(Sniffed::Picture(Format::Jpeg)) {
            return None;
        }
        let limits = imaging::Limits { max_memory_bytes: SLOT_BYTES, ..*limits };
        let mut passage = Self {
            inverter: JpegInverter::new(&limits),
            ready: Vec::new(),
            sent: Sent::default(),
            worked: Duration::ZERO,
        };
        for step in start.chunks(STEP_BYTES) {
            passage.step(share, step).await.ok()?;
        }
        // Something has come out once its kind is known to be suited.
        (!passage.ready.is_empty()).then_some(passage)
    }

    /// Takes the picture to its end: `next` has come already, the rest comes from `incoming`.
    ///
    /// # Errors
    ///
    /// When the rest does not come, is damaged, or is not taken by the upload.
    pub async fn run(
        mut self,
        share: &Share,
        next: Bytes,
        incoming: &mut Incoming,
        writer: Writer,
    ) -> Result<(Passed, Sum), Stopped<Trouble>> {
        let mut next = Some(next);
        while let Some(piece) = next {
            let before = Instant::now();
            self.send(&writer).await?;
            for step in piece.chunks(STEP_BYTES) {
                self.step(share, step).await.map_err(picture)?;
                self.send(&writer).await?;
            }
            incoming.excuse(before.elapsed());
            // Given back before the next one is asked for.
            drop(piece);
            next = incoming.next().await.map_err(origin)?;
        }
        self.end(writer).await
    }

    async fn end(self, writer: Writer) -> Result<(Passed, Sum), Stopped<Trouble>> {
        let Self { inverter, mut ready, mut sent, worked } = self;
        let summary = inverter.finish(&mut ready).map_err(picture)?;
        sent.send(&writer, ready).await?;
        let Sent { bytes, digest } = sent;
        let sum = Sum { bytes, sha256: digest.finalize().into() };
        writer.end(sum.header()).await?;
        Ok((Passed { summary, worked, ended: Instant::now() }, sum))
    }

    /// Inverts a small piece where it stands: handing it to another thread would cost more.
    async fn step(&mut self, share: &Share, piece: &[u8]) -> Result<(), imaging::Error> {
        let processor = share.processor().await;
        let before = Instant::now();
        let result = self.inverter.push(piece, &mut self.ready);
        self.worked += before.elapsed();
        drop(processor);
        yield_now().await;
        result
    }

    async fn send(&mut self, writer: &Writer) -> Result<(), Closed> {
        if self.ready.len() < PIECE_BYTES {
            return Ok(());
        }
        self.sent.send(writer, mem::take(&mut self.ready)).await
    }
}

impl Sent {
    async fn send(&mut self, writer: &Writer, piece: Vec<u8>) -> Result<(), Closed> {
        self.bytes += piece.len() as u64;
        self.digest.update(&piece);
        writer.write(Bytes::from(piece)).await
    }
}

fn origin(failure: fetch::Failure) -> Stopped<Trouble> {
    Stopped::Source(Trouble::Origin(failure))
}

fn picture(error: imaging::Error) -> Stopped<Trouble> {
    Stopped::Source(Trouble::Picture(error))
}
