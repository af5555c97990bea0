//! Sequential scans: block after block, each whole.

use std::{cell::OnceCell, sync::Arc};

use super::{
    burst::{self, BLOCK},
    difference,
    huffman::Code,
    lookup::{Lookup, REACH_BITS, ones},
    pipe::{Halt, Pipe},
    scan::Grid,
    stage::Stage,
    unit,
};
use crate::invert::SampleMap;

/// Fewer blocks are not worth the preparation.
const SHORTEST_BURST: usize = 8;

/// How the blocks of the components are coded.
#[derive(Debug)]
pub(super) struct Coding {
    pub(super) channels: Vec<Channel>,
    pub(super) map: SampleMap,
}

/// How the blocks of one component are coded.
#[derive(Debug)]
pub(super) struct Channel {
    dc: Arc<Code>,
    ac: Arc<Code>,
    lookup: Arc<Lookup>,
    /// How far the DC coefficients are lowered.
    shift: i32,
}

/// A sequential scan on its way.
#[derive(Debug)]
pub(in crate::jpeg) struct Scan {
    pipe: Pipe,
    stage: Stage,
    grid: Grid,
    coding: Arc<Coding>,
    /// By channel, the part of its shift that the blocks since the last restart have not brought in
    /// yet.
    pending: Vec<i32>,
    /// Units between restarts; 0 without any.
    restart_interval: u32,
    /// Rows that the limits allow, for files that tell their height at the end.
    most_rows: u32,
    place: Place,
    next: Next,
}

/// How the blocks are coded, and the unit of that, which is made when it is wanted.
type Unit<'a, 'b> = (&'a Coding, &'b OnceCell<Option<unit::Unit<'a>>>);

/// How far the scan is.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    /// The block in its unit, and the coefficients of it that are done.
    slot: usize,
    done: u32,
    column: u32,
    row: u32,
    since_restart: u32,
    restarts: u8,
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Block,
    /// Fills the last byte up, at a restart or at the end.
    Align {
        at_end: bool,
    },
    /// Lets stray bytes before the marker through.
    Drain {
        at_end: bool,
    },
    Restart,
    Nothing,
}

impl Scan {
    /// A scan whose data begin at `position`.
    pub(super) fn new(
        position: usize,
        grid: Grid,
        coding: Coding,
        restart_interval: u32,
        most_rows: u32,
    ) -> Self {
        let pending = coding.channels.iter().map(|channel| channel.shift).collect();
        Self {
            pipe: Pipe::new(position),
            stage: Stage::default(),
            grid,
            coding: Arc::new(coding),
            pending,
            restart_interval,
            most_rows,
            place: Place::default(),
            next: Next::Block,
        }
    }

    /// The first byte of the input that is not needed any more.
    pub(in crate::jpeg) fn position(&self) -> usize {
        self.pipe.position()
    }

    /// The input was cut off before its byte `by`.
    pub(in crate::jpeg) fn rebase(&mut self, by: usize) {
        self.pipe.rebase(by);
    }

    /// Goes as far as the data reach; `Ok` once the marker behind the scan is next.
    pub(in crate::jpeg) fn advance(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), Halt> {
        let coding = Arc::clone(&self.coding);
        let unit = OnceCell::new();
        loop {
            match self.next {
                Next::Block => self.blocks((&coding, &unit), data, out)?,
                Next::Align { at_end } => {
                    self.pipe.align(out);
                    self.next = Next::Drain { at_end };
                }
                Next::Drain { at_end } => {
                    self.pipe.drain(data, out)?;
                    self.next = if at_end { Next::Nothing } else { Next::Restart };
                }
                Next::Restart => self.restart(data, out)?,
                Next::Nothing => return Ok(()),
            }
        }
    }

    /// Whether every block is through, and only the marker behind them is missing.
    pub(in crate::jpeg) fn has_all_blocks(&self) -> bool {
        matches!(
            self.next,
            Next::Align { at_end: true } | Next::Drain { at_end: true } | Next::Nothing
        )
    }

    /// Blocks until the next restart or the end. If the data run dry within one, it is as if it
    /// had not gone on since it was last let be.
    fn blocks<'a>(
        &mut self,
        unit: Unit<'a, '_>,
        data: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Halt> {
        while self.next == Next::Block {
            if self.burst(unit, data, out)? {
                continue;
            }
            let (pipe, place, length) = (self.pipe, self.place, out.len());
            let pending = self.pending().copied();
            if let Err(halt) = self.block(data, out) {
                (self.pipe, self.place, self.next) = (pipe, place, Next::Block);
                out.truncate(length);
                if let (Some(now), Some(before)) = (self.pending(), pending) {
                    *now = before;
                }
                return Err(halt);
            }
        }
        Ok(())
    }

    /// What is pending for the block that is next.
    fn pending(&mut self) -> Option<&mut i32> {
        let channel = *self.grid.units.get(self.place.slot)?;
        self.pending.get_mut(channel)
    }

    /// Goes on fast, up to where something else is due; whether it did.
    fn burst<'a>(
        &mut self,
        (coding, unit): Unit<'a, '_>,
        data: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<bool, Halt> {
        let units = self.plain_units();
        let length = self.grid.units.len();
        let blocks = (units as usize).saturating_mul(length).saturating_sub(self.place.slot);
        if blocks < SHORTEST_BURST
            || self.pending.iter().any(|&pending| pending != 0)
            || !self.pipe.lend(data, &mut self.stage)
        {
            return Ok(false);
        }
        let unit = unit.get_or_init(|| unit::Unit::new(coding.of_units(&self.grid.units)));
        let Some(unit) = unit else { return Ok(false) };
        let start = burst::Position {
            bit: self.stage.first_bit(),
            slot: self.place.slot,
            done: self.place.done,
            blocks: 0,
        };
        let mut lanes = self.stage.lanes(self.coding.mask());
        let end = burst::run(&mut lanes, unit, start, blocks);
        if !self.pipe.give_back(&self.stage, end.bit, out) {
            return Ok(false);
        }
        (self.place.slot, self.place.done) = (end.slot, end.done);
        let passed = ((start.slot + end.blocks) / length) as u32;
        if passed < units {
            self.place.pass(passed, self.grid.across);
        } else {
            self.place.pass(passed - 1, self.grid.across);
            self.step(data, out)?;
        }
        Ok(true)
    }

    /// Units, with the one that is begun, up to the next restart or the end.
    fn plain_units(&self) -> u32 {
        let Place { column, row, since_restart, .. } = self.place;
        let rows = self.grid.down.saturating_sub(row);
        let to_end = (rows.saturating_mul(self.grid.across)).saturating_sub(column);
        match self.restart_interval {
            0 => to_end,
            interval => to_end.min(interval - since_restart),
        }
    }

    fn block(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), Halt> {
        let mask = self.coding.mask();
        let channel = self.grid.units.get(self.place.slot).copied().unwrap_or_default();
        if let (Some(pending), Some(channel)) =
            (self.pending.get_mut(channel), self.coding.channels.get(channel))
        {
            let mut bits = Bits { pipe: &mut self.pipe, data, out, mask };
            channel.block(&mut bits, pending, self.place.done)?;
        }
        self.place.slot += 1;
        self.place.done = 0;
        if self.place.slot < self.grid.units.len() {
            return Ok(());
        }
        self.place.slot = 0;
        self.step(data, out)
    }

    /// Where the unit that was just done leads to.
    fn step(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), Halt> {
        self.place.column += 1;
        self.place.since_restart += 1;
        if self.place.column == self.grid.across {
            self.place.column = 0;
            self.place.row += 1;
            if self.is_last_row(data, out)? {
                self.next = Next::Align { at_end: true };
                return Ok(());
            }
        }
        if self.place.since_restart == self.restart_interval {
            self.next = Next::Align { at_end: false };
        }
        Ok(())
    }

    fn is_last_row(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<bool, Halt> {
        if self.grid.down > 0 {
            return Ok(self.place.row == self.grid.down);
        }
        if self.place.row > self.most_rows {
            return Err(Halt::TooTall);
        }
        let is_at_end = self.pipe.is_at_end(data, out)?;
        Ok(is_at_end && !matches!(self.pipe.marker(data), None | Some((_, 0xd0..=0xd7))))
    }

    fn restart(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), Halt> {
        self.pipe.pass_restart(data, out, self.place.restarts)?;
        self.place.restarts = (self.place.restarts + 1) % 8;
        self.place.since_restart = 0;
        self.forget_predictions();
        self.next = Next::Block;
        Ok(())
    }

    fn forget_predictions(&mut self) {
        let channels = self.pending.iter_mut().zip(&self.coding.channels);
        channels.for_each(|(pending, channel)| *pending = channel.shift);
    }
}

impl Place {
    /// Goes on by so many units, none of which leads anywhere but to the next.
    fn pass(&mut self, units: u32, across: u32) {
        self.since_restart += units;
        let column = self.column + units;
        self.row += column / across;
        self.column = column % across;
    }
}

impl Coding {
    /// How the blocks of a unit are coded, by the channels that they are of.
    fn of_units<'a>(&'a self, units: &[usize]) -> impl Iterator<Item = unit::Coding<'a>> {
        units.iter().filter_map(|&channel| self.channels.get(channel)).map(Channel::coding)
    }

    /// Of the bits that inversion flips, those that are flipped: all or none.
    fn mask(&self) -> u64 {
        u64::from_ne_bytes([self.map.mask(); 8])
    }
}

/// Where the bits of a block come from and go to.
struct Bits<'a> {
    pipe: &'a mut Pipe,
    data: &'a [u8],
    out: &'a mut Vec<u8>,
    mask: u64,
}

impl Channel {
    pub(super) fn new((dc, ac): (Arc<Code>, Arc<Code>), lookup: Arc<Lookup>, shift: i32) -> Self {
        Self { dc, ac, lookup, shift }
    }

    fn coding(&self) -> unit::Coding<'_> {
        unit::Coding { dc: &self.dc, ac: &self.ac, lookup: &self.lookup }
    }

    /// One block, of which so many coefficients are done already.
    fn block(&self, bits: &mut Bits<'_>, pending: &mut i32, mut done: u32) -> Result<(), Halt> {
        if *pending != 0 && done == 0 {
            difference::shift(bits.pipe, bits.data, bits.out, &self.dc, pending)?;
            done = 1;
        }
        while done < BLOCK {
            if bits.pipe.left() < REACH_BITS {
                bits.pipe.refill(bits.data, bits.out);
            }
            let stretch = self.lookup.table(done).get(bits.pipe.peek());
            let after = done + stretch.advance();
            if after >= BLOCK || stretch.bits() > bits.pipe.left() {
                // Long codes, the last bits, and blocks that end within the stretch.
                if self.symbol(bits, &mut done)? {
                    break;
                }
                continue;
            }
            let flips = stretch.flips() << (u64::BITS - stretch.bits());
            bits.pipe.pass(stretch.bits(), flips & bits.mask);
            if stretch.ends() {
                break;
            }
            done = after;
        }
        Ok(())
    }

    /// One symbol; whether it is the end of the block.
    fn symbol(&self, bits: &mut Bits<'_>, done: &mut u32) -> Result<bool, Halt> {
        bits.pipe.fill(bits.data, bits.out);
        let pipe = &mut *bits.pipe;
        let code = if *done == 0 { &self.dc } else { &self.ac };
        let symbol = code.symbol(pipe.peek()).ok_or_else(|| difference::no_code(pipe))?;
        if symbol.length > pipe.left() {
            return Err(pipe.shortage());
        }
        let (run, size) = match *done {
            0 => (0, u32::from(symbol.value)),
            _ => (u32::from(symbol.value >> 4), u32::from(symbol.value & 15)),
        };
        if size > 15 {
            return Err(Halt::Broken("a difference is larger than eight bits allow"));
        }
        let length = symbol.length + size;
        if length > pipe.left() {
            return Err(pipe.shortage());
        }
        let ends = *done > 0 && symbol.value == 0;
        if *done > 0 && size == 0 && !matches!(run, 0 | 15) {
            return Err(Halt::Broken("a run of zeros has an impossible length"));
        }
        *done += run + 1;
        if *done > BLOCK {
            return Err(Halt::Broken("a block has more than 64 coefficients"));
        }
        pipe.pass(length, (ones(size) >> symbol.length) & bits.mask);
        Ok(ends)
    }
}
