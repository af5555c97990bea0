//! What the master replies, as a response.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use crate::master::Reply;

/// The reply of the master as it goes over the wire.
pub(super) fn respond(reply: Reply) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, reply.body).into_response()
}

/// The reply where there is no master any more.
pub(super) fn shutting_down() -> Response {
    respond(Reply::new(503, "Master is shutting down"))
}
