//! Lists with columns: values with commas, semicolons or tabs between them.
//!
//! Values may be quoted as RFC 4180 has it, line ends within them included. A quotation mark that is
//! not closed in its row spoils that row only.

use std::collections::VecDeque;
use std::io::{self, BufRead};

use csv_core::{ReadFieldResult, Reader, ReaderBuilder};

use super::columns::{self, Column, Place};
use super::items::{Item, Items, Skipped};
use super::lines::Lines;
use super::quotes::{self, Shape};

/// The longest row, in bytes.
const MAX_ROW_BYTES: usize = 1 << 20;

/// A table of which one column has the URLs.
#[derive(Debug)]
pub(super) struct Table<R> {
    rows: Rows<R>,
    wanted: Option<Column>,
    place: Option<Place>,
    /// How many columns the first row has.
    columns: usize,
    blank: u64,
}

impl<R: BufRead> Table<R> {
    /// A table with that between its values; `None` finds out whether it is commas or semicolons.
    pub(super) fn new(from: R, delimiter: Option<u8>, wanted: Option<Column>) -> Self {
        let lines = Lines::new(from, MAX_ROW_BYTES);
        let rows = Rows { lines, again: VecDeque::new(), delimiter };
        Self { rows, wanted, place: None, columns: 0, blank: 0 }
    }

    /// Known behind the first row.
    fn shape(&self) -> Option<Shape> {
        self.place.map(|place| Shape { column: place.column, columns: self.columns })
    }

    fn find_place(&mut self, first: &Row) -> io::Result<Place> {
        let names: Vec<_> = first.values.iter().map(|value| lossy(value)).collect();
        let place = columns::place(&names, self.wanted.as_ref());
        let place = place.map_err(|message| io::Error::new(io::ErrorKind::InvalidData, message))?;
        self.columns = names.len();
        Ok(*self.place.insert(place))
    }
}

impl<R: BufRead> Items for Table<R> {
    fn next_item(&mut self) -> io::Result<Option<Item>> {
        while let Some(row) = self.rows.next(self.shape())? {
            if row.is_blank() {
                self.blank += 1;
                continue;
            }
            let place = match self.place {
                Some(place) => place,
                None if row.wrong.is_some() => return Ok(Some(row.into_item(0))),
                None => {
                    let place = self.find_place(&row)?;
                    if place.has_header {
                        continue;
                    }
                    place
                }
            };
            return Ok(Some(row.into_item(place.column)));
        }
        Ok(None)
    }

    fn skipped(&self) -> Skipped {
        Skipped { blank: self.blank, comments: 0 }
    }
}

#[derive(Debug)]
struct Row {
    line: u64,
    values: Vec<Vec<u8>>,
    wrong: Option<String>,
}

impl Row {
    fn wrong(line: u64, text: &[u8], why: String) -> Self {
        Self { line, values: vec![text.to_vec()], wrong: Some(why) }
    }

    fn is_blank(&self) -> bool {
        self.wrong.is_none() && self.values.iter().all(|value| value.trim_ascii().is_empty())
    }

    fn into_item(self, column: usize) -> Item {
        let line = self.line;
        if let Some(why) = self.wrong {
            return Item::wrong(line, &self.values.concat(), why);
        }
        match self.values.get(column) {
            Some(value) => Item::of(line, value),
            None => {
                let (has, column) = (self.values.len(), column + 1);
                let why =
                    format!("line {line} has {has} columns; the URL should be in column {column}");
                Item::wrong(line, &self.values.join(&b','), why)
            }
        }
    }
}

/// Rows, with the lines of a row that did not end given out again.
#[derive(Debug)]
struct Rows<R> {
    lines: Lines<R>,
    again: VecDeque<(u64, Vec<u8>)>,
    delimiter: Option<u8>,
}

impl<R: BufRead> Rows<R> {
    /// The next row of a table of that shape, if it is known already.
    fn next(&mut self, shape: Option<Shape>) -> io::Result<Option<Row>> {
        let Some((number, first)) = self.line()? else { return Ok(None) };
        let delimiter = *self.delimiter.get_or_insert_with(|| delimiter(&first));
        if first.trim_ascii().is_empty() {
            return Ok(Some(Row { line: number, values: Vec::new(), wrong: None }));
        }
        let mut row = Growing::new(delimiter);
        row.add(number, first);
        while row.goes_on() {
            let Some((number, line)) = self.line()? else { break };
            row.add(number, line);
            if row.has_swallowed_others(shape) {
                return Ok(self.give_up(row.lines));
            }
        }
        let is_too_long = row.is_too_long();
        let Growing { parser, lines, rest, .. } = row;
        let Some(rest) = rest.filter(|_| !is_too_long) else { return Ok(self.give_up(lines)) };
        if let Some((last, _)) = lines.back().filter(|_| !rest.trim_ascii().is_empty()) {
            self.again.push_front((*last, rest));
        }
        Ok(Some(Row { line: number, values: parser.values, wrong: None }))
    }

    /// The first line is the bad one; the others are read anew.
    fn give_up(&mut self, mut taken: VecDeque<(u64, Vec<u8>)>) -> Option<Row> {
        let (number, first) = taken.pop_front()?;
        let why = if first.len() > MAX_ROW_BYTES {
            format!("line {number} is longer than {MAX_ROW_BYTES} bytes")
        } else {
            format!(
                "line {number} has a quotation mark that is not closed in its row: close the \
                 value, or write two marks for one"
            )
        };
        taken.append(&mut self.again);
        self.again = taken;
        Some(Row::wrong(number, &first, why))
    }

    fn line(&mut self) -> io::Result<Option<(u64, Vec<u8>)>> {
        if let Some(line) = self.again.pop_front() {
            return Ok(Some(line));
        }
        let mut line = Vec::new();
        let any = self.lines.read(&mut line)?;
        if any && !line.ends_with(b"\n") && line.len() <= MAX_ROW_BYTES {
            line.push(b'\n');
        }
        Ok(any.then(|| (self.lines.number(), line)))
    }
}

/// A row that may have more lines than those that it has so far.
struct Growing {
    parser: Parser,
    delimiter: u8,
    bytes: Vec<u8>,
    lines: VecDeque<(u64, Vec<u8>)>,
    /// What comes behind the row in its last line, once it ends there.
    rest: Option<Vec<u8>>,
}

impl Growing {
    fn new(delimiter: u8) -> Self {
        let (bytes, lines) = (Vec::new(), VecDeque::new());
        Self { parser: Parser::new(delimiter), delimiter, bytes, lines, rest: None }
    }

    fn add(&mut self, number: u64, line: Vec<u8>) {
        self.bytes.extend(&line);
        self.rest = self.parser.feed(&line).map(<[u8]>::to_vec);
        self.lines.push_back((number, line));
    }

    fn goes_on(&self) -> bool {
        self.rest.is_none() && !self.is_too_long()
    }

    fn is_too_long(&self) -> bool {
        self.bytes.len() > MAX_ROW_BYTES
    }

    /// Whether a quotation mark has taken in what are rows of their own.
    fn has_swallowed_others(&self, shape: Option<Shape>) -> bool {
        let Some((_, last)) = self.lines.back().filter(|_| self.lines.len() > 1) else {
            return false;
        };
        let ending_here = self.rest.is_some().then_some(self.parser.values.as_slice());
        let alone = Parser::row(self.delimiter, last).zip(shape);
        alone.is_some_and(|(line, shape)| quotes::is_swallowed(&line, shape, ending_here))
            || ending_here.is_some() && quotes::close_amid_text(&self.bytes, self.delimiter)
    }
}

/// Takes one row apart.
struct Parser {
    core: Reader,
    values: Vec<Vec<u8>>,
    value: Vec<u8>,
}

impl Parser {
    fn new(delimiter: u8) -> Self {
        let core = ReaderBuilder::new().delimiter(delimiter).build();
        Self { core, values: Vec::new(), value: Vec::new() }
    }

    /// The values of a line that is a row of its own; `None` if it is none.
    fn row(delimiter: u8, line: &[u8]) -> Option<Vec<Vec<u8>>> {
        let mut parser = Self::new(delimiter);
        parser.feed(line)?;
        Some(parser.values)
    }

    /// Takes a line with its end. What comes behind the row, if the row ends in this line.
    fn feed<'l>(&mut self, mut line: &'l [u8]) -> Option<&'l [u8]> {
        let mut buffer = [0; 1024];
        while !line.is_empty() {
            let (result, read, written) = self.core.read_field(line, &mut buffer);
            line = line.get(read..).unwrap_or_default();
            self.value.extend(buffer.iter().take(written));
            match result {
                ReadFieldResult::InputEmpty | ReadFieldResult::OutputFull => {}
                ReadFieldResult::Field { record_end } => {
                    self.values.push(std::mem::take(&mut self.value));
                    if record_end {
                        return Some(line);
                    }
                }
                ReadFieldResult::End => return Some(line),
            }
        }
        None
    }
}

/// What stands between the values, by the look of the first row.
fn delimiter(first: &[u8]) -> u8 {
    let candidates = [b',', b';', b'\t'];
    candidates.into_iter().find(|candidate| first.contains(candidate)).unwrap_or(b',')
}

fn lossy(value: &[u8]) -> String {
    String::from_utf8_lossy(value.trim_ascii()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(table: &str, column: Option<&str>) -> io::Result<Vec<Item>> {
        let mut table =
            Table::new(table.as_bytes(), None, column.map(|text| text.parse().unwrap()));
        std::iter::from_fn(|| table.next_item().transpose()).collect()
    }

    fn texts(table: &str, column: Option<&str>) -> Vec<(u64, String)> {
        let items = read(table, column).unwrap();
        items.iter().map(|item| (item.line, item.shown())).collect()
    }

    fn owned(items: &[(u64, &str)]) -> Vec<(u64, String)> {
        items.iter().map(|(line, text)| (*line, (*text).to_owned())).collect()
    }

    #[test]
    fn values_are_taken_from_the_named_column() {
        let table =
            "id,caption,photo\r\n1,\"a \"\"boat\"\",\nat sea\",http://h/a\r\n\r\n2,,http://h/b";
        let expected = owned(&[(2, "http://h/a"), (5, "http://h/b")]);
        assert_eq!(texts(table, Some("photo")), expected);
        assert_eq!(texts(table, Some("3")), expected);
    }

    #[test]
    fn semicolons_and_tabs_are_seen() {
        assert_eq!(texts("id;url\n1;http://h/a,b\n", None), owned(&[(2, "http://h/a,b")]));
        assert_eq!(texts("id\turl\n1\thttp://h/a\n", None), owned(&[(2, "http://h/a")]));
    }

    #[test]
    fn rows_without_the_column_are_wrong_alone() {
        let items = read("id,url\n1\n2,http://h/b\n3,\n", None).unwrap();
        assert!(items[0].wrong.as_ref().unwrap().contains("line 2 has 1 columns"), "{items:?}");
        assert_eq!((items[1].wrong.as_ref(), items[1].line), (None, 3));
        assert_eq!((items[2].text.len(), items.len()), (0, 3));
    }

    #[test]
    fn a_quotation_mark_that_is_never_closed_spoils_its_own_row() {
        for padding in [0, MAX_ROW_BYTES] {
            let many = "5,http://h/d\n".repeat(padding / 12);
            let table = format!("id,url\n1,http://h/a\n2,\"http://h/b\n3,http://h/c\n{many}");
            let items = read(&table, None).unwrap();
            assert!(items[1].wrong.as_ref().unwrap().contains("line 3 has a quotation mark"));
            let third = (items[2].line, items[2].shown());
            assert_eq!(third, (4, "http://h/c".to_owned()));
            assert_eq!(items.len(), 3 + padding / 12);
        }
    }

    #[test]
    fn a_stray_mark_swallows_no_row() {
        let row = |number: u32, name: &str| format!("{number},http://h/{number},{name}\n");
        for (stray, last) in [
            ("\"broken", "\"fine, quoted\""),
            ("\"broken", "the 5\" one"),
            ("\"broken", "5\""),
            ("\"broken", "fine"),
        ] {
            for between in [0, 40] {
                let plain: String = (0..between).map(|number| row(10 + number, "n")).collect();
                let rows = [row(1, "n"), row(5, stray), plain, row(6, last), row(7, "n")].concat();
                let items = read(&format!("id,url,name\n{rows}"), None).unwrap();
                assert_eq!(items.len(), 4 + between as usize, "{stray} to {last}");
                let wrong: Vec<_> = items.iter().filter(|item| item.wrong.is_some()).collect();
                assert_eq!(wrong.iter().map(|item| item.line).collect::<Vec<_>>(), [3]);
            }
        }
    }

    #[test]
    fn captions_of_several_lines_are_no_strays() {
        let table =
            "caption,url,thumbnail,note\n\"a\nhttp://no\nb\",http://h/1,http://h/t,\"x\ny\"\n";
        assert_eq!(texts(table, Some("url")), owned(&[(2, "http://h/1")]));
        // A line of a caption that is a link by itself looks like no row of two columns.
        let table = "url,caption\nhttp://h/1,\"see\nhttp://no\nfor more\"\nhttp://h/2,b\n";
        let rows = [(2, "http://h/1"), (5, "http://h/2")];
        assert_eq!(texts(table, Some("url")), owned(&rows));
    }

    #[test]
    fn a_row_that_is_too_long_is_wrong_alone() {
        let long = "x".repeat(MAX_ROW_BYTES);
        let items = read(&format!("id,url\n{long},http://h/a\n2,http://h/b"), None).unwrap();
        assert!(items[0].wrong.as_ref().unwrap().contains("longer than"));
        assert_eq!((items[1].line, items.len()), (3, 2));
    }

    #[test]
    fn line_ends_of_old_systems_lose_no_row() {
        let items = read("id,url\r1,http://h/a\r2,http://h/b\r", None).unwrap();
        assert_eq!(items.len(), 2, "{items:?}");
    }

    #[test]
    fn a_table_without_that_column_is_no_list() {
        let error = read("id,photo\n1,http://h/a\n", Some("url")).unwrap_err();
        assert!(error.to_string().contains("\"id\", \"photo\""), "{error}");
    }

    proptest! {
        #[test]
        fn any_value_survives_its_quotes(values in prop::collection::vec("[!-~]([ -~\n]{0,28}[!-~])?", 1..20)) {
            let quoted = |value: &String| format!("7,\"{}\"\n", value.replace('"', "\"\""));
            let table = format!("id,url\n{}", values.iter().map(quoted).collect::<String>());
            let read: Vec<_> = texts(&table, None).into_iter().map(|(_, text)| text).collect();
            prop_assert_eq!(read, values);
        }

        #[test]
        fn nothing_makes_it_fail_once_the_column_is_known(rows in "[a\",;\r\n\t]{0,60}") {
            let plain = read(&format!("id,url\n{rows}"), None);
            prop_assert!(plain.is_ok());
        }
    }
}
