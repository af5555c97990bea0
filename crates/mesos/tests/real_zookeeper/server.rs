//! A ZooKeeper server of a test's own, on loopback.

use std::fs::{self, File};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mesos::detect::ZooKeeper;
use mesos::master::{MasterSpec, ZooKeeperAddress};
use tempfile::TempDir;
use tokio::time::sleep;
use zookeeper_client::{Acls, Client, CreateMode};

/// Where Debian's package `libzookeeper-java` puts the classes.
const CLASSES: &str = "/usr/share/java/*";
/// How long a server may take to come up on a machine with other work.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that ends with this value.
pub(crate) struct Server {
    folder: TempDir,
    port: u16,
    child: Child,
}

impl Server {
    /// Starts a server without any nodes and waits until it answers.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let data = folder.path().join("data");
        let settings = format!(
            "dataDir={}\nclientPort={port}\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n\
             tickTime=250\nforceSync=no\n",
            data.display()
        );
        fs::write(folder.path().join("zoo.cfg"), settings).unwrap();
        let child = launch(&folder);
        let mut server = Self { folder, port, child };
        server.wait().await;
        server
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again on its data and waits until it answers.
    pub(crate) async fn restart(&mut self) {
        self.child = launch(&self.folder);
        self.wait().await;
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    pub(crate) fn address(&self, user: &str, path: &str) -> ZooKeeperAddress {
        let text = format!("zk://{user}127.0.0.1:{}{path}", self.port);
        match text.parse() {
            Ok(MasterSpec::ZooKeeper(address)) => address,
            other => panic!("{text}: {other:?}"),
        }
    }

    pub(crate) fn detector(&self, path: &str) -> ZooKeeper {
        ZooKeeper::new(self.address("", path))
    }

    /// A session of a master; its ephemeral nodes go with it.
    pub(crate) async fn session(&self) -> Client {
        let connector = Client::connector().with_session_timeout(Duration::from_secs(30));
        connector.connect(&format!("127.0.0.1:{}", self.port)).await.unwrap()
    }

    /// A session of the user with the password.
    pub(crate) async fn session_of(&self, user: &str) -> Client {
        let connector = Client::connector().with_auth("digest", user.as_bytes());
        connector.connect(&format!("127.0.0.1:{}", self.port)).await.unwrap()
    }

    async fn wait(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let connector = Client::connector().with_fail_eagerly();
            if connector.connect(&format!("127.0.0.1:{}", self.port)).await.is_ok() {
                return;
            }
            let ended = self.child.try_wait().unwrap();
            if ended.is_some() || Instant::now() > deadline {
                let log = fs::read_to_string(self.folder.path().join("log")).unwrap();
                panic!("ZooKeeper does not come up (ended: {ended:?}):\n{log}");
            }
            sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be dead already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn launch(folder: &TempDir) -> Child {
    let log = File::options().create(true).append(true).open(folder.path().join("log")).unwrap();
    Command::new("java")
        .args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx128m", "-cp", CLASSES])
        .arg("org.apache.zookeeper.server.quorum.QuorumPeerMain")
        .arg(folder.path().join("zoo.cfg"))
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .expect("java and libzookeeper-java are needed: cargo xtask test --only real-zookeeper")
}

/// Announces a master at 127.0.0.1 as Mesos does and gives the path of its node.
pub(crate) async fn announce(session: &Client, path: &str, port: u16, mode: CreateMode) -> String {
    let info = format!(
        r#"{{"address":{{"hostname":"localhost","ip":"127.0.0.1","port":{port}}},
            "capabilities":[{{"type":"QUOTA_V2"}}],"hostname":"localhost","id":"m-{port}",
            "ip":16777343,"pid":"master@127.0.0.1:{port}","port":{port},"version":"1.11.0"}}"#
    );
    let prefix = format!("{path}/json.info_");
    let options = mode.with_acls(Acls::anyone_all());
    let (_, sequence) = session.create(&prefix, info.as_bytes(), &options).await.unwrap();
    format!("{prefix}{sequence}")
}
