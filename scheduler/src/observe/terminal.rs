//! Where lines go: to standard error, without tearing the bar.

use std::env;
use std::io::{self, IsTerminal, Write};

use indicatif::ProgressBar;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::cli::{LogFormat, ShowArguments};

/// Lets lines pass above a bar.
#[derive(Debug, Clone)]
pub struct AboveBar(pub ProgressBar);

impl Write for AboveBar {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write_all(bytes)).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl<'a> MakeWriter<'a> for AboveBar {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Whether a bar can be shown and is wanted.
#[must_use]
pub fn wants_bar(show: &ShowArguments) -> bool {
    io::stderr().is_terminal()
        && !show.quiet
        && !show.no_progress
        && show.log_format == LogFormat::Text
        && env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Begins to write messages. `RUST_LOG` overrides how many.
pub fn begin(show: &ShowArguments, bar: ProgressBar) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level(show)));
    let colours = io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none();
    let messages = tracing_subscriber::fmt().with_env_filter(filter).with_writer(AboveBar(bar));
    // Otherwise it panics when nobody reads standard error any more.
    let messages = messages.log_internal_errors(false);
    match show.log_format {
        LogFormat::Text => messages.with_ansi(colours).with_target(show.verbose > 0).init(),
        LogFormat::Json => messages.json().flatten_event(true).init(),
    }
}

fn level(show: &ShowArguments) -> &'static str {
    match (show.quiet, show.verbose) {
        (true, _) => "warn,zookeeper_client=error",
        (false, 0) => "info,fileserver=warn,mesos_local=warn,zookeeper_client=error",
        (false, 1) => "info,scheduler=debug,mesos=debug,fileserver=debug,mesos_local=debug",
        (false, _) => "trace",
    }
}
