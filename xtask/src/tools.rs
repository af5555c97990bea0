//! Running other programs, and installing those that are missing.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::workspace;

/// Runs the command with this program's own input and output.
///
/// # Errors
///
/// When it cannot be started or does not succeed.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = show(command);
    let status = command.status().with_context(|| format!("cannot run `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` ended with {status}");
    }
    Ok(())
}

/// Runs the command and returns what it wrote to its standard output.
///
/// # Errors
///
/// When it cannot be started, does not succeed, or writes something else than text.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let shown = show(command);
    let output = command.output().with_context(|| format!("cannot run `{shown}`"))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        bail!("`{shown}` ended with {}: {}", output.status, complaint.trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{shown}` did not write UTF-8"))
}

/// Cargo, at the root of the repository.
///
/// It does not learn what cargo says to this program about its package: there are build scripts that
/// take it for their own, and for news, so that half of the libraries would be built again.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    for (name, _) in env::vars_os() {
        let is_ours = ["CARGO_PKG_", "CARGO_MANIFEST_"]
            .iter()
            .any(|prefix| name.to_string_lossy().starts_with(prefix));
        if is_ours {
            command.env_remove(name);
        }
    }
    command.current_dir(workspace::root()).args(arguments);
    command
}

/// Makes sure that `program` is there, by way of its Debian package if need be.
///
/// # Errors
///
/// When it is missing and cannot be installed; the message names the remedy.
pub(crate) fn require(program: &str, package: &str) -> Result<()> {
    require_that(program, package, || find(program).is_some())
}

/// The same for a file that is no program.
///
/// # Errors
///
/// As [`require`].
pub(crate) fn require_file(file: &str, package: &str) -> Result<()> {
    require_that(file, package, || Path::new(file).is_file())
}

fn require_that(what: &str, package: &str, is_there: impl Fn() -> bool) -> Result<()> {
    if is_there() {
        return Ok(());
    }
    let remedy = format!("apt-get install --no-install-recommends {package}");
    if find("apt-get").is_none() {
        bail!("`{what}` is missing; install it, on Debian with: {remedy}");
    }
    if !rustix::process::geteuid().is_root() {
        bail!("`{what}` is missing; install it with: sudo {remedy}");
    }
    println!("Installing the Debian package {package}");
    apt_get(&["update"])?;
    apt_get(&["install", "--yes", "--no-install-recommends", package])
        .with_context(|| format!("`{what}` is missing and could not be installed"))?;
    if !is_there() {
        bail!("`{what}` is still missing after installing the package {package}");
    }
    Ok(())
}

/// Where on the `PATH` the program is.
fn find(program: &str) -> Option<PathBuf> {
    find_in(program, &env::var_os("PATH")?)
}

fn find_in(program: &str, path: &std::ffi::OsStr) -> Option<PathBuf> {
    env::split_paths(path).map(|folder| folder.join(program)).find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    command.args(["-qq", "-o", "DPkg::Lock::Timeout=300"]).args(arguments);
    run(command.env("DEBIAN_FRONTEND", "noninteractive"))
}

/// The command as one would type it.
fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_command_is_named_with_its_arguments() {
        let error = run(Command::new("sh").args(["-c", "exit 3"])).unwrap_err().to_string();
        assert!(error.starts_with("`sh -c exit 3` ended with exit status: 3"), "{error}");
    }

    #[test]
    fn cargo_does_not_learn_of_the_package_of_this_test() {
        let command = cargo(&["metadata"]);
        let removed = |name: &str| command.get_envs().any(|it| it == (name.as_ref(), None));
        assert!(removed("CARGO_PKG_NAME") && removed("CARGO_MANIFEST_DIR"));
        assert!(!removed("CARGO_HOME"));
    }

    #[test]
    fn what_a_failed_command_complained_of_is_part_of_the_error() {
        let error = read(Command::new("sh").args(["-c", "echo no luck >&2; false"])).unwrap_err();
        assert!(error.to_string().ends_with("no luck"), "{error}");
    }

    #[test]
    fn a_file_that_is_there_needs_no_package() {
        let file = tempfile::NamedTempFile::new().unwrap();
        require_file(file.path().to_str().unwrap(), "no-such-package").unwrap();
    }

    #[test]
    fn only_executable_files_on_the_path_are_programs() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tool");
        std::fs::write(&file, "").unwrap();
        assert_eq!(find_in("tool", folder.path().as_os_str()), None);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(find_in("tool", folder.path().as_os_str()), Some(file));
    }
}
