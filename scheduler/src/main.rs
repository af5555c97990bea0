//! The program; all of it is in the library.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use scheduler::cli::Arguments;
use scheduler::observe::progress::Meter;
use scheduler::observe::terminal;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let meter = Meter::new(&arguments.show);
    terminal::begin(&arguments.show, meter.bar());
    match scheduler::run::run(&arguments, meter).await {
        Ok((end, summary)) => {
            // Nobody reading it is no reason to fail.
            let _ = writeln!(io::stdout(), "{summary}");
            end.into()
        }
        Err(failure) => {
            let _ = writeln!(io::stderr(), "scheduler: {failure}");
            ExitCode::from(&failure)
        }
    }
}
