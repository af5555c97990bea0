//! The executor binary, which may be rebuilt while it is served.

use std::fs::{File, Metadata};
use std::io::{self, Seek};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use axum::extract::{Request, State};
use axum::response::Response;
use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;

use super::send::{FileAnswer, send};
use super::{App, digest};
use crate::Error;
use crate::refusal::Refusal;

/// How often to start again when the file changes while its digest is computed.
const TRIES: usize = 3;

/// The binary and the digest of the version that was last asked for.
#[derive(Debug)]
pub(super) struct Executor {
    path: PathBuf,
    known: Mutex<Option<(Version, [u8; 32])>>,
}

/// What tells one version of a file from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version {
    modified: (i64, i64),
    size_bytes: u64,
    inode: u64,
}

impl From<&Metadata> for Version {
    fn from(found: &Metadata) -> Self {
        Self {
            modified: (found.mtime(), found.mtime_nsec()),
            size_bytes: found.len(),
            inode: found.ino(),
        }
    }
}

impl Executor {
    pub(super) fn open(path: PathBuf) -> Result<Self, Error> {
        match open_regular(&path) {
            Ok(_) => Ok(Self { path, known: Mutex::default() }),
            Err(source) => Err(Error::Executor { path, source }),
        }
    }

    /// Computes the digest in the background, so that the first agent need not wait for it. What is
    /// wrong with the file is told to who asks for it.
    pub(super) fn prepare(self: &Arc<Self>) {
        let executor = Arc::clone(self);
        thread::spawn(move || drop(executor.current()));
    }

    /// The file with its digest, computed when the file is new.
    fn current(&self) -> Result<(File, u64, [u8; 32]), Refusal> {
        // Held while hashing, so that agents that ask at once cost one computation.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..TRIES {
            let mut file = open_regular(&self.path)?;
            let version = Version::from(&file.metadata()?);
            if let Some((_, sha256)) = known.filter(|(seen, _)| *seen == version) {
                return Ok((file, version.size_bytes, sha256));
            }
            let mut hasher = Sha256::new();
            io::copy(&mut file, &mut Hashing(&mut hasher))?;
            if Version::from(&file.metadata()?) == version {
                file.rewind()?;
                let sha256 = hasher.finalize().into();
                *known = Some((version, sha256));
                return Ok((file, version.size_bytes, sha256));
            }
        }
        Err(Refusal::Changing)
    }
}

/// `GET /executor`.
pub(super) async fn read(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let executor = app.executor.clone().ok_or_else(|| {
        Refusal::NotFound(
            "no executor is served here: start the file server with --executor".into(),
        )
    })?;
    let (file, size_bytes, sha256) =
        spawn_blocking(move || executor.current()).await.map_err(io::Error::other)??;
    let answer = FileAnswer {
        file: file.into(),
        size_bytes,
        etag: format!("\"{}\"", digest::hex(&sha256)),
        media_type: "application/octet-stream",
        digest: Some(digest::header(&sha256)),
    };
    send(answer, request.method(), request.headers()).await
}

fn open_regular(path: &PathBuf) -> io::Result<File> {
    if std::fs::metadata(path)?.is_file() {
        File::open(path)
    } else {
        Err(io::Error::other("it is not a file"))
    }
}

struct Hashing<'a>(&'a mut Sha256);

impl io::Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
