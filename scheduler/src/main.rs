//! The program; all of it is in the library.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use scheduler::cli::Arguments;
use scheduler::dry_run;
use scheduler::failure::Failure;
use scheduler::observe::progress::Meter;
use scheduler::observe::terminal;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let meter = Meter::new(&arguments.show);
    terminal::begin(&arguments.show, meter.bar());
    if arguments.work.dry_run {
        return match dry_run::told(&arguments).await {
            Ok(text) => said(&text, ExitCode::SUCCESS),
            Err(failure) => failed(&failure),
        };
    }
    match scheduler::run::run(&arguments, meter).await {
        Ok((end, summary)) => said(&summary, end.into()),
        Err(failure) => failed(&failure),
    }
}

fn said(text: &impl Display, code: ExitCode) -> ExitCode {
    // Nobody reading it is no reason to fail.
    let _ = writeln!(io::stdout(), "{text}");
    code
}

fn failed(failure: &Failure) -> ExitCode {
    let _ = writeln!(io::stderr(), "scheduler: {failure}");
    ExitCode::from(failure)
}
