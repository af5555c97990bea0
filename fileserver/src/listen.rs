//! Sockets: binding, connections, the end.

use std::io;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::{Config, Error, router};

/// The time a connection has for the head of its next request. Longer than common
/// clients keep an idle connection, so that they, not we, close it.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(120);

/// The time that running requests have after the shutdown was asked for.
pub const GRACE_PERIOD: Duration = Duration::from_secs(30);

/// The pause after a connection could not be accepted, too many open files say.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// A listener on `address`, an IP address or a host name. Port 0 means any free one.
///
/// # Errors
///
/// When the address cannot be listened on; the sentence says what to change.
pub async fn bind(address: &str, port: u16) -> Result<TcpListener, Error> {
    let host = address.trim_start_matches('[').trim_end_matches(']');
    TcpListener::bind((host, port)).await.map_err(|source| Error::Bind {
        address: address.to_owned(),
        port,
        remedy: remedy(source.kind()),
        source,
    })
}

fn remedy(kind: io::ErrorKind) -> &'static str {
    if kind == io::ErrorKind::AddrInUse {
        "stop the other program, or choose another port with --port (--artifact-port of the \
         scheduler), 0 for any free one"
    } else if kind == io::ErrorKind::PermissionDenied {
        "choose a port above 1023 with --port (--artifact-port of the scheduler), 0 for any free one"
    } else {
        "choose an address of this machine with --address, and 0 as --port (--artifact-port of the \
         scheduler) for any free port"
    }
}

/// Answers the requests that come over `listener` until `shutdown` is ready, then lets
/// running requests finish for up to [`GRACE_PERIOD`].
///
/// Before an upload is answered with success, its bytes are synced, then the file gets
/// its name, then the folder is synced. Whatever happens, no half file has a result's name.
///
/// # Errors
///
/// When [`router`] refuses the configuration.
pub async fn serve(
    listener: TcpListener,
    config: Config,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Error> {
    serve_router(listener, router(config)?, shutdown).await;
    Ok(())
}

/// As [`serve`], for who wants to know beforehand that [`router`] took the configuration.
pub async fn serve_router(
    mut listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) {
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            stream = accept(&mut listener) => {
                connections.spawn(answer(stream, router.clone(), graceful.watcher()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    if timeout(GRACE_PERIOD, graceful.shutdown()).await.is_err() {
        tracing::warn!(open = connections.len(), "closing connections that did not end in time");
    }
}

async fn accept(listener: &mut TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn answer(stream: TcpStream, router: Router, watcher: Watcher) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot send small packets at once");
    }
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended early");
    }
}
