//! How far a result is from maximum minus source.

use image::DynamicImage;

/// Differences in levels of 255.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Difference {
    pub(crate) mean: f64,
    pub(crate) largest: f64,
}

/// What is wrong with `after` as the inverse of `before`: another kind of colours, another size or
/// another alpha is an error.
pub(crate) fn from_inverse(
    before: &DynamicImage,
    after: &DynamicImage,
) -> Result<Difference, String> {
    if before.color() != after.color() {
        return Err(format!("{:?} became {:?}", before.color(), after.color()));
    }
    let size = |picture: &DynamicImage| (picture.width(), picture.height());
    if size(before) != size(after) {
        return Err(format!("{:?} became {:?}", size(before), size(after)));
    }
    if let (DynamicImage::ImageRgb8(before), DynamicImage::ImageRgb8(after)) = (before, after) {
        return Ok(of_samples(before.as_raw(), after.as_raw()));
    }
    let (before, after) = (before.to_rgba16(), after.to_rgba16());
    let (mut sum, mut largest) = (0, 0);
    for (before, after) in before.pixels().zip(after.pixels()) {
        if before == after && before.0[3] == 0 {
            // Decoders of animations give no colour to what nobody sees.
            continue;
        }
        for (before, after) in before.0.iter().zip(&after.0).take(3) {
            let difference = after.abs_diff(u16::MAX - before);
            sum += u64::from(difference);
            largest = largest.max(difference);
        }
        if before.0[3] != after.0[3] {
            return Err("alpha changed".to_owned());
        }
    }
    let mean = sum as f64 / (before.pixels().len() as f64 * 3.0) / 257.0;
    Ok(Difference { mean, largest: f64::from(largest) / 257.0 })
}

pub(crate) fn of_samples(before: &[u8], after: &[u8]) -> Difference {
    assert_eq!(before.len(), after.len(), "as many samples");
    let differences =
        || before.iter().zip(after).map(|(before, after)| after.abs_diff(255 - before));
    let sum: u64 = differences().map(u64::from).sum();
    let largest = differences().max().unwrap_or(0);
    Difference { mean: sum as f64 / before.len() as f64, largest: largest.into() }
}

/// How far two pictures of the same size are from each other, in levels of 255.
pub(crate) fn mean_distance(one: &[u8], other: &[u8]) -> f64 {
    let opposite: Vec<u8> = other.iter().map(|sample| 255 - sample).collect();
    of_samples(one, &opposite).mean
}
