//! What operators and their tools ask of the master.

use std::collections::HashMap;

use axum::extract::{Query, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use serde_json::json;

use super::Context;
use super::access::Principal;
use super::answer::{respond, shutting_down};
use crate::actor::Request;
use crate::master::{Reply, TasksWanted, VERSION, View};
use crate::settings::Leader;

type Parameters = HashMap<String, String>;

pub(super) async fn health() -> StatusCode {
    StatusCode::OK
}

pub(super) async fn version() -> Response {
    Json(json!({ "version": VERSION })).into_response()
}

pub(super) async fn state(State(context): State<Context>) -> Response {
    show(&context, View::State).await
}

pub(super) async fn agents(
    State(context): State<Context>,
    Query(mut parameters): Query<Parameters>,
) -> Response {
    show(&context, View::Agents(parameters.remove("slave_id"))).await
}

pub(super) async fn frameworks(
    State(context): State<Context>,
    Query(mut parameters): Query<Parameters>,
) -> Response {
    show(&context, View::Frameworks(parameters.remove("framework_id"))).await
}

pub(super) async fn tasks(
    State(context): State<Context>,
    Query(mut parameters): Query<Parameters>,
) -> Response {
    let mut number = |name| parameters.remove(name).and_then(|text| text.parse().ok());
    let wanted = TasksWanted {
        limit: number("limit"),
        offset: number("offset").unwrap_or_default(),
        ascending: parameters.remove("order").is_some_and(|order| order == "asc"),
        framework_id: parameters.remove("framework_id"),
        task_id: parameters.remove("task_id"),
    };
    show(&context, View::Tasks(wanted)).await
}

pub(super) async fn roles(State(context): State<Context>) -> Response {
    show(&context, View::Roles).await
}

pub(super) async fn summary(State(context): State<Context>) -> Response {
    show(&context, View::Summary).await
}

pub(super) async fn flags(State(context): State<Context>) -> Response {
    show(&context, View::Flags).await
}

pub(super) async fn metrics(State(context): State<Context>) -> Response {
    show(&context, View::Metrics).await
}

/// Where the leading master is, which the leader itself says too.
pub(super) async fn redirect(State(context): State<Context>) -> Response {
    let leader = match &context.access.leader {
        Leader::Here => &context.address,
        Leader::Elsewhere(leader) => leader,
        Leader::Nobody => return respond(Reply::new(503, "No leader elected")),
    };
    let location = [(header::LOCATION, format!("//{leader}"))];
    (StatusCode::TEMPORARY_REDIRECT, location).into_response()
}

pub(super) async fn teardown(
    State(context): State<Context>,
    Extension(Principal(operator)): Extension<Principal>,
    body: String,
) -> Response {
    let mut parameters: Parameters = form(&body);
    let Some(framework) = parameters.remove("frameworkId") else {
        let text = "Missing 'frameworkId' query parameter in the request body";
        return respond(Reply::bad_request(text));
    };
    let teardown = |reply| Request::Teardown { framework, operator, reply };
    match context.master.ask(teardown).await {
        Ok(reply) => respond(reply),
        Err(_) => shutting_down(),
    }
}

/// The fields of a form, whatever content type it came with.
fn form(body: &str) -> Parameters {
    let uri = format!("/?{body}").parse::<Uri>().ok();
    let query = uri.and_then(|uri| Query::try_from_uri(&uri).ok());
    query.map(|Query(parameters)| parameters).unwrap_or_default()
}

async fn show(context: &Context, view: View) -> Response {
    match context.master.ask(|answer| Request::View { view, answer }).await {
        Ok(value) => Json(value).into_response(),
        Err(_) => shutting_down(),
    }
}
