//! Where the list comes from: a file that is read as a stream, standard input or a URL.
//!
//! A list is gone over several times; what comes only once is put into a temporary file
//! without a name first, so that memory does not grow with it.

use std::fmt;
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use bytesize::ByteSize;
use url::Url;

use crate::cli::Arguments;
use crate::failure::Failure;
use crate::list::format::{self, Shape};
use crate::list::items::Items;
use crate::list::{self, Reader, Survey, download};

/// A list that can be read several times.
#[derive(Debug)]
pub struct Source {
    place: Place,
    shape: Shape,
}

#[derive(Debug)]
enum Place {
    File(PathBuf),
    /// What came from elsewhere, and how people call that.
    Spool(File, String),
    Memory(Vec<u8>),
}

impl Source {
    /// The list that the flags name; `-` reads standard input to its end, a URL is fetched.
    ///
    /// # Errors
    ///
    /// When standard input cannot be read, or nothing comes from the URL.
    pub async fn open(arguments: &Arguments) -> Result<Self, Failure> {
        let name = arguments.list.as_path();
        let lists = &arguments.lists;
        let shape = Shape { format: lists.list_format, column: lists.url_column.clone() };
        let max_bytes = lists.max_list_size.as_u64();
        if let Some(url) = url(name) {
            let shown = public(&url);
            let fetched = download::fetch(&url, max_bytes).await;
            let file = fetched.map_err(|error| {
                Failure::List(format!("cannot fetch the list {shown} ({error}): check the URL"))
            })?;
            return Ok(Self { place: Place::Spool(file, shown), shape: shape.named(&stem(name)) });
        }
        let shape = shape.named(name);
        if name != Path::new("-") {
            return Ok(Self { place: named(name, max_bytes)?, shape });
        }
        let shown = "on standard input";
        let place = Place::Spool(spooled(io::stdin().lock(), max_bytes, shown)?, shown.into());
        Ok(Self { place, shape })
    }

    /// A list that is already here.
    #[must_use]
    pub fn in_memory(bytes: Vec<u8>) -> Self {
        Self { place: Place::Memory(bytes), shape: Shape::default() }
    }

    /// The entries from the beginning; `total` of them, with paths relative to `base`.
    ///
    /// # Errors
    ///
    /// When the list cannot be read.
    pub fn entries(&self, base: &Url, total: u64) -> io::Result<Reader<'_>> {
        Ok(Reader::new(self.items()?, base.clone(), total))
    }

    /// What is in it.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or names no image.
    pub fn survey(&self) -> Result<Survey, Failure> {
        let survey =
            self.items().and_then(list::survey).map_err(|error| self.unreadable(&error))?;
        if survey.entries == 0 {
            return Err(Failure::List(format!(
                "the list {self} names no image: write one URL or path a line"
            )));
        }
        Ok(survey)
    }

    fn items(&self) -> io::Result<Box<dyn Items + '_>> {
        #[cfg(feature = "parquet")]
        if let Some(file) = self.parquet()? {
            return list::parquet::items(file, self.shape.column.as_ref());
        }
        let bytes: Box<dyn Read + '_> = match &self.place {
            Place::File(path) => Box::new(File::open(path)?),
            Place::Spool(file, _) => Box::new(FromStart { file, at: 0 }),
            Place::Memory(bytes) => Box::new(Cursor::new(bytes.as_slice())),
        };
        format::items(bytes, &self.shape)
    }

    /// The file, if it is one of Parquet. What cannot be read by places is none.
    #[cfg(feature = "parquet")]
    fn parquet(&self) -> io::Result<Option<File>> {
        let file = match &self.place {
            Place::File(path) => File::open(path)?,
            Place::Spool(file, _) => file.try_clone()?,
            Place::Memory(_) => return Ok(None),
        };
        let mut head = [0; 4];
        let is_parquet = file.read_exact_at(&mut head, 0).is_ok() && head == *list::parquet::MAGIC;
        Ok(is_parquet.then_some(file))
    }

    /// The sentence for a list that cannot be read.
    #[must_use]
    pub fn unreadable(&self, error: &io::Error) -> Failure {
        let is_cut_off = matches!(
            error.kind(),
            // Only what unpacks a list says so.
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput
        );
        let remedy = if error.kind() == io::ErrorKind::InvalidData {
            "see --list-format and --url-column"
        } else if is_cut_off {
            "it is cut off, or not all of it is gzip: pack it anew"
        } else {
            "name a file with one URL or path a line, a URL of one, or - for standard input"
        };
        Failure::List(format!("cannot read the list {self} ({error}): {remedy}"))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::File(path) => path.display().fmt(f),
            Place::Spool(_, name) => f.write_str(name),
            Place::Memory(_) => f.write_str("in memory"),
        }
    }
}

/// The URL that a list has instead of a file.
#[must_use]
pub fn url(list: &Path) -> Option<Url> {
    let text = list.to_str()?;
    let (scheme, _) = text.split_once("://")?;
    let is_web = ["http", "https"].iter().any(|web| scheme.eq_ignore_ascii_case(web));
    if is_web { Url::parse(text).ok() } else { None }
}

/// A URL as anybody may see it: without password and query, which may be secret.
#[must_use]
pub fn public(url: &Url) -> String {
    let mut url = url.clone();
    // Only URLs without a host cannot have a password, and they have none to take away.
    let _ = url.set_password(None);
    let _ = url.set_username("");
    url.set_query(None);
    url.to_string()
}

/// The name of a list without folders, queries and what tells of compression: `birds.csv`.
#[must_use]
pub fn stem(list: &Path) -> PathBuf {
    let name = match url(list) {
        Some(url) => PathBuf::from(url.path().rsplit('/').next().unwrap_or_default()),
        None => PathBuf::from(list.file_name().unwrap_or_default()),
    };
    format::uncompressed(&name).to_owned()
}

/// A file as it is; what gives its bytes only once, such as a pipe with a name, is kept.
fn named(path: &Path, max_bytes: u64) -> Result<Place, Failure> {
    let is_pipe = std::fs::metadata(path).is_ok_and(|meta| !meta.is_file() && !meta.is_dir());
    if !is_pipe {
        return Ok(Place::File(path.to_owned()));
    }
    let shown = path.display().to_string();
    let pipe = File::open(path)
        .map_err(|error| Failure::List(format!("cannot read the list {shown}: {error}")))?;
    Ok(Place::Spool(spooled(pipe, max_bytes, &shown)?, shown))
}

fn spooled(from: impl Read, max_bytes: u64, shown: &str) -> Result<File, Failure> {
    let cannot =
        |error: &dyn fmt::Display| Failure::List(format!("cannot read the list {shown}: {error}"));
    let mut file = tempfile::tempfile().map_err(|error| cannot(&error))?;
    let copied = io::copy(&mut from.take(max_bytes.saturating_add(1)), &mut file);
    if copied.map_err(|error| cannot(&error))? > max_bytes {
        let limit = ByteSize::b(max_bytes);
        return Err(cannot(&format!("it is larger than {limit}; --max-list-size allows more")));
    }
    Ok(file)
}

/// Reads a file by places, so that several can read it at once.
struct FromStart<'f> {
    file: &'f File,
    at: u64,
}

impl Read for FromStart<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read_at(into, self.at)?;
        self.at += u64::try_from(length).unwrap_or_default();
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    async fn open(list: &Path) -> Source {
        let arguments = Arguments::try_parse_from([Path::new("scheduler"), list]).unwrap();
        Source::open(&arguments).await.unwrap()
    }

    #[tokio::test]
    async fn a_gzip_file_that_is_cut_off_is_to_be_packed_anew() {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        io::Write::write_all(&mut packer, b"http://h/a\nhttp://h/b\n").unwrap();
        let whole = packer.finish().unwrap();
        let cut = &whole[..whole.len() - 12];
        let with_more = [&whole[..], b"more than gzip"].concat();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.gz");
        for bytes in [cut, &with_more] {
            std::fs::write(&path, bytes).unwrap();
            let failure = open(&path).await.survey().unwrap_err();
            assert_eq!(failure.status(), 3);
            assert!(failure.to_string().contains("pack it anew"), "{failure}");
        }
    }

    #[tokio::test]
    async fn lists_that_cannot_be_used_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        for (path, says) in [
            (folder.path().join("missing"), "missing (No such file"),
            (folder.path().to_owned(), "cannot read the list"),
            (write("empty", "# nothing\n"), "names no image"),
            (write("table.csv", "id,photo\n1,http://h/a\n"), "--url-column"),
            (write("table.json", "7"), "--list-format"),
        ] {
            let failure = open(&path).await.survey().unwrap_err();
            assert_eq!(failure.status(), 3);
            assert!(failure.to_string().contains(says), "{failure}");
        }
    }

    #[tokio::test]
    async fn the_same_images_in_another_format_are_the_same_list() {
        let folder = tempfile::tempdir().unwrap();
        let mut digests = Vec::new();
        for (name, text) in [
            ("l.txt", "# two\nhttp://h/a\nb.png\n"),
            ("l.csv", "id,url\n1,http://h/a\n2,b.png\n"),
            ("l.json", "[\"http://h/a\", {\"url\": \"b.png\"}]"),
        ] {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            digests.push(open(&path).await.survey().unwrap());
        }
        assert!(digests.iter().all(|digest| *digest == digests[0]), "{digests:?}");
    }

    #[cfg(feature = "parquet")]
    #[tokio::test]
    async fn a_parquet_file_is_known_by_its_beginning_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = include_bytes!("../tests/data/birds.parquet");
        let base = Url::parse("http://h/").unwrap();
        for name in ["birds", "birds.parquet", "birds.csv"] {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            let source = open(&path).await;
            let survey = source.survey().unwrap();
            assert_eq!(survey.entries, 4, "{name}");
            assert_eq!(source.entries(&base, 4).unwrap().count(), 4);
        }
        let spool = spooled(&bytes[..], 1 << 20, "s").unwrap();
        let source = Source { place: Place::Spool(spool, "s".into()), shape: Shape::default() };
        for _ in 0..2 {
            assert_eq!(source.survey().unwrap().entries, 4);
        }
    }

    #[cfg(not(feature = "parquet"))]
    #[tokio::test]
    async fn a_parquet_file_is_refused_with_both_remedies() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("birds.parquet");
        std::fs::write(&path, include_bytes!("../tests/data/birds.parquet")).unwrap();
        let failure = open(&path).await.survey().unwrap_err();
        assert_eq!(failure.status(), 3);
        let text = failure.to_string();
        assert!(text.contains("--features parquet") && text.contains("duckdb"), "{text}");
    }

    #[test]
    fn what_comes_once_can_be_read_again() {
        let file = spooled(&b"http://h/a\nhttp://h/b\n"[..], 100, "s").unwrap();
        let source = Source { place: Place::Spool(file, "s".into()), shape: Shape::default() };
        let base = Url::parse("http://h/").unwrap();
        for _ in 0..2 {
            let total = source.survey().unwrap().entries;
            assert_eq!(source.entries(&base, total).unwrap().count(), 2);
        }
        let failure = spooled(&b"abc"[..], 2, "s").unwrap_err();
        assert!(failure.to_string().contains("--max-list-size"), "{failure}");
    }

    #[tokio::test]
    async fn a_pipe_with_a_name_is_read_once_and_kept() {
        let (reader, mut writer) = io::pipe().unwrap();
        io::Write::write_all(&mut writer, b"http://h/a\nhttp://h/b\n").unwrap();
        drop(writer);
        let descriptor = std::os::fd::AsRawFd::as_raw_fd(&reader);
        let source = open(Path::new(&format!("/dev/fd/{descriptor}"))).await;
        for _ in 0..2 {
            assert_eq!(source.survey().unwrap().entries, 2);
        }
    }

    #[test]
    fn urls_are_told_from_files_and_shown_without_secrets() {
        assert_eq!(url(Path::new("a/b.txt")), None);
        assert_eq!(url(Path::new("file:///etc/passwd")), None);
        let list = Path::new("https://u:s3cret@h/x/birds.csv.gz?token=s3cret");
        assert_eq!(public(&url(list).unwrap()), "https://h/x/birds.csv.gz");
        assert_eq!(stem(list), Path::new("birds.csv"));
        assert_eq!(stem(Path::new("a/birds.csv")), Path::new("birds.csv"));
        assert_eq!(stem(Path::new("-")), Path::new("-"));
    }
}
