//! Who is killed, and comes back.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use e2e::{Cluster, Job, Program, Run, executors, program, until};
use rustix::process::Signal;

use crate::dice::Dice;

const SOON: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Victim {
    Scheduler,
    Executor,
    FileServer,
    /// The master and the agents of `mesos-local` are one process, and die together.
    #[cfg(feature = "real-mesos")]
    Agent,
    Master,
}

/// A file server of its own, on the same port and folder each time it starts.
#[derive(Debug)]
pub(crate) struct FileServer {
    program: Option<Program>,
    port: u16,
}

impl FileServer {
    pub(crate) fn start(cluster: &Cluster) -> Result<Self> {
        std::fs::write(cluster.folder().join("token"), "secret")?;
        let mut server = Self { program: None, port: e2e::free_port()? };
        server.restart(cluster)?;
        Ok(server)
    }

    pub(crate) fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn restart(&mut self, cluster: &Cluster) -> Result<()> {
        let mut command = Command::new(program("fileserver")?);
        command.args(["--port", &self.port.to_string(), "--output", "kept"]);
        command.args(["--upload-token-file", "token", "--executor"]).arg(program("executor")?);
        let mut started = Program::start("fileserver", &mut command, cluster.folder())?;
        started.wait_for("its address", SOON, |it| {
            it.stdout().contains("Serving http://").then_some(())
        })?;
        self.program = Some(started);
        Ok(())
    }

    fn kill(&mut self) -> Result<()> {
        let mut program = self.program.take().context("the file server does not run")?;
        program.signal(Signal::KILL)?;
        program.wait(SOON).map(|_| ())
    }
}

/// All that can be killed while a job runs.
#[derive(Debug)]
pub(crate) struct Scene<'a> {
    pub(crate) cluster: &'a mut Cluster,
    pub(crate) server: &'a mut FileServer,
    pub(crate) job: &'a Job,
}

impl Scene<'_> {
    /// Kills the victim at once.
    pub(crate) fn kill(&mut self, victim: Victim, run: &mut Run, dice: &mut Dice) -> Result<()> {
        match victim {
            Victim::Scheduler => {
                run.program.signal(Signal::KILL)?;
                run.program.wait(SOON).map(|_| ())
            }
            Victim::Executor => self.kill_an_executor(dice),
            Victim::FileServer => self.server.kill(),
            #[cfg(feature = "real-mesos")]
            Victim::Agent => self.cluster.nodes()?.kill_agent(agent(dice)),
            Victim::Master => self.cluster.nodes()?.kill_master(),
        }
    }

    #[cfg_attr(
        not(feature = "real-mesos"),
        expect(unused_variables, reason = "only there agents are killed by themselves")
    )]
    /// Brings it back, if somebody has to; returns the scheduler that goes on.
    pub(crate) fn revive(&mut self, victim: Victim, run: Run, dice: &Dice) -> Result<Run> {
        match victim {
            Victim::Scheduler => {
                drop(run);
                return self.job.start();
            }
            Victim::Executor => {}
            Victim::FileServer => self.server.restart(self.cluster)?,
            #[cfg(feature = "real-mesos")]
            Victim::Agent => self.cluster.nodes()?.start_agent(agent(dice))?,
            Victim::Master => self.cluster.nodes()?.start_master()?,
        }
        Ok(run)
    }

    fn kill_an_executor(&self, dice: &mut Dice) -> Result<()> {
        let found = until("an executor", SOON, || {
            let found = executors(self.cluster.folder());
            Ok((!found.is_empty()).then_some(found))
        })?;
        let which = usize::try_from(dice.below(found.len() as u64))?;
        found.get(which).context("no executor")?.kill()
    }
}

#[cfg(feature = "real-mesos")]
/// One of the two, the same when it is killed and when it comes back.
fn agent(dice: &Dice) -> usize {
    usize::from(dice.clone().below(2) == 1)
}
