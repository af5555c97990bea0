//! Requests and answers.

mod body;
mod digest;
mod executor;
mod form;
mod pages;
mod range;
mod results;
mod samples;
mod send;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use protocol::paths;

pub use body::IDLE_TIMEOUT;
pub(crate) use send::media_type;

use crate::refusal::Refusal;
use crate::store::Store;
use crate::{Config, Error, Token};
use executor::Executor;
use samples::Samples;

/// What a page may load: its own style and pictures, nothing else.
const PAGE_POLICY: &str = "default-src 'none'; img-src 'self'; style-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What a form may carry beside the file.
const FORM_OVERHEAD_BYTES: usize = 64 * 1024;

/// What every handler sees.
#[derive(Debug)]
struct App {
    store: Arc<Store>,
    executor: Option<Arc<Executor>>,
    samples: Option<Samples>,
    token: Option<Token>,
}

/// The whole server without its socket.
///
/// # Errors
///
/// When the folder of results cannot be written, or the executor or the samples cannot
/// be read.
pub fn router(config: Config) -> Result<Router, Error> {
    let app = App {
        store: Arc::new(Store::open(&config.output, config.max_upload_bytes)?),
        executor: config.executor.map(Executor::open).transpose()?.map(Arc::new),
        samples: config.samples.map(Samples::open).transpose()?,
        token: config.upload_token,
    };
    if let Some(executor) = &app.executor {
        executor.prepare();
    }
    let form_limit = usize::try_from(app.store.max_bytes())
        .unwrap_or(usize::MAX)
        .saturating_add(FORM_OVERHEAD_BYTES);
    let results = get(results::read).put(results::write);
    Ok(Router::new()
        .route("/", get(pages::all).post(form::post).layer(DefaultBodyLimit::max(form_limit)))
        .route("/jobs/{job}", get(pages::job))
        .route("/style.css", get(pages::style))
        .route("/favicon.svg", get(pages::icon))
        .route("/favicon.ico", get(pages::icon))
        .route("/healthz", get(|| async { "ok\n" }))
        .route(paths::EXECUTOR, get(executor::read))
        .route(&format!("{}/{{*path}}", paths::SAMPLES), get(samples::read))
        .route(paths::UPLOADS, results.clone())
        .route(&format!("{}/", paths::UPLOADS), results.clone())
        .route(&format!("{}/{{*path}}", paths::UPLOADS), results)
        .fallback(|| async { Refusal::NotFound("there is nothing here".into()) })
        .method_not_allowed_fallback(|| async {
            (StatusCode::METHOD_NOT_ALLOWED, "this method is not for this path\n")
        })
        .layer(axum::middleware::map_response(protect))
        .with_state(Arc::new(app)))
}

/// Headers that keep a browser from making more of an answer than it is.
async fn protect(mut answer: Response) -> Response {
    let headers = answer.headers_mut();
    set_default(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set_default(headers, header::REFERRER_POLICY, "no-referrer");
    set_default(headers, header::CONTENT_SECURITY_POLICY, PAGE_POLICY);
    answer
}

fn set_default(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.entry(name).or_insert(HeaderValue::from_static(value));
}
