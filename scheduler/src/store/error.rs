//! Why something could not be kept or read back.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Why something could not be kept or read back.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file, or the disk under it.
    #[error("cannot use the state file {} ({message}): see to its permissions and the room on its disk, or name another folder with --state-dir", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        message: String,
    },
    /// The file is not whole.
    #[error("the state file {} is damaged ({message}): give --restart to begin anew, or put a copy of it back", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// What is written there is not understood.
    #[error("the state file {} is of another version of this program: give --restart to begin anew, or name another folder with --state-dir", path.display())]
    Form {
        /// The file.
        path: PathBuf,
    },
    /// Another program has it open.
    #[error("another scheduler works on the job of the state file {}: wait for it or stop it, or name other folders with --output and --state-dir", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Locked { .. } => Self::Locked(error.to_string()),
            StoreError::File { .. } | StoreError::Damaged { .. } | StoreError::Form { .. } => {
                Self::Start(error.to_string())
            }
        }
    }
}

/// Of the file at that path.
pub(super) fn file(path: &Path, error: &dyn fmt::Display) -> StoreError {
    StoreError::File { path: path.to_owned(), message: error.to_string() }
}
