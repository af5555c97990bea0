//! How many images go into the next task.
//!
//! With [`Chunk::Auto`] the first tasks hold one image each, as in the tutorial. Every task that
//! ends teaches: when tasks are short, the next ones hold more images, at most twice as many as the
//! one that was short, until a task takes some seconds; when they get long, fewer. Towards the end
//! of the list the tasks shrink again, so that all slots share what is left.

use std::time::Duration;

use crate::Chunk;

/// How long a task should take: long enough that its launch costs little, short enough that a lost
/// one costs little, and that the slots end at about the same time.
const TARGET: Duration = Duration::from_secs(3);
/// Tasks that take so long, and not longer, are left as they are.
const LONG: Duration = Duration::from_secs(5);
/// Tasks that take less than this get larger.
const SHORT: Duration = Duration::from_secs(2);
/// The most images that [`Chunk::Auto`] puts into a task. Beyond it the cost of a task is spread
/// thinly enough, and a task of URLs of usual length stays below 100 KiB on the wire.
const MAX_IMAGES: u64 = 512;
/// In how many rounds the slots are to share what is left, so that they end together.
const LAST_ROUNDS: u64 = 2;
/// Sizes are kept in hundredths of an image, so that small steps are not lost.
const WHOLE: u64 = 100;

/// What is known of how long tasks take.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sizing {
    /// Hundredths of an image.
    size: u64,
    /// The most tasks that were out at the same time.
    slots: usize,
}

impl Default for Sizing {
    fn default() -> Self {
        Self { size: WHOLE, slots: 1 }
    }
}

impl Sizing {
    /// So many tasks are out now.
    pub(crate) fn out(&mut self, tasks: usize) {
        self.slots = self.slots.max(tasks);
    }

    /// A task with so many images has come to its end after this time.
    pub(crate) fn ended(&mut self, images: usize, took: Duration) {
        let images = u64::try_from(images).unwrap_or(u64::MAX).clamp(1, MAX_IMAGES) * WHOLE;
        let fitting = scaled(images, TARGET, took.max(Duration::from_millis(1)));
        if took < SHORT {
            let wanted = fitting.min(images * 2).min(MAX_IMAGES * WHOLE);
            self.size = self.size.max(wanted);
        } else if took > LONG {
            // One slow image makes its task long, and says little of the others.
            let wanted = fitting.max(WHOLE);
            self.size -= self.size.saturating_sub(wanted) / 4;
        }
    }

    /// How many images to put into the next task while so many wait for one.
    pub(crate) fn next(&self, chunk: Chunk, waiting: usize) -> usize {
        match chunk {
            Chunk::Auto => {
                let rounds = u64::try_from(self.slots).unwrap_or(u64::MAX) * LAST_ROUNDS;
                let share = u64::try_from(waiting).unwrap_or(u64::MAX).div_ceil(rounds);
                usize::try_from((self.size / WHOLE).min(share).max(1)).unwrap_or(1)
            }
            Chunk::Fixed(size) => usize::try_from(size.get()).unwrap_or(usize::MAX),
        }
    }
}

/// `amount * wanted / took`, which is not zero.
fn scaled(amount: u64, wanted: Duration, took: Duration) -> u64 {
    let scaled = u128::from(amount) * wanted.as_nanos() / took.as_nanos();
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU64;

    const MANY: usize = 1_000_000;

    /// The sizes of tasks, one after another, when an image takes that long.
    fn sizes(sizing: &mut Sizing, tasks: usize, image: Duration) -> Vec<usize> {
        let mut sizes = Vec::new();
        for _ in 0..tasks {
            let size = sizing.next(Chunk::Auto, MANY);
            sizing.ended(size, image * u32::try_from(size).unwrap());
            sizes.push(size);
        }
        sizes
    }

    #[test]
    fn the_first_task_holds_one_image_and_short_ones_grow_until_they_take_seconds() {
        let mut sizing = Sizing::default();
        let sizes = sizes(&mut sizing, 40, Duration::from_millis(50));
        assert_eq!(sizes[..6], [1, 2, 4, 8, 16, 32]);
        assert!(sizes.is_sorted());
        let last = 50 * sizes[39];
        assert!((2_000..=5_000).contains(&last), "{sizes:?}");
    }

    #[test]
    fn long_images_stay_by_themselves() {
        let mut sizing = Sizing::default();
        assert_eq!(sizes(&mut sizing, 20, Duration::from_secs(9)), [1; 20]);
    }

    #[test]
    fn tasks_shrink_when_images_get_slow_but_not_for_a_single_slow_one() {
        let mut sizing = Sizing::default();
        let fast = sizes(&mut sizing, 60, Duration::from_millis(20))[59];
        sizing.ended(fast, Duration::from_secs(30));
        let after_one = sizing.next(Chunk::Auto, MANY);
        assert!(after_one * 4 >= fast * 3 - 4 && after_one < fast, "{fast} {after_one}");
        let slow = sizes(&mut sizing, 60, Duration::from_secs(1))[59];
        assert!((1..=5).contains(&slow), "{slow}");
    }

    #[test]
    fn many_tasks_that_end_together_only_double_the_size() {
        let mut sizing = Sizing::default();
        for _ in 0..1_000 {
            sizing.ended(1, Duration::from_millis(1));
        }
        assert_eq!(sizing.next(Chunk::Auto, MANY), 2);
    }

    #[test]
    fn there_is_a_maximum_whatever_the_images_take() {
        let mut sizing = Sizing::default();
        for _ in 0..100 {
            sizing.ended(sizing.next(Chunk::Auto, MANY), Duration::ZERO);
        }
        assert_eq!(sizing.next(Chunk::Auto, MANY), 512);
        sizing.ended(usize::MAX, Duration::MAX);
        assert!((1..=512).contains(&sizing.next(Chunk::Auto, MANY)));
    }

    #[test]
    fn towards_the_end_the_slots_share_what_is_left() {
        let mut sizing = Sizing::default();
        sizes(&mut sizing, 60, Duration::from_millis(10));
        sizing.out(4);
        let sizes = [4_000, 400, 80, 9, 1, 0].map(|waiting| sizing.next(Chunk::Auto, waiting));
        assert!(sizes[0] > 200, "{sizes:?}");
        assert_eq!(sizes[1..], [50, 10, 2, 1, 1]);
    }

    #[test]
    fn a_fixed_size_is_what_it_is() {
        let mut sizing = Sizing::default();
        sizing.ended(1, Duration::ZERO);
        assert_eq!(sizing.next(Chunk::Fixed(NonZeroU64::new(7).unwrap()), 3), 7);
    }
}
