//! The scheduler endpoint over loopback, in both encodings.
use crate::support::{BOTH, Scheduler, cluster, http, info, subscribe_call};
use mesos::codec::Codec;
use mesos::v1::FrameworkInfo;
use mesos::v1::scheduler::{Call, call, event};

/// One request to the scheduler endpoint and what it must be answered with.
struct Case {
    name: &'static str,
    content_type: Option<&'static str>,
    accept: &'static str,
    body: Vec<u8>,
    status: u16,
    text: &'static str,
}

fn cases() -> Vec<Case> {
    let case = |name, content_type, body: &[u8], status, text| Case {
        name,
        content_type,
        accept: "application/json",
        body: body.to_vec(),
        status,
        text,
    };
    let (json, protobuf) = (Some("application/json"), Some("application/x-protobuf"));
    let subscribe = Codec::Json.encode(&subscribe_call(info()));
    vec![
        case("no type", None, b"{}", 400, "Expecting 'Content-Type' to be present"),
        case("other type", Some("application/unknown-media-type"), b"{}", 415, ""),
        case("parameter", Some("application/json; charset=utf-8"), b"{}", 415, ""),
        case("garbage JSON", json, b"{", 400, "Failed to parse body into JSON"),
        case("wrong shape", json, br#"{"type":[]}"#, 400, "Failed to convert JSON"),
        case("garbage protobuf", protobuf, &[0xff; 9], 400, "Failed to parse body into Call"),
        case("bare subscribe", protobuf, &[0x10, 1, 0x1a, 0], 400, "Failed to parse body"),
        case("empty call", json, b"{}", 400, "Failed to validate scheduler::Call: "),
        case(
            "stranger",
            json,
            br#"{"type":"REVIVE","framework_id":{"value":"x"}}"#,
            400,
            "Framework cannot be found",
        ),
        Case { accept: "foo", ..case("accept", json, &subscribe, 406, "") },
    ]
}

#[tokio::test]
async fn bad_requests_are_refused_as_by_a_real_master() {
    let cluster = cluster(0).await;
    for path in ["/api/v1/scheduler", "/master/api/v1/scheduler"] {
        let url = format!("http://{}{path}", cluster.master());
        for case in cases() {
            let mut request = http().post(&url).header("Accept", case.accept).body(case.body);
            if let Some(content_type) = case.content_type {
                request = request.header("Content-Type", content_type);
            }
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), case.status, "{}", case.name);
            let text = response.text().await.unwrap();
            assert!(text.starts_with(case.text), "{}: {text}", case.name);
        }
        let response = http().get(&url).send().await.unwrap();
        assert_eq!(response.status(), 405);
        assert_eq!(response.headers()["allow"], "POST");
    }
    cluster.shutdown().await;
}

#[tokio::test]
async fn a_subscription_must_not_carry_a_stream_id() {
    let cluster = cluster(0).await;
    let request = http()
        .post(format!("http://{}/api/v1/scheduler", cluster.master()))
        .header("Content-Type", "application/json")
        .header("Mesos-Stream-Id", "x")
        .body(Codec::Json.encode(&subscribe_call(info())));
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 400);
    let text = response.text().await.unwrap();
    assert_eq!(text, "Subscribe calls should not include the 'Mesos-Stream-Id' header");
    cluster.shutdown().await;
}

#[tokio::test]
async fn a_subscription_begins_with_heartbeat_and_offers_in_both_encodings() {
    for codec in BOTH {
        let cluster = cluster(2).await;
        let mut scheduler = Scheduler::subscribe(&cluster, codec, info()).await;
        assert_eq!(scheduler.next().await.unwrap().r#type(), event::Type::Heartbeat);
        assert_eq!(scheduler.offers().await.len(), 2);
        assert_eq!(scheduler.call(call::Type::Teardown, Call::default()).await, 202);
        assert_eq!(scheduler.next().await, None, "the stream ends");
        cluster.shutdown().await;
    }
}

#[tokio::test]
async fn hanging_up_disconnects_the_framework() {
    let cluster = cluster(1).await;
    let info = FrameworkInfo { failover_timeout: Some(60.0), ..info() };
    let mut first = Scheduler::subscribe(&cluster, Codec::Protobuf, info.clone()).await;
    assert_eq!(first.offers().await.len(), 1);
    let id = first.id.clone();
    drop(first);
    let back = FrameworkInfo { id: Some(id.clone()), ..info };
    let mut second = Scheduler::subscribe(&cluster, Codec::Protobuf, back).await;
    assert_eq!(second.id, id);
    assert_eq!(second.offers().await.len(), 1);
    cluster.shutdown().await;
}

#[tokio::test]
async fn the_first_of_two_schedulers_with_one_id_is_told_and_cut_off() {
    for codec in BOTH {
        let cluster = cluster(0).await;
        let mut first = Scheduler::subscribe(&cluster, codec, info()).await;
        let same = FrameworkInfo { id: Some(first.id.clone()), ..info() };
        let second = Scheduler::subscribe(&cluster, codec, same).await;
        let error = first.next_of(event::Type::Error).await.error.unwrap();
        assert_eq!(error.message, "Framework failed over");
        assert_eq!(first.next().await, None);
        assert_ne!(first.stream_id, second.stream_id);
        assert_eq!(first.call(call::Type::Revive, Call::default()).await, 400);
        assert_eq!(second.call(call::Type::Revive, Call::default()).await, 202);
        cluster.shutdown().await;
    }
}

#[tokio::test]
async fn faults_meet_the_next_calls() {
    let cluster = cluster(0).await;
    let mut scheduler = Scheduler::subscribe(&cluster, Codec::Protobuf, info()).await;
    cluster.faults().refuse_calls(1);
    assert_eq!(scheduler.call(call::Type::Revive, Call::default()).await, 503);
    cluster.faults().redirect_calls(1, "127.0.0.1:1");
    assert_eq!(scheduler.call(call::Type::Revive, Call::default()).await, 307);
    assert_eq!(scheduler.call(call::Type::Revive, Call::default()).await, 202);
    cluster.faults().drop_streams();
    while let Some(event) = scheduler.next().await {
        assert_ne!(event.r#type(), event::Type::Error);
    }
    cluster.shutdown().await;
}

#[tokio::test]
async fn operators_see_frameworks_agents_and_counters_and_may_remove_a_framework() {
    let cluster = cluster(1).await;
    let mut scheduler = Scheduler::subscribe(&cluster, Codec::Protobuf, info()).await;
    assert_eq!(scheduler.offers().await.len(), 1);
    let base = format!("http://{}", cluster.master());
    let json = async |path: &str| -> serde_json::Value {
        http().get(format!("{base}{path}")).send().await.unwrap().json().await.unwrap()
    };
    let state = json("/master/state").await;
    assert_eq!(state["frameworks"][0]["id"], scheduler.id.value.as_str());
    assert_eq!(state["slaves"][0]["offered_resources"]["cpus"], 2.0);
    assert_eq!(state["slaves"][0]["resources"]["ports"], "[31000-31009]");
    assert_eq!(json("/slaves").await["slaves"].as_array().unwrap().len(), 1);
    assert_eq!(json("/metrics/snapshot").await["master/outstanding_offers"], 1.0);
    assert_eq!(json("/version").await["version"], "1.11.0");
    let redirect = http().get(format!("{base}/redirect")).send().await.unwrap();
    assert_eq!(redirect.headers()["location"], format!("//{}", cluster.master()).as_str());
    assert_eq!(http().get(format!("{base}/health")).send().await.unwrap().status(), 200);

    let teardown = async |body: String| {
        let request = http()
            .post(format!("{base}/teardown"))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(body);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(teardown(String::new()).await, 400);
    assert_eq!(teardown("frameworkId=nobody".to_owned()).await, 400);
    assert_eq!(teardown(format!("frameworkId={}", scheduler.id)).await, 200);
    let frameworks = json("/frameworks").await;
    assert_eq!(frameworks["frameworks"].as_array().unwrap().len(), 0);
    assert_eq!(frameworks["completed_frameworks"][0]["id"], scheduler.id.value.as_str());
    cluster.shutdown().await;
}
