//! How do a command's URIs get into the sandbox?

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};

use mesos::v1::command_info::Uri;
use tokio::task::spawn_blocking;

use super::{archive, http, process};

/// Why a URI did not arrive.
#[derive(Debug, thiserror::Error)]
#[error("Failed to fetch '{uri}': {why}")]
pub(super) struct FetchError {
    uri: String,
    why: Why,
}

/// What went wrong with one URI.
#[derive(Debug, thiserror::Error)]
pub(super) enum Why {
    /// The URI is not one that can be fetched.
    #[error("{0}")]
    Unfit(&'static str),
    /// The server did not give the file.
    #[error(transparent)]
    Http(#[from] http::HttpError),
    /// The file could not be read or written.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The archive could not be unpacked.
    #[error(transparent)]
    Archive(#[from] archive::ArchiveError),
}

/// Fetches all URIs, one after the other.
pub(super) async fn all(uris: &[Uri], sandbox: &Path) -> Result<(), FetchError> {
    for uri in uris {
        one(uri, sandbox)
            .await
            .map_err(|why| FetchError { uri: uri.value.trim_start().to_owned(), why })?;
    }
    Ok(())
}

async fn one(uri: &Uri, sandbox: &Path) -> Result<(), Why> {
    let from = Source::of(uri.value.trim_start())?;
    let to = sandbox.join(local_name(uri)?);
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    if uri.executable() {
        return program(from, to).await;
    }
    match from {
        Source::File(path) => {
            tokio::fs::copy(path, &to).await?;
        }
        Source::Http(url) => http::download(&url, &to).await?,
    }
    fs::set_permissions(&to, Permissions::from_mode(0o644))?;
    if uri.extract() {
        archive::extract(&to, sandbox).await?;
    }
    Ok(())
}

/// Downloads take long, and nothing must be started while a program is written: so it is copied when
/// it is there.
async fn program(from: Source, to: PathBuf) -> Result<(), Why> {
    let (path, downloaded) = match from {
        Source::File(path) => (path, None),
        Source::Http(url) => {
            let mut name = to.clone().into_os_string();
            name.push(".part");
            let part = PathBuf::from(name);
            http::download(&url, &part).await?;
            (part.clone(), Some(part))
        }
    };
    let copied = spawn_blocking(move || {
        process::copy_program(&path, &to)?;
        downloaded.map_or(Ok(()), fs::remove_file)?;
        fs::set_permissions(&to, Permissions::from_mode(0o755))
    });
    Ok(copied.await.map_err(io::Error::other)??)
}

/// Where a URI leads.
#[derive(Debug, PartialEq, Eq)]
enum Source {
    File(PathBuf),
    Http(String),
}

impl Source {
    fn of(value: &str) -> Result<Self, Why> {
        if value.contains(['\\', '\'', '\0']) {
            return Err(Why::Unfit("a URI must not contain a backslash, a quote or a zero byte"));
        }
        match value.split_once("://") {
            None => Self::file(value),
            Some(("file", rest)) => Self::file(rest.strip_prefix("localhost").unwrap_or(rest)),
            Some(("http", _)) => Ok(Self::Http(value.to_owned())),
            Some(("https", _)) => Err(Why::Unfit(
                "this embedded agent does not speak https; serve the file over http or name its path",
            )),
            Some(_) => Err(Why::Unfit(
                "this embedded agent fetches http://, file:// and absolute paths only",
            )),
        }
    }

    fn file(path: &str) -> Result<Self, Why> {
        if path.starts_with('/') {
            Ok(Self::File(path.into()))
        } else {
            Err(Why::Unfit("a path must be absolute, because there is no frameworks home"))
        }
    }
}

/// What the file is called in the sandbox.
fn local_name(uri: &Uri) -> Result<PathBuf, Why> {
    let value = uri.value.trim_start();
    let name = match uri.output_file.as_deref() {
        Some(name) => name,
        None => value.rsplit('/').next().unwrap_or_default(),
    };
    let path = PathBuf::from(name);
    let is_inside =
        path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if name.is_empty() || name.ends_with('/') || !is_inside {
        return Err(Why::Unfit("its name in the sandbox must be a relative path to a file"));
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(value: &str, output_file: Option<&str>) -> Uri {
        Uri { value: value.into(), output_file: output_file.map(Into::into), ..Uri::default() }
    }

    #[test]
    fn the_scheme_says_where_a_file_comes_from() {
        assert_eq!(Source::of("/a/b").unwrap(), Source::File("/a/b".into()));
        assert_eq!(Source::of("file:///a").unwrap(), Source::File("/a".into()));
        assert_eq!(Source::of("file://localhost/a").unwrap(), Source::File("/a".into()));
        assert_eq!(Source::of("http://h/a").unwrap(), Source::Http("http://h/a".into()));
        for unfit in ["a/b", "file://a", "https://h/a", "hdfs://h/a", "/it's", "/a\\b"] {
            assert!(Source::of(unfit).is_err(), "{unfit}");
        }
    }

    #[test]
    fn the_local_name_is_the_last_part_unless_the_uri_says_otherwise() {
        let name = |value, output| local_name(&uri(value, output)).map(|p| p.display().to_string());
        assert_eq!(name("http://h/x/run.sh", None).unwrap(), "run.sh");
        assert_eq!(name("http://h/a.tgz?sig=1", None).unwrap(), "a.tgz?sig=1");
        assert_eq!(name("http://h/a", Some("bin/tool")).unwrap(), "bin/tool");
        assert!(name("http://h/a", Some("/etc/a")).is_err());
        assert!(name("http://h/a", Some("../a")).is_err());
        assert!(name("http://h/", None).is_err());
    }

    #[tokio::test]
    async fn a_local_file_arrives_with_the_right_mode() {
        let folder = tempfile::tempdir().unwrap();
        let origin = folder.path().join("origin");
        fs::write(&origin, "data").unwrap();
        let sandbox = folder.path().join("sandbox");
        let mut plain = uri(origin.to_str().unwrap(), Some("a/b/plain"));
        let mut tool = plain.clone();
        plain.extract = Some(false);
        tool.executable = Some(true);
        tool.output_file = Some("tool".into());
        all(&[plain, tool], &sandbox).await.unwrap();
        let mode = |name| fs::metadata(sandbox.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("a/b/plain"), mode("tool")), (0o644, 0o755));
        assert_eq!(fs::read(sandbox.join("a/b/plain")).unwrap(), b"data");
    }

    #[tokio::test]
    async fn a_missing_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = all(&[uri("/no/such/file", None)], folder.path()).await.unwrap_err();
        assert!(error.to_string().starts_with("Failed to fetch '/no/such/file': "), "{error}");
    }

    #[tokio::test]
    async fn an_archive_is_unpacked_beside_itself() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("inside.txt"), "packed").unwrap();
        let mut tar = tokio::process::Command::new("tar");
        tar.args(["-czf", "a.tgz", "inside.txt"]).current_dir(folder.path());
        assert!(process::start(&mut tar).unwrap().wait().await.unwrap().success());
        let sandbox = folder.path().join("sandbox");
        let archive = folder.path().join("a.tgz");
        all(&[uri(archive.to_str().unwrap(), None)], &sandbox).await.unwrap();
        assert_eq!(fs::read(sandbox.join("inside.txt")).unwrap(), b"packed");
        assert!(sandbox.join("a.tgz").exists());
    }
}
