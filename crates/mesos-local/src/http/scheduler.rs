//! The scheduler API: the checks on a request in the order of a real master.

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use mesos::codec::Codec;
use mesos::v1::scheduler::{Call, call};
use uuid::Uuid;

use super::access::Principal;
use super::answer::{respond, shutting_down};
use super::subscription::Subscription;
use super::{Context, body};
use crate::actor::Request;
use crate::faults::Fault;
use crate::master::{Reply, StreamId, other_principal, validate_call};

const STREAM_ID: HeaderName = HeaderName::from_static("mesos-stream-id");

/// Answers one call.
pub(super) async fn call(
    State(context): State<Context>,
    Extension(Principal(principal)): Extension<Principal>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Some(fault) = context.faults.next() {
        return meet(fault);
    }
    if method != Method::POST {
        let allow = [(header::ALLOW, "POST")];
        let text = format!(
            "405 Method Not Allowed. Expecting one of {{ 'POST' }}, but received '{method}'."
        );
        return (StatusCode::METHOD_NOT_ALLOWED, allow, text).into_response();
    }
    match read(&headers, &body).and_then(|read| named(principal.as_deref(), read)) {
        Ok((call::Type::Subscribe, call)) => subscribe(&context, &headers, call).await,
        Ok((_, call)) => perform(&context, &headers, principal, call).await,
        Err(refusal) => respond(refusal),
    }
}

fn meet(fault: Fault) -> Response {
    match fault {
        Fault::Refused => respond(Reply::new(503, "No leader elected")),
        Fault::Redirected(to) => {
            let location = [(header::LOCATION, format!("//{to}/master/api/v1/scheduler"))];
            (StatusCode::TEMPORARY_REDIRECT, location).into_response()
        }
    }
}

/// The call in the body, valid in itself, or the refusal.
fn read(headers: &HeaderMap, bytes: &[u8]) -> Result<(call::Type, Call), Reply> {
    let call: Call = body::read(headers, bytes)?;
    let kind = validate_call(&call).map_err(|fault| {
        Reply::bad_request(format!("Failed to validate scheduler::Call: {fault}"))
    })?;
    Ok((kind, call))
}

/// A framework that subscribes has the authenticated principal, said or not.
fn named(principal: Option<&str>, read: (call::Type, Call)) -> Result<(call::Type, Call), Reply> {
    let (kind, mut call) = read;
    if let (Some(principal), Some(subscribe)) = (principal, &mut call.subscribe) {
        let info = &mut subscribe.framework_info;
        let named = info.principal.get_or_insert_with(|| principal.to_owned());
        if named != principal {
            let fault = other_principal(principal, named);
            let text = format!("Failed to validate scheduler::Call: {fault}");
            return Err(Reply::bad_request(text));
        }
    }
    Ok((kind, call))
}

async fn subscribe(context: &Context, headers: &HeaderMap, call: Call) -> Response {
    let Some(codec) = accepted(headers) else {
        let text = "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'";
        return respond(Reply::new(406, text));
    };
    if headers.contains_key(STREAM_ID) {
        let text = "Subscribe calls should not include the 'Mesos-Stream-Id' header";
        return respond(Reply::bad_request(text));
    }
    let stream = StreamId(Uuid::new_v4().to_string());
    let subscribe = Box::new(call.subscribe.unwrap_or_default());
    let opened = context.master.ask(|events| Request::Subscribe {
        stream: stream.clone(),
        subscribe,
        codec,
        events,
    });
    let Ok(events) = opened.await else {
        return shutting_down();
    };
    let response_headers =
        [(header::CONTENT_TYPE, codec.media_type().to_owned()), (STREAM_ID, stream.to_string())];
    let subscription = Subscription::new(stream, events, context.master.clone());
    (response_headers, Body::from_stream(subscription)).into_response()
}

async fn perform(
    context: &Context,
    headers: &HeaderMap,
    principal: Option<String>,
    call: Call,
) -> Response {
    let stream = headers
        .get(STREAM_ID)
        .map(|value| StreamId(String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let call = Box::new(call);
    match context.master.ask(|reply| Request::Call { stream, principal, call, reply }).await {
        Ok(reply) => respond(reply),
        Err(_) => shutting_down(),
    }
}

/// The encoding that `Accept` allows for events; JSON when it allows both.
fn accepted(headers: &HeaderMap) -> Option<Codec> {
    let mut values = headers.get_all(header::ACCEPT).iter().peekable();
    if values.peek().is_none() {
        return Some(Codec::Json);
    }
    let listed: Vec<String> = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(|range| range.trim().to_ascii_lowercase()))
        .collect();
    let quality = |media_range: &str| {
        let range = listed
            .iter()
            .find(|range| range.split(';').next().is_some_and(|name| name.trim() == media_range))?;
        Some(!range.split(';').skip(1).any(is_zero_quality))
    };
    [Codec::Json, Codec::Protobuf].into_iter().find(|codec| {
        let named = quality(codec.media_type());
        named.or_else(|| quality("application/*")).or_else(|| quality("*/*")).unwrap_or(false)
    })
}

fn is_zero_quality(parameter: &str) -> bool {
    let value = parameter.trim().strip_prefix("q=");
    value.and_then(|value| value.parse::<f64>().ok()).is_some_and(|quality| quality <= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepting(value: &str) -> Option<Codec> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, value.parse().unwrap());
        accepted(&headers)
    }

    #[test]
    fn json_is_preferred_and_zero_excludes() {
        assert_eq!(accepted(&HeaderMap::new()), Some(Codec::Json));
        assert_eq!(accepting("*/*"), Some(Codec::Json));
        assert_eq!(accepting("application/x-protobuf"), Some(Codec::Protobuf));
        assert_eq!(accepting("application/x-protobuf, application/json"), Some(Codec::Json));
        assert_eq!(accepting("application/json;q=0, */*"), Some(Codec::Protobuf));
        assert_eq!(accepting("foo"), None);
    }
}
