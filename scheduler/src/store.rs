//! What is remembered of a job, and where: one redb file a job.

use std::fmt;
use std::path::{Path, PathBuf};

use batch::{Record, Store};
use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition};

use crate::failure::Failure;

/// Records as JSON, by their number from 0.
const RECORDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("records");
/// Facts about the file and the job.
const FACTS: TableDefinition<'_, &str, &str> = TableDefinition::new("facts");

/// The fact that the framework was torn down after the last image.
const CLOSED: &str = "closed";
/// The fact that says in which form the records are.
const FORM: &str = "form";
/// The form that this program writes and reads.
const FORM_1: &str = "1";
/// The token that uploads of this job bring.
const TOKEN: &str = "upload-token";

/// The memory of one job.
pub struct JobStore {
    database: Database,
    path: PathBuf,
    next: u64,
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
            StoreError::File { .. } | StoreError::Form { .. } => Self::Start(error.to_string()),
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
        let database = Database::create(&path).map_err(|error| {
            if matches!(error, DatabaseError::DatabaseAlreadyOpen) {
                StoreError::Locked { path: path.clone() }
            } else {
                file(&path, &error)
            }
        })?;
        Ok(Self { database, path, next: 0 })
    }

    /// The file of a job in a folder, whether it is there or not.
    #[must_use]
    pub fn path_of(folder: &Path, job: &str) -> PathBuf {
        folder.join(format!("{job}.redb"))
    }

    /// What was kept, oldest first.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or is in another form.
    pub fn load(&mut self) -> Result<Vec<Record>, StoreError> {
        match self.fact(FORM)?.as_deref() {
            Some(FORM_1) => {}
            Some(_) => return Err(StoreError::Form { path: self.path.clone() }),
            None => self.set_fact(FORM, FORM_1)?,
        }
        let records = self.read().map_err(|error| self.failed(error))?;
        let records: Result<Vec<Record>, _> =
            records.iter().map(|bytes| serde_json::from_slice(bytes)).collect();
        let records = records.map_err(|_| StoreError::Form { path: self.path.clone() })?;
        self.next = u64::try_from(records.len()).unwrap_or(u64::MAX);
        Ok(records)
    }

    /// Forgets everything.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn clear(&mut self) -> Result<(), StoreError> {
        self.try_clear().map_err(|error| self.failed(error))?;
        self.next = 0;
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

    fn try_set_fact(&self, name: &str, value: &str) -> Result<(), redb::Error> {
        let transaction = self.database.begin_write()?;
        transaction.open_table(FACTS)?.insert(name, value)?;
        Ok(transaction.commit()?)
    }

    fn read(&self) -> Result<Vec<Vec<u8>>, redb::Error> {
        let table = match self.database.begin_read()?.open_table(RECORDS) {
            Ok(table) => table,
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        table.iter()?.map(|row| Ok(row?.1.value().to_vec())).collect()
    }

    fn try_clear(&self) -> Result<(), redb::Error> {
        let transaction = self.database.begin_write()?;
        transaction.delete_table(RECORDS)?;
        transaction.delete_table(FACTS)?;
        Ok(transaction.commit()?)
    }

    fn try_append(&self, records: &[Vec<u8>]) -> Result<(), redb::Error> {
        let transaction = self.database.begin_write()?;
        {
            let mut table = transaction.open_table(RECORDS)?;
            for (number, record) in (self.next..).zip(records) {
                table.insert(number, record.as_slice())?;
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
        let encoded: Result<Vec<_>, _> = records.iter().map(serde_json::to_vec).collect();
        let encoded = encoded.map_err(|error| file(&self.path, &error))?;
        self.try_append(&encoded).map_err(|error| self.failed(error))?;
        self.next += u64::try_from(encoded.len()).unwrap_or(u64::MAX);
        Ok(())
    }
}

impl fmt::Debug for JobStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobStore").field("path", &self.path).finish_non_exhaustive()
    }
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
    use batch::Attempt;
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

    #[test]
    fn what_was_kept_is_there_after_opening_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = JobStore::open(folder.path(), "j").unwrap();
        assert_eq!(store.load().unwrap(), []);
        store.append(&records()[..1]).unwrap();
        store.append(&records()[1..]).unwrap();
        let token = store.upload_token(|| "t1".into()).unwrap();
        drop(store);

        let mut store = JobStore::open(folder.path(), "j").unwrap();
        assert_eq!(store.load().unwrap(), records());
        assert_eq!(store.upload_token(|| "t2".into()).unwrap(), token);
        store.append(&records()[3..]).unwrap();
        assert_eq!(store.load().unwrap().len(), 5);
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
        assert_eq!(store.load().unwrap(), []);
        store.append(&records()[..1]).unwrap();
        assert_eq!(store.load().unwrap(), records()[..1]);
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
    fn a_file_of_something_else_is_refused_with_a_remedy() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("j.redb"), "no database").unwrap();
        let error = JobStore::open(folder.path(), "j").unwrap_err();
        assert!(error.to_string().contains("--state-dir"), "{error}");
    }
}
