//! Where does a container work?

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// The ids that name one run of an executor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run<'a> {
    pub(crate) agent: &'a str,
    pub(crate) framework: &'a str,
    pub(crate) executor: &'a str,
    pub(crate) container: &'a str,
}

impl Run<'_> {
    /// The folder of this run, laid out as a real agent does.
    pub(crate) fn path(&self, work_dir: &Path) -> PathBuf {
        work_dir
            .join("slaves")
            .join(name(self.agent))
            .join("frameworks")
            .join(name(self.framework))
            .join("executors")
            .join(name(self.executor))
            .join("runs")
            .join(name(self.container))
    }
}

/// An id as the name of one folder, whatever a framework put into it.
fn name(id: &str) -> String {
    match id {
        "" | "." | ".." => format!("_{id}"),
        _ => id.replace(['/', '\0'], "_"),
    }
}

/// The files that take what a container's processes print.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) stdout: File,
    pub(crate) stderr: File,
}

impl Output {
    /// Writes a line for whoever looks into the sandbox.
    pub(crate) fn complain(&self, line: &str) {
        // The same sentence goes to the scheduler, so a full disk hides nothing.
        let _ = writeln!(&self.stderr, "{line}");
    }
}

/// Makes the sandbox, its two output files and the link `latest` beside it.
pub(crate) fn make(sandbox: &Path) -> io::Result<Output> {
    fs::create_dir_all(sandbox)?;
    if let Some(runs) = sandbox.parent() {
        let latest = runs.join("latest");
        match fs::remove_file(&latest) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => symlink(sandbox, latest)?,
        }
    }
    let open = |name| OpenOptions::new().create(true).append(true).open(sandbox.join(name));
    Ok(Output { stdout: open("stdout")?, stderr: open("stderr")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_id_leaves_the_work_directory() {
        let run = Run { agent: "a", framework: "..", executor: "../../x", container: "c" };
        let path = run.path(Path::new("/w"));
        assert_eq!(path, Path::new("/w/slaves/a/frameworks/_../executors/.._.._x/runs/c"),);
    }

    #[test]
    fn latest_leads_to_the_newest_run() {
        let work_dir = tempfile::tempdir().unwrap();
        for container in ["one", "two"] {
            make(&work_dir.path().join("runs").join(container)).unwrap();
        }
        let latest = fs::read_link(work_dir.path().join("runs/latest")).unwrap();
        assert_eq!(latest, work_dir.path().join("runs/two"));
        assert!(work_dir.path().join("runs/latest/stderr").exists());
    }
}
