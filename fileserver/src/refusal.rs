//! What a request is refused for, and with which status.

use std::io;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use protocol::names::NameError;

/// Why a request is refused: one sentence for whoever sent it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("uploads go to /uploads/JOB/NAME, with exactly these two parts")]
    UploadPath,
    #[error("this is no name for a {which}: {source}")]
    Name { which: &'static str, source: NameError },
    #[error("the Repr-Digest header is malformed: send sha-256=:BASE64:")]
    DigestHeader,
    #[error(
        "the bytes that came do not have the digest of the Repr-Digest header: send them again"
    )]
    DigestMismatch,
    #[error("the Repr-Digest that was announced as a trailer did not come: send the upload again")]
    DigestMissing,
    #[error("a part of a file cannot be stored: send the whole file without Content-Range")]
    Partial,
    #[error("the upload broke off: {0}")]
    BrokenOff(String),
    #[error("send multipart/form-data with the parts \"image\" and \"name\"")]
    NoForm,
    #[error("the form is not usable: {0}")]
    Form(String),
    #[error("the upload needs the token: send Authorization: Bearer TOKEN")]
    Token,
    #[error("pages of other sites must not upload here")]
    CrossSite,
    #[error("{0}")]
    NotFound(String),
    #[error("no byte came for {0} seconds: send the upload again")]
    Stalled(u64),
    #[error("a folder or a file is in the way of this name: choose another")]
    InTheWay,
    #[error("the upload is too large: at most {max_bytes} bytes are taken (--max-upload-size)")]
    TooLarge { max_bytes: u64 },
    #[error("the file is being rebuilt: try again in a moment")]
    Changing,
    #[error("no space is left for results: free some on the file server, or raise its quota")]
    Full,
    #[error("the file server cannot access its disk: {0}")]
    Disk(io::Error),
}

impl Refusal {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::UploadPath
            | Self::Name { .. }
            | Self::DigestHeader
            | Self::DigestMismatch
            | Self::DigestMissing
            | Self::Partial
            | Self::BrokenOff(_)
            | Self::NoForm
            | Self::Form(_) => StatusCode::BAD_REQUEST,
            Self::Token => StatusCode::UNAUTHORIZED,
            Self::CrossSite => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Stalled(_) => StatusCode::REQUEST_TIMEOUT,
            Self::InTheWay => StatusCode::CONFLICT,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Changing => StatusCode::SERVICE_UNAVAILABLE,
            Self::Full => StatusCode::INSUFFICIENT_STORAGE,
            Self::Disk(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn header(&self) -> Option<(header::HeaderName, &'static str)> {
        if matches!(self, Self::Token) {
            Some((header::WWW_AUTHENTICATE, "Bearer realm=\"uploads\""))
        } else if matches!(self, Self::Changing) {
            Some((header::RETRY_AFTER, "1"))
        } else {
            None
        }
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind as Kind;
        let full = [Kind::StorageFull, Kind::QuotaExceeded, Kind::FileTooLarge];
        let in_the_way = [Kind::IsADirectory, Kind::NotADirectory, Kind::DirectoryNotEmpty];
        if full.contains(&error.kind()) {
            Self::Full
        } else if in_the_way.contains(&error.kind()) {
            Self::InTheWay
        } else {
            Self::Disk(error)
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status(), self.header().map(|header| [header]), format!("{self}\n")).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_a_broken_one() {
        let status = |kind: io::ErrorKind| Refusal::from(io::Error::from(kind)).status();
        assert_eq!(status(io::ErrorKind::StorageFull), StatusCode::INSUFFICIENT_STORAGE);
        assert_eq!(status(io::ErrorKind::QuotaExceeded), StatusCode::INSUFFICIENT_STORAGE);
        assert_eq!(status(io::ErrorKind::IsADirectory), StatusCode::CONFLICT);
        assert_eq!(status(io::ErrorKind::PermissionDenied), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
