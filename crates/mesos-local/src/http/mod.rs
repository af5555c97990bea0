//! What the HTTP endpoints answer.

mod access;
mod answer;
mod body;
pub(crate) mod executor;
mod operator;
mod scheduler;
mod subscription;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get, post};

use crate::actor::MasterHandle;
use crate::faults::Planned;
use crate::settings::Access;
use access::Realm;

/// What the master's handlers need.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) master: MasterHandle,
    pub(crate) faults: Arc<Planned>,
    pub(crate) access: Arc<Access>,
    /// Where the master listens, as `HOST:PORT`.
    pub(crate) address: String,
}

/// The master's endpoints, each also under `/master`.
pub(crate) fn master_router(context: Context) -> Router {
    let guarded = |realm, router: Router<Context>| {
        router.layer(from_fn_with_state((context.clone(), realm), access::guard))
    };
    let scheduler = Router::new().route("/api/v1/scheduler", any(scheduler::call));
    let reading = Router::new()
        .route("/state", get(operator::state))
        .route("/slaves", get(operator::agents))
        .route("/frameworks", get(operator::frameworks))
        .route("/tasks", get(operator::tasks))
        .route("/roles", get(operator::roles))
        .route("/state-summary", get(operator::summary))
        .route("/flags", get(operator::flags));
    let writing = Router::new().route("/teardown", post(operator::teardown));
    // Whoever asks for the leader need not say who he is.
    let open = Router::new()
        .route("/health", get(operator::health))
        .route("/version", get(operator::version))
        .route("/redirect", get(operator::redirect));
    let endpoints = guarded(Realm::Scheduler, scheduler)
        .merge(guarded(Realm::ReadOnly, reading))
        .merge(guarded(Realm::ReadWrite, writing))
        .merge(open);
    Router::new()
        .nest("/master", endpoints.clone())
        .merge(endpoints)
        .route("/metrics/snapshot", get(operator::metrics))
        // Mesos sets no limit either: a call may carry thousands of tasks.
        .layer(DefaultBodyLimit::disable())
        .with_state(context)
}
