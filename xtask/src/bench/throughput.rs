//! Images a second, from the start of the process to its end, everything durable.

use std::time::Duration;

use anyhow::Result;

use super::Bench;
use super::corpus::{self, IMAGES};
use super::img2dataset::Img2dataset;
use super::job::{self, Job};
use super::nginx::Nginx;
use super::table::{Goal, Line, Sample};
use crate::sandbox::Sandbox;

const WITHIN: Duration = Duration::from_secs(600);

/// On the embedded cluster, as the program is called without a Mesos.
///
/// # Errors
///
/// When something cannot be installed, started, or does not do its work.
pub(crate) fn on_local(bench: &mut Bench) -> Result<Vec<Line>> {
    measure(bench, "local", "1000 JPEGs inverted, --master local", 3.0)
}

/// On a real Mesos with two agents.
///
/// # Errors
///
/// As [`on_local`].
pub(crate) fn on_mesos(bench: &mut Bench) -> Result<Vec<Line>> {
    let sandbox = Sandbox::start(&bench.place.fresh("mesos")?, 2)?;
    measure(bench, &sandbox.master(), "1000 JPEGs inverted, real Mesos", 2.5)
}

/// We and the peer take turns, so that a busy moment of the machine hits both.
fn measure(bench: &Bench, master: &str, what: &str, times: f64) -> Result<Vec<Line>> {
    let mut peer = Img2dataset::prepare(&bench.place)?;
    let pictures = corpus::pictures(bench.place.folder())?;
    let folder = bench.place.fresh("origin")?;
    let origin = Nginx::serve(&pictures, &folder)?;
    let list = folder.join("list");
    job::write_list(&list, (1..=IMAGES).map(|number| origin.url(&format!("/{number}.jpg"))))?;
    let mut ours = Vec::new();
    for _ in 0..bench.runs {
        let taken = Job::new(&bench.place, master, &list)?.run(IMAGES, WITHIN)?;
        ours.push(f64::from(IMAGES) / taken.time.as_secs_f64());
        peer.measure(&bench.place, &list)?;
    }
    let (what, goal) = (what.to_owned(), Goal::Times(times));
    Ok(vec![Line { what, unit: "images/s", ours: Sample::of(ours), peer: peer.best(), goal }])
}
