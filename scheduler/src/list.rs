//! What the list says: lines to entries.
//!
//! One image a line. Blank lines and lines that begin with `#` are skipped; line ends of
//! any system and a byte order mark do not matter. A line is a URL with `http` or `https`,
//! or a path, which is resolved against the file server.

use std::collections::HashMap;
use std::io::{self, BufRead};

use batch::{Entry, Given};
use percent_encoding::percent_decode_str;
use protocol::{Class, names};
use sha2::{Digest, Sha256};
use url::Url;

/// The longest line that is taken for a URL, in bytes.
const MAX_LINE_BYTES: usize = 8 * 1024;

/// How much of a line that is no URL is kept, in characters.
const SHOWN_CHARACTERS: usize = 200;

/// What one pass over the list shows, before anything is done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Survey {
    /// The number of entries.
    pub entries: u64,
    /// SHA-256 of what counts: the lines of the entries.
    pub digest: [u8; 32],
}

/// Counts the entries of a list and takes its digest.
///
/// # Errors
///
/// When the list cannot be read.
pub fn survey(list: impl BufRead) -> io::Result<Survey> {
    let mut lines = Lines::new(list);
    let mut hasher = Sha256::new();
    let mut entries = 0;
    while let Some(line) = lines.next_entry()? {
        hasher.update(&line.text);
        hasher.update(b"\n");
        entries += 1;
    }
    Ok(Survey { entries, digest: hasher.finalize().into() })
}

/// Reads a list as entries, portion by portion.
#[derive(Debug)]
pub struct Reader<R> {
    lines: Lines<R>,
    base: Url,
    total: u64,
    index: u64,
    seen: HashMap<[u8; 16], u64>,
}

impl<R: BufRead> Reader<R> {
    /// A reader of a list with `total` entries; paths are relative to `base`.
    pub fn new(list: R, base: Url, total: u64) -> Self {
        Self { lines: Lines::new(list), base, total, index: 0, seen: HashMap::new() }
    }

    /// At most so many further entries; none at the end of the list.
    ///
    /// # Errors
    ///
    /// When the list cannot be read.
    pub fn portion(&mut self, at_most: usize) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        while entries.len() < at_most
            && let Some(line) = self.lines.next_entry()?
        {
            entries.push(self.entry(&line));
        }
        Ok(entries)
    }

    fn entry(&mut self, line: &Line) -> Entry {
        self.index += 1;
        let index = self.index;
        let (url, source, given) = match parse(line, &self.base) {
            Ok(url) => {
                let given = self.given(&url);
                (url.to_string(), last_segment(&url), given)
            }
            Err(message) => {
                let given = Given::Rejected { class: Class::BadUrl, message };
                (line.shown(), String::new(), given)
            }
        };
        let name = names::output_stem(index, self.total, &source);
        Entry { index, line: line.number, url, name, given }
    }

    /// A URL is remembered by half a SHA-256: memory does not grow with its length.
    fn given(&mut self, url: &Url) -> Given {
        let digest = Sha256::digest(url.as_str().as_bytes());
        let mut key = [0; 16];
        key.iter_mut().zip(digest.iter()).for_each(|(to, from)| *to = *from);
        match self.seen.get(&key) {
            Some(of) => Given::Duplicate { of: *of },
            None => {
                self.seen.insert(key, self.index);
                Given::Process
            }
        }
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = io::Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        self.portion(1).map(|mut portion| portion.pop()).transpose()
    }
}

/// A line that is an entry.
#[derive(Debug)]
struct Line {
    number: u64,
    /// Without white space around it; cut after [`MAX_LINE_BYTES`] and one.
    text: Vec<u8>,
}

impl Line {
    fn shown(&self) -> String {
        String::from_utf8_lossy(&self.text).chars().take(SHOWN_CHARACTERS).collect()
    }
}

#[derive(Debug)]
struct Lines<R> {
    from: R,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    fn new(from: R) -> Self {
        Self { from, number: 0 }
    }

    fn next_entry(&mut self) -> io::Result<Option<Line>> {
        let mut text = Vec::new();
        while self.read_line(&mut text)? {
            let trimmed = self.without_mark(&text).trim_ascii();
            if !trimmed.is_empty() && !trimmed.starts_with(b"#") {
                return Ok(Some(Line { number: self.number, text: trimmed.to_vec() }));
            }
            text.clear();
        }
        Ok(None)
    }

    fn without_mark<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        let mark = text.strip_prefix(b"\xef\xbb\xbf").filter(|_| self.number == 1);
        mark.unwrap_or(text)
    }

    /// Reads to the end of the line but keeps only its beginning. False at the end.
    fn read_line(&mut self, into: &mut Vec<u8>) -> io::Result<bool> {
        let mut any = false;
        loop {
            let piece = self.from.fill_buf()?;
            if piece.is_empty() {
                self.number += u64::from(any);
                return Ok(any);
            }
            any = true;
            let end = piece.iter().position(|byte| *byte == b'\n');
            let length = end.map_or(piece.len(), |at| at + 1);
            let room = (MAX_LINE_BYTES + 3).saturating_sub(into.len());
            into.extend(piece.iter().take(length.min(room)));
            self.from.consume(length);
            if end.is_some() {
                self.number += 1;
                return Ok(true);
            }
        }
    }
}

/// The URL of a line, or a sentence that says why it is none.
fn parse(line: &Line, base: &Url) -> Result<Url, String> {
    let number = line.number;
    if line.text.len() > MAX_LINE_BYTES {
        return Err(format!("line {number} is longer than {MAX_LINE_BYTES} bytes"));
    }
    let text = std::str::from_utf8(&line.text)
        .map_err(|_| format!("line {number} is not UTF-8; write the URL in percent-encoding"))?;
    if text.chars().any(char::is_control) {
        return Err(format!("line {number} holds a control character"));
    }
    let mut url = match Url::parse(text) {
        Ok(url) => web(url, number)?,
        Err(url::ParseError::RelativeUrlWithoutBase) => relative(text, base, number)?,
        Err(error) => return Err(format!("line {number} is not a URL: {error}")),
    };
    url.set_fragment(None);
    Ok(url)
}

fn web(url: Url, number: u64) -> Result<Url, String> {
    if matches!(url.scheme(), "http" | "https") {
        return Ok(url);
    }
    let scheme = url.scheme();
    Err(format!("line {number} has the scheme {scheme}; only http and https are supported"))
}

fn relative(text: &str, base: &Url, number: u64) -> Result<Url, String> {
    let first = text.split(['/', '?']).next().unwrap_or_default();
    let is_path = !text.starts_with("//")
        && !first.contains(':')
        && !text.contains(|c: char| c.is_whitespace() || "<>\"{}|\\^`".contains(c));
    if !is_path {
        return Err(format!(
            "line {number} is neither a URL with http or https nor a path; write spaces as %20"
        ));
    }
    base.join(text).map_err(|error| format!("line {number} is not a path: {error}"))
}

fn last_segment(url: &Url) -> String {
    let segment = url.path_segments().and_then(|mut segments| segments.next_back());
    percent_decode_str(segment.unwrap_or_default()).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(list: &[u8]) -> Vec<Entry> {
        let base = Url::parse("http://127.0.0.1:12345/").unwrap();
        let total = survey(list).unwrap().entries;
        let mut reader = Reader::new(list, base, total);
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
        assert_eq!(survey(&list[..]).unwrap().digest, {
            survey(&b"http://h/a.jpg\nhttp://h/b.jpg\n"[..]).unwrap().digest
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
        let long = format!("http://h/{}", "x".repeat(MAX_LINE_BYTES));
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
            assert!(entries[0].url.len() <= SHOWN_CHARACTERS);
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
        assert_eq!(survey(&b"# nothing\n\n"[..]).unwrap().entries, 0);
        assert_eq!(read(b""), []);
    }

    proptest! {
        #[test]
        fn whatever_a_list_holds_both_passes_see_the_same_entries(list in prop::collection::vec(any::<u8>(), 0..400)) {
            let entries = read(&list);
            prop_assert_eq!(entries.len() as u64, survey(&list[..]).unwrap().entries);
            for (entry, index) in entries.iter().zip(1..) {
                prop_assert_eq!(entry.index, index);
                prop_assert_eq!(names::check(&entry.name), Ok(()));
            }
        }
    }
}
