//! What origins say to programs: `robots.txt` (RFC 9309) and the header `X-Robots-Tag`.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use protocol::Class;
use reqwest::header::HeaderMap;
use robotxt::Robots;
use tokio::sync::OnceCell;
use tokio::time::Instant;
use url::Url;

/// How much of a `robots.txt` is read: what RFC 9309 asks for at least.
pub(crate) const MAX_RULES_BYTES: usize = 500 << 10;
/// Redirects from a `robots.txt` that are followed, by RFC 9309.
pub(crate) const MAX_REDIRECTS: usize = 5;
/// How long rules are believed, at most a day by RFC 9309.
const KEPT: Duration = Duration::from_secs(3_600);
/// How long a host is believed to have its rules out of reach.
const KEPT_FAILURE: Duration = Duration::from_secs(30);
/// Text of rules that is kept over all origins.
const MAX_KEPT_BYTES: usize = 4 << 20;
/// What an origin costs beside its text.
const ENTRY_BYTES: usize = 512;

/// What an origin has to say.
#[derive(Debug)]
pub(crate) struct Rules {
    robots: Robots,
    bytes: usize,
}

/// Why it cannot be known: nothing is fetched then.
#[derive(Debug, Clone)]
pub(crate) struct Unknown {
    pub(crate) class: Class,
    pub(crate) why: String,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) not_asked: bool,
}

impl Unknown {
    /// The same for who did not ask, as somebody else had just done so: only patience that was
    /// asked for is spared. An origin that is out of order must not be waited for by each image.
    fn to_others(&self) -> Self {
        Self { not_asked: self.retry_after.is_some(), ..self.clone() }
    }
}

type Asked = Arc<OnceCell<Result<Rules, Unknown>>>;

/// The rules of the origins that were asked.
#[derive(Debug, Default)]
pub(crate) struct Library {
    shelf: Mutex<Shelf>,
}

#[derive(Debug, Default)]
struct Shelf {
    origins: HashMap<String, (Instant, Asked)>,
    order: VecDeque<String>,
}

impl Rules {
    /// Those of a file, for the program that calls itself `user_agent`.
    pub(crate) fn read(text: &[u8], user_agent: &str) -> Self {
        let robots = Robots::parse(text, product(user_agent));
        Self { robots, bytes: text.len() }
    }

    /// Those of an origin without any.
    pub(crate) fn none() -> Self {
        Self { robots: Robots::allow_all(), bytes: 0 }
    }

    pub(crate) fn allow(&self, url: &Url) -> bool {
        self.robots.is_url_allowed(url)
    }
}

impl Library {
    /// Whether the origin of `url` allows it. Whoever comes first asks; the others wait.
    pub(crate) async fn allows<F>(
        &self,
        url: &Url,
        ask: impl FnOnce() -> F,
    ) -> Result<bool, Unknown>
    where
        F: Future<Output = Result<Rules, Unknown>>,
    {
        let origin = url.origin().ascii_serialization();
        let asked = self.find(origin, Instant::now());
        let mut asks = false;
        let answer = asked
            .get_or_init(|| {
                asks = true;
                ask()
            })
            .await;
        let answer = answer.as_ref().map(|rules| rules.allow(url));
        answer.map_err(|unknown| if asks { unknown.clone() } else { unknown.to_others() })
    }

    fn find(&self, origin: String, now: Instant) -> Asked {
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((since, asked)) = shelf.origins.get(&origin) {
            let kept = if let Some(Err(_)) = asked.get() { KEPT_FAILURE } else { KEPT };
            if now.duration_since(*since) < kept {
                return Arc::clone(asked);
            }
        } else {
            shelf.order.push_back(origin.clone());
        }
        shelf.make_room();
        let asked = Asked::default();
        shelf.origins.insert(origin, (now, Arc::clone(&asked)));
        asked
    }
}

impl Shelf {
    /// The oldest go first.
    fn make_room(&mut self) {
        let bytes = |asked: &Asked| match asked.get() {
            Some(Ok(rules)) => ENTRY_BYTES + rules.bytes,
            Some(Err(_)) | None => ENTRY_BYTES,
        };
        let mut total: usize = self.origins.values().map(|(_, asked)| bytes(asked)).sum();
        while total > MAX_KEPT_BYTES {
            let Some(oldest) = self.order.pop_front() else { return };
            let gone = self.origins.remove(&oldest);
            total = total.saturating_sub(gone.map_or(0, |(_, asked)| bytes(&asked)));
        }
    }
}

/// Where the rules for `url` are.
pub(crate) fn address(url: &Url) -> Option<Url> {
    let mut address = url.join("/robots.txt").ok()?;
    address.set_query(None);
    address.set_fragment(None);
    Some(address)
}

/// The first directive of the `X-Robots-Tag`s that asks a program like this one to leave a
/// picture alone.
pub(crate) fn refusal(headers: &HeaderMap, user_agent: &str) -> Option<&'static str> {
    let values = headers.get_all("x-robots-tag").iter().filter_map(|value| value.to_str().ok());
    let mut refusals = values.filter_map(|value| refused_by(value, product(user_agent)));
    refusals.next()
}

/// Directives by which an owner keeps a picture out of indexes and out of machine learning.
const REFUSALS: [&str; 6] = ["noai", "noimageai", "noml", "noindex", "noimageindex", "none"];
/// Directives with a value; any other word before a colon is the name of a program.
const WITH_VALUE: [&str; 4] =
    ["unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"];

fn refused_by(value: &str, product: &str) -> Option<&'static str> {
    let mut is_for_us = true;
    for part in value.split(',') {
        let mut directive = part.trim();
        if let Some((name, rest)) = directive.split_once(':') {
            let name = name.trim();
            if WITH_VALUE.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                continue;
            }
            is_for_us = name == "*" || name.eq_ignore_ascii_case(product);
            directive = rest.trim();
        }
        let found = REFUSALS.into_iter().find(|refusal| refusal.eq_ignore_ascii_case(directive));
        if is_for_us && found.is_some() {
            return found;
        }
    }
    None
}

/// The name of a program without its version.
fn product(user_agent: &str) -> &str {
    user_agent.split(['/', ' ']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn tags(values: &[&str]) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("X-Robots-Tag", value.parse().unwrap());
        }
        refusal(&headers, "image-inverter/0.1 (me@example.org)")
    }

    #[test]
    fn tags_that_keep_programs_away_are_found() {
        for (values, refused) in [
            (&[] as &[&str], None),
            (&["all"], None),
            (&["nofollow, noarchive"], None),
            (&["noai"], Some("noai")),
            (&["NoImageAI"], Some("noimageai")),
            (&["nofollow", "noml"], Some("noml")),
            (&["nofollow, noimageindex"], Some("noimageindex")),
            (&["none"], Some("none")),
            (&["max-image-preview: large, noindex"], Some("noindex")),
            (&["unavailable_after: 25 Jun 2010 15:00:00 PST"], None),
        ] {
            assert_eq!(tags(values), refused, "{values:?}");
        }
    }

    #[test]
    fn tags_for_other_programs_are_theirs() {
        for (values, refused) in [
            (&["otherbot: noindex, noai"] as &[&str], None),
            (&["Image-Inverter: noai"], Some("noai")),
            (&["*: noai"], Some("noai")),
            (&["otherbot: noindex", "noai"], Some("noai")),
            (&["otherbot: noindex, image-inverter: noml"], Some("noml")),
            (&["image-inverter: nofollow, otherbot: noai"], None),
        ] {
            assert_eq!(tags(values), refused, "{values:?}");
        }
    }

    #[test]
    fn rules_are_those_for_our_name() {
        let text = b"User-agent: *\nDisallow: /private/\nAllow: /private/a.jpg$\n\
                     User-agent: image-inverter\nDisallow: /*.png\n";
        let ours = Rules::read(text, "image-inverter/0.1");
        assert!(ours.allow(&url("http://h/private/b.jpg")));
        assert!(!ours.allow(&url("http://h/x.png?y")));
        let any = Rules::read(text, "somebody/1");
        assert!(any.allow(&url("http://h/private/a.jpg")));
        assert!(!any.allow(&url("http://h/private/b.jpg")));
        assert!(Rules::none().allow(&url("http://h/")));
    }

    #[test]
    fn the_rules_are_at_the_root_of_the_origin() {
        let at = |text| address(&url(text)).unwrap().to_string();
        assert_eq!(at("https://h:81/a/b.jpg?c#d"), "https://h:81/robots.txt");
    }

    #[tokio::test(start_paused = true)]
    async fn rules_are_kept_for_an_hour_and_failures_shortly() {
        let library = Library::default();
        let (good, bad) = (url("http://good/a"), url("http://bad/a"));
        let rules = || async { Ok(Rules::read(b"User-agent: *\nDisallow: /a", "x")) };
        let failure = || async {
            Err(Unknown {
                class: Class::Http5xx,
                why: String::new(),
                retry_after: None,
                not_asked: false,
            })
        };
        let nobody = || async { panic!("it is known already") };
        assert!(!library.allows(&good, rules).await.unwrap());
        assert!(!library.allows(&good, nobody).await.unwrap());
        assert!(library.allows(&url("http://good/b"), nobody).await.unwrap());
        assert!(!library.allows(&bad, failure).await.unwrap_err().not_asked);
        assert!(!library.allows(&bad, nobody).await.unwrap_err().not_asked);
        tokio::time::advance(KEPT_FAILURE).await;
        assert!(!library.allows(&bad, rules).await.unwrap());
        assert!(!library.allows(&good, nobody).await.unwrap());
        tokio::time::advance(KEPT).await;
        assert!(library.allows(&good, failure).await.is_err());
    }

    #[tokio::test]
    async fn who_did_not_ask_is_told_so_if_the_origin_wants_patience() {
        let library = Library::default();
        let refusal = || async {
            Err(Unknown {
                class: Class::TooManyRequests,
                why: String::new(),
                retry_after: Some(Duration::from_secs(900)),
                not_asked: false,
            })
        };
        assert!(!library.allows(&url("http://h/a"), refusal).await.unwrap_err().not_asked);
        assert!(library.allows(&url("http://h/b"), refusal).await.unwrap_err().not_asked);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let library = Library::default();
        let text = [b'#'; MAX_RULES_BYTES];
        for number in 0..40 {
            let asked = library.find(format!("http://h{number}"), Instant::now());
            asked.set(Ok(Rules::read(&text, "x"))).unwrap();
        }
        let kept = library.shelf.lock().unwrap().origins.len();
        assert!((5..=9).contains(&kept), "{kept}");
    }
}
