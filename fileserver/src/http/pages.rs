//! The gallery, its style and its icon.

use std::io;
use std::path::Path;
use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path as Segment, Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse};
use serde::Deserialize;
use tokio::task::spawn_blocking;

use super::App;
use crate::gallery::{ICON, Page, Pager, STYLE, View, jobs, render, window};
use crate::refusal::Refusal;

/// Where the server is when a request does not say.
const USUAL_HOST: &str = "127.0.0.1:12345";

#[derive(Deserialize)]
pub(super) struct Asked {
    page: Option<usize>,
}

type PageNumber = Result<Query<Asked>, QueryRejection>;

/// `GET /`.
pub(super) async fn all(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    asked: PageNumber,
) -> Result<Html<String>, Refusal> {
    show(app, View::All, &headers, asked).await
}

/// `GET /jobs/JOB`.
pub(super) async fn job(
    State(app): State<Arc<App>>,
    Segment(job): Segment<String>,
    headers: HeaderMap,
    asked: PageNumber,
) -> Result<Html<String>, Refusal> {
    show(app, View::Job(job), &headers, asked).await
}

/// `GET /style.css`.
pub(super) async fn style() -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")],
        STYLE,
    )
}

/// `GET /favicon.svg`.
pub(super) async fn icon() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "max-age=86400")], ICON)
}

async fn show(
    app: Arc<App>,
    view: View,
    headers: &HeaderMap,
    asked: PageNumber,
) -> Result<Html<String>, Refusal> {
    // What is no page number is as good as none.
    let number = asked.ok().and_then(|Query(asked)| asked.page).unwrap_or(1);
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.unwrap_or(USUAL_HOST).to_owned();
    let page = spawn_blocking(move || compose(app.store.root(), view, number, host));
    let page = page.await.map_err(io::Error::other)??;
    page.map(|page| Html(render(&page)))
        .ok_or_else(|| Refusal::NotFound("there is no such job".into()))
}

/// The page, `None` when its job does not exist.
fn compose(root: &Path, view: View, number: usize, host: String) -> io::Result<Option<Page>> {
    let all = jobs(root)?;
    let shown: Vec<_> = all
        .iter()
        .filter(|job| match &view {
            View::All => true,
            View::Job(name) => *name == job.name,
        })
        .cloned()
        .collect();
    if shown.is_empty() && view != View::All {
        return Ok(None);
    }
    let pager = Pager::new(number, shown.iter().map(|job| job.results).sum());
    let listings = window(root, &shown, &pager.range())?;
    Ok(Some(Page { view, jobs: all, listings, pager, host }))
}
