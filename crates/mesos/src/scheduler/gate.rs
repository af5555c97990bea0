//! No offer is accepted before the framework id is kept.

use std::sync::Arc;

use tokio::sync::{Mutex, watch};

use crate::client::link::Link;
use crate::framework_id::FrameworkIdStore;
use crate::v1::FrameworkId;

/// The place for the id, if there is one, and what is known to be in it.
#[derive(Clone, Default)]
pub(super) struct Gate(Option<Arc<Keeper>>);

struct Keeper {
    store: Arc<dyn FrameworkIdStore>,
    kept: Mutex<Option<FrameworkId>>,
}

impl Gate {
    /// A gate before `store`, which holds `kept` already.
    pub(super) fn before(store: Arc<dyn FrameworkIdStore>, kept: Option<FrameworkId>) -> Self {
        Self(Some(Arc::new(Keeper { store, kept: Mutex::new(kept) })))
    }

    /// Returns when `id` is kept; tries anew each time it failed.
    pub(super) async fn pass(&self, id: Option<&FrameworkId>) -> Result<(), String> {
        let (Some(keeper), Some(id)) = (&self.0, id) else { return Ok(()) };
        let mut kept = keeper.kept.lock().await;
        if kept.as_ref() != Some(id) {
            let (store, wanted) = (Arc::clone(&keeper.store), id.clone());
            let written = tokio::task::spawn_blocking(move || store.keep(&wanted)).await;
            written.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
            *kept = Some(id.clone());
        }
        Ok(())
    }

    /// Keeps every id as soon as it is known, until the driver ends.
    pub(super) fn watch(&self, mut links: watch::Receiver<Option<Link>>) {
        if self.0.is_none() {
            return;
        }
        let gate = self.clone();
        tokio::spawn(async move {
            while links.changed().await.is_ok() {
                let id =
                    links.borrow_and_update().as_ref().and_then(|link| link.framework_id.clone());
                if let Err(error) = gate.pass(id.as_ref()).await {
                    tracing::warn!("cannot keep the framework id: {error}");
                }
            }
        });
    }
}
