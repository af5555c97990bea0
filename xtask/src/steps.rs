//! Steps that run one after the other, each under a heading, until one fails.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// One thing to do.
pub(crate) struct Step {
    /// What it is called in one word, to be asked for alone.
    pub(crate) name: &'static str,
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

/// Runs the one step of that name.
///
/// # Errors
///
/// That of the step, or that there is none of that name.
pub(crate) fn run_only(steps: &[Step], name: &str) -> Result<()> {
    let Some(step) = steps.iter().find(|step| step.name == name) else {
        let known: Vec<&str> = steps.iter().map(|step| step.name).collect();
        bail!("there is no step '{name}'; there are: {}", known.join(", "))
    };
    (step.action)().with_context(|| format!("{} failed", step.title))?;
    println!("\nOnly this of {} steps: {} passed", steps.len(), step.title);
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
            Step { name: "one", title: "one", action: succeed },
            Step { name: "two", title: "two", action: fail },
            Step { name: "three", title: "three", action: never },
        ];
        let error = format!("{:#}", run(&steps).unwrap_err());
        assert_eq!(error, "step 2/3, two, failed: no luck");
    }

    #[test]
    fn steps_that_all_succeed_succeed() {
        assert!(run(&[Step { name: "one", title: "one", action: succeed }]).is_ok());
    }
    #[test]
    fn a_single_step_is_found_by_its_name() {
        let steps = [
            Step { name: "one", title: "one", action: never },
            Step { name: "two", title: "two", action: succeed },
        ];
        assert!(run_only(&steps, "two").is_ok());
        let error = run_only(&steps, "three").unwrap_err().to_string();
        assert_eq!(error, "there is no step 'three'; there are: one, two");
    }
}
