//! A chain of operations, laid out for one picture before any of its pixels are read.

use image::{DynamicImage, metadata::Orientation};

use super::{blur, resize, tone};
use crate::{
    Error, Limits, jpeg,
    limits::Budget,
    operations::{Bounds, Flip, Operation, Percent, Resize, Rotation, Sigma},
};

/// One change of the pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Step {
    Upright(Orientation),
    Invert,
    Grayscale,
    /// Exactly this size; with `crop` the shape is kept and what stands over cut off.
    Resize {
        width: u32,
        height: u32,
        crop: bool,
    },
    Rotate(Rotation),
    Flip(Flip),
    Blur(Sigma),
    Brightness(Percent),
    Contrast(Percent),
}

/// The steps, and what they come to.
#[derive(Debug, Clone)]
pub(crate) struct Steps {
    pub(crate) steps: Vec<Step>,
    /// The size of the result.
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// The most pixels that any one step holds, before, between and after.
    pub(crate) peak_pixels: u64,
}

impl Steps {
    /// Lays out `operations` for a picture of this size, and checks every size on the way.
    ///
    /// `upright` is what has to be done to it before anything else.
    pub(crate) fn plan(
        operations: &[Operation],
        (width, height): (u32, u32),
        upright: Orientation,
        limits: &Limits,
    ) -> Result<Self, Error> {
        let peak_pixels = area(width, height);
        let mut plan = Self { steps: Vec::new(), width, height, peak_pixels };
        if upright != Orientation::NoTransforms {
            plan.push(Step::Upright(upright), limits)?;
        }
        for operation in operations {
            if let Some(step) = plan.step(*operation) {
                plan.push(step, limits)?;
            }
        }
        Ok(plan)
    }

    fn step(&self, operation: Operation) -> Option<Step> {
        match operation {
            Operation::Invert { .. } => Some(Step::Invert),
            Operation::Grayscale => Some(Step::Grayscale),
            Operation::Resize(resize) => self.resize(resize),
            Operation::Thumbnail(bounds) if bounds.hold(self.width, self.height) => None,
            Operation::Thumbnail(bounds) => self.fit(bounds),
            Operation::Rotate(rotation) => Some(Step::Rotate(rotation)),
            Operation::Flip(flip) => Some(Step::Flip(flip)),
            Operation::Blur(sigma) => Some(Step::Blur(sigma)),
            Operation::Brightness(percent) => Some(Step::Brightness(percent)),
            Operation::Contrast(percent) => Some(Step::Contrast(percent)),
            Operation::Convert(_) | Operation::Strip => None,
        }
    }

    fn resize(&self, resize: Resize) -> Option<Step> {
        match resize {
            Resize::Fit(bounds) => self.fit(bounds),
            Resize::Fill(size) => self.to(size.width.pixels(), size.height.pixels(), false),
            Resize::Crop(size) => self.to(size.width.pixels(), size.height.pixels(), true),
        }
    }

    fn fit(&self, bounds: Bounds) -> Option<Step> {
        let (width, height) = bounds.fitted(self.width, self.height);
        self.to(width, height, false)
    }

    fn to(&self, width: u32, height: u32, crop: bool) -> Option<Step> {
        let changes = (width, height) != (self.width, self.height);
        changes.then_some(Step::Resize { width, height, crop })
    }

    fn push(&mut self, step: Step, limits: &Limits) -> Result<(), Error> {
        let before = area(self.width, self.height);
        let mut between = 0;
        if let Step::Resize { width, height, .. } = step {
            // A copy that is multiplied with its alpha, and the picture in its new width only.
            between = before + area(width, self.height);
            (self.width, self.height) = (width, height);
        } else if step.turns() {
            (self.width, self.height) = (self.height, self.width);
        }
        limits.check_size(self.width, self.height)?;
        let after = area(self.width, self.height);
        let copies = if matches!(step, Step::Blur(_)) { blur::COPIES } else { 1 };
        self.peak_pixels = self.peak_pixels.max(before + between + copies * after);
        self.steps.push(step);
        Ok(())
    }

    /// Whether width and height have changed places in the end.
    pub(crate) fn turn(&self) -> bool {
        self.steps.iter().filter(|step| step.turns()).count() % 2 == 1
    }

    /// Whether pixels only change places or are inverted, so that any kind of colours will do.
    pub(crate) fn keep_colours(&self) -> bool {
        self.steps.iter().all(|step| match step {
            Step::Upright(_) | Step::Invert | Step::Rotate(_) | Step::Flip(_) => true,
            Step::Grayscale
            | Step::Resize { .. }
            | Step::Blur(_)
            | Step::Brightness(_)
            | Step::Contrast(_) => false,
        })
    }

    /// Applies all steps, looking at the time before each.
    pub(crate) fn apply(
        &self,
        image: DynamicImage,
        limits: &Budget,
    ) -> Result<DynamicImage, Error> {
        self.steps.iter().try_fold(image, |image, step| {
            limits.check_time()?;
            step.apply(image)
        })
    }

    /// Applies all steps to luma and chroma; all of them [keep colours](Self::keep_colours).
    pub(crate) fn apply_to_ycbcr(&self, image: DynamicImage) -> Result<DynamicImage, Error> {
        self.steps.iter().try_fold(image, |mut image, step| match (step, image.as_mut_rgb8()) {
            (Step::Invert, Some(samples)) => {
                jpeg::general::invert_ycbcr(samples);
                Ok(image)
            }
            _ => step.apply(image),
        })
    }
}

fn area(width: u32, height: u32) -> u64 {
    u64::from(width) * u64::from(height)
}

impl Step {
    /// Whether width and height change places.
    fn turns(self) -> bool {
        match self {
            Self::Upright(orientation) => orientation.to_exif() >= 5,
            Self::Rotate(rotation) => rotation != Rotation::Half,
            Self::Invert
            | Self::Grayscale
            | Self::Resize { .. }
            | Self::Flip(_)
            | Self::Blur(_)
            | Self::Brightness(_)
            | Self::Contrast(_) => false,
        }
    }

    fn apply(self, mut image: DynamicImage) -> Result<DynamicImage, Error> {
        match self {
            Self::Upright(orientation) => image.apply_orientation(orientation),
            Self::Invert => tone::invert(&mut image),
            Self::Grayscale => image = tone::grayscale(image),
            Self::Resize { width, height, crop } => {
                image = resize::resize(&image, width, height, crop)?;
            }
            Self::Rotate(Rotation::Quarter) => image = image.rotate90(),
            Self::Rotate(Rotation::Half) => image.apply_orientation(Orientation::Rotate180),
            Self::Rotate(Rotation::ThreeQuarters) => image = image.rotate270(),
            Self::Flip(Flip::Horizontal) => image.apply_orientation(Orientation::FlipHorizontal),
            Self::Flip(Flip::Vertical) => image.apply_orientation(Orientation::FlipVertical),
            Self::Blur(sigma) => image = blur::blur(image, sigma)?,
            Self::Brightness(percent) => tone::brighten(&mut image, percent),
            Self::Contrast(percent) => tone::contrast(&mut image, percent),
        }
        Ok(image)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Class, Pipeline};

    fn plan(text: &str, size: (u32, u32), upright: Orientation) -> Result<Steps, Error> {
        let pipeline: Pipeline = text.parse().unwrap();
        Steps::plan(pipeline.operations(), size, upright, &Limits::default())
    }

    #[test]
    fn sizes_follow_the_operations() {
        for (text, size) in [
            ("rotate=90", (3, 4)),
            ("rotate=180|flip=vertical", (4, 3)),
            ("resize=8x8", (8, 6)),
            ("rotate=270|resize=8x8", (6, 8)),
            ("resize=5x7,crop|rotate=90", (7, 5)),
            ("thumbnail=4", (4, 3)),
            ("thumbnail=2", (2, 2)),
        ] {
            let plan = plan(text, (4, 3), Orientation::NoTransforms).unwrap();
            assert_eq!((plan.width, plan.height), size, "{text}");
        }
        let turned = plan("resize=8x8", (4, 3), Orientation::Rotate90).unwrap();
        assert_eq!((turned.width, turned.height), (6, 8));
        assert!(turned.turn());
    }

    #[test]
    fn every_size_on_the_way_is_checked() {
        for text in ["resize=60000x60000", "resize=60000x60000,fill|thumbnail=1", "resize=1000000x"]
        {
            let error = plan(text, (100, 100), Orientation::NoTransforms);
            let error = error.map(|_| ()).unwrap_err();
            assert_eq!(error.class, Class::TooLarge, "{text}");
        }
    }

    #[test]
    fn what_lies_between_two_narrow_sizes_is_counted() {
        let plan = plan("resize=10000x1,fill", (1, 10_000), Orientation::NoTransforms).unwrap();
        assert!(plan.peak_pixels > 100_000_000);
    }

    #[test]
    fn what_changes_nothing_is_left_out() {
        let plan = plan("resize=4x3,crop|thumbnail=9|strip", (4, 3), Orientation::NoTransforms);
        assert!(plan.unwrap().steps.is_empty());
    }
}
