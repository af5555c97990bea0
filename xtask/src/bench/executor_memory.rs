//! What long pictures on their way cost the executor.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use super::Bench;
use super::job::{self, Job};
use super::nginx::Nginx;
use super::table::{Goal, Line, Sample};

/// As many as one task has under way at once.
const IMAGES: u32 = 64;
/// Of this many different lengths.
const LENGTHS: u16 = 10;
/// The side of the smallest, in pixels; the area grows by as much for each.
const LEAST_SIDE: f64 = 1120.0;
/// What all of them have to be between, in bytes.
const BYTES: std::ops::RangeInclusive<u64> = 1_500_000..=24_000_000;

/// More than the longest takes at the speed of the origin.
const WITHIN: Duration = Duration::from_secs(300);
const LOOK: Duration = Duration::from_millis(50);

/// Sixty-four long JPEGs, slowly, in one task.
///
/// # Errors
///
/// When something cannot be started, or the job does not end well.
pub(crate) fn in_flight(bench: &mut Bench) -> Result<Vec<Line>> {
    let folder = bench.place.fresh("origin")?;
    make(&folder.join("slow"))?;
    let origin = Nginx::serve(&folder, &folder)?;
    let list = folder.join("list");
    let url = |number| origin.url(&format!("/slow/{}.jpg?{number}", number % u32::from(LENGTHS)));
    job::write_list(&list, (0..IMAGES).map(url))?;
    let peaks = (0..bench.runs).map(|_| peak(bench, &list)).collect::<Result<Vec<_>>>()?;
    Ok(vec![Line {
        what: format!("executor's peak memory, {IMAGES} JPEGs of 2 to 20 MB in flight"),
        unit: "MiB",
        ours: Sample::of(peaks),
        peer: None,
        goal: Goal::AtMost(64.0),
    }])
}

/// The most that the executor had until shortly before the end of the job, in MiB.
fn peak(bench: &Bench, list: &Path) -> Result<f64> {
    let flags = ["--images-per-task", "64", "--download-timeout", "5m"];
    let mut running = Job::new(&bench.place, "local", list)?.with(&flags).start()?;
    let mut peak: Option<f64> = None;
    let ended = |log: &str| log.contains("TASK_FINISHED");
    running.until("the end of its task", WITHIN, |running| {
        let now = running.peak_mib_of_children();
        peak = now.into_iter().chain(peak).reduce(f64::max);
        // Looking through all processes is work, too.
        thread::sleep(LOOK);
        ended(&running.log()).then_some(())
    })?;
    running.finish(WITHIN)?;
    peak.context("no executor was seen")
}

/// Noise, which is long for its size and as hard to decode as pictures are.
fn make(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("no '{}'", folder.display()))?;
    let mut noise = 0x5eed_u32;
    for number in 0..LENGTHS {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a few thousand pixels"
        )]
        let side = (LEAST_SIDE * f64::from(number + 1).sqrt()) as u16;
        let mut sample = || {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            noise.to_be_bytes()[0]
        };
        let samples: Vec<u8> = (0..usize::from(side).pow(2) * 3).map(|_| sample()).collect();
        let file = folder.join(format!("{number}.jpg"));
        let mut encoder = Encoder::new_file(&file, 85)?;
        encoder.set_sampling_factor(SamplingFactor::F_1_1);
        encoder.encode(&samples, side, side, ColorType::Rgb)?;
        let bytes = file.metadata()?.len();
        ensure!(BYTES.contains(&bytes), "'{}' has {bytes} bytes", file.display());
    }
    Ok(())
}
