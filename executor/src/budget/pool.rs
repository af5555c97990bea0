//! An amount of something that is lent and given back.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// An amount that is lent in the order in which it is asked for. Its size may change.
#[derive(Debug, Clone)]
pub struct Pool(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    size: u64,
    lent: u64,
    most_lent: u64,
    waiting: VecDeque<Waiter>,
}

#[derive(Debug)]
struct Waiter {
    amount: u64,
    ready: oneshot::Sender<Place>,
}

/// What was lent; dropping it gives it back.
#[derive(Debug)]
pub struct Place {
    pool: Pool,
    amount: u64,
}

impl Pool {
    /// With nothing lent yet.
    #[must_use]
    pub fn new(size: u64) -> Self {
        let state = State { size, lent: 0, most_lent: 0, waiting: VecDeque::new() };
        Self(Arc::new(Mutex::new(state)))
    }

    /// How much there is, lent or not.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.lock().size
    }

    /// The most that was ever lent at once.
    #[must_use]
    pub fn most_lent(&self) -> u64 {
        self.lock().most_lent
    }

    /// Makes it larger or smaller. What is lent stays lent; nothing more is until it fits.
    pub fn resize(&self, size: u64) {
        self.lock().size = size;
        self.lend();
    }

    /// Waits for `amount`, or for all there is if that is less. A wait that is dropped
    /// gives its turn to the next.
    pub async fn take(&self, amount: u64) -> Place {
        let (ready, lent) = oneshot::channel();
        self.lock().waiting.push_back(Waiter { amount, ready });
        self.lend();
        match lent.await {
            Ok(place) => place,
            // A waiter leaves the queue with its place only.
            Err(_) => std::future::pending().await,
        }
    }

    fn lend(&self) {
        while let Some(Waiter { amount, ready }) = self.whose_turn() {
            // Whoever has stopped waiting gives it back on the spot.
            drop(ready.send(Place { pool: self.clone(), amount }));
        }
    }

    /// The next whose turn it is, with its amount counted as lent.
    fn whose_turn(&self) -> Option<Waiter> {
        let mut state = self.lock();
        while state.waiting.front().is_some_and(|waiter| waiter.ready.is_closed()) {
            state.waiting.pop_front();
        }
        let size = state.size;
        let amount = state.waiting.front()?.amount.min(size);
        let lent = state.lent.checked_add(amount).filter(|lent| size > 0 && *lent <= size)?;
        state.lent = lent;
        state.most_lent = state.most_lent.max(lent);
        state.waiting.pop_front().map(|waiter| Waiter { amount, ..waiter })
    }

    fn give_back(&self, amount: u64) {
        let mut state = self.lock();
        state.lent = state.lent.saturating_sub(amount);
        drop(state);
        self.lend();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Gives back all but `amount`.
    pub fn shrink(&mut self, amount: u64) {
        let rest = self.amount.saturating_sub(amount);
        self.amount -= rest;
        self.pool.give_back(rest);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.pool.give_back(self.amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::task::{JoinSet, yield_now};
    use tokio::time::timeout;

    async fn is_lent(pool: &Pool, amount: u64) -> Option<Place> {
        timeout(Duration::ZERO, pool.take(amount)).await.ok()
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_lent_while_there_is_enough() {
        let pool = Pool::new(10);
        let mut six = is_lent(&pool, 6).await.unwrap();
        assert!(is_lent(&pool, 5).await.is_none());
        let four = is_lent(&pool, 4).await.unwrap();
        six.shrink(1);
        let five = is_lent(&pool, 5).await.unwrap();
        assert!(is_lent(&pool, 1).await.is_none());
        drop((six, four, five));
        assert!(is_lent(&pool, u64::MAX).await.is_some(), "more than all is all");
        assert_eq!(pool.most_lent(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_large_wish_is_not_overtaken_and_a_dropped_one_holds_up_nobody() {
        let pool = Pool::new(10);
        let held = is_lent(&pool, 5).await.unwrap();
        let large = tokio::spawn({
            let pool = pool.clone();
            async move { pool.take(10).await }
        });
        yield_now().await;
        assert!(is_lent(&pool, 1).await.is_none());
        large.abort();
        yield_now().await;
        assert!(is_lent(&pool, 1).await.is_some());
        drop(held);
        assert!(is_lent(&pool, 10).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn another_size_counts_from_then_on() {
        let pool = Pool::new(0);
        assert!(is_lent(&pool, 1).await.is_none());
        pool.resize(2);
        let two = is_lent(&pool, 2).await.unwrap();
        pool.resize(1);
        drop(two);
        let one = is_lent(&pool, 1).await.unwrap();
        assert!(is_lent(&pool, 1).await.is_none());
        drop(one);
    }

    #[tokio::test]
    async fn many_at_once_never_have_more_than_there_is_and_all_come_to_their_turn() {
        let pool = Pool::new(100);
        let mut all = JoinSet::new();
        for number in 0..1000_u64 {
            let pool = pool.clone();
            all.spawn(async move {
                let mut place = pool.take(number * 37 % 130).await;
                yield_now().await;
                place.shrink(number % 7);
                yield_now().await;
            });
            if number % 10 == 0 {
                all.spawn(async {}).abort();
            }
        }
        let ended = async { while all.join_next().await.is_some() {} };
        timeout(Duration::from_secs(20), ended).await.unwrap();
        assert!(pool.most_lent() <= 100 && pool.most_lent() > 50);
        assert_eq!(pool.lock().lent, 0);
    }
}
