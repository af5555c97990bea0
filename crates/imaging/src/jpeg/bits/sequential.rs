//! Sequential scans: block after block, each whole.

use std::rc::Rc;

use super::{
    difference,
    huffman::{Code, SHORT_BITS},
    lookup::ones,
    pipe::{Halt, Pipe},
    scan::Grid,
    tables::Pair,
};
use crate::invert::SampleMap;

/// Coefficients in a block.
const BLOCK: u32 = 64;

/// A block takes less than this many bytes: 64 codes of 16 bits with values of 15, with a stuffed
/// zero after each byte.
const LONGEST_BLOCK: usize = 64 * 31 / 8 * 2;

/// How the blocks of one component are coded.
#[derive(Debug)]
pub(super) struct Channel {
    dc: Rc<Code>,
    ac: Rc<Code>,
    lookups: Pair,
    /// Of the bits that inversion flips, those that are flipped: all or none.
    mask: u64,
    /// How far the DC coefficients are lowered.
    shift: i32,
    /// The part of the shift that the blocks since the last restart have not brought in yet.
    pending: i32,
}

/// A sequential scan on its way.
#[derive(Debug)]
pub(in crate::jpeg) struct Scan {
    pipe: Pipe,
    grid: Grid,
    channels: Vec<Channel>,
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
    column: u32,
    row: u32,
    since_restart: u32,
    restarts: u8,
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Unit,
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
        channels: Vec<Channel>,
        restart_interval: u32,
        most_rows: u32,
    ) -> Self {
        let (pipe, place) = (Pipe::new(position), Place::default());
        Self { pipe, grid, channels, restart_interval, most_rows, place, next: Next::Unit }
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
                Next::Unit => self.units(data, out)?,
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

    /// Units until the next restart or the end. If the data run dry within one, it is as if that
    /// one had never begun.
    fn units(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), Halt> {
        let longest_unit = self.grid.units.len() * LONGEST_BLOCK;
        while self.next == Next::Unit {
            if data.len() - self.pipe.position() > longest_unit {
                self.unit(data, out)?;
                continue;
            }
            let (pipe, place, length) = (self.pipe, self.place, out.len());
            let pending: Vec<i32> = self.channels.iter().map(|channel| channel.pending).collect();
            if let Err(halt) = self.unit(data, out) {
                (self.pipe, self.place, self.next) = (pipe, place, Next::Unit);
                out.truncate(length);
                let channels = self.channels.iter_mut().zip(pending);
                channels.for_each(|(channel, pending)| channel.pending = pending);
                return Err(halt);
            }
        }
        Ok(())
    }

    fn unit(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), Halt> {
        for &slot in &self.grid.units {
            if let Some(channel) = self.channels.get_mut(slot) {
                channel.block(&mut self.pipe, data, out)?;
            }
        }
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
        self.next = Next::Unit;
        Ok(())
    }

    fn forget_predictions(&mut self) {
        self.channels.iter_mut().for_each(|channel| channel.pending = channel.shift);
    }
}

impl Channel {
    pub(super) fn new(
        (dc, ac): (Rc<Code>, Rc<Code>),
        lookups: Pair,
        shift: i32,
        map: SampleMap,
    ) -> Self {
        let mask = u64::from_ne_bytes([map.mask(); 8]);
        Self { dc, ac, lookups, mask, shift, pending: shift }
    }

    #[inline]
    fn block(&mut self, pipe: &mut Pipe, data: &[u8], out: &mut Vec<u8>) -> Result<(), Halt> {
        let (mut lookup, mut done) = (&*self.lookups.at_start, 0);
        if self.pending != 0 {
            difference::shift(pipe, data, out, &self.dc, &mut self.pending)?;
            (lookup, done) = (&*self.lookups.within, 1);
        }
        let mut view = pipe.view();
        loop {
            if view.left() < SHORT_BITS {
                pipe.set_view(view);
                pipe.refill(data, out);
                view = pipe.view();
            }
            let stretch = lookup.get(view.peek());
            let after = done + stretch.advance();
            let ends = if after > BLOCK || stretch.bits() > view.left() {
                // Long codes, the last bits, and blocks that end within the stretch.
                pipe.set_view(view);
                let ends = self.symbol(pipe, data, out, &mut done)?;
                view = pipe.view();
                ends
            } else {
                view.pass(stretch.bits(), stretch.flips() & self.mask);
                done = after;
                stretch.ends_block()
            };
            if ends || done == BLOCK {
                pipe.set_view(view);
                return Ok(());
            }
            lookup = &self.lookups.within;
        }
    }

    /// One symbol; whether it is the end of the block.
    #[cold]
    fn symbol(
        &self,
        pipe: &mut Pipe,
        data: &[u8],
        out: &mut Vec<u8>,
        done: &mut u32,
    ) -> Result<bool, Halt> {
        pipe.fill(data, out);
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
        let bits = symbol.length + size;
        if bits > pipe.left() {
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
        pipe.pass(bits, (ones(size) >> symbol.length) & self.mask);
        Ok(ends)
    }
}
