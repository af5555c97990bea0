//! May tasks go into this offer at all?

use std::time::Duration;

use mesos::v1::{ExecutorId, Offer};

use crate::maintenance;
use crate::{DeclineReason, Engine, Settings};

/// The role that everybody has.
const EVERYBODY: &str = "*";

/// The role for which an offer is made.
pub(crate) fn role_of(offer: &Offer) -> &str {
    let role = offer.allocation_info.as_ref().and_then(|info| info.role.as_deref());
    role.unwrap_or(EVERYBODY)
}

/// An agent and a role.
pub(crate) fn place(offer: &Offer) -> (&str, &str) {
    (&offer.agent_id.value, role_of(offer))
}

/// The id of the executor for tasks with resources of a role: Mesos wants the resources of a task
/// and of its executor to be of one role, so each role has its executors.
pub(crate) fn executor_id(settings: &Settings, role: &str) -> ExecutorId {
    let base = settings.executor_id.as_str();
    if role == EVERYBODY {
        base.into()
    } else {
        format!("{base}-{}", role.replace('/', "_")).into()
    }
}

/// Whether an executor is one of ours, whatever its role.
pub(crate) fn is_ours(settings: &Settings, id: &ExecutorId) -> bool {
    let rest = id.value.strip_prefix(&settings.executor_id);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

impl Engine {
    /// Why nothing may go into the offer, whatever its size.
    pub(crate) fn obstacle(&self, offer: &Offer) -> Option<DeclineReason> {
        let agent = offer.agent_id.value.as_str();
        if self.draining {
            Some(DeclineReason::Draining)
        } else if !self.has_work() {
            Some(DeclineReason::NothingToLaunch)
        } else if self.settings.constraints.iter().any(|constraint| !constraint.holds(offer)) {
            Some(DeclineReason::Constraint)
        } else if self.is_leaving(offer) {
            Some(DeclineReason::Maintenance)
        } else {
            let again_in = self.agents.avoided(self.now, agent)?;
            Some(DeclineReason::Avoided { again_in })
        }
    }

    /// How long not to be offered again what was declined for this reason.
    pub(crate) fn refusal(&self, reason: DeclineReason) -> Duration {
        match reason {
            DeclineReason::TooSmall => self.settings.refuse_small,
            DeclineReason::NothingToLaunch
            | DeclineReason::Draining
            | DeclineReason::Constraint => self.settings.refuse_idle,
            DeclineReason::Avoided { again_in } => again_in,
            DeclineReason::Maintenance => maintenance::ASK_AGAIN,
            DeclineReason::OnlyStragglers => self.settings.refuse_small.saturating_mul(6),
        }
    }

    /// The first constraint that the offer does not suit.
    pub(crate) fn unmet(&self, offer: &Offer) -> String {
        let unmet = self.settings.constraints.iter().find(|constraint| !constraint.holds(offer));
        unmet.map(ToString::to_string).unwrap_or_default()
    }

    /// Whether its agent may be taken away before a task could end.
    fn is_leaving(&self, offer: &Offer) -> bool {
        let horizon = self.watch.limit(Settings::MIN_MAINTENANCE_NOTICE);
        offer.unavailability.as_ref().is_some_and(|unavailability| {
            maintenance::hinders(unavailability, self.settings.unix_start, self.now, horizon)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_has_executors_of_its_own() {
        let settings = Settings::new("job", "job.1");
        for role in ["*", "images", "a/b"] {
            let id = executor_id(&settings, role);
            assert!(is_ours(&settings, &id) && !id.value.contains('/'), "{id}");
        }
        assert_eq!(executor_id(&settings, "*").value, "job.1");
        assert_ne!(executor_id(&settings, "a"), executor_id(&settings, "b"));
        assert!(!is_ours(&settings, &"job.12".into()));
    }
}
