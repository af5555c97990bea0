//! What the HTTP endpoints answer.

pub(crate) mod executor;
mod operator;
mod scheduler;
mod subscription;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{any, get, post};

use crate::actor::MasterHandle;
use crate::faults::Planned;

/// What the master's handlers need.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) master: MasterHandle,
    pub(crate) faults: Arc<Planned>,
    /// Where the master listens, as `HOST:PORT`.
    pub(crate) address: String,
}

/// The master's endpoints, each also under `/master`.
pub(crate) fn master_router(context: Context) -> Router {
    let endpoints = Router::new()
        .route("/api/v1/scheduler", any(scheduler::call))
        .route("/health", get(operator::health))
        .route("/version", get(operator::version))
        .route("/state", get(operator::state))
        .route("/slaves", get(operator::agents))
        .route("/frameworks", get(operator::frameworks))
        .route("/redirect", get(operator::redirect))
        .route("/teardown", post(operator::teardown));
    Router::new()
        .nest("/master", endpoints.clone())
        .merge(endpoints)
        .route("/metrics/snapshot", get(operator::metrics))
        // Mesos sets no limit either: a call may carry thousands of tasks.
        .layer(DefaultBodyLimit::disable())
        .with_state(context)
}
