//! URLs as they may stand in messages and logs.

use url::Url;

/// Longer URLs are shortened: a message is one sentence.
const MAX_CHARACTERS: usize = 300;

/// The URL without user, password and fragment.
#[must_use]
pub fn url(url: &Url) -> String {
    let mut clean = url.clone();
    // Both fail only for URLs that cannot hold any.
    let _ = clean.set_username("");
    let _ = clean.set_password(None);
    clean.set_fragment(None);
    shorten(clean.as_str())
}

/// Text that is no URL, without whatever stands before an `@`.
#[must_use]
pub fn text(text: &str) -> String {
    let rest = text.rsplit_once('@').map_or(text, |(_, rest)| rest);
    shorten(rest)
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(MAX_CHARACTERS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_and_fragments_are_not_shown() {
        let secret = Url::parse("http://user:s3cret@h:81/a.jpg?x=1#f").unwrap();
        assert_eq!(url(&secret), "http://h:81/a.jpg?x=1");
        assert_eq!(text("htp//user:s3cret@h/a"), "h/a");
    }

    #[test]
    fn long_urls_are_shortened_between_characters() {
        let long = format!("{}é{}", "x".repeat(299), "y".repeat(99));
        assert_eq!(text(&long).chars().count(), 301);
        assert!(text(&long).ends_with("é…"));
    }
}
