//! A framework's id, kept durably.
//!
//! A scheduler that comes back without its id is a new framework, and the tasks of the old
//! one run on for its failover timeout with nobody to hear of them. So the id has to be on
//! disk before the first offer is accepted. [`Builder::keep_id`](crate::scheduler::Builder::keep_id)
//! sees to it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::v1::FrameworkId;

/// A place for the id of one framework. Its methods may block.
pub trait FrameworkIdStore: Send + Sync + 'static {
    /// The id that was kept, if any.
    ///
    /// # Errors
    ///
    /// When there may be one and it cannot be read.
    fn load(&self) -> io::Result<Option<FrameworkId>>;

    /// Keeps `id` in place of any other; on return it survives a crash of the machine.
    ///
    /// # Errors
    ///
    /// When it cannot be kept; the one before is then still there.
    fn keep(&self, id: &FrameworkId) -> io::Result<()>;

    /// Forgets the id, after a teardown or when the master says that it has removed the
    /// framework.
    ///
    /// # Errors
    ///
    /// When it is still there.
    fn forget(&self) -> io::Result<()>;
}

/// The id as the only line of a file.
///
/// Written beside the file, synced, and moved over it, so that a crash leaves either the
/// old id or the new one. Its folder must exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameworkIdFile(PathBuf);

impl FrameworkIdFile {
    /// The file at `path`, which need not be there yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    fn folder(&self) -> &Path {
        match self.0.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        }
    }

    fn write(&self, id: &FrameworkId) -> io::Result<()> {
        let mut beside = self.0.clone().into_os_string();
        beside.push(".new");
        let mut file = File::create(&beside)?;
        writeln!(file, "{id}")?;
        file.sync_all()?;
        fs::rename(&beside, &self.0)?;
        self.sync_folder()
    }

    fn sync_folder(&self) -> io::Result<()> {
        File::open(self.folder())?.sync_all()
    }

    /// With the name of the file, which the system leaves out.
    fn named(&self, error: &io::Error) -> io::Error {
        io::Error::new(error.kind(), format!("{}: {error}", self.0.display()))
    }
}

impl FrameworkIdStore for FrameworkIdFile {
    fn load(&self) -> io::Result<Option<FrameworkId>> {
        match fs::read_to_string(&self.0) {
            Ok(text) if text.trim().is_empty() => Ok(None),
            Ok(text) => Ok(Some(text.trim().into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.named(&error)),
        }
    }

    fn keep(&self, id: &FrameworkId) -> io::Result<()> {
        self.write(id).map_err(|error| self.named(&error))
    }

    fn forget(&self) -> io::Result<()> {
        match fs::remove_file(&self.0) {
            Ok(()) => self.sync_folder(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(self.named(&error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_kept_replaced_and_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let file = FrameworkIdFile::new(folder.path().join("id"));
        assert_eq!(file.load().unwrap(), None);
        file.keep(&"f-1".into()).unwrap();
        file.keep(&"f-2".into()).unwrap();
        assert_eq!(file.load().unwrap(), Some("f-2".into()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        file.forget().unwrap();
        file.forget().unwrap();
        assert_eq!(file.load().unwrap(), None);
    }

    #[test]
    fn a_write_that_fails_names_the_file_and_leaves_the_old_id() {
        let folder = tempfile::tempdir().unwrap();
        let file = FrameworkIdFile::new(folder.path().join("id"));
        file.keep(&"f-1".into()).unwrap();
        fs::create_dir(folder.path().join("id.new")).unwrap();
        let error = file.keep(&"f-2".into()).unwrap_err().to_string();
        assert!(error.contains("/id: "), "{error}");
        assert_eq!(file.load().unwrap(), Some("f-1".into()));
    }

    #[test]
    fn what_was_cut_before_the_id_came_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("id");
        fs::write(&path, "\n").unwrap();
        assert_eq!(FrameworkIdFile::new(path).load().unwrap(), None);
    }
}
