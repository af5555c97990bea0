//! What can be found wrong before anything is started or written.

use std::env;
use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use mesos::master::{Credential, MasterSpec};
use url::Url;

use crate::cli::{Arguments, FileArguments};
use crate::failure::Failure;

/// The variable that may hold the token of another file server. It has no flag:
/// arguments are public.
const TOKEN_VARIABLE: &str = "UPLOAD_TOKEN";

/// Where tasks are to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Master {
    /// On a cluster inside this program.
    Local,
    /// On the cluster of this master.
    At(MasterSpec),
}

/// Who serves the executor and takes the results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileServer {
    /// This program.
    Own {
        /// The executor to hand out.
        executor: PathBuf,
        /// The samples to serve.
        samples: Option<PathBuf>,
    },
    /// Another one.
    At {
        /// Its address.
        url: Url,
        /// What it wants with uploads.
        token: Option<String>,
    },
}

/// The master that the flags name.
///
/// # Errors
///
/// When the text names none.
pub fn master(arguments: &Arguments) -> Result<Master, Failure> {
    if arguments.is_local() {
        return Ok(Master::Local);
    }
    let spec = arguments.cluster.master.parse::<MasterSpec>();
    spec.map(Master::At).map_err(|error| Failure::Usage(format!("--master: {error}")))
}

/// The file server that the flags name.
///
/// # Errors
///
/// When the executor, the token or the address is not usable.
pub fn file_server(arguments: &FileArguments, list: &Path) -> Result<FileServer, Failure> {
    if let Some(url) = &arguments.fileserver {
        return other_file_server(url, arguments);
    }
    check_address(&arguments.address)?;
    let executor = arguments.executor.clone().map_or_else(executor_beside, Ok)?;
    check_executor(&executor)?;
    let samples = samples(arguments, list)?;
    Ok(FileServer::Own { executor, samples })
}

/// Who we say we are to the master.
///
/// # Errors
///
/// When the secret cannot be read.
pub fn credential(arguments: &Arguments) -> Result<Option<Credential>, Failure> {
    let cluster = &arguments.cluster;
    let (Some(principal), Some(file)) = (&cluster.principal, &cluster.secret_file) else {
        return Ok(None);
    };
    let secret = read_secret(file, "--secret-file")?;
    Ok(Some(Credential::new(principal.as_str(), secret)))
}

fn other_file_server(url: &Url, arguments: &FileArguments) -> Result<FileServer, Failure> {
    let mut url = url.clone();
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Failure::Usage(format!(
            "--fileserver {url} is not usable: give a URL with http or https"
        )));
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    let token = match &arguments.upload_token_file {
        Some(file) => Some(read_secret(file, "--upload-token-file")?),
        None => env::var(TOKEN_VARIABLE).ok().filter(|token| !token.is_empty()),
    };
    Ok(FileServer::At { url, token })
}

fn read_secret(file: &Path, flag: &str) -> Result<String, Failure> {
    let text = fs::read_to_string(file).map_err(|error| {
        let file = file.display();
        Failure::Usage(format!("cannot read {file} ({error}): name another file with {flag}"))
    })?;
    let secret = text.trim();
    if secret.is_empty() {
        let file = file.display();
        return Err(Failure::Usage(format!("{file} is empty: name another file with {flag}")));
    }
    Ok(secret.to_owned())
}

fn check_address(address: &str) -> Result<(), Failure> {
    let is_any = address.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified());
    if is_any || address.is_empty() {
        return Err(Failure::Usage(format!(
            "--address {address:?} is nothing that agents can connect to: give the address of \
             this machine by which they reach it"
        )));
    }
    Ok(())
}

fn executor_beside() -> Result<PathBuf, Failure> {
    let own = env::current_exe().map_err(|error| {
        Failure::Start(format!("cannot find this program's folder ({error}): give --executor"))
    })?;
    Ok(own.with_file_name("executor"))
}

fn check_executor(path: &Path) -> Result<(), Failure> {
    let wrong = |why: &str| {
        let path = path.display();
        Err(Failure::Start(format!(
            "the executor {path} {why}: build it with `cargo build -p executor`, or name another \
             with --executor"
        )))
    };
    match fs::metadata(path) {
        Err(error) => wrong(&format!("cannot be read ({error})")),
        Ok(meta) if !meta.is_file() => wrong("is not a file"),
        Ok(meta) if meta.permissions().mode() & 0o111 == 0 => wrong("is not executable"),
        Ok(_) => Ok(()),
    }
}

fn samples(arguments: &FileArguments, list: &Path) -> Result<Option<PathBuf>, Failure> {
    if let Some(samples) = &arguments.samples {
        return if samples.is_dir() {
            Ok(Some(samples.clone()))
        } else {
            let samples = samples.display();
            Err(Failure::Start(format!(
                "there is no folder of samples {samples}: name another with --samples"
            )))
        };
    }
    let candidates = [PathBuf::from("samples"), list.with_file_name("samples")];
    Ok(candidates.into_iter().find(|folder| folder.is_dir()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn arguments(line: &str) -> Arguments {
        let words = std::iter::once("scheduler").chain(line.split_whitespace());
        Arguments::try_parse_from(words).unwrap()
    }

    #[test]
    fn masters_are_told_apart() {
        assert_eq!(master(&arguments("--master local")), Ok(Master::Local));
        let Ok(Master::At(spec)) = master(&arguments("--master 10.0.0.1:5050")) else { panic!() };
        assert_eq!(spec.to_string(), "10.0.0.1:5050");
        let failure = master(&arguments("--master nowhere")).unwrap_err();
        assert_eq!(failure.status(), 2);
        assert!(failure.to_string().contains("HOST:PORT"), "{failure}");
    }

    #[test]
    fn executors_that_cannot_run_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("e");
        fs::write(&file, "").unwrap();
        for (path, why) in
            [(&folder.path().join("none"), "cannot be read"), (&file, "is not executable")]
        {
            let line = format!("--executor {}", path.display());
            let failure = file_server(&arguments(&line).files, Path::new("l")).unwrap_err();
            assert_eq!(failure.status(), 4);
            let text = failure.to_string();
            assert!(text.contains(why) && text.contains("--executor"), "{text}");
        }
    }

    #[test]
    fn an_address_must_lead_somewhere() {
        let failure =
            file_server(&arguments("--address 0.0.0.0").files, Path::new("l")).unwrap_err();
        assert_eq!(failure.status(), 2);
    }

    #[test]
    fn another_file_server_needs_no_executor() {
        let line = "--fileserver http://h:1/files --executor /nowhere";
        let Ok(FileServer::At { url, .. }) = file_server(&arguments(line).files, Path::new("l"))
        else {
            panic!()
        };
        assert_eq!(url.as_str(), "http://h:1/files/");
    }

    #[test]
    fn a_secret_is_read_without_the_end_of_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("s");
        fs::write(&file, "s3cret\n").unwrap();
        let line = format!("--principal p --secret-file {}", file.display());
        assert_eq!(credential(&arguments(&line)), Ok(Some(Credential::new("p", "s3cret"))));
        fs::write(&file, "\n").unwrap();
        assert_eq!(credential(&arguments(&line)).unwrap_err().status(), 2);
    }
}
