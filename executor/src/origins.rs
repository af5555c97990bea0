//! How the origins of a task's images are asked: by which client, as whom, and when.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use ipnet::IpNet;
use protocol::{Limits, Manners, Task};
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONNECTION, HeaderValue, USER_AGENT};
use url::Url;

use crate::client::{Clients, Origin, Request};
use crate::guard::{Chosen, Forbidden, Guard};
use crate::hosts::{Hosts, Paused, Visit};
use crate::robots::Library;

/// What we can read. Nothing else is refused: many origins have only one answer.
const ACCEPTED: HeaderValue = HeaderValue::from_static(
    "image/jpeg,image/png,image/webp,image/gif,image/tiff,image/bmp,image/*;q=0.9,*/*;q=0.5",
);
/// Pictures are compressed already, and what is announced shall be what comes.
const ACCEPTED_ENCODING: HeaderValue = HeaderValue::from_static("identity");
const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// What all tasks with the same manners share.
#[derive(Debug, Default)]
pub struct Courtesy {
    shared: Mutex<HashMap<Manners, Arc<Shared>>>,
    as_public: Vec<IpNet>,
}

impl Courtesy {
    /// Addresses in `networks` count as public: for tests, which have only loopback.
    #[must_use]
    pub fn with_as_public(networks: Vec<IpNet>) -> Self {
        Self { as_public: networks, ..Self::default() }
    }

    /// How the images of `task` are asked for.
    ///
    /// # Errors
    ///
    /// When a client cannot be made or a network of the task is none: one sentence.
    pub fn origins(&self, clients: &Clients, task: &Task) -> Result<Origins, String> {
        let manners = task.manners.clone().unwrap_or_default();
        let guard = Guard::new(&manners)?.with_as_public(self.as_public.clone());
        let connect_timeout = Limits::duration(task.limits.connect_timeout_ms);
        let client =
            |guard| clients.downloads(connect_timeout, guard).map_err(|error| error.to_string());
        Ok(Origins {
            by_list: client(Some((&guard, Chosen::ByList)))?,
            by_private_host: client(Some((&guard, Chosen::ByPrivateHost)))?,
            by_public_host: client(Some((&guard, Chosen::ByPublicHost)))?,
            unguarded: client(None)?,
            user_agent: task.user_agent.clone(),
            file_server: Url::parse(&task.file_server).ok(),
            shared: self.shared(&manners),
            guard,
            manners,
        })
    }

    fn shared(&self, manners: &Manners) -> Arc<Shared> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Shared { hosts: Hosts::new(manners), rules: Library::default() });
        Arc::clone(shared.entry(manners.clone()).or_insert_with(new))
    }
}

/// What is known of the origins over all tasks.
#[derive(Debug)]
struct Shared {
    hosts: Hosts,
    rules: Library,
}

/// The origins of one task's images.
#[derive(Debug)]
pub struct Origins {
    guard: Guard,
    by_list: Origin,
    by_private_host: Origin,
    by_public_host: Origin,
    unguarded: Origin,
    user_agent: String,
    file_server: Option<Url>,
    shared: Arc<Shared>,
    manners: Manners,
}

impl Origins {
    /// A GET of `url`, whose address `chosen` has decided on.
    ///
    /// # Errors
    ///
    /// When the URL names an address that may not be reached. What its name resolves to is
    /// checked when the request is sent.
    pub fn get(&self, chosen: Chosen, url: &Url) -> Result<Request, Forbidden> {
        let client = if self.is_ours(chosen, url) {
            &self.unguarded
        } else {
            self.guard.check_literal(chosen, url)?;
            match chosen {
                Chosen::ByList => &self.by_list,
                Chosen::ByPrivateHost => &self.by_private_host,
                Chosen::ByPublicHost => &self.by_public_host,
            }
        };
        let request = client.get(url).header(ACCEPT, ACCEPTED);
        let request = request.header(ACCEPT_ENCODING, ACCEPTED_ENCODING);
        if self.user_agent.is_empty() {
            return Ok(request);
        }
        Ok(request.header(USER_AGENT, &self.user_agent))
    }

    /// The same request on a connection that is not kept.
    pub fn once(request: Request) -> Request {
        request.header(CONNECTION, CLOSE)
    }

    /// Who has chosen where a redirect leads that came from `address`.
    #[must_use]
    pub fn redirected(&self, before: Chosen, address: Option<IpAddr>) -> Chosen {
        self.guard.redirected(before, address)
    }

    /// Waits for a turn at the host of `url`. The file server of the job is no guest's matter.
    ///
    /// # Errors
    ///
    /// When the host is to be left alone for too long.
    pub async fn visit(&self, chosen: Chosen, url: &Url) -> Result<Visit, Paused> {
        if self.is_ours(chosen, url) {
            Ok(Visit::free())
        } else {
            self.shared.hosts.visit(url).await
        }
    }

    /// How many images of the host of `url` are worth having under way.
    #[must_use]
    pub fn share(&self, url: &Url) -> usize {
        if self.is_ours(Chosen::ByList, url) { usize::MAX } else { self.shared.hosts.share(url) }
    }

    /// Who we say we are; possibly nobody.
    #[must_use]
    pub fn user_agent(&self) -> &str {
        &self.user_agent
    }

    /// Where the rules of `url` are found, if they count.
    pub(crate) fn rules(&self, chosen: Chosen, url: &Url) -> Option<&Library> {
        let counts = self.manners.obey_robots_txt && !self.is_ours(chosen, url);
        counts.then_some(&self.shared.rules)
    }

    /// Whether the `X-Robots-Tag` of `url` counts.
    pub(crate) fn honors_tag(&self, chosen: Chosen, url: &Url) -> bool {
        !self.manners.ignore_robots_tag && !self.is_ours(chosen, url)
    }

    /// The samples of our own file server, which the list names by their path.
    fn is_ours(&self, chosen: Chosen, url: &Url) -> bool {
        let is_same = |ours: &Url| ours.origin() == url.origin();
        chosen == Chosen::ByList && self.file_server.as_ref().is_some_and(is_same)
    }
}
