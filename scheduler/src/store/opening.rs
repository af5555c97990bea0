//! Opens the file of a job, whatever has become of it.

use std::cell::Cell;
use std::fmt;
use std::io::{self, ErrorKind};
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Once;
use std::thread;

use redb::{Database, DatabaseError, StorageError};

use super::error::{StoreError, file};

/// How much of the file is held in memory, in bytes.
const CACHE_BYTES: usize = 16 << 20;

/// Opens or makes the file.
pub(super) fn database(path: &Path) -> Result<Database, StoreError> {
    make_private(path).map_err(|error| file(path, &error))?;
    unless_damaged(path, || whole(path))
}

/// All of it is read: a wrong record would be worse than none.
fn whole(path: &Path) -> Result<Database, StoreError> {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    let opened = builder.create(path).and_then(|mut database| {
        let is_whole = database.check_integrity()?;
        Ok((database, is_whole))
    });
    let (database, is_whole) = opened.map_err(|error| not_opened(path, &error))?;
    if !is_whole {
        let path = path.display();
        tracing::warn!("the state file {path} was repaired: what was recorded last is done again");
    }
    Ok(database)
}

fn not_opened(path: &Path, error: &DatabaseError) -> StoreError {
    let damaged = |message: &dyn fmt::Display| StoreError::Damaged {
        path: path.to_owned(),
        message: message.to_string(),
    };
    if matches!(error, DatabaseError::DatabaseAlreadyOpen) {
        StoreError::Locked { path: path.to_owned() }
    } else if let DatabaseError::Storage(StorageError::Corrupted(message)) = error {
        damaged(message)
    } else if matches!(error, DatabaseError::UpgradeRequired(_)) {
        damaged(error)
    } else if let DatabaseError::Storage(StorageError::Io(error)) = error
        && matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof)
    {
        damaged(error)
    } else {
        file(path, error)
    }
}

/// redb panics over some kinds of damage.
fn unless_damaged<T>(
    path: &Path,
    work: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    in_silence(work).unwrap_or_else(|_| {
        let message = "its parts contradict each other".to_owned();
        Err(StoreError::Damaged { path: path.to_owned(), message })
    })
}

thread_local! {
    /// Whether a panic of this thread is caught and told in our own words.
    static IS_SILENT: Cell<bool> = const { Cell::new(false) };
}

/// Catches a panic without the words that the standard library writes about it. Those of other
/// threads are written as ever.
fn in_silence<T>(work: impl FnOnce() -> T) -> thread::Result<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if IS_SILENT.get() {
                tracing::debug!("{panic}");
            } else {
                before(panic);
            }
        }));
    });
    IS_SILENT.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    IS_SILENT.set(false);
    result
}

/// Makes the file if it is not there, readable only by its owner: it holds the upload token.
fn make_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600).open(path).map(drop)
}
