//! How a download fails.

use std::time::Duration;

use protocol::Class;

/// Why there is no file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure.
    pub class: Class,
    /// One sentence that names the URL.
    pub message: String,
    /// The status of the answer, if one came.
    pub http_status: Option<u16>,
    /// Where redirects led, if anywhere.
    pub final_url: Option<String>,
    /// How long the origin asks to wait.
    pub retry_after: Option<Duration>,
    /// That the origin was not even asked, as its host had asked for patience before.
    pub not_asked: bool,
}
