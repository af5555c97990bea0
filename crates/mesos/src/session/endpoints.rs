//! Where a leading master may be: whom to try next, and where redirects lead.

use url::Url;

use super::MAX_REDIRECTS;

/// The endpoints of one round of tries, from the first to the last.
#[derive(Debug, Default)]
pub(super) struct Endpoints {
    list: Vec<Url>,
    turn: usize,
}

impl Endpoints {
    pub(super) fn new(list: Vec<Url>) -> Self {
        Self { list, turn: 0 }
    }

    /// The first of a new round.
    pub(super) fn first(&mut self) -> Option<Url> {
        self.turn = 0;
        self.list.first().cloned()
    }

    /// The next of this round, if there is one.
    pub(super) fn next(&mut self) -> Option<Url> {
        self.turn += 1;
        self.list.get(self.turn).cloned()
    }

    /// For messages about all of them.
    pub(super) fn place(&self) -> String {
        let places: Vec<_> = self.list.iter().map(origin).collect();
        if places.is_empty() { "the master".into() } else { places.join(", ") }
    }
}

/// One try: the endpoint, and those that redirected to it.
#[derive(Debug, Clone)]
pub(super) struct Try {
    pub(super) endpoint: Url,
    visited: Vec<Url>,
}

impl Try {
    pub(super) fn at(endpoint: Url) -> Self {
        Self { endpoint, visited: Vec::new() }
    }

    /// Where `location` leads from here; `None` for a circle, a long way, or no usable target.
    pub(super) fn redirected(&self, location: Option<&str>) -> Option<Self> {
        let endpoint = resolve(&self.endpoint, location?)?;
        let mut visited = self.visited.clone();
        visited.push(self.endpoint.clone());
        let is_long = visited.len() > MAX_REDIRECTS as usize;
        let is_circle = visited.contains(&endpoint);
        (!is_long && !is_circle).then_some(Self { endpoint, visited })
    }
}

/// A `Location`, which Mesos writes without a scheme (`//host:port/path`).
///
/// Credentials go along, so nothing leads from https to http.
fn resolve(from: &Url, location: &str) -> Option<Url> {
    let mut target = from.join(location).ok()?;
    match (from.scheme(), target.scheme()) {
        ("http", "http" | "https") | ("https", "https") => {}
        _ => return None,
    }
    if target.path() == "/" {
        target.set_path(from.path());
    }
    Some(target)
}

/// Scheme, host and port, for messages.
pub(super) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}
