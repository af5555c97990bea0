//! A scheduler that speaks plain HTTP in JSON.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::events::Events;
use crate::http::{self, Answer, Reply};

const PATH: &str = "/api/v1/scheduler";

/// For what comes at once; the rest is for a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// Sends a call as it is, with more headers.
///
/// # Errors
///
/// When there is no answer.
pub fn post(master: SocketAddr, headers: &[(&str, &str)], call: &Value) -> Result<Reply> {
    post_as(master, "application/json", headers, call.to_string().as_bytes())
}

/// Sends a body of a type, with more headers.
///
/// # Errors
///
/// When there is no answer.
pub fn post_as(
    master: SocketAddr,
    content_type: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Reply> {
    let headers = [headers, &[("Content-Type", content_type)]].concat();
    http::request(master, "POST", PATH, &headers, body)
}

/// Sends a SUBSCRIBE, and returns the answer as it begins.
///
/// # Errors
///
/// When there is no answer.
pub fn subscription(master: SocketAddr, headers: &[(&str, &str)], call: &Value) -> Result<Answer> {
    let headers = [headers, &[("Content-Type", "application/json")]].concat();
    http::open(master, "POST", PATH, &headers, call.to_string().as_bytes())
}

/// A subscribed scheduler. Its stream ends with this value, without a TEARDOWN.
#[derive(Debug)]
pub struct Scheduler {
    /// Where the master listens.
    pub master: SocketAddr,
    /// The id that the master gave it.
    pub framework_id: String,
    /// The id of its stream.
    pub stream_id: String,
    /// What the master says.
    pub events: Events,
    /// The event that began the subscription.
    pub subscribed: Value,
    info: Value,
    authorization: Option<String>,
}

impl Scheduler {
    /// Subscribes for the first time, as a framework of this FrameworkInfo.
    ///
    /// # Errors
    ///
    /// When the first event is not SUBSCRIBED.
    pub fn subscribe(master: SocketAddr, info: &Value) -> Result<Self> {
        Self::subscribe_with(master, None, &json!({ "framework_info": info }))
    }

    /// Subscribes with the content of a SUBSCRIBE. If its FrameworkInfo has an id, it is one
    /// more time.
    ///
    /// # Errors
    ///
    /// When the first event is not SUBSCRIBED.
    pub fn subscribe_with(
        master: SocketAddr,
        authorization: Option<&str>,
        content: &Value,
    ) -> Result<Self> {
        let info = content.get("framework_info").context("no FrameworkInfo")?.clone();
        let mut call = json!({ "type": "SUBSCRIBE", "subscribe": content });
        if let (Some(id), Some(fields)) = (info.get("id"), call.as_object_mut()) {
            fields.insert("framework_id".to_owned(), id.clone());
        }
        let headers: Vec<_> = authorization.map(|it| ("Authorization", it)).into_iter().collect();
        let answer = subscription(master, &headers, &call)?;
        ensure!(answer.status == 200, "SUBSCRIBE was refused: {:?}", answer.whole()?);
        let stream_id = answer.header("Mesos-Stream-Id").context("no Mesos-Stream-Id")?.to_owned();
        let mut events = Events::of(answer)?;
        let subscribed = events.of_type("SUBSCRIBED", SOON)?;
        let id = subscribed.pointer("/subscribed/framework_id/value").and_then(Value::as_str);
        let framework_id = id.context("SUBSCRIBED without a framework id")?.to_owned();
        let authorization = authorization.map(str::to_owned);
        Ok(Self { master, framework_id, stream_id, events, subscribed, info, authorization })
    }

    /// Subscribes once more with the same id, as a new instance of the scheduler would.
    ///
    /// # Errors
    ///
    /// When the first event is not SUBSCRIBED.
    pub fn again(&self) -> Result<Self> {
        let authorization = self.authorization.as_deref();
        let content = json!({ "framework_info": self.info_with_id() });
        Self::subscribe_with(self.master, authorization, &content)
    }

    /// Its FrameworkInfo with its id.
    #[must_use]
    pub fn info_with_id(&self) -> Value {
        let mut info = self.info.clone();
        if let Some(fields) = info.as_object_mut() {
            fields.insert("id".to_owned(), json!({ "value": self.framework_id }));
        }
        info
    }

    /// Sends a call with its content, if it has one: `("KILL", json!({…}))`.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub fn call(&self, kind: &str, content: Value) -> Result<Reply> {
        let call = self.as_call(kind, content);
        let mut headers = vec![("Mesos-Stream-Id", self.stream_id.as_str())];
        headers.extend(self.authorization.as_deref().map(|it| ("Authorization", it)));
        post(self.master, &headers, &call)
    }

    /// The whole call, to be sent in another way.
    #[must_use]
    pub fn as_call(&self, kind: &str, content: Value) -> Value {
        let mut call = json!({ "framework_id": { "value": self.framework_id }, "type": kind });
        if let (false, Some(fields)) = (content.is_null(), call.as_object_mut()) {
            fields.insert(kind.to_lowercase(), content);
        }
        call
    }

    /// Sends a call that is answered with 202 and nothing.
    ///
    /// # Errors
    ///
    /// When the answer is another.
    pub fn does(&self, kind: &str, content: Value) -> Result<()> {
        let reply = self.call(kind, content)?;
        ensure!(reply.status == 202 && reply.body.is_empty(), "{kind} was answered with {reply:?}");
        Ok(())
    }

    /// The next offers, all of one event.
    ///
    /// # Errors
    ///
    /// When none come.
    pub fn offers(&mut self) -> Result<Vec<Value>> {
        self.offers_within(SOON)
    }

    /// The next offers, all of one event, if they come within the time.
    ///
    /// # Errors
    ///
    /// When none come.
    pub fn offers_within(&mut self, within: Duration) -> Result<Vec<Value>> {
        let event = self.events.of_type("OFFERS", within)?;
        let offers = event.pointer("/offers/offers").and_then(Value::as_array);
        Ok(offers.with_context(|| format!("no offers in {event}"))?.clone())
    }

    /// The next offer, of the only agent.
    ///
    /// # Errors
    ///
    /// When none comes, or several do.
    pub fn offer(&mut self) -> Result<Value> {
        let mut offers = self.offers()?;
        ensure!(offers.len() == 1, "not one offer but {offers:?}");
        offers.pop().context("no offer")
    }

    /// Waits all the time, to see that there is no offer.
    ///
    /// # Errors
    ///
    /// When there is one.
    pub fn gets_no_offer(&mut self, during: Duration) -> Result<()> {
        self.events.never("OFFERS", during, |it| {
            (it.get("type").is_some_and(|it| it == "OFFERS")).then(|| it.clone())
        })
    }

    /// Launches tasks on an offer; what is left is refused for an hour.
    ///
    /// # Errors
    ///
    /// When the call is refused.
    pub fn launch(&self, offer: &Value, tasks: &[Value]) -> Result<()> {
        let launch = json!({ "type": "LAUNCH", "launch": { "task_infos": tasks } });
        self.accept(offer, &launch, 3600.0)
    }

    /// Does something with an offer; what is left is refused for so many seconds.
    ///
    /// # Errors
    ///
    /// When the call is refused.
    pub fn accept(&self, offer: &Value, operation: &Value, seconds: f64) -> Result<()> {
        self.does(
            "ACCEPT",
            json!({
                "offer_ids": [offer["id"]],
                "operations": [operation],
                "filters": { "refuse_seconds": seconds },
            }),
        )
    }

    /// Declines an offer for so many seconds.
    ///
    /// # Errors
    ///
    /// When the call is refused.
    pub fn decline(&self, offer: &Value, seconds: f64) -> Result<()> {
        let filters = json!({ "refuse_seconds": seconds });
        self.does("DECLINE", json!({ "offer_ids": [offer["id"]], "filters": filters }))
    }

    /// The next status of a task.
    ///
    /// # Errors
    ///
    /// When none comes.
    pub fn status(&mut self, task: &str) -> Result<Value> {
        self.status_within(task, SOON)
    }

    /// The next status of a task, if it comes within the time.
    ///
    /// # Errors
    ///
    /// When none comes.
    pub fn status_within(&mut self, task: &str, within: Duration) -> Result<Value> {
        self.events.find(&format!("an update of {task}"), within, |event| status_of(event, task))
    }

    /// The next status of a task in a state, those before it acknowledged; it is not.
    ///
    /// # Errors
    ///
    /// When none comes.
    pub fn until_state(&mut self, task: &str, state: &str) -> Result<Value> {
        loop {
            let status = self.status(task).with_context(|| format!("before {state}"))?;
            if status.get("state").is_some_and(|it| it == state) {
                return Ok(status);
            }
            self.acknowledge(&status)?;
        }
    }

    /// Waits all the time, to see that there is no status of a task.
    ///
    /// # Errors
    ///
    /// When there is one.
    pub fn gets_no_status(&mut self, task: &str, during: Duration) -> Result<()> {
        self.events.never(&format!("an update of {task}"), during, |it| status_of(it, task))
    }

    /// Acknowledges a status, if it wants that.
    ///
    /// # Errors
    ///
    /// When the call is refused.
    pub fn acknowledge(&self, status: &Value) -> Result<()> {
        let Some(uuid) = status.get("uuid") else { return Ok(()) };
        let (agent, task) = (&status["agent_id"], &status["task_id"]);
        self.does("ACKNOWLEDGE", json!({ "agent_id": agent, "task_id": task, "uuid": uuid }))
    }
}

fn status_of(event: &Value, task: &str) -> Option<Value> {
    let status = event.pointer("/update/status")?;
    status.pointer("/task_id/value").is_some_and(|it| it == task).then(|| status.clone())
}
