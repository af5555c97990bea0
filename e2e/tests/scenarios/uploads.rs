//! Uploads that want to get out of their folder, to the file server as it is started by hand.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use e2e::{Program, http, program};

const SOON: Duration = Duration::from_secs(20);

/// The names as they stand in a path, and the same as they stand in a form.
fn bad_names() -> Vec<(String, Vec<u8>)> {
    let long = "x".repeat(300);
    vec![
        ("../../x".into(), b"../../x".to_vec()),
        ("/etc/x".into(), b"/etc/x".to_vec()),
        ("..%2fx".into(), b"..%2fx".to_vec()),
        ("..%2f..%2fx".into(), b"..\\..\\x".to_vec()),
        ("x%00y".into(), b"x\0y".to_vec()),
        (long.clone(), long.into_bytes()),
    ]
}

/// Every file and folder below, with the size of files.
fn tree(folder: &Path) -> Result<BTreeSet<(PathBuf, u64)>> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_folder = entry.file_type()?.is_dir();
        let size = if is_folder { 0 } else { entry.metadata()?.len() };
        found.insert((entry.path(), size));
        if is_folder {
            found.extend(tree(&entry.path())?);
        }
    }
    Ok(found)
}

/// When that file was changed, if it is there.
fn etc_x() -> Option<SystemTime> {
    fs::metadata("/etc/x").and_then(|metadata| metadata.modified()).ok()
}

fn start(folder: &Path) -> Result<(Program, SocketAddr)> {
    let mut command = std::process::Command::new(program("fileserver")?);
    command.args(["--port", "0", "--output", "below/output"]);
    // Its log grows with every request, which is not what is looked for.
    command.env("RUST_LOG", "off");
    let mut server = Program::start("fileserver", &mut command, folder)?;
    let address = server.wait_for("its address", SOON, |server| {
        let line = server.stdout();
        let address = line.split("http://").nth(1)?.split_whitespace().next()?;
        address.parse().ok()
    })?;
    Ok((server, address))
}

fn form(name: &[u8]) -> Vec<u8> {
    let image =
        b"--b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"i\"\r\n\r\nevil";
    let before_name = b"\r\n--b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\n";
    [&image[..], &before_name[..], name, b"\r\n--b--\r\n"].concat()
}

#[test]
fn names_that_lead_elsewhere_get_400_and_write_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (server, address) = start(folder.path())?;
    let before = (tree(folder.path())?, etc_x());
    for (in_path, in_form) in bad_names() {
        let path = format!("/uploads/job/{in_path}");
        let put = http::request(address, "PUT", &path, &[], b"evil")?;
        ensure!(put.status == 400, "PUT {path}: {} {}", put.status, put.text());
        let kind = [("Content-Type", "multipart/form-data; boundary=b")];
        let post = http::request(address, "POST", "/", &kind, &form(&in_form))?;
        ensure!(post.status == 400, "POST {in_form:?}: {} {}", post.status, post.text());
    }
    let after = tree(folder.path())?;
    let new: Vec<_> = after.difference(&before.0).collect();
    ensure!(new.is_empty(), "{new:?}");
    ensure!(etc_x() == before.1, "it wrote to /etc/x");

    // The same requests with a good name work, so the refusals were about the names.
    let put = http::request(address, "PUT", "/uploads/job/good.png", &[], b"fine")?;
    ensure!(put.status == 201, "{}", put.text());
    let kind = [("Content-Type", "multipart/form-data; boundary=b")];
    let post = http::request(address, "POST", "/", &kind, &form(b"good.png"))?;
    ensure!(post.status == 200, "{}", post.text());
    let stored = fs::read(folder.path().join("below/output/job/good.png"));
    ensure!(stored.context("it is not stored")? == b"fine");
    drop(server);
    Ok(())
}
