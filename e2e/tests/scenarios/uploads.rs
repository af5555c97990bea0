//! Uploads that want to get out of their folder: to the file server as it is started by hand, and
//! to the one inside a scheduler at work.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::origin::{Answer, Origin};
use e2e::{Cluster, Engine, Finished, Job, Program, http, on_each_engine, pictures, program, root};

const SOON: Duration = Duration::from_secs(20);

/// What all those names have in them.
const MARK: &str = "e2e-escaped";

/// The names as they stand in a path, and the same as they stand in a form.
fn bad_names() -> Vec<(String, Vec<u8>)> {
    let long = format!("{MARK}{}", "x".repeat(300 - MARK.len()));
    let plain = |name: String| (name.clone(), name.into_bytes());
    vec![
        plain(format!("../../{MARK}")),
        plain(format!("/etc/{MARK}")),
        plain(format!("..%2f{MARK}")),
        (format!("..%2f..%2f{MARK}"), format!("..\\..\\{MARK}").into_bytes()),
        (format!("{MARK}%00.png"), format!("{MARK}\0.png").into_bytes()),
        plain(long),
    ]
}

/// The statuses of the same upload under a bad name, by path and by form.
fn upload(address: SocketAddr, in_path: &str, in_form: &[u8]) -> Result<[u16; 2]> {
    let path = format!("/uploads/job/{in_path}");
    let put = http::request(address, "PUT", &path, &[], b"evil")?;
    let kind = [("Content-Type", "multipart/form-data; boundary=b")];
    let post = http::request(address, "POST", "/", &kind, &form(in_form))?;
    Ok([put.status, post.status])
}

fn form(name: &[u8]) -> Vec<u8> {
    let image =
        b"--b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"i\"\r\n\r\nevil";
    let before_name = b"\r\n--b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\n";
    [&image[..], &before_name[..], name, b"\r\n--b--\r\n"].concat()
}

/// Whatever the marked names have made, in the folder and where some of them point to.
fn escaped(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = marked(folder)?;
    let elsewhere = [Path::new("/etc").join(MARK), Path::new("/").join(MARK)];
    found.extend(elsewhere.into_iter().filter(|path| path.exists()));
    Ok(found)
}

fn marked(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().contains(MARK) {
            found.push(entry.path());
        }
        if entry.file_type()?.is_dir() {
            // Sandboxes come and go.
            found.extend(marked(&entry.path()).unwrap_or_default());
        }
    }
    Ok(found)
}

fn start(folder: &Path) -> Result<(Program, SocketAddr)> {
    let mut command = std::process::Command::new(program("fileserver")?);
    command.args(["--port", "0", "--output", "below/output"]);
    let mut server = Program::start("fileserver", &mut command, folder)?;
    let address =
        server.wait_for("its address", SOON, |it| address_after("http://", &it.stdout()))?;
    Ok((server, address))
}

fn address_after(words: &str, text: &str) -> Option<SocketAddr> {
    let rest = text.split(words).nth(1)?;
    rest.split(|c: char| c.is_whitespace() || c == '/').next()?.parse().ok()
}

#[test]
fn names_that_lead_elsewhere_get_400_and_write_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (server, address) = start(folder.path())?;
    for (in_path, in_form) in bad_names() {
        let statuses = upload(address, &in_path, &in_form)?;
        ensure!(statuses == [400, 400], "{in_path}: {statuses:?}\n{}", server.tail());
    }
    let escaped = escaped(folder.path())?;
    ensure!(escaped.is_empty(), "{escaped:?}");

    // The same requests with a good name work, so the refusals were about the names.
    let statuses = upload(address, "good.png", b"good.png")?;
    ensure!(statuses == [201, 200], "{statuses:?}\n{}", server.tail());
    let stored = fs::read(folder.path().join("below/output/job/good.png"));
    ensure!(stored.context("it is not stored")? == b"evil");
    Ok(())
}

fn a_scheduler_at_work_takes_no_uploads_from_strangers(engine: Engine) -> Result<()> {
    let cluster = Cluster::start(engine, 2)?;
    let origin = Origin::start(|path| {
        let number = path.strip_prefix('/')?.strip_suffix(".png")?.parse().ok()?;
        let picture = Answer::picture(pictures::png(number).ok()?);
        Some(picture.after(Duration::from_secs(1)))
    })?;
    let lines: Vec<String> = (1..=4).map(|n| origin.url(&format!("/{n}.png"))).collect();
    let mut run = Job::of_lines(&cluster, &lines)?.start()?;
    let address = run.program.wait_for("the address of its file server", SOON, |it| {
        address_after("file server at http://", &it.stderr())
    })?;
    run.program
        .wait_for("the first request", SOON, |_| (origin.total_requests() > 0).then_some(()))?;
    for (in_path, in_form) in bad_names() {
        let [put, post] = upload(address, &in_path, &in_form)?;
        // Whether it is the name or the missing token that is looked at first does not matter.
        ensure!([400, 401].contains(&put), "{in_path}: {put}");
        ensure!([400, 401].contains(&post), "{in_form:?}: {post}");
    }
    let good = format!("{MARK}.png");
    let statuses = upload(address, &good, good.as_bytes())?;
    ensure!(statuses == [401, 401], "without a token: {statuses:?}");
    let finished = run.finish(0, 3 * SOON)?;
    let escaped = escaped(cluster.folder())?;
    ensure!(escaped.is_empty(), "{escaped:?}");
    for entry in &finished.entries {
        entry.result(&finished.output)?;
    }
    Ok(())
}

/// A job of two samples whose results go to the file server at `base`.
fn run_with_file_server(cluster: &Cluster, base: &str, status: i32) -> Result<Finished> {
    let lines: Vec<String> = ["lighthouse.jpg", "julia.png"].map(|n| format!("samples/{n}")).into();
    let job = Job::of_lines(cluster, &lines)?;
    let flags = ["--fileserver", base, "--upload-token-file", "token"];
    job.with(&flags).run(status, 3 * SOON)
}

fn a_file_server_by_itself_takes_the_results_of_who_has_its_token(engine: Engine) -> Result<()> {
    let cluster = Cluster::start(engine, 1)?;
    let folder = cluster.folder();
    fs::write(folder.join("token"), "right")?;
    let mut command = std::process::Command::new(program("fileserver")?);
    command.args(["--port", "0", "--output", "kept", "--upload-token-file", "token"]);
    command.arg("--executor").arg(program("executor")?);
    command.arg("--samples").arg(root().join("samples"));
    let mut program = Program::start("fileserver", &mut command, folder)?;
    let address =
        program.wait_for("its address", SOON, |it| address_after("http://", &it.stdout()))?;
    let base = format!("http://{address}");

    let finished = run_with_file_server(&cluster, &base, 0)?;
    ensure!(finished.log.contains(&format!("Results:  {base}/jobs/")), "{}", finished.log);
    for entry in &finished.entries {
        // The digest of the manifest is held against the file where the server keeps it.
        entry.result(&folder.join("kept"))?;
    }

    fs::write(folder.join("token"), "wrong")?;
    fs::remove_dir_all(folder.join("state"))?;
    let refused = run_with_file_server(&cluster, &base, 1)?;
    for entry in &refused.entries {
        ensure!(entry.class == "upload" && entry.message.contains("401"), "{entry:?}");
    }
    Ok(())
}

on_each_engine!(
    a_scheduler_at_work_takes_no_uploads_from_strangers,
    a_file_server_by_itself_takes_the_results_of_who_has_its_token,
);
