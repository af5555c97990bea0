//! What the list says: images with a number, a URL and a name.
//!
//! | question | module |
//! |---|---|
//! | which formats are there, and which one is this | [`mod@format`] |
//! | what does every format come down to | [`items`] |
//! | one image a line | `text` |
//! | columns, rows, quotes | `csv`, [`columns`] |
//! | JSON, whole or by lines | `json` |
//! | Parquet, if it is built in | `parquet` |
//! | how is a list fetched by its URL | [`download`] |
//! | what is a URL here | `address` |
//! | what was odd about it | [`findings`] |
//!
//! Lists are read as a stream, one entry after the other, and no entry is lost: what is no
//! URL becomes an entry that is rejected.

mod address;
pub mod columns;
mod csv;
pub mod download;
pub mod findings;
pub mod format;
pub mod items;
mod json;
mod lines;
#[cfg(feature = "parquet")]
pub(crate) mod parquet;
mod quotes;
mod text;

use std::collections::HashMap;
use std::fmt;
use std::io;

use batch::{Entry, Given};
use protocol::{Class, names};
use sha2::{Digest, Sha256};
use url::Url;

use findings::Findings;
use items::{Item, Items};

/// The mark that some programs put at the beginning of UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// What one pass over the list shows, before anything is done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Survey {
    /// The number of entries.
    pub entries: u64,
    /// SHA-256 of what counts: the text of each entry and a line end, so that it is the same
    /// for the same URLs in another format, with other comments or compressed.
    pub digest: [u8; 32],
}

/// Counts the entries of a list and takes its digest.
///
/// # Errors
///
/// When the list cannot be read.
pub(crate) fn survey(mut items: Box<dyn Items + '_>) -> io::Result<Survey> {
    let mut hasher = Sha256::new();
    let mut entries = 0;
    while let Some(item) = items.next_item()? {
        if item.text.is_empty() || item.text.contains(&b'\n') {
            // Only in formats with quotes. Told apart from lines, none of which is empty.
            hasher.update(b"\n");
            hasher.update(item.text.len().to_be_bytes());
        }
        hasher.update(&item.text);
        hasher.update(b"\n");
        entries += 1;
    }
    Ok(Survey { entries, digest: hasher.finalize().into() })
}

/// Reads a list as entries, portion by portion.
pub struct Reader<'s> {
    items: Box<dyn Items + 's>,
    base: Url,
    total: u64,
    index: u64,
    seen: HashMap<[u8; 16], u64>,
    findings: Findings,
}

impl<'s> Reader<'s> {
    /// A reader of a list with `total` entries; paths are relative to `base`.
    pub(crate) fn new(items: Box<dyn Items + 's>, base: Url, total: u64) -> Self {
        let (seen, findings) = (HashMap::new(), Findings::default());
        Self { items, base, total, index: 0, seen, findings }
    }

    /// At most so many further entries; none at the end of the list.
    ///
    /// # Errors
    ///
    /// When the list cannot be read.
    pub fn portion(&mut self, at_most: usize) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        while entries.len() < at_most
            && let Some(item) = self.items.next_item()?
        {
            entries.push(self.entry(&item));
        }
        Ok(entries)
    }

    /// What was odd in the list so far.
    #[must_use]
    pub fn findings(&self) -> Findings {
        Findings { entries: self.index, skipped: self.items.skipped(), ..self.findings.clone() }
    }

    fn entry(&mut self, item: &Item) -> Entry {
        self.index += 1;
        let index = self.index;
        let (url, source, given) = match address::parse(item, &self.base) {
            Ok(url) => {
                let given = self.given(&url, item.line);
                (url.to_string(), address::last_segment(&url), given)
            }
            Err(message) => {
                self.findings.bad.add(item.line, || message.clone());
                let given = Given::Rejected { class: Class::BadUrl, message };
                (item.shown(), String::new(), given)
            }
        };
        let name = names::output_stem(index, self.total, &source);
        Entry { index, line: item.line, url, name, given }
    }

    /// A URL is remembered by half a SHA-256: memory does not grow with its length.
    fn given(&mut self, url: &Url, line: u64) -> Given {
        let digest = Sha256::digest(url.as_str().as_bytes());
        let mut key = [0; 16];
        key.iter_mut().zip(digest.iter()).for_each(|(to, from)| *to = *from);
        match self.seen.get(&key) {
            Some(of) => {
                self.findings.duplicates.add(line, || format!("line {line} repeats image {of}"));
                Given::Duplicate { of: *of }
            }
            None => {
                self.seen.insert(key, self.index);
                Given::Process
            }
        }
    }
}

impl fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("index", &self.index).finish_non_exhaustive()
    }
}

impl Iterator for Reader<'_> {
    type Item = io::Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        self.portion(1).map(|mut portion| portion.pop()).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    use super::address::MAX_URL_BYTES;
    use super::text::Text;

    fn survey_text(list: &[u8]) -> Survey {
        survey(Box::new(Text::new(list))).unwrap()
    }

    fn read(list: &[u8]) -> Vec<Entry> {
        let base = Url::parse("http://127.0.0.1:12345/").unwrap();
        let total = survey_text(list).entries;
        let mut reader = Reader::new(Box::new(Text::new(list)), base, total);
        let mut entries = Vec::new();
        loop {
            let portion = reader.portion(2).unwrap();
            if portion.is_empty() {
                return entries;
            }
            entries.extend(portion);
        }
    }

    fn is_rejected(entry: &Entry) -> bool {
        matches!(entry.given, Given::Rejected { class: Class::BadUrl, .. })
    }

    #[test]
    fn comments_blank_lines_marks_and_line_ends_do_not_matter() {
        let list = b"\xef\xbb\xbf# first\r\n\r\n  http://h/a.jpg \r\n#x\n\nhttp://h/b.jpg";
        let entries = read(list);
        let places: Vec<_> = entries.iter().map(|e| (e.index, e.line, e.url.as_str())).collect();
        assert_eq!(places, [(1, 3, "http://h/a.jpg"), (2, 6, "http://h/b.jpg")]);
        assert_eq!(survey_text(&list[..]).digest, {
            survey_text(b"http://h/a.jpg\nhttp://h/b.jpg\n").digest
        });
    }

    #[test]
    fn paths_are_relative_to_the_file_server() {
        let urls: Vec<_> = read(b"samples/a.jpg\n/samples/b.jpg\n../../c.jpg")
            .into_iter()
            .map(|e| e.url)
            .collect();
        assert_eq!(
            urls,
            ["samples/a.jpg", "samples/b.jpg", "c.jpg"]
                .map(|path| format!("http://127.0.0.1:12345/{path}"))
        );
    }

    #[test]
    fn lines_that_are_no_urls_fail_alone() {
        let long = format!("http://h/{}", "x".repeat(MAX_URL_BYTES));
        for bad in [
            "http://",
            "http://[::1/x",
            "http://h:99999/x",
            "ftp://h/x.jpg",
            "file:///etc/passwd",
            "C:\\x.jpg",
            "//h/x.jpg",
            "::::not a url::::",
            "a picture.jpg",
            "a\0b",
            &long,
        ] {
            let list = format!("{bad}\nhttp://h/good.jpg\n");
            let entries = read(list.as_bytes());
            assert!(is_rejected(&entries[0]), "{bad:?}: {:?}", entries[0]);
            assert!(entries[0].url.len() <= 200);
            assert_eq!(entries[1].given, Given::Process, "{bad:?}");
            assert_eq!(entries[1].line, 2);
        }
        assert!(is_rejected(&read(b"http://h/\xff")[0]));
    }

    #[test]
    fn the_same_url_is_processed_once_however_it_is_written() {
        let entries = read(b"http://H:80/a/../x.jpg#top\nhttp://h/y.jpg\nHTTP://h/x.jpg\n");
        assert_eq!(entries[2].given, Given::Duplicate { of: 1 });
        assert_eq!(entries[1].given, Given::Process);
        assert_ne!(entries[0].name, entries[2].name);
    }

    #[test]
    fn results_are_named_by_number_and_last_segment() {
        let list = "http://h/a%20b.jpg?w=1\nhttp://h/..%2f..%2fetc\nhttp://h/\nx.png\n".repeat(3);
        let names: Vec<_> = read(list.as_bytes()).into_iter().take(4).map(|e| e.name).collect();
        assert_eq!(names, ["01-a-b", "02-etc", "03-image", "04-x"]);
    }

    #[test]
    fn an_empty_list_has_no_entries() {
        assert_eq!(survey_text(b"# nothing\n\n").entries, 0);
        assert_eq!(read(b""), []);
    }

    #[test]
    fn what_is_odd_is_counted_with_the_first_lines() {
        let base = Url::parse("http://h/").unwrap();
        let list = "# a\n\nx.png\nftp://h/\nx.png\n./x.png\n::\n".as_bytes();
        let mut reader = Reader::new(Box::new(Text::new(list)), base, 5);
        assert_eq!(reader.portion(9).unwrap().len(), 5);
        let findings = reader.findings();
        assert_eq!((findings.skipped.comments, findings.skipped.blank), (1, 1));
        assert_eq!((findings.bad.count, findings.duplicates.count), (2, 2));
        let text = findings.to_string();
        assert!(text.contains("line 4 has the scheme ftp"), "{text}");
        assert!(text.contains("line 5 repeats image 1; line 6 repeats image 1"), "{text}");
    }

    proptest! {
        #[test]
        fn whatever_a_list_holds_both_passes_see_the_same_entries(list in prop::collection::vec(any::<u8>(), 0..400)) {
            let entries = read(&list);
            prop_assert_eq!(entries.len() as u64, survey_text(&list[..]).entries);
            for (entry, index) in entries.iter().zip(1..) {
                prop_assert_eq!(entry.index, index);
                prop_assert_eq!(names::check(&entry.name), Ok(()));
            }
        }
    }
}
