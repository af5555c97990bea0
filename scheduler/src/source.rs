//! Where the list comes from: a file that is read as a stream, or standard input.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::list::{self, Survey};

/// The most that is read from standard input, in bytes: it has to be kept in memory, as it
/// is gone over more than once.
const MAX_STDIN_BYTES: u64 = 1 << 30;

/// A list that can be read several times.
#[derive(Debug, Clone)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// What came from standard input.
    Memory(Vec<u8>),
}

impl Source {
    /// The list at `path`; `-` reads standard input to its end.
    ///
    /// # Errors
    ///
    /// When standard input cannot be read.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        if path != Path::new("-") {
            return Ok(Self::File(path.to_owned()));
        }
        let mut bytes = Vec::new();
        let read = io::stdin().lock().take(MAX_STDIN_BYTES).read_to_end(&mut bytes);
        read.map_err(|error| {
            Failure::List(format!("cannot read the list from standard input: {error}"))
        })?;
        Ok(Self::Memory(bytes))
    }

    /// The list from its beginning.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened.
    pub fn reader(&self) -> io::Result<Box<dyn BufRead + '_>> {
        Ok(match self {
            Self::File(path) => Box::new(BufReader::with_capacity(1 << 16, File::open(path)?)),
            Self::Memory(bytes) => Box::new(Cursor::new(bytes.as_slice())),
        })
    }

    /// What is in it.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or names no image.
    pub fn survey(&self) -> Result<Survey, Failure> {
        let survey =
            self.reader().and_then(list::survey).map_err(|error| self.unreadable(&error))?;
        if survey.entries == 0 {
            return Err(Failure::List(format!(
                "the list {self} names no image: write one URL or path a line"
            )));
        }
        Ok(survey)
    }

    /// The sentence for a list that cannot be read.
    #[must_use]
    pub fn unreadable(&self, error: &io::Error) -> Failure {
        Failure::List(format!(
            "cannot read the list {self} ({error}): name a file with one URL or path a line, or - \
             for standard input"
        ))
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Memory(_) => f.write_str("on standard input"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_that_cannot_be_used_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty");
        std::fs::write(&empty, "# nothing\n").unwrap();
        for (path, says) in [
            (folder.path().join("missing"), "missing (No such file"),
            (folder.path().to_owned(), "cannot read the list"),
            (empty, "names no image"),
        ] {
            let failure = Source::open(&path).unwrap().survey().unwrap_err();
            assert_eq!(failure.status(), 3);
            assert!(failure.to_string().contains(says), "{failure}");
        }
    }
}
