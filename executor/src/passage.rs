//! A JPEG on its way through: its pieces are inverted as they come and sent on as they are
//! ready, so that memory does not grow with the picture.

use std::mem;
use std::time::{Duration, Instant};

use bytes::Bytes;
use imaging::{Format, JpegInverter, JpegSummary, Sniffed};
use sha2::{Digest, Sha256};
use tokio::task::yield_now;

use crate::budget::Share;
use crate::fetch::{self, Incoming};
use crate::upload::{Closed, Stopped, Sum, Writer};

/// How much is inverted before others have their turn: well under a millisecond of work.
const STEP_BYTES: usize = 16 << 10;
/// Less is not sent on its own, except for the last piece.
const PIECE_BYTES: usize = 16 << 10;
/// What may stand before the header of the frame: it waits until the frame is known.
const MAX_EARLY_BYTES: u64 = 128 << 10;

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
    Origin(fetch::failure::Failure),
    /// It is damaged, or larger than allowed.
    Picture(imaging::Error),
}

impl Passage {
    /// Begins with the `start` of a file, and says how much of it is done with. `None` if it
    /// has to be there as a whole, as it is no JPEG, one of another kind, or damaged before its
    /// frame: [`imaging::process`] will say.
    pub async fn begin(
        share: &Share,
        start: &[u8],
        limits: &imaging::Limits,
    ) -> Option<(Self, usize)> {
        if imaging::sniff(start) != Some(Sniffed::Picture(Format::Jpeg)) {
            return None;
        }
        let limits = imaging::Limits { max_memory_bytes: MAX_EARLY_BYTES, ..*limits };
        let mut passage = Self {
            inverter: JpegInverter::new(&limits),
            ready: room(),
            sent: Sent::default(),
            worked: Duration::ZERO,
        };
        let mut done = 0;
        for step in start.chunks(STEP_BYTES) {
            passage.step(share, step).await.ok()?;
            done += step.len();
            // Something has come out once its kind is known to be suited.
            if !passage.ready.is_empty() {
                return Some((passage, done));
            }
        }
        None
    }

    /// Takes the picture to its end: what is `here` has come already, the rest comes from
    /// `incoming`.
    ///
    /// # Errors
    ///
    /// When the rest does not come, is damaged, or is not taken by the upload.
    pub async fn run(
        mut self,
        share: &Share,
        here: [Bytes; 2],
        incoming: &mut Incoming,
        writer: Writer,
    ) -> Result<(Passed, Sum), Stopped<Trouble>> {
        for piece in here {
            self.take(share, piece, incoming, &writer).await?;
        }
        while let Some(piece) = incoming.next().await.map_err(origin)? {
            self.take(share, piece, incoming, &writer).await?;
        }
        self.end(writer).await
    }

    /// Inverts a piece and sends what comes of it. The piece is given back before the next one
    /// is asked for.
    async fn take(
        &mut self,
        share: &Share,
        piece: Bytes,
        incoming: &mut Incoming,
        writer: &Writer,
    ) -> Result<(), Stopped<Trouble>> {
        let before = Instant::now();
        for step in piece.chunks(STEP_BYTES) {
            self.step(share, step).await.map_err(picture)?;
            self.send(writer).await?;
        }
        incoming.excuse(before.elapsed());
        Ok(())
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
        self.sent.send(writer, mem::replace(&mut self.ready, room())).await
    }
}

impl Sent {
    async fn send(&mut self, writer: &Writer, piece: Vec<u8>) -> Result<(), Closed> {
        self.bytes += piece.len() as u64;
        self.digest.update(&piece);
        writer.write(piece).await
    }
}

/// For what comes of one step, and what was too little to be sent before.
fn room() -> Vec<u8> {
    Vec::with_capacity(PIECE_BYTES + STEP_BYTES)
}

fn origin(failure: fetch::failure::Failure) -> Stopped<Trouble> {
    Stopped::Source(Trouble::Origin(failure))
}

fn picture(error: imaging::Error) -> Stopped<Trouble> {
    Stopped::Source(Trouble::Picture(error))
}
