//! Why a cluster does not start.

use std::io;
use std::path::PathBuf;

/// Why a cluster does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address is not an IP address.
    #[error("{address:?} is not an IP address to listen on: use 127.0.0.1")]
    Address {
        /// What was given.
        address: String,
    },
    /// Somebody else listens there.
    #[error("{address} is in use: stop what listens there, or choose another port with --port")]
    PortInUse {
        /// Where the master was to listen.
        address: String,
    },
    /// The master cannot listen there.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where it was to listen.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// The work directory cannot be made.
    #[error("cannot use {} as the work directory: {source}", path.display())]
    WorkDir {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file that a flag names cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A flag's JSON is not what Mesos documents.
    #[error("cannot read {what}: {source}")]
    Flag {
        /// What it should be.
        what: &'static str,
        /// Where it goes wrong.
        source: serde_json::Error,
    },
    /// An attribute of agents is not written as `NAME:VALUE`.
    #[error("{part:?} is not an attribute: write NAME:VALUE, and ; between two")]
    Attribute {
        /// What was given.
        part: String,
    },
    /// Resources of agents are reserved, which this cluster would not keep to.
    #[error("{resources} is reserved, and the embedded cluster reserves nothing: leave out (ROLE)")]
    Reserved {
        /// What was given for a role.
        resources: String,
    },
    /// An agent does not start.
    #[error("agent {index} does not start: {source}")]
    Agent {
        /// Which agent, counted from 0.
        index: usize,
        /// What the system said.
        source: io::Error,
    },
}
