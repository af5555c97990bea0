//! A real Mesos cluster on this machine: `cargo xtask sandbox up|down|status`.

mod cluster;
mod down;
mod master;
mod ports;
mod process;
mod status;
mod up;

use std::fs::{self, File};
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Subcommand;

use crate::{tools, workspace};

/// What to do with the cluster.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a master and agents on loopback, and wait until the agents have registered
    ///
    /// Installs Mesos under `target/mesos-1.11.0` first if need be. State, sandboxes and logs are
    /// in `target/sandbox`, those of the cluster before are removed. Mesos' own flags can be given
    /// as environment variables, such as MESOS_ALLOCATION_INTERVAL=200ms.
    Up(up::Options),
    /// End the processes that `up` started, and the containers of its agents
    Down,
    /// Show which processes run and which agents the master has
    Status,
    /// Install Mesos under `target/mesos-1.11.0` and start nothing
    Install,
}

/// Does it.
///
/// # Errors
///
/// One sentence that names what is wrong and the remedy.
pub(crate) fn run(command: &Command) -> Result<()> {
    let place = Place::open()?;
    match command {
        Command::Up(options) => up::up(options, &place),
        Command::Down => down::down(&place),
        Command::Status => status::status(&place),
        Command::Install => install(),
    }
}

/// Installs Mesos unless it is there already.
///
/// # Errors
///
/// When it cannot be installed; the script says why.
pub(crate) fn install() -> Result<()> {
    let mut command = std::process::Command::new(workspace::sandbox_script("install.sh"));
    tools::run(command.arg(workspace::mesos_prefix()))
        .context("Mesos 1.11.0 could not be installed")
}

/// A port on loopback that nobody listens on.
///
/// # Errors
///
/// When there is none.
pub(crate) fn free_port() -> Result<SocketAddrV4> {
    ports::choose(0)
}

/// A cluster for a while, on any port and in a folder of its own. It ends with this value.
pub(crate) struct Sandbox {
    place: Place,
    master: SocketAddrV4,
}

impl Sandbox {
    /// Starts it with so many agents of two processors.
    ///
    /// # Errors
    ///
    /// When it does not start; then nothing of it is left running.
    pub(crate) fn start(folder: &Path, agents: u16) -> Result<Self> {
        install()?;
        let place = Place::at(folder.to_owned())?;
        let master = up::start_for_a_while(agents, &place)?;
        Ok(Self { place, master })
    }

    /// Where its master listens.
    pub(crate) fn master(&self) -> String {
        self.master.to_string()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if let Err(error) = down::down(&self.place) {
            eprintln!("cannot end the cluster in '{}': {error:#}", self.place.folder.display());
        }
    }
}

/// The folder of the cluster, locked so that two commands do not get into each other's way.
struct Place {
    folder: PathBuf,
    _lock: File,
}

impl Place {
    fn open() -> Result<Self> {
        Self::at(workspace::target().join("sandbox"))
    }

    fn at(folder: PathBuf) -> Result<Self> {
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create '{}'", folder.display()))?;
        let file = folder.join("lock");
        let lock =
            File::create(&file).with_context(|| format!("cannot create '{}'", file.display()))?;
        lock.lock().with_context(|| format!("cannot lock '{}'", file.display()))?;
        Ok(Self { folder, _lock: lock })
    }

    fn cluster_file(&self) -> PathBuf {
        self.folder.join("cluster.json")
    }
}
