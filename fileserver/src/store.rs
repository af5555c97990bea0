//! How an upload becomes a durable result.
//!
//! The order is what makes it durable: write and sync a temporary file, make the
//! job's folder and sync its parent, rename, sync the folder. Uploads that have been renamed when
//! the folder's sync begins [share it](crate::group). A crash at any moment
//! leaves the old result, the new one or none, and at most a temporary file that the
//! next start removes.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;

use crate::Error;
use crate::group::Group;
use crate::place::Place;
use crate::refusal::Refusal;

/// Where uploads grow; in the folder of results, since a rename stays in one file system.
const INCOMING: &str = ".incoming";

/// How much is held in memory before it is written.
const FLUSH_BYTES: usize = 256 * 1024;

/// Tells the temporary files of this process apart.
static SERIAL: AtomicU64 = AtomicU64::new(0);

/// The folder of results.
#[derive(Debug)]
pub(crate) struct Store {
    root: PathBuf,
    max_bytes: u64,
    /// The jobs whose folder is known to survive a power cut.
    durable_jobs: Mutex<HashSet<String>>,
    /// The syncs of the folders of jobs.
    renames: Mutex<HashMap<String, Arc<Group>>>,
}

/// A result as it was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) bytes: u64,
    pub(crate) sha256: [u8; 32],
    pub(crate) replaced: bool,
}

impl Store {
    /// Makes the folder when needed, checks that it can be written, and removes what
    /// uploads of earlier processes left behind.
    pub(crate) fn open(root: &Path, max_bytes: u64) -> Result<Self, Error> {
        let failed = |source| Error::Output { path: root.to_owned(), source };
        let store = Self {
            root: root.to_owned(),
            max_bytes,
            durable_jobs: Mutex::default(),
            renames: Mutex::default(),
        };
        fs::create_dir_all(store.incoming()).map_err(failed)?;
        store.remove_stale().map_err(failed)?;
        store.temporary().map_err(failed)?;
        sync_folder(root).map_err(failed)?;
        sync_parent(root);
        Ok(store)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    /// An upload that begins. Dropped before [`Incoming::commit`], it leaves nothing.
    pub(crate) fn begin(self: &Arc<Self>) -> Incoming {
        Incoming {
            store: Arc::clone(self),
            temporary: None,
            buffer: Vec::new(),
            digest: Sha256::new(),
            bytes: 0,
        }
    }

    fn incoming(&self) -> PathBuf {
        self.root.join(INCOMING)
    }

    /// The lock tells other processes on the same folder that the file is in use.
    fn temporary(&self) -> io::Result<Temporary> {
        loop {
            let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
            let path = self.incoming().join(format!("{}-{serial}", std::process::id()));
            let file = match File::create_new(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                file => file?,
            };
            // Whoever holds the lock is about to remove the file.
            if !matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
                return Ok(Temporary { file, path: Some(path) });
            }
        }
    }

    fn remove_stale(&self) -> io::Result<()> {
        for entry in fs::read_dir(self.incoming())? {
            let path = entry?.path();
            let Ok(file) = File::open(&path) else { continue };
            if !matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
                tracing::info!(path = %path.display(), "removing what an earlier upload left");
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    }

    /// Gives the file its name; says whether it replaced another.
    fn place(&self, mut temporary: Temporary, place: &Place) -> io::Result<bool> {
        temporary.file.sync_all()?;
        let mut folder = self.durable_folder(place.job())?;
        let mut target = folder.join(place.name());
        let replaced = target.symlink_metadata().is_ok();
        if let Err(error) = temporary.rename(&target) {
            if error.kind() != io::ErrorKind::NotFound {
                return Err(error);
            }
            self.lock_jobs().remove(place.job());
            folder = self.durable_folder(place.job())?;
            target = folder.join(place.name());
            temporary.rename(&target)?;
        }
        self.renames(place.job()).run(|| sync_folder(&folder))?;
        Ok(replaced)
    }

    /// Where the uploads of a job share the sync of their folder.
    fn renames(&self, job: &str) -> Arc<Group> {
        let mut renames = self.renames.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(renames.entry(job.to_owned()).or_default())
    }

    /// The folder of a job, made once. Whoever comes second waits until it is durable.
    fn durable_folder(&self, job: &str) -> io::Result<PathBuf> {
        let folder = self.root.join(job);
        let mut jobs = self.lock_jobs();
        if !jobs.contains(job) {
            make_folder(&folder)?;
            sync_folder(&self.root)?;
            jobs.insert(job.to_owned());
        }
        Ok(folder)
    }

    fn lock_jobs(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.durable_jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An upload under way.
#[derive(Debug)]
pub(crate) struct Incoming {
    store: Arc<Store>,
    temporary: Option<Temporary>,
    buffer: Vec<u8>,
    digest: Sha256,
    bytes: u64,
}

impl Incoming {
    pub(crate) async fn write(&mut self, piece: &[u8]) -> Result<(), Refusal> {
        self.bytes += piece.len() as u64;
        if self.bytes > self.store.max_bytes {
            return Err(Refusal::TooLarge { max_bytes: self.store.max_bytes });
        }
        self.digest.update(piece);
        self.buffer.extend_from_slice(piece);
        if self.buffer.len() >= FLUSH_BYTES { self.flush().await } else { Ok(()) }
    }

    /// Makes the upload a result, durably, unless `expected` tells that it was damaged.
    pub(crate) async fn commit(
        mut self,
        place: &Place,
        expected: Option<[u8; 32]>,
    ) -> Result<Stored, Refusal> {
        let sha256 = mem::take(&mut self.digest).finalize().into();
        if expected.is_some_and(|expected| expected != sha256) {
            return Err(Refusal::DigestMismatch);
        }
        let bytes = self.bytes;
        let place = place.clone();
        blocking(move || {
            let temporary = self.written()?;
            let replaced = self.store.place(temporary, &place)?;
            Ok(Stored { bytes, sha256, replaced })
        })
        .await
    }

    async fn flush(&mut self) -> Result<(), Refusal> {
        let mut rest = Self {
            store: Arc::clone(&self.store),
            temporary: self.temporary.take(),
            buffer: mem::take(&mut self.buffer),
            digest: Sha256::new(),
            bytes: 0,
        };
        let (temporary, buffer) = blocking(move || {
            let temporary = rest.written()?;
            Ok((temporary, mem::take(&mut rest.buffer)))
        })
        .await?;
        self.temporary = Some(temporary);
        self.buffer = buffer;
        Ok(())
    }

    /// The temporary file with everything that came so far.
    fn written(&mut self) -> io::Result<Temporary> {
        let mut temporary = match self.temporary.take() {
            Some(temporary) => temporary,
            None => self.store.temporary()?,
        };
        temporary.file.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(temporary)
    }
}

/// A file that goes away unless it is renamed.
#[derive(Debug)]
struct Temporary {
    file: File,
    path: Option<PathBuf>,
}

impl Temporary {
    fn rename(&mut self, target: &Path) -> io::Result<()> {
        if let Some(path) = &self.path {
            fs::rename(path, target)?;
            self.path = None;
        }
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.path.as_ref().map(fs::remove_file) {
            tracing::warn!(%error, "cannot remove a temporary file");
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Refusal> {
    spawn_blocking(work).await.map_err(io::Error::other)?.map_err(Refusal::from)
}

fn make_folder(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if folder.is_dir() {
                Ok(())
            } else {
                Err(io::ErrorKind::NotADirectory.into())
            }
        }
        made => made,
    }
}

/// Syncs the names in a folder. Some file systems, those that virtual machines share
/// with their host for one, have no such operation; there is nothing more to do then.
fn sync_folder(folder: &Path) -> io::Result<()> {
    let unknown = [io::ErrorKind::InvalidInput, io::ErrorKind::Unsupported];
    File::open(folder)?
        .sync_all()
        .or_else(|error| if unknown.contains(&error.kind()) { Ok(()) } else { Err(error) })
}

/// Makes a new folder of results itself durable, as far as its parent is ours to read.
fn sync_parent(root: &Path) {
    let parent = root.canonicalize().ok().and_then(|root| root.parent().map(Path::to_owned));
    if let Some(Err(error)) = parent.map(|parent| sync_folder(&parent)) {
        tracing::debug!(%error, "cannot sync the parent of the folder of results");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(max_bytes: u64) -> (tempfile::TempDir, Arc<Store>) {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(folder.path(), max_bytes).unwrap());
        (folder, store)
    }

    fn left_over(store: &Store) -> usize {
        fs::read_dir(store.incoming()).unwrap().count()
    }

    #[tokio::test]
    async fn a_committed_upload_is_whole_and_leaves_no_temporary_file() {
        let (_folder, store) = store(10_000_000);
        let place = Place::new("job", "a.bin").unwrap();
        let piece: Vec<u8> = (0..100_000_u32).map(|n| n as u8).collect();
        let mut incoming = store.begin();
        for _ in 0..10 {
            incoming.write(&piece).await.unwrap();
        }
        assert_eq!(left_over(&store), 1, "large uploads do not stay in memory");
        let stored = incoming.commit(&place, None).await.unwrap();
        let file = fs::read(store.root().join("job/a.bin")).unwrap();
        assert_eq!(file, piece.repeat(10));
        assert_eq!(stored.sha256, <[u8; 32]>::from(Sha256::digest(&file)));
        assert!(!stored.replaced);
        assert_eq!(left_over(&store), 0);
    }

    #[tokio::test]
    async fn an_upload_that_is_dropped_leaves_nothing() {
        let (_folder, store) = store(10_000_000);
        let mut incoming = store.begin();
        incoming.write(&vec![1; FLUSH_BYTES]).await.unwrap();
        assert_eq!(left_over(&store), 1);
        drop(incoming);
        assert_eq!(left_over(&store), 0);
    }

    #[tokio::test]
    async fn a_job_whose_folder_was_removed_gets_a_new_one() {
        let (_folder, store) = store(100);
        let place = Place::new("job", "a").unwrap();
        store.begin().commit(&place, None).await.unwrap();
        fs::remove_dir_all(store.root().join("job")).unwrap();
        store.begin().commit(&place, None).await.unwrap();
        assert!(store.root().join("job/a").exists());
    }

    #[tokio::test]
    async fn what_stands_in_the_way_is_named_a_conflict() {
        let (_folder, store) = store(100);
        fs::write(store.root().join("manifest.jsonl"), "{}").unwrap();
        fs::create_dir_all(store.root().join("job/folder")).unwrap();
        for (job, name) in [("manifest.jsonl", "a"), ("job", "folder")] {
            let place = Place::new(job, name).unwrap();
            let refused = store.begin().commit(&place, None).await.unwrap_err();
            assert!(matches!(refused, Refusal::InTheWay), "{refused:?}");
        }
        assert_eq!(left_over(&store), 0);
    }

    #[test]
    fn only_files_that_nobody_writes_are_stale() {
        let (folder, store) = store(100);
        let in_use = store.temporary().unwrap();
        fs::write(store.incoming().join("1-1"), "left").unwrap();
        Store::open(folder.path(), 100).unwrap();
        assert_eq!(left_over(&store), 1);
        assert!(in_use.path.as_ref().unwrap().exists());
    }
}
