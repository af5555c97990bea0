//! Which operations a picture goes through, as a value and as text.

use std::{fmt, str::FromStr};

use crate::{
    Format,
    invert::SampleMap,
    operations::{Operation, text::Piece},
};

/// A chain of operations, written as their names with `|` between them.
///
/// An argument stands behind a `=`, a second one behind a comma. Blanks around them do not count.
/// What is printed is read back as the same chain.
///
/// ```
/// use imaging::{Operation, Pipeline};
///
/// let pipeline: Pipeline = "invert | resize=800x600".parse()?;
/// assert_eq!(pipeline.operations()[0], Operation::Invert { exact: false });
/// assert_eq!(pipeline.to_string(), "invert|resize=800x600,fit");
///
/// let mistake = "invert|rotate=45".parse::<Pipeline>().unwrap_err();
/// assert_eq!(mistake.position, 14);
/// assert_eq!(
///     mistake.to_string(),
///     "\"45\" is not known at character 15 of \"invert|rotate=45\"; allowed is 90, 180 or 270",
/// );
/// # Ok::<(), imaging::ParsePipelineError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pipeline(Vec<Operation>);

impl Pipeline {
    /// The chain of the one operation `invert`.
    pub fn invert() -> Self {
        Operation::Invert { exact: false }.into()
    }

    /// This chain with one more operation at its end.
    #[must_use]
    pub fn then(mut self, operation: Operation) -> Self {
        self.0.push(operation);
        self
    }

    /// The same chain with `invert=exact` for each `invert`: through the pixels even where a faster
    /// way exists.
    #[must_use]
    pub fn exact(mut self) -> Self {
        for operation in &mut self.0 {
            if let Operation::Invert { exact } = operation {
                *exact = true;
            }
        }
        self
    }

    /// The operations in the order in which they are applied. There is at least one.
    pub fn operations(&self) -> &[Operation] {
        &self.0
    }

    /// The chain in a few words, if it does nothing to a file of `format` but invert and strip, and
    /// leaves the way free.
    pub(crate) fn as_inversion(&self, format: Format) -> Option<Inversion> {
        if self.target().is_some_and(|target| target != format) {
            return None;
        }
        let start = Inversion { map: SampleMap::Keep, strip: false };
        self.0.iter().try_fold(start, |sum, operation| match operation {
            Operation::Invert { exact: false } => {
                Some(Inversion { map: sum.map.inverted(), ..sum })
            }
            Operation::Strip => Some(Inversion { strip: true, ..sum }),
            // To what it is already, as the last conversion counts.
            Operation::Convert(_) => Some(sum),
            Operation::Invert { exact: true }
            | Operation::Grayscale
            | Operation::Resize(_)
            | Operation::Thumbnail(_)
            | Operation::Rotate(_)
            | Operation::Flip(_)
            | Operation::Blur(_)
            | Operation::Brightness(_)
            | Operation::Contrast(_) => None,
        })
    }

    /// The format the result is asked to have; the last conversion counts.
    pub(crate) fn target(&self) -> Option<Format> {
        self.0.iter().rev().find_map(|operation| match operation {
            Operation::Convert(format) => Some(*format),
            Operation::Invert { .. }
            | Operation::Grayscale
            | Operation::Resize(_)
            | Operation::Thumbnail(_)
            | Operation::Rotate(_)
            | Operation::Flip(_)
            | Operation::Blur(_)
            | Operation::Brightness(_)
            | Operation::Contrast(_)
            | Operation::Strip => None,
        })
    }
}

/// What a chain of inversions comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Inversion {
    /// Two inversions cancel each other.
    pub(crate) map: SampleMap,
    /// Whether the metadata are to be removed.
    pub(crate) strip: bool,
}

impl From<Operation> for Pipeline {
    fn from(operation: Operation) -> Self {
        Self(vec![operation])
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
        let pieces = Piece::whole(text).split('|');
        pieces.map(Operation::parse).collect::<Result<_, _>>().map(Self)
    }
}

/// Text that is no chain of operations.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at character {} of \"{pipeline}\"; {remedy}", .position + 1)]
pub struct ParsePipelineError {
    /// The text as it was given.
    pub pipeline: String,
    /// Where the mistake begins, in characters from 0. It is the length of the text where
    /// something is missing at its end.
    pub position: usize,
    /// What is wrong there.
    pub problem: String,
    /// What is allowed there.
    pub remedy: String,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Bounds, Dimensions, Flip, Percent, Resize, Rotation, Side, Sigma};

    fn refused(text: &str) -> ParsePipelineError {
        text.parse::<Pipeline>().unwrap_err()
    }

    #[test]
    fn every_operation_is_printed_as_it_is_written() {
        for text in [
            "invert",
            "invert=exact",
            "grayscale",
            "resize=800x600,fit",
            "resize=800x,fit",
            "resize=x600,fit",
            "resize=800x600,fill",
            "resize=800x600,crop",
            "thumbnail=200x100",
            "thumbnail=200x",
            "rotate=90",
            "rotate=180",
            "rotate=270",
            "flip=horizontal",
            "flip=vertical",
            "blur=2",
            "blur=0.1",
            "blur=12.05",
            "blur=99.5",
            "brightness=-100",
            "contrast=100",
            "convert=jpeg",
            "convert=tiff",
            "convert=webp",
            "strip",
            "invert|resize=800x600,fit|strip",
        ] {
            assert_eq!(text.parse::<Pipeline>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn short_forms_mean_the_long_ones() {
        for (short, long) in [
            ("resize=800x600", "resize=800x600,fit"),
            ("resize = 800 x 600 , crop", "resize=800x600,crop"),
            ("thumbnail=200", "thumbnail=200x200"),
            ("convert=jpg", "convert=jpeg"),
            ("convert=tif", "convert=tiff"),
            ("blur=2.50", "blur=2.5"),
            ("brightness=007", "brightness=7"),
            ("  invert |  strip ", "invert|strip"),
        ] {
            assert_eq!(short.parse::<Pipeline>().unwrap().to_string(), long);
        }
    }

    #[test]
    fn errors_point_at_the_character() {
        for (text, position) in [
            ("", 0),
            ("negate", 0),
            ("invert| grün", 8),
            ("é|invert", 0),
            ("invert|é|x", 7),
            ("invert|", 7),
            ("|invert", 0),
            ("invert||strip", 7),
            ("invert=fast", 7),
            ("invert=", 7),
            ("strip=all", 6),
            ("grayscale=", 10),
            ("invert|blur", 11),
            ("blur=", 5),
            ("blur= fast", 6),
            ("blur=0", 5),
            ("blur=100.01", 5),
            ("blur=1.234", 5),
            ("blur=.5", 5),
            ("blur=1,2", 7),
            ("brightness=101", 11),
            ("brightness=1.5", 11),
            ("contrast=--1", 9),
            ("contrast=", 9),
            ("rotate=45", 7),
            ("rotate=-90", 7),
            ("flip=both", 5),
            ("convert=bmp,png", 12),
            ("convert=avif", 8),
            ("resize=800", 10),
            ("resize=x", 7),
            ("resize=0x600", 7),
            ("resize=800x0", 11),
            ("resize=800x1000001", 11),
            ("resize=800xé", 11),
            ("resize=800x600x", 11),
            ("resize=800x600,", 15),
            ("resize=800x600,stretch", 15),
            ("resize=800x,crop", 7),
            ("resize=800x600,fit,é", 19),
            ("strip|thumbnail=99999999999999999999", 16),
            ("thumbnail=20x30,crop", 16),
        ] {
            assert_eq!(refused(text).position, position, "{text}: {}", refused(text));
        }
    }

    #[test]
    fn errors_name_the_mistake_and_what_is_allowed() {
        for (text, message) in [
            (
                "invert|sepia",
                "\"sepia\" is not an operation at character 8 of \"invert|sepia\"; allowed is \
                 invert, grayscale, resize, thumbnail, rotate, flip, blur, brightness, contrast, \
                 convert or strip",
            ),
            (
                "blur",
                "the argument of blur is missing at character 5 of \"blur\"; write blur=SIGMA, \
                 such as blur=2.5",
            ),
            (
                "contrast=200",
                "\"200\" is out of range at character 10 of \"contrast=200\"; allowed is -100 \
                 to 100 percent",
            ),
            (
                "strip=exif",
                "strip takes no argument at character 7 of \"strip=exif\"; write strip alone",
            ),
            (
                "resize=8x,fill",
                "fill needs a width and a height at character 8 of \"resize=8x,fill\"; write \
                 both, such as resize=800x600,fill, or leave fill out",
            ),
        ] {
            assert_eq!(refused(text).to_string(), message);
        }
        let message = refused("invert|").to_string();
        assert!(message.starts_with("an operation is missing at character 8"), "{message}");
    }

    #[test]
    fn only_inversions_and_strip_leave_the_way_free() {
        let inversion = |text: &str| text.parse::<Pipeline>().unwrap().as_inversion(Format::Jpeg);
        let is = |map, strip| Some(Inversion { map, strip });
        assert_eq!(inversion("invert"), is(SampleMap::Invert, false));
        assert_eq!(inversion("invert|invert"), is(SampleMap::Keep, false));
        assert_eq!(inversion("invert|strip|invert|invert"), is(SampleMap::Invert, true));
        assert_eq!(inversion("strip"), is(SampleMap::Keep, true));
        assert_eq!(inversion("convert=png|invert|convert=jpg"), is(SampleMap::Invert, false));
        assert_eq!(inversion("invert|convert=png"), None);
        assert_eq!(inversion("invert=exact"), None);
        assert_eq!(inversion("invert|grayscale"), None);
    }

    #[test]
    fn the_last_conversion_counts() {
        let target = |text: &str| text.parse::<Pipeline>().unwrap().target();
        assert_eq!(target("convert=png|blur=1|convert=gif|strip"), Some(Format::Gif));
        assert_eq!(target("invert"), None);
    }

    fn side() -> impl Strategy<Value = Side> {
        (1..=Side::MAX).prop_map(|pixels| Side::new(pixels).unwrap())
    }

    fn dimensions() -> impl Strategy<Value = Dimensions> {
        (side(), side()).prop_map(|(width, height)| Dimensions { width, height })
    }

    fn bounds() -> impl Strategy<Value = Bounds> {
        prop_oneof![
            side().prop_map(Bounds::Width),
            side().prop_map(Bounds::Height),
            dimensions().prop_map(Bounds::Both),
        ]
    }

    fn percent() -> impl Strategy<Value = Percent> {
        (-100..=100i8).prop_map(|percent| Percent::new(percent).unwrap())
    }

    fn format() -> impl Strategy<Value = Format> {
        use Format::{Bmp, Gif, Ico, Jpeg, Png, Pnm, Qoi, Tga, Tiff, WebP};
        prop::sample::select(vec![Jpeg, Png, Gif, WebP, Bmp, Tiff, Pnm, Qoi, Ico, Tga])
    }

    fn operation() -> impl Strategy<Value = Operation> {
        use Rotation::{Half, Quarter, ThreeQuarters};
        prop_oneof![
            any::<bool>().prop_map(|exact| Operation::Invert { exact }),
            Just(Operation::Grayscale),
            bounds().prop_map(|bounds| Operation::Resize(Resize::Fit(bounds))),
            dimensions().prop_map(|size| Operation::Resize(Resize::Fill(size))),
            dimensions().prop_map(|size| Operation::Resize(Resize::Crop(size))),
            bounds().prop_map(Operation::Thumbnail),
            prop::sample::select(vec![Quarter, Half, ThreeQuarters]).prop_map(Operation::Rotate),
            prop::sample::select(vec![Flip::Horizontal, Flip::Vertical]).prop_map(Operation::Flip),
            (10..=10_000u16).prop_map(|h| Operation::Blur(Sigma::from_hundredths(h).unwrap())),
            percent().prop_map(Operation::Brightness),
            percent().prop_map(Operation::Contrast),
            format().prop_map(Operation::Convert),
            Just(Operation::Strip),
        ]
    }

    /// Text that is nearly a chain: words of the grammar in any order.
    fn nearly() -> impl Strategy<Value = String> {
        let words = "invert exact resize thumbnail rotate flip blur convert strip fit crop 90 800 \
                     0 -1 2.5 x | | = = , é jpg";
        let words: Vec<&str> = words.split(' ').chain([" "]).collect();
        prop::collection::vec(prop::sample::select(words), 0..12).prop_map(|words| words.concat())
    }

    fn check_any_text(text: &str) -> Result<(), TestCaseError> {
        match text.parse::<Pipeline>() {
            Ok(pipeline) => prop_assert_eq!(pipeline.to_string().parse(), Ok(pipeline)),
            Err(error) => {
                prop_assert!(error.position <= text.chars().count());
                prop_assert!(!error.problem.is_empty() && !error.remedy.is_empty());
            }
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn text_and_value_are_inverse(operations in prop::collection::vec(operation(), 1..6)) {
            let pipeline = Pipeline(operations);
            let text = pipeline.to_string();
            let parsed: Pipeline = text.parse().unwrap();
            prop_assert_eq!(parsed.to_string(), text);
            prop_assert_eq!(parsed, pipeline);
        }

        #[test]
        fn any_text_is_a_chain_or_has_an_error_within_it(text in "\\PC{0,40}") {
            check_any_text(&text)?;
        }

        #[test]
        fn what_is_nearly_a_chain_is_one_or_has_an_error_within_it(text in nearly()) {
            check_any_text(&text)?;
        }
    }
}
