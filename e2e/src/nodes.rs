//! The nodes of a cluster as processes: a real Mesos' master and agents, or `mesos-local`.

use std::env;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use serde_json::Value;

use crate::process::{self, Program};
use crate::{Engine, family, http, until};

/// A master and its agents usually take a quarter of a second; this is for a busy machine.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// What a cluster is to be like: how many agents, and which of Mesos' flags are set.
#[derive(Debug, Clone)]
pub struct Plan {
    engine: Engine,
    agents: usize,
    leads: bool,
    has_machines: bool,
    resources: Option<String>,
    master_flags: Vec<(String, String)>,
    agent_flags: Vec<(String, String)>,
}

impl Plan {
    /// A cluster of one agent with Mesos' defaults, two processors and 2 GiB of memory.
    #[must_use]
    pub fn of(engine: Engine) -> Self {
        // Agents register after a random part of this; the default of one second is for big clusters.
        let at_once = ("registration_backoff_factor".to_owned(), "10ms".to_owned());
        let agent_flags = if engine == Engine::Real { vec![at_once] } else { Vec::new() };
        Self {
            engine,
            agents: 1,
            leads: true,
            has_machines: false,
            resources: None,
            master_flags: Vec::new(),
            agent_flags,
        }
    }

    /// With so many agents.
    #[must_use]
    pub fn agents(mut self, agents: usize) -> Self {
        self.agents = agents;
        self
    }

    /// With a master that does not lead, so that nothing is there to wait for.
    #[must_use]
    pub fn does_not_lead(mut self) -> Self {
        self.leads = false;
        self
    }

    /// With agents that say that they are on a machine each: `machine-1`, `machine-2` and so on. Only
    /// those of a real Mesos do.
    #[must_use]
    pub fn on_machines(mut self) -> Self {
        self.has_machines = true;
        self
    }

    /// With these resources on each agent.
    #[must_use]
    pub fn resources(mut self, resources: &str) -> Self {
        self.resources = Some(resources.to_owned());
        self
    }

    /// With a flag of the master, by Mesos' name for it: `agent_ping_timeout`.
    #[must_use]
    pub fn master(mut self, flag: &str, value: &str) -> Self {
        self.master_flags.push((flag.to_owned(), value.to_owned()));
        self
    }

    /// With a flag of the agents, by Mesos' name for it: `executor_registration_timeout`.
    #[must_use]
    pub fn agent(mut self, flag: &str, value: &str) -> Self {
        self.agent_flags.push((flag.to_owned(), value.to_owned()));
        self
    }

    /// Starts it in the folder, on any free port.
    ///
    /// # Errors
    ///
    /// When it does not start; the message says what to do.
    pub fn start(self, folder: &Path) -> Result<Nodes> {
        self.start_on(free_port()?, folder)
    }

    /// Starts it in the folder, the master on this port.
    ///
    /// # Errors
    ///
    /// When it does not start; the message says what to do.
    pub fn start_on(self, port: u16, folder: &Path) -> Result<Nodes> {
        let agents = (0..self.agents).map(|_| Ok(Node { port: free_port()?, program: None }));
        let agents = agents.collect::<Result<_>>()?;
        let (folder, master) = (folder.to_owned(), Node { port, program: None });
        let mut nodes = Nodes { plan: self, folder, master, agents };
        nodes.start_master()?;
        if nodes.plan.engine == Engine::Real {
            for index in 0..nodes.agents.len() {
                nodes.start_agent(index)?;
            }
        }
        if nodes.plan.leads {
            nodes.wait_for_master()?;
            nodes.wait_for_agents()?;
        }
        Ok(nodes)
    }
}

/// A running cluster. All of it ends with this value, and nothing else does.
#[derive(Debug)]
pub struct Nodes {
    plan: Plan,
    folder: PathBuf,
    master: Node,
    agents: Vec<Node>,
}

#[derive(Debug)]
struct Node {
    port: u16,
    program: Option<Program>,
}

/// An agent as the master knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Its id.
    pub id: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// The first part of the paths it serves: `slave(1)`.
    pub process: String,
    /// Whether its resources are offered.
    pub active: bool,
}

impl Nodes {
    /// Where the master listens.
    #[must_use]
    pub fn master(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.master.port))
    }

    /// The agents that the master knows.
    ///
    /// # Errors
    ///
    /// When the master does not say.
    pub fn known_agents(&self) -> Result<Vec<Agent>> {
        let slaves = http::get(self.master(), "/slaves")?.json()?;
        let slaves = slaves.get("slaves").and_then(Value::as_array).context("no 'slaves'")?;
        slaves.iter().map(agent).collect()
    }

    /// The only agent.
    ///
    /// # Errors
    ///
    /// When the master knows of none or of more.
    pub fn the_agent(&self) -> Result<Agent> {
        match <[Agent; 1]>::try_from(self.known_agents()?) {
            Ok([agent]) => Ok(agent),
            Err(agents) => bail!("not the one agent but {agents:?}"),
        }
    }

    /// Waits until all agents are there and get offers made.
    ///
    /// # Errors
    ///
    /// When they are not within the time, or a node ends.
    pub fn wait_for_agents(&mut self) -> Result<()> {
        let what = format!("{} agents at the master {}", self.plan.agents, self.master());
        let ready = until(&what, READY_WITHIN, || {
            self.none_has_ended()?;
            let known = self.known_agents().unwrap_or_default();
            let active = known.iter().filter(|agent| agent.active).count();
            Ok((active >= self.plan.agents).then_some(()))
        });
        ready.with_context(|| self.tail())
    }

    /// Waits until the master answers, whether or not any agent is back.
    ///
    /// # Errors
    ///
    /// When it does not within the time.
    pub fn wait_for_master(&mut self) -> Result<()> {
        let what = format!("the master {}", self.master());
        // Whatever it says to this request, once it has recovered.
        let is_ready = |reply: &http::Reply| !matches!(reply.status, 404 | 503);
        let ready = until(&what, READY_WITHIN, || {
            self.none_has_ended()?;
            let reply = http::get(self.master(), "/api/v1/scheduler").ok();
            Ok(reply.filter(is_ready))
        });
        ready.map(|_| ()).with_context(|| self.tail())
    }

    /// Ends the master at once; with `mesos-local`, the agents along with it, but not executors.
    ///
    /// # Errors
    ///
    /// When it does not run.
    pub fn kill_master(&mut self) -> Result<()> {
        self.master.program.take().context("the master does not run")?.kill_alone()
    }

    /// Starts the master, on the port and in the folder where it ran before.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn start_master(&mut self) -> Result<()> {
        let program = match self.plan.engine {
            Engine::Local => self.mesos_local()?,
            Engine::Real => self.real_node("master", self.master.port, &self.plan.master_flags)?,
        };
        self.master.program = Some(program);
        Ok(())
    }

    /// Ends an agent at once, but not its executors.
    ///
    /// # Errors
    ///
    /// When there is no such agent; those of `mesos-local` are no processes.
    pub fn kill_agent(&mut self, index: usize) -> Result<()> {
        let node = self.agents.get_mut(index).context("there is no such agent")?;
        node.program.take().context("this agent is no process")?.kill_alone()
    }

    /// Starts an agent, on the port and in the folder where it ran before.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn start_agent(&mut self, index: usize) -> Result<()> {
        let port = self.agents.get(index).context("there is no such agent")?.port;
        let (name, mut flags) = (format!("agent-{}", index + 1), self.plan.agent_flags.clone());
        if self.plan.has_machines {
            flags.push(("hostname".to_owned(), format!("machine-{}", index + 1)));
        }
        let program = self.real_node(&name, port, &flags)?;
        if let Some(node) = self.agents.get_mut(index) {
            node.program = Some(program);
        }
        Ok(())
    }

    /// Sends an agent a signal.
    ///
    /// # Errors
    ///
    /// When there is no such agent; those of `mesos-local` are no processes.
    pub fn signal_agent(&mut self, index: usize, signal: Signal) -> Result<()> {
        let node = self.agents.get_mut(index).context("there is no such agent")?;
        node.program.as_mut().context("this agent is no process")?.signal(signal)
    }

    /// Where an agent keeps what it has to remember.
    #[must_use]
    pub fn agent_work_dir(&self, index: usize) -> PathBuf {
        self.folder.join(format!("agent-{}/work/agents/0/work", index + 1))
    }

    /// What the nodes wrote last, for messages.
    #[must_use]
    pub fn tail(&self) -> String {
        let nodes = [&self.master].into_iter().chain(&self.agents);
        let programs = nodes.filter_map(|node| node.program.as_ref());
        programs.map(Program::tail).collect::<Vec<_>>().join("\n")
    }

    /// The ids of the running nodes.
    #[must_use]
    pub fn pids(&self) -> Vec<u32> {
        let nodes = [&self.master].into_iter().chain(&self.agents);
        nodes.filter_map(|node| node.program.as_ref().map(Program::pid)).collect()
    }

    fn none_has_ended(&mut self) -> Result<()> {
        let nodes = [&mut self.master].into_iter().chain(&mut self.agents);
        for program in nodes.filter_map(|node| node.program.as_mut()) {
            if let Some(status) = program.status()? {
                bail!("a node ended while it started, {status}");
            }
        }
        Ok(())
    }

    fn mesos_local(&self) -> Result<Program> {
        let mut command = process::command("mesos-local")?;
        command.args(["--port", &self.master.port.to_string()]);
        command.args(["--agents", &self.plan.agents.to_string()]);
        command.arg("--work-dir").arg(self.folder.join("mesos-local/work"));
        if let Some(resources) = &self.plan.resources {
            command.args(["--resources", resources]);
        }
        for (flag, value) in self.plan.master_flags.iter().chain(&self.plan.agent_flags) {
            command.arg(format!("--{}", flag.replace('_', "-")));
            // What is no flag of Mesos takes no value.
            command.args(Some(value).filter(|value| !value.is_empty()));
        }
        Program::start("mesos-local", &mut command, &self.folder)
    }

    fn real_node(&self, name: &str, port: u16, flags: &[(String, String)]) -> Result<Program> {
        let prefix = real_mesos(env::var_os("MESOS_SANDBOX_PREFIX").map(PathBuf::from))?;
        let role = name.split('-').next().unwrap_or(name);
        let mut command = Command::new(prefix.join("run-node"));
        command.arg(role).arg(self.folder.join(name).join("work")).arg(port.to_string());
        if role == "agent" {
            command.arg(self.master().to_string()).args(&self.plan.resources);
        }
        process::forget_ours(&mut command);
        command.env("LIBPROCESS_IP", Ipv4Addr::LOCALHOST.to_string());
        for (flag, value) in flags {
            command.env(format!("MESOS_{}", flag.to_uppercase()), value);
        }
        Program::start(name, &mut command, &self.folder)
    }
}

/// An agent that was killed leaves executors.
impl Drop for Nodes {
    fn drop(&mut self) {
        self.master.program = None;
        for agent in &mut self.agents {
            agent.program = None;
        }
        if let Err(error) = family::end(&family::in_sandboxes_below(&self.folder)) {
            eprintln!("cannot end what the tasks started: {error}");
        }
    }
}

/// Nodes in a folder of their own, which goes with them.
#[derive(Debug)]
pub struct Testbed {
    // The order matters: processes end before their folder goes.
    nodes: Nodes,
    folder: tempfile::TempDir,
}

impl Testbed {
    /// Starts the nodes.
    ///
    /// # Errors
    ///
    /// When they do not start; the message says what to do.
    pub fn start(plan: Plan) -> Result<Self> {
        Self::start_with(plan, |_| Ok(()))
    }

    /// Starts the nodes after something was put into their folder.
    ///
    /// # Errors
    ///
    /// When they do not start; the message says what to do.
    pub fn start_with(plan: Plan, prepare: impl FnOnce(&Path) -> Result<()>) -> Result<Self> {
        let folder = folder()?;
        prepare(folder.path())?;
        Ok(Self { nodes: plan.start(folder.path())?, folder })
    }

    /// The folder of everything.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl std::ops::Deref for Testbed {
    type Target = Nodes;

    fn deref(&self) -> &Nodes {
        &self.nodes
    }
}

impl std::ops::DerefMut for Testbed {
    fn deref_mut(&mut self) -> &mut Nodes {
        &mut self.nodes
    }
}

/// A new temporary folder, which any user may look into as tasks do.
pub(crate) fn folder() -> Result<tempfile::TempDir> {
    let folder = tempfile::Builder::new().prefix("e2e-").tempdir();
    folder.context("cannot make a temporary folder")
}

/// A port on loopback that was free just now, and is nobody else's in this process.
///
/// The system takes ports for outgoing connections, of which tests make many, from 32768 on; so
/// one below does not become one of those before somebody listens on it.
///
/// # Errors
///
/// When there is none.
pub fn free_port() -> Result<u16> {
    const FIRST: u32 = 10_000;
    const COUNT: u32 = 20_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    for _ in 0..COUNT {
        // Processes begin at different places, so that they seldom ask for the same port.
        let number =
            NEXT.fetch_add(1, Ordering::Relaxed).wrapping_add(std::process::id().wrapping_mul(211));
        let port = u16::try_from(FIRST + number % COUNT)?;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port from {FIRST} on is free")
}

fn agent(slave: &Value) -> Result<Agent> {
    let text = |name: &str| slave.get(name).and_then(Value::as_str).map(str::to_owned);
    let pid = text("pid").context("an agent without a 'pid'")?;
    let (process, address) = pid.split_once('@').context("a 'pid' without '@'")?;
    Ok(Agent {
        id: text("id").context("an agent without an 'id'")?,
        address: address.parse()?,
        process: process.to_owned(),
        active: slave.get("active").and_then(Value::as_bool).unwrap_or_default(),
    })
}

/// The folder of the real Mesos, from what the environment says.
fn real_mesos(prefix: Option<PathBuf>) -> Result<PathBuf> {
    const REMEDY: &str = "run the tests with `cargo xtask test`, or `sandbox/install.sh PREFIX` \
                          and set MESOS_SANDBOX_PREFIX=PREFIX";
    let Some(prefix) = prefix else {
        bail!("MESOS_SANDBOX_PREFIX does not say where the real Mesos is: {REMEDY}")
    };
    if !fs::exists(prefix.join("run-node")).unwrap_or_default() {
        bail!("there is no real Mesos in '{}': {REMEDY}", prefix.display());
    }
    Ok(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_real_mesos_that_is_missing_is_told_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        for prefix in [None, Some(folder.path().to_owned())] {
            let error = real_mesos(prefix).unwrap_err().to_string();
            assert!(error.contains("cargo xtask test"), "{error}");
            assert!(error.contains("sandbox/install.sh PREFIX"), "{error}");
        }
    }
}
