//! `cargo xtask bench`: what the programs reach on this machine, beside their peers, in one run.
//!
//! Each row is a function that makes [`Line`]s; [`ROWS`] lists them. Programs are built in release,
//! origins and peers run on this machine, and everything is under `target/bench` or the folder that
//! is named.

mod bare;
mod control;
mod corpus;
mod executor_memory;
mod family;
mod img2dataset;
mod job;
mod list_memory;
mod machine;
mod nginx;
mod offers;
mod place;
mod table;
mod throughput;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;

use place::Place;
use table::Line;

/// Which rows, and how often.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// One row alone; may be given several times
    #[arg(long, value_name = "ROW")]
    only: Vec<String>,
    /// How often each thing is measured; the table shows the median
    #[arg(long, value_name = "N", default_value_t = 3,
          value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Measure the programs of the last release build as they are
    #[arg(long)]
    no_build: bool,
    /// Where everything is kept; by default `target/bench`, and tasks a second are measured in
    /// /dev/shm too: that shows what the disk takes of them
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// List the rows and measure nothing
    #[arg(long)]
    list: bool,
}

/// A row that can be asked for.
struct Row {
    name: &'static str,
    what: &'static str,
    /// Measured when none is asked for by name.
    is_usual: bool,
    measure: fn(&mut Bench) -> Result<Vec<Line>>,
}

const ROWS: &[Row] = &[
    Row {
        name: "local",
        what: "1000 JPEGs of 105 kB on the embedded cluster against img2dataset",
        is_usual: true,
        measure: throughput::on_local,
    },
    Row {
        name: "mesos",
        what: "the same on a real Mesos with two agents",
        is_usual: true,
        measure: throughput::on_mesos,
    },
    Row {
        name: "tasks-mesos",
        what: "2000 tasks of one tiny image on a real Mesos with two agents",
        is_usual: true,
        measure: control::on_mesos,
    },
    Row {
        name: "tasks-local",
        what: "the same on mesos-local, by itself and within the scheduler",
        is_usual: true,
        measure: control::on_local,
    },
    Row {
        name: "memory",
        what: "the scheduler's memory, and its time to the first launch, by length of the list",
        is_usual: true,
        measure: list_memory::by_length,
    },
    Row {
        name: "offers",
        what: "what an offer takes of the scheduler's time, with up to 1000 simulated agents",
        is_usual: true,
        measure: offers::by_size,
    },
    Row {
        name: "executor",
        what: "the executor's memory with 64 JPEGs of 2 to 20 MB in flight",
        is_usual: true,
        measure: executor_memory::in_flight,
    },
    Row {
        name: "million",
        what: "a list of a million tiny images to its end, on mesos-local",
        is_usual: false,
        measure: list_memory::million,
    },
];

/// What rows share.
pub(crate) struct Bench {
    place: Place,
    runs: u32,
}

/// Measures, shows a table, and keeps it in `results.json` of the folder.
///
/// # Errors
///
/// When something cannot be installed, built, started or does not do its work; what was measured
/// before is shown and kept. Nothing is judged by its speed.
pub(crate) fn run(options: &Options) -> Result<()> {
    let rows = chosen(&options.only)?;
    if options.list {
        for row in ROWS {
            println!("{:12} {}", row.name, row.what);
        }
        return Ok(());
    }
    let place = Place::prepare(!options.no_build, options.folder.clone())?;
    let mut bench = Bench { place, runs: options.runs };
    let machine = machine::Machine::look()?;
    let mut lines = Vec::new();
    let ended = measure(&rows, &mut bench, &mut lines);
    if lines.is_empty() {
        return ended;
    }
    // When a row has failed, too: those before it took minutes.
    table::show(&machine, &lines);
    let file: PathBuf = bench.place.folder().join("results.json");
    table::save(&machine, &lines, &file)?;
    println!("Also in {}", file.display());
    ended
}

fn measure(rows: &[&Row], bench: &mut Bench, lines: &mut Vec<Line>) -> Result<()> {
    for row in rows {
        eprintln!("{}: {}", row.name, row.what);
        lines.extend((row.measure)(bench).context(row.name)?);
    }
    Ok(())
}

/// The rows of these names, or the usual ones.
fn chosen(names: &[String]) -> Result<Vec<&'static Row>> {
    if names.is_empty() {
        return Ok(ROWS.iter().filter(|row| row.is_usual).collect());
    }
    let find = |name: &String| match ROWS.iter().find(|row| row.name == name) {
        Some(row) => Ok(row),
        None => {
            let known: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
            bail!("there is no row '{name}'; there are: {}", known.join(", "))
        }
    };
    names.iter().map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_chosen_by_name_and_long_ones_only_so() {
        let names = |rows: Vec<&Row>| rows.iter().map(|row| row.name).collect::<Vec<_>>();
        assert!(!names(chosen(&[]).unwrap()).contains(&"million"));
        assert_eq!(
            names(chosen(&["million".into(), "local".into()]).unwrap()),
            ["million", "local"]
        );
        let error = chosen(&["x".into()]).map(|_| ()).unwrap_err().to_string();
        assert!(error.starts_with("there is no row 'x'; there are: local, "), "{error}");
    }
}
