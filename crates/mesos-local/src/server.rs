//! Where the master listens, and who serves there.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::serve::{ListenerExt, TapIo};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::error::Error;
use crate::http::{self, Context};

/// How long open connections may take to end when the cluster is shut down.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);

/// The master's HTTP server.
pub(crate) struct Server {
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<io::Result<()>>,
}

impl Server {
    pub(crate) fn start(listener: TcpListener, context: Context) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let router = http::master_router(context);
        let serving = tokio::spawn(async move {
            let until = async {
                let _ = stopped.await;
            };
            axum::serve(at_once(listener), router).with_graceful_shutdown(until).await
        });
        Self { stop: Some(stop), serving }
    }

    pub(crate) async fn stop(&mut self) {
        drop(self.stop.take());
        // A client that neither reads nor hangs up must not keep the cluster alive.
        if tokio::time::timeout(SHUTDOWN_GRACE, &mut self.serving).await.is_err() {
            self.serving.abort();
        }
    }
}

/// Connections that send every packet at once, as those of Mesos do: without that, the second of
/// two events waits until the client has acknowledged the first, for up to 40 ms.
pub(crate) fn at_once(
    listener: TcpListener,
) -> TapIo<TcpListener, impl FnMut(&mut TcpStream) + Send + 'static> {
    listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot send small packets at once");
        }
    })
}

/// Takes the address, or says who has it.
pub(crate) async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let fault = |source: io::Error| {
        let address = address.to_string();
        if source.kind() == io::ErrorKind::AddrInUse {
            Error::PortInUse { address }
        } else {
            Error::Listen { address, source }
        }
    };
    let listener = TcpListener::bind(address).await.map_err(fault)?;
    let address = listener.local_addr().map_err(fault)?;
    Ok((listener, address))
}

#[cfg(test)]
mod tests {
    use axum::serve::Listener;

    use super::*;

    #[tokio::test]
    async fn connections_do_not_wait_for_more_to_send() {
        let (listener, address) = listen(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let _client = TcpStream::connect(address).await.unwrap();
        let (stream, _) = at_once(listener).accept().await;
        assert!(stream.nodelay().unwrap());
    }
}
