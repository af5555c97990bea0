//! The program itself: one static file that says what it is for.

use std::fs;
use std::process::{Command, Output};

const EXECUTOR: &str = env!("CARGO_BIN_EXE_executor");

fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(EXECUTOR);
    command.env_clear().envs(environment.iter().copied()).args(arguments).output().unwrap()
}

#[test]
fn by_hand_it_says_who_starts_it_and_what_is_missing() {
    let output = run(&[], &[("MESOS_EXECUTOR_ID", "e")]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("Mesos starts this program"), "{said}");
    assert!(said.contains("MESOS_FRAMEWORK_ID, MESOS_AGENT_ENDPOINT"), "{said}");
    assert!(!said.contains("MESOS_EXECUTOR_ID"), "{said}");
}

#[test]
fn it_tells_its_version() {
    let output = run(&["--version"], &[]);
    assert!(output.status.success());
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("executor "));
}

#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
#[test]
fn it_needs_no_loader_and_no_library() {
    const INTERPRETER: u64 = 3;
    const DYNAMIC: u64 = 2;
    const NEEDED: u64 = 1;
    let file = fs::read(EXECUTOR).unwrap();
    assert_eq!(&file[..4], b"\x7fELF");
    let number = |at: usize, bytes: usize| {
        let mut word = [0; 8];
        word[..bytes].copy_from_slice(&file[at..at + bytes]);
        u64::from_le_bytes(word)
    };
    let place = |at: usize| usize::try_from(number(at, 8)).unwrap();
    // e_phoff, e_phentsize and e_phnum of the ELF header; then p_type, p_offset and p_filesz.
    let (table, size, count) = (place(32), number(54, 2), number(56, 2));
    let headers: Vec<usize> =
        (0..count).map(|i| table + usize::try_from(i * size).unwrap()).collect();
    assert!(!headers.is_empty());
    for header in headers {
        let kind = number(header, 4);
        assert_ne!(kind, INTERPRETER, "the executor wants a dynamic loader");
        if kind == DYNAMIC {
            let (start, length) = (place(header + 8), place(header + 32));
            let mut tags = (start..start + length).step_by(16).map(|at| number(at, 8));
            assert!(!tags.any(|tag| tag == NEEDED), "the executor needs a shared library");
        }
    }
}
