//! Which pages does a page link to?

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use url::Url;

use crate::Failure;
use crate::executor::Asked;

/// How long a page may take.
const TIMEOUT: Duration = Duration::from_secs(20);
/// How much of a page is looked at.
const MAX_BYTES: usize = 4 << 20;

/// Fetches the page and gives its links.
pub(crate) async fn crawl(asked: Asked) -> Result<Value, Failure> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().timeout(TIMEOUT).build()?;
    let mut response = client.get(asked.url).send().await?.error_for_status()?;
    let base = response.url().clone();
    let mut page = Vec::new();
    while let Some(part) = response.chunk().await? {
        page.extend_from_slice(&part);
        if page.len() > MAX_BYTES {
            return Err(format!("the page has more than {MAX_BYTES} bytes").into());
        }
    }
    Ok(json!(links(&String::from_utf8_lossy(&page), &base)))
}

/// The pages that the `href`s of `<a …>` lead to, absolute and without fragments.
fn links(html: &str, base: &Url) -> BTreeSet<String> {
    let tags = html.split('<').skip(1).filter_map(|rest| rest.split_once('>')).map(|(tag, _)| tag);
    let anchors = tags.filter(|tag| {
        let mut letters = tag.chars();
        letters.next().is_some_and(|a| a.eq_ignore_ascii_case(&'a'))
            && letters.next().is_some_and(char::is_whitespace)
    });
    let absolute = |href: &str| {
        let mut url = base.join(&href.replace("&amp;", "&")).ok()?;
        url.set_fragment(None);
        url.scheme().starts_with("http").then(|| url.to_string())
    };
    anchors.filter_map(href).filter_map(absolute).collect()
}

/// The value of `href=…` in a tag, quoted or not.
fn href(tag: &str) -> Option<&str> {
    let at = tag.to_ascii_lowercase().find("href")?;
    let value = tag.get(at + "href".len()..)?.trim_start().strip_prefix('=')?.trim_start();
    match value.chars().next()? {
        quote @ ('"' | '\'') => value.get(1..)?.split(quote).next(),
        _ => value.split_whitespace().next(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_absolute_once_and_only_of_pages() {
        let html = "<a href=\"b.html\">b</a> <A class='x' HREF = '/c?x=1&amp;y=2#top'>c</A> <a\nhref=d>\
                    <a href=\"b.html#again\"> <a href='mailto:x@y'> <a name=e> <area href=f> <a href=";
        let base = "http://h/dir/a.html".parse().unwrap();
        let found: Vec<String> = links(html, &base).into_iter().collect();
        assert_eq!(found, ["http://h/c?x=1&y=2", "http://h/dir/b.html", "http://h/dir/d"]);
    }
}
