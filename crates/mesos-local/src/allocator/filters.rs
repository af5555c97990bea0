//! Refused bundles that are not to be offered again for a while.

use std::collections::HashMap;
use std::time::Duration;

use mesos::resources::Resources;

/// The filters of one role of one framework, by agent.
#[derive(Debug, Default)]
pub(super) struct Filters {
    by_agent: HashMap<String, Vec<Filter>>,
}

#[derive(Debug)]
struct Filter {
    refused: Resources,
    until: Duration,
}

impl Filters {
    pub(super) fn add(&mut self, agent: &str, refused: Resources, now: Duration, until: Duration) {
        let filters = self.by_agent.entry(agent.to_owned()).or_default();
        // A filter that another one outlives and covers would only take up room.
        filters.retain(|old| {
            now < old.until && !(old.until <= until && refused.contains(&old.refused))
        });
        filters.push(Filter { refused, until });
    }

    /// Whether an offer of `bundle` is to be withheld. Forgets what has expired.
    pub(super) fn withhold(&mut self, agent: &str, bundle: &Resources, now: Duration) -> bool {
        let Some(filters) = self.by_agent.get_mut(agent) else {
            return false;
        };
        filters.retain(|filter| now < filter.until);
        filters.iter().any(|filter| filter.refused.contains(bundle))
    }

    pub(super) fn forget_agent(&mut self, agent: &str) {
        self.by_agent.remove(agent);
    }

    pub(super) fn clear(&mut self) {
        self.by_agent.clear();
    }
}
