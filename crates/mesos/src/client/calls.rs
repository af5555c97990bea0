//! Calls, in the order they were made, on a connection beside the stream's.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::{mpsc, oneshot, watch};

use super::http::{CallHead, Http};
use super::link::{Control, Link};
use super::pipeline::{Broken, Pipeline};
use super::response::Response;
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
    let (pipeline, current) = (Pipeline::new(http.tls()), Current::default());
    let sender =
        Sender { http, pipeline, links, control, rules, current, waiting: VecDeque::new() };
    tokio::spawn(sender.run(receiver));
    Queue(queue)
}

struct Sender<C, R> {
    http: Http,
    pipeline: Pipeline,
    links: watch::Receiver<Option<Link>>,
    control: mpsc::UnboundedSender<Control>,
    rules: R,
    current: Current,
    /// Calls without an answer, and barriers behind them, oldest first.
    waiting: VecDeque<Waiting<C>>,
}

/// The link that was seen last.
#[derive(Default)]
struct Current {
    link: Option<Link>,
    head: Option<CallHead>,
    /// Whether a call found it to be lost. What was not sent by then must not overtake that call
    /// on the same link.
    is_lost: bool,
}

/// A call, or a barrier.
struct Waiting<C> {
    call: Option<C>,
    answer: oneshot::Sender<Result<(), CallError>>,
}

impl<C, R> Sender<C, R>
where
    C: Wire + Send + Sync,
    R: Rules<C>,
{
    async fn run(mut self, mut queue: mpsc::UnboundedReceiver<Queued<C>>) {
        let (mut is_open, mut is_linked) = (true, true);
        while is_open || !self.waiting.is_empty() {
            tokio::select! {
                biased;
                changed = self.links.changed(), if is_linked => match changed {
                    Ok(()) => self.relink(),
                    Err(_) => is_linked = false,
                },
                queued = queue.recv(), if is_open && self.pipeline.has_room() => match queued {
                    Some(queued) => self.take(queued).await,
                    None => is_open = false,
                },
                response = self.pipeline.next() => self.answered(response),
            }
        }
    }

    /// Begins with a new link, and gives up what belongs to the one before. Without a new one,
    /// what was sent may still be answered: a TEARDOWN, for one, ends the subscription.
    fn relink(&mut self) {
        let link = self.links.borrow_and_update().clone();
        if link.is_some() {
            let replaced = "the subscription was replaced before the answer came";
            let sent = self.pipeline.drop_all();
            self.break_off(sent, &CallError::Transport(replaced.to_owned()));
        }
        self.current = Current { link, ..Current::default() };
    }

    async fn take(&mut self, Queued { call, answer }: Queued<C>) {
        let sent = match call {
            Some(call) => self.send(call).await,
            None if self.waiting.is_empty() => Ok(None),
            None => return self.waiting.push_back(Waiting { call: None, answer }),
        };
        match sent {
            Ok(Some(call)) => self.waiting.push_back(Waiting { call: Some(call), answer }),
            // Nobody needs to wait for the answer.
            Ok(None) => drop(answer.send(Ok(()))),
            Err(error) => drop(answer.send(Err(error))),
        }
    }

    /// Puts a call on its way, and gives it back; nothing, if nothing of it is left to send.
    async fn send(&mut self, mut call: C) -> Result<Option<C>, CallError> {
        let link = self.link()?;
        self.rules.ready(&call, &link).await?;
        // What was waited for may have outlived the subscription.
        if self.links.has_changed().unwrap_or(false) {
            self.relink();
        }
        let link = self.link()?;
        if !self.rules.prepare(&mut call, &link)? {
            return Ok(None);
        }
        let head = match &mut self.current.head {
            Some(head) => head,
            none => none.insert(self.http.call_head(&link).map_err(CallError::Transport)?),
        };
        self.pipeline.push(head.origin(), head.request(&self.http.codec().encode(&call)));
        Ok(Some(call))
    }

    /// Where calls go now; nowhere between the loss of a link and the next one.
    fn link(&self) -> Result<Link, CallError> {
        let link = self.current.link.clone().filter(|_| !self.current.is_lost);
        link.ok_or(CallError::NotSubscribed)
    }

    fn answered(&mut self, response: Result<Response, Broken>) {
        match response {
            Ok(Response { status, body, .. }) => {
                let reason = format!("a call was answered {status}: {body}");
                let result = CallError::of_answer(status, body);
                // Whoever made the call counts on it. With a new subscription both sides know
                // where they are: offers are made anew, and what is still wanted is said again.
                let is_lost = result.as_ref().is_err_and(CallError::is_retryable);
                self.settle(result);
                if is_lost {
                    self.drop_unsent();
                    self.lost(reason);
                }
            }
            // As in Mesos' own library, losing the connection of a call is losing the other side.
            Err(broken) => {
                let (error, reason) = match broken {
                    Broken::Timeout => (CallError::Timeout, CallError::Timeout.to_string()),
                    Broken::Failed(reason) => (CallError::Transport(reason.clone()), reason),
                };
                // Without a connection the oldest call is the one that it was wanted for.
                let sent = self.pipeline.drop_all().max(1);
                self.break_off(sent, &error);
                self.lost(format!("a call got no answer: {reason}"));
            }
        }
    }

    /// Nothing gets an answer any more; so many of those that wait were sent.
    fn break_off(&mut self, sent: usize, error: &CallError) {
        for _ in 0..sent {
            self.settle(Err(error.clone()));
        }
        while !self.waiting.is_empty() {
            self.settle(Err(CallError::NotSubscribed));
        }
    }

    /// Takes back what was not sent yet.
    fn drop_unsent(&mut self) {
        let mut unsent = self.pipeline.drop_unsent();
        for at in (0..self.waiting.len()).rev() {
            if unsent > 0
                && self.waiting.get(at).is_some_and(|it| it.call.is_some())
                && let Some(waiting) = self.waiting.remove(at)
            {
                self.answer(waiting, Err(CallError::NotSubscribed));
                unsent -= 1;
            }
        }
        self.pass_barriers();
    }

    /// Answers the oldest call and the barriers behind it.
    fn settle(&mut self, result: Result<(), CallError>) {
        if let Some(oldest) = self.waiting.pop_front() {
            self.answer(oldest, result);
        }
        self.pass_barriers();
    }

    fn pass_barriers(&mut self) {
        while self.waiting.front().is_some_and(|it| it.call.is_none()) {
            if let Some(barrier) = self.waiting.pop_front() {
                self.answer(barrier, Ok(()));
            }
        }
    }

    fn answer(&mut self, Waiting { call, answer }: Waiting<C>, result: Result<(), CallError>) {
        if let Some(call) = &call {
            self.rules.answered(call, &result);
        }
        // Nobody needs to wait for it.
        let _ = answer.send(result);
    }

    /// Nothing to tell if there is no subscription any more, or another one.
    fn lost(&mut self, reason: String) {
        let has_changed = self.links.has_changed().unwrap_or(true);
        if self.current.link.is_some() && !has_changed && !self.current.is_lost {
            self.current.is_lost = true;
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
