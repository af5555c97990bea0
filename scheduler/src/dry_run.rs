//! What would happen, without any request: `--dry-run`.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use batch::{Chunk, Given, Record};
use bytesize::ByteSize;
use mesos::resources::Scalar;
use protocol::Outcome;
use serde::Serialize;
use url::Url;

use crate::cli::Arguments;
use crate::failure::Failure;
use crate::list::findings::{Examples, Findings};
use crate::observe::tally::host_of;
use crate::retry::Failed;
use crate::source::{self, Source};
use crate::store::JobStore;
use crate::{job, memory, preflight};

/// The form of the JSON; another number tells of fields that mean something else.
const SCHEMA: u32 = 1;

/// How many hosts are told.
const TOLD_HOSTS: usize = 20;

/// The host of paths, which our file server serves.
const FILE_SERVER: &str = "file-server.invalid";

/// What people read in its place.
const FILE_SERVER_SHOWN: &str = "the file server";

/// What a result is expected to take as long as none is known, in bytes: a picture of a camera
/// scaled for the web.
const GUESSED_BYTES: u64 = 250_000;

/// What would happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Forecast {
    schema: u32,
    job: String,
    list: String,
    operations: String,
    /// Entries of the list.
    images: u64,
    blank_lines: u64,
    comments: u64,
    /// Entries that are no URL and would fail at once.
    bad: Examples,
    /// Entries whose URL stands earlier.
    duplicates: Examples,
    /// The hosts with most images, and how many there are of all.
    hosts: Vec<Host>,
    hosts_len: usize,
    resume: Option<Resume>,
    tasks: Tasks,
    disk: Disk,
    output: PathBuf,
    state: PathBuf,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Host {
    host: String,
    images: u64,
}

/// What an earlier run left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
enum Resume {
    /// The job would go on.
    GoesOn { ended: u64, failed: u64 },
    /// It came to its end, and would begin anew.
    BeginsAnew,
    /// Another scheduler works on it.
    InUse,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Tasks {
    /// Images that are to be processed.
    images: u64,
    /// How many would be in the first task.
    images_per_task: u64,
    /// At least this many tasks.
    tasks: u64,
    /// How many fit into an offer of an agent of the local cluster.
    per_offer: u64,
    /// How many agents the local cluster has; none for another.
    agents: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Disk {
    /// What the results may take.
    estimated_bytes: u64,
    /// Whether the size of a result is known from an earlier run.
    is_guess: bool,
    /// What the agents of the local cluster need for the executor, if that is beneath the output folder.
    executor_bytes: u64,
    /// What is free in the output folder; none if the results go elsewhere.
    free_bytes: Option<u64>,
}

/// What would happen, in the form that the flags want.
///
/// # Errors
///
/// As [`forecast`].
pub async fn told(arguments: &Arguments) -> Result<String, Failure> {
    let forecast = forecast(arguments).await?;
    if !arguments.show.json {
        return Ok(forecast.to_string());
    }
    serde_json::to_string_pretty(&forecast).map_err(|error| Failure::Usage(error.to_string()))
}

/// Finds out what would happen. Nothing is written, started or asked.
///
/// # Errors
///
/// When the list cannot be read, or would have to be fetched first.
pub async fn forecast(arguments: &Arguments) -> Result<Forecast, Failure> {
    if let Some(url) = source::url(&arguments.list) {
        let url = source::public(&url);
        return Err(Failure::Usage(format!(
            "--dry-run makes no request, and the list {url} would have to be fetched: fetch it \
             yourself, and give the file"
        )));
    }
    of(&Source::open(arguments).await?, arguments)
}

/// The same for a list that is here.
///
/// # Errors
///
/// When the list or an earlier state cannot be read.
pub fn of(source: &Source, arguments: &Arguments) -> Result<Forecast, Failure> {
    let survey = source.survey()?;
    let operations = arguments.work.operations();
    let limits = arguments.task_limits();
    let job = job::name(&arguments.list, &survey, &operations, &limits);
    let base = base()?;
    let (findings, hosts) =
        count(source, &base, survey.entries).map_err(|error| source.unreadable(&error))?;
    let (resume, size) = earlier(arguments, &job)?;
    let ended = match &resume {
        Some(Resume::GoesOn { ended, .. }) => *ended,
        Some(Resume::BeginsAnew | Resume::InUse) | None => 0,
    };
    let processed = survey.entries - findings.bad.count - findings.duplicates.count;
    let images = processed.saturating_sub(ended);
    Ok(Forecast {
        schema: SCHEMA,
        list: source.to_string(),
        operations,
        images: survey.entries,
        blank_lines: findings.skipped.blank,
        comments: findings.skipped.comments,
        bad: findings.bad,
        duplicates: findings.duplicates,
        hosts_len: hosts.len(),
        hosts: most(hosts),
        resume,
        tasks: tasks(arguments, images),
        disk: disk(arguments, images, size),
        output: arguments.files.output.join(&job),
        state: JobStore::path_of(&arguments.state_dir(), &job),
        job,
    })
}

fn base() -> Result<Url, Failure> {
    let base = Url::parse(&format!("http://{FILE_SERVER}/"));
    base.map_err(|error| Failure::Usage(format!("{error}, which is a bug: report it")))
}

fn count(source: &Source, base: &Url, total: u64) -> io::Result<(Findings, HashMap<String, u64>)> {
    let mut entries = source.entries(base, total)?;
    let mut hosts: HashMap<String, u64> = HashMap::new();
    for entry in entries.by_ref() {
        let entry = entry?;
        if entry.given == Given::Process
            && let Some(host) = host_of(&entry.url)
        {
            match hosts.get_mut(&host) {
                Some(count) => *count += 1,
                None => drop(hosts.insert(host, 1)),
            }
        }
    }
    Ok((entries.findings(), hosts))
}

fn most(hosts: HashMap<String, u64>) -> Vec<Host> {
    let name = |host: String| if host == FILE_SERVER { FILE_SERVER_SHOWN.into() } else { host };
    let hosts = hosts.into_iter().map(|(host, images)| Host { host: name(host), images });
    let mut hosts: Vec<_> = hosts.collect();
    hosts.sort_by(|a, b| b.images.cmp(&a.images).then_with(|| a.host.cmp(&b.host)));
    hosts.truncate(TOLD_HOSTS);
    hosts
}

/// What an earlier run left, and the mean size of its results. A state that is not there is not
/// made.
fn earlier(arguments: &Arguments, job: &str) -> Result<(Option<Resume>, Option<u64>), Failure> {
    let folder = arguments.state_dir();
    let path = JobStore::path_of(&folder, job);
    if arguments.work.retry_failed.is_some() && !path.exists() {
        return Err(memory::nothing_to_retry(job, &path));
    }
    if !path.exists() || arguments.work.restart {
        return Ok((None, None));
    }
    let mut store = match JobStore::open(&folder, job).map_err(Failure::from) {
        Ok(store) => store,
        Err(Failure::Locked(_)) => return Ok((Some(Resume::InUse), None)),
        Err(failure) => return Err(failure),
    };
    let mut past = Past::default();
    let mut again = arguments.work.retry_failed.clone().map(Failed::new);
    store.replay(|record| {
        past.note(record);
        again.iter_mut().for_each(|again| again.note(record));
    })?;
    let resume = if let Some(again) = again {
        let failed = past.failed.saturating_sub(again.count());
        Resume::GoesOn { ended: past.done + failed, failed }
    } else if store.is_closed()? {
        Resume::BeginsAnew
    } else {
        Resume::GoesOn { ended: past.done + past.failed, failed: past.failed }
    };
    Ok((Some(resume), past.bytes_out.checked_div(past.done)))
}

/// What the records of an earlier run add up to.
#[derive(Debug, Default)]
struct Past {
    done: u64,
    failed: u64,
    bytes_out: u64,
}

impl Past {
    fn note(&mut self, record: &Record) {
        match record {
            Record::ImageEnded { end, .. } => {
                match end.outcome() {
                    Outcome::Done => self.done += 1,
                    Outcome::Failed => self.failed += 1,
                }
                self.bytes_out += end.bytes_out;
            }
            // Only what has failed is ever tried again.
            Record::ImageReopened { .. } => self.failed = self.failed.saturating_sub(1),
            Record::FrameworkSubscribed { .. }
            | Record::ExecutorPlaced { .. }
            | Record::Launched { .. }
            | Record::ImageFailedOnce { .. }
            | Record::ImagePutOff { .. }
            | Record::TaskEnded { .. } => {}
        }
    }
}

fn tasks(arguments: &Arguments, images: u64) -> Tasks {
    let images_per_task = match arguments.work.images_per_task {
        Chunk::Auto => 1,
        Chunk::Fixed(number) => number.get(),
    };
    let resources = &arguments.cluster.agent_resources;
    let fits = |name: &str, taken: Scalar, reserved: i64| {
        let has = resources.scalar(name).thousandths() - reserved;
        u64::try_from(has.max(0) / taken.thousandths().max(1)).unwrap_or(0)
    };
    let executor = memory::EXECUTOR_MEM_MIB * 1_000;
    let work = &arguments.work;
    Tasks {
        images,
        images_per_task,
        tasks: images.div_ceil(images_per_task),
        per_offer: fits("cpus", work.cpus, 0).min(fits("mem", work.mem, executor)),
        agents: arguments.is_local().then_some(arguments.cluster.agents),
    }
}

fn disk(arguments: &Arguments, images: u64, known: Option<u64>) -> Disk {
    let is_ours = arguments.files.fileserver.is_none();
    Disk {
        estimated_bytes: images.saturating_mul(known.unwrap_or(GUESSED_BYTES)),
        is_guess: known.is_none(),
        executor_bytes: executor_copies(arguments),
        free_bytes: is_ours.then(|| free(&arguments.files.output)).flatten(),
    }
}

/// Each agent of the local cluster has what it downloaded, and for a moment its copy to be run.
fn executor_copies(arguments: &Arguments) -> u64 {
    let is_there =
        arguments.is_local() && arguments.state_dir().starts_with(&arguments.files.output);
    let executor = preflight::executor(&arguments.files).ok().filter(|_| is_there);
    let length = executor.and_then(|path| path.metadata().ok()).map_or(0, |meta| meta.len());
    length.saturating_mul(2).saturating_mul(arguments.cluster.agents.into())
}

/// What is free where a folder is, or where it would be made.
fn free(folder: &Path) -> Option<u64> {
    let there = folder.ancestors().find(|folder| folder.exists());
    let there = there.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let stat = rustix::fs::statvfs(there).ok()?;
    stat.f_bavail.checked_mul(stat.f_frsize)
}

impl fmt::Display for Forecast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Dry run: nothing is requested, written or started.")?;
        writeln!(f, "Job:     {} ({})", self.job, self.operations)?;
        write!(f, "List:    {}: {} images, ", self.list, self.images)?;
        write!(f, "{} duplicates, {} that are no URL; ", self.duplicates.count, self.bad.count)?;
        writeln!(f, "{} comments, {} blank lines", self.comments, self.blank_lines)?;
        for example in self.bad.first.iter().chain(&self.duplicates.first) {
            writeln!(f, "           {}", example.message)?;
        }
        writeln!(f, "Hosts:   {}", self.hosts_len)?;
        for host in &self.hosts {
            writeln!(f, "  {:>7} {}", host.images, host.host)?;
        }
        if self.hosts_len > self.hosts.len() {
            writeln!(f, "          and {} more", self.hosts_len - self.hosts.len())?;
        }
        writeln!(f, "State:   {}: {}", self.state.display(), self.resumed())?;
        writeln!(f, "Tasks:   {}", self.tasks)?;
        write!(f, "Results: {}, {}", self.output.display(), self.disk)
    }
}

impl Forecast {
    /// The list and its entries, in a line.
    pub(crate) fn entries(&self) -> String {
        let (bad, repeated) = (self.bad.count, self.duplicates.count);
        let mut text = format!("{}: {} images", self.list, self.images);
        if bad > 0 {
            let first = self.bad.first.first().map_or("", |example| example.message.as_str());
            text += &format!(", {bad} of them no URL ({first})");
        }
        if repeated > 0 {
            text += &format!(", {repeated} of them repeated");
        }
        text
    }

    /// Whether any entry is a URL.
    pub(crate) fn names_images(&self) -> bool {
        self.bad.count < self.images
    }

    /// The few hosts with most images, without the file server.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let hosts = self.hosts.iter().map(|host| host.host.as_str());
        hosts.filter(|host| *host != FILE_SERVER_SHOWN).take(5)
    }

    /// How far the job is, unless somebody works on it.
    pub(crate) fn standing(&self) -> Result<String, String> {
        let state = self.state.display();
        if self.resume == Some(Resume::InUse) {
            return Err(format!(
                "another scheduler works on the job, in {state}: wait for it or stop it, or name \
                 other folders with --output and --state-dir"
            ));
        }
        Ok(format!("{state}: {}", self.resumed()))
    }

    /// Whether the results have room.
    pub(crate) fn room(&self) -> Result<String, String> {
        let Some(free) = self.disk.free_bytes.filter(|free| *free < self.disk.needed()) else {
            return Ok(self.disk.to_string());
        };
        let (free, disk) = (ByteSize::b(free), &self.disk);
        Err(format!("{disk}: make room beyond {free}, or name another folder with --output"))
    }

    fn resumed(&self) -> String {
        match &self.resume {
            None => "nothing is done yet".into(),
            Some(Resume::BeginsAnew) => "finished earlier; it would be done again".into(),
            Some(Resume::InUse) => "another scheduler works on it now".into(),
            Some(Resume::GoesOn { ended, failed }) => {
                format!("would resume: {ended} images have ended, {failed} of them have failed")
            }
        }
    }
}

impl fmt::Display for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { images, images_per_task, tasks, per_offer, agents } = self;
        write!(f, "at most {tasks} of {images_per_task} or more images for {images} images")?;
        match agents {
            Some(agents) => {
                write!(f, "; {per_offer} fit into an offer, {agents} agents")?;
                if *per_offer == 0 {
                    write!(f, "; NO TASK FITS: see --cpus, --mem and --agent-resources")?;
                }
                Ok(())
            }
            None => write!(f, "; {per_offer} would fit into an offer of the default agent"),
        }
    }
}

impl Disk {
    fn needed(&self) -> u64 {
        self.estimated_bytes.saturating_add(self.executor_bytes)
    }
}

impl fmt::Display for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.is_guess { "a guess" } else { "as large as those that are done" };
        write!(f, "about {} ({how})", ByteSize::b(self.estimated_bytes))?;
        if self.executor_bytes > 0 {
            write!(f, ", and {} for the executors", ByteSize::b(self.executor_bytes))?;
        }
        match self.free_bytes {
            Some(free) if free < self.needed() => {
                write!(f, "; ONLY {} ARE FREE", ByteSize::b(free))
            }
            Some(free) => write!(f, "; {} are free", ByteSize::b(free)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use batch::{Attempt, ImageEnd, Store};
    use clap::Parser;
    use protocol::{Class, ImageReport};
    use std::fs;

    const LIST: &str = "# birds\nhttp://h/a.jpg\nhttp://h/b.jpg\nhttp://g:81/c.jpg\nhttp://h/a.jpg\nftp://h/x\nsamples/d.jpg\n";

    async fn forecast_of(folder: &Path, flags: &str) -> Result<Forecast, Failure> {
        let list = folder.join("birds.txt");
        fs::write(&list, LIST).unwrap();
        let output = folder.join("output");
        let words = [
            "scheduler".into(),
            list.display().to_string(),
            "--output".into(),
            output.display().to_string(),
        ];
        let words = words.into_iter().chain(flags.split_whitespace().map(str::to_owned));
        forecast(&Arguments::try_parse_from(words).unwrap()).await
    }

    #[tokio::test]
    async fn the_executors_of_a_local_cluster_take_room_too() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let executor = folder.path().join("executor");
        fs::write(&executor, [0; 5000]).unwrap();
        fs::set_permissions(&executor, fs::Permissions::from_mode(0o755)).unwrap();
        let elsewhere = format!("--agents 3 --state-dir {}", folder.path().display());
        for (flags, expected) in [
            ("--agents 3", 30_000),
            (elsewhere.as_str(), 0),
            ("--master h:5050 --address 10.0.0.1", 0),
        ] {
            let flags = format!("{flags} --executor {}", executor.display());
            let disk = forecast_of(folder.path(), &flags).await.unwrap().disk;
            assert_eq!(disk.executor_bytes, expected, "{flags}");
            assert_eq!(disk.to_string().contains("for the executors"), expected > 0, "{disk}");
            let tight = Disk { free_bytes: Some(disk.needed() - 1), ..disk };
            assert!(tight.to_string().contains("ONLY"), "{tight}");
        }
    }

    #[tokio::test]
    async fn the_list_is_told_and_nothing_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let forecast = forecast_of(folder.path(), "").await.unwrap();
        let hosts: Vec<_> =
            forecast.hosts.iter().map(|one| (one.host.as_str(), one.images)).collect();
        assert_eq!(hosts, [("h", 2), ("g:81", 1), ("the file server", 1)]);
        assert_eq!((forecast.images, forecast.duplicates.count, forecast.bad.count), (6, 1, 1));
        assert_eq!(
            (forecast.tasks.images, forecast.tasks.tasks, forecast.tasks.per_offer),
            (4, 4, 2)
        );
        assert_eq!((forecast.comments, forecast.resume.as_ref()), (1, None));
        assert!(forecast.disk.is_guess && forecast.disk.free_bytes.is_some_and(|free| free > 0));
        let text = forecast.to_string();
        assert!(text.contains("6 images, 1 duplicates, 1 that are no URL"), "{text}");
        assert!(text.contains("line 6 has the scheme ftp"), "{text}");
        assert!(text.contains("nothing is done yet"), "{text}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn what_would_be_resumed_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let job = forecast_of(folder.path(), "").await.unwrap().job;
        let failure = forecast_of(folder.path(), "--retry-failed").await.unwrap_err();
        assert!(failure.to_string().contains("nothing is known of the job"), "{failure}");
        let state = folder.path().join("output/.state");
        let mut store = memory::open(&state, &job, false).unwrap();
        store.replay(|_| ()).unwrap();
        let attempt = Attempt { batch: 1, number: 1 };
        let done = ImageEnd::of(ImageReport { bytes_out: 70, ..ImageReport::default() }, "a");
        let failed = ImageEnd::failed(Class::Dns, "no such host", "a");
        store
            .append(&[
                Record::Launched { attempt, agent: "a".into(), images: vec![1, 2] },
                Record::ImageEnded { index: 1, end: Box::new(done) },
                Record::ImageEnded { index: 2, end: Box::new(failed) },
            ])
            .unwrap();
        assert_eq!(forecast_of(folder.path(), "").await.unwrap().resume, Some(Resume::InUse));
        drop(store);
        let forecast = forecast_of(folder.path(), "").await.unwrap();
        assert_eq!(forecast.resume, Some(Resume::GoesOn { ended: 2, failed: 1 }));
        assert_eq!((forecast.tasks.images, forecast.disk.estimated_bytes), (2, 140));
        let retried = async |flags| forecast_of(folder.path(), flags).await.unwrap().resume;
        let again = Some(Resume::GoesOn { ended: 1, failed: 0 });
        assert_eq!(retried("--retry-failed").await, again);
        assert_eq!(retried("--retry-failed=timeout").await, forecast.resume);
        let mut store = memory::open(&state, &job, false).unwrap();
        store.replay(|_| ()).unwrap();
        store.append(&[Record::ImageReopened { index: 2 }]).unwrap();
        drop(store);
        assert_eq!(retried("").await, again, "an image that is tried again has not ended");
        let anew =
            forecast_of(folder.path(), "--restart --images-per-task 3 --cpus 5").await.unwrap();
        assert_eq!((anew.resume.as_ref(), anew.tasks.tasks, anew.tasks.per_offer), (None, 2, 0));
        assert!(anew.to_string().contains("NO TASK FITS"));
    }

    #[tokio::test]
    async fn a_list_that_would_have_to_be_fetched_is_not() {
        let line = ["scheduler", "http://u:s3cret@127.0.0.1:1/list.txt"];
        let failure = forecast(&Arguments::try_parse_from(line).unwrap()).await.unwrap_err();
        assert_eq!(failure.status(), 2);
        let text = failure.to_string();
        assert!(text.contains("makes no request") && !text.contains("s3cret"), "{text}");
    }
}
