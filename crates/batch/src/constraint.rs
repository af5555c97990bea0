//! On which agents may tasks run?

use std::fmt;
use std::str::FromStr;

use mesos::v1::{Attribute, Offer, value};
use regex_lite::Regex;

/// A condition on the agent of an offer, as in Marathon: `ATTRIBUTE:OPERATOR:VALUE`.
///
/// | operator | holds when the attribute |
/// |---|---|
/// | `IS`, `CLUSTER` | is there and has this value |
/// | `LIKE` | is there, and the regular expression matches its whole value |
/// | `UNLIKE` | is not there, or the regular expression does not match its whole value |
///
/// The name `hostname` stands for the agent's host name.
///
/// ```
/// use batch::Constraint;
/// use mesos::v1::Offer;
/// let offer = Offer { hostname: "node-7".into(), ..Offer::default() };
/// let holds = |text: &str| text.parse::<Constraint>().unwrap().holds(&offer);
/// assert!(holds("hostname:LIKE:node-[0-9]") && holds("rack:UNLIKE:a"));
/// assert!(!holds("hostname:LIKE:node") && !holds("rack:IS:a"));
/// ```
#[derive(Debug, Clone)]
pub struct Constraint {
    text: String,
    attribute: String,
    test: Test,
}

#[derive(Debug, Clone)]
enum Test {
    Is(String),
    Like(Regex),
    Unlike(Regex),
}

impl Constraint {
    /// Whether tasks may go into this offer.
    #[must_use]
    pub fn holds(&self, offer: &Offer) -> bool {
        if self.attribute == "hostname" {
            return self.test.holds(std::iter::once(offer.hostname.clone()));
        }
        let named = offer.attributes.iter().filter(|held| held.name == self.attribute);
        self.test.holds(named.flat_map(values))
    }
}

impl Test {
    fn holds(&self, mut values: impl Iterator<Item = String>) -> bool {
        match self {
            Self::Is(wanted) => values.any(|value| value == *wanted),
            Self::Like(pattern) => values.any(|value| pattern.is_match(&value)),
            Self::Unlike(pattern) => !values.any(|value| pattern.is_match(&value)),
        }
    }
}

/// The values of an attribute as they are written in an agent's `--attributes`.
fn values(attribute: &Attribute) -> Vec<String> {
    match attribute.r#type() {
        value::Type::Text => attribute.text.iter().map(|text| text.value.clone()).collect(),
        value::Type::Scalar => attribute.scalar.iter().map(|held| held.value.to_string()).collect(),
        value::Type::Set => attribute.set.iter().flat_map(|set| set.item.clone()).collect(),
        value::Type::Ranges => {
            let ranges = attribute.ranges.iter().flat_map(|ranges| &ranges.range);
            ranges.map(|range| format!("{}-{}", range.begin, range.end)).collect()
        }
    }
}

impl FromStr for Constraint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || "write it as ATTRIBUTE:OPERATOR:VALUE, for example rack:LIKE:r[12]".to_owned();
        let (attribute, rest) = text.split_once(':').ok_or_else(wrong)?;
        let (operator, value) = rest.split_once(':').ok_or_else(wrong)?;
        if attribute.is_empty() || value.is_empty() {
            return Err(wrong());
        }
        let pattern = || {
            let whole = Regex::new(&format!("^(?:{value})$"));
            whole.map_err(|error| format!("{value} is no regular expression: {error}"))
        };
        let test = match operator.to_ascii_uppercase().as_str() {
            "IS" | "CLUSTER" => Test::Is(value.to_owned()),
            "LIKE" => Test::Like(pattern()?),
            "UNLIKE" => Test::Unlike(pattern()?),
            _ => {
                return Err(format!(
                    "{operator} is no operator here: give IS, CLUSTER, LIKE or UNLIKE"
                ));
            }
        };
        Ok(Self { text: text.to_owned(), attribute: attribute.to_owned(), test })
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Constraints are the same when they are written in the same way.
impl PartialEq for Constraint {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer() -> Offer {
        let text = |name: &str, value: &str| Attribute {
            name: name.into(),
            r#type: value::Type::Text.into(),
            text: Some(value::Text { value: value.into() }),
            ..Attribute::default()
        };
        let level = Attribute {
            name: "level".into(),
            r#type: value::Type::Scalar.into(),
            scalar: Some(value::Scalar { value: 3.0 }),
            ..Attribute::default()
        };
        Offer {
            attributes: vec![text("rack", "r1"), text("zone", "a:b"), level],
            ..Offer::default()
        }
    }

    #[test]
    fn each_operator_holds_and_fails() {
        let holds = |text: &str| text.parse::<Constraint>().unwrap().holds(&offer());
        for text in [
            "rack:IS:r1",
            "rack:CLUSTER:r1",
            "rack:LIKE:r[12]",
            "rack:like:r1|x",
            "rack:UNLIKE:r2",
            "none:UNLIKE:.*",
            "zone:IS:a:b",
            "level:IS:3",
        ] {
            assert!(holds(text), "{text}");
        }
        for text in ["rack:IS:r", "rack:LIKE:r", "rack:UNLIKE:r.", "none:LIKE:.*", "none:IS:x"] {
            assert!(!holds(text), "{text}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let error = |text: &str| text.parse::<Constraint>().unwrap_err();
        assert!(error("rack").contains("ATTRIBUTE:OPERATOR:VALUE"));
        assert!(error("rack:IS:").contains("ATTRIBUTE:OPERATOR:VALUE"));
        assert!(error("rack:NEAR:a").contains("no operator"));
        assert!(error("rack:LIKE:[").contains("no regular expression"));
    }
}
