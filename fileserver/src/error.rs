//! Why the server does not start.

use std::io;
use std::path::PathBuf;

/// Why the server does not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken, foreign or forbidden.
    #[error("cannot listen on {address}:{port} ({source}): {remedy}")]
    Bind {
        /// The address as it was given.
        address: String,
        /// The port as it was given.
        port: u16,
        /// What to do about it.
        remedy: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// The folder of results cannot be written.
    #[error(
        "cannot write into the output folder {} ({source}): \
         make it writable or name another with --output", path.display()
    )]
    Output {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The executor cannot be read.
    #[error(
        "cannot read the executor {} ({source}): \
         build it, or name another with --executor", path.display()
    )]
    Executor {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The samples cannot be read.
    #[error(
        "cannot read the folder of samples {} ({source}): \
         name another with --samples", path.display()
    )]
    Samples {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The token is empty or unfit for a header.
    #[error(
        "the upload token is not usable: \
         give one word of visible ASCII characters in the token file or in UPLOAD_TOKEN"
    )]
    Token,
}
