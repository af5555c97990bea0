//! When offers are made, and when not.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use e2e::plain::Scheduler;
use e2e::{Engine, Plan, Testbed};
use serde_json::{Value, json};

use crate::bench::{
    SILENCE, SOON, bare_task, bed, framework, framework_with, has, is, lacks, status_is, task,
};

/// Two offers are of the same agent and have the same resources.
pub(crate) fn same_resources(one: &Value, other: &Value) -> Result<()> {
    let by_name = |offer: &Value| -> BTreeMap<String, String> {
        let resources = offer["resources"].as_array().cloned().unwrap_or_default();
        let content = |it: &Value| format!("{} {} {}", it["scalar"], it["ranges"], it["set"]);
        resources.iter().map(|it| (it["name"].to_string(), content(it))).collect()
    };
    ensure!(one["agent_id"] == other["agent_id"], "{one}\n{other}");
    ensure!(by_name(one) == by_name(other) && !by_name(one).is_empty(), "{one}\n{other}");
    Ok(())
}

pub(crate) fn c22_a_new_framework_gets_offers_at_once(engine: Engine) -> Result<()> {
    // The next batch would be an hour later.
    let bed = Testbed::start(Plan::of(engine).master("allocation_interval", "1hrs"))?;
    let mut scheduler = Scheduler::subscribe(bed.master(), &framework())?;
    let offer = scheduler.offer()?;
    has(&offer, "/agent_id/value", bed.the_agent()?.id)?;
    has(&offer, "/framework_id/value", scheduler.framework_id.clone())?;
    has(&offer, "/url/path", "/slave(1)")?;
    // Only for those who have the capability MULTI_ROLE.
    lacks(&offer, "/allocation_info")
}

pub(crate) fn c23_declined_for_no_time(engine: Engine) -> Result<()> {
    let bed = bed(engine)?;
    let mut scheduler = Scheduler::subscribe(bed.master(), &framework())?;
    let first = scheduler.offer()?;
    scheduler.decline(&first, 0.0)?;
    let second = scheduler.offer()?;
    ensure!(first["id"] != second["id"], "the same offer twice: {first}");
    same_resources(&first, &second)
}

pub(crate) fn c24_declined_for_an_hour(engine: Engine) -> Result<()> {
    let bed = bed(engine)?;
    let mut scheduler = Scheduler::subscribe(bed.master(), &framework())?;
    let first = scheduler.offer()?;
    scheduler.decline(&first, 3600.0)?;
    scheduler.gets_no_offer(SILENCE)?;
    scheduler.does("REVIVE", Value::Null)?;
    same_resources(&first, &scheduler.offer()?)
}

pub(crate) fn c25_suppressed(engine: Engine) -> Result<()> {
    let bed = bed(engine)?;
    let mut scheduler = Scheduler::subscribe(bed.master(), &framework())?;
    let first = scheduler.offer()?;
    scheduler.does("SUPPRESS", Value::Null)?;
    scheduler.decline(&first, 0.0)?;
    scheduler.gets_no_offer(SILENCE)?;
    scheduler.does("REVIVE", Value::Null)?;
    same_resources(&first, &scheduler.offer()?)
}

pub(crate) fn c26_suppressed_from_the_beginning(engine: Engine) -> Result<()> {
    let bed = bed(engine)?;
    let content = json!({ "framework_info": framework(), "suppressed_roles": ["*"] });
    let mut first = Scheduler::subscribe_with(bed.master(), None, &content)?;
    first.gets_no_offer(SILENCE)?;
    let content = json!({ "framework_info": first.info_with_id(), "suppressed_roles": ["*"] });
    let mut second = Scheduler::subscribe_with(bed.master(), None, &content)?;
    second.gets_no_offer(SILENCE)?;
    // Those given with a subscription replace those before.
    let content = json!({ "framework_info": first.info_with_id() });
    let mut third = Scheduler::subscribe_with(bed.master(), None, &content)?;
    third.offer()?;
    Ok(())
}

/// One framework with the only offer, and one that waits for it.
fn one_and_another(bed: &Testbed) -> Result<(Scheduler, Value, Scheduler)> {
    let mut one = Scheduler::subscribe(bed.master(), &framework())?;
    let offer = one.offer()?;
    let mut another = Scheduler::subscribe(bed.master(), &framework())?;
    another.gets_no_offer(SILENCE)?;
    Ok((one, offer, another))
}

pub(crate) fn c27_accepted_for_nothing(engine: Engine) -> Result<()> {
    let bed = bed(engine)?;
    for operations in [json!([]), json!([{ "type": "LAUNCH", "launch": { "task_infos": [] } }])] {
        let (mut one, offer, mut another) = one_and_another(&bed)?;
        let filters = json!({ "refuse_seconds": 3600.0 });
        one.does(
            "ACCEPT",
            json!({ "offer_ids": [offer["id"]], "operations": operations, "filters": filters }),
        )?;
        same_resources(&offer, &another.offer()?)?;
        one.gets_no_offer(SILENCE)?;
        one.does("TEARDOWN", Value::Null)?;
        another.does("TEARDOWN", Value::Null)?;
    }
    Ok(())
}

pub(crate) fn c28_accepted_for_a_task_that_is_none(engine: Engine) -> Result<()> {
    let bed = bed(engine)?;
    let (mut one, offer, mut another) = one_and_another(&bed)?;
    one.launch(&offer, &[bare_task(&offer, "neither-command-nor-executor")])?;
    let status = one.status("neither-command-nor-executor")?;
    status_is(&status, "TASK_ERROR", "REASON_TASK_INVALID")?;
    crate::bench::tells(
        &status,
        "/message",
        "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present",
    )?;
    same_resources(&offer, &another.offer()?)
}

pub(crate) fn c29_offers_that_are_gone(engine: Engine) -> Result<()> {
    let bed = bed(engine)?;
    for (capabilities, state) in [(&[][..], "TASK_LOST"), (&["PARTITION_AWARE"], "TASK_DROPPED")] {
        let mut scheduler = Scheduler::subscribe(bed.master(), &framework_with(capabilities))?;
        let used = scheduler.offer()?;
        scheduler.decline(&used, 3600.0)?;
        let mut unknown = used.clone();
        unknown["id"]["value"] = json!("unknown");
        for (id, offer) in [("t-used", &used), ("t-unknown", &unknown)] {
            scheduler.launch(offer, &[task(offer, id, "true")])?;
            let status = scheduler.status(id)?;
            status_is(&status, state, "REASON_INVALID_OFFERS")?;
            has(&status, "/source", "SOURCE_MASTER")?;
            crate::bench::tells(&status, "/message", "Task launched with invalid offers: Offer ")?;
            crate::bench::tells(&status, "/message", " is no longer valid")?;
            lacks(&status, "/uuid")?;
        }
        scheduler.does("TEARDOWN", Value::Null)?;
        scheduler.events.end(SOON)?;
    }
    Ok(())
}

/// A framework with offer filters that ask for one of these sets of amounts.
pub(crate) fn filtered(mut info: Value, sets: &Value) -> Value {
    let sets: Vec<Value> = sets.as_array().into_iter().flatten().map(quantities).collect();
    let least = json!({ "min_allocatable_resources": { "quantities": sets } });
    // Filters for roles of others are let be.
    info["offer_filters"] = json!({ "*": least, "of/others": { "min_allocatable_resources": {} } });
    info
}

fn quantities(set: &Value) -> Value {
    let amounts = set.as_object().into_iter().flatten();
    let amounts: BTreeMap<&String, Value> =
        amounts.map(|(name, value)| (name, json!({ "value": value }))).collect();
    json!({ "quantities": amounts })
}

pub(crate) fn c61_offer_filters(engine: Engine) -> Result<()> {
    let bed = bed(engine)?;
    let too_much = filtered(framework(), &json!([{ "cpus": 1.0, "mem": 1_000_000.0 }]));
    let mut scheduler = Scheduler::subscribe(bed.master(), &too_much)?;
    scheduler.gets_no_offer(SILENCE)?;
    let either = filtered(scheduler.info_with_id(), &json!([{ "cows": 1.0 }, { "mem": 64.0 }]));
    let reply = scheduler.call("UPDATE_FRAMEWORK", json!({ "framework_info": either }))?;
    is(&reply, 200, "")?;
    let offer = scheduler.offer()?;
    scheduler.decline(&offer, 0.0)?;
    let none = filtered(scheduler.info_with_id(), &json!([]));
    let reply = scheduler.call("UPDATE_FRAMEWORK", json!({ "framework_info": none }))?;
    is(&reply, 200, "")?;
    same_resources(&offer, &scheduler.offer()?)
}
