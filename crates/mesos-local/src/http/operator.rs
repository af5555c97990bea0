//! What operators and their tools ask of the master.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Form, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::Context;
use super::scheduler::{respond, shutting_down};
use crate::actor::Request;
use crate::master::{Reply, VERSION, View};

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

pub(super) async fn metrics(State(context): State<Context>) -> Response {
    show(&context, View::Metrics).await
}

/// Where the leading master is: here.
pub(super) async fn redirect(State(context): State<Context>) -> Response {
    let location = [(header::LOCATION, format!("//{}", context.address))];
    (StatusCode::TEMPORARY_REDIRECT, location).into_response()
}

pub(super) async fn teardown(
    State(context): State<Context>,
    Form(mut parameters): Form<Parameters>,
) -> Response {
    let Some(framework) = parameters.remove("frameworkId") else {
        return respond(Reply::bad_request("Missing 'frameworkId' query parameter"));
    };
    match context.master.ask(|reply| Request::Teardown { framework, reply }).await {
        Ok(reply) => respond(reply),
        Err(_) => shutting_down(),
    }
}

async fn show(context: &Context, view: View) -> Response {
    match context.master.ask(|answer| Request::View { view, answer }).await {
        Ok(value) => Json(value).into_response(),
        Err(_) => shutting_down(),
    }
}
