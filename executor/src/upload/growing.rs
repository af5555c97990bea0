//! The body of an upload that is written while it is sent.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame};
use reqwest::header::{HeaderMap, HeaderValue};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;

/// Pieces between the writer and the connection.
const PIECES: usize = 1;
/// Memory of pieces that are written and not yet sent: the connection would take several times
/// as much before it lets a writer wait.
pub(crate) const WINDOW_BYTES: u32 = 64 << 10;

/// A body and its writer, who waits at most `patience` for one piece to be taken.
#[must_use]
pub fn growing(patience: Option<Duration>) -> (Writer, Growing) {
    let (parts, taken) = mpsc::channel(PIECES);
    let window = Arc::new(Semaphore::new(WINDOW_BYTES as usize));
    (Writer { parts, window, patience }, Growing { parts: taken, has_ended: false })
}

/// Writes a [`Growing`] body. Dropped before [`end`](Self::end), it breaks the upload off:
/// what was sent never becomes a result.
#[derive(Debug)]
pub struct Writer {
    parts: mpsc::Sender<Part>,
    window: Arc<Semaphore>,
    patience: Option<Duration>,
}

/// A piece that counts until the connection has sent it.
struct Counted {
    piece: Vec<u8>,
    _room: Option<OwnedSemaphorePermit>,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.piece
    }
}

/// Nobody takes the pieces any more, or not in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed;

#[derive(Debug)]
enum Part {
    Piece(Bytes),
    End(HeaderMap),
}

impl Writer {
    /// Waits until the connection takes `piece`, and before that until most of what it took
    /// before is sent.
    ///
    /// # Errors
    ///
    /// When the upload has ended; its answer says why.
    pub async fn write(&self, piece: Vec<u8>) -> Result<(), Closed> {
        if piece.is_empty() {
            return Ok(());
        }
        self.in_time(async {
            let bytes = u32::try_from(piece.capacity()).unwrap_or(u32::MAX).min(WINDOW_BYTES);
            let room = Arc::clone(&self.window).acquire_many_owned(bytes).await.ok();
            self.send(Part::Piece(Bytes::from_owner(Counted { piece, _room: room }))).await
        })
        .await
    }

    /// Ends the body, with the value of the header that tells its digest.
    ///
    /// # Errors
    ///
    /// When the upload has ended before.
    pub async fn end(self, digest: HeaderValue) -> Result<(), Closed> {
        let trailers = HeaderMap::from_iter([(super::digest_name(), digest)]);
        self.in_time(self.send(Part::End(trailers))).await
    }

    async fn send(&self, part: Part) -> Result<(), Closed> {
        self.parts.send(part).await.map_err(|_| Closed)
    }

    async fn in_time(
        &self,
        sending: impl Future<Output = Result<(), Closed>>,
    ) -> Result<(), Closed> {
        match self.patience {
            Some(limit) => timeout(limit, sending).await.unwrap_or(Err(Closed)),
            None => sending.await,
        }
    }
}

/// What a [`Writer`] writes: pieces, and a trailer at its proper end alone.
#[derive(Debug)]
pub struct Growing {
    parts: mpsc::Receiver<Part>,
    has_ended: bool,
}

/// The writer is gone without having ended the body.
#[derive(Debug, thiserror::Error)]
#[error("the result was given up before its end")]
pub struct BrokenOff;

impl Body for Growing {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        self.parts.poll_recv(context).map(|part| match part {
            Some(Part::Piece(piece)) => Some(Ok(Frame::data(piece))),
            Some(Part::End(trailers)) => {
                self.has_ended = true;
                Some(Ok(Frame::trailers(trailers)))
            }
            None => {
                self.has_ended = true;
                Some(Err(BrokenOff))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.has_ended
    }
}
