//! The entries of the list, kept on disk while the program runs: memory does not grow with the
//! list's text, and any entry is found by its index.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use batch::{Entry, Given};
use serde::{Deserialize, Serialize};

/// How many entries are read at once; only where every such block begins is kept in memory.
const BLOCK: u64 = 16;

/// Takes the entries of a list, in their order.
#[derive(Debug)]
pub struct Writer {
    file: BufWriter<File>,
    bytes: u64,
    begins: Vec<u64>,
    entries: u64,
}

/// The entries of a list. The file has no name and is gone with the program.
#[derive(Debug)]
pub struct Spool {
    file: File,
    /// Where every block begins, and where the last one ends.
    begins: Vec<u64>,
    entries: u64,
}

/// An entry as it is written; its index follows from its place.
#[derive(Serialize, Deserialize)]
struct Row<'a> {
    line: u64,
    url: &'a str,
    name: &'a str,
    fate: Fate<'a>,
}

#[derive(Serialize, Deserialize)]
enum Fate<'a> {
    Process,
    Duplicate(u64),
    Rejected(&'a str, &'a str),
}

impl Writer {
    /// An empty list in a file of `folder`.
    ///
    /// # Errors
    ///
    /// When the file cannot be made.
    pub fn new(folder: &Path) -> io::Result<Self> {
        let file = BufWriter::with_capacity(1 << 16, tempfile::tempfile_in(folder)?);
        Ok(Self { file, bytes: 0, begins: Vec::new(), entries: 0 })
    }

    /// Adds an entry, whose index is one more than that of the one before; the first has 1.
    ///
    /// # Errors
    ///
    /// When it cannot be written, or is not the next one.
    pub fn push(&mut self, entry: &Entry) -> io::Result<()> {
        if entry.index != self.entries + 1 {
            return Err(io::Error::other("the entries of the list are not in order"));
        }
        if self.entries.is_multiple_of(BLOCK) {
            self.begins.push(self.bytes);
        }
        let fate = match &entry.given {
            Given::Process => Fate::Process,
            Given::Duplicate { of } => Fate::Duplicate(*of),
            Given::Rejected { class, message } => Fate::Rejected(class.as_str(), message),
        };
        let row = Row { line: entry.line, url: &entry.url, name: &entry.name, fate };
        let bytes = postcard::to_allocvec(&row).map_err(io::Error::other)?;
        self.file.write_all(&bytes)?;
        self.bytes += bytes.len() as u64;
        self.entries += 1;
        Ok(())
    }

    /// The list, complete.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<Spool> {
        self.begins.push(self.bytes);
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(Spool { file, begins: self.begins, entries: self.entries })
    }
}

impl Spool {
    /// The entries of `entries`, in a file of `folder`.
    ///
    /// # Errors
    ///
    /// When the file cannot be written, or the entries are not numbered from 1.
    pub fn of(folder: &Path, entries: impl IntoIterator<Item = Entry>) -> io::Result<Self> {
        let mut writer = Writer::new(folder)?;
        for entry in entries {
            writer.push(&entry)?;
        }
        writer.finish()
    }

    /// The entry of that index.
    ///
    /// # Errors
    ///
    /// When there is none, or the file cannot be read.
    pub fn entry(&self, index: u64) -> io::Result<Entry> {
        let place = index.checked_sub(1).filter(|place| *place < self.entries);
        let missing = || io::Error::other(format!("the list has no image {index}"));
        let place = place.ok_or_else(missing)?;
        self.block(place / BLOCK)?
            .into_iter()
            .find(|entry| entry.index == index)
            .ok_or_else(missing)
    }

    /// All entries, in their order.
    pub fn entries(&self) -> impl Iterator<Item = io::Result<Entry>> {
        (0..self.entries.div_ceil(BLOCK)).flat_map(|number| match self.block(number) {
            Ok(entries) => entries.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        })
    }

    fn block(&self, number: u64) -> io::Result<Vec<Entry>> {
        let at = |number: u64| {
            let begin = usize::try_from(number).ok().and_then(|number| self.begins.get(number));
            begin.copied().ok_or_else(|| io::Error::other("the list has no such part"))
        };
        let (begin, end) = (at(number)?, at(number + 1)?);
        let mut bytes = vec![0; usize::try_from(end - begin).map_err(io::Error::other)?];
        self.file.read_exact_at(&mut bytes, begin)?;
        let mut rest = bytes.as_slice();
        let first = number * BLOCK + 1;
        let indexes = first..=self.entries.min(first + BLOCK - 1);
        indexes.map(|index| entry(index, &mut rest)).collect()
    }
}

/// Takes one entry off the beginning of `rest`.
fn entry(index: u64, rest: &mut &[u8]) -> io::Result<Entry> {
    let (row, left) = postcard::take_from_bytes::<Row<'_>>(rest).map_err(io::Error::other)?;
    *rest = left;
    let given = match row.fate {
        Fate::Process => Given::Process,
        Fate::Duplicate(of) => Given::Duplicate { of },
        Fate::Rejected(class, message) => Given::Rejected {
            class: class.parse().map_err(io::Error::other)?,
            message: message.to_owned(),
        },
    };
    Ok(Entry { index, line: row.line, url: row.url.to_owned(), name: row.name.to_owned(), given })
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Class;

    fn entry(index: u64) -> Entry {
        let message = format!("line {index} is no URL");
        Entry {
            index,
            line: index * 2,
            url: format!("http://h/{}", "x".repeat(index as usize)),
            name: format!("{index}-x"),
            given: match index % 5 {
                0 => Given::Duplicate { of: index - 1 },
                1 => Given::Rejected { class: Class::BadUrl, message },
                _ => Given::Process,
            },
        }
    }

    #[test]
    fn every_entry_is_found_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        for total in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 100] {
            let spool = Spool::of(folder.path(), (1..=total).map(entry)).unwrap();
            for index in 1..=total {
                assert_eq!(spool.entry(index).unwrap(), entry(index));
            }
            let all: Vec<Entry> = spool.entries().map(Result::unwrap).collect();
            assert_eq!(all, (1..=total).map(entry).collect::<Vec<_>>());
            assert!(spool.entry(0).is_err() && spool.entry(total + 1).is_err());
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the file has no name");
    }

    #[test]
    fn entries_out_of_order_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Spool::of(folder.path(), [entry(2)]).is_err());
    }
}
