//! A file that names the master, read again when it changes.

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::{DetectError, Detection, News, told_by};
use crate::master::MasterSpec;

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// More is no address of a master.
const MAX_BYTES: u64 = 64 * 1024;

/// The news of whatever the file names at the time.
pub(super) fn watch(path: PathBuf, https: bool) -> impl Stream<Item = News> + Send + 'static {
    told_by(move |news| {
        Watch { path, https, inner: stream::pending().boxed(), last: None }.run(news)
    })
}

struct Watch {
    path: PathBuf,
    https: bool,
    /// Of what the file names.
    inner: BoxStream<'static, News>,
    last: Option<Result<MasterSpec, DetectError>>,
}

impl Watch {
    async fn run(mut self, news: mpsc::Sender<News>) {
        let mut item = self.look().await;
        loop {
            if let Some(item) = item
                && news.send(item).await.is_err()
            {
                return;
            }
            item = tokio::select! {
                () = news.closed() => return,
                item = self.inner.next() => {
                    if item.is_none() {
                        self.inner = stream::pending().boxed();
                    }
                    item
                }
                () = sleep(LOOK_EVERY) => self.look().await,
            };
        }
    }

    /// Looks whether the file names something else now. Nothing in the file that makes
    /// sense leaves things as they are, as whoever writes it may be in the midst of it.
    async fn look(&mut self) -> Option<News> {
        let found = read(&self.path).await;
        if self.last.as_ref() == Some(&found) {
            return None;
        }
        self.last = Some(found.clone());
        match found {
            Ok(spec) => {
                self.inner = Detection::of(spec).https(self.https).boxed();
                None
            }
            Err(error) => Some(Err(error)),
        }
    }
}

async fn read(path: &Path) -> Result<MasterSpec, DetectError> {
    let place = || path.display().to_string();
    let text = content(path)
        .await
        .map_err(|error| DetectError::Unreadable { path: place(), reason: error.to_string() })?;
    let garbled = |reason: String| DetectError::Garbled { place: place(), reason };
    match text.parse::<MasterSpec>() {
        Ok(MasterSpec::File(_)) => Err(garbled("it names another file".into())),
        Ok(spec) => Ok(spec),
        Err(error) => Err(garbled(error.to_string())),
    }
}

async fn content(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let file = File::open(path).await?;
    pin!(file.take(MAX_BYTES)).read_to_string(&mut text).await?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In one step, so that no look finds half of it.
    fn write(path: &Path, content: &str) {
        let beside = path.with_extension("new");
        std::fs::write(&beside, content).unwrap();
        std::fs::rename(&beside, path).unwrap();
    }

    async fn next(news: &mut BoxStream<'static, News>) -> String {
        match news.next().await.unwrap() {
            Ok(Some(master)) => master.to_string(),
            Ok(None) => "nobody".into(),
            Err(error) => error.to_string(),
        }
    }

    #[tokio::test]
    async fn a_file_is_read_again_when_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master");
        write(&path, "a:1\n");
        let mut news = watch(path.clone(), false).boxed();
        assert_eq!(next(&mut news).await, "a:1");
        write(&path, "b:2,c:3\n");
        assert_eq!(next(&mut news).await, "b:2,c:3");
    }

    #[tokio::test]
    async fn a_file_that_is_missing_or_wrong_is_told_once_and_watched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master");
        let mut news = watch(path.clone(), false).boxed();
        let text = next(&mut news).await;
        assert!(text.starts_with("cannot read ") && text.contains("No such file"), "{text}");
        for (content, why) in
            [("nonsense", "HOST:PORT"), ("file:///etc/passwd", "another file"), ("", "HOST:PORT")]
        {
            write(&path, content);
            let text = next(&mut news).await;
            assert!(text.contains("names no master") && text.contains(why), "{text}");
        }
        write(&path, "a:1");
        assert_eq!(next(&mut news).await, "a:1");
    }
}
