//! Calls, in the order they were made, on a connection beside the stream's.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::{mpsc, oneshot, watch};

use super::http::{Http, describe};
use super::link::{Control, Link};
use crate::status::{Meaning, of_call};
use crate::wire::Wire;

/// Why a call did not get through. Nothing is dropped silently.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// There is no subscription right now, or it was lost with this call.
    #[error("the call was not sent: there is no subscription right now")]
    NotSubscribed,
    /// An offer was used, rescinded, or is from before a reconnect.
    #[error("the call was not sent: offer {0} is no longer valid")]
    StaleOffer(String),
    /// The other side understood the call and refused it.
    #[error("the call was refused with status {status}: {body}")]
    Rejected {
        /// The status.
        status: u16,
        /// What it says.
        body: String,
    },
    /// No answer came, so whether the call took effect is unknown.
    #[error("no answer to the call: {0}")]
    Transport(String),
    /// The driver has ended.
    #[error("the call was not sent: the driver has ended")]
    Closed,
}

impl CallError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::NotSubscribed | Self::Transport(_) => true,
            Self::Rejected { status, body } => of_call(*status, body) == Meaning::TryAgain,
            Self::StaleOffer(_) | Self::Closed => false,
        }
    }
}

/// The answer to a call that is already on its way.
///
/// The call is sent whether this is awaited or dropped.
#[derive(Debug)]
pub struct Pending(oneshot::Receiver<Result<(), CallError>>);

impl Future for Pending {
    type Output = Result<(), CallError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|answer| answer.unwrap_or(Err(CallError::Closed)))
    }
}

/// What a side does to a call just before it is sent.
pub(crate) trait Prepare<C>: Send + 'static {
    /// Completes `call`; `Ok(false)` means that nothing is left to send.
    fn prepare(&mut self, call: &mut C, link: &Link) -> Result<bool, CallError>;
}

struct Queued<C> {
    /// `None` is a barrier: it is answered when everything before it is.
    call: Option<C>,
    answer: oneshot::Sender<Result<(), CallError>>,
}

/// The sending end of the queue.
#[derive(Debug)]
pub(crate) struct Queue<C>(mpsc::UnboundedSender<Queued<C>>);

impl<C> Clone for Queue<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<C> Queue<C> {
    pub(crate) fn push(&self, call: C) -> Pending {
        self.enqueue(Some(call))
    }

    /// Resolves when every call made before has its answer.
    pub(crate) fn barrier(&self) -> Pending {
        self.enqueue(None)
    }

    fn enqueue(&self, call: Option<C>) -> Pending {
        let (answer, pending) = oneshot::channel();
        // When the sender is gone, dropping `answer` tells the caller so.
        let _ = self.0.send(Queued { call, answer });
        Pending(pending)
    }
}

/// Starts the task that sends calls until every [`Queue`] is dropped.
pub(crate) fn start<C, P>(
    http: Http,
    links: watch::Receiver<Option<Link>>,
    control: mpsc::UnboundedSender<Control>,
    prepare: P,
) -> Queue<C>
where
    C: Wire + Send + Sync + 'static,
    P: Prepare<C>,
{
    let (queue, receiver) = mpsc::unbounded_channel();
    tokio::spawn(Sender { http, links, control, prepare }.run(receiver));
    Queue(queue)
}

struct Sender<P> {
    http: Http,
    links: watch::Receiver<Option<Link>>,
    control: mpsc::UnboundedSender<Control>,
    prepare: P,
}

impl<P> Sender<P> {
    async fn run<C>(mut self, mut queue: mpsc::UnboundedReceiver<Queued<C>>)
    where
        C: Wire + Send + Sync,
        P: Prepare<C>,
    {
        while let Some(Queued { call, answer }) = queue.recv().await {
            let result = match call {
                Some(call) => self.send(call).await,
                None => Ok(()),
            };
            // Nobody needs to wait for the answer.
            let _ = answer.send(result);
        }
    }

    async fn send<C: Wire>(&mut self, mut call: C) -> Result<(), CallError>
    where
        P: Prepare<C>,
    {
        let link = self.links.borrow().clone().ok_or(CallError::NotSubscribed)?;
        if !self.prepare.prepare(&mut call, &link)? {
            return Ok(());
        }
        let body = self.http.codec().encode(&call);
        let answer = self.http.call(link.endpoint, link.stream_id.as_deref(), body).await;
        let (status, body) = answer.map_err(|error| self.broken(&describe(&error)))?;
        match of_call(status, &body) {
            Meaning::Accepted => Ok(()),
            Meaning::NotSubscribed => {
                self.lost(format!("a call was answered {status}: {body}"));
                Err(CallError::NotSubscribed)
            }
            Meaning::Redirect | Meaning::TryAgain | Meaning::Unauthorized | Meaning::Refused => {
                Err(CallError::Rejected { status, body })
            }
        }
    }

    /// As in Mesos' own library, losing either connection is losing the other side.
    fn broken(&self, reason: &str) -> CallError {
        self.lost(format!("a call got no answer: {reason}"));
        CallError::Transport(reason.to_owned())
    }

    fn lost(&self, reason: String) {
        let _ = self.control.send(Control::Lost(reason));
    }
}
