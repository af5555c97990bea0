//! Where things are on the file server.

/// The executor binary.
pub const EXECUTOR: &str = "/executor";

/// The folder of sample pictures.
pub const SAMPLES: &str = "/samples";

/// The folder of results.
pub const UPLOADS: &str = "/uploads";

/// The path of one result: `PUT` stores it, `GET` shows it.
///
/// ```
/// assert_eq!(protocol::paths::upload("job", "1-a.jpg"), "/uploads/job/1-a.jpg");
/// ```
#[must_use]
pub fn upload(job: &str, name: &str) -> String {
    format!("{UPLOADS}/{job}/{name}")
}

/// The page that shows one job's results.
#[must_use]
pub fn job(job: &str) -> String {
    format!("/jobs/{job}")
}

/// The header that carries the SHA-256 of an upload, so that the file server can
/// tell a damaged transfer (RFC 9530): `sha-256=:BASE64:`. An upload that grows while it
/// is sent has it as a trailer, and names it in its header `Trailer`; without the trailer
/// it is not stored (RFC 9110, section 6.5).
pub const DIGEST_HEADER: &str = "repr-digest";
