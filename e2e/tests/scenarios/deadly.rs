//! An image that ends every executor that takes it.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::origin::{Answer, Origin};
use e2e::{Cluster, Engine, Job, executors, on_each_engine, pictures};

const IMAGES: u64 = 8;
const DEADLY: u64 = 5;

/// Ten tries, with waits of seconds between the last of them; the rest is for a busy machine.
const WITHIN: Duration = Duration::from_secs(240);

fn path(number: u64) -> String {
    format!("/{number}.png")
}

/// Pictures, but for one: who asks for that is killed.
fn origin(cluster: &Cluster) -> Result<Origin> {
    let folder = cluster.folder().to_owned();
    Origin::start(move |path| {
        let number: u64 = path.strip_prefix('/')?.strip_suffix(".png")?.parse().ok()?;
        if number == DEADLY {
            for executor in executors(&folder) {
                // One that cannot be killed stays without its answer; the test sees that.
                let _ = executor.kill();
            }
            return Some(Answer::Never);
        }
        Some(Answer::picture(pictures::png(number.try_into().ok()?).ok()?))
    })
}

fn an_image_that_ends_its_executors_fails_alone(engine: Engine) -> Result<()> {
    let cluster = Cluster::start(engine, 1)?;
    let origin = origin(&cluster)?;
    let lines: Vec<String> = (1..=IMAGES).map(|number| origin.url(&path(number))).collect();
    let job = Job::of_lines(&cluster, &lines)?.with(&[format!("--images-per-task={IMAGES}")]);
    let finished = job.run(1, WITHIN)?;
    for entry in &finished.entries {
        if entry.index == DEADLY {
            ensure!(entry.class == "machinery", "{entry:?}\n{}", finished.log);
        } else {
            entry.result(&finished.output)?;
        }
    }
    ensure!(finished.entries.len() == lines.len(), "{:#?}", finished.entries);
    let tries = origin.requests(&path(DEADLY));
    ensure!(tries == 10, "the deadly image was asked for {tries} times\n{}", finished.log);
    Ok(())
}

on_each_engine!(an_image_that_ends_its_executors_fails_alone);
