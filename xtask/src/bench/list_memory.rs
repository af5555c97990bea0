//! What long lists cost the scheduler.

use std::time::Duration;

use anyhow::Result;

use super::Bench;
use super::control::{MesosLocal, first_launch, tiny_list};
use super::job::Job;
use super::nginx::Nginx;
use super::table::{Goal, Line, Sample};

const LENGTHS: [u32; 3] = [10_000, 100_000, 1_000_000];

/// How long the memory of a job is watched after its first launch, if it does not end before.
const AT_WORK: Duration = Duration::from_secs(10);

/// A million images at some hundred a second.
const WITHIN: Duration = Duration::from_secs(3600);

/// Memory and time to the first launch for lists of different lengths.
///
/// # Errors
///
/// When something cannot be started.
pub(crate) fn by_length(bench: &mut Bench) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for length in LENGTHS {
        let (mut peaks, mut starts) = (Vec::new(), Vec::new());
        for _ in 0..bench.runs {
            let (peak, start) = at_work(bench, length)?;
            peaks.push(peak);
            starts.push(start);
        }
        let line = |what: &str, unit, runs, most| Line {
            what: format!("{what}, {length} URLs"),
            unit,
            ours: Sample::of(runs),
            peer: None,
            goal: Goal::AtMost(most),
        };
        lines.push(line("scheduler's peak memory at work", "MiB", peaks, 150.0));
        lines.push(line("start to first launch", "s", starts, 2.0));
    }
    Ok(lines)
}

/// Peak memory in MiB and time to the first launch in seconds.
fn at_work(bench: &Bench, length: u32) -> Result<(f64, f64)> {
    let folder = bench.place.fresh("origin")?;
    let origin = Nginx::serve(&folder, &folder)?;
    let list = tiny_list(&origin, length, folder.join("list"))?;
    let local = MesosLocal::start(&bench.place)?;
    let mut running = Job::new(&bench.place, &local.master, &list)?.start()?;
    let start = first_launch(&mut running)?.duration_since(running.begun());
    Ok((running.peak_mib_for(AT_WORK)?, start.as_secs_f64()))
}

/// A million lines, of which all but one in a thousand are answered at once, to the end.
///
/// # Errors
///
/// When an image is not done.
pub(crate) fn million(bench: &mut Bench) -> Result<Vec<Line>> {
    const LINES: u32 = 1_000_000;
    let folder = bench.place.fresh("origin")?;
    let origin = Nginx::serve(&folder, &folder)?;
    let list = tiny_list(&origin, LINES, folder.join("list"))?;
    let local = MesosLocal::start(&bench.place)?;
    let taken = Job::new(&bench.place, &local.master, &list)?.run(LINES, WITHIN)?;
    let line = |what: &str, unit, value, goal| Line {
        what: format!("{LINES} tiny images to the end, {what}"),
        unit,
        ours: Sample::of(vec![value]),
        peer: None,
        goal,
    };
    let speed = f64::from(LINES) / taken.time.as_secs_f64();
    Ok(vec![
        line("scheduler's peak memory", "MiB", taken.peak_mib, Goal::AtMost(150.0)),
        line("whole process", "images/s", speed, Goal::Shown),
    ])
}
