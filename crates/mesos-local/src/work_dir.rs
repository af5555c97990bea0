//! Where sandboxes and what must outlive a process are kept.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error::Error;

/// A directory that is removed at the end, unless somebody chose it.
pub(crate) enum WorkDir {
    Chosen(PathBuf),
    Temporary(TempDir),
}

impl WorkDir {
    pub(crate) fn prepare(chosen: Option<PathBuf>) -> Result<Self, Error> {
        let Some(path) = chosen else {
            let made = tempfile::Builder::new().prefix("mesos-local-").tempdir();
            let path = std::env::temp_dir();
            return made.map(Self::Temporary).map_err(|source| Error::WorkDir { path, source });
        };
        let made = std::fs::create_dir_all(&path).and_then(|()| std::path::absolute(&path));
        made.map(Self::Chosen).map_err(|source| Error::WorkDir { path, source })
    }

    /// Where to keep what another process is to find; a temporary directory is not found.
    pub(crate) fn kept(&self, name: &str) -> Option<PathBuf> {
        match self {
            Self::Chosen(path) => Some(path.join("meta").join(name)),
            Self::Temporary(_) => None,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Chosen(path) => path,
            Self::Temporary(directory) => directory.path(),
        }
    }
}
