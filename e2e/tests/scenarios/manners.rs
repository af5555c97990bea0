//! Origins that ask for patience, and one that never answers among many that do.

use std::collections::{BTreeSet, HashMap};
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use e2e::origin::{Answer, Origin};
use e2e::{Cluster, Engine, Job, on_each_engine, pictures};

/// Seconds, and some that the origin asks for; the rest is for a busy machine.
const WITHIN: Duration = Duration::from_secs(120);

/// When each path was asked for.
type Log = Arc<Mutex<HashMap<String, Vec<Instant>>>>;

fn an_origin_that_asks_for_patience_gets_it(engine: Engine) -> Result<()> {
    const IMAGES: u32 = 8;
    const REFUSED: usize = 4;
    const WAIT_S: u32 = 2;
    let cluster = Cluster::start(engine, 2)?;
    let (log, count) = (Log::default(), AtomicUsize::new(0));
    let asked = Arc::clone(&log);
    let origin = Origin::start(move |path| {
        let number = path.strip_prefix('/')?.strip_suffix(".png")?.parse().ok()?;
        let mut asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.entry(path.to_owned()).or_default().push(Instant::now());
        let is_refused = count.fetch_add(1, Ordering::Relaxed) < REFUSED;
        let picture = Answer::picture(pictures::png(number).ok()?);
        Some(if is_refused { Answer::TooMany { retry_after_s: WAIT_S } } else { picture })
    })?;
    let lines: Vec<String> = (1..=IMAGES).map(|n| origin.url(&format!("/{n}.png"))).collect();
    let finished = Job::of_lines(&cluster, &lines)?.run(0, WITHIN)?;
    for entry in &finished.entries {
        entry.result(&finished.output)?;
    }
    ensure!(origin.total_requests() >= IMAGES as usize + REFUSED, "no request was refused");
    let log = log.lock().unwrap_or_else(PoisonError::into_inner);
    let again = log.values().filter(|times| times.len() > 1);
    let waits: Vec<Duration> =
        again.filter_map(|times| Some(times.get(1)?.duration_since(*times.first()?))).collect();
    ensure!(!waits.is_empty(), "nothing was asked for again: {log:?}");
    let asked_for = Duration::from_secs(WAIT_S.into());
    ensure!(waits.iter().all(|wait| *wait >= asked_for), "asked again too soon: {waits:?}");
    Ok(())
}

/// The images that were not even asked for have all their attempts yet: here one.
fn a_pause_of_a_host_costs_its_other_images_nothing(engine: Engine) -> Result<()> {
    const IMAGES: u32 = 6;
    /// Longer than executors wait, so that the images go back to the scheduler.
    const PAUSE_S: u32 = 32;
    let cluster = Cluster::start(engine, 1)?;
    let count = AtomicUsize::new(0);
    let origin = Origin::start(move |path| {
        let number = path.strip_prefix('/')?.strip_suffix(".png")?.parse().ok()?;
        let picture = Answer::picture(pictures::png(number).ok()?);
        let is_first = count.fetch_add(1, Ordering::Relaxed) == 0;
        Some(if is_first { Answer::TooMany { retry_after_s: PAUSE_S } } else { picture })
    })?;
    let lines: Vec<String> = (1..=IMAGES).map(|n| origin.url(&format!("/{n}.png"))).collect();
    let job = Job::of_lines(&cluster, &lines)?;
    let finished = job.with(&["--attempts=1", "--per-host=1"]).run(1, WITHIN)?;
    let failed = finished.entries.iter().filter(|entry| entry.result(&finished.output).is_err());
    ensure!(failed.count() == 1, "{}", finished.log);
    ensure!(origin.total_requests() == IMAGES as usize, "{}", origin.total_requests());
    Ok(())
}

/// The bad host answers when all others are done, so that the order is the proof.
fn one_bad_host_among_a_hundred_holds_up_nobody(engine: Engine) -> Result<()> {
    const HOSTS: u32 = 100;
    const BAD: u32 = 7;
    const EACH: u32 = 3;
    let cluster = Cluster::start(engine, 2)?;
    let is_released = Arc::new(AtomicBool::new(false));
    let released = Arc::clone(&is_released);
    // Every host is an address of its own of the loopback network.
    let host = |number: u32| Ipv4Addr::from(0x7f00_0001 + number % HOSTS);
    let hosts: Vec<Ipv4Addr> = (0..HOSTS).map(host).collect();
    let origin = Origin::start_at(&hosts, move |path| {
        let number: u32 = path.strip_prefix('/')?.strip_suffix(".png")?.parse().ok()?;
        let picture = Answer::picture(pictures::png(number).ok()?);
        Some(if number % HOSTS == BAD { picture.once(&released) } else { picture })
    })?;
    let port = origin.address().port();
    let url = |number: u32| format!("http://{}:{port}/{number}.png", host(number));
    let lines: Vec<String> = (0..HOSTS * EACH).map(url).collect();
    let job = Job::of_lines(&cluster, &lines)?;
    let job = job.with(&["--images-per-task=10", "--idle-timeout=10m", "--download-timeout=10m"]);
    let mut run = job.start()?;
    let good = ((HOSTS - 1) * EACH) as usize;
    run.program.wait_for("the images of the good hosts", WITHIN, |program| {
        let log = program.stderr();
        let done: BTreeSet<&str> = log.lines().filter_map(done_image).collect();
        (done.len() >= good).then_some(())
    })?;
    ensure!(!is_released.swap(true, Ordering::Relaxed));
    let finished = run.finish(0, WITHIN)?;
    for entry in &finished.entries {
        entry.result(&finished.output).with_context(|| finished.log.clone())?;
    }
    ensure!(finished.entries.len() == lines.len(), "{} entries", finished.entries.len());
    Ok(())
}

/// The number of the image that a line of the log says is done.
fn done_image(line: &str) -> Option<&str> {
    line.split_once(" is done: ")?.0.rsplit_once("image ").map(|(_, number)| number)
}

on_each_engine!(
    an_origin_that_asks_for_patience_gets_it,
    a_pause_of_a_host_costs_its_other_images_nothing,
    one_bad_host_among_a_hundred_holds_up_nobody,
);
