//! How a job begins: its records, its entries, and the engine made of both.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use batch::{Attempt, Engine, Input, Notice, Record, Settings};
use mesos::resources::Scalar;
use tracing::info;
use url::Url;
use uuid::Uuid;

use crate::cli::Arguments;
use crate::failure::Failure;
use crate::source::Source;
use crate::store::JobStore;

/// How many entries the engine is given at once.
const PORTION: usize = 10_000;

/// What our executor takes once an agent, beside its tasks, in MiB: the least that Mesos
/// likes. It takes no processors, so that whole processors are left for tasks.
pub const EXECUTOR_MEM_MIB: i64 = 32;

/// Opens the state of a job in a folder, which is made if need be.
///
/// # Errors
///
/// When the folder cannot be written or the job is at work elsewhere.
pub fn open(folder: &Path, job: &str) -> Result<JobStore, Failure> {
    check_folder(folder, "state", "--state-dir")?;
    Ok(JobStore::open(folder, job)?)
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

/// The records of an earlier run that this run goes on from; none if it begins anew.
///
/// # Errors
///
/// When the state cannot be used.
pub fn earlier(store: &mut JobStore, job: &str, restart: bool) -> Result<Vec<Record>, Failure> {
    if restart {
        store.clear()?;
    }
    let records = store.load()?;
    if store.is_closed()? {
        info!("job {job} was finished earlier; it is done again from the beginning");
        store.clear()?;
        return Ok(store.load().map(|_| Vec::new())?);
    }
    Ok(records)
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

/// The engine of a job with all its entries, and what is to be said of them.
///
/// # Errors
///
/// When the list cannot be read.
pub fn engine(
    settings: Settings,
    records: &[Record],
    source: &Source,
    base: &Url,
    total: u64,
) -> Result<(Engine, Vec<Notice>), Failure> {
    let mut engine = Engine::new(settings);
    for record in records {
        engine.apply(record);
    }
    let unreadable = |error| source.unreadable(&error);
    let mut reader = source.entries(base, total).map_err(unreadable)?;
    let mut notices = Vec::new();
    loop {
        let portion = reader.portion(PORTION).map_err(unreadable)?;
        let is_last = portion.is_empty();
        let input = if is_last { Input::ListEnded } else { Input::Submit(portion) };
        let mut nothing = NoRecords;
        let released = engine.handle(Duration::ZERO, input).commit(&mut nothing)?;
        notices.extend(released.notices);
        if is_last {
            info!("the list {source}: {}", reader.findings());
            return Ok((engine, notices));
        }
    }
}

/// The list is given anew at every start and leaves no records.
struct NoRecords;

impl batch::Store for NoRecords {
    type Error = Failure;

    fn append(&mut self, _: &[Record]) -> Result<(), Failure> {
        Err(Failure::Start("the list left records, which is a bug: report it".into()))
    }
}

/// The last task of each image, by index, and the tasks that are out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tasks {
    /// The last task of each image.
    pub of_image: BTreeMap<u64, Attempt>,
    /// The tasks that are out.
    pub out: BTreeSet<Attempt>,
}

impl Tasks {
    /// Takes a record into account.
    pub fn note(&mut self, record: &Record) {
        match record {
            Record::Launched { attempt, images, .. } => {
                self.out.insert(*attempt);
                self.of_image.extend(images.iter().map(|index| (*index, *attempt)));
            }
            Record::TaskEnded { attempt, .. } => {
                self.out.remove(attempt);
            }
            Record::FrameworkSubscribed { .. }
            | Record::ExecutorPlaced { .. }
            | Record::ImageEnded { .. }
            | Record::ImageFailedOnce { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use batch::Store;
    use clap::Parser;

    fn source() -> Source {
        Source::in_memory(b"http://h/a\nnot a url\nhttp://h/b\n".to_vec())
    }

    fn made(records: &[Record]) -> (Engine, Vec<Notice>) {
        let base = Url::parse("http://h/").unwrap();
        engine(Settings::new("j", "e"), records, &source(), &base, 3).unwrap()
    }

    fn launched() -> Record {
        let attempt = Attempt { batch: 1, number: 1 };
        Record::Launched { attempt, agent: "a".into(), images: vec![1] }
    }

    #[test]
    fn an_engine_knows_the_list_and_what_was_recorded() {
        let (engine, notices) = made(&[launched()]);
        let progress = engine.progress();
        assert_eq!((progress.total, progress.failed, progress.running), (3, 1, 1));
        assert!(progress.list_ended);
        assert!(matches!(notices[..], [Notice::ImageFailed { index: 2, .. }]), "{notices:?}");
    }

    #[test]
    fn a_closed_job_begins_anew_and_an_open_one_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = open(&folder.path().join("new"), "j").unwrap();
        assert_eq!(earlier(&mut store, "j", false).unwrap(), []);
        store.append(&[launched()]).unwrap();
        assert_eq!(earlier(&mut store, "j", false).unwrap(), [launched()]);
        store.close().unwrap();
        assert_eq!(earlier(&mut store, "j", false).unwrap(), []);
        store.append(&[launched()]).unwrap();
        assert_eq!(earlier(&mut store, "j", true).unwrap(), []);
    }

    #[test]
    fn tasks_are_followed_through_the_records() {
        let mut tasks = Tasks::default();
        tasks.note(&launched());
        assert_eq!(tasks.out.len(), 1);
        tasks.note(&Record::TaskEnded { attempt: Attempt { batch: 1, number: 1 }, cost: 0 });
        assert!(tasks.out.is_empty());
        assert_eq!(tasks.of_image[&1], Attempt { batch: 1, number: 1 });
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let failure = open(&file.path().join("x"), "j").unwrap_err();
        assert!(failure.to_string().contains("--state-dir"), "{failure}");
    }

    #[test]
    fn whole_processors_are_left_for_tasks() {
        let arguments = Arguments::try_parse_from(["scheduler", "--cpus", "0.5"]).unwrap();
        let settings = settings(&arguments, "j", "e");
        assert_eq!(settings.executor_cpus, Scalar::ZERO);
        assert_eq!(settings.task_cpus, Scalar::from_thousandths(500));
    }
}
