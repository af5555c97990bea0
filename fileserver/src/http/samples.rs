//! The folder of sample pictures.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use protocol::paths;

use super::App;
use super::send::{FileAnswer, media_type, send};
use crate::Error;
use crate::place::{decoded, is_plain};
use crate::refusal::Refusal;

/// The folder, with symbolic links resolved.
#[derive(Debug)]
pub(super) struct Samples {
    root: PathBuf,
}

impl Samples {
    pub(super) fn open(path: PathBuf) -> Result<Self, Error> {
        match path.canonicalize().and_then(|root| fs::read_dir(&root).map(|_| root)) {
            Ok(root) => Ok(Self { root }),
            Err(source) => Err(Error::Samples { path, source }),
        }
    }

    /// The file of a request; links that lead out of the folder lead nowhere.
    fn find(&self, path: &str) -> Option<PathBuf> {
        let mut file = self.root.clone();
        for segment in path.strip_prefix(paths::SAMPLES)?.strip_prefix('/')?.split('/') {
            file.push(decoded(segment).filter(|segment| is_plain(segment))?);
        }
        file.canonicalize().ok().filter(|file| file.starts_with(&self.root))
    }
}

/// `GET /samples/…`.
pub(super) async fn read(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let not_found = || Refusal::NotFound("there is no such sample".into());
    let samples = app.samples.as_ref().ok_or_else(not_found)?;
    let path = samples.find(request.uri().path()).ok_or_else(not_found)?;
    let media_type = media_type(&path.to_string_lossy());
    let file = FileAnswer::open(path, media_type).await.map_err(|_| not_found())?;
    send(file, request.method(), request.headers()).await
}
