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
use mesos::json::first_missing_field;
use mesos::resources::Resources;
use mesos::v1::executor::{Call, call};
use serde_json::json;
use tokio::sync::{mpsc, oneshot};

use crate::agent::outbox::Identity;
use crate::agent::{Request, Told, validate};

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
    answer.unwrap_or_else(|refusal| (refusal.status, refusal.message).into_response())
}

/// Checks in the order in which a real agent does.
async fn answer(api: &Api, headers: &HeaderMap, body: &[u8]) -> Result<Response, Refusal> {
    let call = decode(content_type(headers)?, body)?;
    validate::call(&call).map_err(|complaint| {
        refuse(StatusCode::BAD_REQUEST, format!("Failed to validate Executor::Call: {complaint}"))
    })?;
    let mut accept = Codec::Json;
    match call.r#type() {
        call::Type::Subscribe => accept = accepted(headers)?,
        call::Type::Heartbeat => return Ok(StatusCode::ACCEPTED.into_response()),
        call::Type::Update | call::Type::Message | call::Type::Unknown => {}
    }
    let (respond, response) = oneshot::channel();
    let request = Request { call: Box::new(call), accept, respond };
    let gone = || refuse(StatusCode::SERVICE_UNAVAILABLE, "The agent is ending".to_owned());
    api.requests.send(request).map_err(|_| gone())?;
    match response.await.map_err(|_| gone())? {
        Told::Accepted => Ok(StatusCode::ACCEPTED.into_response()),
        Told::Stream(events) => Ok(event_stream(accept, events)),
        Told::Refused { status, message } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
            Err(refuse(status, message.to_owned()))
        }
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

fn content_type(headers: &HeaderMap) -> Result<Codec, Refusal> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        let message = "Expecting 'Content-Type' to be present";
        return Err(refuse(StatusCode::BAD_REQUEST, message.to_owned()));
    };
    let known = [Codec::Json, Codec::Protobuf];
    known.into_iter().find(|codec| value == codec.media_type()).ok_or_else(|| {
        let message = "Expecting 'Content-Type' of application/json or application/x-protobuf";
        refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, message.to_owned())
    })
}

fn decode(codec: Codec, body: &[u8]) -> Result<Call, Refusal> {
    let bad = |why: String| {
        refuse(StatusCode::BAD_REQUEST, format!("Failed to parse body into Call: {why}"))
    };
    let call = codec.decode(body).map_err(|error| bad(error.to_string()))?;
    let missing = match codec {
        Codec::Protobuf => first_missing_field::<Call>(body),
        // Reading JSON finds them by itself.
        Codec::Json => None,
    };
    missing.map_or(Ok(call), |path| Err(bad(format!("the required field {path} is missing"))))
}

/// The encoding of events: JSON if it is acceptable at all, else protobuf.
fn accepted(headers: &HeaderMap) -> Result<Codec, Refusal> {
    let Some(value) = headers.get(header::ACCEPT) else { return Ok(Codec::Json) };
    let value = value.to_str().unwrap_or_default();
    [Codec::Json, Codec::Protobuf].into_iter().find(|codec| accepts(value, *codec)).ok_or_else(
        || {
            let message = "Expecting 'Accept' to allow application/json or application/x-protobuf";
            refuse(StatusCode::NOT_ACCEPTABLE, message.to_owned())
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

/// A status of 400 or more with a sentence.
struct Refusal {
    status: StatusCode,
    message: String,
}

fn refuse(status: StatusCode, message: String) -> Refusal {
    Refusal { status, message }
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
