//! How hosts share the executor, and how much of a host it takes.
//!
//! A download takes a place of its host first and one of the executor's afterwards, so that
//! those who wait for a slow host are in nobody's way. A host that gives trouble has its places
//! taken away down to one, and gets them back one by one as it answers. One that asks for
//! patience is left alone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::Manners;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep};
use url::{Host as Name, Url};

use crate::client::IDLE_CONNECTION;
use crate::fetch::failure::Failure;
use crate::pace::Pace;

/// How long an image waits here for a paused host; for longer pauses it goes back to the
/// scheduler, as its task takes up processors.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Hosts whose connections are kept for the next image. More of them at once would use up
/// the files that a process may have open.
const KEPT_HOSTS: usize = 48;
/// Hosts that are remembered before the idle ones are forgotten.
const KNOWN_HOSTS: usize = 4_096;

/// All hosts that are asked for pictures.
#[derive(Debug)]
pub struct Hosts {
    places: Option<u32>,
    interval: Duration,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    hosts: HashMap<String, Arc<Host>>,
    /// Hosts with connections, and when they were needed last.
    kept: HashMap<String, Instant>,
}

#[derive(Debug)]
struct Host {
    places: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    pace: Pace,
    places: u32,
    most_places: u32,
}

/// The host is to be left alone for longer than an image can wait here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paused {
    /// For how long yet.
    pub left: Duration,
}

/// A request to a host, from its turn to the end of the answer.
#[derive(Debug)]
pub struct Visit {
    host: Option<(Arc<Host>, OwnedSemaphorePermit)>,
    /// Whether its connection is worth keeping.
    pub keeps_connection: bool,
}

impl Hosts {
    /// With the limits of a task.
    #[must_use]
    pub fn new(manners: &Manners) -> Self {
        Self {
            places: manners.per_host,
            interval: Duration::from_micros(manners.per_host_interval_us),
            known: Mutex::default(),
        }
    }

    /// How many images of one host are worth having under way: some of them are processed or
    /// uploaded while others are downloaded.
    #[must_use]
    pub fn share(&self, url: &Url) -> usize {
        let places = usize::try_from(self.most_places(url)).unwrap_or(usize::MAX);
        places.saturating_mul(2)
    }

    /// Waits for a turn at the host of `url`.
    ///
    /// # Errors
    ///
    /// When that would take too long, because the host has asked for patience.
    pub async fn visit(&self, url: &Url) -> Result<Visit, Paused> {
        let (host, keeps_connection) = self.find(url);
        host.wait_for_pause().await?;
        // Never an error: nobody closes it.
        let place = Arc::clone(&host.places).acquire_owned().await;
        let turn = host.state().pace.take_turn(Instant::now());
        if !turn.is_zero() {
            sleep(turn).await;
        }
        host.wait_for_pause().await?;
        Ok(Visit { host: place.ok().map(|place| (host, place)), keeps_connection })
    }

    fn most_places(&self, url: &Url) -> u32 {
        match self.places {
            Some(0) => u32::MAX,
            None if is_loopback(url) => u32::MAX,
            Some(places) => places,
            None => Manners::PER_HOST,
        }
    }

    fn find(&self, url: &Url) -> (Arc<Host>, bool) {
        let name = url.host_str().unwrap_or_default();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let keeps = known.keeps(name, Instant::now());
        if let Some(host) = known.hosts.get(name) {
            return (Arc::clone(host), keeps);
        }
        known.forget_idle(Instant::now());
        let host = Arc::new(Host::new(self.most_places(url), self.interval));
        known.hosts.insert(name.to_owned(), Arc::clone(&host));
        (host, keeps)
    }
}

impl Known {
    fn keeps(&mut self, name: &str, now: Instant) -> bool {
        let has_room = |kept: &HashMap<_, _>| kept.len() < KEPT_HOSTS;
        if !self.kept.contains_key(name) && !has_room(&self.kept) {
            self.kept.retain(|_, needed| now.duration_since(*needed) < IDLE_CONNECTION);
            if !has_room(&self.kept) {
                return false;
            }
        }
        match self.kept.get_mut(name) {
            Some(needed) => *needed = now,
            None => drop(self.kept.insert(name.to_owned(), now)),
        }
        true
    }

    fn forget_idle(&mut self, now: Instant) {
        if self.hosts.len() >= KNOWN_HOSTS {
            self.hosts.retain(|_, host| Arc::strong_count(host) > 1 || host.is_remarkable(now));
        }
    }
}

impl Host {
    fn new(most_places: u32, interval: Duration) -> Self {
        let places = usize::try_from(most_places).unwrap_or(usize::MAX);
        Self {
            places: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))),
            state: Mutex::new(State {
                pace: Pace::new(interval),
                places: most_places,
                most_places,
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn wait_for_pause(&self) -> Result<(), Paused> {
        loop {
            let pause = self.state().pace.pause(Instant::now());
            match pause {
                None => return Ok(()),
                Some(left) if left > LONGEST_WAIT => return Err(Paused { left }),
                Some(left) => sleep(left).await,
            }
        }
    }

    /// Whether it has done something that should not be forgotten.
    fn is_remarkable(&self, now: Instant) -> bool {
        let state = self.state();
        state.pace.pause(now).is_some() || state.places < state.most_places
    }
}

impl Visit {
    /// One that takes no place.
    #[must_use]
    pub fn free() -> Self {
        Self { host: None, keeps_connection: true }
    }

    /// The host has answered with a picture, or at least well.
    pub fn went_well(&self) {
        let Some((host, _)) = &self.host else { return };
        let mut state = host.state();
        state.pace.went_well();
        if state.places < state.most_places {
            state.places += 1;
            host.places.add_permits(1);
        }
    }

    /// The host has answered with another status than success. It asks for patience with 429,
    /// or by saying for how long; a 503 without that may be about one picture only.
    pub fn was_refused(self, failure: &Failure) {
        match (failure.http_status, failure.retry_after) {
            (Some(429), asked) | (Some(503), asked @ Some(_)) => self.was_pushed_back(asked),
            (Some(500..), _) => self.gave_trouble(),
            _ => {}
        }
    }

    /// The host asks for patience, possibly for a time.
    pub fn was_pushed_back(self, asked: Option<Duration>) {
        if let Some((host, _)) = &self.host {
            host.state().pace.push_back(Instant::now(), asked);
        }
        self.gave_trouble();
    }

    /// The host did not answer, or too slowly.
    pub fn gave_trouble(self) {
        let Some((host, place)) = self.host else { return };
        let mut state = host.state();
        if state.places > 1 && state.most_places < u32::MAX {
            state.places -= 1;
            place.forget();
        }
    }
}

/// By its name alone: what it resolves to is not known yet.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Name::Ipv4(address)) => address.is_loopback(),
        Some(Name::Ipv6(address)) => address.is_loopback(),
        Some(Name::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(per_host: Option<u32>) -> Hosts {
        Hosts::new(&Manners { per_host, ..Manners::default() })
    }

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    /// How many visits can be had at once without waiting, at most 99.
    async fn places(hosts: &Hosts, url: &Url) -> usize {
        let mut visits = Vec::new();
        while visits.len() < 99 {
            let visit = tokio::time::timeout(Duration::ZERO, hosts.visit(url)).await;
            match visit {
                Ok(visit) => visits.push(visit),
                Err(_) => break,
            }
        }
        visits.len()
    }

    #[tokio::test(start_paused = true)]
    async fn each_host_has_its_own_places() {
        let of =
            |per_host, at: &'static str| async move { places(&hosts(per_host), &url(at)).await };
        assert_eq!(of(None, "http://h/").await, 8);
        assert_eq!(of(None, "http://127.0.0.1/").await, 99);
        assert_eq!(of(None, "http://localhost/").await, 99);
        assert_eq!(of(Some(0), "http://h/").await, 99);
        assert_eq!(of(Some(3), "http://127.0.0.1/").await, 3);
        let two = hosts(Some(1));
        let _first = two.visit(&url("http://a/")).await.unwrap();
        assert_eq!(places(&two, &url("https://a:444/")).await, 0, "a port is no other host");
        assert_eq!(places(&two, &url("http://b/")).await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn trouble_takes_places_down_to_one_and_good_answers_give_them_back() {
        let (hosts, at) = (hosts(Some(4)), url("http://h/"));
        for expected in [3, 2, 1, 1] {
            hosts.visit(&at).await.unwrap().gave_trouble();
            assert_eq!(places(&hosts, &at).await, expected);
        }
        for expected in [2, 3, 4, 4] {
            hosts.visit(&at).await.unwrap().went_well();
            assert_eq!(places(&hosts, &at).await, expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_paused_host_is_waited_for_but_not_for_long() {
        let (hosts, at) = (hosts(None), url("http://h/"));
        let patience = |seconds| Some(Duration::from_secs(seconds));
        hosts.visit(&at).await.unwrap().was_pushed_back(patience(20));
        let started = Instant::now();
        assert_eq!(places(&hosts, &url("http://other/")).await, 8);
        hosts.visit(&at).await.unwrap().was_pushed_back(patience(600));
        assert_eq!(started.elapsed().as_secs(), 20);
        let refused = hosts.visit(&at).await.unwrap_err();
        assert_eq!(refused.left.as_secs(), 600);
        assert_eq!(started.elapsed().as_secs(), 20);
    }

    #[tokio::test(start_paused = true)]
    async fn only_who_asks_for_patience_is_left_alone() {
        for (status, retry_after, pause_s) in
            [(429, None, 1), (429, Some(5), 5), (503, Some(5), 5), (503, None, 0), (404, None, 0)]
        {
            let (hosts, at) = (hosts(Some(2)), url("http://h/"));
            let refusal = Failure {
                class: protocol::Class::Http5xx,
                message: String::new(),
                http_status: Some(status),
                final_url: None,
                retry_after: retry_after.map(Duration::from_secs),
                not_asked: false,
            };
            hosts.visit(&at).await.unwrap().was_refused(&refusal);
            let started = Instant::now();
            let _visit = hosts.visit(&at).await.unwrap();
            assert_eq!(started.elapsed().as_secs(), pause_s, "{status} {retry_after:?}");
            assert_eq!(places(&hosts, &at).await, usize::from(status < 429), "{status}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_of_a_host_holds_over_all_its_images() {
        let manners = Manners { per_host_interval_us: 500_000, ..Manners::default() };
        let (hosts, at) = (Hosts::new(&manners), url("http://h/"));
        let started = Instant::now();
        let visits = (0..5).map(|_| hosts.visit(&at));
        for visit in visits {
            visit.await.unwrap().went_well();
        }
        assert_eq!(started.elapsed().as_millis(), 2_000);
    }

    #[tokio::test(start_paused = true)]
    async fn connections_are_kept_for_some_hosts_only() {
        let hosts = hosts(None);
        let hosts = &hosts;
        let keeps = |number: usize| async move {
            hosts.visit(&url(&format!("http://h{number}/"))).await.unwrap().keeps_connection
        };
        for number in 0..KEPT_HOSTS {
            assert!(keeps(number).await);
        }
        assert!(!keeps(KEPT_HOSTS).await);
        assert!(keeps(0).await);
        tokio::time::advance(IDLE_CONNECTION).await;
        assert!(keeps(KEPT_HOSTS).await);
    }
}
