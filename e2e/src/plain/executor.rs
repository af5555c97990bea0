//! An executor that speaks plain HTTP in JSON.
//!
//! The process that the agent starts does nothing: it leaves its environment in a file and
//! waits for the test to end it. The test itself speaks to the agent with what it finds there,
//! so that both ends of a task are in one function.

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::events::Events;
use super::uuid;
use crate::http::{self, Answer, Reply};
use crate::until;

/// For what comes at once; the rest is for a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// How the waiting process of an executor is started, found and ended.
#[derive(Debug, Clone)]
pub struct Host {
    file: PathBuf,
}

impl Host {
    /// One that leaves its environment in this folder.
    #[must_use]
    pub fn new(folder: &Path, name: &str) -> Self {
        Self { file: folder.join(format!("executor-{name}")) }
    }

    /// The command to start it.
    #[must_use]
    pub fn command(&self) -> String {
        let file = self.file.display();
        format!(
            "env > {file}.part; echo EXECUTOR_PID=$$ >> {file}.part; mv {file}.part {file}; \
             while [ ! -e {file}.end ]; do sleep 0.05; done; exit $(cat {file}.end)"
        )
    }

    /// Waits for its start, and takes its place towards the agent.
    ///
    /// # Errors
    ///
    /// When it does not start, or without what an executor has to know.
    pub fn executor(&self) -> Result<Executor> {
        let environment =
            until("the start of the executor", SOON, || Ok(fs::read_to_string(&self.file).ok()))?;
        Executor::of(&environment, self.clone())
    }

    /// Whether it was started.
    #[must_use]
    pub fn has_started(&self) -> bool {
        self.file.exists()
    }

    /// Ends its process with a status.
    ///
    /// # Errors
    ///
    /// When the file that says so cannot be written.
    pub fn exit(&self, status: u8) -> Result<()> {
        let (part, end) = (self.file.with_extension("ending"), self.file.with_extension("end"));
        fs::write(&part, status.to_string())?;
        fs::rename(part, end).context("cannot end the executor")
    }
}

/// An executor towards its agent.
#[derive(Debug)]
pub struct Executor {
    /// Where the agent listens.
    pub agent: SocketAddr,
    /// Its own id.
    pub executor_id: String,
    /// Its framework's id.
    pub framework_id: String,
    /// Everything the agent told it.
    pub environment: HashMap<String, String>,
    /// Its process.
    pub host: Host,
    path: String,
}

impl Executor {
    fn of(environment: &str, host: Host) -> Result<Self> {
        let lines = environment.lines().filter_map(|line| line.split_once('='));
        let environment: HashMap<String, String> =
            lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let of = |name: &str| environment.get(name).with_context(|| format!("no {name}"));
        let process = of("MESOS_SLAVE_PID")?.split('@').next().unwrap_or_default();
        Ok(Self {
            agent: of("MESOS_AGENT_ENDPOINT")?.parse()?,
            executor_id: of("MESOS_EXECUTOR_ID")?.clone(),
            framework_id: of("MESOS_FRAMEWORK_ID")?.clone(),
            path: format!("/{process}/api/v1/executor"),
            environment,
            host,
        })
    }

    /// Subscribes for the first time.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub fn subscribe(&self) -> Result<Events> {
        self.subscribe_with(&json!({}))
    }

    /// Subscribes, telling what the agent has not acknowledged.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub fn subscribe_with(&self, content: &Value) -> Result<Events> {
        let answer = self.subscription(content)?;
        ensure!(answer.status == 200, "SUBSCRIBE was refused: {:?}", answer.whole()?);
        Events::of(answer)
    }

    /// Sends a SUBSCRIBE, and returns the answer as it begins.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub fn subscription(&self, content: &Value) -> Result<Answer> {
        let call = self.as_call("SUBSCRIBE", content);
        let json = [("Content-Type", "application/json"), ("Accept", "application/json")];
        http::open(self.agent, "POST", &self.path, &json, call.to_string().as_bytes())
    }

    /// Sends a call with its content.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub fn call(&self, kind: &str, content: &Value) -> Result<Reply> {
        self.post(&self.as_call(kind, content))
    }

    /// Sends a call as it is.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub fn post(&self, call: &Value) -> Result<Reply> {
        self.post_as(&[("Content-Type", "application/json")], call.to_string().as_bytes())
    }

    /// Sends a body with these headers.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub fn post_as(&self, headers: &[(&str, &str)], body: &[u8]) -> Result<Reply> {
        http::request(self.agent, "POST", &self.path, headers, body)
    }

    /// Sends a GET, which is not allowed.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub fn get(&self) -> Result<Reply> {
        http::get(self.agent, &self.path)
    }

    /// The whole call, to be sent in another way. A content of null is left out.
    #[must_use]
    pub fn as_call(&self, kind: &str, content: &Value) -> Value {
        let mut call = json!({
            "framework_id": { "value": self.framework_id },
            "executor_id": { "value": self.executor_id },
            "type": kind,
        });
        if let (false, Some(fields)) = (content.is_null(), call.as_object_mut()) {
            fields.insert(kind.to_lowercase(), content.clone());
        }
        call
    }

    /// What a task's status is to be, with a uuid of this number.
    #[must_use]
    pub fn status(&self, task: &str, state: &str, number: u64) -> Value {
        json!({
            "task_id": { "value": task },
            "executor_id": { "value": self.executor_id },
            "state": state,
            "source": "SOURCE_EXECUTOR",
            "uuid": uuid(number),
        })
    }

    /// Sends an UPDATE with this status.
    ///
    /// # Errors
    ///
    /// When it is not answered with 202.
    pub fn update(&self, status: &Value) -> Result<()> {
        let reply = self.call("UPDATE", &json!({ "status": status }))?;
        ensure!(reply.status == 202 && reply.body.is_empty(), "UPDATE was answered with {reply:?}");
        Ok(())
    }
}
