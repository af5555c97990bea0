//! How light and how strong colours are: `brightness` and `contrast`.

use std::fmt;

use super::text::{Call, number};
use crate::ParsePipelineError;

/// A change by -100 to 100 percent; 0 changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(i8);

impl Percent {
    /// `None` outside of -100 to 100.
    pub const fn new(percent: i8) -> Option<Self> {
        if percent >= -100 && percent <= 100 { Some(Self(percent)) } else { None }
    }

    /// The number of percent.
    pub const fn get(self) -> i8 {
        self.0
    }

    pub(super) fn parse(call: Call<'_>, usage: &str) -> Result<Self, ParsePipelineError> {
        let percent = number(call.argument(usage)?, -100..=100, "percent")?;
        Ok(Self(percent as i8))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
