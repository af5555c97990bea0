//! Which operations a picture goes through, as a value and as text.

use std::{fmt, str::FromStr};

use crate::invert::SampleMap;

/// One operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Maximum minus sample on the colour channels; alpha stays.
    Invert,
}

impl Operation {
    fn named(name: &str) -> Option<Self> {
        match name {
            "invert" => Some(Self::Invert),
            _ => None,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invert => f.write_str("invert"),
        }
    }
}

/// A chain of operations, written as their names with `|` between them.
///
/// ```
/// use imaging::Pipeline;
///
/// let pipeline: Pipeline = " invert ".parse()?;
/// assert_eq!(pipeline, Pipeline::invert());
/// assert_eq!(pipeline.to_string(), "invert");
///
/// let mistake = "invert|inwert".parse::<Pipeline>().unwrap_err();
/// assert_eq!(mistake.position, 7);
/// # Ok::<(), imaging::ParsePipelineError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pipeline(Vec<Operation>);

impl Pipeline {
    /// The chain of the one operation `invert`.
    pub fn invert() -> Self {
        Self(vec![Operation::Invert])
    }

    /// The operations in the order in which they are applied.
    pub fn operations(&self) -> &[Operation] {
        &self.0
    }

    /// The whole chain as a map of single samples: two inversions cancel each other.
    pub(crate) fn sample_map(&self) -> SampleMap {
        self.0.iter().fold(SampleMap::Keep, |map, operation| match operation {
            Operation::Invert => map.inverted(),
        })
    }
}

impl fmt::Display for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, operation) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("|")?;
            }
            operation.fmt(f)?;
        }
        Ok(())
    }
}

impl FromStr for Pipeline {
    type Err = ParsePipelineError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut start = 0;
        let mut operations = Vec::new();
        for part in text.split('|') {
            operations.push(parse_operation(text, start, part)?);
            start += part.len() + 1;
        }
        Ok(Self(operations))
    }
}

fn parse_operation(text: &str, start: usize, part: &str) -> Result<Operation, ParsePipelineError> {
    let name = part.trim();
    Operation::named(name).ok_or_else(|| {
        let indent = part.len() - part.trim_start().len();
        let before = text.get(..start + indent).unwrap_or(text);
        ParsePipelineError {
            pipeline: text.to_owned(),
            name: name.to_owned(),
            position: before.chars().count(),
        }
    })
}

/// Text that is no chain of operations.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} at character {} of \"{pipeline}\"; known is: invert", self.problem(), .position + 1)]
pub struct ParsePipelineError {
    /// The text as it was given.
    pub pipeline: String,
    /// The name that is not known; empty where one is missing.
    pub name: String,
    /// Where it stands, in characters from 0.
    pub position: usize,
}

impl ParsePipelineError {
    fn problem(&self) -> String {
        if self.name.is_empty() {
            "an operation is missing".to_owned()
        } else {
            format!("\"{}\" is not an operation", self.name)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_value_are_inverse() {
        for text in ["invert", "invert|invert", "invert|invert|invert"] {
            assert_eq!(text.parse::<Pipeline>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn errors_point_at_the_character() {
        let at = |text: &str| text.parse::<Pipeline>().unwrap_err().position;
        assert_eq!(at("negate"), 0);
        assert_eq!(at("invert| grün"), 8);
        assert_eq!(at("é|invert"), 0);
        assert_eq!(at("invert|é|x"), 7);
        assert_eq!(at("invert|"), 7);
        assert_eq!(at(""), 0);
    }

    #[test]
    fn errors_name_the_mistake_and_what_is_known() {
        let message = "invert|blur".parse::<Pipeline>().unwrap_err().to_string();
        assert_eq!(
            message,
            "\"blur\" is not an operation at character 8 of \"invert|blur\"; known is: invert"
        );
        let message = "invert|".parse::<Pipeline>().unwrap_err().to_string();
        assert!(message.starts_with("an operation is missing at character 8"), "{message}");
    }

    #[test]
    fn an_even_number_of_inversions_keeps_the_samples() {
        let map = |text: &str| text.parse::<Pipeline>().unwrap().sample_map();
        assert_eq!(map("invert"), SampleMap::Invert);
        assert_eq!(map("invert|invert"), SampleMap::Keep);
        assert_eq!(map("invert|invert|invert"), SampleMap::Invert);
    }
}
