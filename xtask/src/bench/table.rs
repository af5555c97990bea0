//! Figures as they are shown and kept.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::{Value, json};

use super::machine::Machine;

/// The same thing measured some times.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Sample {
    runs: Vec<f64>,
}

impl Sample {
    /// What was measured, in the order of the runs.
    pub(crate) fn of(runs: Vec<f64>) -> Self {
        Self { runs }
    }

    /// The middle one; of an even number, the mean of the two in the middle.
    pub(crate) fn median(&self) -> f64 {
        let sorted = self.sorted();
        let upper = sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN);
        let lower = sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN);
        f64::midpoint(lower, upper)
    }

    fn range(&self) -> (f64, f64) {
        let sorted = self.sorted();
        let end = |end: Option<&f64>| end.copied().unwrap_or(f64::NAN);
        (end(sorted.first()), end(sorted.last()))
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.runs.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }
}

/// Whom our figure is held against.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Peer {
    /// What it is, with the setting that was its best.
    pub(crate) name: String,
    /// What it reached in this run.
    pub(crate) sample: Sample,
}

/// What a figure is to reach.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Goal {
    /// So many times the peer's figure, at least.
    Times(f64),
    /// This much at least.
    AtLeast(f64),
    /// This much at most.
    AtMost(f64),
    /// Nothing; it stands there to be compared with.
    Shown,
}

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Line {
    /// What was measured.
    pub(crate) what: String,
    /// In what: `images/s`, `MiB`.
    pub(crate) unit: &'static str,
    /// What our programs reached.
    pub(crate) ours: Sample,
    /// What a peer reached, if there is one to run.
    pub(crate) peer: Option<Peer>,
    /// What is to be reached.
    pub(crate) goal: Goal,
}

impl Line {
    /// Our figure by the peer's, or by the limit where there is no peer.
    fn ratio(&self) -> Option<f64> {
        let by = match (self.goal, &self.peer) {
            (_, Some(peer)) => peer.sample.median(),
            (Goal::AtLeast(limit) | Goal::AtMost(limit), None) => limit,
            (Goal::Times(_) | Goal::Shown, None) => return None,
        };
        Some(self.ours.median() / by)
    }

    fn is_reached(&self) -> Option<bool> {
        match self.goal {
            Goal::Times(times) => self.ratio().map(|ratio| ratio >= times),
            Goal::AtLeast(least) => Some(self.ours.median() >= least),
            Goal::AtMost(most) => Some(self.ours.median() <= most),
            Goal::Shown => None,
        }
    }

    fn goal_text(&self) -> String {
        match self.goal {
            Goal::Times(times) => format!("≥ {times} ×"),
            Goal::AtLeast(least) => format!("≥ {least}"),
            Goal::AtMost(most) => format!("≤ {most}"),
            Goal::Shown => String::new(),
        }
    }

    fn cells(&self) -> [String; 8] {
        let (low, high) = self.ours.range();
        [
            self.what.clone(),
            self.unit.to_owned(),
            figure(self.ours.median()),
            format!("{}…{} of {}", figure(low), figure(high), self.ours.runs.len()),
            self.peer.as_ref().map(peer_text).unwrap_or_default(),
            self.ratio().map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
            self.goal_text(),
            self.is_reached().map_or("", |is| if is { "reached" } else { "MISSED" }).to_owned(),
        ]
    }
}

fn peer_text(peer: &Peer) -> String {
    let (low, high) = peer.sample.range();
    let middle = figure(peer.sample.median());
    format!("{middle} ({}…{}) {}", figure(low), figure(high), peer.name)
}

/// Three digits that matter.
fn figure(value: f64) -> String {
    match value.abs() {
        small if small < 10.0 => format!("{value:.2}"),
        middle if middle < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

const HEADS: [&str; 8] = ["what", "unit", "ours", "spread", "peer", "ratio", "goal", ""];

/// Prints the table.
pub(crate) fn show(machine: &Machine, lines: &[Line]) {
    println!("{machine}");
    let mut rows = vec![HEADS.map(str::to_owned)];
    rows.extend(lines.iter().map(Line::cells));
    for row in &rows {
        println!("{}", aligned(row, &rows).trim_end());
    }
}

fn aligned(row: &[String], rows: &[[String; 8]]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let cells = row.iter().enumerate().map(|(column, cell)| {
        let missing = width(column).saturating_sub(cell.chars().count());
        format!("{cell}{}", " ".repeat(missing + 2))
    });
    cells.collect()
}

/// Keeps the table as JSON.
///
/// # Errors
///
/// When the file cannot be written.
pub(crate) fn save(machine: &Machine, lines: &[Line], file: &Path) -> Result<()> {
    let entries: Result<Vec<Value>> = lines.iter().map(entry).collect();
    let content = json!({ "machine": machine, "lines": entries? });
    let text = serde_json::to_string_pretty(&content)? + "\n";
    fs::write(file, text).with_context(|| format!("cannot write '{}'", file.display()))
}

fn entry(line: &Line) -> Result<Value> {
    let mut entry = serde_json::to_value(line)?;
    if let Value::Object(fields) = &mut entry {
        fields.insert("median".into(), json!(line.ours.median()));
        fields.insert("ratio".into(), json!(line.ratio()));
        fields.insert("reached".into(), json!(line.is_reached()));
    }
    Ok(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(ours: &[f64], peer: Option<f64>, goal: Goal) -> Line {
        let peer = peer.map(|it| Peer { name: "peer".into(), sample: Sample::of(vec![it]) });
        Line { what: "w".into(), unit: "u/s", ours: Sample::of(ours.into()), peer, goal }
    }

    #[test]
    fn the_median_stands_in_the_middle_whatever_the_order() {
        assert!((Sample::of(vec![9.0, 1.0, 2.0]).median() - 2.0).abs() < 1e-9);
        assert!((Sample::of(vec![4.0, 1.0]).median() - 2.5).abs() < 1e-9);
        assert!(Sample::of(Vec::new()).median().is_nan());
    }

    #[test]
    fn goals_are_held_against_the_peer_or_the_limit() {
        assert_eq!(line(&[300.0], Some(100.0), Goal::Times(3.0)).is_reached(), Some(true));
        assert_eq!(line(&[299.0], Some(100.0), Goal::Times(3.0)).is_reached(), Some(false));
        assert_eq!(line(&[299.0], None, Goal::Times(3.0)).is_reached(), None);
        assert_eq!(line(&[149.0], None, Goal::AtMost(150.0)).is_reached(), Some(true));
        assert_eq!(line(&[499.0], None, Goal::AtLeast(500.0)).is_reached(), Some(false));
        assert_eq!(line(&[1.0], None, Goal::Shown).is_reached(), None);
    }

    #[test]
    fn a_line_shows_figure_spread_peer_ratio_and_goal() {
        let cells = line(&[250.0, 301.0, 299.0], Some(99.96), Goal::Times(3.0)).cells();
        assert_eq!(
            cells[2..],
            ["299", "250…301 of 3", "100.0 (100.0…100.0) peer", "2.99", "≥ 3 ×", "MISSED"]
        );
    }

    #[test]
    fn what_is_kept_has_the_figures_and_the_verdict() {
        let entry = entry(&line(&[600.0], None, Goal::AtLeast(500.0))).unwrap();
        assert_eq!(entry["reached"], true);
        assert_eq!(entry["goal"]["at_least"], 500.0);
        assert_eq!(entry["ours"]["runs"][0], 600.0);
    }
}
