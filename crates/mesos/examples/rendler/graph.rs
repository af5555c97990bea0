//! Which pages there are, what is to be done with them, and what came of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use mesos::v1::{AgentId, TaskId};
use serde_json::Value;
use url::Url;

use crate::work::{Kind, TRIES, Work};

/// A page, its image, and how much of the work on it was given up.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) url: Url,
    pub(crate) image: Option<String>,
    pub(crate) failures: usize,
}

/// The pages in the order of their discovery, and the links between them.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    limit: usize,
    pub(crate) pages: Vec<Page>,
    pub(crate) known: BTreeMap<String, usize>,
    pub(crate) links: BTreeSet<(usize, String)>,
    ready: VecDeque<Work>,
    out: BTreeMap<String, Work>,
}

impl Graph {
    pub(crate) fn new(mut start: Url, limit: usize) -> Self {
        start.set_fragment(None);
        let mut graph = Self { limit: limit.max(1), ..Self::default() };
        graph.discover(start);
        graph
    }

    /// A page that is new, of the first page's host, and not too many, is crawled and rendered.
    fn discover(&mut self, url: Url) {
        let is_here = self.pages.first().is_none_or(|first| first.url.origin() == url.origin());
        if !is_here || self.pages.len() >= self.limit || self.known.contains_key(url.as_str()) {
            return;
        }
        let page = self.pages.len();
        self.known.insert(url.to_string(), page);
        self.pages.push(Page { url, image: None, failures: 0 });
        let work = |kind| Work { kind, page, tries: 0 };
        self.ready.extend([work(Kind::Crawl), work(Kind::Render)]);
    }

    /// What is to be done next.
    pub(crate) fn next_kind(&self) -> Option<Kind> {
        self.ready.front().map(|work| work.kind)
    }

    /// The next task and its page.
    pub(crate) fn launch(&mut self) -> Option<(String, Url)> {
        let mut work = self.ready.pop_front()?;
        work.tries += 1;
        let task = format!("{}-{}-{}", work.kind.name(), work.page + 1, work.tries);
        self.out.insert(task.clone(), work);
        Some((task, self.pages.get(work.page)?.url.clone()))
    }

    /// The tasks that have not ended.
    pub(crate) fn out(&self) -> Vec<(TaskId, Option<AgentId>)> {
        self.out.keys().map(|task| (task.as_str().into(), None)).collect()
    }

    /// Takes a result in, once, and says so.
    pub(crate) fn result(&mut self, result: &Value) -> Option<String> {
        let work = self.out.remove(result.get("task")?.as_str()?)?;
        let (page, result) = (self.pages.get_mut(work.page)?, result.get("result")?);
        let url = page.url.clone();
        match work.kind {
            Kind::Render => {
                let image = result.as_str()?;
                page.image = Some(image.to_owned());
                Some(format!("rendered {url} as {image}"))
            }
            Kind::Crawl => {
                let links: Vec<&str> =
                    result.as_array()?.iter().filter_map(Value::as_str).collect();
                for link in &links {
                    self.links.insert((work.page, (*link).to_owned()));
                    link.parse().into_iter().for_each(|link| self.discover(link));
                }
                Some(format!("crawled {url}: {} links", links.len()))
            }
        }
    }

    /// Takes the end of a task without a result in: it is tried again, or given up.
    pub(crate) fn failure(&mut self, task: &str, reason: &str) -> String {
        let Some(work) = self.out.remove(task) else { return format!("{task} ended again") };
        if work.tries < TRIES {
            self.ready.push_back(work);
            return format!("{task} is tried again: {reason}");
        }
        if let Some(page) = self.pages.get_mut(work.page) {
            page.failures += 1;
        }
        format!("{task} is given up: {reason}")
    }

    pub(crate) fn is_done(&self) -> bool {
        self.ready.is_empty() && self.out.is_empty()
    }
}

#[cfg(test)]
#[path = "graph_tests.rs"]
mod tests;
