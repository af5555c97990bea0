//! How is a file got over plain HTTP?

use std::io;
use std::path::Path;
use std::time::Duration;

use axum::body::Body;
use futures_util::StreamExt as _;
use hyper::{Request, Response, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How many redirects are followed.
const MAX_REDIRECTS: u32 = 10;
/// How long a server may be silent.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);

/// Why a download failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    /// The URL is not one of a plain HTTP server.
    #[error("{0} is not an http:// URL with a host")]
    Url(String),
    /// The server cannot be reached, or the file not be written.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The server does not speak HTTP well.
    #[error("the server broke off: {0}")]
    Protocol(#[from] hyper::Error),
    /// The body broke off.
    #[error("the server broke off: {0}")]
    Body(#[from] axum::Error),
    /// The server answered, but without the file.
    #[error("the server answered {0}")]
    Status(StatusCode),
    /// The server said nothing for too long.
    #[error("the server was silent for 60 s")]
    Stalled,
    /// The server sends us round.
    #[error("there are more than 10 redirects")]
    Redirects,
}

/// Downloads `url` into the file `to`, which is closed when this returns.
pub(super) async fn download(url: &str, to: &Path) -> Result<(), HttpError> {
    let mut uri: Uri = url.parse().map_err(|_| HttpError::Url(url.to_owned()))?;
    for _ in 0..=MAX_REDIRECTS {
        let response =
            timeout(STALL_TIMEOUT, get(&uri)).await.map_err(|_| HttpError::Stalled)??;
        if response.status() == StatusCode::OK {
            return save(response, to).await;
        }
        if !response.status().is_redirection() {
            return Err(HttpError::Status(response.status()));
        }
        uri = redirect(&uri, &response)?;
    }
    Err(HttpError::Redirects)
}

async fn get(uri: &Uri) -> Result<Response<Body>, HttpError> {
    let bad = || HttpError::Url(uri.to_string());
    let authority = uri.authority().filter(|_| uri.scheme_str() == Some("http")).ok_or_else(bad)?;
    let host = authority.host().trim_matches(['[', ']']);
    let stream = TcpStream::connect((host, authority.port_u16().unwrap_or(80))).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::get(path)
        .header(header::HOST, authority.as_str())
        .header(header::CONNECTION, "close")
        .body(Body::empty())
        .map_err(|_| bad())?;
    Ok(sender.send_request(request).await?.map(Body::new))
}

async fn save(response: Response<Body>, to: &Path) -> Result<(), HttpError> {
    let mut file = File::create(to).await?;
    let mut body = response.into_body().into_data_stream();
    while let Some(piece) =
        timeout(STALL_TIMEOUT, body.next()).await.map_err(|_| HttpError::Stalled)?
    {
        file.write_all(&piece?).await?;
    }
    file.flush().await?;
    // Whoever takes it next must find it whole, so it is closed now and not by a background thread.
    drop(file.into_std().await);
    Ok(())
}

/// Where a redirect leads: a whole URL, or a path on the same server.
fn redirect(from: &Uri, response: &Response<Body>) -> Result<Uri, HttpError> {
    let place = response
        .headers()
        .get(header::LOCATION)
        .and_then(|place| place.to_str().ok())
        .ok_or(HttpError::Status(response.status()))?;
    let authority = from.authority().map_or("", |authority| authority.as_str());
    let whole = if let Some(rest) = place.strip_prefix("//") {
        format!("http://{rest}")
    } else if place.starts_with('/') {
        format!("http://{authority}{place}")
    } else {
        place.to_owned()
    };
    whole.parse().map_err(|_| HttpError::Url(whole))
}
