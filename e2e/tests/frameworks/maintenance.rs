//! Inverse offers. Only on the real Mesos: `mesos-local` has no maintenance.

#![cfg(feature = "real-mesos")]

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use e2e::origin::{Answer, Origin};
use e2e::{Cluster, Engine, Job, Plan, Testbed, http, pictures, until, user};
use mesos::command::Command;
use mesos::operation;
use mesos::resources::{Resources, Scalar};
use mesos::scheduler::{Calls, Driver, Event, Events, Stop};
use mesos::v1::{FrameworkInfo, InverseOffer, Offer, TaskInfo, TaskState};
use serde_json::json;

const WITHIN: Duration = Duration::from_secs(60);

const HOUR: Duration = Duration::from_secs(3600);

/// Plans to take a machine down after that time, for an hour.
fn schedule_maintenance(master: SocketAddr, hostname: &str, after: Duration) -> Result<()> {
    let start = (SystemTime::now().duration_since(UNIX_EPOCH)? + after).as_nanos();
    let nanoseconds =
        |count: u128| -> Result<_> { Ok(json!({ "nanoseconds": u64::try_from(count)? })) };
    let schedule = json!({ "windows": [{
        "machine_ids": [{ "hostname": hostname, "ip": "127.0.0.1" }],
        "unavailability": { "start": nanoseconds(start)?, "duration": nanoseconds(HOUR.as_nanos())? },
    }] });
    let kind = [("Content-Type", "application/json")];
    let body = schedule.to_string();
    let reply = http::request(master, "POST", "/maintenance/schedule", &kind, body.as_bytes())?;
    ensure!(reply.status == 200, "{reply:?}");
    Ok(())
}

/// What the frameworks answered about the only machine under maintenance.
fn answers(bed: &Testbed) -> Result<Vec<String>> {
    let status = http::get(bed.master(), "/maintenance/status")?.json()?;
    let statuses = status["draining_machines"][0]["statuses"].as_array().cloned();
    let all = statuses.unwrap_or_default();
    Ok(all.iter().filter_map(|it| it["status"].as_str().map(str::to_owned)).collect())
}

struct Framework {
    events: Events,
    calls: Calls,
}

impl Framework {
    /// Something from the events; offers are put to use, updates acknowledged.
    async fn next<T>(&mut self, find: impl Fn(&Event) -> Option<T>) -> Result<T> {
        loop {
            let next = tokio::time::timeout(WITHIN, self.events.next()).await;
            let event = next.context("nothing comes")?.context("the end")??;
            let found = find(&event);
            if let Event::Offers(offers) = event {
                self.launch(offers).await?;
            } else if let Event::Update { ack: Some(ack), .. } = event {
                self.calls.acknowledge(ack).await?;
            }
            if let Some(found) = found {
                return Ok(found);
            }
        }
    }

    async fn launch(&self, offers: Vec<Offer>) -> Result<()> {
        for offer in offers {
            let bundle = Resources::from(&offer.resources);
            let wanted = [("cpus", Scalar::from_f64(2.0)), ("mem", Scalar::from_f64(64.0))];
            let tasks = bundle.take(&wanted).map(|(taken, _)| TaskInfo {
                name: "t1".into(),
                task_id: "t1".into(),
                agent_id: offer.agent_id.clone(),
                resources: taken.to_wire(),
                command: Some(Command::shell("sleep 600").info()),
                ..TaskInfo::default()
            });
            let launch = vec![operation::launch(tasks.into_iter().collect())];
            self.calls.accept(vec![offer.id], launch, Duration::from_secs(1)).await?;
        }
        Ok(())
    }
}

fn is_running(event: &Event) -> Option<()> {
    let Event::Update { status, .. } = event else { return None };
    (status.state() == TaskState::TaskRunning).then_some(())
}

fn inverse_offers(event: &Event) -> Option<Vec<InverseOffer>> {
    if let Event::InverseOffers(offers) = event { Some(offers.clone()) } else { None }
}

async fn run(bed: &Testbed) -> Result<()> {
    let info =
        FrameworkInfo { user: user().into(), name: "drained".into(), ..FrameworkInfo::default() };
    let master = bed.master().to_string().parse()?;
    let (events, calls) = Driver::builder(info).master(master).connect()?;
    let mut framework = Framework { events, calls };
    framework.next(is_running).await?;
    schedule_maintenance(bed.master(), "machine-1", HOUR)?;
    let offers = framework.next(inverse_offers).await?;
    let offer = offers.first().context("no inverse offer")?;
    ensure!(offer.unavailability.duration.is_some(), "{offer:?}");
    let agent = offer.agent_id.as_ref().context("an inverse offer of no agent")?;
    ensure!(agent.value == bed.the_agent()?.id, "{agent:?}");
    let ids = |offers: &[InverseOffer]| offers.iter().map(|it| it.id.clone()).collect();
    framework.calls.decline_inverse(ids(&offers), Duration::ZERO).await?;
    until("the answer at the master", WITHIN, || Ok((answers(bed)? == ["DECLINE"]).then_some(())))?;
    // Declined for no time, so it comes again.
    let offers = framework.next(inverse_offers).await?;
    framework.calls.accept_inverse(ids(&offers), Duration::from_secs(3600)).await?;
    until("the answer at the master", WITHIN, || Ok((answers(bed)? == ["ACCEPT"]).then_some(())))?;
    framework.calls.stop(Stop::Teardown).await?;
    Ok(())
}

#[test]
fn a_framework_is_asked_before_maintenance_and_answers() -> Result<()> {
    let plan = Plan::of(Engine::Real).master("allocation_interval", "200ms").on_machines();
    let bed = Testbed::start(plan)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(run(&bed))
}

/// Two agents with room for one task each, a machine for each.
fn two_machines() -> Result<Cluster> {
    let plan = Plan::of(Engine::Real).master("allocation_interval", "200ms");
    Cluster::of_processes(plan.on_machines().resources("cpus:1;mem:512"), 2)
}

/// The id of the agent on a machine.
fn agent_on(master: SocketAddr, machine: &str) -> Result<String> {
    let slaves = http::get(master, "/slaves")?.json()?;
    let mut slaves = slaves["slaves"].as_array().into_iter().flatten();
    let found = slaves.find(|slave| slave["hostname"] == machine);
    let id = found.and_then(|slave| slave["id"].as_str()).context("no agent there")?;
    Ok(id.to_owned())
}

/// Pictures `/1.png` and so on; the first two do not come for who asks for them first.
fn two_never_come() -> Result<Origin> {
    Origin::start(|path| {
        let number = path.strip_prefix('/')?.strip_suffix(".png")?.parse().ok()?;
        let picture = Answer::picture(pictures::png(number).ok()?);
        Some(if number <= 2 { Answer::Never.then(1, picture) } else { picture })
    })
}

/// One task is on each machine when the maintenance of the first is announced. What runs there at
/// its beginning is killed, and goes to the second as soon as its own task has given up waiting.
#[test]
fn a_job_leaves_a_machine_before_its_maintenance() -> Result<()> {
    let mut cluster = two_machines()?;
    let master = cluster.nodes()?.master();
    let [leaving, staying] = [agent_on(master, "machine-1")?, agent_on(master, "machine-2")?];
    let origin = two_never_come()?;
    let lines: Vec<String> = (1..=6).map(|n| origin.url(&format!("/{n}.png"))).collect();
    let job = Job::of_lines(&cluster, &lines)?.with(&["--images-per-task=1", "--verbose"]);
    let mut run = job.with(&["--idle-timeout=6s"]).start()?;
    run.program.wait_for("a task on each machine", WITHIN, |_| {
        (origin.requests("/1.png") + origin.requests("/2.png") == 2).then_some(())
    })?;
    schedule_maintenance(master, "machine-1", Duration::from_secs(2))?;
    run.program.wait_for("a killed task", WITHIN, |program| {
        program.stderr().contains("is TASK_KILLED").then_some(())
    })?;
    let finished = run.finish(0, WITHIN)?;
    ensure!(
        finished.log.contains(&format!("agent {leaving} will be in maintenance")),
        "{}",
        finished.log
    );
    let agents: BTreeSet<&str> = finished.entries.iter().map(|it| it.agent.as_str()).collect();
    ensure!(agents == BTreeSet::from([staying.as_str()]), "{agents:?}\n{}", finished.log);
    for entry in &finished.entries {
        entry.result(&finished.output)?;
    }
    ensure!(finished.log.contains("is about to be in maintenance"), "{}", finished.log);
    Ok(())
}

/// Of two machines, only the one that suits a constraint gets tasks.
#[test]
fn a_constraint_chooses_machines_by_their_names() -> Result<()> {
    let mut cluster = two_machines()?;
    let chosen = agent_on(cluster.nodes()?.master(), "machine-2")?;
    let origin = two_never_come()?;
    let lines: Vec<String> = (3..=8).map(|n| origin.url(&format!("/{n}.png"))).collect();
    let job = Job::of_lines(&cluster, &lines)?.with(&["--images-per-task=1"]);
    let finished = job.with(&["--constraint", "hostname:UNLIKE:.*-1"]).run(0, WITHIN)?;
    let agents: BTreeSet<&str> = finished.entries.iter().map(|it| it.agent.as_str()).collect();
    ensure!(agents == BTreeSet::from([chosen.as_str()]), "{agents:?}\n{}", finished.log);
    Ok(())
}
