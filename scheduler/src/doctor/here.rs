//! What is on this machine: the list, the folders, the executor, the file server.

use std::fs::File;
use std::io::{Error as IoError, Read};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::net::{self, TcpStream};
use tokio::process::Command;
use tokio::time::timeout;
use url::Url;

use super::elf::{self, Kind};
use super::{Finding, cluster};
use crate::cli::Arguments;
use crate::commands::without_userinfo;
use crate::dry_run::{self, Forecast};
use crate::failure::Failure;
use crate::preflight::{self, FileServer};
use crate::serving::Place;
use crate::source::Source;

/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much of a program is looked at, in bytes.
const HEAD_BYTES: u64 = 4096;

/// The list, the names of its hosts, and what is known of its job.
pub(super) async fn list(arguments: &Arguments) -> Vec<Finding> {
    let source = match Source::open(arguments).await {
        Ok(source) => source,
        Err(failure) => return vec![Finding::of("list", Err(failure.to_string()))],
    };
    if let Err(failure) = source.survey() {
        return vec![Finding::of("list", Err(failure.to_string()))];
    }
    match dry_run::of(&source, arguments) {
        Ok(forecast) => vec![
            Finding::of("list", entries(&forecast)),
            Finding::of("hosts", hosts(&forecast).await),
            Finding::of("state", forecast.standing()),
            Finding::of("disk", forecast.room()),
        ],
        Err(failure) => vec![
            Finding::of("list", Ok(source.to_string())),
            Finding::of("state", Err(failure.to_string())),
        ],
    }
}

fn entries(forecast: &Forecast) -> Result<String, String> {
    let text = forecast.entries();
    if forecast.names_images() {
        Ok(text)
    } else {
        Err(format!("{text}: correct its lines, or see --list-format and --url-column"))
    }
}

/// Whether names are found here. Agents look them up themselves.
async fn hosts(forecast: &Forecast) -> Result<String, String> {
    let (mut found, mut missing) = (0, Vec::new());
    for host in forecast.names() {
        // The port is of no matter; the function wants one.
        let place = if host.contains("]:") || (!host.ends_with(']') && host.contains(':')) {
            host.to_owned()
        } else {
            format!("{host}:80")
        };
        let addresses = timeout(PATIENCE, net::lookup_host(place)).await;
        if addresses.is_ok_and(|addresses| addresses.is_ok_and(|mut any| any.next().is_some())) {
            found += 1;
        } else {
            missing.push(host);
        }
    }
    told(found, &missing)
}

/// Some hosts that are gone only fail their own images.
fn told(found: usize, missing: &[&str]) -> Result<String, String> {
    let names = missing.join(", ");
    match (found, missing.len()) {
        (0, 0) => Ok("every image is on the file server".into()),
        (_, 0) => Ok(format!("the {found} with most images are found from this machine")),
        (0, _) => Err(format!(
            "not found from this machine: {names}; correct the list, or this machine's \
             /etc/resolv.conf"
        )),
        (_, _) => Ok(format!(
            "of those with most images {found} are found from this machine, and the images of \
             others will fail as dns if agents do not find them either: {names}"
        )),
    }
}

/// Whether results can be written. A folder that is not there yet is not made.
pub(super) fn output(arguments: &Arguments) -> Result<String, String> {
    let folders = [
        ("output", "--output", arguments.files.output.clone()),
        ("state", "--state-dir", arguments.state_dir()),
    ];
    for (what, flag, folder) in &folders {
        try_write(folder).map_err(|error| {
            let folder = folder.display();
            format!(
                "cannot write into the {what} folder {folder} ({error}): make it writable or name \
                 another with {flag}"
            )
        })?;
    }
    Ok(format!("{} can be written", arguments.files.output.display()))
}

fn try_write(folder: &Path) -> Result<(), IoError> {
    let there = folder.ancestors().find(|folder| folder.exists());
    let there = there.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    tempfile::tempfile_in(there).map(drop)
}

/// What of the flags for the file server is wrong, as `failure` says of one of them.
pub(super) fn unusable(arguments: &Arguments, failure: &Failure) -> Vec<Finding> {
    let files = &arguments.files;
    if files.fileserver.is_some() {
        return vec![Finding::of("file server", Err(failure.to_string()))];
    }
    let checks = [
        ("executor", preflight::executor(files).map(drop)),
        ("samples", preflight::samples(files, &arguments.list).map(drop)),
        ("file server", preflight::check_address(&files.address)),
    ];
    let wrong = checks.into_iter().filter_map(|(check, found)| Some((check, found.err()?)));
    wrong.map(|(check, failure)| Finding::of(check, Err(failure.to_string()))).collect()
}

/// Whether agents can run the executor.
pub(super) async fn executor(server: &FileServer) -> Option<Finding> {
    match server {
        FileServer::Own { executor, .. } => {
            Some(Finding::of("executor", executor_runs(executor).await))
        }
        FileServer::At { .. } => None,
    }
}

async fn executor_runs(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let remedy =
        "build it with `cargo build --release -p executor`, or name another with --executor";
    match read_head(path).map(|head| elf::kind(&head)) {
        Ok(Kind::Static) => {}
        Ok(Kind::Dynamic) => {
            return Err(format!(
                "{shown} needs the C library of this machine on every agent: {remedy}"
            ));
        }
        Ok(Kind::Other) => return Err(format!("{shown} is no program of 64-bit Linux: {remedy}")),
        Err(error) => return Err(format!("{shown} cannot be read ({error}): {remedy}")),
    }
    let run = run(path).await.map_err(|why| format!("{shown} does not run here ({why}): {remedy}"));
    run.map(|version| format!("{shown} is static and runs here: {version}"))
}

fn read_head(path: &Path) -> Result<Vec<u8>, IoError> {
    let mut head = Vec::new();
    File::open(path)?.take(HEAD_BYTES).read_to_end(&mut head)?;
    Ok(head)
}

async fn run(path: &Path) -> Result<String, String> {
    let path = std::fs::canonicalize(path).unwrap_or(PathBuf::from(path));
    let mut command = Command::new(path);
    command.arg("--version").env_clear().stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(PATIENCE, command.output()).await;
    let output = output.map_err(|_| "it does not end".to_owned())?;
    let output = output.map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.success() && text.starts_with("executor ") {
        Ok(text)
    } else {
        Err(format!("it ended with {} and said {text:?}", output.status))
    }
}

/// Whether our file server would be reached under its address, or the other one is.
pub(super) async fn file_server(
    arguments: &Arguments,
    server: &FileServer,
) -> Result<String, String> {
    let files = &arguments.files;
    let place = Place::take(server, &files.address, files.artifact_port).await;
    match place.map_err(|failure| failure.to_string())? {
        Place::Elsewhere(base) => answers(&base).await,
        Place::Bound(listener, base) => {
            let port = listener.local_addr().map_or(files.artifact_port, |place| place.port());
            reaches_itself(&base, port).await?;
            let master = preflight::master(arguments);
            if let Some(why) = master.ok().and_then(|master| preflight::only_here(files, &master)) {
                return Err(why);
            }
            Ok(format!("{base} is free and leads to this machine"))
        }
    }
}

/// Whether a file server is under that address.
pub(crate) async fn answers(base: &Url) -> Result<String, String> {
    let url = base.join("healthz").map_err(|error| error.to_string())?;
    let base = without_userinfo(base.as_str());
    let answer = cluster::ask_anybody(url).await.map_err(|why| {
        format!("the file server {base} does not answer ({why}): start it, or correct --fileserver")
    })?;
    let status = answer.status();
    status.is_success().then(|| format!("{base} answers")).ok_or_else(|| {
        format!("{base} answers {status}, so it is no file server: correct --fileserver")
    })
}

async fn reaches_itself(base: &Url, port: u16) -> Result<(), String> {
    let host = base.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match timeout(PATIENCE, TcpStream::connect((host, port))).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(format!(
            "{base} cannot be reached even from here ({error}): give another --address"
        )),
        Err(_) => Err(format!(
            "{base} is not reached even from here, maybe for a firewall: open the port, or give \
             another --address or --artifact-port"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_host_that_is_gone_stands_in_the_way_only_if_all_are() {
        assert!(told(0, &[]).is_ok());
        assert!(told(3, &[]).is_ok());
        let some = told(2, &["gone.example"]).unwrap();
        assert!(some.contains("2 are found") && some.contains("gone.example"), "{some}");
        let none = told(0, &["gone.example"]).unwrap_err();
        assert!(none.contains("gone.example; correct the list"), "{none}");
    }

    #[test]
    fn a_folder_that_is_not_there_is_tried_where_it_would_be_and_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("a/b");
        let line = ["scheduler".into(), "--output".into(), output.clone().into_os_string()];
        let arguments = Arguments::try_parse_from(line).unwrap();
        assert!(super::output(&arguments).is_ok());
        assert!(!output.exists());
        fs::write(folder.path().join("a"), "").unwrap();
        let error = super::output(&arguments).unwrap_err();
        assert!(error.contains("output folder") && error.contains("--output"), "{error}");
    }

    #[test]
    fn each_thing_that_is_missing_is_named_for_itself() {
        let line = "scheduler --address 0.0.0.0 --executor /nowhere/e --samples /nowhere/s";
        let arguments = Arguments::try_parse_from(line.split(' ')).unwrap();
        let failure = preflight::file_server(&arguments.files, &arguments.list).unwrap_err();
        let found = unusable(&arguments, &failure);
        let told: Vec<_> = found.iter().map(|finding| (finding.check, finding.ok)).collect();
        assert_eq!(told, [("executor", false), ("samples", false), ("file server", false)]);
        assert!(found[1].message.contains("/nowhere/s"), "{}", found[1].message);
    }

    #[tokio::test]
    async fn an_executor_that_is_no_program_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("executor");
        fs::write(&path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let error = executor_runs(&path).await.unwrap_err();
        assert!(error.contains("no program of 64-bit Linux") && error.contains("--executor"));
        assert!(run(&path).await.unwrap_err().contains("said \"\""));
    }
}
