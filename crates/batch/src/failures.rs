//! When is it no use to go on?

use std::fmt;
use std::str::FromStr;

/// How many images may fail before the job is given up.
///
/// ```
/// use batch::MaxFailures;
/// let few: MaxFailures = "10".parse().unwrap();
/// assert!(few.exceeded(11, 1_000) && !few.exceeded(10, 1_000));
/// let part: MaxFailures = "2.5%".parse().unwrap();
/// assert!(part.exceeded(26, 1_000) && !part.exceeded(25, 1_000));
/// assert_eq!(part.to_string(), "2.5%");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxFailures {
    /// So many.
    Images(u64),
    /// Such a part of the whole list, in hundredths of a percent. It is looked at once the whole
    /// list is known.
    Part(u64),
}

impl MaxFailures {
    /// The job ends with the first failure.
    pub const NONE: Self = Self::Images(0);

    /// Whether so many failures of so many images are too many.
    #[must_use]
    pub fn exceeded(self, failed: u64, total: u64) -> bool {
        match self {
            Self::Images(most) => failed > most,
            Self::Part(part) => u128::from(failed) * 10_000 > u128::from(total) * u128::from(part),
        }
    }
}

impl fmt::Display for MaxFailures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Images(most) => write!(f, "{most}"),
            Self::Part(part) => {
                let text = format!("{}.{:02}", part / 100, part % 100);
                write!(f, "{}%", text.trim_end_matches('0').trim_end_matches('.'))
            }
        }
    }
}

impl FromStr for MaxFailures {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "give a number of images, or a part of them such as 5%".to_owned();
        let Some(percent) = text.strip_suffix('%') else {
            return text.parse().map(Self::Images).map_err(|_| wrong());
        };
        let (whole, part) = percent.split_once('.').unwrap_or((percent, ""));
        let are_digits = [whole, part].iter().all(|t| t.bytes().all(|b| b.is_ascii_digit()));
        if !are_digits || whole.is_empty() || part.len() > 2 {
            return Err(wrong());
        }
        let hundredths: u64 = format!("{whole}{part:0<2}").parse().map_err(|_| wrong())?;
        if hundredths > 10_000 { Err(wrong()) } else { Ok(Self::Part(hundredths)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_parts_are_read_and_the_rest_is_refused() {
        let read = |text: &str| text.parse::<MaxFailures>();
        assert_eq!(read("0"), Ok(MaxFailures::NONE));
        assert_eq!(read("5%"), Ok(MaxFailures::Part(500)));
        assert_eq!(read("0.25%"), Ok(MaxFailures::Part(25)));
        for wrong in ["", "%", "-1", "101%", "1.234%", "x", "1e3", ".5%", "5 %"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert_eq!(MaxFailures::Part(500).to_string(), "5%");
    }

    #[test]
    fn every_image_may_fail_if_all_of_them_may() {
        assert!(!MaxFailures::Part(10_000).exceeded(u64::MAX, u64::MAX));
        assert!(MaxFailures::Part(0).exceeded(1, u64::MAX));
    }
}
