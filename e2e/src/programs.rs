//! The programs under test, built by cargo.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};

/// The folder of the root `Cargo.toml`.
#[must_use]
pub fn root() -> &'static Path {
    let member = Path::new(env!("CARGO_MANIFEST_DIR"));
    member.parent().unwrap_or(member)
}

/// A program of this repository, of the same profile as this test and of the sources as they
/// are now: cargo builds all programs when the first is asked for.
///
/// # Errors
///
/// When they cannot be built, or there is none of that name.
pub fn program(name: &str) -> Result<PathBuf> {
    made(name)
}

/// An example of the `mesos` crate, in the same way.
///
/// # Errors
///
/// When it cannot be built, or there is none of that name.
pub fn example(name: &str) -> Result<PathBuf> {
    made(&format!("examples/{name}"))
}

fn made(name: &str) -> Result<PathBuf> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| build().map_err(|error| format!("{error:#}")));
    let folder = built.as_ref().map_err(|error| anyhow::anyhow!("{error}"))?;
    let path = folder.join(name);
    if !path.is_file() {
        bail!("cargo made no program '{}'", path.display());
    }
    Ok(path)
}

/// Builds them, and says in which folder they are.
fn build() -> Result<PathBuf> {
    let test = env::current_exe().context("cannot tell where this test is")?;
    let folder = folder_of_programs(&test).context("this test is in no folder of cargo's")?;
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    forget_this_test(&mut command);
    // All of the workspace, so that libraries are those that `cargo test --workspace` has made.
    command.current_dir(root()).args(["build", "--quiet", "--workspace", "--bins", "--examples"]);
    command.args(["--profile", profile(&folder)]);
    let output = command.output().context("cannot run cargo to build the programs")?;
    if !output.status.success() {
        bail!("cargo could not build the programs:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(folder)
}

/// Takes from the command what cargo says to a test about its package. There are build scripts that
/// take it for their own, and for news: then half of the libraries would be built again.
fn forget_this_test(command: &mut Command) {
    for (name, _) in env::vars_os() {
        if is_about_a_package(&name.to_string_lossy()) {
            command.env_remove(name);
        }
    }
}

fn is_about_a_package(variable: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| variable.starts_with(prefix))
}

/// Tests are in `target/PROFILE/deps`, programs in `target/PROFILE`.
fn folder_of_programs(test: &Path) -> Option<PathBuf> {
    let folder = test.parent()?;
    let is_deps = folder.file_name().is_some_and(|name| name == "deps");
    if is_deps { folder.parent().map(Path::to_owned) } else { Some(folder.to_owned()) }
}

/// The profile whose programs are in the folder.
fn profile(folder: &Path) -> &str {
    match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_says_about_a_test_is_told_from_what_people_say_to_cargo() {
        assert!(is_about_a_package("CARGO_PKG_NAME") && is_about_a_package("CARGO_MANIFEST_DIR"));
        assert!(!is_about_a_package("CARGO_TARGET_DIR") && !is_about_a_package("CARGO_HOME"));
    }

    #[test]
    fn programs_are_beside_the_folder_of_tests() {
        let folder = folder_of_programs(Path::new("/w/target/debug/deps/scenarios-1a2b")).unwrap();
        assert_eq!(folder, Path::new("/w/target/debug"));
        assert_eq!(profile(&folder), "dev");
        assert_eq!(profile(Path::new("/w/target/release")), "release");
    }
}
