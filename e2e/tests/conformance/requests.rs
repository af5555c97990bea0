//! Requests that are answered with a status code.

use anyhow::{Context, Result, ensure};
use e2e::plain::{Scheduler, post, subscription, uuid};
use e2e::{Agent, Engine, Plan, Testbed, http, until};
use serde_json::{Value, json};

use crate::bench::{SOON, bed, framework, is, lone_master, plan};

const SCHEDULER: &str = "/api/v1/scheduler";

/// `test-principal:test-secret`
pub(crate) const AUTHORIZATION: &str = "Basic dGVzdC1wcmluY2lwYWw6dGVzdC1zZWNyZXQ=";

/// `test-principal:wrong`
pub(crate) const WRONG_AUTHORIZATION: &str = "Basic dGVzdC1wcmluY2lwYWw6d3Jvbmc=";

fn subscribe() -> Value {
    json!({ "type": "SUBSCRIBE", "subscribe": { "framework_info": framework() } })
}

/// Starts a cluster with the principals `test-principal` and `other-principal`.
pub(crate) fn start_with_credentials(plan: Plan) -> Result<Testbed> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("credentials.json");
    let credential = |it: &str| json!({ "principal": it, "secret": "test-secret" });
    let all = [credential("test-principal"), credential("other-principal")];
    std::fs::write(&file, json!({ "credentials": all }).to_string())?;
    // The master has read them when it is there.
    Testbed::start(plan.master("credentials", &file.display().to_string()))
}

/// A cluster whose schedulers have to authenticate themselves.
pub(crate) fn authenticating(plan: Plan) -> Result<Testbed> {
    let plan = plan.master("authenticate_http_frameworks", "true");
    let bed = start_with_credentials(plan.master("http_framework_authenticators", "basic"))?;
    let json = [("Content-Type", "application/json"), ("Authorization", AUTHORIZATION)];
    until("the recovery of the master, which it tells only those it knows", SOON, || {
        let reply = http::request(bed.master(), "POST", SCHEDULER, &json, b"{}")?;
        Ok((reply.status != 503).then_some(()))
    })?;
    Ok(bed)
}

pub(crate) fn c01_credentials_are_asked_for(engine: Engine) -> Result<()> {
    let bed = authenticating(plan(engine).agents(0))?;
    for headers in [&[][..], &[("Authorization", WRONG_AUTHORIZATION)]] {
        let reply = post(bed.master(), headers, &subscribe())?;
        is(&reply, 401, "")?;
        let challenge = reply.header("WWW-Authenticate").context("no WWW-Authenticate")?;
        ensure!(challenge == "Basic realm=\"mesos-master-scheduler\"", "{challenge}");
    }
    let content = json!({ "framework_info": framework() });
    Scheduler::subscribe_with(bed.master(), Some(AUTHORIZATION), &content)?;
    Ok(())
}

/// Both endpoints, the scheduler's and the executor's.
fn endpoints(bed: &Testbed) -> Result<[(std::net::SocketAddr, String); 2]> {
    let Agent { address, process, .. } = bed.the_agent()?;
    Ok([(bed.master(), SCHEDULER.to_owned()), (address, format!("/{process}/api/v1/executor"))])
}

pub(crate) fn c02_content_type_is_needed(engine: Engine) -> Result<()> {
    let bed = bed(engine)?;
    for (address, path) in endpoints(&bed)? {
        let reply = http::request(address, "POST", &path, &[], subscribe().to_string().as_bytes())?;
        is(&reply, 400, "Expecting 'Content-Type' to be present")?;
    }
    Ok(())
}

pub(crate) fn c03_bodies_that_are_no_calls(engine: Engine) -> Result<()> {
    let bed = bed(engine)?;
    let (json, protobuf) = ("application/json", "application/x-protobuf");
    let bodies = [
        // Envelopes of schedulers are all optional, so one comes farther than the other.
        (json, &b"{\"key\":\"value\"}"[..], "Failed to "),
        (json, b"no JSON at all", "Failed to parse body into JSON"),
        (json, b"[]", "Failed to convert JSON into Call protobuf"),
        (json, b"{\"type\":5.5}", "Failed to convert JSON into Call protobuf"),
        (protobuf, b"no protobuf at all", "Failed to parse body into Call protobuf"),
    ];
    for (address, path) in endpoints(&bed)? {
        for (kind, body, text) in bodies {
            let reply = http::request(address, "POST", &path, &[("Content-Type", kind)], body)?;
            let text = if path == SCHEDULER { text } else { "Failed to " };
            is(&reply, 400, text).with_context(|| format!("{kind} to {path}: {body:?}"))?;
        }
    }
    Ok(())
}

pub(crate) fn c04_unknown_media_types(engine: Engine) -> Result<()> {
    let bed = bed(engine)?;
    for (address, path) in endpoints(&bed)? {
        for kind in [
            "application/unknown-media-type",
            "application/json; charset=utf-8",
            "APPLICATION/JSON",
        ] {
            let reply = http::request(address, "POST", &path, &[("Content-Type", kind)], b"{}")?;
            is(&reply, 415, "").with_context(|| format!("{kind} to {path}"))?;
        }
    }
    Ok(())
}

pub(crate) fn c05_get_is_not_allowed(engine: Engine) -> Result<()> {
    let bed = bed(engine)?;
    for (address, path) in endpoints(&bed)? {
        let reply = http::get(address, &path)?;
        is(&reply, 405, "")?;
        ensure!(reply.header("Allow") == Some("POST"), "{:?}", reply.headers);
    }
    Ok(())
}

pub(crate) fn c06_unknown_answers_are_not_acceptable(engine: Engine) -> Result<()> {
    let bed = lone_master(engine)?;
    is(&post(bed.master(), &[("Accept", "foo")], &subscribe())?, 406, "")
}

pub(crate) fn c07_json_is_what_is_answered_unless_told(engine: Engine) -> Result<()> {
    let bed = lone_master(engine)?;
    for accept in
        [&[][..], &[("Accept", "*/*")], &[("Accept", "application/x-protobuf, application/json")]]
    {
        let answer = subscription(bed.master(), accept, &subscribe())?;
        let kind = answer.header("Content-Type").unwrap_or_default();
        ensure!((answer.status, kind) == (200, "application/json"), "{accept:?}: {answer:?}");
    }
    Ok(())
}

pub(crate) fn c09_a_first_call_has_no_stream_id(engine: Engine) -> Result<()> {
    let bed = lone_master(engine)?;
    let reply = post(bed.master(), &[("Mesos-Stream-Id", "some")], &subscribe())?;
    is(&reply, 400, "Subscribe calls should not include the 'Mesos-Stream-Id' header")
}

pub(crate) fn c12_both_ids_or_none(engine: Engine) -> Result<()> {
    let bed = lone_master(engine)?;
    let mut only_call = subscribe();
    only_call["framework_id"] = json!({ "value": "id" });
    let mut only_info = subscribe();
    only_info["subscribe"]["framework_info"]["id"] = json!({ "value": "id" });
    for call in [only_call, only_info] {
        is(&post(bed.master(), &[], &call)?, 400, "Failed to validate scheduler::Call")?;
    }
    Ok(())
}

pub(crate) fn c13_other_calls_have_a_stream_id(engine: Engine) -> Result<()> {
    let bed = lone_master(engine)?;
    let scheduler = Scheduler::subscribe(bed.master(), &framework())?;
    let reply = post(bed.master(), &[], &scheduler.as_call("TEARDOWN", Value::Null))?;
    is(&reply, 400, "All non-subscribe calls should include the 'Mesos-Stream-Id' header")
}

pub(crate) fn c15_a_uuid_is_one(engine: Engine) -> Result<()> {
    let bed = lone_master(engine)?;
    let scheduler = Scheduler::subscribe(bed.master(), &framework())?;
    let acknowledge = |uuid: &str| {
        let id = json!({ "value": "x" });
        scheduler.call("ACKNOWLEDGE", json!({ "agent_id": id, "task_id": id, "uuid": uuid }))
    };
    // Too short, and of a version that there is none of: 16 bytes of 0xff.
    for bad in [e2e::plain::base64(b"bad-uuid"), e2e::plain::base64(&[0xff; 16])] {
        is(&acknowledge(&bad)?, 400, "Not a valid UUID")?;
    }
    is(&acknowledge(&uuid(1))?, 202, "")
}

pub(crate) fn c19_calls_of_those_who_are_not_subscribed(engine: Engine) -> Result<()> {
    let bed = lone_master(engine)?;
    let Scheduler { stream_id, framework_id, events, .. } =
        Scheduler::subscribe(bed.master(), &framework())?;
    let headers = [("Mesos-Stream-Id", stream_id.as_str())];
    let unknown = json!({ "framework_id": { "value": "unknown" }, "type": "REVIVE" });
    is(&post(bed.master(), &headers, &unknown)?, 400, "Framework cannot be found")?;
    drop(events);
    let revive = json!({ "framework_id": { "value": framework_id }, "type": "REVIVE" });
    let refused = until("the master to notice the disconnection", SOON, || {
        let reply = post(bed.master(), &headers, &revive)?;
        Ok((reply.status != 202).then_some(reply))
    })?;
    is(&refused, 403, "Framework is not subscribed")
}

pub(crate) fn c20_calls_are_answered_with_202(engine: Engine) -> Result<()> {
    let bed = lone_master(engine)?;
    let mut scheduler = Scheduler::subscribe(bed.master(), &framework())?;
    let id = || json!({ "value": "unknown" });
    let calls = [
        ("ACCEPT", json!({ "offer_ids": [id()] })),
        ("DECLINE", json!({ "offer_ids": [id()] })),
        ("REVIVE", Value::Null),
        ("SUPPRESS", Value::Null),
        ("KILL", json!({ "task_id": id() })),
        ("SHUTDOWN", json!({ "executor_id": id(), "agent_id": id() })),
        ("ACKNOWLEDGE", json!({ "agent_id": id(), "task_id": id(), "uuid": uuid(1) })),
        (
            "ACKNOWLEDGE_OPERATION_STATUS",
            json!({ "agent_id": id(), "operation_id": id(), "uuid": uuid(1) }),
        ),
        ("RECONCILE", json!({ "tasks": [] })),
        ("RECONCILE_OPERATIONS", json!({ "operations": [] })),
        ("MESSAGE", json!({ "agent_id": id(), "executor_id": id(), "data": "" })),
        ("REQUEST", json!({ "requests": [] })),
        ("ACCEPT_INVERSE_OFFERS", json!({ "inverse_offer_ids": [id()] })),
        ("DECLINE_INVERSE_OFFERS", json!({ "inverse_offer_ids": [id()] })),
    ];
    for (kind, content) in calls {
        scheduler.does(kind, content)?;
    }
    let update = json!({ "framework_info": scheduler.info_with_id() });
    let reply = scheduler.call("UPDATE_FRAMEWORK", update)?;
    ensure!(reply.status == 200 && reply.body.is_empty(), "UPDATE_FRAMEWORK: {reply:?}");
    scheduler.does("TEARDOWN", Value::Null)?;
    scheduler.events.end(SOON)?;
    Ok(())
}
pub(crate) fn c21_a_standby_redirects(engine: Engine) -> Result<()> {
    let leader = "127.0.0.1:59999";
    let plan = Plan::of(engine).agents(0).does_not_lead();
    let bed = Testbed::start(plan.clone().master("standby_of", leader))?;
    let reply = until("an answer", SOON, || Ok(post(bed.master(), &[], &subscribe()).ok()))?;
    is(&reply, 307, "")?;
    let location = reply.header("Location").context("no Location")?;
    ensure!(location == format!("//{leader}/master{SCHEDULER}"), "{location}");
    let bed = Testbed::start(plan.master("no_leader", ""))?;
    let reply = until("an answer", SOON, || Ok(post(bed.master(), &[], &subscribe()).ok()))?;
    is(&reply, 503, "No leader elected")
}
