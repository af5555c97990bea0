//! The framework that the guide ends with: a scheduler and its executor in one program.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::{Engine, Plan, Program, Testbed, example_command, on_each_engine};

use crate::state::framework;

/// Seconds; the rest is for a busy machine.
const WITHIN: Duration = Duration::from_secs(60);

fn the_framework_of_the_guide_greets_everybody(engine: Engine) -> Result<()> {
    let bed = Testbed::start(Plan::of(engine).agents(2))?;
    let mut command = example_command("greeter")?;
    command.arg(bed.master().to_string());
    let mut program = Program::start("greeter", &mut command, bed.folder())?;
    let status = program.wait(WITHIN)?;
    ensure!(status.success(), "{status}\n{}", program.tail());
    let output = program.stdout();
    for name in ["Ada", "Grace", "Edsger"] {
        ensure!(output.contains(&format!("{name}: Hello, {name}!\n")), "{output}");
    }
    ensure!(framework(bed.master(), "frameworks", "greeter")?.is_none(), "it is still there");
    Ok(())
}

on_each_engine!(the_framework_of_the_guide_greets_everybody);
