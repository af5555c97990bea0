//! Which agents a task may run on, by their attributes.

use serde::Deserialize;

use super::fields::{Fault, choice};
use crate::resources::Scalar;
use crate::v1::{Attribute, value};

/// A condition on the attributes of an agent: one of them has one of these values.
///
/// An agent names its attributes with its flag `--attributes`, as in `rack:a;level:10`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// The attribute's name. Default: any attribute of the type.
    #[serde(default)]
    pub name: Option<String>,
    /// `text`, `scalar`, `ranges` or `set`.
    #[serde(rename = "type")]
    pub kind: AttributeKind,
    /// The values that will do, at least one: texts (in whatever case) or items for `text` and
    /// `set`, numbers for `scalar` and `ranges`.
    #[serde(alias = "values")]
    pub value: Vec<FilterValue>,
}

choice! {
    /// Types of attributes.
    AttributeKind {
        /// A text, as in `rack:a`.
        Text: "text",
        /// A number, as in `level:10`.
        Scalar: "scalar",
        /// Whole numbers, as in `vlans:[1-9]`.
        Ranges: "ranges",
        /// Items, as in `disks:{ssd,nvme}`.
        Set: "set",
    }
}

/// A value in a filter; numbers may be written as texts.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum FilterValue {
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}

impl FilterValue {
    fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        }
    }

    fn whole(&self) -> Option<u64> {
        match self {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
            Self::Number(number) => {
                (number.fract() == 0.0 && *number >= 0.0 && *number < 2_f64.powi(53))
                    .then_some(*number as u64)
            }
            Self::Text(text) => text.trim().parse().ok(),
        }
    }
}

impl Filter {
    pub(super) fn check(&self) -> Result<(), Fault> {
        if self.value.is_empty() {
            return Err(Fault::at("value", "is empty, so no agent would do"));
        }
        for (index, value) in self.value.iter().enumerate() {
            let wrong = match self.kind {
                AttributeKind::Scalar => value.number().is_none().then_some("a number"),
                AttributeKind::Ranges => value.whole().is_none().then_some("a whole number"),
                AttributeKind::Text | AttributeKind::Set => None,
            };
            if let Some(wanted) = wrong {
                let text = format!("{:?} is not {wanted}", value.text());
                return Err(Fault::at(format!("value[{index}]"), text));
            }
        }
        Ok(())
    }

    /// Whether the condition holds for an agent with these attributes.
    #[must_use]
    pub fn holds(&self, attributes: &[Attribute]) -> bool {
        let named =
            |attribute: &&Attribute| self.name.as_ref().is_none_or(|name| *name == attribute.name);
        attributes
            .iter()
            .filter(named)
            .any(|attribute| self.value.iter().any(|value| self.suits(value, attribute)))
    }

    fn suits(&self, value: &FilterValue, attribute: &Attribute) -> bool {
        match (self.kind, attribute.r#type()) {
            (AttributeKind::Text, value::Type::Text) => attribute
                .text
                .as_ref()
                .is_some_and(|held| held.value.to_lowercase() == value.text().to_lowercase()),
            (AttributeKind::Scalar, value::Type::Scalar) => {
                let held = attribute.scalar.map(|held| Scalar::from_f64(held.value));
                held.is_some() && held == value.number().map(Scalar::from_f64)
            }
            (AttributeKind::Ranges, value::Type::Ranges) => {
                let Some(number) = value.whole() else { return false };
                let is_in = |range: &value::Range| (range.begin..=range.end).contains(&number);
                attribute.ranges.as_ref().is_some_and(|held| held.range.iter().any(is_in))
            }
            (AttributeKind::Set, value::Type::Set) => {
                attribute.set.as_ref().is_some_and(|held| held.item.contains(&value.text()))
            }
            (
                AttributeKind::Text
                | AttributeKind::Scalar
                | AttributeKind::Ranges
                | AttributeKind::Set,
                _,
            ) => false,
        }
    }
}
