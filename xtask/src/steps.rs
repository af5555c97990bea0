//! Steps that run one after the other, each under a heading, until one fails.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// One thing to do.
pub(crate) struct Step {
    /// What it is, for the heading and for the sentence about its failure.
    pub(crate) title: &'static str,
    /// What to do.
    pub(crate) action: fn() -> Result<()>,
}

/// Runs the steps in their order.
///
/// # Errors
///
/// That of the first step that fails, with its number and title.
pub(crate) fn run(steps: &[Step]) -> Result<()> {
    let start = Instant::now();
    for (index, step) in steps.iter().enumerate() {
        let place = format!("{}/{}", index + 1, steps.len());
        let begun = Instant::now();
        println!("\n== {place} {}", step.title);
        (step.action)().with_context(|| format!("step {place}, {}, failed", step.title))?;
        println!("== {place} {}: passed in {}", step.title, seconds(begun.elapsed()));
    }
    println!("\nAll {} steps passed in {}", steps.len(), seconds(start.elapsed()));
    Ok(())
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn succeed() -> Result<()> {
        Ok(())
    }

    fn fail() -> Result<()> {
        anyhow::bail!("no luck")
    }

    fn never() -> Result<()> {
        unreachable!("a step after a failed one must not run")
    }

    #[test]
    fn the_first_failure_ends_the_run_and_is_named() {
        let steps = [
            Step { title: "one", action: succeed },
            Step { title: "two", action: fail },
            Step { title: "three", action: never },
        ];
        let error = format!("{:#}", run(&steps).unwrap_err());
        assert_eq!(error, "step 2/3, two, failed: no luck");
    }

    #[test]
    fn steps_that_all_succeed_succeed() {
        assert!(run(&[Step { title: "one", action: succeed }]).is_ok());
    }
}
