//! The pages on which people look at the results.

mod html;
mod list;
mod page;
mod pager;

pub(crate) use list::{jobs, window};
pub(crate) use page::{Page, View, render};
pub(crate) use pager::Pager;

/// The style of every page.
pub(crate) const STYLE: &str = include_str!("../../assets/style.css");

/// The icon of every page.
pub(crate) const ICON: &str = include_str!("../../assets/favicon.svg");
