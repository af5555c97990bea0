//! The program; all of it is in the library.

use std::env;
use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::SystemTime;

use scheduler::cli::{Arguments, LogFormat};
use scheduler::failure::Failure;
use scheduler::observe::progress::Meter;
use scheduler::observe::terminal;
use scheduler::words::{self, QUICK_START, Wanted};
use scheduler::{doctor, dry_run, report, run};

#[tokio::main]
async fn main() -> ExitCode {
    let result = match words::wanted(env::args_os().skip(1)) {
        Wanted::QuickStart => Ok((QUICK_START.to_owned(), ExitCode::SUCCESS)),
        Wanted::Job(arguments) => match job(&arguments).await {
            Err(failure) if arguments.show.log_format == LogFormat::Json => {
                return logged(&failure);
            }
            result => result,
        },
        Wanted::Report(arguments) => report::told(&arguments).await.map(well),
        Wanted::Doctor(arguments) => examine(&arguments).await,
        Wanted::Completions(shell) => return completions(&words::completion(shell)),
    };
    match result {
        Ok((text, code)) => said(&text, code),
        Err(failure) => failed(&failure),
    }
}

async fn job(arguments: &Arguments) -> Result<(String, ExitCode), Failure> {
    let meter = Meter::new(&arguments.show);
    terminal::begin(&arguments.show, meter.bar());
    if arguments.work.dry_run {
        return dry_run::told(arguments).await.map(well);
    }
    let (end, text) = run::run(arguments, meter).await?;
    Ok((text, end.into()))
}

async fn examine(arguments: &Arguments) -> Result<(String, ExitCode), Failure> {
    let findings = doctor::examine(arguments).await;
    Ok((findings.told(arguments)?, findings.status().into()))
}

fn well(text: String) -> (String, ExitCode) {
    (text, ExitCode::SUCCESS)
}

fn completions(text: &[u8]) -> ExitCode {
    let written = io::stdout().write_all(text);
    if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn said(text: &impl Display, code: ExitCode) -> ExitCode {
    // Nobody reading it is no reason to fail.
    let _ = writeln!(io::stdout(), "{text}");
    code
}

/// Who asked for messages in JSON reads the last one as JSON too, whatever is filtered.
fn logged(failure: &Failure) -> ExitCode {
    let timestamp = humantime::format_rfc3339_micros(SystemTime::now()).to_string();
    let line = serde_json::json!({
        "timestamp": timestamp,
        "level": "ERROR",
        "message": failure.to_string(),
        "status": failure.status(),
        "target": "scheduler",
    });
    let _ = writeln!(io::stderr(), "{line}");
    failure.into()
}

fn failed(failure: &Failure) -> ExitCode {
    let _ = writeln!(io::stderr(), "scheduler: {failure}");
    ExitCode::from(failure)
}
