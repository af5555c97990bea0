//! JPEG by its entropy-coded bits: nothing is transformed, and most symbols are not even told
//! apart.
//!
//! In a JPEG a coefficient is a Huffman code for its size and then its amplitude, and the
//! amplitude of -v is that of v with all bits flipped. So flipping those bits negates the picture
//! around the middle, codes and lengths stay, and what is left to do is one level of brightness
//! (see [`difference`]). The steps:
//!
//! - [`pipe`] carries bits from input to output and flips what it is told to, [`sink`] makes bytes of
//!   them;
//! - [`huffman`] and [`lookup`] find the symbols, several by one look, with tables that are made for
//!   each file or, as [`standard`] knows, for all;
//! - [`burst`] is the innermost loop, over data that [`stage`] lays out for it, with the tables in
//!   the order that [`unit`] gives them;
//! - [`scan`] knows which blocks a scan holds, [`sequential`] goes through them, and
//!   [`progressive`] through those that are told in several scans;
//! - [`tables`] keeps what the segments before a scan define, [`told`] what scans have told.

mod burst;
mod difference;
mod huffman;
mod lookup;
mod pipe;
mod progressive;
mod scan;
mod sequential;
mod sink;
mod stage;
mod standard;
mod tables;
mod told;
mod unit;

pub(super) use pipe::Halt;
pub(super) use progressive::{Failure, Progressive};
pub(super) use sequential::Scan;
pub(super) use tables::Tables;
pub(super) use told::Told;

use sequential::{Channel, Coding};
use tables::Lookups;

use super::segments::{Frame, Segment};
use crate::{Error, invert::SampleMap};

/// What the scans of one picture have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Picture<'a> {
    pub(super) frame: &'a Frame,
    /// Whether all components are colours, so that all of them are counted from the middle.
    pub(super) is_rgb: bool,
    pub(super) map: SampleMap,
    /// Rows of pixels that the limits allow.
    pub(super) most_rows: u32,
}

impl Picture<'_> {
    /// Begins a sequential scan, whose header is `segment` and whose data begin at `position`.
    pub(super) fn sequential_scan(
        &self,
        segment: &Segment<'_>,
        tables: &Tables,
        position: usize,
    ) -> Result<Scan, Error> {
        let header = scan::Header::read(segment.body, self.frame)?;
        if header.band.0 != 0 || header.bits != (0, 0) {
            return Err(scan::broken("a scan of a sequential picture holds parts of coefficients"));
        }
        let mut lookups = Lookups::default();
        let channels = header.components.iter().map(|selected| {
            let (dc, ac) = (tables.dc(selected.dc)?, tables.ac(selected.ac)?);
            let lookup = lookups.get((selected.dc, &dc), (selected.ac, &ac));
            let shift = self.shift(selected.place, tables)?;
            Ok(Channel::new((dc, ac), lookup, shift))
        });
        let channels = channels.collect::<Result<Vec<_>, Error>>()?;
        let grid = header.grid(self.frame);
        let interval = tables.restart_interval.into();
        let coding = Coding { channels, map: self.map };
        Ok(Scan::new(position, grid, coding, interval, self.most_rows.div_ceil(8)))
    }

    /// How far inversion lowers the DC coefficients of the component at `place` beyond negating them, in steps.
    fn shift(&self, place: usize, tables: &Tables) -> Result<i32, Error> {
        let component = self.frame.components.get(place);
        let step = tables.dc_step(component.map_or(0, |component| component.table))?;
        let counts_from_zero = self.is_rgb || place == 0;
        let shifts = counts_from_zero && self.map == SampleMap::Invert;
        Ok(if shifts { difference::one_level(step) } else { 0 })
    }
}
