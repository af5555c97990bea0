//! What can be set on the command line and by environment.

use std::path::{Path, PathBuf};
use std::time::Duration;

use batch::{Chunk, Constraint, MaxFailures};
use bytesize::ByteSize;
use clap::{ArgAction, CommandFactory, Parser, ValueEnum};
use imaging::Pipeline;
use mesos::resources::{Resources, Scalar};

use crate::list::columns::Column;
use crate::list::format::Format;
use crate::manners::MannerArguments;
use crate::retry::Classes;
use crate::version;

const EXAMPLES: &str = "\
Examples:
  Invert the pictures named in the file `images`, on a cluster inside this program:
    scheduler images
  The same for another list and another folder of results:
    scheduler --output inverted holiday.txt
  On a real cluster whose agents reach this machine as 10.141.141.1:
    scheduler --master 10.141.141.10:5050 --address 10.141.141.1
  Smaller pictures as PNG instead:
    scheduler --op 'resize=800x600|convert=png' holiday.txt
  The column `photo` of a table:
    scheduler --url-column photo birds.csv.gz
  What would happen, without doing it:
    scheduler --dry-run birds.csv.gz
  What failed for want of time, again:
    scheduler --retry-failed=timeout birds.csv.gz
  How a job ended, as a page (see `scheduler report --help`):
    scheduler report --html report.html birds.csv.gz
  Is everything there that a job needs (see `scheduler doctor --help`):
    scheduler doctor --master 10.141.141.10:5050 --address 10.141.141.1 birds.csv.gz
  Let the shell complete flags (see `scheduler completions --help`):
    scheduler completions bash > ~/.local/share/bash-completion/completions/scheduler
  URLs from a pipe, any free port:
    grep -h '^http' *.txt | scheduler --artifact-port 0 -
";

const REPORT_EXAMPLES: &str = "\
Examples:
  How did the job of this list end:
    scheduler report birds.csv.gz
  The same as a page with its bars drawn, and as JSON:
    scheduler report --html report.html birds.csv.gz
    scheduler report --json birds.csv.gz
";

const ENDS: &str = "\
Ctrl-C once: what runs is finished, the state is kept; the same command goes on later.
Ctrl-C twice, or SIGTERM: the program ends at once, the state is kept.

Exit status:
  0    every image is done
  1    every image has an outcome, some failed (see manifest.jsonl)
  2    wrong usage
  3    the list cannot be read or is empty
  4    something needed is missing, taken or of no use (port, folder, executor); a master that is
       out of reach is asked again until it answers
  5    the master refuses the credentials
  6    the master has removed the framework
  7    too many images failed (--max-failures, --fail-fast); the state is kept
  8    another scheduler works on the same state
  130  interrupted; start again to go on
";

/// Processes the images of a list on an Apache Mesos cluster.
///
/// Every line of LIST names a picture: a URL, or a path relative to the file server, so
/// that `samples/…` needs no network. LIST may also be CSV, TSV, JSON or JSON lines, and compressed
/// by gzip. The results, and manifest.jsonl with one line an
/// image, are in the folder that --output names.
#[derive(Debug, Clone, Parser)]
#[command(name = "scheduler", version = version::SHORT, long_version = version::LONG, before_help = EXAMPLES, after_help = ENDS)]
#[command(args_override_self = true)]
pub struct Arguments {
    /// The list of images: a file, an http(s) URL of one, or `-` for standard input
    #[arg(value_name = "LIST", default_value = "images")]
    pub list: PathBuf,

    #[command(flatten)]
    #[expect(missing_docs, reason = "its text would replace the program's own")]
    pub lists: ListArguments,

    #[command(flatten)]
    #[expect(missing_docs, reason = "its text would replace the program's own")]
    pub cluster: ClusterArguments,

    #[command(flatten)]
    #[expect(missing_docs, reason = "its text would replace the program's own")]
    pub files: FileArguments,

    #[command(flatten)]
    #[expect(missing_docs, reason = "its text would replace the program's own")]
    pub work: WorkArguments,

    #[command(flatten)]
    #[expect(missing_docs, reason = "its text would replace the program's own")]
    pub limits: LimitArguments,

    #[command(flatten)]
    #[expect(missing_docs, reason = "its text would replace the program's own")]
    pub manners: MannerArguments,

    #[command(flatten)]
    #[expect(missing_docs, reason = "its text would replace the program's own")]
    pub show: ShowArguments,
}

// Plain comments: a doc comment here would become the program's own help text.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "List")]
#[expect(missing_docs, reason = "its text would replace the program's own")]
pub struct ListArguments {
    /// What the list is; each may be compressed by gzip
    #[arg(long, value_name = "FORMAT", default_value = "auto", env = "SCHEDULER_LIST_FORMAT")]
    pub list_format: Format,

    /// The column or key with the URLs: a name, or a number from 1 [default: one called `url` or
    /// alike, or the only one]
    #[arg(long, value_name = "COLUMN", env = "SCHEDULER_URL_COLUMN")]
    pub url_column: Option<Column>,

    /// How large a list from a URL or a pipe may be
    #[arg(long, value_name = "SIZE", default_value = "4GiB", env = "SCHEDULER_MAX_LIST_SIZE",
          value_parser = values::size)]
    pub max_list_size: ByteSize,
}

#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Cluster")]
#[expect(missing_docs, reason = "its text would replace the program's own")]
pub struct ClusterArguments {
    /// The Mesos master: HOST:PORT or http(s)://…, also several with commas; zk://…/PATH finds
    /// the leading one in ZooKeeper; file://PATH reads one of these from a file; `local` starts
    /// a cluster inside this program
    #[arg(
        long,
        value_name = "MASTER",
        default_value = "local",
        env = "MESOS_MASTER",
        hide_env_values = true
    )]
    pub master: String,

    /// How many agents the local cluster has
    #[arg(long, value_name = "N", default_value_t = 2, env = "SCHEDULER_AGENTS",
          value_parser = values::agents)]
    pub agents: u32,

    /// What each agent of the local cluster has
    #[arg(
        long,
        value_name = "RESOURCES",
        default_value = "cpus:2;mem:2048;disk:4096",
        env = "SCHEDULER_AGENT_RESOURCES"
    )]
    pub agent_resources: Resources,

    /// The user under which executors run [default: the current user]
    #[arg(long, value_name = "NAME", env = "SCHEDULER_USER")]
    pub user: Option<String>,

    /// The role whose resources are used; several with commas
    #[arg(
        long,
        value_name = "ROLES",
        default_value = "*",
        env = "SCHEDULER_ROLE",
        value_delimiter = ',',
        value_parser = values::role
    )]
    pub role: Vec<String>,

    /// Use only agents like this: ATTRIBUTE:OPERATOR:VALUE with IS, LIKE or UNLIKE, as in
    /// `rack:LIKE:r[12]`; the attribute may be `hostname`. May be given several times
    #[arg(long, value_name = "CONSTRAINT")]
    pub constraint: Vec<Constraint>,

    /// The name to authenticate with
    #[arg(long, value_name = "NAME", env = "MESOS_PRINCIPAL", requires = "secret_file")]
    pub principal: Option<String>,

    /// The file with the secret to authenticate with
    #[arg(long, value_name = "FILE", env = "MESOS_SECRET_FILE", requires = "principal")]
    pub secret_file: Option<PathBuf>,

    /// A file with both: a line `PRINCIPAL SECRET`, or JSON {"principal": …, "secret": …}
    #[arg(long, value_name = "FILE", env = "MESOS_CREDENTIAL",
          conflicts_with_all = ["principal", "secret_file"])]
    pub credential: Option<PathBuf>,

    /// Over https, trust the certificate authorities in this PEM file alone, not those of the
    /// system
    #[arg(long, value_name = "FILE", env = "SCHEDULER_CA_FILE")]
    pub ca_file: Option<PathBuf>,

    /// Over https, show the certificate in this PEM file
    #[arg(long, value_name = "FILE", env = "SCHEDULER_CERT_FILE", requires = "key_file")]
    pub cert_file: Option<PathBuf>,

    /// The PEM file with the private key of that certificate
    #[arg(long, value_name = "FILE", env = "SCHEDULER_KEY_FILE", requires = "cert_file")]
    pub key_file: Option<PathBuf>,

    /// How long the master keeps the framework's tasks when this program is away
    #[arg(long, value_name = "TIME", default_value = "7days", env = "SCHEDULER_FAILOVER_TIMEOUT",
          value_parser = values::time)]
    pub failover_timeout: Duration,
}

#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Files")]
#[expect(missing_docs, reason = "its text would replace the program's own")]
pub struct FileArguments {
    /// The address of this machine by which agents reach it
    #[arg(long, default_value = "127.0.0.1", env = "SCHEDULER_ADDRESS")]
    pub address: String,

    /// The port of the file server; 0 for any free one
    #[arg(long, value_name = "PORT", default_value_t = 12345, env = "SCHEDULER_ARTIFACT_PORT",
          value_parser = values::port)]
    pub artifact_port: u16,

    /// The executor binary [default: the file `executor` beside this program]
    #[arg(long, value_name = "PATH", env = "SCHEDULER_EXECUTOR")]
    pub executor: Option<PathBuf>,

    /// Use this file server instead of an own one
    #[arg(long, value_name = "URL", env = "SCHEDULER_FILESERVER", value_parser = values::server)]
    pub fileserver: Option<url::Url>,

    /// The file with the token that the other file server wants; the variable UPLOAD_TOKEN may
    /// hold the token itself
    #[arg(long, value_name = "FILE", env = "SCHEDULER_UPLOAD_TOKEN_FILE", requires = "fileserver")]
    pub upload_token_file: Option<PathBuf>,

    /// The folder of sample pictures [default: `samples` here or beside the list, if there]
    #[arg(long, value_name = "DIR", env = "SCHEDULER_SAMPLES")]
    pub samples: Option<PathBuf>,

    /// The folder that receives the results and manifest.jsonl
    #[arg(long, value_name = "DIR", default_value = "output", env = "SCHEDULER_OUTPUT")]
    pub output: PathBuf,

    /// Write the manifest as a table too, manifest.csv
    #[arg(long, env = "SCHEDULER_MANIFEST_CSV")]
    pub manifest_csv: bool,

    /// The folder that remembers how far each job is [default: .state in the output folder]
    #[arg(long, value_name = "DIR", env = "SCHEDULER_STATE_DIR")]
    pub state_dir: Option<PathBuf>,
}

#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Work")]
#[expect(missing_docs, reason = "its text would replace the program's own")]
pub struct WorkArguments {
    /// What to do with each image: operations with `|` between them, as in
    /// `invert|resize=800x600`. There are invert, grayscale, resize, thumbnail, rotate, flip, blur,
    /// brightness, contrast, convert and strip
    #[arg(long, value_name = "OPERATIONS", default_value = "invert", env = "SCHEDULER_OP",
          value_parser = values::operations)]
    pub op: Pipeline,

    /// Invert through the pixels even where a JPEG goes by its bits or a palette by its colours;
    /// the same as `invert=exact`
    #[arg(long)]
    pub exact: bool,

    /// How many images a task holds: a number, or `auto` for one each at first, then more while
    /// tasks are short, so that a task takes some seconds
    #[arg(long, value_name = "N", default_value = "auto", env = "SCHEDULER_IMAGES_PER_TASK",
          value_parser = values::images_per_task)]
    pub images_per_task: Chunk,

    /// The processors of a task
    #[arg(long, value_name = "CORES", default_value = "1", env = "SCHEDULER_CPUS",
          value_parser = values::positive)]
    pub cpus: Scalar,

    /// The memory of a task in MiB
    #[arg(long, value_name = "MIB", default_value = "128", env = "SCHEDULER_MEM",
          value_parser = values::positive)]
    pub mem: Scalar,

    /// How often an image may fail in a way that may go better next time
    #[arg(long, value_name = "N", default_value = "3", env = "SCHEDULER_ATTEMPTS",
          value_parser = values::attempts)]
    pub attempts: std::num::NonZeroU32,

    /// Give the job up when more images have failed than this: a number, or a part of the list
    /// such as 5%
    #[arg(long, value_name = "N", env = "SCHEDULER_MAX_FAILURES", conflicts_with = "fail_fast")]
    pub max_failures: Option<MaxFailures>,

    /// Give the job up when an image has failed; the same as --max-failures 0
    #[arg(long)]
    pub fail_fast: bool,

    /// When nothing else is left to launch, run a task a second time on another agent if it takes
    /// longer than this, and three times as long as others; 0s for never
    #[arg(long, value_name = "TIME", default_value = "20s", env = "SCHEDULER_STRAGGLER_AFTER",
          value_parser = values::time)]
    pub straggler_after: Duration,

    /// Forget what an earlier run of this job has done
    #[arg(long)]
    pub restart: bool,

    /// Try again what failed in an earlier run: all, or images of these classes only, as in
    /// `--retry-failed=timeout,http-5xx`
    #[arg(long, value_name = "CLASSES", num_args = 0..=1, require_equals = true,
          default_missing_value = "all", conflicts_with = "restart")]
    pub retry_failed: Option<Classes>,

    /// Say what would happen, and do nothing: no request, no file
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Limits of an image")]
#[expect(missing_docs, reason = "its text would replace the program's own")]
pub struct LimitArguments {
    /// Time to connect to its server
    #[arg(long, value_name = "TIME", default_value = "10s", env = "SCHEDULER_CONNECT_TIMEOUT",
          value_parser = values::some_time)]
    pub connect_timeout: Duration,

    /// Time without a byte of it; until the first one, --connect-timeout on top
    #[arg(long, value_name = "TIME", default_value = "30s", env = "SCHEDULER_IDLE_TIMEOUT",
          value_parser = values::some_time)]
    pub idle_timeout: Duration,

    /// Time for its whole download
    #[arg(long, value_name = "TIME", default_value = "2m", env = "SCHEDULER_DOWNLOAD_TIMEOUT",
          value_parser = values::some_time)]
    pub download_timeout: Duration,

    /// Its size in bytes
    #[arg(long, value_name = "SIZE", default_value = "64MiB", env = "SCHEDULER_MAX_DOWNLOAD_SIZE",
          value_parser = values::size)]
    pub max_download_size: ByteSize,

    /// Its size in pixels, for example 100M
    #[arg(long, value_name = "PIXELS", default_value = "100M", env = "SCHEDULER_MAX_PIXELS",
          value_parser = values::pixels)]
    pub max_pixels: u64,
}

#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Messages")]
#[expect(missing_docs, reason = "its text would replace the program's own")]
pub struct ShowArguments {
    /// Show warnings, errors and the summary only
    #[arg(long, short)]
    pub quiet: bool,

    /// Write a summary in JSON to this file at the end
    #[arg(long, value_name = "FILE", env = "SCHEDULER_REPORT")]
    pub report: Option<PathBuf>,

    /// Write what stands on standard output as JSON
    #[arg(long)]
    pub json: bool,

    /// Show no progress
    #[arg(long)]
    pub no_progress: bool,

    /// How messages look
    #[arg(long, value_name = "FORMAT", default_value = "text", env = "SCHEDULER_LOG_FORMAT")]
    pub log_format: LogFormat,

    /// Show more; twice for everything
    #[arg(long, short, action = ArgAction::Count)]
    pub verbose: u8,
}

/// Shows how a job of an earlier run stands, from its state.
///
/// Give the list and the flags of that run.
#[derive(Debug, Clone, Parser)]
#[command(name = "scheduler report", version = version::SHORT, long_version = version::LONG)]
pub struct ReportArguments {
    #[command(flatten)]
    #[expect(missing_docs, reason = "its text would replace the program's own")]
    pub job: Arguments,

    /// Draw the report as a page too, into this file
    #[arg(long, value_name = "FILE", help_heading = "Report")]
    pub html: Option<PathBuf>,
}

impl ReportArguments {
    /// The flags of `scheduler report`, with a help of its own.
    pub(crate) fn shown() -> clap::Command {
        let about = "Shows how a job of an earlier run stands, from its state. Give the list and \
                     the flags of that run";
        let command = Self::command().about(about).long_about(about);
        command.before_help(REPORT_EXAMPLES).after_help("")
    }
}

/// How messages look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Arguments {
    /// Whether the cluster is to run inside this program.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.cluster.master == "local"
    }

    /// Whether the list comes from standard input.
    #[must_use]
    pub fn is_list_from_stdin(&self) -> bool {
        self.list == Path::new("-")
    }

    /// The folder of state files.
    #[must_use]
    pub fn state_dir(&self) -> PathBuf {
        self.files.state_dir.clone().unwrap_or_else(|| self.files.output.join(".state"))
    }

    /// What one image may cost, as executors are told.
    #[must_use]
    pub fn task_limits(&self) -> protocol::Limits {
        let limits = &self.limits;
        protocol::Limits {
            connect_timeout_ms: milliseconds(limits.connect_timeout),
            idle_timeout_ms: milliseconds(limits.idle_timeout),
            download_timeout_ms: milliseconds(limits.download_timeout),
            max_download_bytes: limits.max_download_size.as_u64(),
            max_pixels: limits.max_pixels,
            max_memory_bytes: limits.max_pixels.saturating_mul(10).max(1 << 30),
            max_redirects: 10,
            upload_timeout_ms: milliseconds(Duration::from_secs(120)),
        }
    }
}

/// At least one millisecond, as zero means no limit to executors.
fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)
}

impl ClusterArguments {
    /// The roles, each once.
    #[must_use]
    pub fn roles(&self) -> Vec<String> {
        let mut roles: Vec<String> = Vec::new();
        for role in self.role.iter().filter(|role| !role.is_empty()) {
            if !roles.iter().any(|known| known == role) {
                roles.push(role.to_owned());
            }
        }
        if roles.is_empty() { vec!["*".to_owned()] } else { roles }
    }
}

impl WorkArguments {
    /// How many images may fail.
    #[must_use]
    pub fn max_failures(&self) -> Option<MaxFailures> {
        if self.fail_fast { Some(MaxFailures::NONE) } else { self.max_failures }
    }

    /// The chain of operations as tasks get it.
    pub fn operations(&self) -> String {
        let chain = self.op.clone();
        if self.exact { chain.exact() } else { chain }.to_string()
    }
}

#[cfg(test)]
mod tests;
mod values;
