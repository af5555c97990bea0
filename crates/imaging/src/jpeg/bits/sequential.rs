//! Sequential scans: block after block, each whole.

use std::sync::Arc;

use super::{
    burst::{self, BLOCK},
    difference,
    huffman::Code,
    lookup::{Lookup, REACH_BITS, ones},
    pipe::{Halt, Pipe},
    scan::Grid,
    stage::Stage,
};
use crate::invert::SampleMap;

/// A block takes less than this many bytes: 64 codes of 16 bits with values of 15, with a stuffed
/// zero after each byte.
const LONGEST_BLOCK: usize = 64 * 31 / 8 * 2;

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
    /// The part of the shift that the blocks since the last restart have not brought in yet.
    pending: i32,
}

/// A sequential scan on its way.
#[derive(Debug)]
pub(in crate::jpeg) struct Scan {
    pipe: Pipe,
    stage: Stage,
    grid: Grid,
    coding: Coding,
    /// Units between restarts; 0 without any.
    restart_interval: u32,
    /// Rows that the limits allow, for files that tell their height at the end.
    most_rows: u32,
    place: Place,
    next: Next,
}

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
        Self {
            pipe: Pipe::new(position),
            stage: Stage::default(),
            grid,
            coding,
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
        loop {
            match self.next {
                Next::Block => self.blocks(data, out)?,
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

    /// Blocks until the next restart or the end. If the data run dry within one, it is as if that
    /// one had never begun.
    fn blocks(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), Halt> {
        while self.next == Next::Block {
            if self.burst(data, out) {
                continue;
            }
            if data.len() - self.pipe.position() > LONGEST_BLOCK {
                self.block(data, out)?;
                continue;
            }
            let (pipe, place, length) = (self.pipe, self.place, out.len());
            let pending = self.channel().map(|channel| channel.pending);
            if let Err(halt) = self.block(data, out) {
                (self.pipe, self.place, self.next) = (pipe, place, Next::Block);
                out.truncate(length);
                if let (Some(channel), Some(pending)) = (self.channel(), pending) {
                    channel.pending = pending;
                }
                return Err(halt);
            }
        }
        Ok(())
    }

    /// That of the block that is next.
    fn channel(&mut self) -> Option<&mut Channel> {
        let slot = *self.grid.units.get(self.place.slot)?;
        self.coding.channels.get_mut(slot)
    }

    /// Goes on fast, up to the last block before something else is due; whether it did.
    fn burst(&mut self, data: &[u8], out: &mut Vec<u8>) -> bool {
        let channels = &self.coding.channels;
        if channels.iter().any(|channel| channel.pending != 0) {
            return false;
        }
        let blocks = self.plain_blocks();
        if blocks < SHORTEST_BURST || !self.pipe.lend(data, &mut self.stage) {
            return false;
        }
        let channels = self.grid.units.iter().filter_map(|&slot| channels.get(slot));
        let Some(unit) = burst::Unit::new(channels.map(Channel::coding)) else { return false };
        let start = burst::Position {
            bit: self.stage.first_bit(),
            slot: self.place.slot,
            done: self.place.done,
            blocks: 0,
        };
        let mut lanes = self.stage.lanes(self.coding.mask());
        let end = burst::run(&mut lanes, &unit, start, blocks);
        if !self.pipe.give_back(&self.stage, end.bit, out) {
            return false;
        }
        let units = (start.slot + end.blocks) / self.grid.units.len();
        self.place.pass(units as u32, self.grid.across);
        (self.place.slot, self.place.done) = (end.slot, end.done);
        true
    }

    /// Blocks, from the one that is begun, after which nothing but the next one is due.
    fn plain_blocks(&self) -> usize {
        let Place { slot, column, row, since_restart, .. } = self.place;
        let rows = self.grid.down.saturating_sub(row);
        let to_end = (rows.saturating_mul(self.grid.across)).saturating_sub(column);
        let to_restart = match self.restart_interval {
            0 => u32::MAX,
            interval => interval - since_restart,
        };
        let units = to_end.min(to_restart) as usize;
        units.saturating_mul(self.grid.units.len()).saturating_sub(slot + 1)
    }

    fn block(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), Halt> {
        let mask = self.coding.mask();
        let slot = self.grid.units.get(self.place.slot);
        if let Some(channel) = slot.and_then(|&slot| self.coding.channels.get_mut(slot)) {
            let mut bits = Bits { pipe: &mut self.pipe, data, out, mask };
            channel.block(&mut bits, self.place.done)?;
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
        let channels = self.coding.channels.iter_mut();
        channels.for_each(|channel| channel.pending = channel.shift);
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
        Self { dc, ac, lookup, shift, pending: shift }
    }

    fn coding(&self) -> burst::Coding<'_> {
        burst::Coding { dc: &self.dc, ac: &self.ac, lookup: &self.lookup }
    }

    /// One block, of which so many coefficients are done already.
    fn block(&mut self, bits: &mut Bits<'_>, mut done: u32) -> Result<(), Halt> {
        if self.pending != 0 && done == 0 {
            difference::shift(bits.pipe, bits.data, bits.out, &self.dc, &mut self.pending)?;
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
