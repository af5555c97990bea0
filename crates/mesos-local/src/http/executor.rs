//! What do the agent's HTTP endpoints answer?

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, http::HeaderValue};
use futures_util::stream;
use mesos::codec::Codec;
use mesos::resources::Resources;
use mesos::v1::executor::{Call, call};
use serde_json::json;
use tokio::sync::{mpsc, oneshot};

use super::answer::respond;
use super::body;
use crate::agent::outbox::Identity;
use crate::agent::{Request, Told, validate};
use crate::master::Reply;

/// What the endpoints need.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) requests: mpsc::UnboundedSender<Request>,
    pub(crate) agent: Identity,
}

/// The agent's endpoints, each with and without the prefix of its process.
pub(crate) fn router(api: Api) -> Router {
    let mut router = Router::new();
    for prefix in ["", "/slave(1)"] {
        router = router
            .route(&format!("{prefix}/api/v1/executor"), post(executor))
            .route(&format!("{prefix}/health"), get(async || StatusCode::OK))
            .route(&format!("{prefix}/state"), get(state));
    }
    router.layer(DefaultBodyLimit::disable()).with_state(api)
}

async fn state(State(api): State<Api>) -> Json<serde_json::Value> {
    let info = &api.agent.info;
    let resources = Resources::from(&info.resources);
    Json(json!({
        "id": api.agent.id(),
        "pid": format!("slave(1)@{}", api.agent.address),
        "hostname": info.hostname,
        "resources": { "cpus": resources.cpus().to_f64(), "mem": resources.mem_mib().to_f64() },
    }))
}

async fn executor(State(api): State<Api>, headers: HeaderMap, body: Bytes) -> Response {
    let answer = answer(&api, &headers, &body).await;
    answer.unwrap_or_else(respond)
}

/// Checks in the order in which a real agent does.
async fn answer(api: &Api, headers: &HeaderMap, bytes: &[u8]) -> Result<Response, Reply> {
    let call: Call = body::read(headers, bytes)?;
    validate::call(&call).map_err(|complaint| {
        Reply::bad_request(format!("Failed to validate Executor::Call: {complaint}"))
    })?;
    let mut accept = Codec::Json;
    match call.r#type() {
        call::Type::Subscribe => accept = accepted(headers)?,
        call::Type::Heartbeat => return Ok(StatusCode::ACCEPTED.into_response()),
        call::Type::Update | call::Type::Message | call::Type::Unknown => {}
    }
    let (respond, response) = oneshot::channel();
    let request = Request { call: Box::new(call), accept, respond };
    let gone = || Reply::new(503, "The agent is ending");
    api.requests.send(request).map_err(|_| gone())?;
    match response.await.map_err(|_| gone())? {
        Told::Accepted => Ok(StatusCode::ACCEPTED.into_response()),
        Told::Stream(events) => Ok(event_stream(accept, events)),
        Told::Refused { status, message } => Err(Reply::new(status, message)),
    }
}

fn event_stream(codec: Codec, events: mpsc::UnboundedReceiver<Bytes>) -> Response {
    let records = stream::unfold(events, async |mut events| {
        let record = events.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(record), events))
    });
    let media_type = HeaderValue::from_static(codec.media_type());
    ([(header::CONTENT_TYPE, media_type)], Body::from_stream(records)).into_response()
}

/// The encoding of events: JSON if it is acceptable at all, else protobuf.
fn accepted(headers: &HeaderMap) -> Result<Codec, Reply> {
    let Some(value) = headers.get(header::ACCEPT) else { return Ok(Codec::Json) };
    let value = value.to_str().unwrap_or_default();
    [Codec::Json, Codec::Protobuf].into_iter().find(|codec| accepts(value, *codec)).ok_or_else(
        || {
            let message = "Expecting 'Accept' to allow application/json or application/x-protobuf";
            Reply::new(406, message)
        },
    )
}

fn accepts(value: &str, codec: Codec) -> bool {
    value.split(',').any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let matches = parts
            .next()
            .is_some_and(|kind| ["*/*", "application/*", codec.media_type()].contains(&kind));
        let quality = parts.find_map(|part| part.strip_prefix("q="));
        matches && quality.is_none_or(|q| q.parse::<f32>().is_ok_and(|q| q > 0.0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_preferred_and_a_quality_of_zero_excludes() {
        let choose = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(value));
            accepted(&headers).ok()
        };
        assert_eq!(choose("*/*"), Some(Codec::Json));
        assert_eq!(choose("application/x-protobuf, application/json"), Some(Codec::Json));
        assert_eq!(choose("application/x-protobuf"), Some(Codec::Protobuf));
        assert_eq!(choose("application/json;q=0, application/x-protobuf"), Some(Codec::Protobuf));
        assert_eq!(choose("foo"), None);
        assert_eq!(accepted(&HeaderMap::new()).ok(), Some(Codec::Json));
    }
}
