//! The peer: img2dataset, which downloads and encodes anew the images of a list of URLs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::corpus::IMAGES;
use super::family::Running;
use super::place::Place;
use super::table::{Peer, Sample};
use crate::tools;

const VERSION: &str = "1.47.0";
const THREADS: [u32; 2] = [16, 64];
const WITHIN: Duration = Duration::from_secs(600);

/// It, installed, and what it reached so far with each number of threads.
pub(crate) struct Img2dataset {
    program: PathBuf,
    reached: BTreeMap<u32, Vec<f64>>,
}

impl Img2dataset {
    /// Installs it unless it is there.
    ///
    /// # Errors
    ///
    /// When it cannot be installed.
    pub(crate) fn prepare(place: &Place) -> Result<Self> {
        Ok(Self { program: install(place.folder())?, reached: BTreeMap::new() })
    }

    /// Runs it once with each number of threads.
    ///
    /// # Errors
    ///
    /// When it does not get every image.
    pub(crate) fn measure(&mut self, place: &Place, list: &Path) -> Result<()> {
        for threads in THREADS {
            let reached = run(place, &self.program, list, threads)?;
            self.reached.entry(threads).or_default().push(reached);
        }
        Ok(())
    }

    /// Images a second with the number of threads that was better.
    pub(crate) fn best(self) -> Option<Peer> {
        let peers = self.reached.into_iter().map(|(threads, runs)| Peer {
            name: format!("img2dataset {VERSION}, 2 × {threads} threads"),
            sample: Sample::of(runs),
        });
        peers.max_by(|a, b| a.sample.median().total_cmp(&b.sample.median()))
    }
}

/// Installs it in an environment of its own, unless it is there.
fn install(folder: &Path) -> Result<PathBuf> {
    let environment = folder.join("venv");
    let program = environment.join("bin/img2dataset");
    if program.is_file() {
        return Ok(program);
    }
    eprintln!("installing img2dataset {VERSION}");
    tools::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))
        .context("cannot make a Python environment; on Debian: apt-get install python3-venv")?;
    let mut pip = Command::new(environment.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check"]);
    tools::run(pip.arg(format!("img2dataset=={VERSION}")))?;
    // The first start compiles its modules.
    tools::read(Command::new(&program).arg("--help").env("PAGER", "cat"))?;
    Ok(program)
}

fn run(place: &Place, program: &Path, list: &Path, threads: u32) -> Result<f64> {
    let folder = place.fresh("img2dataset")?;
    let mut command = Command::new(program);
    command.arg("--url_list").arg(list).args([
        "--input_format",
        "txt",
        "--output_folder",
        "images",
    ]);
    command.args(["--output_format", "files", "--resize_mode", "no"]);
    command.args(["--encode_format", "jpg", "--encode_quality", "90"]);
    command.args(["--processes_count", "2", "--thread_count", &threads.to_string()]);
    // Four parts, so that both of its processes have work.
    command.args(["--number_sample_per_shard", &(IMAGES / 4).to_string()]);
    command.args(["--enable_wandb", "False"]);
    // A library of its asks for its newest version otherwise.
    command.env("NO_ALBUMENTATIONS_UPDATE", "1");
    let taken = Running::start("img2dataset", &mut command, &folder)?.finish(WITHIN)?;
    let got = count_pictures(&folder.join("images"))?;
    ensure!(got == IMAGES as usize, "img2dataset got {got} of {IMAGES} images");
    Ok(f64::from(IMAGES) / taken.time.as_secs_f64())
}

/// The `.jpg` files in the folders of the folder.
fn count_pictures(folder: &Path) -> Result<usize> {
    let mut count = 0;
    for shard in std::fs::read_dir(folder)? {
        let shard = shard?.path();
        if shard.is_dir() {
            let files = std::fs::read_dir(shard)?.flatten();
            count += files.filter(|it| it.path().extension().is_some_and(|it| it == "jpg")).count();
        }
    }
    Ok(count)
}
