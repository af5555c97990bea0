//! A job of 300 images in which somebody is killed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use e2e::origin::{Answer, Origin};
use e2e::{Cluster, Engine, Finished, Job, Plan, Run, pictures};

use crate::dice::Dice;
use crate::victims::{FileServer, Scene, Victim};

const IMAGES: u64 = 300;

/// Requests from this one on wait until somebody was killed, so that the job does not end before.
const HELD: u64 = 270;

/// A job takes some seconds; Mesos takes half a minute to find out about some losses.
const WITHIN: Duration = Duration::from_secs(240);

/// A cluster of two agents and a file server, for round after round.
pub(crate) struct Bed {
    // Before the cluster, whose folder it uses.
    server: FileServer,
    cluster: Cluster,
}

impl Bed {
    pub(crate) fn start(engine: Engine) -> Result<Self> {
        let cluster = Cluster::of_processes(Plan::of(engine), 2)?;
        Ok(Self { server: FileServer::start(&cluster)?, cluster })
    }

    /// Kills the victim at a moment that the seed chooses, and sees what becomes of the job.
    pub(crate) fn round(&mut self, victim: Victim, seed: u64) -> Result<String> {
        let mut dice = Dice::of(seed);
        let origin = Source::start(seed)?;
        let job = self.job(&origin)?;
        let mut run = job.start()?;
        let moment = 1 + dice.below(HELD - 1);
        let pause = dice.pause(60);
        origin.wait_for(moment, &mut run)?;
        thread::sleep(pause);

        let (cluster, server) = (&mut self.cluster, &mut self.server);
        let mut scene = Scene { cluster, server, job: &job };
        let mut choice = dice.clone();
        let mut done = recorded(&run);
        scene.kill(victim, &mut run, &mut choice)?;
        if victim == Victim::Scheduler {
            // What it had written when it died.
            done = recorded(&run);
        }
        let before = origin.requests();
        origin.release();
        thread::sleep(dice.pause(500));
        let run = scene.revive(victim, run, &choice)?;
        let finished = run.finish(0, WITHIN).with_context(|| self.cluster.tail())?;
        self.judge(&finished, &origin, &done, &before).with_context(|| finished.log.clone()).map(
            |again| {
                let (recorded, took) = (done.len(), finished.took);
                format!(
                    "killed after {moment} requests and {pause:?}, {recorded} images recorded; \
                     {again} others fetched again; the job ended {took:.1?} later"
                )
            },
        )
    }

    fn job(&self, origin: &Source) -> Result<Job> {
        let lines: Vec<String> = (1..=IMAGES).map(|number| origin.url(number)).collect();
        let job = Job::of_lines(&self.cluster, &lines)?;
        let base = self.server.base();
        Ok(job.with(&["--fileserver", &base, "--upload-token-file", "token"]).with(&[
            "--images-per-task=3",
            // More than the images that one kill can cost.
            "--attempts=10",
        ]))
    }

    /// Every image has one line in the manifest, its result is what the manifest says, and what
    /// had been recorded was not asked for again. Returns how many others were.
    fn judge(
        &self,
        finished: &Finished,
        origin: &Source,
        done: &BTreeSet<u64>,
        before: &[usize],
    ) -> Result<usize> {
        ensure!(finished.entries.len() as u64 == IMAGES, "{} entries", finished.entries.len());
        let kept = self.cluster.folder().join("kept");
        let mut again = 0;
        for ((entry, before), after) in finished.entries.iter().zip(before).zip(origin.requests()) {
            ensure!(entry.url == origin.url(entry.index), "another image: {entry:?}");
            ensure!(entry.is_done(), "not done: {entry:?}");
            entry.result(&kept)?;
            if done.contains(&entry.index) {
                ensure!(
                    *before == after,
                    "recorded, but fetched {before}, then {after} times: {entry:?}"
                );
            } else {
                again += usize::from(after > 1);
            }
        }
        Ok(again)
    }
}

/// The images that the scheduler says are done, which it says after it has recorded it.
fn recorded(run: &Run) -> BTreeSet<u64> {
    let log = run.program.stderr();
    let number = |line: &str| {
        let (before, _) = line.split_once(" is done: ")?;
        before.rsplit_once("image ")?.1.parse().ok()
    };
    log.lines().filter_map(number).collect()
}

/// An origin of pictures that take a moment each.
struct Source {
    origin: Origin,
    asked: Arc<AtomicU64>,
    is_released: Arc<AtomicBool>,
}

impl Source {
    fn start(seed: u64) -> Result<Self> {
        let (asked, is_released) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (asks, released) = (Arc::clone(&asked), Arc::clone(&is_released));
        let origin = Origin::start(move |path| {
            let number: u32 = path.strip_prefix('/')?.strip_suffix(".png")?.parse().ok()?;
            let picture = Answer::picture(pictures::png(number).ok()?);
            let wait = Dice::of(seed ^ u64::from(number)).pause(50);
            let picture = picture.after(wait);
            let is_held = asks.fetch_add(1, Ordering::Relaxed) >= HELD;
            Some(if is_held { picture.once(&released) } else { picture })
        })?;
        Ok(Self { origin, asked, is_released })
    }

    fn url(&self, number: u64) -> String {
        self.origin.url(&format!("/{number}.png"))
    }

    /// How often each image was asked for so far.
    fn requests(&self) -> Vec<usize> {
        (1..=IMAGES).map(|number| self.origin.requests(&format!("/{number}.png"))).collect()
    }

    fn wait_for(&self, requests: u64, run: &mut Run) -> Result<()> {
        let begun = Instant::now();
        while self.asked.load(Ordering::Relaxed) < requests {
            let status = run.program.status()?;
            let is_late = begun.elapsed() > WITHIN;
            ensure!(status.is_none() && !is_late, "too few requests\n{}", run.program.tail());
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    fn release(&self) {
        self.is_released.store(true, Ordering::Relaxed);
    }
}
