//! A list so long that nothing may be kept twice.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use e2e::tiny::Tiny;
use e2e::{Cluster, Engine, Job, Plan, Run, on_each_engine};
use serde::Deserialize;

/// How many lines; `LINES` sets another number, as `cargo xtask long` does.
const LINES: usize = 2_000;

/// One in so many names leads nowhere.
const MISSING_EVERY: usize = 1_000;

/// For a million of them.
const WITHIN: Duration = Duration::from_secs(3 * 60 * 60);

/// What the scheduler may need, whatever the length of the list.
const MEMORY_KIB: u64 = 150 * 1024;

/// What matters of a line of the manifest.
#[derive(Debug, Deserialize)]
struct Line {
    index: usize,
    outcome: String,
    class: String,
}

fn a_long_list_goes_to_its_end(engine: Engine) -> Result<()> {
    let lines = match std::env::var("LINES") {
        Ok(text) => text.parse().with_context(|| format!("LINES={text} is no number"))?,
        Err(_) => LINES,
    };
    let cluster = Cluster::of_processes(Plan::of(engine), 2)?;
    let origin = Tiny::start(lines, MISSING_EVERY)?;
    let list = cluster.folder().join("list");
    write(&list, lines, &origin)?;
    let begun = Instant::now();
    let mut run = Job::of_list(&cluster, &list)?.with(&["--quiet"]).start()?;
    let peak_kib = peak_until_end(&mut run)?;
    println!("{lines} lines on {engine} in {:.1?}, at most {peak_kib} KiB", begun.elapsed());
    check(&cluster.folder().join("output/manifest.jsonl"), lines, &origin)?;
    ensure!(peak_kib <= MEMORY_KIB, "the scheduler needed {peak_kib} KiB");
    Ok(())
}

fn write(list: &Path, lines: usize, origin: &Tiny) -> Result<()> {
    let mut out = BufWriter::new(File::create(list)?);
    for number in 1..=lines {
        writeln!(out, "{}", origin.url(number))?;
    }
    Ok(out.flush()?)
}

/// The most memory that the scheduler had at once.
fn peak_until_end(run: &mut Run) -> Result<u64> {
    let (mut peak, begun) = (0, Instant::now());
    loop {
        let status = fs::read_to_string(format!("/proc/{}/status", run.program.pid()));
        peak = status.ok().and_then(|text| peak_of(&text)).unwrap_or_default().max(peak);
        if let Some(status) = run.program.status()? {
            ensure!(status.code() == Some(1), "{status}\n{}", run.program.tail());
            return Ok(peak);
        }
        ensure!(begun.elapsed() < WITHIN, "it takes too long\n{}", run.program.tail());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn peak_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

/// Every line has its place in the manifest, and what it names was asked for once.
fn check(manifest: &Path, lines: usize, origin: &Tiny) -> Result<()> {
    let mut place = 0;
    for line in BufReader::new(File::open(manifest).context("no manifest")?).lines() {
        place += 1;
        let line: Line = serde_json::from_str(&line?)?;
        let expected = if origin.is_missing(place) { "http-4xx" } else { "ok" };
        ensure!(line.index == place && line.class == expected, "at place {place}: {line:?}");
        ensure!((line.outcome == "done") == (expected == "ok"), "at place {place}: {line:?}");
        ensure!(origin.requests(place) == 1, "fetched {} times: {line:?}", origin.requests(place));
    }
    ensure!(place == lines, "{place} lines instead of {lines}");
    Ok(())
}

on_each_engine!(a_long_list_goes_to_its_end);
