//! Numbers with exactly three decimals.

use std::fmt;
use std::iter::Sum;
use std::str::FromStr;

const THOUSANDTHS: f64 = 1000.0;

/// An amount of a scalar resource, kept in thousandths as Mesos does.
///
/// ```
/// use mesos::resources::Scalar;
/// let tenth = Scalar::from_f64(0.1);
/// assert_eq!(tenth.saturating_add(Scalar::from_f64(0.2)), Scalar::from_f64(0.3));
/// assert_eq!(tenth.checked_sub(Scalar::from_f64(0.2)), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Scalar(i64);

impl Scalar {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// `value` rounded to three decimals. Not-a-number counts as zero.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "a cast of a float saturates")]
    pub fn from_f64(value: f64) -> Self {
        Self((value * THOUSANDTHS).round() as i64)
    }

    /// A number of thousandths: `Scalar::from_thousandths(500)` is one half.
    #[must_use]
    pub const fn from_thousandths(thousandths: i64) -> Self {
        Self(thousandths)
    }

    /// The number of thousandths.
    #[must_use]
    pub const fn thousandths(self) -> i64 {
        self.0
    }

    /// The value for the wire.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 thousandths")]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / THOUSANDTHS
    }

    /// Whether there is nothing of it.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum, at most the largest representable amount.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// What is left after taking `other` away, or `None` if that is less than nothing.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(left) if left >= 0 => Some(Self(left)),
            _ => None,
        }
    }

    /// The product, at most the largest representable amount.
    #[must_use]
    pub const fn saturating_mul(self, times: i64) -> Self {
        Self(self.0.saturating_mul(times))
    }
}

/// As [`Scalar::from_f64`].
impl From<f64> for Scalar {
    fn from(value: f64) -> Self {
        Self::from_f64(value)
    }
}

impl Sum for Scalar {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::saturating_add)
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_f64())
    }
}

impl FromStr for Scalar {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim().parse::<f64>() {
            Ok(value) if value.is_finite() && value >= 0.0 => Ok(Self::from_f64(value)),
            _ => Err(format!("{text:?} is not an amount: write a number such as 0.5 or 128")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rounds_to_three_decimals() {
        assert_eq!(Scalar::from_f64(0.0004), Scalar::ZERO);
        assert_eq!(Scalar::from_f64(0.0005).thousandths(), 1);
        assert_eq!(Scalar::from_f64(1.9999).to_f64(), 2.0);
        assert_eq!(Scalar::from_f64(f64::NAN), Scalar::ZERO);
    }

    #[test]
    fn reads_what_it_prints_and_refuses_the_rest() {
        assert_eq!("1.5".parse(), Ok(Scalar::from_thousandths(1500)));
        assert_eq!(Scalar::from_thousandths(1500).to_string(), "1.5");
        for bad in ["", "-1", "inf", "NaN", "one"] {
            assert!(bad.parse::<Scalar>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_added_can_be_taken_away(a in 0_i64..1 << 40, b in 0_i64..1 << 40) {
            let (a, b) = (Scalar::from_thousandths(a), Scalar::from_thousandths(b));
            prop_assert_eq!(a.saturating_add(b).checked_sub(b), Some(a));
            prop_assert_eq!(Scalar::from_f64(a.to_f64()), a);
        }
    }
}
