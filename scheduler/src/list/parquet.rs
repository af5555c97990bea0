//! Lists in Parquet: one column is read, a portion of rows at a time.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::Type;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, FileReader, Length, SerializedFileReader};

use super::columns::{self, Column};
use super::items::{Item, Items, Skipped};

/// How such a file begins.
pub(crate) const MAGIC: &[u8; 4] = b"PAR1";

/// How many rows are taken at once.
const PORTION: usize = 1_024;

/// The images of a file, of whose columns the flag may name one.
///
/// # Errors
///
/// When it is damaged, or has no such column of texts.
pub(crate) fn items(file: File, wanted: Option<&Column>) -> io::Result<Box<dyn Items>> {
    let reader = guarded(|| SerializedFileReader::new(Chunks(Arc::new(file))))?;
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    let names: Vec<_> = schema.columns().iter().map(|column| column.path().string()).collect();
    let place = columns::place(&names, wanted);
    let place = place.map_err(|message| invalid(message.replace("the first row", "the file")))?;
    let column = schema.column(place.column);
    let name = column.path().string();
    if column.physical_type() != Type::BYTE_ARRAY || column.max_rep_level() > 0 {
        return Err(invalid(format!(
            "its column {name} has no texts, or several in a row: name another with --url-column"
        )));
    }
    Ok(Box::new(Rows {
        groups: 0..reader.num_row_groups(),
        reader,
        column: place.column,
        name,
        full: column.max_def_level(),
        values: None,
        portion: VecDeque::new(),
        row: 0,
    }))
}

/// The values of one column.
struct Rows {
    reader: SerializedFileReader<Chunks>,
    column: usize,
    name: String,
    /// The level of a row that has a value.
    full: i16,
    /// The row groups that are left.
    groups: std::ops::Range<usize>,
    values: Option<ColumnReaderImpl<ByteArrayType>>,
    portion: VecDeque<Option<ByteArray>>,
    row: u64,
}

impl Rows {
    /// Takes the next rows. False if there are none.
    fn take_portion(&mut self) -> Result<bool, ParquetError> {
        loop {
            let Some(values) = &mut self.values else {
                let Some(group) = self.groups.next() else { return Ok(false) };
                let column = self.reader.get_row_group(group)?.get_column_reader(self.column)?;
                let ColumnReader::ByteArrayColumnReader(values) = column else {
                    return Err(ParquetError::General("a column changes its type".into()));
                };
                self.values = Some(values);
                continue;
            };
            let (mut levels, mut texts) = (Vec::new(), Vec::new());
            let (rows, _, _) = values.read_records(PORTION, Some(&mut levels), None, &mut texts)?;
            if rows == 0 {
                self.values = None;
                continue;
            }
            let mut texts = texts.into_iter();
            // Levels stand for every row, values only for those that have one.
            let is_full = |row| self.full == 0 || levels.get(row) == Some(&self.full);
            let value = |row| if is_full(row) { texts.next() } else { None };
            self.portion = (0..rows).map(value).collect();
            return Ok(true);
        }
    }
}

impl Items for Rows {
    fn next_item(&mut self) -> io::Result<Option<Item>> {
        if self.portion.is_empty() && !guarded(|| self.take_portion())? {
            return Ok(None);
        }
        self.row += 1;
        let row = self.row;
        let value = self.portion.pop_front().flatten();
        Ok(Some(match value {
            Some(text) => Item::of(row, text.data()),
            None => Item::wrong(row, b"", format!("line {row} has no value in {}", self.name)),
        }))
    }

    fn skipped(&self) -> Skipped {
        Skipped::default()
    }
}

/// Some damage makes the reader of the format panic; it is of no use afterwards.
fn guarded<T>(read: impl FnOnce() -> Result<T, ParquetError>) -> io::Result<T> {
    match panic::catch_unwind(AssertUnwindSafe(read)) {
        Ok(result) => result.map_err(unreadable),
        Err(_) => Err(invalid("it is damaged")),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed on by map_err")]
fn unreadable(error: ParquetError) -> io::Error {
    let error = error.to_string();
    if error.contains("Disabled feature") {
        invalid(
            "it is compressed in a way that is not built in: write it with snappy, zstd or gzip",
        )
    } else {
        invalid(format!("it is no Parquet file, or damaged: {error}"))
    }
}

fn invalid(message: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message.into())
}

/// A file that is read by places, so that several can read it at once.
struct Chunks(Arc<File>);

/// A stream from a place on.
struct From {
    file: Arc<File>,
    at: u64,
}

impl Read for From {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read_at(into, self.at)?;
        self.at += u64::try_from(length).unwrap_or_default();
        Ok(length)
    }
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.0.metadata().map_or(0, |meta| meta.len())
    }
}

impl ChunkReader for Chunks {
    type T = BufReader<From>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(BufReader::new(From { file: Arc::clone(&self.0), at: start }))
    }

    /// Nothing is allocated for what the file only claims to have.
    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let end = u64::try_from(length).ok().and_then(|length| start.checked_add(length));
        if end.is_none_or(|end| end > self.len()) {
            return Err(ParquetError::EOF("it is cut off".into()));
        }
        let mut bytes = vec![0; length];
        self.0.read_exact_at(&mut bytes, start)?;
        Ok(bytes.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Write;

    use parquet::basic::{Compression, GzipLevel, ZstdLevel};
    use parquet::data_type::Int32Type;
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    const SCHEMA: &str = "message list { required int32 id; optional binary photo (UTF8); }";

    /// A file with a row group for each part; `-` is no value.
    fn written(parts: &[&[&str]], compression: Compression) -> Vec<u8> {
        let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
        let properties = WriterProperties::builder().set_compression(compression).build();
        let mut bytes = Vec::new();
        let mut writer =
            SerializedFileWriter::new(&mut bytes, schema, Arc::new(properties)).unwrap();
        for part in parts {
            let mut group = writer.next_row_group().unwrap();
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<Int32Type>().write_batch(&vec![7; part.len()], None, None).unwrap();
            column.close().unwrap();
            let mut column = group.next_column().unwrap().unwrap();
            let values: Vec<ByteArray> =
                part.iter().filter(|text| **text != "-").map(|text| (*text).into()).collect();
            let levels: Vec<i16> = part.iter().map(|text| i16::from(*text != "-")).collect();
            column.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None).unwrap();
            column.close().unwrap();
            group.close().unwrap();
        }
        writer.close().unwrap();
        bytes
    }

    fn read(bytes: &[u8], column: Option<&str>) -> io::Result<Vec<(u64, String)>> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        let column = column.map(|text| text.parse().unwrap());
        let mut items = items(file, column.as_ref())?;
        let items = std::iter::from_fn(|| items.next_item().transpose());
        items
            .map(|item| item.map(|item| (item.line, item.wrong.clone().unwrap_or(item.shown()))))
            .collect()
    }

    fn texts(rows: &[&str]) -> Vec<(u64, String)> {
        (1..).zip(rows.iter().map(|text| (*text).to_owned())).collect()
    }

    #[test]
    fn rows_come_in_their_order_from_every_group_however_they_are_compressed() {
        let parts = [&["a.jpg", "-", "b.jpg"][..], &[], &["a.jpg"]];
        for compression in [
            Compression::UNCOMPRESSED,
            Compression::SNAPPY,
            Compression::GZIP(GzipLevel::default()),
            Compression::ZSTD(ZstdLevel::default()),
        ] {
            let rows = read(&written(&parts, compression), Some("photo")).unwrap();
            let expected = texts(&["a.jpg", "line 2 has no value in photo", "b.jpg", "a.jpg"]);
            assert_eq!(rows, expected, "{compression:?}");
        }
    }

    #[test]
    fn a_long_column_is_read_in_portions() {
        let names: Vec<_> = (0..3 * PORTION + 5).map(|n| format!("{n}.jpg")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        assert_eq!(
            read(&written(&[&names], Compression::SNAPPY), Some("2")).unwrap(),
            texts(&names)
        );
    }

    #[test]
    fn columns_without_texts_are_refused_and_named() {
        let file = written(&[&["a.jpg"]], Compression::UNCOMPRESSED);
        for (column, says) in [
            (Some("id"), "its column id has no texts"),
            (Some("url"), "the file has no column url; it has \"id\", \"photo\""),
            (None, "--url-column"),
        ] {
            let error = read(&file, column).unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
        }
    }

    /// Written by pyarrow 26: zstd, a dictionary, two row groups, a missing value.
    #[test]
    fn what_other_programs_write_is_read() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data");
        let file = fs::read(format!("{folder}/birds.parquet")).unwrap();
        let expected =
            ["http://h/a.jpg", "line 2 has no value in url", "samples/b.png", "http://h/a.jpg"];
        assert_eq!(read(&file, None).unwrap(), texts(&expected));
    }

    #[test]
    fn damage_is_an_error_wherever_it_is() {
        let file = written(&[&["a.jpg", "b.jpg"], &["c.jpg"]], Compression::SNAPPY);
        for length in 0..file.len() {
            assert!(read(&file[..length], Some("photo")).is_err(), "cut at {length}");
        }
        for place in 0..file.len() {
            let mut file = file.clone();
            file[place] ^= 0xff;
            // Some damage cannot be seen; none is the end of the program.
            let _ = read(&file, Some("photo"));
        }
    }
}
