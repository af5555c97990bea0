//! What an agent fetches into the sandbox before a command runs: executors, archives, files.
//!
//! | value | fetched by the agent |
//! |---|---|
//! | `http://…`, `https://…`, `ftp://…`, `ftps://…` | itself; redirects are followed |
//! | `/path`, `file:///path` | as a copy of its own file |
//! | `path` without a slash in front | as a copy, from the folder that the agent's flag `--frameworks_home` names |
//! | `hdfs://…` and any other scheme | with `hadoop fs -copyToLocal`, so a `hadoop` must be there |
//!
//! Source: MESOS "Fetcher", and `src/launcher/fetcher.cpp` of 1.11.0. When one fetch fails, the
//! task fails with `REASON_CONTAINER_LAUNCH_FAILED`; why is in the `stderr` of its sandbox.

use std::path::{Component, Path};

use crate::v1::command_info::Uri;

/// Something to fetch.
///
/// ```
/// use mesos::uri::Fetch;
/// let uri = Fetch::executable("http://10.0.0.1:12345/executor?v=3").named("executor").uri()?;
/// assert_eq!(uri.output_file.as_deref(), Some("executor"));
/// assert!(Fetch::archive("http://h/tools.tgz?sig=1").uri().is_err(), "its name is not one of an archive");
/// # Ok::<(), mesos::uri::UriError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    value: String,
    kind: Kind,
    cached: bool,
    name: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Executable,
    Archive,
}

impl Fetch {
    /// A file to read: it keeps its bytes and gets no permission to be run.
    #[must_use]
    pub fn file(value: impl Into<String>) -> Self {
        Self { value: value.into(), kind: Kind::File, cached: false, name: None }
    }

    /// A program or script to run, such as an executor.
    #[must_use]
    pub fn executable(value: impl Into<String>) -> Self {
        Self { kind: Kind::Executable, ..Self::file(value) }
    }

    /// An archive to unpack into the sandbox.
    #[must_use]
    pub fn archive(value: impl Into<String>) -> Self {
        Self { kind: Kind::Archive, ..Self::file(value) }
    }

    /// Kept on the agent for other tasks of the same user, by its URI. Default: fetched anew
    /// each time. The agent never asks whether it has changed: give what has changed another
    /// URI.
    #[must_use]
    pub fn cached(mut self) -> Self {
        self.cached = true;
        self
    }

    /// What it is called in the sandbox; a relative path makes folders. Default: what follows
    /// the last slash of the URI, a query included.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The message for [`CommandInfo.uris`](crate::v1::CommandInfo).
    ///
    /// # Errors
    ///
    /// When an agent would refuse it, or do something else than it says.
    pub fn uri(self) -> Result<Uri, UriError> {
        let uri = Uri {
            value: self.value,
            executable: Some(self.kind == Kind::Executable),
            extract: Some(self.kind == Kind::Archive),
            cache: Some(self.cached),
            output_file: self.name,
        };
        check(&uri)?;
        Ok(uri)
    }
}

/// Why an agent would not fetch it, or not as it says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// There is no URI.
    #[error("a URI to fetch is empty")]
    Empty,
    /// It holds what the fetcher refuses.
    #[error(
        "'{0}' holds a backslash, a single quote or a zero byte, which Mesos refuses: percent-encode it"
    )]
    Character(String),
    /// It has a scheme and a host, and nothing after.
    #[error("'{0}' has no path: name the file to fetch")]
    NoPath(String),
    /// It is `file://` with a relative path.
    #[error(
        "'{0}' is not absolute: write file:///PATH, or PATH alone for one under the agent's --frameworks_home"
    )]
    RelativeFile(String),
    /// It ends with a slash and has no name of its own.
    #[error("'{0}' does not say what the file is called: give it a name in the sandbox")]
    NoName(String),
    /// The name would put it elsewhere than into the sandbox.
    #[error("'{0}' is not a name in the sandbox: use a relative path without '..'")]
    OutsideSandbox(String),
    /// An executable is never unpacked.
    #[error("'{0}' is to be both run and unpacked, and Mesos unpacks no executable: choose one")]
    ExecutableArchive(String),
    /// The agent knows archives by the ends of their names.
    #[error("'{0}' would not be unpacked: give it a name in the sandbox that ends with one of {known}", known = ARCHIVES.join(" "))]
    NotAnArchive(String),
}

/// Ends of names that the fetcher unpacks.
const ARCHIVES: [&str; 9] =
    [".tar", ".tgz", ".tar.gz", ".tbz2", ".tar.bz2", ".txz", ".tar.xz", ".zip", ".gz"];

/// Checks what a URI message says. One that leaves `extract` unset is unpacked if its name
/// is one of an archive, and otherwise stays as it is.
///
/// # Errors
///
/// The first thing that an agent would refuse, or that it would do in another way.
pub fn check(uri: &Uri) -> Result<(), UriError> {
    let value = uri.value.trim_start();
    check_value(value)?;
    let name = local_name(uri)?;
    if uri.extract == Some(true) && uri.executable() {
        return Err(UriError::ExecutableArchive(value.to_owned()));
    }
    if uri.extract == Some(true) && !is_archive(uri) {
        return Err(UriError::NotAnArchive(name.to_owned()));
    }
    Ok(())
}

/// Whether its name in the sandbox is one of an archive, as agents see it.
#[must_use]
pub fn is_archive(uri: &Uri) -> bool {
    local_name(uri).is_ok_and(|name| ARCHIVES.iter().any(|end| name.ends_with(end)))
}

fn check_value(value: &str) -> Result<(), UriError> {
    if value.is_empty() {
        return Err(UriError::Empty);
    }
    if value.contains(['\\', '\'', '\0']) {
        return Err(UriError::Character(value.to_owned()));
    }
    match value.split_once("://") {
        Some(("file", rest)) => {
            let path = rest.strip_prefix("localhost").unwrap_or(rest);
            if path.starts_with('/') {
                return Ok(());
            }
            Err(UriError::RelativeFile(value.to_owned()))
        }
        Some((_, rest)) if !rest.contains('/') => Err(UriError::NoPath(value.to_owned())),
        Some(_) | None => Ok(()),
    }
}

/// What the file is called in the sandbox.
fn local_name(uri: &Uri) -> Result<&str, UriError> {
    let Some(name) = uri.output_file.as_deref() else {
        let name = uri.value.rsplit('/').next().unwrap_or_default();
        let is_name = !matches!(name, "" | "." | "..");
        return if is_name { Ok(name) } else { Err(UriError::NoName(uri.value.clone())) };
    };
    let inside = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    let is_inside = !name.is_empty() && Path::new(name).components().all(inside);
    if is_inside && !name.ends_with('/') && !name.ends_with("/.") && name != "." {
        Ok(name)
    } else {
        Err(UriError::OutsideSandbox(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_agents_fetch_is_taken() {
        for value in [
            "http://h:1/executor",
            "https://h/a/b?x=1",
            "ftp://h/a",
            "hdfs://namenode:9000/a",
            "s3://bucket/a",
            "file:///opt/a",
            "file://localhost/opt/a",
            "/opt/a",
            "tools/a",
            "  http://h/a",
        ] {
            assert!(Fetch::executable(value).uri().is_ok(), "{value}");
        }
    }

    #[test]
    fn what_agents_refuse_is_an_error_before_anything_is_launched() {
        use UriError as E;
        type Case = (Fetch, fn(String) -> UriError, &'static str);
        let cases: [Case; 16] = [
            (Fetch::file("http://h/it's"), E::Character, "http://h/it's"),
            (Fetch::file("/a\\b"), E::Character, "/a\\b"),
            (Fetch::file("/a\0b"), E::Character, "/a\0b"),
            (Fetch::file("http://h"), E::NoPath, "http://h"),
            (Fetch::file("file://opt/a"), E::RelativeFile, "file://opt/a"),
            (Fetch::file("http://h/"), E::NoName, "http://h/"),
            (Fetch::file("http://h/a/.."), E::NoName, "http://h/a/.."),
            (Fetch::file("/a").named("/etc/passwd"), E::OutsideSandbox, "/etc/passwd"),
            (Fetch::file("/a").named("../a"), E::OutsideSandbox, "../a"),
            (Fetch::file("/a").named("b/../../a"), E::OutsideSandbox, "b/../../a"),
            (Fetch::file("/a").named("b/"), E::OutsideSandbox, "b/"),
            (Fetch::file("/a").named("."), E::OutsideSandbox, "."),
            (Fetch::file("/a").named(""), E::OutsideSandbox, ""),
            (Fetch::archive("/a.rar"), E::NotAnArchive, "a.rar"),
            (Fetch::archive("http://h/a.tgz?sig=1"), E::NotAnArchive, "a.tgz?sig=1"),
            (Fetch::archive("/a.tgz").named("a"), E::NotAnArchive, "a"),
        ];
        for (fetch, error, of) in cases {
            assert_eq!(fetch.clone().uri(), Err(error(of.to_owned())), "{fetch:?}");
        }
        assert_eq!(Fetch::file(" ").uri(), Err(E::Empty));
        let both = Uri {
            value: "/a.tgz".into(),
            executable: Some(true),
            extract: Some(true),
            ..Uri::default()
        };
        assert_eq!(check(&both), Err(E::ExecutableArchive("/a.tgz".into())));
    }

    #[test]
    fn each_kind_says_on_the_wire_what_it_is() {
        let flags = |fetch: Fetch| {
            let uri = fetch.uri().unwrap();
            (uri.executable(), uri.extract(), uri.cache(), uri.output_file)
        };
        assert_eq!(flags(Fetch::file("/a.tgz")), (false, false, false, None));
        assert_eq!(flags(Fetch::executable("/a").cached()), (true, false, true, None));
        let archive = Fetch::archive("/a?x").named("lib/a.tar.gz");
        assert_eq!(flags(archive), (false, true, false, Some("lib/a.tar.gz".into())));
    }
}
