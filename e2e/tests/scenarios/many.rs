//! Five hundred images.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::origin::{Answer, Origin};
use e2e::pictures::{self, decode, distance_from_inverse};
use e2e::{Cluster, Engine, Job, on_each_engine};

const IMAGES: u32 = 500;

/// A task a second on each agent, which is slow.
const WITHIN: Duration = Duration::from_secs(250);

fn five_hundred_images_are_done_and_counted_once(engine: Engine) -> Result<()> {
    let cluster = Cluster::start(engine, 2)?;
    let origin = Origin::start(|path| {
        let number = path.strip_prefix("/picture-")?.strip_suffix(".png")?.parse().ok()?;
        Some(Answer::picture(pictures::png(number).ok()?))
    })?;
    let path = |number: u32| format!("/picture-{number}.png");
    let lines: Vec<String> = (1..=IMAGES).map(|number| origin.url(&path(number))).collect();
    let job = Job::of_lines(&cluster, &lines)?.with(&["--images-per-task=1"]);
    let finished = job.run(0, WITHIN)?;
    println!("{IMAGES} images on {engine} in {:?}", finished.took);
    ensure!(finished.entries.len() == lines.len(), "{} entries", finished.entries.len());
    let mut outputs = BTreeSet::new();
    for (number, (entry, line)) in (1..).zip(finished.entries.iter().zip(&lines)) {
        ensure!(entry.url == *line && entry.index == u64::from(number), "{entry:?}");
        ensure!(entry.is_done() && entry.attempts == 1, "{entry:?}");
        ensure!(origin.requests(&path(number)) == 1, "fetched more than once: {entry:?}");
        ensure!(outputs.insert(entry.output.clone()), "overwritten: {entry:?}");
        let result = decode(&entry.result(&finished.output)?)?;
        let distance = distance_from_inverse(&decode(&pictures::png(number)?)?, &result);
        ensure!(distance == Some((0.0, 0.0)), "off by {distance:?}: {entry:?}");
    }
    Ok(())
}

on_each_engine!(five_hundred_images_are_done_and_counted_once);
