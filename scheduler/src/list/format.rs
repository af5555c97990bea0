//! Which format a list has: by its flag, else by its name, else by how it begins.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;

use clap::ValueEnum;
use flate2::bufread::MultiGzDecoder;

use super::columns::Column;
use super::csv::Table;
use super::items::Items;
use super::json::{Array, JsonLines};
use super::text::Text;

/// How much of a list is looked at to know its format, in bytes.
const HEAD_BYTES: usize = 1024;

/// The memory between a file and its lines, in bytes.
const BUFFER_BYTES: usize = 1 << 16;

/// A format of lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// By the name of the list, else by how it begins
    #[default]
    Auto,
    /// One URL or path a line
    Text,
    /// Columns with commas or semicolons
    Csv,
    /// Columns with tabs
    Tsv,
    /// An array of texts or objects
    Json,
    /// A text or an object a line
    Jsonl,
    /// Columns, in a program built with the feature `parquet`
    Parquet,
}

/// What is known of a list before it is read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shape {
    /// The format.
    pub format: Format,
    /// Where the URLs are, if there are columns or keys.
    pub column: Option<Column>,
}

impl Shape {
    /// The shape of a list of that name, as far as the name tells more.
    #[must_use]
    pub fn named(mut self, name: &Path) -> Self {
        if self.format == Format::Auto {
            self.format = by_name(name).unwrap_or_default();
        }
        self
    }
}

/// The name without what tells of compression.
#[must_use]
pub fn uncompressed(name: &Path) -> &Path {
    let is_gz = |extension: &OsStr| extension.eq_ignore_ascii_case("gz");
    match (name.extension().is_some_and(is_gz), name.file_stem()) {
        (true, Some(stem)) => Path::new(stem),
        (true, None) | (false, _) => name,
    }
}

fn by_name(name: &Path) -> Option<Format> {
    let extension = uncompressed(name).extension()?.to_str()?.to_ascii_lowercase();
    match extension.as_str() {
        "txt" | "text" | "lst" => Some(Format::Text),
        "csv" => Some(Format::Csv),
        "tsv" | "tab" => Some(Format::Tsv),
        "json" => Some(Format::Json),
        "jsonl" | "ndjson" => Some(Format::Jsonl),
        "parquet" => Some(Format::Parquet),
        _ => None,
    }
}

/// Takes a list apart, decompressing it if need be.
///
/// # Errors
///
/// When it cannot be read, or is in a format that is not covered.
pub(crate) fn items<'r>(from: impl Read + 'r, shape: &Shape) -> io::Result<Box<dyn Items + 'r>> {
    let (head, from) = peek(from)?;
    if head.starts_with(b"\x1f\x8b") {
        let (head, from) = peek(MultiGzDecoder::new(from))?;
        return take_apart(&head, from, shape);
    }
    take_apart(&head, from, shape)
}

fn take_apart<'r>(
    head: &[u8],
    from: impl BufRead + 'r,
    shape: &Shape,
) -> io::Result<Box<dyn Items + 'r>> {
    if let Some(message) = not_covered(head, cfg!(feature = "parquet")) {
        return Err(invalid(message));
    }
    let column = shape.column.clone();
    let format = known(shape.format, head);
    if format == Format::Text && column.is_some() {
        return Err(invalid(
            "it looks like plain text, which has no columns; say what it is with --list-format",
        ));
    }
    Ok(match format {
        Format::Auto | Format::Text => Box::new(Text::new(from)),
        Format::Csv => Box::new(Table::new(from, None, column)),
        Format::Tsv => Box::new(Table::new(from, Some(b'\t'), column)),
        Format::Json => Box::new(Array::new(from, column)),
        Format::Jsonl => Box::new(JsonLines::new(from, column)),
        Format::Parquet => return Err(invalid("it is no Parquet file")),
    })
}

/// Many files called `.json` hold a value a line.
fn known(format: Format, head: &[u8]) -> Format {
    let begins = head.strip_prefix(super::MARK).unwrap_or(head).trim_ascii_start().first();
    match (format, begins) {
        (Format::Auto, Some(b'[')) => Format::Json,
        (Format::Auto | Format::Json, Some(b'{' | b'"')) => Format::Jsonl,
        (Format::Auto, _) => Format::Text,
        (known, _) => known,
    }
}

const PICTURE: &str = "it is a picture itself: write its URL, or its path below the file server, on \
                       a line of a list";
const PAGE: &str = "it is a page of HTML: give a list of the URLs on it";

fn not_covered(head: &[u8], has_parquet: bool) -> Option<&'static str> {
    let kinds: [(&[u8], &str); 11] = [
        (
            b"PAR1",
            if has_parquet {
                "it is a Parquet file within gzip: unpack it by `gzip -d` first"
            } else {
                "it is a Parquet file, and this program was built without them: build it with \
                 `cargo build --release -p scheduler --features parquet`, or save the column as \
                 CSV, for example by `duckdb -c \"COPY (SELECT url FROM 'LIST') TO 'list.csv'\"`"
            },
        ),
        (b"\x28\xb5\x2f\xfd", "it is compressed by zstd: give it as `zstd -dc LIST | scheduler -`"),
        (b"BZh", "it is compressed by bzip2: give it as `bzip2 -dc LIST | scheduler -`"),
        (b"\xfd7zXZ", "it is compressed by xz: give it as `xz -dc LIST | scheduler -`"),
        (b"\xff\xd8\xff", PICTURE),
        (b"\x89PNG", PICTURE),
        (b"GIF8", PICTURE),
        (b"RIFF", PICTURE),
        (b"PK\x03\x04", "it is a ZIP file or a spreadsheet: save it as CSV"),
        (b"\xff\xfe", "it is UTF-16: save it as UTF-8"),
        (b"\xfe\xff", "it is UTF-16: save it as UTF-8"),
    ];
    let known = kinds.into_iter().find(|(magic, _)| head.starts_with(magic));
    known.map(|(_, message)| message).or_else(|| is_page(head).then_some(PAGE))
}

/// What servers answer in place of a list: a login, or an error.
fn is_page(head: &[u8]) -> bool {
    let begins = |word: &[u8]| {
        let head = head.trim_ascii_start();
        head.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))
    };
    begins(b"<!doctype html") || begins(b"<html")
}

fn invalid(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// How a stream begins, and the stream from its beginning.
fn peek<'r>(from: impl Read + 'r) -> io::Result<(Vec<u8>, impl BufRead + 'r)> {
    let mut from = BufReader::with_capacity(BUFFER_BYTES, from);
    let mut head = Vec::new();
    from.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    Ok((head.clone(), Cursor::new(head).chain(from)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn gzipped(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn read(name: &str, list: &[u8], column: Option<&str>) -> io::Result<Vec<String>> {
        let column = column.map(|text| text.parse().unwrap());
        let shape = Shape { column, ..Shape::default() }.named(Path::new(name));
        let mut items = items(list, &shape)?;
        let items = std::iter::from_fn(|| items.next_item().transpose());
        items.map(|item| item.map(|item| item.shown())).collect()
    }

    #[test]
    fn every_format_is_known_by_its_name_or_its_beginning_and_compressed() {
        for (name, list) in [
            ("l.txt", "a.jpg\nb.jpg"),
            ("images", "a.jpg\nb.jpg"),
            ("l.csv", "id,url\n1,a.jpg\n2,b.jpg\n"),
            ("L.TSV", "id\turl\n1\ta.jpg\n2\tb.jpg\n"),
            ("l.json", "[\"a.jpg\", {\"url\": \"b.jpg\"}]"),
            ("-", "\u{feff} [\"a.jpg\", {\"url\": \"b.jpg\"}]"),
            ("l.json", "{\"url\": \"a.jpg\"}\n\"b.jpg\""),
            ("-", "{\"url\": \"a.jpg\"}\n\"b.jpg\""),
            ("l.ndjson", "\"a.jpg\"\n\"b.jpg\""),
        ] {
            assert_eq!(read(name, list.as_bytes(), None).unwrap(), ["a.jpg", "b.jpg"], "{name}");
            let packed = gzipped(list.as_bytes());
            for name in [name.to_owned(), format!("{name}.gz")] {
                assert_eq!(read(&name, &packed, None).unwrap(), ["a.jpg", "b.jpg"], "{name}");
            }
        }
    }

    #[test]
    fn parts_compressed_one_by_one_are_one_list() {
        let list = [gzipped(b"a.jpg\n"), gzipped(b"b.jpg\n")].concat();
        assert_eq!(read("l.gz", &list, None).unwrap(), ["a.jpg", "b.jpg"]);
    }

    #[test]
    fn what_cannot_be_read_is_an_error_and_not_a_short_list() {
        let mut cut = gzipped("http://h/a.jpg\n".repeat(50).as_bytes());
        cut.truncate(cut.len() - 9);
        assert!(read("l.gz", &cut, None).is_err());
        for (list, says) in [
            (&b"PAR1"[..], "Parquet"),
            (b"\x28\xb5\x2f\xfd", "zstd -dc"),
            (b"PK\x03\x04", "CSV"),
            (b"\xff\xd8\xff\xe0", "picture itself"),
            (b"\n<!DOCTYPE html>", "page of HTML"),
            (b"\xff\xfeh\0", "UTF-8"),
        ] {
            let error = read("images", list, None).unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
        }
    }

    #[test]
    fn without_parquet_both_ways_out_are_named() {
        let said = |has_parquet| not_covered(b"PAR1", has_parquet).unwrap_or_default();
        assert!(said(false).contains("--features parquet") && said(false).contains("duckdb"));
        assert!(said(true).contains("gzip -d"));
        assert_eq!(not_covered(b"PAR", false), None);
    }

    #[test]
    fn a_column_of_plain_text_is_questioned() {
        let error = read("images", b"a.jpg", Some("url")).unwrap_err();
        assert!(error.to_string().contains("--list-format"), "{error}");
    }
}
