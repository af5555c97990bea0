//! What goes into the master and what comes out.

use std::fmt;

use mesos::v1::scheduler::{Call, Event, call};
use mesos::v1::{AgentId, FrameworkId};

use crate::messages::{FromAgent, ToAgent};

/// The id of one subscription, as in the header `Mesos-Stream-Id`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct StreamId(pub(crate) String);

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Something that happened.
#[derive(Debug)]
pub(crate) enum Input {
    /// Nothing but time has passed.
    Wake,
    /// A scheduler subscribes; its events are to go to `stream`, a new id.
    Subscribe { stream: StreamId, subscribe: Box<call::Subscribe> },
    /// Any other call, valid in itself; answered by exactly one [`Output::Reply`].
    Call { stream: Option<StreamId>, principal: Option<String>, call: Box<Call> },
    /// The connection of an event stream is gone.
    StreamClosed(StreamId),
    /// An agent says something.
    Agent(AgentId, FromAgent),
    /// An agent is gone for good.
    AgentLost(AgentId),
    /// The connection of an agent is gone, and it may return.
    AgentDisconnected(AgentId),
    /// Nothing is heard of an agent any more, though its connection stays.
    AgentSilent(AgentId),
    /// A silent agent is heard again.
    AgentHeard(AgentId),
    /// An operator removes a framework; answered by exactly one [`Output::Reply`].
    Teardown { framework: FrameworkId, operator: Option<String> },
    /// A fault: withdraw every offer.
    RescindOffers,
    /// A fault: cut every event stream.
    DropStreams,
}

/// Something to be done.
#[derive(Debug)]
pub(crate) enum Output {
    /// Write an event to a stream.
    Event(StreamId, Box<Event>),
    /// End a stream after what has been written to it.
    Close(StreamId),
    /// Send a message to an agent.
    Agent(AgentId, ToAgent),
    /// The answer to the call or request that was the input.
    Reply(Reply),
}

/// A status code with its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status, body: body.into() }
    }

    pub(crate) fn bad_request(body: impl Into<String>) -> Self {
        Self::new(400, body)
    }
}
