//! Offers: made, used up, declined, withdrawn, rescinded.

use std::collections::BTreeMap;

use mesos::resources::Resources;
use mesos::v1::resource::{AllocationInfo, ReservationInfo, reservation_info};
use mesos::v1::scheduler::{Event, call, event};
use mesos::v1::{Address, FrameworkId, Offer, OfferId, Resource, Url};

use super::Master;
use super::framework::Framework;
use crate::allocator::Allocation;

/// An offer that was made and neither used nor withdrawn.
#[derive(Debug)]
pub(super) struct Outstanding {
    pub(super) allocation: Allocation,
}

impl Master {
    /// Runs the allocator and sends every framework its offers in one event.
    pub(super) fn allocate(&mut self) {
        let mut by_framework: BTreeMap<String, Vec<Offer>> = BTreeMap::new();
        for allocation in self.allocator.allocate(self.now) {
            let framework = allocation.framework_id.value.clone();
            if let Some(offer) = self.make_offer(allocation) {
                by_framework.entry(framework).or_default().push(offer);
            }
        }
        for (framework, offers) in by_framework {
            self.metrics.offers_sent += offers.len() as u64;
            let event = Event {
                r#type: Some(event::Type::Offers.into()),
                offers: Some(event::Offers { offers }),
                ..Event::default()
            };
            self.send(&framework.into(), event);
        }
    }

    fn make_offer(&mut self, allocation: Allocation) -> Option<Offer> {
        let framework = self.frameworks.get_mut(&allocation.framework_id)?;
        let agent = self.agents.get_mut(&allocation.agent_id.value)?;
        let id = OfferId::from(format!("{}-O{}", self.identity.id, self.next_offer));
        self.next_offer += 1;
        let hostname = agent.info.hostname.clone();
        let address = Address {
            hostname: Some(hostname.clone()),
            ip: Some(self.identity.ip.to_string()),
            port: agent.info.port(),
        };
        let multi_role = framework.capabilities.multi_role;
        let allocated = AllocationInfo { role: Some(allocation.role.clone()) };
        let offer = Offer {
            id: id.clone(),
            framework_id: allocation.framework_id.clone(),
            agent_id: allocation.agent_id.clone(),
            hostname,
            url: Some(Url {
                scheme: "http".to_owned(),
                address,
                path: Some("/slave(1)".to_owned()),
                query: Vec::new(),
                fragment: None,
            }),
            resources: shaped(&allocation, framework),
            attributes: agent.info.attributes.clone(),
            executor_ids: agent.executor_ids(&allocation.framework_id),
            allocation_info: multi_role.then_some(allocated),
            ..Offer::default()
        };
        framework.offers.insert(id.clone());
        agent.offers.insert(id.clone());
        self.offers.insert(id, Outstanding { allocation });
        Some(offer)
    }

    pub(super) fn decline(&mut self, call: &call::Decline) {
        let refuse_seconds = call.filters.as_ref().and_then(|filters| filters.refuse_seconds);
        for id in &call.offer_ids {
            if let Some(Outstanding { allocation }) = self.take_offer(id) {
                self.metrics.offers_declined += 1;
                self.recover(&allocation, &allocation.resources, Some(refuse_seconds));
            }
        }
    }

    /// Removes an offer from the books; whoever takes it decides about its resources.
    pub(super) fn take_offer(&mut self, id: &OfferId) -> Option<Outstanding> {
        let outstanding = self.offers.remove(id)?;
        let Allocation { framework_id, agent_id, .. } = &outstanding.allocation;
        if let Some(framework) = self.frameworks.get_mut(framework_id) {
            framework.offers.remove(id);
        }
        if let Some(agent) = self.agents.get_mut(&agent_id.value) {
            agent.offers.remove(id);
        }
        Some(outstanding)
    }

    /// Gives `unused` back to the allocator; `refusal` sets a filter, for a default
    /// time if it holds no number.
    pub(super) fn recover(
        &mut self,
        allocation: &Allocation,
        unused: &Resources,
        refusal: Option<Option<f64>>,
    ) {
        let Allocation { framework_id, role, agent_id, .. } = allocation;
        self.allocator.release(framework_id, role, agent_id, unused);
        if let Some(refuse_seconds) = refusal {
            self.allocator.refuse(self.now, allocation, unused, refuse_seconds);
        }
    }

    /// Takes back the framework's offers without telling it.
    pub(super) fn withdraw_offers(&mut self, id: &FrameworkId) {
        let offers = self.frameworks.get(id).map(|f| f.offers.iter().cloned().collect::<Vec<_>>());
        for offer in offers.unwrap_or_default() {
            self.withdraw_offer(&offer);
        }
    }

    pub(super) fn withdraw_offer(&mut self, id: &OfferId) {
        if let Some(Outstanding { allocation }) = self.take_offer(id) {
            self.recover(&allocation, &allocation.resources, None);
        }
    }

    /// Takes back an offer and says so.
    pub(super) fn rescind_offer(&mut self, id: &OfferId) {
        let Some(Outstanding { allocation }) = self.take_offer(id) else { return };
        self.recover(&allocation, &allocation.resources, None);
        let event = Event {
            r#type: Some(event::Type::Rescind.into()),
            rescind: Some(event::Rescind { offer_id: id.clone() }),
            ..Event::default()
        };
        self.send(&allocation.framework_id, event);
    }

    pub(super) fn rescind_all_offers(&mut self) {
        let ids: Vec<OfferId> = self.offers.keys().cloned().collect();
        for id in ids {
            self.rescind_offer(&id);
        }
    }

    pub(super) fn rescind_offers_of_roles(&mut self, id: &FrameworkId, roles: &[String]) {
        let Some(framework) = self.frameworks.get(id) else { return };
        let of_roles = |offer: &&OfferId| {
            self.offers.get(offer).is_some_and(|o| roles.contains(&o.allocation.role))
        };
        let ids: Vec<OfferId> = framework.offers.iter().filter(of_roles).cloned().collect();
        for id in ids {
            self.rescind_offer(&id);
        }
    }
}

/// The resources in the form that the framework's capabilities ask for.
#[expect(deprecated, reason = "frameworks without RESERVATION_REFINEMENT read the old field")]
fn shaped(allocation: &Allocation, framework: &Framework) -> Vec<Resource> {
    let mut resources = allocation.resources.to_wire();
    for resource in &mut resources {
        if framework.capabilities.multi_role {
            let role = Some(allocation.role.clone());
            resource.allocation_info = Some(AllocationInfo { role });
        }
        if !framework.capabilities.reservation_refinement {
            let reservation = resource.reservations.pop();
            let role = reservation.as_ref().and_then(|reservation| reservation.role.clone());
            resource.role = role.or_else(|| Some("*".to_owned()));
            resource.reservation = reservation
                .filter(|one| one.r#type() == reservation_info::Type::Dynamic)
                .map(|one| ReservationInfo { r#type: None, role: None, ..one });
        }
    }
    resources
}
