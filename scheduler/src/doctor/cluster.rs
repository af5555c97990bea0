//! What is on the cluster: the master that leads, its agents, its clock.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use batch::Constraint;
use futures_util::StreamExt;
use mesos::client::tls::{self, Tls};
use mesos::detect::{Detection, MasterDetector};
use mesos::master::{Master as Leader, MasterSpec};
use mesos::resources::Scalar;
use mesos::v1::{Attribute, Offer, value};
use reqwest::{Client, RequestBuilder, Response};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::timeout;
use url::Url;

use super::Finding;
use crate::cli::Arguments;
use crate::failure::cause;
use crate::memory::EXECUTOR_MEM_MIB;
use crate::preflight::{self, Master};

/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// Clocks that differ by more make maintenance and `Retry-After` dates wrong.
const MAX_CLOCK_DIFFERENCE: Duration = Duration::from_secs(30);

/// As many agents are named if none suits.
const SHOWN_AGENTS: usize = 5;

/// What `/version` of a master answers.
#[derive(Debug, Deserialize)]
struct Version {
    version: String,
}

/// What `/slaves` of a master answers.
#[derive(Debug, Default, Deserialize)]
struct Agents {
    #[serde(default)]
    slaves: Vec<Agent>,
}

#[derive(Debug, Deserialize)]
struct Agent {
    #[serde(default)]
    active: bool,
    #[serde(default)]
    hostname: String,
    #[serde(default)]
    attributes: serde_json::Map<String, Value>,
    resources: Amounts,
    #[serde(default)]
    used_resources: Amounts,
}

/// Processors, and memory in MiB.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct Amounts {
    #[serde(default)]
    cpus: f64,
    #[serde(default)]
    mem: f64,
}

impl Amounts {
    fn of(cpus: Scalar, mem_mib: Scalar) -> Self {
        Self { cpus: cpus.to_f64(), mem: mem_mib.to_f64() }
    }

    fn holds(self, other: Self) -> bool {
        self.cpus >= other.cpus && self.mem >= other.mem
    }
}

/// Master, agents and clock; of the cluster inside this program, whether a task fits.
pub(super) async fn findings(arguments: &Arguments) -> Vec<Finding> {
    match preflight::master(arguments) {
        Err(failure) => vec![Finding::of("master", Err(failure.to_string()))],
        Ok(Master::Local) => vec![Finding::of("cluster", local(arguments))],
        Ok(Master::At(spec)) => remote(arguments, spec).await,
    }
}

/// What the master answers to a GET, as the flags have us trust it and known to it.
async fn ask_master(arguments: &Arguments, url: Url) -> Result<Response, String> {
    let tls = preflight::tls(arguments).map_err(|failure| failure.to_string())?;
    let mut request = client(tls.as_ref())?.get(url);
    if let Some(credential) = preflight::credential(arguments).map_err(|f| f.to_string())? {
        request = request.basic_auth(&credential.principal, Some(credential.secret()));
    }
    sent(request).await
}

/// What anybody else answers to a GET: the secret is for the master alone.
pub(super) async fn ask_anybody(url: Url) -> Result<Response, String> {
    sent(client(None)?.get(url)).await
}

/// Trusts whom the system trusts if nothing else is said.
fn client(tls: Option<&Tls>) -> Result<Client, String> {
    let config = match tls {
        Some(tls) => tls.config(),
        None => tls::system().map_err(|error| error.to_string())?,
    };
    let client = Client::builder().tls_backend_preconfigured(config).timeout(PATIENCE).no_proxy();
    client.build().map_err(|error| error.to_string())
}

async fn sent(request: RequestBuilder) -> Result<Response, String> {
    request.send().await.map_err(|error| cause(&error.without_url()).to_string())
}

fn local(arguments: &Arguments) -> Result<String, String> {
    preflight::fits_locally(arguments).map_err(|failure| failure.to_string())?;
    let (agents, has) = (arguments.cluster.agents, &arguments.cluster.agent_resources);
    let (cpus, mem) = (has.cpus(), has.mem_mib());
    Ok(format!("inside this program: {agents} agents with {cpus} cpus and {mem} MiB each"))
}

/// What a task takes, with an executor of its own.
fn needs(arguments: &Arguments) -> Amounts {
    let work = &arguments.work;
    let executor = Scalar::from_thousandths(EXECUTOR_MEM_MIB * 1_000);
    Amounts::of(work.cpus, work.mem.saturating_add(executor))
}

fn too_small(agents: usize, needs: Amounts) -> String {
    let Amounts { cpus, mem } = needs;
    format!(
        "{agents} active, but none has the {cpus} cpus and {mem} MiB of a task and its executor: see \
         --cpus and --mem"
    )
}

async fn remote(arguments: &Arguments, spec: MasterSpec) -> Vec<Finding> {
    let shown = spec.to_string();
    let answered = match leader(spec).await {
        Ok(leader) => ask(arguments, &leader).await,
        Err(why) => Err(why),
    };
    let (text, agents, clock) = match answered {
        Ok(answered) => answered,
        Err(why) => return vec![Finding::of("master", Err(format!("{shown}: {why}")))],
    };
    vec![
        Finding::of("master", Ok(text)),
        Finding::of("agents", room(arguments, &agents)),
        Finding::of("clock", clock),
    ]
}

/// The master that leads, or those that know who does.
async fn leader(spec: MasterSpec) -> Result<Leader, String> {
    let mut news = Box::pin(Detection::of(spec).masters());
    match timeout(PATIENCE, news.next()).await {
        Ok(Some(Ok(Some(master)))) => Ok(master),
        Ok(Some(Err(error))) => Err(error.to_string()),
        Ok(Some(Ok(None)) | None) | Err(_) => {
            Err("no master leads: start one, or correct --master".into())
        }
    }
}

type Answered = (String, Agents, Result<String, String>);

/// The first of the addresses that answers; it redirects to the one that leads.
async fn ask(arguments: &Arguments, leader: &Leader) -> Result<Answered, String> {
    let mut why = String::new();
    for address in leader.addresses() {
        match ask_one(arguments, address).await {
            Ok(answered) => return Ok(answered),
            Err(error) => why = error,
        }
    }
    Err(why)
}

async fn ask_one(arguments: &Arguments, address: &Url) -> Result<Answered, String> {
    let path = |path: &str| address.join(path).map_err(|error| error.to_string());
    let hint = "start it, or correct --master";
    let no_answer = |why| format!("{address} does not answer ({why}): {hint}");
    let response = ask_master(arguments, path("/version")?).await.map_err(no_answer)?;
    let clock = clock(&response);
    let version = parsed::<Version>(response).await.map_err(|why| {
        format!("{address} is no Mesos master, as its /version {why}: correct --master")
    })?;
    let response = ask_master(arguments, path("/slaves")?).await.map_err(no_answer)?;
    let leads = response.url().clone();
    let agents = parsed::<Agents>(response).await.map_err(|why| {
        format!("{address} does not tell of its agents, as its /slaves {why}; see --credential")
    })?;
    let host = leads.host_str().unwrap_or_default();
    let port = leads.port_or_known_default().unwrap_or_default();
    Ok((
        format!("{address} answers: Mesos {}, led by {host}:{port}", version.version),
        agents,
        clock,
    ))
}

async fn parsed<T: for<'a> Deserialize<'a>>(response: Response) -> Result<T, String> {
    let status = response.status();
    if !status.is_success() {
        return Err(format!("answers {status}"));
    }
    let bytes = response.bytes().await.map_err(|error| cause(&error.without_url()).to_string())?;
    serde_json::from_slice(&bytes).map_err(|_| "answers something else".into())
}

fn room(arguments: &Arguments, agents: &Agents) -> Result<String, String> {
    let active: Vec<_> = agents.slaves.iter().filter(|agent| agent.active).collect();
    let constraints = &arguments.cluster.constraint;
    if !active.is_empty() && !active.iter().any(|agent| agent.suits(constraints)) {
        return Err(unsuited(constraints, &active));
    }
    let active: Vec<_> = active.into_iter().filter(|agent| agent.suits(constraints)).collect();
    let needs = needs(arguments);
    let can = active.iter().filter(|agent| agent.resources.holds(needs)).count();
    let free = active.iter().filter(|agent| agent.free().holds(needs)).count();
    let text = format!("{} active", active.len());
    match (active.len(), can, free) {
        (0, ..) => Err("none is active: start an agent of this master".into()),
        (all, 0, _) => Err(too_small(all, needs)),
        (_, can, 0) => Ok(format!("{text}, {can} large enough for a task, all in use just now")),
        (_, can, free) => {
            Ok(format!("{text}, {can} large enough for a task, {free} with room now"))
        }
    }
}

fn unsuited(constraints: &[Constraint], active: &[&Agent]) -> String {
    let constraints: Vec<_> = constraints.iter().map(ToString::to_string).collect();
    let agents: BTreeSet<_> = active.iter().map(|agent| agent.described()).collect();
    let some: Vec<_> = agents.into_iter().take(SHOWN_AGENTS).collect();
    format!(
        "{} active, but none is as --constraint {} wants it; there are {}",
        active.len(),
        constraints.join(" and "),
        some.join("; "),
    )
}

/// The values of an attribute, of which the master writes ranges as `[1-2, 4-4]`.
fn values(attribute: &Value) -> Vec<String> {
    match attribute {
        Value::Number(number) => number.as_f64().iter().map(ToString::to_string).collect(),
        Value::String(text) => match text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
            Some(ranges) => ranges.split(',').map(|range| range.trim().to_owned()).collect(),
            None => vec![text.clone()],
        },
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => Vec::new(),
    }
}

impl Agent {
    fn suits(&self, constraints: &[Constraint]) -> bool {
        let offer = self.as_offered();
        constraints.iter().all(|constraint| constraint.holds(&offer))
    }

    /// What an offer of it says of itself.
    fn as_offered(&self) -> Offer {
        let attribute = |(name, value): (&String, String)| Attribute {
            name: name.clone(),
            r#type: value::Type::Text.into(),
            text: Some(value::Text { value }),
            ..Attribute::default()
        };
        let named = self.attributes.iter();
        let each = named.flat_map(|(name, held)| values(held).into_iter().map(move |v| (name, v)));
        let attributes = each.map(attribute).collect();
        Offer { hostname: self.hostname.clone(), attributes, ..Offer::default() }
    }

    fn described(&self) -> String {
        let named = self.attributes.iter();
        let held = named.map(|(name, held)| format!(" {name}:{}", values(held).join(",")));
        format!("{}{}", self.hostname, held.collect::<String>())
    }

    fn free(&self) -> Amounts {
        Amounts {
            cpus: self.resources.cpus - self.used_resources.cpus,
            mem: self.resources.mem - self.used_resources.mem,
        }
    }
}

/// Compares the clocks by the date of an answer.
fn clock(response: &Response) -> Result<String, String> {
    let date = response.headers().get(reqwest::header::DATE);
    let date = date.and_then(|date| date.to_str().ok());
    let Some(theirs) = date.and_then(|date| httpdate::parse_http_date(date).ok()) else {
        return Ok("the master tells no time".into());
    };
    difference(SystemTime::now(), theirs)
}

fn difference(ours: SystemTime, theirs: SystemTime) -> Result<String, String> {
    let apart = ours.duration_since(theirs).or_else(|_| theirs.duration_since(ours));
    let apart = apart.unwrap_or_default();
    let seconds = apart.as_secs();
    if apart <= MAX_CLOCK_DIFFERENCE {
        Ok("agrees with the master's".into())
    } else {
        Err(format!(
            "differs from the master's by {seconds} s: set both by the network, for example with \
             `timedatectl set-ntp true`"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn arguments(line: &str) -> Arguments {
        let words = std::iter::once("scheduler").chain(line.split_whitespace());
        Arguments::try_parse_from(words).unwrap()
    }

    fn agents(json: &str) -> Agents {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn the_cluster_inside_has_to_hold_a_task() {
        assert!(local(&arguments("")).unwrap().starts_with("inside this program: 2 agents"));
        assert!(local(&arguments("--mem 4096")).unwrap_err().contains("--agent-resources"));
    }

    #[test]
    fn agents_are_told_by_their_room() {
        let used = r#"{"active": true, "resources": {"cpus": 2.0, "mem": 2048.0, "ports": "[1-2]"},
            "used_resources": {"cpus": 1.5, "mem": 10.0}}"#;
        let away = used.replace("true", "false");
        let all = agents(&format!("{{\"slaves\": [{used}, {away}]}}"));
        let told = |line: &str| room(&arguments(line), &all);
        let (text, some) = ("1 active, 1 large enough for a task", "all in use just now");
        assert_eq!(told(""), Ok(format!("{text}, {some}")));
        assert_eq!(told("--cpus 0.5"), Ok(format!("{text}, 1 with room now")));
        assert!(told("--cpus 3").unwrap_err().contains("none has the 3 cpus and 160 MiB"));
        let none = room(&arguments(""), &agents("{}")).unwrap_err();
        assert!(none.contains("start an agent"), "{none}");
    }

    #[test]
    fn agents_have_to_be_as_the_constraints_want_them() {
        let agent = r#"{"active": true, "hostname": "node-1",
            "attributes": {"rack": "a", "level": 10.0, "slots": "[1-2, 4-4]"},
            "resources": {"cpus": 2.0, "mem": 2048.0}}"#;
        let all = agents(&format!("{{\"slaves\": [{agent}]}}"));
        for constraint in ["rack:IS:a", "level:IS:10", "slots:LIKE:4-.", "hostname:IS:node-1"] {
            assert!(room(&arguments(&format!("--constraint {constraint}")), &all).is_ok());
        }
        let why = room(&arguments("--constraint rack:IS:a --constraint level:IS:9"), &all);
        let why = why.unwrap_err();
        assert!(why.contains("--constraint rack:IS:a and level:IS:9 wants"), "{why}");
        assert!(why.ends_with("there are node-1 level:10 rack:a slots:1-2,4-4"), "{why}");
    }

    #[test]
    fn clocks_may_differ_by_some_seconds() {
        let ours = SystemTime::now();
        for seconds in [0, 29] {
            assert!(difference(ours, ours + Duration::from_secs(seconds)).is_ok());
        }
        for theirs in [ours - Duration::from_secs(40), ours + Duration::from_secs(40)] {
            assert!(difference(ours, theirs).unwrap_err().contains("by 40 s"));
        }
    }

    #[tokio::test]
    async fn a_cluster_that_is_there_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let cluster = mesos_local::Cluster::builder().agents(1).work_dir(folder.path());
        let cluster = cluster.resources("cpus:2;mem:2048".parse().unwrap()).start().await.unwrap();
        let found = findings(&arguments(&format!("--master {}", cluster.master()))).await;
        cluster.shutdown().await;
        let checks: Vec<_> = found.iter().map(|finding| (finding.check, finding.ok)).collect();
        assert_eq!(checks, [("master", true), ("agents", true), ("clock", true)], "{found:?}");
        assert_eq!(found[1].message, "1 active, 1 large enough for a task, 1 with room now");
    }

    #[tokio::test]
    async fn a_master_that_does_not_answer_is_named_with_a_remedy() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        drop(taken);
        let found = findings(&arguments(&format!("--master {address}"))).await;
        assert_eq!((found.len(), found[0].ok), (1, false));
        assert!(found[0].message.contains("correct --master"), "{}", found[0].message);
    }
}
