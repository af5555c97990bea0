//! The committed code in `src/generated` is what `proto/` compiles to.
//!
//! Committing it keeps the build free of a protobuf compiler; this test keeps it
//! true. After a change in `proto/`, run it once with `UPDATE_GENERATED=1`.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::fs;
use std::path::{Path, PathBuf};

use prost::Message;

const PROTO_FILES: [&str; 3] = [
    "mesos/v1/mesos.proto",
    "mesos/v1/scheduler/scheduler.proto",
    "mesos/v1/executor/executor.proto",
];

fn compile_into(folder: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto");
    let descriptors = protox::compile(PROTO_FILES, [&root]).expect("the .proto files compile");
    fs::write(folder.join("descriptors.bin"), descriptors.encode_to_vec()).unwrap();
    let mut config = prost_build::Config::new();
    config.out_dir(folder).btree_map(["."]);
    config.compile_fds(descriptors).expect("prost generates code");
}

#[test]
fn generated_code_matches_the_proto_files() {
    let committed = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/generated");
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        compile_into(&committed);
    }
    let fresh = tempfile::tempdir().unwrap();
    compile_into(fresh.path());
    for entry in fs::read_dir(fresh.path()).unwrap() {
        let name = entry.unwrap().file_name();
        let wanted = fs::read(fresh.path().join(&name)).unwrap();
        let found = fs::read(committed.join(&name)).unwrap_or_default();
        assert!(
            wanted == found,
            "src/generated/{} is out of date: run this test with UPDATE_GENERATED=1",
            name.display()
        );
    }
}
