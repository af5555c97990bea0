//! Bodies that may be slow, endless or broken.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::time::timeout;

use crate::refusal::Refusal;

/// How long an upload may send nothing before it is given up.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// How much of a refused upload is still read, so that its sender gets to see the answer
/// rather than a broken connection.
const DRAIN_BYTES: usize = 8 * 1024 * 1024;

/// How long that may take.
pub(super) const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// A part of a body.
pub(super) enum Part {
    Piece(Bytes),
    /// The fields behind the last piece.
    Trailers(HeaderMap),
}

/// The next part of a body, `None` at its end. A body that breaks off is an error.
pub(super) async fn next_part(body: &mut Body) -> Result<Option<Part>, Refusal> {
    let frame = in_time(poll_fn(|context| Pin::new(&mut *body).poll_frame(context))).await?;
    let frame = frame.transpose().map_err(|error| Refusal::BrokenOff(error.to_string()))?;
    Ok(frame.map(|frame| match frame.into_data() {
        Ok(piece) => Part::Piece(piece),
        Err(other) => Part::Trailers(other.into_trailers().unwrap_or_default()),
    }))
}

/// The result of `work`, unless it takes longer than [`IDLE_TIMEOUT`].
pub(super) async fn in_time<T>(work: impl Future<Output = T>) -> Result<T, Refusal> {
    timeout(IDLE_TIMEOUT, work).await.map_err(|_| Refusal::Stalled(IDLE_TIMEOUT.as_secs()))
}

/// Reads on for a while and forgets it. A client that waits for `100 Continue` sends
/// nothing before it is answered.
pub(super) async fn drain(body: Body, headers: &HeaderMap) {
    if headers.contains_key(header::EXPECT) {
        return;
    }
    let mut body = body.into_data_stream();
    let reading = async {
        let mut read = 0;
        while let Some(Ok(piece)) = body.next().await {
            read += piece.len();
            if read > DRAIN_BYTES {
                break;
            }
        }
    };
    if timeout(DRAIN_TIMEOUT, reading).await.is_err() {
        tracing::debug!("a refused upload is too slow to wait for its end");
    }
}

/// The size that the sender announces.
pub(super) fn announced_bytes(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
