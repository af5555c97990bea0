//! Where in a row or an object the URL stands.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// What such a column is called where nobody says it, whatever the case.
const USUAL: &[&str] =
    &["url", "uri", "image_url", "imageurl", "original_url", "originalurl", "link"];

/// A column as `--url-column` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Column {
    /// By its place, from 1.
    Number(usize),
    /// By its name in the first row, or by the key in an object.
    Name(String),
}

impl FromStr for Column {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text.parse() {
            Ok(number) if number > 0 => Self::Number(number),
            Ok(_) | Err(_) => Self::Name(text.to_owned()),
        })
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Whether a column or key of that name holds URLs.
pub(super) fn is_usual(name: &str) -> bool {
    USUAL.iter().any(|usual| usual.eq_ignore_ascii_case(name))
}

/// Which column of a table has the URLs, and whether its first row only names the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// From 0.
    pub(super) column: usize,
    pub(super) has_header: bool,
}

/// Finds the column by the first row, or says what to do. A number is taken as it is; then the
/// first row is a header unless it has something like a URL or a path there.
pub(super) fn place(first: &[String], wanted: Option<&Column>) -> Result<Place, String> {
    let has_header = |column: usize| !first.get(column).is_some_and(|cell| is_address(cell));
    let named = |column| Place { column, has_header: true };
    let placed = |column| Place { column, has_header: has_header(column) };
    match wanted {
        Some(Column::Number(number)) if *number <= first.len() => Ok(placed(number - 1)),
        Some(Column::Name(name)) if first.contains(name) => {
            Ok(named(first.iter().position(|cell| cell == name).unwrap_or_default()))
        }
        Some(column) => {
            Err(format!("the first row has no column {column}; it has {}", quoted(first)))
        }
        None => usual(first).map(named).or_else(|| only(first).map(placed)).ok_or_else(|| {
            format!(
                "name the column of the URLs with --url-column; the first row has {}",
                quoted(first)
            )
        }),
    }
}

fn usual(first: &[String]) -> Option<usize> {
    first.iter().position(|cell| is_usual(cell))
}

/// The only column, or the only one with a URL.
fn only(first: &[String]) -> Option<usize> {
    if first.len() == 1 {
        return Some(0);
    }
    let mut urls = first.iter().enumerate().filter(|(_, cell)| cell.contains("://"));
    let found = urls.next().map(|(column, _)| column);
    found.filter(|_| urls.next().is_none())
}

fn is_address(cell: &str) -> bool {
    cell.contains(['/', '.'])
}

fn quoted(cells: &[String]) -> String {
    let short = |cell: &String| format!("{:?}", cell.chars().take(40).collect::<String>());
    cells.iter().take(12).map(short).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(row: &str, wanted: Option<&str>) -> Result<(usize, bool), String> {
        let row: Vec<_> = row.split(',').map(str::to_owned).collect();
        let wanted = wanted.map(|text| text.parse().unwrap());
        place(&row, wanted.as_ref()).map(|place| (place.column, place.has_header))
    }

    #[test]
    fn a_column_is_found_by_name_by_number_or_by_what_is_usual() {
        assert_eq!(found("id,photo", Some("photo")), Ok((1, true)));
        assert_eq!(found("id,photo", Some("2")), Ok((1, true)));
        assert_eq!(found("7,a/b.jpg", Some("2")), Ok((1, false)));
        assert_eq!(found("id,URL,caption", None), Ok((1, true)));
        assert_eq!(found("7,http://h/a,a boat", None), Ok((1, false)));
        assert_eq!(found("photos", None), Ok((0, true)));
        assert_eq!(found("samples/a.jpg", None), Ok((0, false)));
    }

    #[test]
    fn a_column_that_is_not_there_is_named_with_those_that_are() {
        for (row, wanted, says) in [
            ("id,photo", Some("url"), "no column url; it has \"id\", \"photo\""),
            ("id,photo", Some("3"), "no column 3"),
            ("id,photo", None, "--url-column"),
            ("http://h/a,http://h/b", None, "--url-column"),
        ] {
            let error = found(row, wanted).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }
}
