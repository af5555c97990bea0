//! How subscriptions begin, go over to others, and end.

use std::io::BufReader;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use e2e::http::{self, Answer};
use e2e::plain::{End, Events, Next, Scheduler, subscription};
use e2e::{Engine, until, user};
use serde_json::{Value, json};

use crate::bench::{SOON, bed, framework, has, is, lone_master};
use crate::offers::{self, filtered};

/// The interval of 15 s; the rest is for a busy machine.
const HEARTBEAT_WITHIN: Duration = Duration::from_secs(25);

/// Less than the interval of 15 s, for clocks that are not quite the same.
const NO_HEARTBEAT_WITHIN: Duration = Duration::from_secs(14);

pub(crate) fn c08_a_subscription_begins_and_beats(engine: Engine) -> Result<()> {
    // With an agent, so that there are other events in between.
    let bed = bed(engine)?;
    let call = json!({ "type": "SUBSCRIBE", "subscribe": { "framework_info": framework() } });
    let json = subscription(bed.master(), &[("Accept", "application/json")], &call)?;
    begins(&json, "application/json")?;
    let protobuf = subscription(bed.master(), &[("Accept", "application/x-protobuf")], &call)?;
    begins(&protobuf, "application/x-protobuf")?;
    let sent_as_protobuf = http::open(
        bed.master(),
        "POST",
        "/api/v1/scheduler",
        &[("Content-Type", "application/x-protobuf"), ("Accept", "application/x-protobuf")],
        &protobuf_subscribe(),
    )?;
    begins(&sent_as_protobuf, "application/x-protobuf")?;
    beats_in_protobuf(protobuf)?;
    beats_in_protobuf(sent_as_protobuf)?;
    beats_in_json(json)
}

fn begins(answer: &Answer, kind: &str) -> Result<()> {
    ensure!(answer.status == 200, "{answer:?}");
    ensure!(answer.header("Content-Type") == Some(kind), "{answer:?}");
    ensure!(answer.header("Transfer-Encoding") == Some("chunked"), "{answer:?}");
    ensure!(answer.header("Mesos-Stream-Id").is_some_and(|id| !id.is_empty()), "{answer:?}");
    ensure!(answer.header("Content-Length").is_none(), "{answer:?}");
    Ok(())
}

fn beats_in_json(answer: Answer) -> Result<()> {
    let mut events = Events::of(answer)?;
    let Next::Event(first) = events.next(SOON) else { bail!("no first event") };
    has(&first, "/type", "SUBSCRIBED")?;
    let id = first.pointer("/subscribed/framework_id/value").and_then(Value::as_str);
    ensure!(id.is_some_and(|id| !id.is_empty()), "no framework id in {first}");
    has(&first, "/subscribed/heartbeat_interval_seconds", 15.0)?;
    ensure!(first.pointer("/subscribed/master_info/id").is_some(), "no master in {first}");
    events.of_type("HEARTBEAT", SOON)?;
    let first_beat = Instant::now();
    events.of_type("HEARTBEAT", HEARTBEAT_WITHIN)?;
    // The first two were read late together at the most, so this one cannot be early.
    ensure!(first_beat.elapsed() < HEARTBEAT_WITHIN, "{:?}", first_beat.elapsed());
    let second_beat = Instant::now();
    events.never("HEARTBEAT", NO_HEARTBEAT_WITHIN.saturating_sub(second_beat.elapsed()), |it| {
        (it["type"] == "HEARTBEAT").then(|| it.clone())
    })?;
    events.of_type("HEARTBEAT", HEARTBEAT_WITHIN)?;
    Ok(())
}

/// The first field of an event is its type: 1 is SUBSCRIBED, 8 is HEARTBEAT.
fn beats_in_protobuf(answer: Answer) -> Result<()> {
    let (chunks, _socket) = answer.stream()?;
    let mut records = BufReader::new(chunks);
    let mut kind = || -> Result<(u8, usize)> {
        let record = e2e::plain::next_record(&mut records)?.context("the stream ended")?;
        ensure!(record.first() == Some(&0x08), "no type first: {record:?}");
        Ok((*record.get(1).context("no type")?, record.len()))
    };
    let (first, length) = kind()?;
    // The type, and a framework id of at least a uuid's 36 characters.
    ensure!(first == 1 && length > 40, "the first event is of type {first}");
    for _ in 0..2 {
        if kind()?.0 == 8 {
            return Ok(());
        }
    }
    bail!("no HEARTBEAT among the first three events")
}

/// Call { type: SUBSCRIBE = 1 (field 2), subscribe (3): { framework_info (1): { user (1), name (2) } } }
fn protobuf_subscribe() -> Vec<u8> {
    let field = |number: u8, content: &[u8]| {
        let length = u8::try_from(content.len()).unwrap_or(u8::MAX);
        [&[number << 3 | 2, length], content].concat()
    };
    let info = [field(1, user().as_bytes()), field(2, b"conformance")].concat();
    [vec![2 << 3, 1], field(3, &field(1, &info))].concat()
}

/// The only event is this error, and then the master closes the stream.
fn is_refused(answer: Answer, message: &str) -> Result<()> {
    ensure!(answer.status == 200, "{answer:?}");
    let mut events = Events::of(answer)?;
    let Next::Event(error) = events.next(SOON) else { bail!("no event") };
    has(&error, "/type", "ERROR")?;
    crate::bench::tells(&error, "/error/message", message)?;
    ends_after(&mut events)
}

fn ends_after(events: &mut Events) -> Result<()> {
    match events.next(SOON) {
        Next::End(End::Closed) => Ok(()),
        other @ (Next::Event(_) | Next::End(End::Broken(_)) | Next::Nothing) => {
            bail!("not the end but {other:?}")
        }
    }
}

/// A SUBSCRIBE with an id, in both places.
fn subscribe_again(info: &Value) -> Value {
    json!({ "type": "SUBSCRIBE", "framework_id": info["id"], "subscribe": { "framework_info": info } })
}

pub(crate) fn c10_a_role_that_is_none_is_an_error_event(engine: Engine) -> Result<()> {
    let bed = lone_master(engine)?;
    let mut info = framework();
    info["role"] = json!("/test/test1");
    let call = json!({ "type": "SUBSCRIBE", "subscribe": { "framework_info": info } });
    is_refused(subscription(bed.master(), &[], &call)?, "/test/test1")
}

pub(crate) fn c11_the_same_id_again(engine: Engine) -> Result<()> {
    let bed = lone_master(engine)?;
    let mut scheduler = Scheduler::subscribe(bed.master(), &framework())?;
    let first = scheduler.framework_id.clone();
    let info = scheduler.info_with_id();
    scheduler.events.forget();
    drop(scheduler);
    let content = json!({ "framework_info": info });
    let mut again = Scheduler::subscribe_with(bed.master(), None, &content)?;
    ensure!(again.framework_id == first, "{first} became {}", again.framework_id);
    again.events.of_type("HEARTBEAT", SOON)?;
    Ok(())
}

pub(crate) fn c14_stream_ids_end_with_their_stream(engine: Engine) -> Result<()> {
    let bed = lone_master(engine)?;
    let first = Scheduler::subscribe(bed.master(), &framework())?;
    let second = first.again()?;
    ensure!(first.stream_id != second.stream_id, "{}", first.stream_id);
    is(&first.call("TEARDOWN", Value::Null)?, 400, "The stream ID")?;
    second.does("TEARDOWN", Value::Null)
}

pub(crate) fn c16_a_second_instance_takes_over(engine: Engine) -> Result<()> {
    let bed = bed(engine)?;
    let mut first = Scheduler::subscribe(bed.master(), &framework())?;
    let offer = first.offer()?;
    let mut second = first.again()?;
    ensure!(first.framework_id == second.framework_id, "{}", second.framework_id);
    let error = first.events.of_type("ERROR", SOON)?;
    has(&error, "/error/message", "Framework failed over")?;
    let end = first.events.end(SOON)?;
    ensure!(end == End::Closed, "{end:?}");
    // The offer of the first is discarded, and made again to the second.
    let again = second.offer()?;
    ensure!(again["id"] != offer["id"], "the offer of the first went to the second");
    offers::same_resources(&offer, &again)
}

pub(crate) fn c17_the_principal_stays(engine: Engine) -> Result<()> {
    let bed = lone_master(engine)?;
    let mut info = framework();
    info["principal"] = json!("one");
    let scheduler = Scheduler::subscribe(bed.master(), &info)?;
    let mut info = scheduler.info_with_id();
    info["principal"] = json!("another");
    let answer = subscription(bed.master(), &[], &subscribe_again(&info))?;
    is_refused(answer, "Changing framework's principal is not allowed.")
}

pub(crate) fn c18_removed_frameworks_do_not_come_back(engine: Engine) -> Result<()> {
    let bed = lone_master(engine)?;
    let mut gone = framework();
    gone["failover_timeout"] = json!(0.5);
    let gone = Scheduler::subscribe(bed.master(), &gone)?;
    let (id, left) = (gone.framework_id.clone(), gone.info_with_id());
    drop(gone);
    until("the removal of a framework whose failover timeout passed", SOON, || {
        let completed = http::get(bed.master(), "/frameworks")?.json()?;
        let completed = completed["completed_frameworks"].as_array().cloned().unwrap_or_default();
        Ok(completed.iter().any(|it| it["id"] == id.as_str()).then_some(()))
    })?;
    let torn_down = Scheduler::subscribe(bed.master(), &framework())?;
    torn_down.does("TEARDOWN", Value::Null)?;
    for info in [left, torn_down.info_with_id()] {
        let answer = subscription(bed.master(), &[], &subscribe_again(&info))?;
        is_refused(answer, "Framework has been removed")?;
    }
    Ok(())
}

pub(crate) fn c62_offer_filters_that_make_no_sense(engine: Engine) -> Result<()> {
    let bed = lone_master(engine)?;
    for (sets, fault) in [
        (json!([{}]), "Resource quantities must contain at least one quantity"),
        (
            json!([{ "cpus": 1.0 }, { "mem": -0.5 }]),
            "Invalid resource quantity for 'mem': Negative values not supported",
        ),
    ] {
        let info = filtered(framework(), &sets);
        let call = json!({ "type": "SUBSCRIBE", "subscribe": { "framework_info": info } });
        is_refused(subscription(bed.master(), &[], &call)?, fault)?;
    }
    Ok(())
}
