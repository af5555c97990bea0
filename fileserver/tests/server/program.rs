//! The binary.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use crate::support::send;

fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fileserver"));
    prepare(&mut command, folder);
    command
}

fn prepare(command: &mut Command, folder: &Path) {
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("FILESERVER_")) {
        command.env_remove(name);
    }
    command.env_remove("UPLOAD_TOKEN").env_remove("RUST_LOG");
    command.current_dir(folder).args(["--output", "output"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
}

struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    address: SocketAddr,
    line: String,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut child = command.args(["--port", "0"]).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line.strip_prefix("Serving http://").unwrap().split(' ').next().unwrap();
        Self { address: address.parse().unwrap(), child, stdout, line }
    }

    /// Ends it with a signal; its exit code, the rest of stdout, and stderr.
    fn end(mut self, signal: &str) -> (Option<i32>, String, String) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
        let (mut out, mut err) = (String::new(), String::new());
        self.stdout.read_to_string(&mut out).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        (self.child.wait().unwrap().code(), out, err)
    }
}

fn fails(output: &Output, code: i32, words: &[&str]) {
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{err}");
    assert!(output.stdout.is_empty());
    for word in words {
        assert!(err.contains(word), "{word:?} is not in {err}");
    }
}

#[test]
fn it_prints_its_address_serves_and_ends_on_a_signal() {
    for signal in ["-TERM", "-INT"] {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("samples")).unwrap();
        fs::write(folder.path().join("samples/a.png"), "png").unwrap();
        let running = Running::start(&mut program(folder.path()));
        assert!(running.line.ends_with("(results in output)\n"), "{}", running.line);
        let reply = send(running.address, "PUT", "/uploads/job/a.png", &[], b"pixels");
        assert_eq!(reply.status, 201);
        assert_eq!(send(running.address, "GET", "/samples/a.png", &[], b"").status, 200);
        let (code, out, err) = running.end(signal);
        assert_eq!((code, out.as_str()), (Some(0), ""), "{err}");
        let stored = err.lines().find(|line| line.contains("stored")).unwrap();
        for word in ["INFO", "job=\"job\"", "name=\"a.png\"", "bytes=6", "ms="] {
            assert!(stored.contains(word), "{word} is not in {stored}");
        }
        assert_eq!(fs::read(folder.path().join("output/job/a.png")).unwrap(), b"pixels");
    }
}

#[test]
fn the_token_comes_from_a_file_or_the_environment_and_never_shows() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("token"), "s3cret\n").unwrap();
    let by_file = ["--upload-token-file", "token"];
    for command in [
        program(folder.path()).args(by_file),
        program(folder.path()).env("FILESERVER_UPLOAD_TOKEN_FILE", "token"),
        program(folder.path()).env("UPLOAD_TOKEN", "s3cret"),
    ] {
        let running = Running::start(command.env("RUST_LOG", "trace"));
        let put = |header| send(running.address, "PUT", "/uploads/job/a", &[header], b"x").status;
        assert_eq!(put("X: y"), 401);
        assert!(matches!(put("Authorization: Bearer s3cret"), 200 | 201));
        let (_, _, err) = running.end("-TERM");
        assert!(err.contains("stored") && !err.contains("s3cret"), "{err}");
    }
}

#[test]
fn a_full_disk_is_507_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -f 200; exec \"$0\" \"$@\""]);
    command.arg(env!("CARGO_BIN_EXE_fileserver"));
    prepare(&mut command, folder.path());
    let running = Running::start(&mut command);
    assert_eq!(send(running.address, "PUT", "/uploads/job/small", &[], &[1; 1_000]).status, 201);
    let reply = send(running.address, "PUT", "/uploads/job/large", &[], &vec![1; 1_000_000]);
    assert_eq!(reply.status, 507);
    assert!(reply.text().contains("no space"), "{}", reply.text());
    assert!(!folder.path().join("output/job/large").exists());
    assert_eq!(fs::read_dir(folder.path().join("output/.incoming")).unwrap().count(), 0);
    running.end("-TERM");
}

#[test]
fn a_killed_server_leaves_no_result_and_the_next_one_cleans_up() {
    let folder = tempfile::tempdir().unwrap();
    let incoming = folder.path().join("output/.incoming");
    let running = Running::start(&mut program(folder.path()));
    let mut stream = std::net::TcpStream::connect(running.address).unwrap();
    let head = b"PUT /uploads/job/a HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n";
    std::io::Write::write_all(&mut stream, &[head.as_slice(), &vec![1; 1_000_000]].concat())
        .unwrap();
    while fs::read_dir(&incoming).unwrap().next().is_none() {
        std::thread::yield_now();
    }
    running.end("-KILL");
    assert_eq!(fs::read_dir(&incoming).unwrap().count(), 1);
    assert!(!folder.path().join("output/job/a").exists());
    Running::start(&mut program(folder.path())).end("-TERM");
    assert_eq!(fs::read_dir(&incoming).unwrap().count(), 0);
}

#[test]
fn what_cannot_work_is_one_sentence_and_an_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| program(folder.path()).args(arguments).output().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    fails(
        &run(&["--port", &port]),
        1,
        &[&format!("127.0.0.1:{port}"), "--port", "0 for any free one"],
    );
    fails(&run(&["--port", "0", "--address", "192.0.2.1"]), 1, &["192.0.2.1:0", "--address"]);
    fails(&run(&["--port", "0", "--executor", "none"]), 1, &["the executor none", "--executor"]);
    fails(&run(&["--port", "0", "--samples", "none"]), 1, &["samples none", "--samples"]);
    fails(&run(&["--port", "0", "--upload-token-file", "none"]), 1, &["token file none"]);
    fs::write(folder.path().join("empty"), "").unwrap();
    fails(&run(&["--port", "0", "--upload-token-file", "empty"]), 1, &["token", "not usable"]);
    fails(&run(&["--porte", "0"]), 2, &["--porte", "--port"]);
    fails(&run(&["--port", "70000"]), 2, &["70000"]);
    fails(&run(&["--max-upload-size", "many"]), 2, &["many"]);
    fs::remove_dir_all(folder.path().join("output")).ok();
    fs::write(folder.path().join("output"), "a file").unwrap();
    fails(&run(&["--port", "0"]), 1, &["output folder output", "--output"]);
}

#[test]
fn help_begins_with_examples() {
    let folder = tempfile::tempdir().unwrap();
    let output = program(folder.path()).arg("--help").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(text.starts_with("Examples:"), "{text}");
    assert!(text.contains("FILESERVER_UPLOAD_TOKEN_FILE"));
}
