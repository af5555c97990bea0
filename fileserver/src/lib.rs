//! Serves the executor and the samples, takes the results and shows them.
//!
//! | request | answer |
//! |---|---|
//! | `GET /executor` | the executor binary, with its SHA-256 as `ETag` and `Repr-Digest` |
//! | `GET /samples/…` | the sample pictures |
//! | `PUT /uploads/JOB/NAME` | stores a result; 201 when new, 200 when replaced |
//! | `GET /uploads/JOB/NAME` | a result |
//! | `POST /` | the classic tutorial's form: parts `image` and `name` |
//! | `GET /`, `GET /jobs/JOB` | the gallery |
//! | `GET /healthz` | `ok` |
//!
//! An upload may tell its SHA-256 in `Repr-Digest`, as a header or, announced by the header
//! `Trailer`, behind its last chunk. It is stored when its body has come to its end with the
//! digest it told, or was to tell; whatever else came of it is dropped.
//!
//! A result that was answered with 200 or 201 is durable: its bytes, its name and
//! its folder were synced to the disk before the answer (see [`serve`]).
//!
//! ```no_run
//! # async fn example() -> Result<(), fileserver::Error> {
//! let listener = fileserver::bind("127.0.0.1", 0).await?;
//! let config = fileserver::Config::new("output");
//! fileserver::serve(listener, config, std::future::pending()).await
//! # }
//! ```

mod config;
mod error;
mod gallery;
mod group;
mod http;
mod listen;
mod place;
mod refusal;
mod store;

pub use config::{Config, DEFAULT_MAX_UPLOAD_BYTES, Token};
pub use error::Error;
pub use http::{IDLE_TIMEOUT, router};
pub use listen::{GRACE_PERIOD, HEADER_TIMEOUT, bind, serve, serve_router};
pub use place::{TUTORIAL_JOB, result_path};
