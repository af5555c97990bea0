//! Which offers are still good.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::client::CallError;
use crate::client::calls::Prepare;
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

impl Prepare<Call> for OfferBook {
    /// Fills in the framework id, and sends no offer that is no longer good: an
    /// ACCEPT of one fails whole, a DECLINE just leaves it out.
    fn prepare(&mut self, call: &mut Call, link: &Link) -> Result<bool, CallError> {
        call.framework_id.clone_from(&link.framework_id);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::scheduler::call;

    fn link() -> Link {
        Link {
            endpoint: "http://h:1/".parse().unwrap(),
            stream_id: None,
            framework_id: Some("f".into()),
        }
    }

    fn accept(id: &str) -> Call {
        let accept = call::Accept { offer_ids: vec![id.into()], ..call::Accept::default() };
        Call { accept: Some(accept), ..Call::default() }
    }

    #[test]
    fn an_offer_is_accepted_once_and_not_after_a_reconnect() {
        let mut book = OfferBook::default();
        book.add(["o1".into(), "o2".into()]);
        let mut call = accept("o1");
        assert_eq!(book.prepare(&mut call, &link()), Ok(true));
        assert_eq!(call.framework_id, Some("f".into()));
        let stale = Err(CallError::StaleOffer("o1".into()));
        assert_eq!(book.prepare(&mut accept("o1"), &link()), stale);
        book.clear();
        assert!(book.prepare(&mut accept("o2"), &link()).is_err());
    }

    #[test]
    fn a_decline_leaves_out_what_is_gone() {
        let mut book = OfferBook::default();
        book.add(["o1".into()]);
        let decline = |ids: &[&str]| Call {
            decline: Some(call::Decline {
                offer_ids: ids.iter().map(|id| OfferId::from(*id)).collect(),
                ..call::Decline::default()
            }),
            ..Call::default()
        };
        let mut both = decline(&["o1", "gone"]);
        assert_eq!(book.prepare(&mut both, &link()), Ok(true));
        assert_eq!(both.decline.unwrap().offer_ids, ["o1".into()]);
        assert_eq!(book.prepare(&mut decline(&["gone"]), &link()), Ok(false));
    }
}
