//! The masters in ZooKeeper, watched.

use std::time::Duration;

use futures_util::stream::Stream;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use zookeeper_client::{Client, Error, OneshotWatcher, SessionState, StateWatcher};

use super::{DetectError, MasterDetector, News, leader, told_by};
use crate::backoff::Backoff;
use crate::client::jitter;
use crate::master::{Master, ZooKeeperAddress};

/// How long a session, and what it told, outlives its connection.
///
/// Source: `ZOOKEEPER_SESSION_TIMEOUT` of Mesos 1.11.0.
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(10);

/// How long to wait after a request that met a lost connection.
const RETRY: Duration = Duration::from_millis(200);

/// Waits between tries to connect.
const RECONNECT: Backoff =
    Backoff { first: Duration::from_millis(500), longest: Duration::from_secs(5) };

/// Detects the leading master as Mesos' own library does.
///
/// - The leader is the node `json.info_…` with the lowest sequence number; the path is
///   watched, and so is its coming into being. Unlike Mesos' library this one creates
///   nothing in ZooKeeper.
/// - A short loss of the connection changes nothing. After the session timeout without
///   one nobody leads, as far as this detector can tell, and a new session is begun.
/// - With a user in the address, that user's password is shown by the scheme `digest`.
#[derive(Debug, Clone)]
pub struct ZooKeeper {
    address: ZooKeeperAddress,
    session_timeout: Duration,
    https: bool,
}

impl ZooKeeper {
    /// Watches the masters at `address`.
    #[must_use]
    pub fn new(address: ZooKeeperAddress) -> Self {
        Self { address, session_timeout: SESSION_TIMEOUT, https: false }
    }

    /// How long what is known outlives the connection. Default: [`SESSION_TIMEOUT`].
    /// ZooKeeper has bounds of its own for it.
    #[must_use]
    pub fn session_timeout(self, session_timeout: Duration) -> Self {
        Self { session_timeout, ..self }
    }

    /// Whether the masters are spoken to by https, and so by their host names. Default: http.
    #[must_use]
    pub fn https(self, https: bool) -> Self {
        Self { https, ..self }
    }

    async fn connect(&self) -> Result<Client, Error> {
        let connector =
            Client::connector().with_session_timeout(self.session_timeout).with_fail_eagerly();
        let connector = match self.address.digest() {
            Some(digest) => connector.with_auth("digest", &digest.for_zookeeper()),
            None => connector,
        };
        connector.connect(&self.address.servers().join(",")).await
    }
}

impl MasterDetector for ZooKeeper {
    fn masters(self) -> impl Stream<Item = News> + Send + 'static {
        told_by(move |news| Watch { zookeeper: self, news, told: None }.run())
    }
}

/// What was told last: the node that leads and what it announced.
type Leader = Option<(String, Master)>;

struct Watch {
    zookeeper: ZooKeeper,
    news: mpsc::Sender<News>,
    /// `None` before the first news.
    told: Option<Leader>,
}

impl Watch {
    /// One session after the other, until nobody listens or ZooKeeper refuses us.
    async fn run(mut self) {
        let news = self.news.clone();
        tokio::select! {
            () = news.closed() => {}
            () = self.sessions() => {}
        }
    }

    async fn sessions(&mut self) {
        let mut attempt = 0;
        loop {
            let error = match self.zookeeper.connect().await {
                Ok(client) => {
                    attempt = 0;
                    self.session(&client).await
                }
                Err(error) => error,
            };
            let error = self.described(&error);
            let is_terminal = error.is_terminal();
            if self.told.is_some() {
                self.tell(None).await;
            }
            // Nobody listens any more; `run` ends.
            let _ = self.news.send(Err(error)).await;
            if is_terminal {
                return;
            }
            sleep(RECONNECT.wait(attempt, jitter())).await;
            attempt += 1;
        }
    }

    /// Watches until the session is lost, and says why.
    async fn session(&mut self, client: &Client) -> Error {
        let gone = gone(client.state_watcher(), self.zookeeper.session_timeout);
        tokio::select! {
            error = gone => error,
            error = self.watch(client) => error,
        }
    }

    /// Looks, and looks again after every change.
    async fn watch(&mut self, client: &Client) -> Error {
        loop {
            match self.look(client).await {
                Ok(Some(watcher)) => {
                    watcher.changed().await;
                }
                Ok(None) => {}
                Err(Error::ConnectionLoss) => sleep(RETRY).await,
                Err(error) => return error,
            }
        }
    }

    /// Tells who leads and gives what will notice a change; `None` if that has happened already.
    async fn look(&mut self, client: &Client) -> Result<Option<OneshotWatcher>, Error> {
        let path = self.zookeeper.address.path().to_owned();
        let (children, watcher) = match client.get_and_watch_children(&path).await {
            Ok((children, _, watcher)) => (children, watcher),
            Err(Error::NoNode) => return self.look_for_path(client, &path).await,
            Err(error) => return Err(error),
        };
        let Some(node) = leader::among(children.iter().map(String::as_str)) else {
            self.tell(None).await;
            return Ok(Some(watcher));
        };
        if self.is_told(node) {
            return Ok(Some(watcher));
        }
        match client.get_data(&format!("{path}/{node}")).await {
            Ok((content, _)) => self.found(&path, node, &content).await,
            Err(Error::NoNode) => return Ok(None),
            Err(error) => return Err(error),
        }
        Ok(Some(watcher))
    }

    /// There is no such path, so nobody leads until there is.
    async fn look_for_path(
        &mut self,
        client: &Client,
        path: &str,
    ) -> Result<Option<OneshotWatcher>, Error> {
        let (found, watcher) = client.check_and_watch_stat(path).await?;
        if found.is_some() {
            return Ok(None);
        }
        self.tell(None).await;
        Ok(Some(watcher))
    }

    async fn found(&mut self, path: &str, node: &str, content: &[u8]) {
        match leader::address(content, self.zookeeper.https) {
            Ok(master) => self.tell(Some((node.to_owned(), master))).await,
            Err(reason) => {
                self.tell(None).await;
                let place = format!("{path}/{node} in ZooKeeper");
                let _ = self.news.send(Err(DetectError::Garbled { place, reason })).await;
            }
        }
    }

    fn is_told(&self, node: &str) -> bool {
        matches!(&self.told, Some(Some((told, _))) if told == node)
    }

    /// Tells what differs from what was told.
    async fn tell(&mut self, leader: Leader) {
        if self.told.as_ref() == Some(&leader) {
            return;
        }
        let master = leader.as_ref().map(|(_, master)| master.clone());
        self.told = Some(leader);
        let _ = self.news.send(Ok(master)).await;
    }

    fn described(&self, error: &Error) -> DetectError {
        let address = &self.zookeeper.address;
        if matches!(error, Error::NoAuth | Error::AuthFailed) {
            return DetectError::Refused { path: address.path().to_owned() };
        }
        DetectError::Unreachable { servers: address.servers().join(","), reason: error.to_string() }
    }
}

/// Ends when the session is lost or was without connection for as long as it would last.
async fn gone(mut states: StateWatcher, limit: Duration) -> Error {
    let mut state = states.state();
    loop {
        state = match state {
            SessionState::Expired => return Error::SessionExpired,
            SessionState::AuthFailed => return Error::AuthFailed,
            SessionState::Closed => return Error::ClientClosed,
            SessionState::Disconnected => match timeout(limit, states.changed()).await {
                Ok(state) => state,
                Err(_) => return Error::ConnectionLoss,
            },
            SessionState::SyncConnected | SessionState::ConnectedReadOnly => states.changed().await,
        };
    }
}
