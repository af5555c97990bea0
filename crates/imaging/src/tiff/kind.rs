//! Which kinds of TIFF can be decoded, and what is said of the others: the codec names what it does
//! not know by its own types.

use super::{BITS, PALETTE, PHOTOMETRIC, directory::Directory};
use crate::{Error, Format};

pub(super) const COMPRESSION: u16 = 259;
const SAMPLES: u16 = 277;
const SAMPLE_FORMAT: u16 = 339;
/// More samples of a pixel are not looked at.
const MOST_SAMPLES: usize = 8;
const RGB: usize = 2;
const CMYK: usize = 5;

/// Refuses what the codec would refuse or take for something else.
pub(super) fn check(directory: &Directory<'_>) -> Result<(), Error> {
    check_compression(directory.value(COMPRESSION).unwrap_or(1))?;
    let meaning = directory.value(PHOTOMETRIC).ok_or_else(|| {
        Error::corrupt(Format::Tiff, "it does not say what its samples mean (tag 262)")
    })?;
    check_colours(meaning)?;
    check_count(meaning, directory.value(SAMPLES).unwrap_or(1))?;
    let bits = directory.some_values(BITS, MOST_SAMPLES).unwrap_or_else(|| vec![1]);
    check_samples(meaning, &bits, directory.value(SAMPLE_FORMAT).unwrap_or(1))
}

fn check_compression(method: usize) -> Result<(), Error> {
    let name = match method {
        1 | 4 | 5 | 7 | 8 | 32773 | 32946 => return Ok(()),
        2 => "CCITT run lengths",
        3 => "CCITT fax of group 3",
        6 => "JPEG of the old kind",
        9 | 10 => "JBIG",
        34712 => "JPEG 2000",
        34887 => "LERC",
        34925 => "LZMA",
        50000 => "Zstandard",
        50001 => "WebP",
        50002 => "JPEG XL",
        _ => "something unknown",
    };
    Err(Error::unsupported(format!(
        "the TIFF is compressed by {name} (method {method}), which is not supported; save it with \
         LZW or Deflate"
    )))
}

fn check_colours(meaning: usize) -> Result<(), Error> {
    let name = match meaning {
        0 | 1 | RGB | PALETTE | CMYK => return Ok(()),
        4 => "a mask",
        6 => "YCbCr colours",
        8..=10 => "Lab colours",
        32803 | 34892 => "raw data of a camera",
        32844 | 32845 => "logarithms of colours",
        _ => "unknown colours",
    };
    Err(Error::unsupported(format!(
        "the TIFF holds {name} (photometric interpretation {meaning}), which is not supported; \
         convert it to RGB"
    )))
}

fn check_count(meaning: usize, samples: usize) -> Result<(), Error> {
    if samples == 1 || !matches!(meaning, 0 | 1 | PALETTE) {
        return Ok(());
    }
    Err(Error::unsupported(format!(
        "the TIFF holds {samples} samples for each pixel of gray or of a palette, which is not \
         supported; save it as RGB"
    )))
}

fn check_samples(meaning: usize, bits: &[usize], format: usize) -> Result<(), Error> {
    let first = bits.first().copied().unwrap_or(1);
    let are_alike = bits.iter().all(|&other| other == first);
    let is_supported = match (format, first) {
        (2, _) => false,
        (3, 32) => meaning == RGB,
        (3, _) => false,
        (_, 1 | 2 | 4) => matches!(meaning, 0 | 1 | PALETTE),
        (_, 8) => true,
        (_, 16) => meaning != PALETTE,
        _ => false,
    };
    if are_alike && is_supported {
        return Ok(());
    }
    let kind = match format {
        2 => "samples with a sign",
        3 => "floating point samples",
        _ => "samples",
    };
    let counts: Vec<String> = bits.iter().map(usize::to_string).collect();
    let bits = if are_alike { first.to_string() } else { counts.join(", ") };
    Err(Error::unsupported(format!(
        "the TIFF holds {kind} of {bits} bits, which is not supported; save it with 8 or 16 bits a \
         sample"
    )))
}
