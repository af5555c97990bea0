//! Gaussian blur: `blur`.

use std::fmt;

use super::text::Call;
use crate::ParsePipelineError;

const USAGE: &str = "blur=SIGMA, such as blur=2.5";
const REMEDY: &str = "allowed is 0.1 to 100 pixels, with up to two decimals";

/// The standard deviation of a Gaussian blur: 0.1 to 100 pixels, in steps of a hundredth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sigma {
    hundredths: u16,
}

impl Sigma {
    const MIN: u16 = 10;
    const MAX: u16 = 10_000;

    /// From hundredths of a pixel; `None` outside of 0.1 to 100 pixels.
    pub const fn from_hundredths(hundredths: u16) -> Option<Self> {
        if hundredths >= Self::MIN && hundredths <= Self::MAX {
            Some(Self { hundredths })
        } else {
            None
        }
    }

    /// The deviation in pixels.
    pub fn pixels(self) -> f32 {
        f32::from(self.hundredths) / 100.0
    }

    pub(super) fn parse(call: Call<'_>) -> Result<Self, ParsePipelineError> {
        let piece = call.argument(USAGE)?;
        let text = piece.text();
        let hundredths = hundredths(text);
        let hundredths = hundredths
            .ok_or_else(|| piece.wrong(format!("\"{text}\" is no number of pixels"), REMEDY))?;
        let sigma = u16::try_from(hundredths).ok().and_then(Self::from_hundredths);
        sigma.ok_or_else(|| piece.wrong(format!("\"{text}\" is out of range"), REMEDY))
    }
}

/// A decimal number with at most two decimals, times 100. What is too large to count is as large
/// as it can be.
fn hundredths(text: &str) -> Option<u64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !are_digits(whole) || !are_digits(decimals) || decimals.len() > 2 {
        return None;
    }
    let fraction: u64 = format!("{decimals:0<2}").parse().ok()?;
    let whole: u64 = whole.parse().unwrap_or(u64::MAX);
    Some(whole.saturating_mul(100).saturating_add(fraction))
}

impl fmt::Display for Sigma {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, decimals) = (self.hundredths / 100, self.hundredths % 100);
        match decimals {
            0 => write!(f, "{whole}"),
            tenths if tenths % 10 == 0 => write!(f, "{whole}.{}", tenths / 10),
            hundredths => write!(f, "{whole}.{hundredths:02}"),
        }
    }
}
