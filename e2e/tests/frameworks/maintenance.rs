//! Inverse offers. Only on the real Mesos: `mesos-local` has no maintenance.

#![cfg(feature = "real-mesos")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use e2e::{Engine, Plan, Testbed, http, until, user};
use mesos::command::Command;
use mesos::operation;
use mesos::resources::{Resources, Scalar};
use mesos::scheduler::{Calls, Driver, Event, Events, Stop};
use mesos::v1::{FrameworkInfo, InverseOffer, Offer, TaskInfo, TaskState};
use serde_json::json;

const WITHIN: Duration = Duration::from_secs(60);

/// Plans to take the agent's machine down in an hour, for an hour.
fn schedule_maintenance(bed: &Testbed) -> Result<()> {
    let slaves = http::get(bed.master(), "/slaves")?.json()?;
    let hostname = slaves["slaves"][0]["hostname"].as_str().context("no hostname")?.to_owned();
    let hour = Duration::from_secs(3600).as_nanos();
    let start = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos() + hour;
    let nanoseconds =
        |count: u128| -> Result<_> { Ok(json!({ "nanoseconds": u64::try_from(count)? })) };
    let schedule = json!({ "windows": [{
        "machine_ids": [{ "hostname": hostname, "ip": "127.0.0.1" }],
        "unavailability": { "start": nanoseconds(start)?, "duration": nanoseconds(hour)? },
    }] });
    let kind = [("Content-Type", "application/json")];
    let body = schedule.to_string();
    let reply =
        http::request(bed.master(), "POST", "/maintenance/schedule", &kind, body.as_bytes())?;
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
    schedule_maintenance(bed)?;
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
    let bed = Testbed::start(Plan::of(Engine::Real).master("allocation_interval", "200ms"))?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(run(&bed))
}
