//! Makes the executor one static file that runs on any Linux of its architecture.
//!
//! Agents are other people's machines: the binary must not depend on their C library.
//! `-C target-feature=+crt-static` would do it, but without `--target` that setting also
//! reaches procedural macros, which cannot be static; and the plain `cargo build --release`
//! shall be enough. So only the link step of this one binary is changed: `-static-pie` makes
//! the C compiler choose the start-up code of a static, position-independent program, and a
//! folder that the linker searches first answers every `-lNAME` of the standard library
//! with a linker script that names the static archive (`libc6-dev` and `gcc` bring them).
//! `-lgcc_s` has no static form; the unwinder of it is in `libgcc_eh.a`.
//!
//! The flags are arguments of the binary alone, not search paths of the package, as those
//! would reach the tests and whoever depends on the library.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What the standard library asks for, and what it gets instead.
const SCRIPTS: &[(&str, &str)] = &[
    ("c", "-l:libc.a"),
    ("dl", "-l:libdl.a"),
    ("gcc_s", "-l:libgcc_eh.a -l:libgcc.a -l:libc.a"),
    ("m", "-l:libm.a"),
    ("pthread", "-l:libpthread.a"),
    ("rt", "-l:librt.a"),
    ("util", "-l:libutil.a"),
];

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    if is_static_target() {
        let folder = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("static");
        write_scripts(&folder)?;
        println!("cargo:rustc-link-arg-bin=executor=-L{}", folder.display());
        println!("cargo:rustc-link-arg-bin=executor=-static-pie");
        if env::var("PROFILE").is_ok_and(|profile| profile == "release") {
            // Every agent downloads the file: without line tables it is a fraction as large.
            // Function names stay, so a panic still says where it was.
            println!("cargo:rustc-link-arg-bin=executor=-Wl,--strip-debug");
        }
    }
    Ok(())
}

/// The targets whose C library has static archives and whose linker reads such scripts.
/// Everything else is built as usual.
fn is_static_target() -> bool {
    let target = env::var("TARGET").unwrap_or_default();
    matches!(target.as_str(), "x86_64-unknown-linux-gnu" | "aarch64-unknown-linux-gnu")
}

fn write_scripts(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for (library, archives) in SCRIPTS {
        fs::write(folder.join(format!("lib{library}.so")), format!("GROUP ( {archives} )\n"))?;
    }
    Ok(())
}
