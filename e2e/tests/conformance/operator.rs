//! What an operator does to frameworks.

use anyhow::{Context, Result, ensure};
use e2e::plain::{End, Scheduler};
use e2e::{Engine, Testbed, http};
use serde_json::{Value, json};

use crate::bench::{SOON, framework, is, lone_master, plan};
use crate::requests::{AUTHORIZATION, WRONG_AUTHORIZATION, start_with_credentials};

fn teardown(bed: &Testbed, headers: &[(&str, &str)], form: &str) -> Result<http::Reply> {
    let form_type = ("Content-Type", "application/x-www-form-urlencoded");
    let headers = [headers, &[form_type]].concat();
    http::request(bed.master(), "POST", "/master/teardown", &headers, form.as_bytes())
}

pub(crate) fn c58_teardown_by_an_operator(engine: Engine) -> Result<()> {
    let bed = lone_master(engine)?;
    is(&teardown(&bed, &[], "")?, 400, "frameworkId")?;
    is(&teardown(&bed, &[], "frameworkId=unknown")?, 400, "No framework found with specified ID")?;
    let mut scheduler = Scheduler::subscribe(bed.master(), &framework())?;
    is(&teardown(&bed, &[], &format!("frameworkId={}", scheduler.framework_id))?, 200, "")?;
    let end = scheduler.events.end(SOON)?;
    ensure!(end == End::Closed, "{end:?}");
    let state = http::get(bed.master(), "/state")?.json()?;
    let completed = state["completed_frameworks"].as_array().context("no completed frameworks")?;
    let is_ours = |it: &Value| it["id"] == scheduler.framework_id.as_str();
    ensure!(completed.iter().any(is_ours), "not completed: {state}");
    ensure!(!state["frameworks"].as_array().is_some_and(|it| it.iter().any(is_ours)), "{state}");
    who_may(engine)
}

/// With authentication, and with a rule that allows it to nobody.
fn who_may(engine: Engine) -> Result<()> {
    let nobody = json!({ "teardown_frameworks": [{
        "principals": { "type": "ANY" },
        "framework_principals": { "type": "NONE" },
    }] });
    let plan = plan(engine).agents(0).master("authenticate_http_readwrite", "true");
    let bed = start_with_credentials(plan.master("acls", &nobody.to_string()))?;
    let mut info = framework();
    info["principal"] = json!("test-principal");
    let scheduler = Scheduler::subscribe(bed.master(), &info)?;
    let form = format!("frameworkId={}", scheduler.framework_id);
    for headers in [&[][..], &[("Authorization", WRONG_AUTHORIZATION)]] {
        let reply = teardown(&bed, headers, &form)?;
        is(&reply, 401, "")?;
        let challenge = reply.header("WWW-Authenticate").unwrap_or_default();
        ensure!(challenge == "Basic realm=\"mesos-master-readwrite\"", "{challenge}");
    }
    is(&teardown(&bed, &[("Authorization", AUTHORIZATION)], &form)?, 403, "")
}
