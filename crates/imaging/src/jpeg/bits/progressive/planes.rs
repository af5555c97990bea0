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
    /// For each block of a scan of its own, one bit for each coefficient that is not zero so far.
    pub(super) history: Vec<u64>,
    /// How far inversion lowers the DC coefficients, by the step that their first scan finds.
    pub(super) shift: Option<i32>,
    /// The lowest bit of the DC coefficients that any scan gives.
    pub(super) lowest_bit: u8,
    /// Whether any scan refines its AC coefficients.
    pub(super) is_refined: bool,
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
            shift: None,
            lowest_bit: 0,
            is_refined: false,
        }
    }

    /// Turns every DC coefficient round and lowers it by the shift.
    pub(super) fn invert_dc(&mut self) {
        let shift = self.shift.unwrap_or(0);
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
    pub(super) across: usize,
    pub(super) down: usize,
    unit: Vec<Member>,
}

/// A block of each unit.
#[derive(Debug)]
struct Member {
    slot: usize,
    /// Its place in the plane in the first unit.
    first: usize,
    /// Places that a unit moves on by, along and down.
    step: (usize, usize),
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
        let mut unit = Vec::new();
        for (slot, selected) in header.components.iter().enumerate() {
            let plane = planes.get(selected.place);
            let width = plane.ok_or_else(super::no_such_component)?.across;
            let (h, v) = (selected.component.horizontal.into(), selected.component.vertical.into());
            let (along, down) = if is_single { (1, 1) } else { (h, v) };
            let step = (along, down * width);
            let firsts = (0..down).flat_map(|row| (0..along).map(move |x| row * width + x));
            unit.extend(firsts.map(|first| Member { slot, first, step }));
        }
        Ok(Self { across: grid.across as usize, down: grid.down as usize, unit })
    }

    /// The components of the blocks of a unit, by their slots.
    pub(super) fn slots(&self) -> impl Iterator<Item = usize> {
        self.unit.iter().map(|member| member.slot)
    }

    /// Goes through all units; `visit` gets the blocks of each, and how many units came before.
    #[inline]
    pub(super) fn units<E>(
        &self,
        mut visit: impl FnMut(usize, &[Place]) -> Result<(), E>,
    ) -> Result<(), E> {
        let place = |member: &Member| Place { slot: member.slot, block: 0 };
        let mut places: Vec<Place> = self.unit.iter().map(place).collect();
        for row in 0..self.down {
            for (place, member) in places.iter_mut().zip(&self.unit) {
                place.block = member.first + row * member.step.1;
            }
            for column in 0..self.across {
                visit(row * self.across + column, &places)?;
                let pairs = places.iter_mut().zip(&self.unit);
                pairs.for_each(|(place, member)| place.block += member.step.0);
            }
        }
        Ok(())
    }
}
