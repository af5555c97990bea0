//! Finding the master that leads, and noticing when another one does.
//!
//! A [`MasterDetector`] gives the news of who leads as a stream. [`Detection`] does so for
//! every form of a [`MasterSpec`]; a detector of one's own (for another registry, say) is
//! one method and goes into `scheduler::Builder::connect_with`.
//!
//! # Recovery
//!
//! Errors are items. After most of them the detector goes on by itself, and what it said
//! before still counts; after those of [`DetectError::is_terminal`] the stream ends.

mod file;
pub mod leader;
#[cfg(feature = "zookeeper")]
mod zookeeper;

use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use tokio::sync::mpsc;

use crate::master::{Master, MasterSpec};

#[cfg(feature = "zookeeper")]
pub use zookeeper::{SESSION_TIMEOUT, ZooKeeper};

/// What a detector says: the master that leads, or that none does.
pub type News = Result<Option<Master>, DetectError>;

/// Something that knows which master leads.
pub trait MasterDetector {
    /// The news from now on: the first as soon as it is known, another one after each
    /// change. `None` means that nobody leads now. A stream that ends has no more changes.
    fn masters(self) -> impl Stream<Item = News> + Send + 'static;
}

/// A master that does not change, or that redirects when it does.
impl MasterDetector for Master {
    fn masters(self) -> impl Stream<Item = News> + Send + 'static {
        stream::once(async { Ok(Some(self)) })
    }
}

/// Why it cannot be told who leads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DetectError {
    /// ZooKeeper does not answer; it is tried again.
    #[error("no connection to ZooKeeper at {servers}: {reason}")]
    Unreachable {
        /// The servers.
        servers: String,
        /// Why.
        reason: String,
    },
    /// ZooKeeper does not let us read. Terminal.
    #[error(
        "ZooKeeper does not let us read {path}: check the user and the password in the zk:// address"
    )]
    Refused {
        /// The node.
        path: String,
    },
    /// What the leading master announces is not of a master; the next change is waited for.
    #[error("{place} names no master: {reason}")]
    Garbled {
        /// A node or a file.
        place: String,
        /// Why.
        reason: String,
    },
    /// The file cannot be read; it is tried again.
    #[error("cannot read {path}, the file that names the master: {reason}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// The way of detection was left out of this program. Terminal.
    #[error(
        "this program was built without the feature `zookeeper` of the crate `mesos`: name a master \
         as HOST:PORT"
    )]
    NotBuiltIn,
}

impl DetectError {
    /// Whether the stream of news ends after this.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        match self {
            Self::Refused { .. } | Self::NotBuiltIn => true,
            Self::Unreachable { .. } | Self::Garbled { .. } | Self::Unreadable { .. } => false,
        }
    }
}

/// The detector for a [`MasterSpec`].
#[derive(Debug, Clone)]
pub struct Detection {
    spec: MasterSpec,
    https: bool,
}

impl Detection {
    /// Detects what `spec` names.
    #[must_use]
    pub fn of(spec: MasterSpec) -> Self {
        Self { spec, https: false }
    }

    /// Whether masters that ZooKeeper names are spoken to by https; what they announce
    /// does not say so. Default: http.
    #[must_use]
    pub fn https(self, https: bool) -> Self {
        Self { https, ..self }
    }

    /// The news in a box. A function of its own because files name other specs.
    fn boxed(self) -> BoxStream<'static, News> {
        match self.spec {
            MasterSpec::Fixed(master) => master.masters().boxed(),
            MasterSpec::File(path) => file::watch(path, self.https).boxed(),
            #[cfg(feature = "zookeeper")]
            MasterSpec::ZooKeeper(address) => {
                ZooKeeper::new(address).https(self.https).masters().boxed()
            }
            #[cfg(not(feature = "zookeeper"))]
            MasterSpec::ZooKeeper(_) => {
                stream::once(async { Err(DetectError::NotBuiltIn) }).boxed()
            }
        }
    }
}

impl MasterDetector for Detection {
    fn masters(self) -> impl Stream<Item = News> + Send + 'static {
        self.boxed()
    }
}

/// How much news may wait; a new leader is rare.
const NEWS_CAPACITY: usize = 8;

/// The stream of what a task tells.
fn told_by<F, T>(task: F) -> impl Stream<Item = News> + Send + 'static
where
    F: FnOnce(mpsc::Sender<News>) -> T,
    T: Future<Output = ()> + Send + 'static,
{
    let (sender, mut receiver) = mpsc::channel(NEWS_CAPACITY);
    let task = task(sender);
    // The task starts with the first look at the stream, when there is a runtime for sure.
    let mut task = Some(task);
    stream::poll_fn(move |context| {
        if let Some(task) = task.take() {
            tokio::spawn(task);
        }
        receiver.poll_recv(context)
    })
}
