//! What can be found wrong before anything is started or written.

use std::env;
use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use mesos::client::tls::Tls;
use mesos::master::{Credential, MasterSpec, without_password};
use mesos::resources::Scalar;
use protocol::paths;
use url::Url;

use crate::cli::{Arguments, FileArguments};
use crate::commands;
use crate::failure::Failure;
use crate::memory::EXECUTOR_MEM_MIB;

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
/// When the text names none, or a file that does not name one.
pub fn master(arguments: &Arguments) -> Result<Master, Failure> {
    if arguments.is_local() {
        return Ok(Master::Local);
    }
    let wrong = |error: &dyn std::fmt::Display| Failure::Usage(format!("--master: {error}"));
    let spec = arguments.cluster.master.parse::<MasterSpec>().map_err(|error| wrong(&error))?;
    if let MasterSpec::File(path) = &spec {
        let text = fs::read_to_string(path).map_err(|error| {
            let path = path.display();
            wrong(&format!("cannot read {path} ({error}): name another file that names the master"))
        })?;
        let content = text.parse::<MasterSpec>();
        content.map_err(|error| wrong(&format!("in {}, {error}", path.display())))?;
    }
    Ok(Master::At(spec))
}

/// Whether a task fits into an agent of the cluster inside this program.
///
/// # Errors
///
/// When it does not: the job could never begin.
pub fn fits_locally(arguments: &Arguments) -> Result<(), Failure> {
    let (work, has) = (&arguments.work, &arguments.cluster.agent_resources);
    let executor = Scalar::from_thousandths(EXECUTOR_MEM_MIB * 1_000);
    let (cpus, mem) = (work.cpus, work.mem.saturating_add(executor));
    if has.cpus() >= cpus && has.mem_mib() >= mem {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "an agent of the local cluster has {} cpus and {} MiB, but a task and its executor need \
         {cpus} cpus and {mem} MiB: see --agent-resources, --cpus and --mem",
        has.cpus(),
        has.mem_mib(),
    )))
}

/// A sentence if agents on other machines would look for our file server on their own.
#[must_use]
pub fn only_here(files: &FileArguments, master: &Master) -> Option<String> {
    let Master::At(MasterSpec::Fixed(master)) = master else { return None };
    let hosts = master.addresses().iter().filter_map(Url::host_str);
    let is_elsewhere = hosts.into_iter().any(|host| !is_this_machine(host));
    let address = &files.address;
    (files.fileserver.is_none() && is_elsewhere && is_this_machine(address)).then(|| {
        format!(
            "agents on other machines do not reach this one as {address}: give its address as they \
             see it with --address"
        )
    })
}

fn is_this_machine(host: &str) -> bool {
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}

/// A warning if the command line shows a password: arguments are public.
pub fn public_password(mut words: impl Iterator<Item = String>) -> Option<&'static str> {
    let has_password = |word: String| word.contains("zk://") && word != without_password(&word);
    words.any(has_password).then_some(
        "everybody on this machine can read the password in --master: write the address into a \
         file and give --master file://PATH, or set the variable MESOS_MASTER",
    )
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
    Ok(FileServer::Own { executor: executor(arguments)?, samples: samples(arguments, list)? })
}

/// The executor that the flags name, or the one beside this program.
///
/// # Errors
///
/// When it could not be started.
pub fn executor(arguments: &FileArguments) -> Result<PathBuf, Failure> {
    let executor = arguments.executor.clone().map_or_else(executor_beside, Ok)?;
    check_executor(&executor)?;
    Ok(executor)
}

/// Where people find the results of a job: a folder here, or a page of the other file server.
#[must_use]
pub fn results(arguments: &FileArguments, job: &str) -> String {
    match &arguments.fileserver {
        None => arguments.output.join(job).display().to_string(),
        Some(url) => {
            let url = commands::without_userinfo(url.as_str());
            format!("{}{}", url.trim_end_matches('/'), paths::job(job))
        }
    }
}

/// Who we say we are to the master.
///
/// # Errors
///
/// When the file cannot be read, or Mesos could never take what is in it.
pub fn credential(arguments: &Arguments) -> Result<Option<Credential>, Failure> {
    let cluster = &arguments.cluster;
    if let Some(file) = &cluster.credential {
        let credential = Credential::read(file);
        return credential
            .map(Some)
            .map_err(|error| Failure::Usage(format!("--credential: {error}")));
    }
    let (Some(principal), Some(file)) = (&cluster.principal, &cluster.secret_file) else {
        return Ok(None);
    };
    let secret = read_secret(file, "--secret-file")?;
    let credential = Credential::new(principal.as_str(), secret).checked();
    credential
        .map(Some)
        .map_err(|error| Failure::Usage(format!("--principal and --secret-file: {error}")))
}

/// Whom to trust and who we are over https, if the flags say anything about it.
///
/// # Errors
///
/// When a file cannot be used.
pub fn tls(arguments: &Arguments) -> Result<Option<Tls>, Failure> {
    let cluster = &arguments.cluster;
    let mut tls = Tls::builder();
    if let Some(file) = &cluster.ca_file {
        tls = tls.ca_file(file);
    }
    if let (Some(certificate), Some(key)) = (&cluster.cert_file, &cluster.key_file) {
        tls = tls.client_certificate(certificate, key);
    }
    if cluster.ca_file.is_none() && cluster.cert_file.is_none() {
        return Ok(None);
    }
    let tls = tls.build();
    tls.map(Some).map_err(|error| {
        Failure::Usage(format!("{error}: see --ca-file, --cert-file and --key-file"))
    })
}

fn other_file_server(url: &Url, arguments: &FileArguments) -> Result<FileServer, Failure> {
    let token = match &arguments.upload_token_file {
        Some(file) => Some(read_secret(file, "--upload-token-file")?),
        None => env::var(TOKEN_VARIABLE).ok().filter(|token| !token.is_empty()),
    };
    Ok(FileServer::At { url: url.clone(), token })
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

/// Whether anybody could connect to such an address.
///
/// # Errors
///
/// When nobody could.
pub fn check_address(address: &str) -> Result<(), Failure> {
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

/// The folder of samples that the flags name, or the one at its usual place, if it is there.
///
/// # Errors
///
/// When it is named and not there.
pub fn samples(arguments: &FileArguments, list: &Path) -> Result<Option<PathBuf>, Failure> {
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
    fn a_file_that_names_the_master_is_looked_into() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("master");
        let line = format!("--master file://{}", file.display());
        for (content, why) in
            [(None, "cannot read"), (Some("x"), "HOST:PORT"), (Some("zk://a/"), "its path")]
        {
            if let Some(content) = content {
                fs::write(&file, content).unwrap();
            }
            let failure = master(&arguments(&line)).unwrap_err();
            assert_eq!(failure.status(), 2);
            let text = failure.to_string();
            assert!(text.contains(why) && text.contains("/master"), "{text}");
        }
        fs::write(&file, "zk://u:p@a:2181/mesos\n").unwrap();
        let Ok(Master::At(spec)) = master(&arguments(&line)) else { panic!() };
        assert_eq!(spec, MasterSpec::File(file));
    }

    #[test]
    fn a_password_on_the_command_line_is_warned_of() {
        let warned = |line: &str| {
            public_password(line.split(' ').map(str::to_owned))
                .is_some_and(|warning| !warning.contains("s3cret"))
        };
        assert!(warned("scheduler --master zk://u:s3cret@a:1/m"));
        assert!(warned("scheduler --master=zk://u:s3cret@a:1/m"));
        assert!(!warned("scheduler --master zk://a:1/m list@home"));
        assert!(!warned("scheduler --master master@a:1"));
    }

    #[test]
    fn a_task_that_fits_nowhere_is_refused_at_once() {
        assert_eq!(fits_locally(&arguments("")), Ok(()));
        let failure = fits_locally(&arguments("--mem 4096")).unwrap_err();
        assert_eq!(failure.status(), 2);
        let text = failure.to_string();
        assert!(text.contains("need 1 cpus and 4128 MiB: see --agent-resources"), "{text}");
        assert!(fits_locally(&arguments("--agent-resources cpus:0.5;mem:4096")).is_err());
    }

    #[test]
    fn an_address_that_agents_elsewhere_do_not_reach_is_questioned() {
        let said = |line: &str| {
            let arguments = arguments(line);
            only_here(&arguments.files, &master(&arguments).unwrap())
        };
        assert!(said("--master 10.0.0.1:5050").is_some_and(|text| text.contains("--address")));
        assert!(said("--master 10.0.0.1:5050 --address localhost").is_some());
        for line in [
            "",
            "--master 127.0.0.1:5050",
            "--master 10.0.0.1:5050 --address 10.0.0.2",
            "--master 10.0.0.1:5050 --fileserver http://h/",
        ] {
            assert_eq!(said(line), None, "{line}");
        }
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

    #[test]
    fn a_credential_is_read_from_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("c");
        let line = format!("--credential {}", file.display());
        for content in ["p s3cret\n", "{\"principal\": \"p\", \"secret\": \"s3cret\"}"] {
            fs::write(&file, content).unwrap();
            assert_eq!(credential(&arguments(&line)), Ok(Some(Credential::new("p", "s3cret"))));
        }
        fs::write(&file, "s3cret").unwrap();
        let failure = credential(&arguments(&line)).unwrap_err();
        assert_eq!(failure.status(), 2);
        let text = failure.to_string();
        assert!(text.contains("/c: line 1: ") && !text.contains("s3cret"), "{text}");
    }

    #[test]
    fn a_secret_that_http_cannot_carry_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("s");
        fs::write(&file, "s3:cret\n").unwrap();
        let line = format!("--principal p --secret-file {}", file.display());
        let failure = credential(&arguments(&line)).unwrap_err();
        assert!(failure.to_string().contains("the secret has a colon"), "{failure}");
    }

    #[test]
    fn files_of_certificates_are_looked_into() {
        assert!(tls(&arguments("")).unwrap().is_none());
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        fs::write(&file, "no certificate").unwrap();
        let line = format!("--ca-file {}", file.display());
        let failure = tls(&arguments(&line)).unwrap_err();
        assert_eq!(failure.status(), 2);
        let text = failure.to_string();
        assert!(text.contains("ca.pem holds no certificate in PEM"), "{text}");
    }
}
