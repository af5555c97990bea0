//! Where things are in this repository.

use std::path::{Path, PathBuf};

/// The folder of the root `Cargo.toml`.
pub(crate) fn root() -> &'static Path {
    let member = Path::new(env!("CARGO_MANIFEST_DIR"));
    member.parent().unwrap_or(member)
}

/// The folder for everything that can be made again.
pub(crate) fn target() -> PathBuf {
    root().join("target")
}

/// Where `sandbox/install.sh` puts Mesos.
pub(crate) fn mesos_prefix() -> PathBuf {
    target().join("mesos-1.11.0")
}

/// A script of the `sandbox` folder.
pub(crate) fn sandbox_script(name: &str) -> PathBuf {
    root().join("sandbox").join(name)
}
