//! Which job is this: the same list and settings give the same name, so that a job is
//! found again after an interruption.

use std::fmt::Write;
use std::path::Path;

use protocol::{Limits, names};
use sha2::{Digest, Sha256};

use crate::list::Survey;
use crate::source;

/// The longest part of a job's name that comes from the list's name, in bytes.
const MAX_STEM_BYTES: usize = 40;

/// The name of the job: what is usable of the list's name, and eight digits that
/// follow from the list's entries and from the settings that change results. Neither the format
/// of the list nor its compression matters, nor do comments.
#[must_use]
pub fn name(list: &Path, survey: &Survey, operations: &str, limits: &Limits) -> String {
    let mut hasher = Sha256::new();
    hasher.update(survey.digest);
    hasher.update(operations.as_bytes());
    hasher.update(limits.max_download_bytes.to_be_bytes());
    hasher.update(limits.max_pixels.to_be_bytes());
    let file = source::stem(list);
    let stem = file.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
    let stem = if stem == "-" { "stdin".into() } else { names::slug(&stem, MAX_STEM_BYTES) };
    let stem = if stem.is_empty() { "job" } else { &stem };
    format!("{stem}-{}", hexadecimal(&hasher.finalize(), 4))
}

/// The first so many bytes in lower-case hexadecimal.
#[must_use]
pub fn hexadecimal(bytes: &[u8], at_most: usize) -> String {
    bytes.iter().take(at_most).fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn survey(byte: u8) -> Survey {
        Survey { entries: 1, digest: [byte; 32] }
    }

    #[test]
    fn a_name_follows_from_the_list_and_what_changes_results() {
        let limits = Limits { max_pixels: 5, ..Limits::default() };
        let slower = Limits { connect_timeout_ms: 9, ..limits };
        let larger = Limits { max_pixels: 6, ..limits };
        let list = Path::new("/home/me/my holiday.txt");
        let ours = name(list, &survey(1), "invert", &limits);
        assert!(ours.starts_with("my-holiday-"), "{ours}");
        assert_eq!(ours.len(), "my-holiday-".len() + 8);
        assert_eq!(ours, name(list, &survey(1), "invert", &slower));
        assert_ne!(ours, name(list, &survey(2), "invert", &limits));
        assert_ne!(ours, name(list, &survey(1), "gray", &limits));
        assert_ne!(ours, name(list, &survey(1), "invert", &larger));
        for same in ["my holiday.csv.gz", "http://u:p@h/x/my holiday.json?key=s3cret"] {
            let same = name(Path::new(same), &survey(1), "invert", &limits);
            assert_eq!(same.replace("-20", "-"), ours);
        }
    }

    #[test]
    fn a_name_is_valid_whatever_the_list_is_called() {
        let long = format!("{}.txt", "é".repeat(120));
        for list in ["-", "images", "..", "", ".hidden", "日本", "a/b/c.d.e", &long] {
            let name = name(Path::new(list), &survey(0), "invert", &Limits::default());
            assert_eq!(names::check(&name), Ok(()), "{list}");
        }
    }
}
