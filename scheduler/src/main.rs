//! The program; all of it is in the library.

use std::env;
use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use scheduler::cli::{Arguments, ReportArguments};
use scheduler::failure::Failure;
use scheduler::observe::progress::Meter;
use scheduler::observe::terminal;
use scheduler::{dry_run, report};

#[tokio::main]
async fn main() -> ExitCode {
    let mut words = env::args_os().skip(1);
    if words.next().is_some_and(|word| word == "report") {
        return match report::told(&ReportArguments::of(words)).await {
            Ok(text) => said(&text, ExitCode::SUCCESS),
            Err(failure) => failed(&failure),
        };
    }
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
        Ok((end, text)) => said(&text, end.into()),
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
