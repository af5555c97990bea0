//! Chroma of half size, got back from what a decoder made of it.
//!
//! Decoders blow small chroma up with a soft triangle filter. Averaging pairs of its output, as an
//! encoder does, blurs a little each time: the average of a pair is 6/8 of the old sample and 1/8
//! of each neighbour. Solving that for the old samples undoes it.

/// Rounds of refinement; each leaves at most a third of the error of the one before.
const ROUNDS: usize = 4;

/// Replaces the chroma in `samples` (Y, Cb and Cr by turns) by values that average, over blocks of
/// `across` x `down` pixels, to what the file had stored. Factors other than 1 and 2 are averaged
/// only.
pub(super) fn sharpen(samples: &mut [u8], width: usize, across: usize, down: usize) {
    let height = samples.len() / (3 * width);
    for channel in [1, 2] {
        let mut small = Small::average(samples, (width, height), channel, across, down);
        if across == 2 {
            small.refine(Small::round_across);
        }
        if down == 2 {
            small.refine(Small::round_down);
        }
        small.write(samples, width, channel);
    }
}

struct Small {
    width: usize,
    across: usize,
    down: usize,
    values: Vec<f32>,
}

impl Small {
    fn average(
        samples: &[u8],
        (width, height): (usize, usize),
        channel: usize,
        across: usize,
        down: usize,
    ) -> Self {
        let (small_width, small_height) = (width.div_ceil(across), height.div_ceil(down));
        let mut sums = vec![(0.0f32, 0.0f32); small_width * small_height];
        for (y, row) in samples.chunks_exact(width * 3).enumerate() {
            let start = y / down * small_width;
            let line = sums.get_mut(start..start + small_width).unwrap_or_default();
            for (pixels, (sum, count)) in row.chunks(across * 3).zip(line) {
                for &sample in pixels.iter().skip(channel).step_by(3) {
                    *sum += f32::from(sample);
                    *count += 1.0;
                }
            }
        }
        let values = sums.into_iter().map(|(sum, count)| sum / count).collect();
        Self { width: small_width, across, down, values }
    }

    /// Undoes the blur along one direction; `round` makes one better guess of all values from
    /// the last one and from the averages.
    fn refine(&mut self, round: fn(&mut Self, &[f32], &[f32])) {
        let averages = self.values.clone();
        for _ in 0..ROUNDS {
            let last = self.values.clone();
            round(self, &last, &averages);
        }
    }

    fn round_across(&mut self, last: &[f32], averages: &[f32]) {
        let width = self.width;
        let lines = last.chunks_exact(width).zip(averages.chunks_exact(width));
        for (row, (last, averages)) in self.values.chunks_exact_mut(width).zip(lines) {
            // The first and the last value have themselves as neighbours.
            let left = last.iter().take(1).chain(last);
            let right = last.iter().skip(1).chain(last.last());
            solve(row, averages, left.zip(right));
        }
    }

    fn round_down(&mut self, last: &[f32], averages: &[f32]) {
        let width = self.width;
        let above = last.chunks_exact(width).take(1).chain(last.chunks_exact(width));
        let below = last.chunks_exact(width).skip(1).chain(last.rchunks_exact(width).take(1));
        let lines = above.zip(below).zip(averages.chunks_exact(width));
        for (row, ((above, below), averages)) in self.values.chunks_exact_mut(width).zip(lines) {
            solve(row, averages, above.iter().zip(below));
        }
    }

    fn write(&self, samples: &mut [u8], width: usize, channel: usize) {
        for (y, row) in samples.chunks_exact_mut(width * 3).enumerate() {
            let start = y / self.down * self.width;
            let line = self.values.get(start..start + self.width).unwrap_or_default();
            for (pixels, value) in row.chunks_mut(self.across * 3).zip(line) {
                let sample = value.round().clamp(0.0, 255.0) as u8;
                pixels.iter_mut().skip(channel).step_by(3).for_each(|old| *old = sample);
            }
        }
    }
}

fn solve<'a>(
    row: &mut [f32],
    averages: &[f32],
    neighbours: impl Iterator<Item = (&'a f32, &'a f32)>,
) {
    for ((value, average), (one, other)) in row.iter_mut().zip(averages).zip(neighbours) {
        *value = (8.0 * average - one - other) / 6.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_triangle_filter_widened_is_found_again() {
        let stored: Vec<u8> = (0..20).map(|x| (128.0 + 100.0 * f32::sin(x as f32)) as u8).collect();
        let at = |x: i32| f32::from(stored[x.clamp(0, 19) as usize]);
        let mut samples = Vec::new();
        for x in 0..20 {
            for side in [-1, 1] {
                let widened = ((3.0 * at(x) + at(x + side)) / 4.0).round() as u8;
                samples.extend([0, widened, 128]);
            }
        }
        sharpen(&mut samples, 40, 2, 1);
        for (pixels, &stored) in samples.chunks_exact(6).zip(&stored) {
            assert!(pixels[1].abs_diff(stored) <= 2, "{} for {stored}", pixels[1]);
            assert_eq!(pixels[1], pixels[4]);
            assert_eq!((pixels[0], pixels[2]), (0, 128));
        }
    }
}
