//! In which order the images of a task have their turn.

use std::collections::{HashMap, VecDeque};

/// Images that wait, by their host. Hosts take turns, and no host has more images under way
/// than its share, so that the images of a slow host do not stand in the way of others.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    hosts: HashMap<String, Line<T>>,
    /// Hosts with images that could have their turn.
    turns: VecDeque<String>,
}

#[derive(Debug)]
struct Line<T> {
    waiting: VecDeque<T>,
    under_way: usize,
    share: usize,
}

impl<T> Line<T> {
    fn is_ready(&self) -> bool {
        !self.waiting.is_empty() && self.under_way < self.share
    }
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { hosts: HashMap::new(), turns: VecDeque::new() }
    }
}

impl<T> Queue<T> {
    /// Adds an image at the end of its host's line. The first one of a host says how many may
    /// be under way; at least one.
    pub(crate) fn push(&mut self, host: &str, share: usize, image: T) {
        let line = self.hosts.entry(host.to_owned()).or_insert_with(|| Line {
            waiting: VecDeque::new(),
            under_way: 0,
            share: share.max(1),
        });
        let was_ready = line.is_ready();
        line.waiting.push_back(image);
        if line.is_ready() && !was_ready {
            self.turns.push_back(host.to_owned());
        }
    }

    /// The next image, with its host, which is to be told when the image has ended.
    pub(crate) fn next(&mut self) -> Option<(String, T)> {
        let host = self.turns.pop_front()?;
        let line = self.hosts.get_mut(&host)?;
        let image = line.waiting.pop_front()?;
        line.under_way += 1;
        if line.is_ready() {
            self.turns.push_back(host.clone());
        }
        Some((host, image))
    }

    /// An image of `host` has ended.
    pub(crate) fn ended(&mut self, host: &str) {
        let Some(line) = self.hosts.get_mut(host) else { return };
        let was_ready = line.is_ready();
        line.under_way = line.under_way.saturating_sub(1);
        if line.is_ready() && !was_ready {
            self.turns.push_back(host.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take<T>(queue: &mut Queue<T>, most: usize) -> Vec<T> {
        std::iter::from_fn(|| queue.next()).map(|(_, image)| image).take(most).collect()
    }

    #[test]
    fn one_host_keeps_its_order() {
        let mut queue = Queue::default();
        (1..=5).for_each(|image| queue.push("h", usize::MAX, image));
        assert_eq!(take(&mut queue, 9), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn hosts_take_turns() {
        let mut queue = Queue::default();
        for (host, image) in [("a", 1), ("a", 2), ("a", 3), ("b", 4), ("c", 5)] {
            queue.push(host, 9, image);
        }
        assert_eq!(take(&mut queue, 9), [1, 4, 5, 2, 3]);
    }

    #[test]
    fn a_slow_host_has_no_more_under_way_than_its_share() {
        let mut queue = Queue::default();
        (1..=6).for_each(|image| queue.push("slow", 2, image));
        (7..=8).for_each(|image| queue.push("fast", 2, image));
        assert_eq!(take(&mut queue, 9), [1, 7, 2, 8]);
        queue.ended("fast");
        assert_eq!(queue.next(), None);
        queue.ended("slow");
        assert_eq!(take(&mut queue, 9), [3]);
        queue.ended("slow");
        queue.ended("slow");
        assert_eq!(take(&mut queue, 9), [4, 5]);
        queue.ended("slow");
        assert_eq!(take(&mut queue, 9), [6]);
        assert_eq!(queue.next(), None);
    }
}
