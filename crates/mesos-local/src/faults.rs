//! How to make a cluster misbehave, for tests of those who depend on one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::actor::{MasterHandle, Request};
use crate::master::Input;

/// Faults to be injected into a running cluster; cheap to clone.
///
/// ```no_run
/// # async fn example(cluster: mesos_local::Cluster) {
/// cluster.faults().refuse_calls(3); // the next three calls are answered with 503
/// # }
/// ```
#[derive(Clone)]
pub struct Faults {
    master: MasterHandle,
    planned: Arc<Planned>,
}

/// What the scheduler endpoint is to do instead of its work.
#[derive(Debug, Default)]
pub(crate) struct Planned {
    refusals: AtomicU32,
    redirects: AtomicU32,
    redirect_to: Mutex<String>,
}

/// What a call meets instead of the master.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// 503, as from a master without a leader.
    Refused,
    /// 307 to another master, as `HOST:PORT`.
    Redirected(String),
}

impl Faults {
    pub(crate) fn new(master: MasterHandle, planned: Arc<Planned>) -> Self {
        Self { master, planned }
    }

    /// Answers the next `count` scheduler calls, SUBSCRIBE included, with 503.
    pub fn refuse_calls(&self, count: u32) {
        self.planned.refusals.store(count, Ordering::SeqCst);
    }

    /// Redirects the next `count` scheduler calls to `HOST:PORT`, as a standby does.
    pub fn redirect_calls(&self, count: u32, to: &str) {
        let mut target = self.planned.redirect_to.lock().unwrap_or_else(PoisonError::into_inner);
        to.clone_into(&mut target);
        self.planned.redirects.store(count, Ordering::SeqCst);
    }

    /// Cuts every event stream; the frameworks are disconnected from then on.
    pub fn drop_streams(&self) {
        self.master.tell(Request::Plain(Input::DropStreams));
    }

    /// Rescinds every outstanding offer.
    pub fn rescind_offers(&self) {
        self.master.tell(Request::Plain(Input::RescindOffers));
    }
}

impl std::fmt::Debug for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Faults").field("planned", &self.planned).finish_non_exhaustive()
    }
}

impl Planned {
    /// The fault that this call is to meet, used up by asking.
    pub(crate) fn next(&self) -> Option<Fault> {
        if take_one(&self.refusals) {
            return Some(Fault::Refused);
        }
        take_one(&self.redirects).then(|| {
            let target = self.redirect_to.lock().unwrap_or_else(PoisonError::into_inner);
            Fault::Redirected(target.clone())
        })
    }
}

fn take_one(left: &AtomicU32) -> bool {
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planned_faults_are_used_up() {
        let planned = Planned::default();
        assert_eq!(planned.next(), None);
        planned.refusals.store(1, Ordering::SeqCst);
        planned.redirects.store(1, Ordering::SeqCst);
        "other:1".clone_into(&mut planned.redirect_to.lock().unwrap());
        assert_eq!(planned.next(), Some(Fault::Refused));
        assert_eq!(planned.next(), Some(Fault::Redirected("other:1".to_owned())));
        assert_eq!(planned.next(), None);
    }
}
