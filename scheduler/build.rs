//! Tells the program what it was built from, for `--version`: the commit, in a release build within
//! a checkout of this project; the target; the features. The same sources give the same program.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let of = |name| env::var(name).unwrap_or_default();
    // Builds for work on the program itself are not made anew with every commit.
    let commit = if of("PROFILE") == "release" { commit() } else { None };
    let shown = commit.map(|commit| format!(" ({commit})")).unwrap_or_default();
    println!("cargo:rustc-env=SCHEDULER_COMMIT={shown}");
    println!("cargo:rustc-env=SCHEDULER_TARGET={}", of("TARGET"));
    let features = if env::var_os("CARGO_FEATURE_PARQUET").is_some() { "parquet" } else { "none" };
    println!("cargo:rustc-env=SCHEDULER_FEATURES={features}");
}

/// The commit of this checkout; `None` outside of one, also within one of another project.
fn commit() -> Option<String> {
    git(&["ls-files", "--error-unmatch", "build.rs"])?;
    for file in ["HEAD", "logs/HEAD"] {
        let path = git(&["rev-parse", "--git-path", file])?;
        if fs::exists(Path::new(&path)).is_ok_and(|is_there| is_there) {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    git(&["rev-parse", "--short=12", "HEAD"])
}

fn git(words: &[&str]) -> Option<String> {
    let output = Command::new("git").args(words).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
