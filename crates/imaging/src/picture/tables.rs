//! Chains that change colours one by one, carried out in the colour table of a file that has one:
//! exact, and nothing else in the file moves.

use super::tone;
use crate::{
    Error, Format, Output, bmp, gif, invert::SampleMap, limits::Budget, operations::Operation, png,
    request::Request,
};

/// The result, if the chain and the file are of this kind.
pub(super) fn process(
    input: &[u8],
    format: Format,
    operations: &[Operation],
    limits: &Budget,
) -> Result<Option<Output>, Error> {
    let Some(steps) = operations.iter().map(Step::of).collect::<Option<Vec<_>>>() else {
        return Ok(None);
    };
    let map = |colour| steps.iter().fold(colour, |colour, step| step.apply(colour));
    let request = Request { input, map: SampleMap::Keep, strip: false, limits };
    match format {
        Format::Gif => gif::map_colours(&request, &map).map(Some),
        Format::Png => png::general::map_colours(&request, &map),
        Format::Bmp => bmp::map_colours(&request, &map),
        Format::Jpeg
        | Format::WebP
        | Format::Tiff
        | Format::Pnm
        | Format::Qoi
        | Format::Ico
        | Format::Tga => Ok(None),
    }
}

/// A change of one colour, which knows nothing of its neighbours.
enum Step {
    Samples(Box<[u8; 256]>),
    Gray,
}

impl Step {
    fn samples(map: impl Fn(f64) -> f64) -> Self {
        Self::Samples(Box::new(tone::table(map)))
    }

    fn of(operation: &Operation) -> Option<Self> {
        match operation {
            Operation::Invert { exact: false } => Some(Self::samples(|sample| 1.0 - sample)),
            Operation::Grayscale => Some(Self::Gray),
            Operation::Brightness(percent) => {
                Some(Self::samples(|sample| tone::brightened(sample, *percent)))
            }
            Operation::Contrast(percent) => {
                Some(Self::samples(|sample| tone::contrasted(sample, *percent)))
            }
            Operation::Invert { exact: true }
            | Operation::Resize(_)
            | Operation::Thumbnail(_)
            | Operation::Rotate(_)
            | Operation::Flip(_)
            | Operation::Blur(_)
            | Operation::Convert(_)
            | Operation::Strip => None,
        }
    }

    fn apply(&self, colour: [u8; 3]) -> [u8; 3] {
        match self {
            Self::Samples(table) => {
                colour.map(|sample| table.get(usize::from(sample)).copied().unwrap_or(sample))
            }
            Self::Gray => [tone::luma(colour.map(f32::from)).round() as u8; 3],
        }
    }
}
