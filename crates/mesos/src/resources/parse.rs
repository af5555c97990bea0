//! Resources written as text, as in an agent's `--resources` flag.

use std::collections::BTreeSet;
use std::str::FromStr;

use super::bundle::named;
use super::{Quantity, Ranges, Resources};

/// Why a text is not a bundle of resources.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{part:?} is not a resource: write NAME:AMOUNT, for example 'cpus:2;mem:2048;ports:[31000-32000]'"
)]
pub struct ParseError {
    /// The part between two semicolons that could not be read.
    pub part: String,
}

impl FromStr for Resources {
    type Err = ParseError;

    /// Reads `name:scalar`, `name:[begin-end,...]` and `name:{item,...}`, separated by semicolons.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut bundle = Self::default();
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, quantity) =
                parse_part(part).ok_or_else(|| ParseError { part: part.to_owned() })?;
            bundle.add(named(name), quantity);
        }
        Ok(bundle)
    }
}

fn parse_part(part: &str) -> Option<(&str, Quantity)> {
    let (name, amount) = part.split_once(':')?;
    let (name, amount) = (name.trim(), amount.trim());
    if name.is_empty() {
        return None;
    }
    let quantity = if let Some(list) = between(amount, '[', ']') {
        Quantity::Ranges(parse_ranges(list)?)
    } else if let Some(list) = between(amount, '{', '}') {
        Quantity::Set(parse_set(list))
    } else {
        Quantity::Scalar(amount.parse().ok()?)
    };
    Some((name, quantity))
}

fn between(text: &str, open: char, close: char) -> Option<&str> {
    text.strip_prefix(open)?.strip_suffix(close)
}

fn parse_ranges(list: &str) -> Option<Ranges> {
    list.split(',').map(parse_range).collect()
}

fn parse_range(range: &str) -> Option<(u64, u64)> {
    let (begin, end) = range.split_once('-')?;
    let (begin, end) = (begin.trim().parse().ok()?, end.trim().parse().ok()?);
    (begin <= end).then_some((begin, end))
}

fn parse_set(list: &str) -> BTreeSet<String> {
    list.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::Scalar;

    #[test]
    fn reads_the_three_kinds() {
        let bundle: Resources =
            " cpus:2 ; mem:2048.5;ports:[31000-32000, 5-6];zones:{a, b};".parse().unwrap();
        assert_eq!(bundle.cpus(), Scalar::from_f64(2.0));
        assert_eq!(bundle.mem_mib(), Scalar::from_f64(2048.5));
        assert_eq!(bundle.to_wire().len(), 4);
    }

    #[test]
    fn names_the_part_it_cannot_read() {
        for bad in ["cpus", "cpus:", ":2", "cpus:-1", "ports:[2-1]", "ports:[a-b]", "cpus:1;mem=3"]
        {
            let error = bad.parse::<Resources>().unwrap_err();
            assert!(error.to_string().contains(&error.part), "{error}");
        }
    }

    #[test]
    fn nothing_is_an_empty_bundle() {
        assert!("".parse::<Resources>().unwrap().is_empty());
    }
}
