//! Where the time of a download goes: the HTTP library resolves and connects out of sight,
//! within the request that needs it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use protocol::Timings;

tokio::task_local! {
    static CURRENT: Arc<Probe>;
}

/// The stopwatches of one image.
#[derive(Debug, Default)]
pub struct Probe {
    waited: Watch,
    dns: Watch,
    connect: Watch,
    first_byte: Watch,
}

#[derive(Debug, Default)]
struct Watch(AtomicU64);

impl Watch {
    fn add(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.0.fetch_add(micros, Ordering::Relaxed);
    }

    fn get(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::Relaxed))
    }

    fn milliseconds(&self) -> u64 {
        self.0.load(Ordering::Relaxed) / 1_000
    }
}

impl Probe {
    /// Time spent waiting for a turn, which is not the origin's fault.
    pub fn add_waited(&self, time: Duration) {
        self.waited.add(time);
    }

    /// All of that time.
    #[must_use]
    pub fn waited(&self) -> Duration {
        self.waited.get()
    }

    /// Does `request` and takes its times.
    pub(crate) async fn request<T>(self: &Arc<Self>, request: impl Future<Output = T>) -> T {
        let (started, before) = (Instant::now(), self.dns.get() + self.connect.get());
        let result = CURRENT.scope(Arc::clone(self), request).await;
        let setup = (self.dns.get() + self.connect.get()).saturating_sub(before);
        self.first_byte.add(started.elapsed().saturating_sub(setup));
        result
    }

    /// Writes down what is known.
    pub fn fill(&self, timings: &mut Timings) {
        timings.dns_ms = self.dns.milliseconds();
        timings.connect_ms = self.connect.milliseconds();
        timings.first_byte_ms = self.first_byte.milliseconds();
    }

    /// That of the request that is being worked on. A connection that is made for nobody in
    /// particular has none.
    fn current() -> Option<Arc<Self>> {
        CURRENT.try_with(Arc::clone).ok()
    }
}

/// Takes the time that `lookup` needs.
pub(crate) async fn resolving<T>(lookup: impl Future<Output = T>) -> T {
    let (probe, started) = (Probe::current(), Instant::now());
    let result = lookup.await;
    probe.inspect(|probe| probe.dns.add(started.elapsed()));
    result
}

/// Takes the time that `connecting` needs beside resolving the name, for whom it is made now.
pub(crate) fn connecting<T>(connecting: impl Future<Output = T>) -> impl Future<Output = T> {
    let (probe, started) = (Probe::current(), Instant::now());
    let resolved = probe.as_ref().map(|probe| probe.dns.get()).unwrap_or_default();
    async move {
        let made = connecting.await;
        probe.inspect(|probe| {
            let resolving = probe.dns.get().saturating_sub(resolved);
            probe.connect.add(started.elapsed().saturating_sub(resolving));
        });
        made
    }
}
