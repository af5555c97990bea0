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
    /// The other side refused the call, or could not take it now. In the second case
    /// ([`is_retryable`](Self::is_retryable)) the driver subscribes anew.
    #[error("the call was refused with status {status}: {body}")]
    Rejected {
        /// The status.
        status: u16,
        /// What it says.
        body: String,
    },
    /// No answer came in time, so whether the call took effect is unknown.
    #[error("the call got no answer in time, so whether it took effect is unknown")]
    Timeout,
    /// The connection failed, so whether the call took effect is unknown.
    #[error("no answer to the call: {0}")]
    Transport(String),
    /// An ACCEPT was held back, because the framework id could not be kept before it.
    #[error(
        "the offer was not accepted: the framework id cannot be kept ({0}); make its place writable"
    )]
    NotKept(String),
    /// The driver has ended.
    #[error("the call was not sent: the driver has ended")]
    Closed,
}

impl CallError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::NotSubscribed | Self::Timeout | Self::Transport(_) | Self::NotKept(_) => true,
            Self::Rejected { status, body } => of_call(*status, body) == Meaning::TryAgain,
            Self::StaleOffer(_) | Self::Closed => false,
        }
    }

    /// The error of an answer, or `Ok` if it was taken; [`crate::status`] is the table.
    ///
    /// # Errors
    ///
    /// [`CallError::NotSubscribed`] when the answer says that the subscription is gone,
    /// [`CallError::Rejected`] otherwise.
    pub fn of_answer(status: u16, body: String) -> Result<(), Self> {
        match of_call(status, &body) {
            Meaning::Accepted => Ok(()),
            Meaning::NotSubscribed => Err(Self::NotSubscribed),
            Meaning::Redirect | Meaning::TryAgain | Meaning::Unauthorized | Meaning::Refused => {
                Err(Self::Rejected { status, body })
            }
        }
    }
}

/// The answer to a call that is already on its way.
///
/// The call is sent whether this is awaited or dropped.
#[derive(Debug)]
pub struct Pending(oneshot::Receiver<Result<(), CallError>>);

impl Pending {
    /// The answer to a call that needs not be made.
    pub(crate) fn done() -> Self {
        let (answer, pending) = oneshot::channel();
        // The receiver is right here.
        let _ = answer.send(Ok(()));
        Self(pending)
    }
}

impl Future for Pending {
    type Output = Result<(), CallError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|answer| answer.unwrap_or(Err(CallError::Closed)))
    }
}

/// What a side does with a call beside sending it.
pub(crate) trait Rules<C>: Send + 'static {
    /// Waits for what must be done before `call` may leave.
    fn ready(
        &mut self,
        _call: &C,
        _link: &Link,
    ) -> impl Future<Output = Result<(), CallError>> + Send {
        std::future::ready(Ok(()))
    }

    /// Completes `call`; `Ok(false)` means that nothing is left to send.
    fn prepare(&mut self, call: &mut C, link: &Link) -> Result<bool, CallError>;

    /// Takes note of what became of `call`.
    fn answered(&mut self, _call: &C, _answer: &Result<(), CallError>) {}
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
pub(crate) fn start<C, R>(
    http: Http,
    links: watch::Receiver<Option<Link>>,
    control: mpsc::UnboundedSender<Control>,
    rules: R,
) -> Queue<C>
where
    C: Wire + Send + Sync + 'static,
    R: Rules<C>,
{
    let (queue, receiver) = mpsc::unbounded_channel();
    let sender = Sender { http, links, control, rules, is_lost: false };
    tokio::spawn(sender.run(receiver));
    Queue(queue)
}

struct Sender<R> {
    http: Http,
    links: watch::Receiver<Option<Link>>,
    control: mpsc::UnboundedSender<Control>,
    rules: R,
    /// Whether a call found the link to be lost. What was queued behind that call must not
    /// overtake it on the same link.
    is_lost: bool,
}

impl<R> Sender<R> {
    async fn run<C>(mut self, mut queue: mpsc::UnboundedReceiver<Queued<C>>)
    where
        C: Wire + Send + Sync,
        R: Rules<C>,
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

    async fn send<C>(&mut self, mut call: C) -> Result<(), CallError>
    where
        C: Wire + Send + Sync,
        R: Rules<C>,
    {
        let link = self.link()?;
        self.rules.ready(&call, &link).await?;
        // What was waited for may have outlived the subscription.
        let link = self.link()?;
        if !self.rules.prepare(&mut call, &link)? {
            return Ok(());
        }
        let answer = self.post(&call, link).await;
        self.rules.answered(&call, &answer);
        answer
    }

    async fn post<C: Wire>(&mut self, call: &C, link: Link) -> Result<(), CallError> {
        let body = self.http.codec().encode(call);
        let answer = self.http.call(link.endpoint, link.stream_id.as_deref(), body).await;
        let (status, body) = answer.map_err(|error| self.broken(&error))?;
        let reason = format!("a call was answered {status}: {body}");
        let result = CallError::of_answer(status, body);
        // Whoever made the call counts on it. With a new subscription both sides know where they
        // are: offers are made anew, and what is still wanted is said again.
        if result.as_ref().is_err_and(CallError::is_retryable) {
            self.lost(reason);
        }
        result
    }

    /// Where calls go now; nowhere between the loss of a link and the next one.
    fn link(&mut self) -> Result<Link, CallError> {
        let is_new = self.links.has_changed().unwrap_or(false);
        self.is_lost = self.is_lost && !is_new;
        let link = self.links.borrow_and_update().clone();
        link.filter(|_| !self.is_lost).ok_or(CallError::NotSubscribed)
    }

    /// As in Mesos' own library, losing either connection is losing the other side.
    fn broken(&mut self, error: &reqwest::Error) -> CallError {
        let reason = describe(error);
        self.lost(format!("a call got no answer: {reason}"));
        if error.is_timeout() { CallError::Timeout } else { CallError::Transport(reason) }
    }

    /// Nothing to tell if the subscription was replaced while the call was on its way.
    fn lost(&mut self, reason: String) {
        if !self.links.has_changed().unwrap_or(true) {
            self.is_lost = true;
            let _ = self.control.send(Control::Lost(reason));
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The receiving end of a queue, for tests of what is put into it.
    pub(crate) struct Captured<C>(mpsc::UnboundedReceiver<Queued<C>>);

    impl<C> Captured<C> {
        /// The next call, if one was made; barriers are left out.
        pub(crate) fn next(&mut self) -> Option<C> {
            loop {
                if let Some(call) = self.0.try_recv().ok()?.call {
                    return Some(call);
                }
            }
        }
    }

    /// A queue without a sender behind it.
    pub(crate) fn captured<C>() -> (Queue<C>, Captured<C>) {
        let (queue, receiver) = mpsc::unbounded_channel();
        (Queue(queue), Captured(receiver))
    }

    #[test]
    fn every_answer_has_one_error_and_one_answer_to_whether_to_try_again() {
        let gone = "Framework cannot be found";
        for (status, body, error, retryable) in [
            (307, "", "not sent", true),
            (400, "Failed to validate", "status 400", false),
            (400, gone, "not sent", true),
            (401, "", "status 401", false),
            (403, "Framework is not subscribed", "not sent", true),
            (404, "", "status 404", true),
            (406, "", "status 406", false),
            (409, "", "status 409", false),
            (429, "", "status 429", true),
            (501, "", "status 501", false),
            (503, "", "status 503", true),
        ] {
            let found = CallError::of_answer(status, body.to_owned()).unwrap_err();
            assert!(found.to_string().contains(error), "{status} {body}: {found}");
            assert_eq!(found.is_retryable(), retryable, "{status} {body}");
        }
        assert_eq!(CallError::of_answer(202, String::new()), Ok(()));
        assert_eq!(CallError::of_answer(200, String::new()), Ok(()));
    }

    #[test]
    fn what_never_reached_the_other_side_may_be_tried_again_unless_it_is_void() {
        assert!(CallError::Timeout.is_retryable());
        assert!(CallError::Transport("reset".into()).is_retryable());
        assert!(!CallError::StaleOffer("o".into()).is_retryable());
        assert!(!CallError::Closed.is_retryable());
    }
}
