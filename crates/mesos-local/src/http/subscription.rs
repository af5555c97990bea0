//! The body of a subscription's response, which tells the master when it is dropped.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;

use crate::actor::{EventBytes, MasterHandle, Request};
use crate::master::{Input, StreamId};

pub(super) struct Subscription {
    stream: StreamId,
    events: EventBytes,
    master: MasterHandle,
}

impl Subscription {
    pub(super) fn new(stream: StreamId, events: EventBytes, master: MasterHandle) -> Self {
        Self { stream, events, master }
    }
}

impl Stream for Subscription {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.events.poll_recv(context).map(|event| event.map(Ok))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.master.tell(Request::Plain(Input::StreamClosed(self.stream.clone())));
    }
}
