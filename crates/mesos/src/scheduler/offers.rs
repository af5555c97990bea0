//! Which offers are still good.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::gate::Gate;
use super::subscription::Subscription;
use crate::client::CallError;
use crate::client::calls::Rules;
use crate::client::link::Link;
use crate::v1::OfferId;
use crate::v1::scheduler::Call;

/// The offers of the current subscription that were neither used nor rescinded.
#[derive(Debug, Clone, Default)]
pub(super) struct OfferBook(Arc<Mutex<HashSet<String>>>);

impl OfferBook {
    pub(super) fn add(&self, ids: impl IntoIterator<Item = OfferId>) {
        self.with(|book| book.extend(ids.into_iter().map(|id| id.value)));
    }

    pub(super) fn remove(&self, id: &OfferId) -> bool {
        self.with(|book| book.remove(&id.value))
    }

    pub(super) fn clear(&self) {
        self.with(HashSet::clear);
    }

    fn with<T>(&self, change: impl FnOnce(&mut HashSet<String>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl OfferBook {
    /// Takes the offers of `call` out of the book: an ACCEPT with one that is no longer good
    /// fails whole, a DECLINE just leaves it out. `Ok(false)`: nothing is left to send.
    pub(super) fn use_up(&self, call: &mut Call) -> Result<bool, CallError> {
        if let Some(accept) = &call.accept {
            let stale: Vec<_> = accept.offer_ids.iter().filter(|id| !self.remove(id)).collect();
            if let Some(id) = stale.first() {
                return Err(CallError::StaleOffer(id.value.clone()));
            }
        }
        if let Some(decline) = &mut call.decline {
            decline.offer_ids.retain(|id| self.remove(id));
            return Ok(!decline.offer_ids.is_empty());
        }
        Ok(true)
    }
}

/// What a scheduler does with a call beside sending it.
pub(super) struct SchedulerRules {
    pub(super) book: OfferBook,
    pub(super) subscription: Subscription,
    pub(super) gate: Gate,
}

impl Rules<Call> for SchedulerRules {
    /// An ACCEPT waits until the framework id is kept.
    async fn ready(&mut self, call: &Call, link: &Link) -> Result<(), CallError> {
        if call.accept.is_none() {
            return Ok(());
        }
        self.gate.pass(link.framework_id.as_ref()).await.map_err(CallError::NotKept)
    }

    /// Fills in the framework id, and sends no offer that is no longer good.
    fn prepare(&mut self, call: &mut Call, link: &Link) -> Result<bool, CallError> {
        call.framework_id.clone_from(&link.framework_id);
        if let Some(update) = &mut call.update_framework {
            update.framework_info.id.clone_from(&link.framework_id);
        }
        self.book.use_up(call)
    }

    fn answered(&mut self, call: &Call, answer: &Result<(), CallError>) {
        if answer.is_ok() {
            self.subscription.accepted(call);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::scheduler::call;

    fn accept(id: &str) -> Call {
        let accept = call::Accept { offer_ids: vec![id.into()], ..call::Accept::default() };
        Call { accept: Some(accept), ..Call::default() }
    }

    #[test]
    fn an_offer_is_accepted_once_and_not_after_a_reconnect() {
        let book = OfferBook::default();
        book.add(["o1".into(), "o2".into()]);
        assert_eq!(book.use_up(&mut accept("o1")), Ok(true));
        let stale = Err(CallError::StaleOffer("o1".into()));
        assert_eq!(book.use_up(&mut accept("o1")), stale);
        book.clear();
        assert!(book.use_up(&mut accept("o2")).is_err());
    }

    #[test]
    fn a_decline_leaves_out_what_is_gone() {
        let book = OfferBook::default();
        book.add(["o1".into()]);
        let decline = |ids: &[&str]| Call {
            decline: Some(call::Decline {
                offer_ids: ids.iter().map(|id| OfferId::from(*id)).collect(),
                ..call::Decline::default()
            }),
            ..Call::default()
        };
        let mut both = decline(&["o1", "gone"]);
        assert_eq!(book.use_up(&mut both), Ok(true));
        assert_eq!(both.decline.unwrap().offer_ids, ["o1".into()]);
        assert_eq!(book.use_up(&mut decline(&["gone"])), Ok(false));
    }
}
