//! What has to be known of the blocks of a progressive picture.

use crate::{
    Error,
    jpeg::{
        bits::scan::{Extent, Header},
        segments::{Component, Frame},
    },
};

/// The blocks of one component.
#[derive(Debug)]
pub(super) struct Plane {
    /// Blocks in a row, those included that only fill the last unit up.
    pub(super) across: usize,
    /// The DC coefficients, first as they were, then as they will be.
    pub(super) dc: Vec<i16>,
    /// For each block, one bit for each coefficient that is not zero so far.
    pub(super) history: Vec<u64>,
    /// The lowest bit of the DC coefficients that any scan gives.
    pub(super) lowest_bit: u8,
}

/// What a block costs here.
const BLOCK_BYTES: u64 = 10;

impl Plane {
    fn new(extent: &Extent, component: &Component) -> Self {
        let (across, down) = extent.padded_blocks(component);
        let blocks = across as usize * down as usize;
        Self {
            across: across as usize,
            dc: vec![0; blocks],
            history: vec![0; blocks],
            lowest_bit: 0,
        }
    }

    /// Turns every DC coefficient round and lowers it by `shift`.
    pub(super) fn invert_dc(&mut self, shift: i32) {
        let half = (1 << self.lowest_bit) >> 1;
        for dc in &mut self.dc {
            // Bits that no scan gives cannot be written either.
            let rounded = (-i32::from(*dc) - shift + half) >> self.lowest_bit << self.lowest_bit;
            *dc = rounded.clamp(i16::MIN.into(), i16::MAX.into()) as i16;
        }
    }
}

pub(super) fn memory_bytes(frame: &Frame) -> u64 {
    let extent = Extent::of(frame);
    let blocks = frame.components.iter().map(|component| {
        let (across, down) = extent.padded_blocks(component);
        u64::from(across) * u64::from(down)
    });
    blocks.sum::<u64>() * BLOCK_BYTES
}

pub(super) fn planes(frame: &Frame) -> Vec<Plane> {
    let extent = Extent::of(frame);
    frame.components.iter().map(|component| Plane::new(&extent, component)).collect()
}

/// The blocks of a scan in their order, each with its slot in the scan and its place in the plane.
#[derive(Debug)]
pub(super) struct Order {
    across: usize,
    down: usize,
    /// The blocks of one unit: slot, row and column within the unit.
    unit: Vec<(usize, usize, usize)>,
    slots: Vec<Slot>,
}

/// Where the blocks of a component lie.
#[derive(Debug)]
struct Slot {
    /// Blocks that a unit moves on by, along and down.
    step: (usize, usize),
    across: usize,
}

/// One block of a scan.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) slot: usize,
    /// Its number in its plane.
    pub(super) block: usize,
}

impl Order {
    pub(super) fn new(header: &Header, frame: &Frame, planes: &[Plane]) -> Result<Self, Error> {
        let grid = header.grid(frame);
        let is_single = header.components.len() == 1;
        let mut order = Self {
            across: grid.across as usize,
            down: grid.down as usize,
            unit: Vec::new(),
            slots: Vec::new(),
        };
        for (slot, selected) in header.components.iter().enumerate() {
            let plane = planes.get(selected.place);
            let across = plane.ok_or_else(super::no_such_component)?.across;
            let (h, v) = (selected.component.horizontal.into(), selected.component.vertical.into());
            let step = if is_single { (1, 1) } else { (h, v) };
            order.slots.push(Slot { step, across });
            let rows =
                (0..step.1).flat_map(|row| (0..step.0).map(move |column| (slot, row, column)));
            order.unit.extend(rows);
        }
        Ok(order)
    }

    /// Goes through all units; `visit` gets the blocks of each, and how many units came before.
    pub(super) fn units<E>(
        &self,
        mut visit: impl FnMut(usize, &mut dyn Iterator<Item = Place>) -> Result<(), E>,
    ) -> Result<(), E> {
        for number in 0..self.across * self.down {
            let (x, y) = (number % self.across, number / self.across);
            let mut places = self.unit.iter().filter_map(|&(slot, row, column)| {
                let Slot { step, across } = self.slots.get(slot)?;
                let block = (y * step.1 + row) * across + x * step.0 + column;
                Some(Place { slot, block })
            });
            visit(number, &mut places)?;
        }
        Ok(())
    }
}
