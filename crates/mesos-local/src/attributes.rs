//! Attributes of agents as the flag `--attributes` writes them: `rack:abc;level:10;ports:[1-9]`.

use mesos::v1::{Attribute, value};

use crate::error::Error;

/// Reads attributes; what is neither a number nor ranges is a text.
///
/// # Errors
///
/// When a part has no name or no value.
///
/// ```
/// let attributes = mesos_local::parse_attributes("rack:abc;level:10").unwrap_or_default();
/// assert_eq!(attributes.len(), 2);
/// ```
pub fn parse_attributes(text: &str) -> Result<Vec<Attribute>, Error> {
    let parts = text.split(';').map(str::trim).filter(|part| !part.is_empty());
    parts.map(parse_attribute).collect()
}

fn parse_attribute(part: &str) -> Result<Attribute, Error> {
    let wrong = || Error::Attribute { part: part.to_owned() };
    let (name, text) = part.split_once(':').ok_or_else(wrong)?;
    let (name, text) = (name.trim(), text.trim());
    if name.is_empty() || text.is_empty() {
        return Err(wrong());
    }
    let mut attribute = Attribute {
        name: name.to_owned(),
        r#type: value::Type::Text.into(),
        ..Attribute::default()
    };
    if let Some(ranges) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        attribute.r#type = value::Type::Ranges.into();
        attribute.ranges = Some(parse_ranges(ranges).ok_or_else(wrong)?);
    } else if let Ok(number) = text.parse::<f64>() {
        attribute.r#type = value::Type::Scalar.into();
        attribute.scalar = Some(value::Scalar { value: number });
    } else {
        attribute.text = Some(value::Text { value: text.to_owned() });
    }
    Ok(attribute)
}

fn parse_ranges(text: &str) -> Option<value::Ranges> {
    let range = |part: &str| {
        let (begin, end) = part.trim().split_once('-')?;
        let (begin, end) = (begin.trim().parse().ok()?, end.trim().parse().ok()?);
        (begin <= end).then_some(value::Range { begin, end })
    };
    Some(value::Ranges { range: text.split(',').map(range).collect::<Option<_>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_ranges_and_texts_are_told_apart() {
        let all = parse_attributes("rack:abc; level:10;ports:[1-9,20-29]").unwrap();
        assert_eq!(all[0].text.as_ref().unwrap().value, "abc");
        assert!((all[1].scalar.unwrap().value - 10.0).abs() < f64::EPSILON);
        assert_eq!(all[2].ranges.as_ref().unwrap().range.len(), 2);
        assert!(parse_attributes("").unwrap().is_empty());
        for wrong in ["rack", ":abc", "rack:", "ports:[9-1]"] {
            assert!(parse_attributes(wrong).is_err(), "{wrong}");
        }
    }
}
