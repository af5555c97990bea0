//! Who is let in to the endpoints.
use crate::support::{http, info, subscribe_call};
use mesos::codec::Codec;
use mesos::v1::FrameworkInfo;
use mesos_local::{Acls, Cluster, Credentials};

const CREDENTIALS: &str = r#"{"credentials":[{"principal":"p","secret":"s"}]}"#;
const NOBODY: &str = r#"{"teardown_frameworks":
    [{"principals":{"type":"NONE"},"framework_principals":{"type":"ANY"}}]}"#;

/// Subscribes; gives the answer's status and challenge, and the stream.
async fn subscribe(
    cluster: &Cluster,
    password: Option<&str>,
    principal: Option<&str>,
) -> reqwest::Response {
    let info = FrameworkInfo { principal: principal.map(Into::into), ..info() };
    let mut request = http()
        .post(format!("http://{}/api/v1/scheduler", cluster.master()))
        .header("Content-Type", "application/json")
        .body(Codec::Json.encode(&subscribe_call(info)));
    if password.is_some() {
        request = request.basic_auth("p", password);
    }
    request.send().await.unwrap()
}

#[tokio::test]
async fn schedulers_authenticate_where_they_must() {
    let credentials = Credentials::parse(CREDENTIALS).unwrap();
    let builder = Cluster::builder().agents(0).credentials(credentials);
    let cluster = builder.authenticate_frameworks(true).start().await.unwrap();
    for wrong in [None, Some("t")] {
        let refused = subscribe(&cluster, wrong, None).await;
        assert_eq!(refused.status(), 401);
        let challenge = refused.headers()["www-authenticate"].to_str().unwrap();
        assert_eq!(challenge, "Basic realm=\"mesos-master-scheduler\"");
    }
    assert_eq!(subscribe(&cluster, Some("s"), Some("q")).await.status(), 400);
    let _stream = subscribe(&cluster, Some("s"), None).await;
    let url = format!("http://{}/frameworks", cluster.master());
    let seen: serde_json::Value = http().get(url).send().await.unwrap().json().await.unwrap();
    assert_eq!(seen["frameworks"][0]["principal"], "p");
    cluster.shutdown().await;
}

#[tokio::test]
async fn operators_authenticate_where_they_must_and_may_not_do_everything() {
    let credentials = Credentials::parse(CREDENTIALS).unwrap();
    let builder = Cluster::builder().agents(0).credentials(credentials);
    let builder = builder.authenticate_operators(false, true).acls(Acls::parse(NOBODY).unwrap());
    let cluster = builder.start().await.unwrap();
    let mut stream = subscribe(&cluster, None, None).await;
    let first = String::from_utf8(stream.chunk().await.unwrap().unwrap().to_vec()).unwrap();
    let id = first.split("\"value\":\"").nth(1).unwrap().split('"').next().unwrap();
    let teardown = async |password, body: String| {
        let url = format!("http://{}/teardown", cluster.master());
        let response = http().post(url).basic_auth("p", password).body(body).send().await;
        response.unwrap().status().as_u16()
    };
    assert_eq!(teardown(Some("t"), format!("frameworkId={id}")).await, 401);
    assert_eq!(teardown(Some("s"), format!("frameworkId={id}")).await, 403);
    assert_eq!(teardown(Some("s"), "frameworkId=nobody".into()).await, 400);
    assert_eq!(teardown(Some("s"), String::new()).await, 400);
    let open = http().get(format!("http://{}/state", cluster.master())).send().await.unwrap();
    assert_eq!(open.status(), 200);
    cluster.shutdown().await;
}

#[tokio::test]
async fn a_standby_sends_on_and_without_a_leader_nothing_goes() {
    let standby = Cluster::builder().standby_of("leader:5050").start().await.unwrap();
    let answer = subscribe(&standby, None, None).await;
    assert_eq!(answer.status(), 307);
    assert_eq!(answer.headers()["location"], "//leader:5050/master/api/v1/scheduler");
    let url = format!("http://{}/redirect", standby.master());
    let answer = http().get(url).send().await.unwrap();
    assert_eq!(answer.headers()["location"], "//leader:5050");
    let nobody = Cluster::builder().no_leader().start().await.unwrap();
    let answer = subscribe(&nobody, None, None).await;
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.text().await.unwrap(), "No leader elected");
}
