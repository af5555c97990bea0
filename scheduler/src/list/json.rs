//! Lists in JSON: an array, or one value a line. Each value is a text, or an object with a text.

use std::io::{self, BufRead};

use serde_json::Value;

use super::columns::{self, Column};
use super::items::{Item, Items, Skipped};
use super::lines::Lines;

/// The longest value, in bytes.
const MAX_VALUE_BYTES: usize = 1 << 20;

/// One value a line.
#[derive(Debug)]
pub(super) struct JsonLines<R> {
    lines: Lines<R>,
    line: Vec<u8>,
    key: Option<Column>,
    blank: u64,
}

impl<R: BufRead> JsonLines<R> {
    /// Lines that are texts, or objects with a text under `key`.
    pub(super) fn new(from: R, key: Option<Column>) -> Self {
        Self { lines: Lines::new(from, MAX_VALUE_BYTES), line: Vec::new(), key, blank: 0 }
    }
}

impl<R: BufRead> Items for JsonLines<R> {
    fn next_item(&mut self) -> io::Result<Option<Item>> {
        while self.lines.read(&mut self.line)? {
            let text = self.line.trim_ascii();
            if !text.is_empty() {
                return Ok(Some(item(self.lines.number(), text, self.key.as_ref())));
            }
            self.blank += 1;
        }
        Ok(None)
    }

    fn skipped(&self) -> Skipped {
        Skipped { blank: self.blank, comments: 0 }
    }
}

/// An array of values. Only one of them is in memory at a time, and a bad one spoils itself only.
#[derive(Debug)]
pub(super) struct Array<R> {
    from: R,
    key: Option<Column>,
    line: u64,
    at: At,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Outside { seen_any: bool },
    Inside,
}

impl<R: BufRead> Array<R> {
    /// An array of texts, or of objects with a text under `key`.
    pub(super) fn new(from: R, key: Option<Column>) -> Self {
        Self { from, key, line: 1, at: At::Outside { seen_any: false } }
    }

    /// The next byte that is no white space, which is left there.
    fn peek(&mut self) -> io::Result<Option<u8>> {
        loop {
            let piece = self.from.fill_buf()?;
            let Some(first) = piece.first().copied() else { return Ok(None) };
            let is_space =
                first.is_ascii_whitespace() || (self.line == 1 && super::MARK.contains(&first));
            if !is_space {
                return Ok(Some(first));
            }
            self.skip(first);
        }
    }

    fn skip(&mut self, byte: u8) {
        self.line += u64::from(byte == b'\n');
        self.from.consume(1);
    }

    /// The next value, up to the comma or bracket behind it, which is left there.
    fn value(&mut self) -> io::Result<Option<Item>> {
        let line = self.line;
        let mut value = Draft::default();
        loop {
            let piece = self.from.fill_buf()?;
            if piece.is_empty() {
                self.at = At::Outside { seen_any: true };
                let why = "the list ends within its array; it may have been cut off";
                return Ok(Some(Item::wrong(line, &value.bytes, why)));
            }
            let (taken, is_over) = value.take(piece);
            let lines = memchr::memchr_iter(b'\n', piece.get(..taken).unwrap_or_default()).count();
            self.line += u64::try_from(lines).unwrap_or_default();
            self.from.consume(taken);
            if is_over {
                return Ok(Some(item(line, value.bytes.trim_ascii(), self.key.as_ref())));
            }
        }
    }

    fn enter(&mut self, found: Option<u8>, seen_any: bool) -> io::Result<bool> {
        match found {
            Some(b'[') => {
                self.skip(b'[');
                self.at = At::Inside;
                Ok(true)
            }
            None if seen_any => Ok(false),
            Some(_) | None => {
                let line = self.line;
                let message = if seen_any {
                    format!("line {line} goes on behind the end of the array")
                } else {
                    "it is no JSON array; for one value a line give --list-format jsonl".to_owned()
                };
                Err(io::Error::new(io::ErrorKind::InvalidData, message))
            }
        }
    }
}

impl<R: BufRead> Items for Array<R> {
    fn next_item(&mut self) -> io::Result<Option<Item>> {
        loop {
            let found = self.peek()?;
            match self.at {
                At::Outside { seen_any } => {
                    if !self.enter(found, seen_any)? {
                        return Ok(None);
                    }
                }
                At::Inside => match found {
                    Some(b',') => self.skip(b','),
                    Some(b']') => {
                        self.skip(b']');
                        self.at = At::Outside { seen_any: true };
                    }
                    Some(_) | None => return self.value(),
                },
            }
        }
    }

    fn skipped(&self) -> Skipped {
        Skipped::default()
    }
}

/// A value that is being read: where it ends can be told without understanding it.
#[derive(Debug, Default)]
struct Draft {
    bytes: Vec<u8>,
    depth: u32,
    is_quoted: bool,
    is_escaped: bool,
}

impl Draft {
    /// Takes what belongs to the value, and says whether it ended. Of a value that is too long
    /// one byte too many is kept.
    fn take(&mut self, piece: &[u8]) -> (usize, bool) {
        let end = piece.iter().position(|byte| self.ends_before(*byte));
        let length = end.unwrap_or(piece.len());
        let room = (MAX_VALUE_BYTES + 1).saturating_sub(self.bytes.len());
        self.bytes.extend(piece.iter().take(length.min(room)));
        (length, end.is_some())
    }

    fn ends_before(&mut self, byte: u8) -> bool {
        if self.is_quoted {
            // No string goes over a line end; one that is never closed must not take all that follows.
            let closes = (byte == b'"' && !self.is_escaped) || byte == b'\n';
            self.is_quoted = !closes;
            self.is_escaped = byte == b'\\' && !self.is_escaped;
            return false;
        }
        match byte {
            b'"' => self.is_quoted = true,
            b'[' | b'{' => self.depth += 1,
            b']' | b'}' if self.depth > 0 => self.depth -= 1,
            b',' | b']' => return self.depth == 0,
            _ => {}
        }
        false
    }
}

/// What one value says.
fn item(line: u64, bytes: &[u8], key: Option<&Column>) -> Item {
    if bytes.len() > MAX_VALUE_BYTES {
        return Item::wrong(
            line,
            bytes,
            format!("line {line} is longer than {MAX_VALUE_BYTES} bytes"),
        );
    }
    match serde_json::from_slice(bytes) {
        Ok(Value::String(text)) => Item::of(line, text.as_bytes()),
        Ok(Value::Object(object)) => match under(&object, key) {
            Ok(text) => Item::of(line, text.as_bytes()),
            Err(why) => Item::wrong(line, bytes, format!("line {line} {why}")),
        },
        Ok(_) => Item::wrong(line, bytes, format!("line {line} is neither a text nor an object")),
        Err(error) => Item::wrong(line, bytes, no_json(line, &error)),
    }
}

/// The reader of a value that begins on `line` counts its lines anew.
fn no_json(line: u64, error: &serde_json::Error) -> String {
    let (text, lines_before) = (error.to_string(), error.line().saturating_sub(1));
    let line = line.saturating_add(u64::try_from(lines_before).unwrap_or(u64::MAX));
    let what = text.split(" at line ").next().unwrap_or_default();
    format!("line {line} is not JSON: {what}")
}

fn under<'o>(
    object: &'o serde_json::Map<String, Value>,
    key: Option<&Column>,
) -> Result<&'o str, String> {
    let (value, name) = match key {
        Some(key) => (object.get(&key.to_string()), key.to_string()),
        None => {
            let usual = object.iter().find(|(key, _)| columns::is_usual(key));
            (usual.map(|(_, value)| value), "url".to_owned())
        }
    };
    match value {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(format!("has something else than a text under {name:?}")),
        None => Err(format!("has nothing under {name:?}; see --url-column")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(mut items: impl Items) -> io::Result<Vec<Item>> {
        std::iter::from_fn(|| items.next_item().transpose()).collect()
    }

    fn array(text: &str) -> io::Result<Vec<Item>> {
        // Small pieces, so that values go over their ends.
        all(Array::new(io::BufReader::with_capacity(3, text.as_bytes()), None))
    }

    fn seen(items: &[Item]) -> Vec<(u64, String, bool)> {
        items.iter().map(|item| (item.line, item.shown(), item.wrong.is_none())).collect()
    }

    #[test]
    fn texts_and_objects_are_taken_from_an_array() {
        let text = "\u{feff} [\n \"http:\\/\\/h\\/a,]\\\"\" ,\n{\"id\": [1, {\"x\": \"}\"}], \"URL\": \"b\"}]\n";
        let items = array(text).unwrap();
        assert_eq!(seen(&items), [(2, "http://h/a,]\"".into(), true), (3, "b".into(), true)]);
        assert_eq!(array("[]").unwrap(), []);
        assert_eq!(array("[\"a\",\"b\",]\n[\"c\"]").unwrap().len(), 3);
    }

    #[test]
    fn a_bad_value_spoils_itself_only() {
        let items = array("[\"a\",\n7,\n{\"x\":1},\n\"open\n,nonsense,\"z\"]").unwrap();
        let good: Vec<_> = items.iter().map(|item| item.wrong.is_none()).collect();
        assert_eq!(good, [true, false, false, false, false, true], "{items:?}");
        assert!(items[2].wrong.as_ref().unwrap().contains("line 3 has nothing under \"url\""));
    }

    #[test]
    fn an_array_that_breaks_off_says_so() {
        for text in ["[\"a\",\n\"b", "[\"a\"", "[\"a\",\n"] {
            let items = array(text).unwrap();
            assert!(items.last().unwrap().wrong.as_ref().unwrap().contains("cut off"), "{text}");
            assert!(items.len() <= 2);
        }
    }

    #[test]
    fn something_else_than_an_array_is_no_list() {
        for text in ["", "{}", "[\"a\"] x", "http://h/a"] {
            assert!(array(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn lines_are_texts_or_objects() {
        let text = "{\"photo\": \"a\"}\n\n\"b\"\n{\"url\": \"c\"}\nd\n{\"photo\": 5}";
        let items =
            all(JsonLines::new(text.as_bytes(), Some(Column::Name("photo".into())))).unwrap();
        let good: Vec<_> = items.iter().map(|item| (item.line, item.wrong.is_none())).collect();
        assert_eq!(good, [(1, true), (3, true), (4, false), (5, false), (6, false)]);
        let why = items[3].wrong.as_ref().unwrap();
        assert_eq!(*why, "line 5 is not JSON: expected value");
    }

    #[test]
    fn the_line_of_a_mistake_within_a_value_is_that_of_the_list() {
        let items = array("[\"a\",\n{\"url\":\n nix}]").unwrap();
        let why = items[1].wrong.as_ref().unwrap();
        assert!(why.starts_with("line 3 is not JSON"), "{why}");
        assert_eq!(why.matches("line").count(), 1, "{why}");
    }

    proptest! {
        #[test]
        fn any_text_survives_being_written(texts in prop::collection::vec(".{0,30}", 0..20), pretty: bool) {
            let json = if pretty {
                serde_json::to_string_pretty(&texts)
            } else {
                serde_json::to_string(&texts)
            };
            let items = array(&json.unwrap()).unwrap();
            let expected: Vec<_> = texts.iter().map(|text| text.as_bytes().trim_ascii().to_vec()).collect();
            let read: Vec<_> = items.into_iter().map(|item| item.text).collect();
            prop_assert_eq!(read, expected);
        }

        #[test]
        fn whatever_stands_there_it_comes_to_an_end(text in "[\\[\\]{},:\"\\\\a\n ]{0,80}") {
            let _ = array(&format!("[{text}"));
        }
    }
}
