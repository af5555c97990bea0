//! What the decisions about offers take, on simulated clusters: `cargo bench -p batch`, in the table.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::Bench;
use super::table::{Goal, Line, Sample};
use crate::tools;

/// The most that an offer may take, in microseconds.
const MOST_US: f64 = 1000.0;

/// How much longer a job of ten times as many images may take, for growth to count as linear.
const MOST_GROWTH: f64 = 12.0;

/// A simulated job, as the measurement tells it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Told {
    agents: u32,
    images: u32,
    images_per_task: u32,
    /// On the processor, as all but `offer_worst_wall_us`.
    offer_mean_us: f64,
    offer_worst_us: f64,
    /// By the clock on the wall, so with what the system gave to others.
    offer_worst_wall_us: f64,
    total_s: f64,
}

/// Mean and worst time for an offer, and how the time for a job grows.
///
/// # Errors
///
/// When the measurement cannot be built or run.
pub(crate) fn by_size(bench: &mut Bench) -> Result<Vec<Line>> {
    let runs: Result<Vec<Vec<Told>>> = (0..bench.runs).map(|_| measure()).collect();
    let runs = runs?;
    let sample = |value: &dyn Fn(&[Told]) -> Result<f64>| -> Result<Sample> {
        Ok(Sample::of(runs.iter().map(|run| value(run)).collect::<Result<_>>()?))
    };
    let large = |value: fn(&Told) -> f64| sample(&|run| Ok(value(of_size(run, 1_000, 100_000)?)));
    let line = |what: &str, unit, ours, goal| Line {
        what: format!("{what}, 1000 agents, 100000 images"),
        unit,
        ours,
        peer: None,
        goal,
    };
    let most = Goal::AtMost(MOST_US);
    Ok(vec![
        line("an offer, mean", "µs", large(|told| told.offer_mean_us)?, most),
        line("an offer, worst", "µs", large(|told| told.offer_worst_us)?, most),
        line(
            "an offer, worst by the wall clock",
            "µs",
            large(|told| told.offer_worst_wall_us)?,
            Goal::Shown,
        ),
        line(
            "whole job by that of 10000 images",
            "times",
            sample(&|run| growth(run))?,
            Goal::AtMost(MOST_GROWTH),
        ),
    ])
}

/// The time of a job of 100 000 images by that of 10 000, on 1000 agents.
fn growth(run: &[Told]) -> Result<f64> {
    Ok(of_size(run, 1_000, 100_000)?.total_s / of_size(run, 1_000, 10_000)?.total_s)
}

fn of_size(run: &[Told], agents: u32, images: u32) -> Result<&Told> {
    let is_it =
        |told: &&Told| (told.agents, told.images, told.images_per_task) == (agents, images, 1);
    let found = run.iter().find(is_it);
    found.with_context(|| format!("{agents} agents with {images} images were not measured"))
}

fn measure() -> Result<Vec<Told>> {
    let bench = ["bench", "--quiet", "-p", "batch", "--bench", "scale", "--", "--json"];
    parse(&tools::read(&mut tools::cargo(&bench))?)
}

fn parse(output: &str) -> Result<Vec<Told>> {
    let lines = output.lines().filter(|line| line.starts_with('{'));
    let parse = |line| serde_json::from_str(line).with_context(|| format!("in {line}"));
    let told: Vec<Told> = lines.map(parse).collect::<Result<_>>()?;
    ensure!(!told.is_empty(), "the measurement told nothing:\n{output}");
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(images: u32, total_s: f64) -> String {
        format!(
            r#"{{"agents":1000,"images":{images},"images_per_task":1,"offer_mean_us":3.0,"offer_worst_us":90.5,
            "offer_worst_wall_us":5000,"update_mean_us":2,"total_s":{total_s}}}"#
        )
        .replace('\n', "")
    }

    #[test]
    fn what_was_told_is_read_and_growth_is_by_size() {
        let output = format!("\n{}\n{}\n", told(10_000, 0.5), told(100_000, 6.0));
        let run = parse(&output).unwrap();
        assert!((growth(&run).unwrap() - 12.0).abs() < 1e-9);
        assert!((of_size(&run, 1_000, 100_000).unwrap().offer_worst_us - 90.5).abs() < 1e-9);
        assert!(of_size(&run, 1_000, 1).is_err());
        assert!(parse("no figures").is_err());
    }
}
