//! The file server as a program of its own.

use std::env;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bytesize::ByteSize;
use clap::Parser;
use fileserver::{Config, Token};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// The token itself, for where a file is unhandy. It has no flag: arguments are public.
const TOKEN_VARIABLE: &str = "UPLOAD_TOKEN";

const EXAMPLES: &str = "\
Examples:
  Take results into ./output and show them:
    fileserver
  Hand out an executor to agents on other machines, on any free port:
    fileserver --address 10.141.141.1 --port 0 --executor target/release/executor
  Take uploads only from who knows the token:
    fileserver --upload-token-file token.txt
";

/// Serves the executor and the samples, takes the results and shows them in a gallery.
#[derive(Parser)]
#[command(version, before_help = EXAMPLES)]
struct Arguments {
    /// The IP address or host name to listen on
    #[arg(long, default_value = "127.0.0.1", env = "FILESERVER_ADDRESS")]
    address: String,

    /// The port to listen on; 0 for any free one
    #[arg(long, default_value_t = 12345, env = "FILESERVER_PORT")]
    port: u16,

    /// The executor binary [default: the file `executor` beside this program, if there]
    #[arg(long, value_name = "PATH", env = "FILESERVER_EXECUTOR")]
    executor: Option<PathBuf>,

    /// The folder of sample pictures [default: `samples`, if there]
    #[arg(long, value_name = "DIR", env = "FILESERVER_SAMPLES")]
    samples: Option<PathBuf>,

    /// The folder that receives the results
    #[arg(long, value_name = "DIR", default_value = "output", env = "FILESERVER_OUTPUT")]
    output: PathBuf,

    /// The largest upload
    #[arg(long, value_name = "SIZE", default_value = "256MiB", env = "FILESERVER_MAX_UPLOAD_SIZE")]
    max_upload_size: ByteSize,

    /// A file with the token that uploads must bring; the variable UPLOAD_TOKEN may hold
    /// the token itself instead [default: anybody may upload]
    #[arg(long, value_name = "FILE", env = "FILESERVER_UPLOAD_TOKEN_FILE")]
    upload_token_file: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log_to_stderr();
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            tell(&mut io::stderr(), &format!("fileserver: {sentence}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), String> {
    let (address, port) = (arguments.address.clone(), arguments.port);
    let config = configure(arguments)?;
    let output = config.output.clone();
    let mut ends = Ends::listen().map_err(|error| format!("cannot watch for signals: {error}"))?;
    let listener = fileserver::bind(&address, port).await.map_err(|e| e.to_string())?;
    let local =
        listener.local_addr().map_err(|error| format!("cannot ask for the port: {error}"))?;
    // Before the address is printed: who reads it may rely on a server that starts.
    let router = fileserver::router(config).map_err(|e| e.to_string())?;
    let line = format!("Serving http://{local} (results in {})", output.display());
    tell(&mut io::stdout(), &line);
    fileserver::serve_router(listener, router, async move { ends.first().await }).await;
    Ok(())
}

fn configure(arguments: Arguments) -> Result<Config, String> {
    let samples = PathBuf::from("samples");
    Ok(Config {
        output: arguments.output,
        executor: arguments.executor.or_else(executor_beside),
        samples: arguments.samples.or_else(|| samples.is_dir().then_some(samples)),
        upload_token: upload_token(arguments.upload_token_file.as_deref())?,
        max_upload_bytes: arguments.max_upload_size.as_u64(),
    })
}

fn executor_beside() -> Option<PathBuf> {
    let executor = env::current_exe().ok()?.with_file_name("executor");
    executor.is_file().then_some(executor)
}

fn upload_token(file: Option<&Path>) -> Result<Option<Token>, String> {
    let text = match file {
        Some(file) => Some(fs::read_to_string(file).map_err(|error| {
            format!(
                "cannot read the token file {} ({error}): name another with --upload-token-file",
                file.display()
            )
        })?),
        None => env::var(TOKEN_VARIABLE).ok().filter(|text| !text.is_empty()),
    };
    text.map(Token::new).transpose().map_err(|error| error.to_string())
}

/// The signals that end the program.
struct Ends {
    interrupt: Signal,
    terminate: Signal,
}

impl Ends {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn first(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        tracing::info!("ending; running uploads may finish");
    }
}

fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        // Otherwise it panics when nobody reads standard error any more.
        .log_internal_errors(false)
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none())
        .init();
}

/// Writes a line. Nobody reading it is no reason to stop.
fn tell(to: &mut impl Write, line: &str) {
    let _ = writeln!(to, "{line}").and_then(|()| to.flush());
}
