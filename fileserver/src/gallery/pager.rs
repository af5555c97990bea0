//! Which results are on which page.

use std::ops::Range;

/// The number of results on a page.
const PAGE_SIZE: usize = 60;

/// A page among all pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pager {
    /// From 1.
    pub(crate) page: usize,
    /// At least 1.
    pub(crate) pages: usize,
    pub(crate) total: usize,
}

impl Pager {
    /// The page nearest to the one that was asked for.
    pub(crate) fn new(asked: usize, total: usize) -> Self {
        let pages = total.div_ceil(PAGE_SIZE).max(1);
        Self { page: asked.clamp(1, pages), pages, total }
    }

    /// The positions of its results.
    pub(crate) fn range(self) -> Range<usize> {
        let start = (self.page - 1) * PAGE_SIZE;
        start..(start + PAGE_SIZE).min(self.total)
    }

    pub(crate) fn previous(self) -> Option<usize> {
        (self.page > 1).then(|| self.page - 1)
    }

    pub(crate) fn next(self) -> Option<usize> {
        (self.page < self.pages).then(|| self.page + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_cover_every_result_once() {
        for total in [0, 1, 59, 60, 61, 120, 100_000] {
            let pages = Pager::new(1, total).pages;
            let covered: Vec<usize> =
                (1..=pages).flat_map(|page| Pager::new(page, total).range()).collect();
            assert!(covered.into_iter().eq(0..total), "{total}");
        }
    }

    #[test]
    fn a_page_that_is_not_there_is_the_nearest_one() {
        assert_eq!(Pager::new(0, 100).page, 1);
        assert_eq!(Pager::new(9, 100).page, 2);
        assert_eq!(Pager::new(usize::MAX, 0), Pager { page: 1, pages: 1, total: 0 });
        assert_eq!(Pager::new(2, 100).next(), None);
        assert_eq!(Pager::new(2, 100).previous(), Some(1));
    }
}
