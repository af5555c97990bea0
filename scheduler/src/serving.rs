//! The file server inside this program.

use std::path::Path;

use fileserver::{Config, Token};
use protocol::Limits;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use url::Url;

use crate::failure::Failure;
use crate::preflight::FileServer;

/// The address of a file server and, if it is ours, its running task.
#[derive(Debug)]
pub struct Serving {
    /// Its address as agents reach it, with a slash at its end.
    pub base: Url,
    /// What it wants with uploads.
    pub token: Option<String>,
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

/// A port that is ours, with nothing served on it yet.
#[derive(Debug)]
pub enum Place {
    /// For our own server.
    Bound(TcpListener, Url),
    /// Another server's.
    Elsewhere(Url),
}

impl Place {
    /// Takes the port, if the file server is ours.
    ///
    /// # Errors
    ///
    /// When the port is taken or the address is not of this machine.
    pub async fn take(server: &FileServer, address: &str, port: u16) -> Result<Self, Failure> {
        if let FileServer::At { url, .. } = server {
            return Ok(Self::Elsewhere(url.clone()));
        }
        let start = |error: &dyn std::fmt::Display| Failure::Start(error.to_string());
        let listener = fileserver::bind(address, port).await.map_err(|e| start(&e))?;
        let port = listener.local_addr().map_err(|e| start(&e))?.port();
        let host = if address.contains(':') && !address.starts_with('[') {
            format!("[{address}]")
        } else {
            address.to_owned()
        };
        let base = Url::parse(&format!("http://{host}:{port}/")).map_err(|error| {
            Failure::Usage(format!("--address {address:?} is no host name or IP address ({error})"))
        })?;
        Ok(Self::Bound(listener, base))
    }

    /// The address of the server, with a slash at its end.
    #[must_use]
    pub fn base(&self) -> &Url {
        match self {
            Self::Bound(_, base) | Self::Elsewhere(base) => base,
        }
    }

    /// Begins to serve. `own_token` is what uploads to our own server have to bring.
    ///
    /// # Errors
    ///
    /// When a folder or the executor is not usable.
    pub fn serve(
        self,
        server: &FileServer,
        output: &Path,
        limits: &Limits,
        own_token: String,
    ) -> Result<Serving, Failure> {
        let (listener, base) = match self {
            Self::Elsewhere(base) => {
                let token = match server {
                    FileServer::At { token, .. } => token.clone(),
                    FileServer::Own { .. } => None,
                };
                return Ok(Serving { base, token, running: None });
            }
            Self::Bound(listener, base) => (listener, base),
        };
        let config = config(server, output, limits, &own_token)
            .map_err(|error| Failure::Start(error.to_string()))?;
        let router =
            fileserver::router(config).map_err(|error| Failure::Start(error.to_string()))?;
        let (stop, stopped) = oneshot::channel::<()>();
        // The other end may be dropped instead of used; both mean the end.
        let shutdown = async move { drop(stopped.await) };
        let task = tokio::spawn(fileserver::serve_router(listener, router, shutdown));
        Ok(Serving { base, token: Some(own_token), running: Some((stop, task)) })
    }
}

fn config(
    server: &FileServer,
    output: &Path,
    limits: &Limits,
    token: &str,
) -> Result<Config, fileserver::Error> {
    let mut config = Config::new(output);
    if let FileServer::Own { executor, samples } = server {
        config.executor = Some(executor.clone());
        config.samples.clone_from(samples);
    }
    config.upload_token = Some(Token::new(token)?);
    // Formats without compression may grow what comes in.
    let grown = limits.max_download_bytes.saturating_mul(4);
    config.max_upload_bytes = config.max_upload_bytes.max(grown);
    Ok(config)
}

impl Serving {
    /// Ends our own server: uploads that are under way may finish, unless it is in a `hurry`.
    pub async fn stop(self, hurry: bool) {
        let Some((stop, task)) = self.running else { return };
        if hurry {
            task.abort();
        } else {
            // The server may have ended already.
            let _ = stop.send(());
            let _ = task.await;
        }
    }
}
