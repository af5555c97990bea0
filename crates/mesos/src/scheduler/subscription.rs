//! What every SUBSCRIBE says of the framework, as later calls have changed it.
//!
//! A SUBSCRIBE replaces what the master knows: without the suppressed roles of before it
//! would bring their offers back. Source: MESOS "Scheduler HTTP API", SUBSCRIBE.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::v1::framework_info::capability;
use crate::v1::scheduler::{Call, OfferConstraints, call};
use crate::v1::{FrameworkId, FrameworkInfo};

/// The wishes of one framework, shared by its stream and its calls.
#[derive(Debug, Clone)]
pub(super) struct Subscription(Arc<Mutex<Wishes>>);

/// What is asked for at the next subscription.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Wishes {
    pub(super) framework: FrameworkInfo,
    pub(super) suppressed: BTreeSet<String>,
    pub(super) constraints: Option<OfferConstraints>,
}

impl Subscription {
    pub(super) fn new(wishes: Wishes) -> Self {
        Self(Arc::new(Mutex::new(wishes)))
    }

    pub(super) fn subscribe(&self) -> Call {
        self.with(|wishes| wishes.subscribe())
    }

    pub(super) fn framework_id(&self) -> Option<FrameworkId> {
        self.with(|wishes| wishes.framework.id.clone())
    }

    pub(super) fn learn_id(&self, id: FrameworkId) {
        self.with(|wishes| wishes.framework.id = Some(id));
    }

    /// Takes note of a call that is made, whether it arrives or not: what it wants holds
    /// for the next subscription too.
    pub(super) fn wanted(&self, call: &Call) {
        self.with(|wishes| wishes.wanted(call));
    }

    /// Takes note of a call that the master has taken.
    pub(super) fn accepted(&self, call: &Call) {
        self.with(|wishes| wishes.accepted(call));
    }

    fn with<T>(&self, change: impl FnOnce(&mut Wishes) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Wishes {
    fn subscribe(&self) -> Call {
        let roles = roles(&self.framework);
        Call {
            r#type: Some(call::Type::Subscribe.into()),
            framework_id: self.framework.id.clone(),
            subscribe: Some(call::Subscribe {
                framework_info: self.framework.clone(),
                // A role that is not the framework's would make the master refuse it whole.
                suppressed_roles: self.suppressed.intersection(&roles).cloned().collect(),
                offer_constraints: self.constraints.clone(),
            }),
            ..Call::default()
        }
    }

    fn wanted(&mut self, call: &Call) {
        if let Some(suppress) = &call.suppress {
            let named = suppress.roles.iter().cloned().collect();
            self.suppressed.append(&mut self.or_all(named));
        } else if let Some(revive) = &call.revive {
            let revived = self.or_all(revive.roles.iter().cloned().collect());
            self.suppressed.retain(|role| !revived.contains(role));
        }
    }

    fn accepted(&mut self, call: &Call) {
        if let Some(update) = &call.update_framework {
            self.framework = update.framework_info.clone();
            self.suppressed = update.suppressed_roles.iter().cloned().collect();
            self.constraints.clone_from(&update.offer_constraints);
        }
    }

    fn or_all(&self, named: BTreeSet<String>) -> BTreeSet<String> {
        if named.is_empty() { roles(&self.framework) } else { named }
    }
}

/// The roles a framework subscribes with. Source: `protobuf::framework::getRoles` of 1.11.0.
fn roles(framework: &FrameworkInfo) -> BTreeSet<String> {
    let multi_role = capability::Type::MultiRole;
    if framework.capabilities.iter().any(|capability| capability.r#type() == multi_role) {
        framework.roles.iter().cloned().collect()
    } else {
        BTreeSet::from([framework.role().to_owned()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::framework_info::Capability;

    fn of_roles(roles: &[&str]) -> Wishes {
        let multi_role = Capability { r#type: Some(capability::Type::MultiRole.into()) };
        let framework = FrameworkInfo {
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            capabilities: vec![multi_role],
            ..FrameworkInfo::default()
        };
        Wishes { framework, ..Wishes::default() }
    }

    fn suppress(roles: &[&str]) -> Call {
        let roles = roles.iter().map(|role| (*role).to_owned()).collect();
        Call { suppress: Some(call::Suppress { roles }), ..Call::default() }
    }

    fn revive(roles: &[&str]) -> Call {
        let roles = roles.iter().map(|role| (*role).to_owned()).collect();
        Call { revive: Some(call::Revive { roles }), ..Call::default() }
    }

    fn suppressed(wishes: &Wishes) -> Vec<String> {
        wishes.subscribe().subscribe.unwrap().suppressed_roles
    }

    #[test]
    fn suppression_survives_a_subscription_until_revived() {
        let mut wishes = of_roles(&["a", "b"]);
        wishes.wanted(&suppress(&["a"]));
        assert_eq!(suppressed(&wishes), ["a"]);
        wishes.wanted(&suppress(&[]));
        assert_eq!(suppressed(&wishes), ["a", "b"]);
        wishes.wanted(&revive(&["b"]));
        assert_eq!(suppressed(&wishes), ["a"]);
        wishes.wanted(&revive(&[]));
        assert!(suppressed(&wishes).is_empty());
    }

    #[test]
    fn a_framework_of_one_role_suppresses_that() {
        let mut wishes = Wishes::default();
        wishes.wanted(&suppress(&[]));
        assert_eq!(suppressed(&wishes), ["*"]);
    }

    #[test]
    fn a_role_that_is_not_the_frameworks_is_left_out() {
        let mut wishes = of_roles(&["a"]);
        wishes.wanted(&suppress(&["other"]));
        assert!(suppressed(&wishes).is_empty());
    }

    #[test]
    fn an_update_of_the_framework_holds_for_the_next_subscription() {
        let mut wishes = of_roles(&["a"]);
        let update = call::UpdateFramework {
            framework_info: FrameworkInfo { name: "new".into(), ..of_roles(&["b"]).framework },
            suppressed_roles: vec!["b".into()],
            offer_constraints: Some(OfferConstraints::default()),
        };
        wishes.accepted(&Call { update_framework: Some(update), ..Call::default() });
        let subscribe = wishes.subscribe().subscribe.unwrap();
        assert_eq!(subscribe.framework_info.name, "new");
        assert_eq!(subscribe.suppressed_roles, ["b"]);
        assert!(subscribe.offer_constraints.is_some());
    }
}
