//! Which places a result may have.

use percent_encoding::percent_decode_str;
use protocol::{names, paths};

use crate::refusal::Refusal;

/// The job of what the tutorial's form uploads.
pub const TUTORIAL_JOB: &str = "tutorial";

/// The place of a result relative to the folder of results: `JOB/NAME`.
///
/// ```
/// assert_eq!(fileserver::result_path("holiday", "1-a.jpg"), "holiday/1-a.jpg");
/// ```
#[must_use]
pub fn result_path(job: &str, name: &str) -> String {
    format!("{job}/{name}")
}

/// A place to write to: both of its parts obey [`names`], so it cannot lead elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    job: String,
    name: String,
}

impl Place {
    pub(crate) fn new(job: &str, name: &str) -> Result<Self, Refusal> {
        names::check(job).map_err(|source| Refusal::Name { which: "job", source })?;
        names::check(name).map_err(|source| Refusal::Name { which: "result", source })?;
        Ok(Self { job: job.to_owned(), name: name.to_owned() })
    }

    /// The place that the path of a request names.
    pub(crate) fn from_request_path(path: &str) -> Result<Self, Refusal> {
        let (job, name) = split(path).ok_or(Refusal::UploadPath)?;
        Self::new(&job, &name)
    }

    pub(crate) fn job(&self) -> &str {
        &self.job
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn path(&self) -> String {
        result_path(&self.job, &self.name)
    }
}

/// A file to read: what people put beside the results may have looser names.
pub(crate) fn readable(path: &str) -> Option<(String, String)> {
    split(path).filter(|(job, name)| is_plain(job) && is_plain(name))
}

/// Whether `segment` is the name of something right here that is not hidden.
pub(crate) fn is_plain(segment: &str) -> bool {
    !segment.is_empty() && !segment.starts_with('.') && !segment.contains(['/', '\\', '\0'])
}

fn split(path: &str) -> Option<(String, String)> {
    let rest = path.strip_prefix(paths::UPLOADS)?.strip_prefix('/')?;
    let (job, name) = rest.split_once('/')?;
    (!name.contains('/')).then_some(())?;
    Some((decoded(job)?, decoded(name)?))
}

pub(crate) fn decoded(segment: &str) -> Option<String> {
    percent_decode_str(segment).decode_utf8().ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_valid_segments_make_a_place() {
        let place = Place::from_request_path("/uploads/job/1-a%2Ejpg").unwrap();
        assert_eq!((place.job(), place.name()), ("job", "1-a.jpg"));
        for bad in [
            "/uploads",
            "/uploads/",
            "/uploads/a",
            "/uploads/a/",
            "/uploads//a",
            "/uploads/a/b/c",
            "/uploads/a/b/",
            "/uploads/../x",
            "/uploads/a/..",
            "/uploads/a/..%2fx",
            "/uploads/a/%2e%2e",
            "/uploads/%2fetc/x",
            "/uploads/a/x%00",
            "/uploads/a/%ff",
            "/uploads/a/%zz",
            "/uploads/.incoming/x",
            "/elsewhere/a/b",
        ] {
            assert!(Place::from_request_path(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_is_read_may_have_spaces_but_leads_nowhere_else() {
        let found = readable("/uploads/a/my%20photo.jpg").unwrap();
        assert_eq!(found.1, "my photo.jpg");
        for bad in ["/uploads/a/..", "/uploads/../a", "/uploads/a/%2e%2e%2fx", "/uploads/a/.b"] {
            assert_eq!(readable(bad), None, "{bad:?}");
        }
    }
}
