//! The program itself: bad input gets one clear sentence, an exit status and nothing else.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;

/// A folder with a list of one image and an executor that can be started.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::write(place.path("list"), "http://127.0.0.1:1/a.jpg\n").unwrap();
        fs::write(place.path("executor"), "#!/bin/sh\n").unwrap();
        let runs = fs::Permissions::from_mode(0o755);
        fs::set_permissions(place.path("executor"), runs).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, flags: &[&str], list: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scheduler"));
        command.env_clear().current_dir(self.0.path());
        command.args(["--artifact-port", "0", "--executor", "executor"]);
        command.args(flags).arg(list);
        command
    }

    fn run(&self, flags: &[&str], list: &str) -> Output {
        self.command(flags, list).output().unwrap()
    }

    /// The state file of the only job.
    fn state(&self) -> PathBuf {
        let files = fs::read_dir(self.path("output/.state")).unwrap().flatten();
        files.map(|entry| entry.path()).find(|path| path.extension().is_some()).unwrap()
    }

    /// A scheduler that has written a line with `text`.
    fn start(&self, flags: &[&str], text: &str) -> (Child, BufReader<impl Read + use<>>) {
        let mut command = self.command(flags, "list");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert_ne!(stderr.read_line(&mut line).unwrap(), 0, "ended without {text:?}");
        }
        (child, stderr)
    }

    /// The last line on standard error of a run that has to fail.
    fn refused(&self, flags: &[&str], list: &str, status: i32) -> String {
        let output = self.run(flags, list);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{flags:?} {list}: {text}");
        assert_eq!(output.stdout, b"", "{flags:?} {list}");
        text.trim_end().lines().last().unwrap_or_default().to_owned()
    }
}

fn says(sentence: &str, parts: &[&str]) {
    assert!(sentence.starts_with("scheduler: "), "{sentence}");
    for part in parts {
        assert!(sentence.contains(part), "{part:?} is not in: {sentence}");
    }
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_list_that_is_not_there_is_named() {
    let place = Place::new();
    says(&place.refused(&[], "nowhere", 3), &["cannot read the list nowhere", "name a file"]);
    assert_eq!(names_in(place.0.path()), ["executor", "list"], "nothing else was written");
}

#[test]
fn an_empty_list_is_named() {
    let place = Place::new();
    fs::write(place.path("empty"), "# nothing here\n\n").unwrap();
    says(&place.refused(&[], "empty", 3), &["the list empty names no image", "one URL or path"]);
}

#[test]
fn an_executor_that_is_not_there_is_named() {
    let place = Place::new();
    let sentence = place.refused(&["--executor", "gone"], "list", 4);
    // The later flag wins over the one that every run here is given.
    says(&sentence, &["the executor gone cannot be read", "cargo build", "--executor"]);
    assert_eq!(names_in(place.0.path()), ["executor", "list"]);
}

#[test]
fn an_executor_that_cannot_run_is_named() {
    let place = Place::new();
    let still = fs::Permissions::from_mode(0o644);
    fs::set_permissions(place.path("executor"), still).unwrap();
    says(&place.refused(&[], "list", 4), &["the executor executor is not executable"]);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let sentence = place.refused(&["--artifact-port", &port], "list", 4);
    says(&sentence, &[&port, "--artifact-port"]);
    assert_eq!(names_in(place.0.path()), ["executor", "list"]);
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let place = Place::new();
    // A file where the folder should be stops even root.
    let sentence = place.refused(&["--output", "list/output"], "list", 4);
    says(&sentence, &["output folder list/output", "--output"]);
}

#[test]
fn a_master_that_cannot_be_one_is_named() {
    let place = Place::new();
    says(&place.refused(&["--master", "nowhere"], "list", 2), &["nowhere", "HOST:PORT"]);
}

#[test]
fn a_flag_that_is_not_there_gets_a_suggestion() {
    let place = Place::new();
    let output = place.run(&["--mastre", "local"], "list");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("--master"));
}

#[test]
fn a_list_without_any_url_needs_no_cluster() {
    let place = Place::new();
    fs::write(place.path("bad"), "ftp://h/a\n::::\n").unwrap();
    let output = place.run(&["--master", "127.0.0.1:1", "--quiet"], "bad");
    let summary = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{summary}");
    assert!(summary.starts_with("0 of 2 images done"), "{summary}");
    assert!(summary.contains("2 bad-url"), "{summary}");
    let manifest = fs::read_to_string(place.path("output/manifest.jsonl")).unwrap();
    assert_eq!(manifest.lines().count(), 2);
    assert!(manifest.lines().all(|line| line.contains(r#""class":"bad-url""#)), "{manifest}");
}

fn signal(child: &Child, signal: rustix::process::Signal) {
    let id = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(id, signal).unwrap();
}

/// A port on which nobody listens: it was ours, and is not given out again at once.
fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// A master that gives every request the same answer.
fn master_that_answers(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            answer_one(stream.unwrap(), answer);
        }
    });
    address
}

fn answer_one(mut stream: TcpStream, answer: &str) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    while reader.read_line(&mut line).unwrap() > 2 {
        line.clear();
    }
    write!(stream, "HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
}

#[test]
fn a_master_that_is_not_there_is_waited_for_until_interrupted() {
    let place = Place::new();
    let address = free_address();
    let waits = format!("cannot subscribe with the master {address}");
    let (child, _stderr) = place.start(&["--master", &address], &waits);
    signal(&child, rustix::process::Signal::INT);
    let output = child.wait_with_output().unwrap();
    let summary = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(130), "{summary}");
    assert!(summary.contains("1 without an outcome yet"), "{summary}");
    assert!(summary.contains(&format!("--master {address}")), "{summary}");
    let manifest = fs::read_to_string(place.path("output/manifest.jsonl")).unwrap();
    assert!(manifest.contains(r#""outcome":"pending""#), "{manifest}");
}

#[test]
fn a_scheduler_that_is_told_to_terminate_ends_at_once() {
    let place = Place::new();
    let (child, _stderr) = place.start(&["--master", &free_address()], "cannot subscribe");
    signal(&child, rustix::process::Signal::TERM);
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
}

#[test]
fn a_second_scheduler_on_the_same_job_is_sent_away() {
    let place = Place::new();
    let master = free_address();
    let (mut first, _stderr) = place.start(&["--master", &master], "cannot subscribe");
    let sentence = place.refused(&["--master", &master], "list", 8);
    says(&sentence, &["another scheduler works on the job", "--state-dir"]);
    first.kill().unwrap();
    first.wait().unwrap();
}

#[test]
fn the_master_may_be_named_by_a_file_that_nobody_else_reads() {
    let place = Place::new();
    let file = place.path("master");
    let nobody = free_address();
    fs::write(&file, format!("{nobody},{}\n", master_that_answers("401 Unauthorized"))).unwrap();
    let master = format!("file://{}", file.display());
    let sentence = place.refused(&["--master", &master], "list", 5);
    says(&sentence, &[&master, "--credential"]);
    fs::write(&file, "zk://u:s3cret@127.0.0.1/\n").unwrap();
    let sentence = place.refused(&["--master", &master], "list", 2);
    says(&sentence, &["its path is the root"]);
    assert!(!sentence.contains("s3cret"), "{sentence}");
}

#[test]
fn credentials_that_are_refused_are_named() {
    let place = Place::new();
    let master = master_that_answers("401 Unauthorized");
    let sentence = place.refused(&["--master", &master], "list", 5);
    says(&sentence, &[&master, "--principal and --secret-file"]);
    let state = names_in(&place.path("output/.state"));
    assert_eq!(state, [] as [&str; 0], "nothing is kept of a job that did not begin");
    assert!(!place.path("output/manifest.jsonl").exists());
}

#[test]
fn a_dry_run_tells_what_would_happen_and_does_nothing() {
    let place = Place::new();
    fs::write(place.path("birds.csv"), "id,url\n1,http://h/a.jpg\n2,http://h/b.jpg\n3\n").unwrap();
    let output = place.run(&["--dry-run", "--executor", "gone"], "birds.csv");
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("3 images, 0 duplicates, 1 that are no URL"), "{text}");
    let output = place.run(&["--dry-run", "--json"], "birds.csv");
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((json["images"].as_u64(), json["hosts"][0]["images"].as_u64()), (Some(3), Some(2)));
    assert_eq!(names_in(place.0.path()), ["birds.csv", "executor", "list"]);
    says(&place.refused(&["--dry-run"], "http://127.0.0.1:1/l", 2), &["makes no request"]);
    says(&place.refused(&["--dry-run"], "nowhere", 3), &["cannot read the list nowhere"]);
}

#[test]
fn alone_it_says_what_to_try_and_does_nothing() {
    let place = Place::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_scheduler"));
    let output = command.current_dir(place.0.path()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("scheduler doctor LIST") && text.contains("scheduler --help"), "{text}");
    assert_eq!(names_in(place.0.path()), ["executor", "list"]);
}

#[test]
fn the_doctor_names_all_that_is_wrong_and_leaves_nothing_behind() {
    let place = Place::new();
    let doctor = |flags: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scheduler"));
        command.env_clear().current_dir(place.0.path()).arg("doctor");
        command.args(["--artifact-port", "0", "--executor", "executor"]).args(flags).arg("list");
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(4), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let address = free_address();
    let text = doctor(&["--master", &address]);
    for line in [
        "ok     list         list: 1 images",
        "ok     output       output can be written",
        "WRONG  executor     executor is no program of 64-bit Linux",
        "ok     file server  http://127.0.0.1:",
        &format!("WRONG  master       {address}: "),
        "2 things stand in the way",
    ] {
        assert!(text.lines().any(|other| other.starts_with(line)), "{line:?} is not in: {text}");
    }
    let json: serde_json::Value = serde_json::from_str(&doctor(&["--json"])).unwrap();
    assert_eq!((json[0]["check"].as_str(), json[0]["ok"].as_bool()), (Some("list"), Some(true)));
    assert_eq!(names_in(place.0.path()), ["executor", "list"]);
}

#[test]
fn the_doctor_keeps_the_secret_from_the_file_server() {
    let place = Place::new();
    fs::write(place.path("credential"), "me s3cret\n").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}/", listener.local_addr().unwrap());
    let request = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = vec![0; 4096];
        let length = Read::read(&mut stream, &mut request).unwrap();
        Write::write_all(&mut stream, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
        String::from_utf8_lossy(request.get(..length).unwrap_or_default()).to_lowercase()
    });
    let mut command = Command::new(env!("CARGO_BIN_EXE_scheduler"));
    command.env_clear().current_dir(place.0.path()).args(["doctor", "--credential", "credential"]);
    let output = command.args(["--fileserver", &server, "list"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains(&format!("{server} answers")), "{text}");
    let request = request.join().unwrap();
    assert!(request.starts_with("get /healthz") && !request.contains("authorization"), "{request}");
}

#[test]
fn a_list_is_fetched_by_its_url() {
    let place = Place::new();
    let answer = "200 OK\r\nx-list: 1";
    let list = format!("http://{}/empty.txt", master_that_answers(answer));
    says(&place.refused(&[], &list, 3), &["the list http://", "names no image"]);
    let gone = format!("http://{}/l.txt", master_that_answers("404 Not Found"));
    says(&place.refused(&[], &gone, 3), &["cannot fetch the list", "404 Not Found"]);
}

#[test]
fn a_table_without_a_column_of_urls_is_named() {
    let place = Place::new();
    fs::write(place.path("birds.csv"), "id,photo\n1,http://h/a.jpg\n").unwrap();
    says(
        &place.refused(&["--url-column", "url"], "birds.csv", 3),
        &["\"id\", \"photo\"", "--url-column"],
    );
}

#[test]
fn a_job_with_too_many_failures_is_given_up_and_begins_when_more_are_allowed() {
    let place = Place::new();
    fs::write(place.path("list"), "http://h:99999/a.jpg\nhttp://127.0.0.1:1/b.jpg\n").unwrap();
    for (flags, status) in [(&["--fail-fast"][..], 7), (&["--max-failures", "40%"], 7)] {
        let output = place.run(flags, "list");
        let (text, summary) =
            (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
        assert_eq!(output.status.code(), Some(status), "{text}");
        assert!(text.contains("the job is given up"), "{text}");
        assert!(summary.contains("allow more of them with --max-failures"), "{summary}");
    }
    let (mut child, _) = place.start(&["--max-failures", "50%"], "registered with framework id");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_report_tells_of_a_job_that_was_given_up_and_writes_its_file() {
    let place = Place::new();
    fs::write(place.path("list"), "http://h:99999/a.jpg\nhttp://127.0.0.1:1/b.jpg\n").unwrap();
    assert_eq!(place.run(&["--fail-fast"], "list").status.code(), Some(7));
    let mut command = Command::new(env!("CARGO_BIN_EXE_scheduler"));
    command.env_clear().current_dir(place.0.path()).args(["report", "--fail-fast", "--json"]);
    let output = command.args(["--report", "new/r.json", "list"]).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["end"], "aborted", "{output:?}");
    let file = fs::read(place.path("new/r.json")).unwrap();
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&file).unwrap(), report);
}

#[test]
fn a_report_that_could_not_be_written_is_refused_at_the_beginning() {
    let place = Place::new();
    fs::create_dir(place.path("folder")).unwrap();
    for report in ["folder", "list/r.json"] {
        says(
            &place.refused(&["--report", report], "list", 4),
            &["cannot write", report, "--report"],
        );
    }
    assert!(!place.path("output").join("manifest.jsonl").exists());
}

#[test]
fn messages_that_nobody_takes_stop_nothing() {
    let place = Place::new();
    fs::write(place.path("list"), "ftp://h/a.jpg\n").unwrap();
    let full = || fs::File::options().write(true).open("/dev/full").unwrap();
    for flags in [&[][..], &["--quiet"]] {
        let output = place.command(flags, "list").stderr(full()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{flags:?} {output:?}");
        assert!(place.path("output/manifest.jsonl").is_file(), "{flags:?}");
    }
}

#[test]
fn a_state_that_is_damaged_is_named_and_can_be_left_behind() {
    let place = Place::new();
    fs::write(place.path("list"), "http://h:99999/a.jpg\nhttp://127.0.0.1:1/b.jpg\n").unwrap();
    assert_eq!(place.run(&["--fail-fast"], "list").status.code(), Some(7));
    fs::File::options().write(true).open(place.state()).unwrap().set_len(3000).unwrap();
    says(&place.refused(&[], "list", 4), &["is damaged", "give --restart to begin anew"]);
    assert_eq!(place.run(&["--fail-fast", "--restart"], "list").status.code(), Some(7));
}

#[test]
fn a_state_that_makes_the_database_panic_is_named_without_the_words_of_the_panic() {
    let place = Place::new();
    fs::write(place.path("list"), "http://h:99999/a.jpg\nhttp://127.0.0.1:1/b.jpg\n").unwrap();
    assert_eq!(place.run(&["--fail-fast"], "list").status.code(), Some(7));
    let state = place.state();
    let whole = fs::read(&state).unwrap();
    let used = (0..whole.len()).filter(|at| whole[*at] != 0);
    let said = used.step_by(7).find_map(|at| {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        fs::write(&state, &bytes).unwrap();
        let output = place.run(&["--fail-fast"], "list");
        let text = String::from_utf8(output.stderr).unwrap();
        text.contains("contradict").then_some(text)
    });
    let said = said.unwrap();
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn who_reads_messages_as_json_gets_the_last_one_so_too() {
    let output = Place::new().run(&["--log-format", "json"], "nowhere");
    assert_eq!(output.status.code(), Some(3));
    let text = String::from_utf8(output.stderr).unwrap();
    let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!((last["level"].as_str(), last["status"].as_u64()), (Some("ERROR"), Some(3)));
    assert!(last["message"].as_str().unwrap().contains("nowhere"), "{last}");
}

#[test]
fn a_file_server_that_does_not_answer_is_warned_of() {
    let flags = ["--fileserver", "http://u:s3cret@127.0.0.1:1", "--master", "127.0.0.1:1"];
    let warned = "the file server http://***@127.0.0.1:1/ does not answer";
    let (mut child, _) = Place::new().start(&flags, warned);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_job_is_reported_at_its_end_and_again_from_its_state() {
    let place = Place::new();
    fs::write(place.path("bad"), "ftp://h/a,b\n::::\n").unwrap();
    let flags =
        ["--master", "127.0.0.1:1", "--quiet", "--json", "--report", "r/r.json", "--manifest-csv"];
    let output = place.run(&flags, "bad");
    assert_eq!(output.status.code(), Some(1));
    let shown: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = fs::read_to_string(place.path("r/r.json")).unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), shown);
    assert_eq!(
        (shown["end"].as_str(), shown["images"]["failed"].as_u64()),
        (Some("some-failed"), Some(2))
    );
    assert_eq!(shown["failures"][0]["class"], "bad-url");
    assert_eq!(shown["retry"], serde_json::Value::Null, "bad lines stay bad");
    let table = fs::read_to_string(place.path("output/manifest.csv")).unwrap();
    assert!(
        table.lines().nth(1).unwrap().starts_with("1,1,\"ftp://h/a,b\",,failed,bad-url,"),
        "{table}"
    );

    let report = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scheduler"));
        command.env_clear().current_dir(place.0.path()).arg("report").args(words);
        command.output().unwrap()
    };
    let output = report(&["--html", "r/r.html", "bad"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.starts_with("0 of 2 images done (0.0 %): 0 B in"), "{text}");
    assert!(text.contains("Correct these lines of the list."), "{text}");
    let page = fs::read_to_string(place.path("r/r.html")).unwrap();
    assert!(page.contains("<svg ") && page.contains("bad-url"), "{page}");
    let unknown = report(&["list"]);
    assert_eq!(unknown.status.code(), Some(4));
    says(&String::from_utf8(unknown.stderr).unwrap(), &["nothing is known of the job list-"]);
}

#[test]
fn failed_images_of_a_job_that_never_ran_cannot_be_tried_again() {
    let place = Place::new();
    let sentence = place.refused(&["--retry-failed"], "list", 2);
    says(&sentence, &["--retry-failed", "nothing is known of the job list-"]);
    assert_eq!(names_in(&place.path("output/.state")), [] as [&str; 0]);
    let sentence = place.run(&["--retry-failed=fine"], "list");
    assert_eq!(sentence.status.code(), Some(2));
}
