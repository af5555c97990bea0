//! What the frames of an animation leave for those behind them, in formats whose frames are parts
//! of the picture.

use image::RgbaImage;

/// The picture as it is shown, and what has to be done to it before the next frame comes.
pub(crate) struct Canvas {
    image: RgbaImage,
    left_over: LeftOver,
}

/// Where a frame lies, in pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) left: u32,
    pub(crate) top: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// What becomes of a frame once it was shown.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Disposal {
    Keep,
    /// Its place is cleared.
    Clear,
    /// What was there before comes back.
    Restore,
}

/// How a frame is put on what is there.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Blending {
    Replace,
    Over,
}

enum LeftOver {
    Everything,
    Nothing(Place),
    Former(Place, Vec<[u8; 4]>),
}

impl Canvas {
    /// With nothing on it.
    pub(crate) fn new(width: u32, height: u32) -> Self {
        Self { image: RgbaImage::new(width, height), left_over: LeftOver::Everything }
    }

    /// Removes what the last frame does not leave behind, for one that comes to `place`.
    pub(crate) fn begin(&mut self, place: Place, disposal: Disposal) {
        match std::mem::replace(&mut self.left_over, LeftOver::Everything) {
            LeftOver::Everything => {}
            LeftOver::Nothing(place) => self.rows(place).for_each(|row| row.fill([0; 4])),
            LeftOver::Former(place, former) => {
                let rows = former.chunks_exact(place.width.max(1) as usize);
                self.rows(place).zip(rows).for_each(|(row, former)| row.copy_from_slice(former));
            }
        }
        self.left_over = match disposal {
            Disposal::Keep => LeftOver::Everything,
            Disposal::Clear => LeftOver::Nothing(place),
            Disposal::Restore => {
                let former = self.rows(place).flat_map(|row| row.iter().copied());
                LeftOver::Former(place, former.collect())
            }
        };
    }

    /// The pixels of a place, row by row; none of a place that is not on the canvas.
    pub(crate) fn rows(&mut self, place: Place) -> impl Iterator<Item = &mut [[u8; 4]]> {
        let [left, top, width, height] =
            [place.left, place.top, place.width, place.height].map(|size| size as usize);
        let row_width = (self.image.width() as usize).max(1);
        let (pixels, _) = self.image.as_chunks_mut::<4>();
        let rows = pixels.chunks_exact_mut(row_width).skip(top).take(height);
        rows.filter_map(move |row| row.get_mut(left..left.checked_add(width)?))
    }

    /// The picture so far.
    pub(crate) fn shown(&self) -> RgbaImage {
        self.image.clone()
    }
}

impl Blending {
    /// Puts pixels on a row of a canvas.
    pub(crate) fn put(self, row: &mut [[u8; 4]], pixels: impl Iterator<Item = [u8; 4]>) {
        for (below, above) in row.iter_mut().zip(pixels) {
            *below = match self {
                Self::Replace => above,
                Self::Over => over(*below, above),
            };
        }
    }
}

/// Each level is the nearest to what the shares of both make.
fn over(below: [u8; 4], above: [u8; 4]) -> [u8; 4] {
    let ([.., alpha_below], [.., alpha_above]) = (below, above);
    if alpha_above == 0 || alpha_above == u8::MAX {
        return if alpha_above == 0 { below } else { above };
    }
    // Shares in the result, as parts of 255 x 255.
    let share_above = u32::from(alpha_above) * 255;
    let share_below = u32::from(alpha_below) * (255 - u32::from(alpha_above));
    let whole = share_above + share_below;
    let mut result = [0, 0, 0, ((whole + 127) / 255) as u8];
    let colours = result.iter_mut().take(3).zip(below.iter().zip(&above));
    for (sample, (below, above)) in colours {
        let sum = u32::from(*above) * share_above + u32::from(*below) * share_below;
        *sample = ((sum + whole / 2) / whole) as u8;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_level_is_the_nearest() {
        for [below, above, alpha_below, alpha_above] in
            [[0, 255, 255, 1], [200, 0, 255, 127], [255, 254, 1, 254], [7, 7, 128, 128]]
        {
            let result = over([below, 0, 0, alpha_below], [above, 0, 0, alpha_above]);
            let [below, above] = [below, above].map(f64::from);
            let share = f64::from(alpha_above) / 255.0;
            let rest = f64::from(alpha_below) / 255.0 * (1.0 - share);
            let expected = (above * share + below * rest) / (share + rest);
            assert_eq!(f64::from(result[0]), expected.round());
            assert_eq!(f64::from(result[3]), (255.0 * (share + rest)).round());
        }
    }

    #[test]
    fn a_place_that_is_not_on_the_canvas_has_no_pixels() {
        let mut canvas = Canvas::new(3, 2);
        for (left, top, width, height) in
            [(4, 0, 1, 1), (2, 0, 2, 2), (0, 2, 3, 1), (u32::MAX, 0, u32::MAX, u32::MAX)]
        {
            assert_eq!(canvas.rows(Place { left, top, width, height }).count(), 0);
        }
        assert_eq!(canvas.rows(Place { left: 1, top: 1, width: 2, height: 9 }).count(), 1);
    }
}
