//! Who is let in: authentication, then the question which master leads.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Context;
use super::answer::respond;
use crate::master::Reply;
use crate::settings::{Access, Leader};

/// Which endpoints belong together, under the names of Mesos.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Realm {
    Scheduler,
    ReadOnly,
    ReadWrite,
}

/// The authenticated principal; nobody where authentication is off.
#[derive(Debug, Clone)]
pub(super) struct Principal(pub(super) Option<String>);

impl Realm {
    const fn name(self) -> &'static str {
        match self {
            Self::Scheduler => "mesos-master-scheduler",
            Self::ReadOnly => "mesos-master-readonly",
            Self::ReadWrite => "mesos-master-readwrite",
        }
    }

    const fn is_closed(self, access: &Access) -> bool {
        match self {
            Self::Scheduler => access.frameworks,
            Self::ReadOnly => access.readonly,
            Self::ReadWrite => access.readwrite,
        }
    }
}

/// Lets the request pass with its principal, or answers it.
pub(super) async fn guard(
    State((context, realm)): State<(Context, Realm)>,
    mut request: Request,
    next: Next,
) -> Response {
    let Ok(principal) = principal(&context.access, realm, request.headers()) else {
        let challenge = format!("Basic realm=\"{}\"", realm.name());
        let challenge = [(header::WWW_AUTHENTICATE, challenge)];
        return (StatusCode::UNAUTHORIZED, challenge, "401 Unauthorized.").into_response();
    };
    if let Some(elsewhere) = not_leading(&context.access.leader, request.uri().path()) {
        return elsewhere;
    }
    request.extensions_mut().insert(Principal(principal));
    next.run(request).await
}

/// The answer of a master that does not lead; `path` is without `/master`.
fn not_leading(leader: &Leader, path: &str) -> Option<Response> {
    match leader {
        Leader::Here => None,
        Leader::Nobody => Some(respond(Reply::new(503, "No leader elected"))),
        Leader::Elsewhere(host) => {
            let path = if path == "/redirect" { String::new() } else { format!("/master{path}") };
            let location = [(header::LOCATION, format!("//{host}{path}"))];
            Some((StatusCode::TEMPORARY_REDIRECT, location).into_response())
        }
    }
}

/// Who calls; an error where that must be known and is not.
fn principal(access: &Access, realm: Realm, headers: &HeaderMap) -> Result<Option<String>, ()> {
    if !realm.is_closed(access) {
        return Ok(None);
    }
    let (principal, secret) = basic(headers).ok_or(())?;
    access.credentials.allow(&principal, &secret).then_some(Some(principal)).ok_or(())
}

/// Principal and secret of `Authorization: Basic`, which hold one colon together.
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let decoded = STANDARD.decode(value.strip_prefix("Basic ")?.trim()).ok()?;
    let decoded = String::from_utf8(decoded).ok()?;
    let (principal, secret) = decoded.split_once(':')?;
    (!secret.contains(':')).then(|| (principal.to_owned(), secret.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::Credentials;

    fn ask(authorization: Option<&str>) -> Result<Option<String>, ()> {
        let text = r#"{"credentials":[{"principal":"p","secret":"s"}]}"#;
        let access = Access {
            credentials: Credentials::parse(text).unwrap(),
            frameworks: true,
            ..Access::default()
        };
        let mut headers = HeaderMap::new();
        if let Some(authorization) = authorization {
            headers.insert(header::AUTHORIZATION, authorization.parse().unwrap());
        }
        assert_eq!(principal(&access, Realm::ReadWrite, &headers), Ok(None), "open");
        principal(&access, Realm::Scheduler, &headers)
    }

    #[test]
    fn only_the_right_secret_opens_a_closed_realm() {
        let encoded = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        assert_eq!(ask(Some(&encoded("p:s"))), Ok(Some("p".to_owned())));
        for wrong in ["p:t", "q:s", "p", "p:s:"] {
            assert_eq!(ask(Some(&encoded(wrong))), Err(()), "{wrong}");
        }
        assert_eq!(ask(Some("basic cDpz")), Err(()), "the scheme's case counts");
        assert_eq!(ask(None), Err(()));
    }
}
