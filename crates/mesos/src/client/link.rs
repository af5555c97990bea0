//! What the stream and the calls of one driver tell each other.

use url::Url;

use crate::v1::FrameworkId;

/// Where calls go while a subscription stands.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) endpoint: Url,
    pub(crate) stream_id: Option<String>,
    pub(crate) framework_id: Option<FrameworkId>,
}

/// What can interrupt the stream from our side.
#[derive(Debug)]
pub(crate) enum Control {
    /// A call found that the subscription is gone.
    Lost(String),
    /// The user wants the stream to end.
    Stop,
}
