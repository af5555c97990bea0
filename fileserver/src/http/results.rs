//! Results: `PUT` and `GET /uploads/JOB/NAME`.

use std::fs;
use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::body::{Part, announced_bytes, drain, next_part};
use super::send::{FileAnswer, media_type, send};
use super::{App, digest};
use crate::Token;
use crate::place::{Place, readable};
use crate::refusal::Refusal;
use crate::store::Stored;

/// What a browser may make of a result: a picture, never a page with rights.
const RESULT_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

#[derive(Serialize)]
struct Receipt {
    path: String,
    bytes: u64,
    sha256: String,
}

/// `PUT`: stores the body, if it comes to its end and has the digest of the header
/// `Repr-Digest`. Who only knows the digest at the end sends it as a trailer, and names it
/// in the header `Trailer`; such a body is not stored without it.
pub(super) async fn write(State(app): State<Arc<App>>, request: Request) -> Response {
    let started = Instant::now();
    let (head, mut body) = request.into_parts();
    match take(&app, &head.uri, &head.headers, &mut body).await {
        Ok((place, stored)) => {
            log_stored(&place, &stored, started);
            receipt(&place, &stored)
        }
        Err(refusal) => {
            log_refused(head.uri.path(), &refusal);
            drain(body, &head.headers).await;
            refusal.into_response()
        }
    }
}

/// `GET`: the file.
pub(super) async fn read(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Refusal> {
    let not_found = || Refusal::NotFound("there is no such result".into());
    let (job, name) = readable(request.uri().path()).ok_or_else(not_found)?;
    let path = app.store.root().join(job).join(&name);
    let regular = fs::symlink_metadata(&path).is_ok_and(|found| found.is_file());
    let file = FileAnswer::open(path, media_type(&name)).await;
    let file = file.ok().filter(|_| regular).ok_or_else(not_found)?;
    let mut answer = send(file, request.method(), request.headers()).await?;
    let policy = HeaderValue::from_static(RESULT_POLICY);
    answer.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    Ok(answer)
}

async fn take(
    app: &App,
    uri: &Uri,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<(Place, Stored), Refusal> {
    authorise(app.token.as_ref(), headers)?;
    let place = Place::from_request_path(uri.path())?;
    let mut expected = digest::expected(headers)?;
    if headers.contains_key(header::CONTENT_RANGE) {
        return Err(Refusal::Partial);
    }
    let max_bytes = app.store.max_bytes();
    if announced_bytes(headers).is_some_and(|bytes| bytes > max_bytes) {
        return Err(Refusal::TooLarge { max_bytes });
    }
    let mut incoming = app.store.begin();
    while let Some(part) = next_part(body).await? {
        match part {
            Part::Piece(piece) => incoming.write(&piece).await?,
            Part::Trailers(trailers) => expected = digest::expected(&trailers)?.or(expected),
        }
    }
    if expected.is_none() && digest::is_promised(headers) {
        return Err(Refusal::DigestMissing);
    }
    let stored = incoming.commit(&place, expected).await?;
    Ok((place, stored))
}

/// Passes who brings the token, or everybody when there is none.
pub(super) fn authorise(token: Option<&Token>, headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(token) = token else { return Ok(()) };
    let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let (scheme, sent) = sent.and_then(|value| value.split_once(' ')).ok_or(Refusal::Token)?;
    let known = scheme.eq_ignore_ascii_case("bearer") && token.matches(sent.trim().as_bytes());
    known.then_some(()).ok_or(Refusal::Token)
}

pub(super) fn log_stored(place: &Place, stored: &Stored, started: Instant) {
    let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::info!(job = place.job(), name = place.name(), bytes = stored.bytes, ms, "stored");
}

pub(super) fn log_refused(path: &str, refusal: &Refusal) {
    tracing::warn!(path = ?path, status = refusal.status().as_u16(), "refused: {refusal}");
}

fn receipt(place: &Place, stored: &Stored) -> Response {
    let status = if stored.replaced { StatusCode::OK } else { StatusCode::CREATED };
    let sha256 = digest::hex(&stored.sha256);
    let receipt = Receipt { path: place.path(), bytes: stored.bytes, sha256 };
    (status, Json(receipt)).into_response()
}
