//! A thousand photographs that nobody took: the same in every run, each different.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use anyhow::{Context, Result, ensure};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

/// How many there are.
pub(crate) const IMAGES: u32 = 1000;

/// Changes when the pictures do, so that old ones are made anew.
const EDITION: &str = "1";

/// What they weigh on average, in bytes, and how far off that may be.
const MEAN_BYTES: u64 = 105_000;
const OFF_BYTES: u64 = 2_000;

/// The folder with `1.jpg` to `1000.jpg`, made if it is not there.
///
/// # Errors
///
/// When they cannot be written.
pub(crate) fn pictures(folder: &Path) -> Result<PathBuf> {
    let (folder, done) = (folder.join("pictures"), folder.join("pictures").join("edition"));
    if fs::read_to_string(&done).is_ok_and(|edition| edition == EDITION) {
        return Ok(folder);
    }
    eprintln!("making {IMAGES} pictures");
    fs::create_dir_all(&folder).with_context(|| format!("no '{}'", folder.display()))?;
    let bytes = make(&folder)?;
    let mean = bytes / u64::from(IMAGES);
    ensure!(mean.abs_diff(MEAN_BYTES) <= OFF_BYTES, "the pictures have {mean} bytes on average");
    fs::write(&done, EDITION).with_context(|| format!("no '{}'", done.display()))?;
    Ok(folder)
}

/// Makes all of them, and says how many bytes they have.
fn make(folder: &Path) -> Result<u64> {
    let next = AtomicU32::new(1);
    let work = || {
        let mut bytes = 0;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number > IMAGES {
                return Ok(bytes);
            }
            let picture = picture(number)?;
            bytes += picture.len() as u64;
            let file = folder.join(format!("{number}.jpg"));
            fs::write(&file, picture).with_context(|| format!("no '{}'", file.display()))?;
        }
    };
    let count = thread::available_parallelism()?.get();
    let all: Result<Vec<u64>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..count).map(|_| scope.spawn(work)).collect();
        let joined = threads.into_iter().map(thread::ScopedJoinHandle::join);
        joined
            .map(|it| it.unwrap_or_else(|_| anyhow::bail!("a thread that makes pictures broke")))
            .collect()
    });
    Ok(all?.iter().sum())
}

/// Small and large ones, of the qualities and samplings that are usual, some progressive.
fn picture(number: u32) -> Result<Vec<u8>> {
    let mut dice = Dice(u64::from(number) << 20 | 0x5eed);
    let (width, height) = (dice.between(410, 1090), dice.between(310, 840));
    let quality = u8::try_from(75 + 5 * dice.between(0, 3))?;
    let pixels = Scene::of(&mut dice).paint(width, height);
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, quality);
    let full_chroma = dice.between(0, 3) == 0;
    encoder.set_sampling_factor(if full_chroma {
        SamplingFactor::F_1_1
    } else {
        SamplingFactor::F_2_2
    });
    encoder.set_progressive(dice.between(0, 9) == 0);
    let side = |pixels: u32| u16::try_from(pixels).context("too many pixels");
    encoder.encode(&pixels, side(width)?, side(height)?, ColorType::Rgb)?;
    Ok(bytes)
}

/// Numbers that look random and are the same every time (SplitMix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from `low` to `high`, both included.
    fn between(&mut self, low: u32, high: u32) -> u32 {
        let span = u64::from(high - low) + 1;
        low + u32::try_from(self.next() % span).unwrap_or_default()
    }
}

/// A ground that gets lighter, discs on it, and grain over all of it.
struct Scene {
    ground: [i32; 3],
    slope: [i32; 3],
    discs: Vec<Disc>,
    grain: i32,
}

struct Disc {
    x: i32,
    y: i32,
    radius: i32,
    colour: [i32; 3],
}

impl Scene {
    fn of(dice: &mut Dice) -> Self {
        let mut colour =
            |high| [0; 3].map(|_| i32::try_from(dice.between(0, high)).unwrap_or_default());
        let (ground, slope) = (colour(160), colour(80));
        let mut number = |low, high| i32::try_from(dice.between(low, high)).unwrap_or_default();
        let count = number(4, 24);
        let mut disc = |_| Disc {
            x: number(0, 1080),
            y: number(0, 840),
            radius: number(10, 200),
            colour: [number(0, 255), number(0, 255), number(0, 255)],
        };
        let discs = (0..count).map(&mut disc).collect();
        Self { ground, slope, discs, grain: number(10, 50) }
    }

    fn paint(&self, width: u32, height: u32) -> Vec<u8> {
        let mut pixels = Vec::with_capacity(width as usize * height as usize * 3);
        let mut grain = Dice(u64::from(width) << 32 | u64::from(height));
        for y in 0..i32::try_from(height).unwrap_or_default() {
            let row: Vec<&Disc> =
                self.discs.iter().filter(|it| (it.y - y).abs() < it.radius).collect();
            for x in 0..i32::try_from(width).unwrap_or_default() {
                let noise = i32::try_from(grain.next() % 256).unwrap_or_default() - 128;
                let base = self.colour(&row, x, y);
                let level = |value: i32| value + noise * self.grain / 256;
                pixels.extend(base.map(|value| level(value).clamp(0, 255) as u8));
            }
        }
        pixels
    }

    fn colour(&self, row: &[&Disc], x: i32, y: i32) -> [i32; 3] {
        let hit = row.iter().rev().find(|disc| {
            let (dx, dy) = (x - disc.x, y - disc.y);
            dx * dx + dy * dy < disc.radius * disc.radius
        });
        let [r, g, b] = hit.map_or(self.ground, |disc| disc.colour);
        let [sr, sg, sb] = self.slope;
        [r + sr * y / 840, g + sg * x / 1080, b + sb * (x + y) / 1920]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_the_same_every_time_and_each_is_different() {
        assert_eq!(picture(7).unwrap(), picture(7).unwrap());
        assert_ne!(picture(7).unwrap(), picture(8).unwrap());
        assert!(picture(7).unwrap().starts_with(&[0xff, 0xd8]));
    }
}
