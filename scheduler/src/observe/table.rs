//! The manifest as a table: `manifest.csv`, with the fields of `manifest.jsonl` as columns.

use std::fs::{File, Permissions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use tempfile::NamedTempFile;

use super::manifest;

/// The file's name in the output folder.
pub const FILE: &str = "manifest.csv";

/// The columns, in their order.
const COLUMNS: &[&str] = &[
    "index",
    "line",
    "url",
    "final_url",
    "outcome",
    "class",
    "message",
    "output",
    "sha256",
    "attempts",
    "agent",
    "task",
    "duplicate_of",
    "http_status",
    "bytes_in",
    "bytes_out",
    "format",
    "width",
    "height",
    "frames",
    "path",
    "notes",
    "queue_ms",
    "download_ms",
    "dns_ms",
    "connect_ms",
    "first_byte_ms",
    "process_ms",
    "decode_ms",
    "operate_ms",
    "encode_ms",
    "upload_ms",
];

/// Writes the table of the manifest in a folder beside it.
///
/// # Errors
///
/// When there is no manifest, or the table cannot be written; an earlier one is left as it was.
pub fn write(folder: &Path) -> io::Result<PathBuf> {
    let manifest = BufReader::new(File::open(folder.join(manifest::FILE))?);
    let mut file = NamedTempFile::new_in(folder)?;
    let mut writer = BufWriter::new(file.as_file_mut());
    writeln!(writer, "{}", COLUMNS.join(","))?;
    for line in manifest.lines() {
        write_row(&mut writer, &serde_json::from_str(&line?)?)?;
    }
    writer.flush()?;
    drop(writer);
    file.as_file().set_permissions(Permissions::from_mode(0o644))?;
    let path = folder.join(FILE);
    file.persist(&path).map_err(|error| error.error)?;
    Ok(path)
}

fn write_row(to: &mut impl Write, fields: &Map<String, Value>) -> io::Result<()> {
    for (place, column) in COLUMNS.iter().enumerate() {
        if place > 0 {
            to.write_all(b",")?;
        }
        to.write_all(quoted(fields.get(*column).map(text).unwrap_or_default()).as_bytes())?;
    }
    to.write_all(b"\n")
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join("; "),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

/// As RFC 4180 has it.
fn quoted(text: String) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::manifest::Line;
    use std::collections::BTreeSet;
    use std::fs;

    #[test]
    fn every_field_of_a_line_has_its_column() {
        let Value::Object(fields) = serde_json::to_value(Line::default()).unwrap() else {
            panic!()
        };
        let fields: BTreeSet<_> = fields.keys().map(String::as_str).collect();
        let columns: BTreeSet<_> = COLUMNS.iter().copied().chain(["schema"]).collect();
        assert_eq!(fields, columns);
    }

    #[test]
    fn values_are_quoted_where_they_have_to_be() {
        let folder = tempfile::tempdir().unwrap();
        let line = r#"{"index":7,"url":"http://h/a,\"b\"","notes":["no profile","grew"],"http_status":null}"#;
        fs::write(folder.path().join(manifest::FILE), format!("{line}\n{line}\n")).unwrap();
        let text = fs::read_to_string(write(folder.path()).unwrap()).unwrap();
        let rows: Vec<_> = text.lines().collect();
        assert!(rows[0].starts_with("index,line,url,"), "{text}");
        assert!(rows[1].starts_with("7,,\"http://h/a,\"\"b\"\"\",,"), "{text}");
        assert!(rows[1].contains(",no profile; grew,"), "{text}");
        assert_eq!(rows.len(), 3);
    }

    #[test]
    fn a_table_without_a_manifest_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        assert!(write(folder.path()).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
