//! The classic tutorial's way to upload: a form with the parts `image` and `name`.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::State;
use axum::extract::multipart::{Field, Multipart, MultipartError, MultipartRejection};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

use super::App;
use super::body::{DRAIN_TIMEOUT, in_time};
use super::results::{authorise, log_refused, log_stored};
use crate::place::{Place, TUTORIAL_JOB};
use crate::refusal::Refusal;
use crate::store::{Incoming, Stored};

/// More than any name may have; a longer part is not read to its end.
const MAX_NAME_PART_BYTES: usize = 1024;

/// `POST /`.
pub(super) async fn post(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    mut form: Result<Multipart, MultipartRejection>,
) -> Response {
    let started = Instant::now();
    match take(&app, &headers, &mut form).await {
        Ok((place, stored)) => {
            log_stored(&place, &stored, started);
            format!("File uploaded successfully : {}\n", place.name()).into_response()
        }
        Err(refusal) => {
            log_refused("/", &refusal);
            read_on(form, &headers).await;
            refusal.into_response()
        }
    }
}

async fn take(
    app: &App,
    headers: &HeaderMap,
    form: &mut Result<Multipart, MultipartRejection>,
) -> Result<(Place, Stored), Refusal> {
    authorise(app.token.as_ref(), headers)?;
    refuse_other_sites(headers)?;
    let Ok(form) = form else { return Err(Refusal::NoForm) };
    let max_bytes = app.store.max_bytes();
    let (mut image, mut place) = (None, None);
    while let Some(field) = in_time(form.next_field()).await?.map_err(|e| broken(&e, max_bytes))? {
        match field.name() {
            Some("image") => image = Some(receive(app, field).await?),
            Some("name") => {
                place = Some(Place::new(TUTORIAL_JOB, &name_of(field, max_bytes).await?)?);
            }
            _ => {}
        }
    }
    let place = place.ok_or_else(|| Refusal::Form("the part \"name\" is missing".into()))?;
    let image = image.ok_or_else(|| Refusal::Form("the part \"image\" is missing".into()))?;
    let stored = image.commit(&place, None).await?;
    Ok((place, stored))
}

async fn receive(app: &App, mut field: Field<'_>) -> Result<Incoming, Refusal> {
    let mut incoming = app.store.begin();
    let max_bytes = app.store.max_bytes();
    while let Some(piece) = in_time(field.chunk()).await?.map_err(|e| broken(&e, max_bytes))? {
        incoming.write(&piece).await?;
    }
    Ok(incoming)
}

async fn name_of(mut field: Field<'_>, max_bytes: u64) -> Result<String, Refusal> {
    let mut name = Vec::new();
    while let Some(piece) = in_time(field.chunk()).await?.map_err(|e| broken(&e, max_bytes))? {
        name.extend_from_slice(&piece);
        if name.len() > MAX_NAME_PART_BYTES {
            return Err(Refusal::Form("the part \"name\" is too long".into()));
        }
    }
    String::from_utf8(name).map_err(|_| Refusal::Form("the part \"name\" is not UTF-8".into()))
}

fn broken(error: &MultipartError, max_bytes: u64) -> Refusal {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Refusal::TooLarge { max_bytes }
    } else {
        Refusal::Form(error.body_text())
    }
}

/// Reads the rest of a refused form, so that its sender gets to see the answer.
async fn read_on(form: Result<Multipart, MultipartRejection>, headers: &HeaderMap) {
    let Ok(mut form) = form else { return };
    if headers.contains_key(header::EXPECT) {
        return;
    }
    let reading = async { while let Ok(Some(_)) = form.next_field().await {} };
    if timeout(DRAIN_TIMEOUT, reading).await.is_err() {
        tracing::debug!("a refused form is too slow to wait for its end");
    }
}

/// A browser sends a form to any server without asking, and says whose page it was.
/// (`PUT` needs no such check: browsers ask before, and are not allowed to.)
fn refuse_other_sites(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let same = origin.is_some_and(|(_, origin)| Some(origin) == host);
    same.then_some(()).ok_or(Refusal::CrossSite)
}
