//! Durations as Mesos writes them: a number and a unit, as in `15mins` or `1.5secs`.

use std::time::Duration;

/// Units and their length in seconds.
const UNITS: [(&str, f64); 8] = [
    ("ns", 1e-9),
    ("us", 1e-6),
    ("ms", 1e-3),
    ("secs", 1.0),
    ("mins", 60.0),
    ("hrs", 3600.0),
    ("days", 86_400.0),
    ("weeks", 604_800.0),
];

/// Reads a duration, or gives `None` for what Mesos would not write.
///
/// ```
/// use std::time::Duration;
/// assert_eq!(mesos::duration::parse("15mins"), Some(Duration::from_secs(900)));
/// assert_eq!(mesos::duration::parse("5s"), None);
/// ```
#[must_use]
pub fn parse(text: &str) -> Option<Duration> {
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at_checked(unit_at)?;
    let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit)?;
    Duration::try_from_secs_f64(number.trim().parse::<f64>().ok()? * seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_unit() {
        for (text, millis) in [
            ("5secs", 5000),
            ("1.5secs", 1500),
            ("90ms", 90),
            ("1hrs", 3_600_000),
            ("1days", 86_400_000),
        ] {
            assert_eq!(parse(text), Some(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn refuses_the_rest() {
        for text in ["", "5", "secs", "-1secs", "5 m", "infsecs"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
