//! How is a fetched archive unpacked?

use std::io;
use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use super::process;

/// What is done with a fetched file, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Tar,
    Zip,
    Gzip,
}

/// Why an archive could not be unpacked.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArchiveError {
    /// The program that unpacks it cannot be run.
    #[error("cannot run {program}: {source}; install it or set extract to false")]
    Program {
        /// Which program.
        program: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The program did not like the archive.
    #[error("{program} cannot unpack it: {said}")]
    Content {
        /// Which program.
        program: &'static str,
        /// The end of what it printed.
        said: String,
    },
}

impl Form {
    fn of(name: &str) -> Option<Self> {
        const TARS: [&str; 7] = [".tar", ".tgz", ".tar.gz", ".tbz2", ".tar.bz2", ".txz", ".tar.xz"];
        if TARS.iter().any(|end| name.ends_with(end)) {
            Some(Self::Tar)
        } else if name.ends_with(".zip") {
            Some(Self::Zip)
        } else if name.ends_with(".gz") {
            Some(Self::Gzip)
        } else {
            None
        }
    }
}

/// Unpacks `file` into `sandbox` if its name says that it is an archive.
pub(super) async fn extract(file: &Path, sandbox: &Path) -> Result<(), ArchiveError> {
    let Some(form) = Form::of(&file.to_string_lossy()) else { return Ok(()) };
    let (program, arguments): (_, &[&str]) = match form {
        Form::Tar => ("tar", &["-xf"]),
        Form::Zip => ("unzip", &["-o", "-q"]),
        Form::Gzip => ("gzip", &["-d", "-k", "-f"]),
    };
    let mut command = Command::new(program);
    command.args(arguments).arg(file).current_dir(sandbox).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let failed = |source| ArchiveError::Program { program, source };
    let output = process::start(&mut command).map_err(failed)?.wait_with_output().await;
    let output = output.map_err(failed)?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(ArchiveError::Content { program, said })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_says_what_an_archive_is() {
        assert_eq!(Form::of("a.tar.gz"), Some(Form::Tar));
        assert_eq!(Form::of("a.txz"), Some(Form::Tar));
        assert_eq!(Form::of("a.zip"), Some(Form::Zip));
        assert_eq!(Form::of("a.csv.gz"), Some(Form::Gzip));
        assert_eq!(Form::of("a.tgz?sig=1"), None);
        assert_eq!(Form::of("tar"), None);
    }
}
