//! What is remembered of a job, and where: one redb file a job.

mod error;
mod opening;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};

use batch::outcome::{Ended, Tried, Tries};
use batch::{Attempt, Record, Store};
use redb::{Database, ReadOnlyTable, ReadableDatabase, StorageError, TableDefinition};

pub use error::StoreError;
use error::file;

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

impl JobStore {
    /// Opens or makes the file of a job in an existing folder. Only one program at a time has it.
    ///
    /// # Errors
    ///
    /// When another program has it, or it cannot be used.
    pub fn open(folder: &Path, job: &str) -> Result<Self, StoreError> {
        let path = Self::path_of(folder, job);
        let database = opening::database(&path)?;
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
