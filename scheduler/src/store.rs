//! What is remembered of a job, and where: one redb file a job.

use std::fmt;
use std::io::ErrorKind;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};

use batch::outcome::{Ended, Tried, Tries};
use batch::{Attempt, Record, Store};
use redb::{
    Database, DatabaseError, ReadOnlyTable, ReadableDatabase, StorageError, TableDefinition,
};

use crate::failure::Failure;

/// Records in the encoding of postcard, by their number from 0.
const RECORDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("records");
/// Images that have ended, by index.
const ENDS: TableDefinition<'_, u64, End> = TableDefinition::new("ends");
/// Facts about the file and the job.
const FACTS: TableDefinition<'_, &str, &str> = TableDefinition::new("facts");

/// The fact that the framework was torn down after the last image.
const CLOSED: &str = "closed";
/// The fact that says in which form the records are.
const FORM: &str = "form";
/// The form that this program writes and reads. Another one is due whenever the encoding of a
/// record changes.
const FORM_4: &str = "4";
/// The token that uploads of this job bring.
const TOKEN: &str = "upload-token";

/// How much of the file is held in memory, in bytes.
const CACHE_BYTES: usize = 16 << 20;

/// The number of the record that tells of an image's end, the tasks that the image was in, and
/// batch and number of the one that counted; zeros if there was none.
type End = (u64, u32, u64, u32);

/// The memory of one job.
pub struct JobStore {
    database: Database,
    path: PathBuf,
    next: u64,
    tries: Tries,
}

/// How the images ended that had ended when it was made.
pub struct Outcomes {
    records: ReadOnlyTable<u64, &'static [u8]>,
    ends: ReadOnlyTable<u64, End>,
    path: PathBuf,
}

/// Why something could not be kept or read back.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file, or the disk under it.
    #[error("cannot use the state file {} ({message}): free the disk, or name another folder with --state-dir", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        message: String,
    },
    /// The file is not whole.
    #[error("the state file {} is damaged ({message}): give --restart to begin anew, or put a copy of it back", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// What is written there is not understood.
    #[error("the state file {} is of another version of this program: give --restart to begin anew, or name another folder with --state-dir", path.display())]
    Form {
        /// The file.
        path: PathBuf,
    },
    /// Another program has it open.
    #[error("another scheduler works on the job of the state file {}: wait for it or stop it, or name other folders with --output and --state-dir", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Locked { .. } => Self::Locked(error.to_string()),
            StoreError::File { .. } | StoreError::Damaged { .. } | StoreError::Form { .. } => {
                Self::Start(error.to_string())
            }
        }
    }
}

impl JobStore {
    /// Opens or makes the file of a job in an existing folder. Only one program at a time has it.
    ///
    /// # Errors
    ///
    /// When another program has it, or it cannot be used.
    pub fn open(folder: &Path, job: &str) -> Result<Self, StoreError> {
        let path = Self::path_of(folder, job);
        make_private(&path).map_err(|error| file(&path, &error))?;
        let database = unless_damaged(&path, || database_at(&path))?;
        Ok(Self { database, path, next: 0, tries: Tries::default() })
    }

    /// The file of a job in a folder, whether it is there or not.
    #[must_use]
    pub fn path_of(folder: &Path, job: &str) -> PathBuf {
        folder.join(format!("{job}.redb"))
    }

    /// Gives what was kept to `each`, oldest first, and returns how much it was. To be called once
    /// before anything is added.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or is in another form.
    pub fn replay(&mut self, mut each: impl FnMut(&Record)) -> Result<u64, StoreError> {
        match self.fact(FORM)?.as_deref() {
            Some(FORM_4) => {}
            Some(_) => return Err(StoreError::Form { path: self.path.clone() }),
            None => self.set_fact(FORM, FORM_4)?,
        }
        (self.next, self.tries) = (0, Tries::default());
        let records = self.records().map_err(|error| self.failed(error))?;
        for row in records.range::<u64>(..).map_err(|error| file(&self.path, &error))? {
            let (_, bytes) = row.map_err(|error| file(&self.path, &error))?;
            let record = postcard::from_bytes(bytes.value())
                .map_err(|_| StoreError::Form { path: self.path.clone() })?;
            self.tries.note(&record);
            self.next += 1;
            each(&record);
        }
        Ok(self.next)
    }

    /// How images ended so far.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn outcomes(&self) -> Result<Outcomes, StoreError> {
        self.try_outcomes().map_err(|error| self.failed(error))
    }

    /// The last task of an image that has no outcome yet, if it was in one.
    #[must_use]
    pub fn last_task(&self, index: u64) -> Option<Attempt> {
        self.tries.of(index).task
    }

    /// Forgets everything.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn clear(&mut self) -> Result<(), StoreError> {
        self.try_clear().map_err(|error| self.failed(error))?;
        (self.next, self.tries) = (0, Tries::default());
        Ok(())
    }

    /// Whether the job came to its end, the framework included.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn is_closed(&self) -> Result<bool, StoreError> {
        Ok(self.fact(CLOSED)?.is_some())
    }

    /// Keeps that the job came to its end.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn close(&self) -> Result<(), StoreError> {
        self.set_fact(CLOSED, "yes")
    }

    /// Keeps that the job is to go on after all.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn reopen(&self) -> Result<(), StoreError> {
        self.try_forget_fact(CLOSED).map_err(|error| self.failed(error))
    }

    /// The upload token of the job: the same after an interruption, so that tasks which
    /// are still out can deliver. It is made by `make` if there is none.
    ///
    /// # Errors
    ///
    /// When the file cannot be used.
    pub fn upload_token(&self, make: impl FnOnce() -> String) -> Result<String, StoreError> {
        if let Some(token) = self.fact(TOKEN)? {
            return Ok(token);
        }
        let token = make();
        self.set_fact(TOKEN, &token)?;
        Ok(token)
    }

    /// The same as [`JobStore::open`], but a file that is damaged is replaced by a new one.
    ///
    /// # Errors
    ///
    /// When another program has it, or it cannot be used.
    pub fn open_anew(folder: &Path, job: &str) -> Result<Self, StoreError> {
        match Self::open(folder, job) {
            Err(StoreError::Damaged { path, .. }) => {
                std::fs::remove_file(&path).map_err(|error| file(&path, &error))?;
                Self::open(folder, job)
            }
            other => other,
        }
    }

    /// Takes the file away if the job has left no records in it.
    pub fn discard_if_empty(&self) {
        if self.next == 0
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::debug!("cannot remove {}: {error}", self.path.display());
        }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn fact(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.try_fact(name).map_err(|error| self.failed(error))
    }

    fn set_fact(&self, name: &str, value: &str) -> Result<(), StoreError> {
        self.try_set_fact(name, value).map_err(|error| self.failed(error))
    }

    fn try_fact(&self, name: &str) -> Result<Option<String>, redb::Error> {
        let table = match self.database.begin_read()?.open_table(FACTS) {
            Ok(table) => table,
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        Ok(table.get(name)?.map(|value| value.value().to_owned()))
    }

    fn try_forget_fact(&self, name: &str) -> Result<(), redb::Error> {
        let transaction = self.database.begin_write()?;
        transaction.open_table(FACTS)?.remove(name)?;
        Ok(transaction.commit()?)
    }

    fn try_set_fact(&self, name: &str, value: &str) -> Result<(), redb::Error> {
        let transaction = self.database.begin_write()?;
        transaction.open_table(FACTS)?.insert(name, value)?;
        Ok(transaction.commit()?)
    }

    /// The records, in a table that is made if need be.
    fn records(&self) -> Result<ReadOnlyTable<u64, &'static [u8]>, redb::Error> {
        self.make_tables()?;
        Ok(self.database.begin_read()?.open_table(RECORDS)?)
    }

    fn try_outcomes(&self) -> Result<Outcomes, redb::Error> {
        let records = self.records()?;
        let ends = self.database.begin_read()?.open_table(ENDS)?;
        Ok(Outcomes { records, ends, path: self.path.clone() })
    }

    fn make_tables(&self) -> Result<(), redb::Error> {
        let has_tables = self.database.begin_read()?.list_tables()?.count() > 2;
        if has_tables {
            return Ok(());
        }
        let transaction = self.database.begin_write()?;
        transaction.open_table(RECORDS)?;
        transaction.open_table(ENDS)?;
        Ok(transaction.commit()?)
    }

    fn try_clear(&self) -> Result<(), redb::Error> {
        let transaction = self.database.begin_write()?;
        transaction.delete_table(RECORDS)?;
        transaction.delete_table(ENDS)?;
        transaction.delete_table(FACTS)?;
        Ok(transaction.commit()?)
    }

    fn try_append(&mut self, records: &[Record], encoded: &[Vec<u8>]) -> Result<(), redb::Error> {
        let transaction = self.database.begin_write()?;
        {
            let mut rows = transaction.open_table(RECORDS)?;
            let mut ends = transaction.open_table(ENDS)?;
            for ((number, record), bytes) in (self.next..).zip(records).zip(encoded) {
                rows.insert(number, bytes.as_slice())?;
                if let Some((index, tried)) = self.tries.note(record) {
                    let task = tried.task.map_or((0, 0), |task| (task.batch, task.number));
                    ends.insert(index, (number, tried.attempts, task.0, task.1))?;
                }
                if let Record::ImageReopened { index } = record {
                    ends.remove(index)?;
                }
            }
        }
        Ok(transaction.commit()?)
    }

    #[expect(clippy::needless_pass_by_value, reason = "it is handed on by map_err")]
    fn failed(&self, error: redb::Error) -> StoreError {
        file(&self.path, &error)
    }
}

impl Store for JobStore {
    type Error = StoreError;

    /// One transaction; redb syncs the file before its commit returns.
    fn append(&mut self, records: &[Record]) -> Result<(), StoreError> {
        let encoded: Result<Vec<_>, _> = records.iter().map(postcard::to_allocvec).collect();
        let encoded = encoded.map_err(|error| file(&self.path, &error))?;
        self.try_append(records, &encoded).map_err(|error| self.failed(error))?;
        self.next += u64::try_from(encoded.len()).unwrap_or(u64::MAX);
        Ok(())
    }
}

impl Outcomes {
    /// How an image ended; `None` if it had not.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn get(&self, index: u64) -> Result<Option<Ended>, StoreError> {
        let unreadable = |error: StorageError| file(&self.path, &error);
        let Some(end) = self.ends.get(index).map_err(unreadable)? else { return Ok(None) };
        let (number, attempts, batch, attempt) = end.value();
        let task = (batch > 0).then_some(Attempt { batch, number: attempt });
        let Some(bytes) = self.records.get(number).map_err(unreadable)? else { return Ok(None) };
        match postcard::from_bytes(bytes.value()) {
            Ok(Record::ImageEnded { end, .. }) => {
                Ok(Some(Ended { end: *end, tried: Tried { attempts, task } }))
            }
            Ok(_) | Err(_) => Err(StoreError::Form { path: self.path.clone() }),
        }
    }
}

impl fmt::Debug for Outcomes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcomes").field("path", &self.path).finish_non_exhaustive()
    }
}

impl fmt::Debug for JobStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobStore").field("path", &self.path).finish_non_exhaustive()
    }
}

/// All of it is read: a wrong record would be worse than none.
fn database_at(path: &Path) -> Result<Database, StoreError> {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    let opened = builder.create(path).and_then(|mut database| {
        let is_whole = database.check_integrity()?;
        Ok((database, is_whole))
    });
    let (database, is_whole) = opened.map_err(|error| not_opened(path, &error))?;
    if !is_whole {
        tracing::warn!("the state file {} was not closed well, and is repaired", path.display());
    }
    Ok(database)
}

fn not_opened(path: &Path, error: &DatabaseError) -> StoreError {
    let damaged = |message: &dyn fmt::Display| StoreError::Damaged {
        path: path.to_owned(),
        message: message.to_string(),
    };
    if matches!(error, DatabaseError::DatabaseAlreadyOpen) {
        StoreError::Locked { path: path.to_owned() }
    } else if let DatabaseError::Storage(StorageError::Corrupted(message)) = error {
        damaged(message)
    } else if let DatabaseError::Storage(StorageError::Io(error)) = error
        && matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof)
    {
        damaged(error)
    } else {
        file(path, error)
    }
}

/// redb panics over some kinds of damage.
fn unless_damaged<T>(
    path: &Path,
    work: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let message = "its parts contradict each other".to_owned();
        Err(StoreError::Damaged { path: path.to_owned(), message })
    })
}

fn file(path: &Path, error: &dyn fmt::Display) -> StoreError {
    StoreError::File { path: path.to_owned(), message: error.to_string() }
}

/// Makes the file if it is not there, readable only by its owner: it holds the upload token.
fn make_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600).open(path).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::hexadecimal;
    use batch::ImageEnd;
    use protocol::Class;

    fn records() -> Vec<Record> {
        let attempt = Attempt { batch: 1, number: 1 };
        vec![
            Record::FrameworkSubscribed { framework_id: "f".into() },
            Record::Launched { attempt, agent: "a".into(), images: vec![1] },
            Record::ImageFailedOnce { index: 1, class: Class::Dns },
            Record::TaskEnded { attempt, cost: 0 },
        ]
    }

    fn kept(store: &mut JobStore) -> Vec<Record> {
        let mut records = Vec::new();
        store.replay(|record| records.push(record.clone())).unwrap();
        records
    }

    #[test]
    fn what_was_kept_is_there_after_opening_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = JobStore::open(folder.path(), "j").unwrap();
        assert_eq!(kept(&mut store), []);
        store.append(&records()[..1]).unwrap();
        store.append(&records()[1..]).unwrap();
        let token = store.upload_token(|| "t1".into()).unwrap();
        drop(store);

        let mut store = JobStore::open(folder.path(), "j").unwrap();
        assert_eq!(kept(&mut store), records());
        assert_eq!(store.upload_token(|| "t2".into()).unwrap(), token);
        store.append(&records()[3..]).unwrap();
        assert_eq!(kept(&mut store).len(), 5);
    }

    #[test]
    fn the_end_of_an_image_is_found_by_its_index_with_its_tasks() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = JobStore::open(folder.path(), "j").unwrap();
        assert_eq!(kept(&mut store), []);
        store.append(&records()).unwrap();
        let second = Attempt { batch: 2, number: 1 };
        let launched =
            |attempt| Record::Launched { attempt, agent: "b".into(), images: vec![1, 2] };
        let not_asked = Attempt { batch: 3, number: 1 };
        let put_off = [Record::ImagePutOff { index: 1 }, Record::ImagePutOff { index: 2 }];
        store.append(&[launched(not_asked)]).unwrap();
        store.append(&put_off).unwrap();
        store.append(&[launched(second)]).unwrap();
        drop(store);

        let mut store = JobStore::open(folder.path(), "j").unwrap();
        kept(&mut store);
        assert_eq!(store.outcomes().unwrap().get(1).unwrap(), None);
        assert_eq!(store.last_task(1), Some(second));
        let end = ImageEnd::failed(Class::Dns, "no such host", "b");
        let ended = Record::ImageEnded { index: 1, end: Box::new(end.clone()) };
        store.append(&[ended]).unwrap();
        let tried = Tried { attempts: 2, task: Some(second) };
        assert_eq!(store.outcomes().unwrap().get(1).unwrap(), Some(Ended { end, tried }));
        assert_eq!((store.last_task(1), store.last_task(2)), (None, Some(second)));
    }

    /// If this fails, what is written has changed: then a new form is due, and this with it.
    #[test]
    fn records_are_written_in_the_form_that_the_file_names() {
        let end = ImageEnd { bytes_in: 300, ..ImageEnd::failed(Class::Dns, "m", "a") };
        let mut records = records();
        records.push(Record::ImageEnded { index: 7, end: Box::new(end) });
        records.push(Record::ExecutorPlaced { agent: "a".into(), resources: vec![vec![1, 2]] });
        records.push(Record::ImageReopened { index: 9 });
        records.push(Record::ImagePutOff { index: 8 });
        let written: Vec<String> = records
            .iter()
            .map(|record| hexadecimal(&postcard::to_allocvec(record).unwrap(), usize::MAX))
            .collect();
        assert_eq!(written, FORM_4_EXAMPLES, "{written:#?}");
    }

    const FORM_4_EXAMPLES: [&str; 8] = [
        "000166",
        "02010101610101",
        "040103646e73",
        "05010100",
        "030703646e73016d0000016100ac0200000000000000000000000000000000000000",
        "01016101020102",
        "0609",
        "0708",
    ];

    #[test]
    fn a_damaged_file_is_named_and_gives_no_wrong_records() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = JobStore::open(folder.path(), "j").unwrap();
        assert_eq!(kept(&mut store), []);
        for _ in 0..50 {
            store.append(&records()).unwrap();
        }
        let written = kept(&mut store);
        drop(store);
        let path = JobStore::path_of(folder.path(), "j");
        let whole = std::fs::read(&path).unwrap();
        let used = (0..whole.len()).filter(|at| whole[*at] != 0);
        let mut damaged = 0;
        for at in used.step_by(101) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x55;
            std::fs::write(&path, &bytes).unwrap();
            match JobStore::open(folder.path(), "j") {
                Ok(mut store) => assert_eq!(kept(&mut store), written, "byte {at}"),
                Err(StoreError::Damaged { .. }) => damaged += 1,
                Err(error) => panic!("byte {at}: {error}"),
            }
        }
        assert!(damaged > 0);
    }

    #[test]
    fn a_cleared_store_knows_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = JobStore::open(folder.path(), "j").unwrap();
        store.append(&records()).unwrap();
        store.close().unwrap();
        assert!(store.is_closed().unwrap());
        store.clear().unwrap();
        assert!(!store.is_closed().unwrap());
        assert_eq!(kept(&mut store), []);
        store.append(&records()[..1]).unwrap();
        assert_eq!(kept(&mut store), records()[..1]);
    }

    #[test]
    fn a_second_scheduler_is_told_to_wait() {
        let folder = tempfile::tempdir().unwrap();
        let first = JobStore::open(folder.path(), "j").unwrap();
        let failure = Failure::from(JobStore::open(folder.path(), "j").unwrap_err());
        assert_eq!(failure.status(), 8);
        assert!(failure.to_string().contains("another scheduler"), "{failure}");
        assert!(JobStore::open(folder.path(), "other").is_ok());
        drop(first);
        assert!(JobStore::open(folder.path(), "j").is_ok());
    }

    #[test]
    fn only_the_owner_can_read_the_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let store = JobStore::open(folder.path(), "j").unwrap();
        let mode = std::fs::metadata(store.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
    }

    #[test]
    fn a_file_of_something_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("j.redb"), "no database").unwrap();
        let error = JobStore::open(folder.path(), "j").unwrap_err();
        assert!(error.to_string().contains("is damaged (Not a redb"), "{error}");
    }
}
