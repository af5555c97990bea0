//! A master that was away.

use anyhow::{Result, ensure};
use e2e::Engine;
use e2e::plain::{Next, Scheduler};
use serde_json::json;

use crate::bench::{SOON, bed, framework};

pub(crate) fn c60_a_restarted_master_takes_the_id(engine: Engine) -> Result<()> {
    let mut bed = bed(engine)?;
    let mut before = Scheduler::subscribe(bed.master(), &framework())?;
    let info = before.info_with_id();
    bed.kill_master()?;
    before.events.end(SOON)?;
    bed.start_master()?;
    bed.wait_for_master()?;
    let content = json!({ "framework_info": info });
    let mut after = Scheduler::subscribe_with(bed.master(), None, &content)?;
    ensure!(after.framework_id == before.framework_id, "{}", after.framework_id);
    after.offer()?;
    while let Next::Event(event) = after.events.next(std::time::Duration::ZERO) {
        ensure!(event["type"] != "ERROR", "{event}");
    }
    Ok(())
}
