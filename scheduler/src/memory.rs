//! How a job begins: its records, its entries, and the engine made of both.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{fs, io};

use batch::{Engine, Grouping, Input, Notice, Record, Settings, Store};
use mesos::operation::MIN_GROUP_CPUS;
use mesos::resources::Scalar;
use tracing::info;
use url::Url;
use uuid::Uuid;

use crate::cli::Arguments;
use crate::failure::Failure;
use crate::retry::{Classes, Failed};
use crate::source::Source;
use crate::spool::{Spool, Writer};
use crate::store::JobStore;

/// How many entries the engine is given at once.
const PORTION: usize = 1_000;

/// What our executor takes once an agent, beside its tasks, in MiB: the least that Mesos
/// likes. It needs no processors, so that whole processors are left for tasks.
pub const EXECUTOR_MEM_MIB: i64 = 32;

/// What it takes as well where an agent has it, so that Mesos launches groups for it: disk for its
/// program, which is large in a debug build, and its log.
const GROUPING: Grouping =
    Grouping { cpus: MIN_GROUP_CPUS, disk_mib: Scalar::from_thousandths(512_000) };

/// Opens the state of a job in a folder, which is made if need be. Who wants to `restart` has no
/// use for a damaged one.
///
/// # Errors
///
/// When the folder cannot be written or the job is at work elsewhere.
pub fn open(folder: &Path, job: &str, restart: bool) -> Result<JobStore, Failure> {
    check_folder(folder, "state", "--state-dir")?;
    let opened =
        if restart { JobStore::open_anew(folder, job) } else { JobStore::open(folder, job) };
    Ok(opened?)
}

/// Makes a folder if need be and tries to write into it.
///
/// # Errors
///
/// A sentence that names the folder and the flag.
pub fn check_folder(folder: &Path, what: &str, flag: &str) -> Result<(), Failure> {
    let tried = fs::create_dir_all(folder).and_then(|()| tempfile::tempfile_in(folder));
    tried.map(drop).map_err(|error| {
        let folder = folder.display();
        Failure::Start(format!(
            "cannot write into the {what} folder {folder} ({error}): make it writable or name \
             another with {flag}"
        ))
    })
}

/// Forgets an earlier run that is not to be gone on from.
///
/// # Errors
///
/// When the state cannot be used.
pub fn begin(store: &mut JobStore, job: &str, restart: bool) -> Result<(), Failure> {
    let is_closed = store.is_closed()?;
    if is_closed && !restart {
        info!("job {job} was finished earlier; it is done again from the beginning");
    }
    if is_closed || restart {
        store.clear()?;
    }
    Ok(())
}

/// Has images that failed in an earlier run tried again.
///
/// # Errors
///
/// When there was no earlier run, or the state cannot be used.
pub fn reopen(store: &mut JobStore, job: &str, classes: &Classes) -> Result<(), Failure> {
    let mut failed = Failed::new(classes.clone());
    if store.replay(|record| failed.note(record))? == 0 {
        store.discard_if_empty();
        return Err(nothing_to_retry(job, store.path()));
    }
    let again = failed.reopened();
    info!("trying again what failed ({classes}): {} images", again.len());
    if store.is_closed()? {
        // The framework is gone. In this order a crash at any moment loses nothing.
        store.append(&[Record::FrameworkSubscribed { framework_id: String::new() }])?;
        store.reopen()?;
    }
    if !again.is_empty() {
        store.append(&again)?;
    }
    Ok(())
}

/// There was no earlier run whose failed images could be tried again.
pub fn nothing_to_retry(job: &str, state: &Path) -> Failure {
    let state = state.display();
    Failure::Usage(format!(
        "--retry-failed: nothing is known of the job {job}, as there was no {state}; run it \
         without that flag first, with the same list and operations"
    ))
}

/// What the engine is told.
#[must_use]
pub fn settings(arguments: &Arguments, job: &str, executor_id: &str) -> Settings {
    let mut settings = Settings::new(job, executor_id);
    settings.images_per_task = arguments.work.images_per_task;
    settings.task_cpus = arguments.work.cpus;
    settings.task_mem_mib = arguments.work.mem;
    settings.executor_cpus = Scalar::ZERO;
    settings.executor_mem_mib = Scalar::from_thousandths(EXECUTOR_MEM_MIB * 1_000);
    settings.grouping = Some(GROUPING);
    settings.roles = arguments.cluster.roles();
    settings.constraints = arguments.cluster.constraint.clone();
    settings.retry.image_attempts = arguments.work.attempts;
    settings.max_failures = arguments.work.max_failures();
    settings.straggler_after = Some(arguments.work.straggler_after).filter(|time| !time.is_zero());
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    settings.unix_start = since_1970.unwrap_or_default();
    settings.seed = Uuid::new_v4().as_u64_pair().0;
    settings
}

/// What a job begins with.
#[derive(Debug)]
pub struct Beginning {
    /// It knows the list, and what was recorded.
    pub engine: Engine,
    /// The list.
    pub list: Spool,
    /// How many records an earlier run has left.
    pub records: u64,
}

/// The engine of a job with all its entries, which are kept in a file of `folder`. Entries that
/// have failed already are told `tell`.
///
/// # Errors
///
/// When the list or the state cannot be read, or the folder not be written.
pub fn engine(
    settings: Settings,
    store: &mut JobStore,
    source: &Source,
    base: &Url,
    total: u64,
    folder: &Path,
    tell: impl Fn(&Notice, &Engine),
) -> Result<Beginning, Failure> {
    let mut engine = Engine::new(settings);
    let records = store.replay(|record| engine.apply(record))?;
    let unreadable = |error| source.unreadable(&error);
    let mut reader = source.entries(base, total).map_err(unreadable)?;
    let mut spool = Writer::new(folder).map_err(|error| unwritable(folder, &error))?;
    loop {
        let portion = reader.portion(PORTION).map_err(unreadable)?;
        let is_last = portion.is_empty();
        let written = portion.iter().try_for_each(|entry| spool.push(entry));
        written.map_err(|error| unwritable(folder, &error))?;
        let input = if is_last { Input::ListEnded } else { Input::Submit(portion) };
        let mut nothing = NoRecords;
        let released = engine.handle(Duration::ZERO, input).commit(&mut nothing)?;
        released.notices.iter().for_each(|notice| tell(notice, &engine));
        if is_last {
            info!("the list {source}: {}", reader.findings());
            let list = spool.finish().map_err(|error| unwritable(folder, &error))?;
            return Ok(Beginning { engine, list, records });
        }
    }
}

fn unwritable(folder: &Path, error: &io::Error) -> Failure {
    Failure::Start(format!(
        "cannot keep the list in the state folder {} ({error}): make room there, or name another \
         with --state-dir",
        folder.display()
    ))
}

/// The list is given anew at every start and leaves no records.
struct NoRecords;

impl Store for NoRecords {
    type Error = Failure;

    fn append(&mut self, _: &[Record]) -> Result<(), Failure> {
        Err(Failure::Start("the list left records, which is a bug: report it".into()))
    }
}

#[cfg(test)]
mod tests {
    use mesos::resources::{CPUS, DISK, MEM, Resources};

    use super::*;
    use batch::Attempt;
    use clap::Parser;
    use std::cell::RefCell;

    fn source() -> Source {
        Source::in_memory(b"http://h/a\nnot a url\nhttp://h/b\n".to_vec())
    }

    fn launched() -> Record {
        let attempt = Attempt { batch: 1, number: 1 };
        Record::Launched { attempt, agent: "a".into(), images: vec![1] }
    }

    fn is_empty(store: &mut JobStore) -> bool {
        store.replay(|_| ()).unwrap() == 0
    }

    #[test]
    fn an_engine_knows_the_list_and_what_was_recorded() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = open(folder.path(), "j", false).unwrap();
        assert!(is_empty(&mut store));
        store.append(&[launched()]).unwrap();
        let (settings, base) = (Settings::new("j", "e"), Url::parse("http://h/").unwrap());
        let told = RefCell::new(Vec::new());
        let tell = |notice: &Notice, _: &Engine| told.borrow_mut().push(notice.clone());
        let Beginning { engine, list, records } =
            engine(settings, &mut store, &source(), &base, 3, folder.path(), tell).unwrap();
        let progress = engine.progress();
        assert_eq!((progress.total, progress.failed, progress.running), (3, 1, 1));
        assert!(progress.list_ended);
        assert_eq!((records, list.entry(3).unwrap().url.as_str()), (1, "http://h/b"));
        let told = told.into_inner();
        assert!(matches!(told[..], [Notice::ImageFailed { index: 2, .. }]), "{told:?}");
    }

    #[test]
    fn a_closed_job_begins_anew_and_an_open_one_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = open(&folder.path().join("new"), "j", false).unwrap();
        begin(&mut store, "j", false).unwrap();
        assert!(is_empty(&mut store));
        store.append(&[launched()]).unwrap();
        begin(&mut store, "j", false).unwrap();
        assert!(!is_empty(&mut store));
        store.close().unwrap();
        begin(&mut store, "j", false).unwrap();
        assert!(is_empty(&mut store));
        store.append(&[launched()]).unwrap();
        begin(&mut store, "j", true).unwrap();
        assert!(is_empty(&mut store));
    }

    #[test]
    fn what_failed_is_opened_again_whether_the_job_is_closed_or_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = open(folder.path(), "j", false).unwrap();
        let failure = reopen(&mut store, "j", &Classes::All).unwrap_err();
        assert_eq!(failure.status(), 2);
        let mut store = open(folder.path(), "j", false).unwrap();
        assert!(is_empty(&mut store));
        let end = batch::ImageEnd::failed(protocol::Class::Dns, "no such host", "a");
        store.append(&[launched(), Record::ImageEnded { index: 1, end: Box::new(end) }]).unwrap();
        store.close().unwrap();
        assert!(store.outcomes().unwrap().get(1).unwrap().is_some());
        let mut records = Vec::new();
        for _ in 0..2 {
            reopen(&mut store, "j", &Classes::All).unwrap();
            assert!(!store.is_closed().unwrap());
            records.clear();
            store.replay(|record| records.push(record.clone())).unwrap();
            assert_eq!(records.last(), Some(&Record::ImageReopened { index: 1 }));
            assert_eq!(records.len(), 4);
            assert_eq!(store.outcomes().unwrap().get(1).unwrap(), None);
        }
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let failure = open(&file.path().join("x"), "j", false).unwrap_err();
        assert!(failure.to_string().contains("--state-dir"), "{failure}");
    }

    #[test]
    fn whole_processors_are_left_for_tasks() {
        let arguments = Arguments::try_parse_from(["scheduler", "--cpus", "0.5"]).unwrap();
        let settings = settings(&arguments, "j", "e");
        assert_eq!(settings.executor_cpus, Scalar::ZERO);
        assert_eq!(settings.task_cpus, Scalar::from_thousandths(500));
        let grouping = settings.grouping.unwrap();
        let executor =
            [(CPUS, grouping.cpus), (MEM, settings.executor_mem_mib), (DISK, grouping.disk_mib)];
        let agent: Resources = "cpus:2;mem:2048;disk:4096".parse().unwrap();
        let (executor, _) = agent.take(&executor).unwrap();
        assert!(mesos::operation::can_have_group(&executor), "{executor}");
    }
}
