//! What a scan holds: which components, with which tables, in how many blocks.

use crate::{
    Error, Format,
    cursor::Cursor,
    jpeg::segments::{Component, Frame},
};

/// The header of a scan.
#[derive(Debug, Clone)]
pub(super) struct Header {
    pub(super) components: Vec<Selected>,
    /// First and last coefficient, in zigzag order.
    pub(super) band: (u8, u8),
    /// The lowest bit that earlier scans gave, and the one that this scan gives.
    pub(super) bits: (u8, u8),
}

/// A component of the scan.
#[derive(Debug, Clone, Copy)]
pub(super) struct Selected {
    /// Its place in the frame.
    pub(super) place: usize,
    pub(super) component: Component,
    /// The numbers of its Huffman tables.
    pub(super) dc: usize,
    pub(super) ac: usize,
}

impl Header {
    pub(super) fn read(body: &[u8], frame: &Frame) -> Result<Self, Error> {
        let mut cursor = Cursor::new(body, Format::Jpeg);
        let count = cursor.u8()?;
        if !(1..=4).contains(&count) {
            return Err(broken("a scan has an impossible number of components"));
        }
        let components = (0..count).map(|_| Selected::read(&mut cursor, frame));
        let components = components.collect::<Result<Vec<_>, _>>()?;
        let (first, last, bits) = (cursor.u8()?, cursor.u8()?, cursor.u8()?);
        let header = Self { components, band: (first, last), bits: (bits >> 4, bits & 15) };
        if header.has_twice() {
            return Err(broken("a scan names a component twice"));
        }
        Ok(header)
    }

    fn has_twice(&self) -> bool {
        let places = || self.components.iter().map(|selected| selected.place);
        (1..).zip(places()).any(|(next, place)| places().skip(next).any(|other| other == place))
    }

    /// How the blocks of the scan follow one another.
    pub(super) fn grid(&self, frame: &Frame) -> Grid {
        let whole = Extent::of(frame);
        if let [single] = self.components.as_slice() {
            let (across, down) = whole.blocks(&single.component);
            return Grid { across, down, units: vec![0] };
        }
        let units = (0..).zip(&self.components).flat_map(|(slot, selected)| {
            let count = selected.component.horizontal * selected.component.vertical;
            std::iter::repeat_n(slot, count.into())
        });
        Grid { across: whole.units_across, down: whole.units_down, units: units.collect() }
    }
}

impl Selected {
    fn read(cursor: &mut Cursor<'_>, frame: &Frame) -> Result<Self, Error> {
        let (id, tables) = (cursor.u8()?, cursor.u8()?);
        let mut numbered = frame.components.iter().enumerate();
        let (place, &component) = numbered
            .find(|(_, component)| component.id == id)
            .ok_or_else(|| broken("a scan names a component that is not there"))?;
        Ok(Self { place, component, dc: (tables >> 4).into(), ac: (tables & 15).into() })
    }
}

/// The order of blocks in a scan: unit by unit, along rows.
#[derive(Debug, Clone)]
pub(super) struct Grid {
    /// Units in a row.
    pub(super) across: u32,
    /// Rows of units; 0 if the height is not known yet.
    pub(super) down: u32,
    /// The blocks of one unit, each by its component's slot in the scan.
    pub(super) units: Vec<usize>,
}

/// How far the picture reaches, in units of all its components.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    width: u32,
    height: u32,
    horizontal: u32,
    vertical: u32,
    pub(super) units_across: u32,
    pub(super) units_down: u32,
}

impl Extent {
    pub(super) fn of(frame: &Frame) -> Self {
        let most = |factor: fn(&Component) -> u8| frame.components.iter().map(factor).max();
        let horizontal = u32::from(most(|component| component.horizontal).unwrap_or(1));
        let vertical = u32::from(most(|component| component.vertical).unwrap_or(1));
        let (width, height) = (u32::from(frame.width), u32::from(frame.height));
        Self {
            width,
            height,
            horizontal,
            vertical,
            units_across: width.div_ceil(8 * horizontal),
            units_down: height.div_ceil(8 * vertical),
        }
    }

    /// The blocks of a component in a scan of its own, across and down.
    pub(super) fn blocks(&self, component: &Component) -> (u32, u32) {
        let across = (self.width * u32::from(component.horizontal)).div_ceil(self.horizontal);
        let down = (self.height * u32::from(component.vertical)).div_ceil(self.vertical);
        (across.div_ceil(8), down.div_ceil(8))
    }

    /// The blocks of a component that whole units need, across and down.
    pub(super) fn padded_blocks(&self, component: &Component) -> (u32, u32) {
        let across = self.units_across * u32::from(component.horizontal);
        (across, self.units_down * u32::from(component.vertical))
    }
}

pub(super) fn broken(what: &str) -> Error {
    Error::corrupt(Format::Jpeg, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(width: u16, height: u16, sampling: &[(u8, u8)]) -> Frame {
        let component =
            |(id, &(horizontal, vertical))| Component { id, horizontal, vertical, table: 0 };
        let components = (1..).zip(sampling).map(component).collect();
        Frame { width, height, is_progressive: false, components }
    }

    #[test]
    fn a_scan_of_all_components_goes_by_units() {
        let frame = frame(17, 33, &[(2, 2), (1, 1), (1, 1)]);
        let header = Header::read(&[3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0], &frame).unwrap();
        let grid = header.grid(&frame);
        assert_eq!((grid.across, grid.down), (2, 3));
        assert_eq!(grid.units, [0, 0, 0, 0, 1, 2]);
    }

    #[test]
    fn a_scan_of_one_component_has_no_more_blocks_than_it_needs() {
        let frame = frame(17, 33, &[(2, 2), (1, 1), (1, 1)]);
        let blocks = |id| {
            let grid = Header::read(&[1, id, 0x00, 0, 63, 0], &frame).unwrap().grid(&frame);
            assert_eq!(grid.units, [0]);
            (grid.across, grid.down)
        };
        assert_eq!([blocks(1), blocks(2)], [(3, 5), (2, 3)]);
    }

    #[test]
    fn gray_with_needless_sampling_factors_is_plain() {
        let frame = frame(20, 9, &[(2, 2)]);
        let grid = Header::read(&[1, 1, 0x00, 0, 63, 0], &frame).unwrap().grid(&frame);
        assert_eq!((grid.across, grid.down), (3, 2));
    }

    #[test]
    fn impossible_scans_are_refused() {
        let frame = frame(8, 8, &[(1, 1), (1, 1)]);
        for body in [&[0][..], &[5], &[1, 9, 0, 0, 63, 0], &[2, 1, 0, 1, 0, 0, 63, 0], &[1, 1, 0]] {
            assert!(Header::read(body, &frame).is_err(), "{body:?}");
        }
    }
}
