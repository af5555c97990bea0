//! A scheduler of few words, in either encoding.

use std::time::Duration;

use bytes::BytesMut;
use mesos::codec::Codec;
use mesos::recordio::Decoder;
use mesos::v1::offer::{Operation, operation};
use mesos::v1::scheduler::{Call, Event, call, event};
use mesos::v1::{AgentId, FrameworkId, FrameworkInfo, Offer, TaskInfo, TaskStatus};
use mesos_local::Cluster;

pub(crate) const BOTH: [Codec; 2] = [Codec::Protobuf, Codec::Json];

/// Nothing in these tests takes this long unless it never comes.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) async fn cluster(agents: usize) -> Cluster {
    let resources = "cpus:2;mem:1024;disk:1024;ports:[31000-31009]".parse().unwrap();
    Cluster::builder().agents(agents).resources(resources).start().await.unwrap()
}

pub(crate) fn http() -> reqwest::Client {
    // Without TLS in use, any provider will do; another test may have installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let plain = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    plain.build().unwrap()
}

pub(crate) fn info() -> FrameworkInfo {
    FrameworkInfo { user: "root".into(), name: "test".into(), ..FrameworkInfo::default() }
}

pub(crate) fn subscribe_call(info: FrameworkInfo) -> Call {
    Call {
        framework_id: info.id.clone(),
        r#type: Some(call::Type::Subscribe.into()),
        subscribe: Some(call::Subscribe { framework_info: info, ..call::Subscribe::default() }),
        ..Call::default()
    }
}

pub(crate) struct Scheduler {
    pub(crate) id: FrameworkId,
    pub(crate) stream_id: String,
    url: String,
    codec: Codec,
    response: reqwest::Response,
    decoder: Decoder,
    buffer: BytesMut,
}

impl Scheduler {
    /// Subscribes and reads SUBSCRIBED.
    pub(crate) async fn subscribe(cluster: &Cluster, codec: Codec, info: FrameworkInfo) -> Self {
        Self::subscribe_at(cluster.master(), codec, info).await
    }

    /// The same at a master of which only the address is known.
    pub(crate) async fn subscribe_at(master: &str, codec: Codec, info: FrameworkInfo) -> Self {
        let mut scheduler = Self::open_at(master, codec, info).await;
        let subscribed = scheduler.next().await.unwrap().subscribed.unwrap();
        assert_eq!(subscribed.heartbeat_interval_seconds, Some(15.0));
        scheduler.id = subscribed.framework_id;
        scheduler
    }

    /// Subscribes and reads nothing yet.
    pub(crate) async fn open_at(master: &str, codec: Codec, info: FrameworkInfo) -> Self {
        let url = format!("http://{master}/api/v1/scheduler");
        let request = http()
            .post(&url)
            .header("Content-Type", codec.media_type())
            .header("Accept", codec.media_type())
            .body(codec.encode(&subscribe_call(info)));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], codec.media_type());
        assert_eq!(response.headers()["transfer-encoding"], "chunked");
        let stream_id = response.headers()["mesos-stream-id"].to_str().unwrap().to_owned();
        Self {
            id: FrameworkId::default(),
            stream_id,
            url,
            codec,
            response,
            decoder: Decoder::default(),
            buffer: BytesMut::new(),
        }
    }

    /// The next event, or nothing at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(record) = self.decoder.decode(&mut self.buffer).unwrap() {
                return Some(self.codec.decode(&record).unwrap());
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await.unwrap();
            match chunk.unwrap() {
                Some(bytes) => self.buffer.extend_from_slice(&bytes),
                None => return None,
            }
        }
    }

    /// The next event of that type; others are skipped.
    pub(crate) async fn next_of(&mut self, kind: event::Type) -> Event {
        loop {
            let event = self.next().await.expect("the stream goes on");
            if event.r#type() == kind {
                return event;
            }
        }
    }

    pub(crate) async fn offers(&mut self) -> Vec<Offer> {
        self.next_of(event::Type::Offers).await.offers.unwrap().offers
    }

    pub(crate) async fn update(&mut self) -> TaskStatus {
        self.next_of(event::Type::Update).await.update.unwrap().status
    }

    /// Sends a call and returns the status code.
    pub(crate) async fn call(&self, kind: call::Type, call: Call) -> u16 {
        let call = Call { framework_id: Some(self.id.clone()), r#type: Some(kind.into()), ..call };
        let request = http()
            .post(&self.url)
            .header("Content-Type", self.codec.media_type())
            .header("Mesos-Stream-Id", &self.stream_id)
            .body(self.codec.encode(&call));
        request.send().await.unwrap().status().as_u16()
    }

    /// Asks about one task.
    pub(crate) async fn reconcile(&self, task: &str, agent: Option<AgentId>) {
        let task = call::reconcile::Task { task_id: task.into(), agent_id: agent };
        let reconcile = Some(call::Reconcile { tasks: vec![task] });
        let call = Call { reconcile, ..Call::default() };
        assert_eq!(self.call(call::Type::Reconcile, call).await, 202);
    }

    pub(crate) async fn kill(&self, task: &str) {
        let kill = call::Kill { task_id: task.into(), ..call::Kill::default() };
        let call = Call { kill: Some(kill), ..Call::default() };
        assert_eq!(self.call(call::Type::Kill, call).await, 202);
    }

    pub(crate) async fn launch(&self, offer: &Offer, tasks: Vec<TaskInfo>) {
        let launch = Operation {
            r#type: Some(operation::Type::Launch.into()),
            launch: Some(operation::Launch { task_infos: tasks }),
            ..Operation::default()
        };
        let accept = call::Accept {
            offer_ids: vec![offer.id.clone()],
            operations: vec![launch],
            filters: None,
        };
        let call = Call { accept: Some(accept), ..Call::default() };
        assert_eq!(self.call(call::Type::Accept, call).await, 202);
    }

    pub(crate) async fn acknowledge(&self, status: &TaskStatus) {
        let acknowledge = call::Acknowledge {
            agent_id: status.agent_id.clone().unwrap(),
            task_id: status.task_id.clone(),
            uuid: status.uuid.clone().unwrap(),
        };
        let call = Call { acknowledge: Some(acknowledge), ..Call::default() };
        assert_eq!(self.call(call::Type::Acknowledge, call).await, 202);
    }
}
