//! Progressive pictures: the same coefficients in several scans, each a band of them or one more
//! bit.
//!
//! The whole file has to be there: what a scan takes depends on those behind it, and DC coefficients
//! that are told by several scans are read from all of them before the first is written (see [`dc`]). Beside them one bit is held for each coefficient, and the data of
//! one scan up to its next restart.

mod ac;
mod dc;
mod interval;
mod plain;
mod planes;
mod stretch;

use std::sync::Arc;

use ac::{Band, First, Refinement};
use interval::Interval;
use plain::Plain;
use planes::{Order, Plane};
use stretch::{Lookup, Rules};

use super::{
    Halt, Picture, Tables,
    huffman::Code,
    scan::{Header, broken},
};
use crate::{
    Error, Limits,
    invert::SampleMap,
    jpeg::segments::{EOI, Frame, Piece, SOS, Segment, is_frame},
};

/// A progressive picture, some of whose scans have been carried over.
#[derive(Debug)]
pub(in crate::jpeg) struct Progressive {
    planes: Vec<Plane>,
    dc: Dc,
    /// Whether a scan got another table than the file's own.
    has_other_tables: bool,
    /// Room that scans take turns in.
    interval: Interval,
}

/// How the DC coefficients are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dc {
    /// That has to be found out.
    Unknown,
    /// Each by one scan, as a whole.
    Plain,
    /// By several scans, which have to be read.
    Several,
    /// As [`Several`](Self::Several), and they are read and inverted.
    Read,
}

/// Why a scan could not be carried over.
#[derive(Debug)]
pub(in crate::jpeg) enum Failure {
    Halt(Halt),
    Error(Error),
}

impl From<Halt> for Failure {
    fn from(halt: Halt) -> Self {
        Self::Halt(halt)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl Progressive {
    /// A picture in a file of so many bytes.
    pub(in crate::jpeg) fn new(
        frame: &Frame,
        input_bytes: usize,
        limits: &Limits,
    ) -> Result<Self, Error> {
        limits.check_memory(planes::memory_bytes(frame) + 2 * input_bytes as u64)?;
        Ok(Self {
            planes: planes::planes(frame),
            dc: Dc::Unknown,
            has_other_tables: false,
            interval: Interval::default(),
        })
    }

    /// Carries the scan over whose header is `piece` and whose data begin at `position`; returns
    /// where they end.
    pub(in crate::jpeg) fn scan(
        &mut self,
        picture: &Picture<'_>,
        piece: &Piece<'_>,
        tables: &Tables,
        (data, position): (&[u8], usize),
        out: &mut Vec<u8>,
    ) -> Result<usize, Failure> {
        let header = Header::read(piece.segment.body, picture.frame)?;
        check(&header)?;
        if self.dc == Dc::Unknown {
            self.look_ahead(picture.frame, piece, (data, position))?;
        }
        if self.dc == Dc::Several {
            self.read_dc(picture, (piece, tables), (data, position))?;
        }
        let order = Order::new(&header, picture.frame, &self.planes)?;
        if header.band.0 > 0 {
            out.extend(piece.raw);
            return self.carry_ac(&header, &order, picture.map, tables, (data, position), out);
        }
        if self.dc == Dc::Plain {
            let length = out.len();
            let source = (data, position);
            if let Some(end) =
                self.carry_dc(picture, &header, &order, (piece, tables), source, out)?
            {
                return Ok(end);
            }
            out.truncate(length);
            self.read_dc(picture, (piece, tables), (data, position))?;
        }
        let interval = tables.restart_interval.into();
        if header.bits.0 > 0 {
            out.extend(piece.raw);
            out.extend(dc::write_bits(&header, &order, interval, &self.planes));
        } else {
            self.write_differences(&header, &order, (piece, tables), out)?;
        }
        Ok(end_of_data(data, position))
    }

    /// Looks through all scans, of which the first is `piece`, for what the later ones bring.
    fn look_ahead(
        &mut self,
        frame: &Frame,
        piece: &Piece<'_>,
        (data, position): (&[u8], usize),
    ) -> Result<(), Failure> {
        let (mut segment, mut at) = (piece.segment, position);
        self.dc = Dc::Plain;
        loop {
            if segment.marker == SOS {
                let header = Header::read(segment.body, frame)?;
                check(&header)?;
                if header.band.0 == 0 && header.bits != (0, 0) {
                    self.dc = Dc::Several;
                }
                for selected in
                    header.components.iter().filter(|_| header.band.0 > 0 && header.bits.0 > 0)
                {
                    if let Some(plane) = self.planes.get_mut(selected.place) {
                        plane.is_refined = true;
                    }
                }
                at = end_of_data(data, at);
            } else if segment.marker == EOI || is_frame(segment.marker) {
                return Ok(());
            }
            let Some(piece) = Piece::find(data.get(at..).unwrap_or_default())? else {
                return Ok(());
            };
            at += piece.raw.len();
            segment = piece.segment;
        }
    }

    /// Carries a scan of whole DC coefficients over by its bits; `None` if that cannot be done.
    fn carry_dc(
        &mut self,
        picture: &Picture<'_>,
        header: &Header,
        order: &Order,
        (piece, tables): (&Piece<'_>, &Tables),
        (data, position): (&[u8], usize),
        out: &mut Vec<u8>,
    ) -> Result<Option<usize>, Failure> {
        let shifts =
            header.components.iter().map(|component| picture.shift(component.place, tables));
        let plain = Plain {
            order,
            codes: &codes(header, tables)?,
            shifts: &shifts.collect::<Result<Vec<_>, Error>>()?,
            restarts: tables.restart_interval.into(),
            mask: mask(picture.map),
        };
        out.extend(piece.raw);
        let bytes = end_of_data(data, position) - position;
        Ok(plain.carry(&mut self.interval, (data, position, bytes), out)?)
    }

    /// Reads the DC coefficients from their scans, of which the first is `piece`, and inverts them.
    fn read_dc(
        &mut self,
        picture: &Picture<'_>,
        (piece, tables): (&Piece<'_>, &Tables),
        (data, position): (&[u8], usize),
    ) -> Result<(), Failure> {
        self.dc = Dc::Read;
        let mut tables = tables.clone();
        self.read_dc_scan(picture, &piece.segment, &tables, (data, position))?;
        let mut at = end_of_data(data, position);
        while let Some(piece) = Piece::find(data.get(at..).unwrap_or_default())? {
            at += piece.raw.len();
            match piece.segment.marker {
                SOS => {
                    self.read_dc_scan(picture, &piece.segment, &tables, (data, at))?;
                    at = end_of_data(data, at);
                }
                marker if marker == EOI || is_frame(marker) => break,
                _ => tables.take(&piece.segment)?,
            }
        }
        if picture.map == SampleMap::Invert {
            self.planes.iter_mut().for_each(Plane::invert_dc);
        }
        Ok(())
    }

    fn read_dc_scan(
        &mut self,
        picture: &Picture<'_>,
        segment: &Segment<'_>,
        tables: &Tables,
        source: (&[u8], usize),
    ) -> Result<(), Failure> {
        let header = Header::read(segment.body, picture.frame)?;
        check(&header)?;
        if header.band.0 > 0 {
            return Ok(());
        }
        let order = Order::new(&header, picture.frame, &self.planes)?;
        self.check_order(&header)?;
        let codes = if header.bits.0 == 0 { codes(&header, tables)? } else { Vec::new() };
        let interval = tables.restart_interval.into();
        dc::read(&header, &order, &codes, interval, source, &mut self.planes)?;
        for selected in &header.components {
            let shift = picture.shift(selected.place, tables)?;
            if let Some(plane) = self.planes.get_mut(selected.place) {
                plane.shift.get_or_insert(shift);
                plane.lowest_bit = header.bits.1;
            }
        }
        Ok(())
    }

    /// A sign is told by the first scan of a coefficient, so that what is only refined cannot be
    /// turned round.
    fn check_order(&self, header: &Header) -> Result<(), Error> {
        let is_begun = |place: usize| self.planes.get(place).is_some_and(|it| it.shift.is_some());
        if header.bits.0 > 0 && !header.components.iter().all(|selected| is_begun(selected.place)) {
            return Err(broken("a scan refines coefficients that none has begun"));
        }
        Ok(())
    }

    /// The shift may bring differences that the file's own table has no code for; then the scan
    /// gets a table made for it.
    fn write_differences(
        &mut self,
        header: &Header,
        order: &Order,
        (piece, tables): (&Piece<'_>, &Tables),
        out: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        let interval = tables.restart_interval.into();
        let own = codes(header, tables)?;
        let write = |codes: &[Arc<Code>]| {
            dc::write_differences(header, order, codes, interval, &self.planes)
        };
        // Once another table is in the place of one, the file's own is not there any more.
        if let Some(data) = write(&own).filter(|_| !self.has_other_tables) {
            out.extend(piece.raw);
            out.extend(data);
            return Ok(());
        }
        self.has_other_tables = true;
        let no_code = || broken("a difference is larger than eight bits allow");
        let frequencies = dc::size_frequencies(header, order, interval, &self.planes);
        let shortest = frequencies.as_ref().and_then(Code::shortest);
        let code = Arc::new(shortest.ok_or_else(no_code)?);
        let codes: Vec<_> = header.components.iter().map(|_| Arc::clone(&code)).collect();
        let data = dc::write_differences(header, order, &codes, interval, &self.planes);
        for selected in &header.components {
            out.extend(code.dc_segment(selected.dc as u8));
        }
        out.extend(piece.raw);
        out.extend(data.ok_or_else(no_code)?);
        Ok(())
    }

    fn carry_ac(
        &mut self,
        header: &Header,
        order: &Order,
        map: SampleMap,
        tables: &Tables,
        (data, position): (&[u8], usize),
        out: &mut Vec<u8>,
    ) -> Result<usize, Failure> {
        let [selected] = header.components.as_slice() else {
            return Err(broken("a scan of AC coefficients has several components").into());
        };
        let plane = self.planes.get_mut(selected.place).ok_or_else(no_such_component)?;
        let code = tables.ac(selected.ac)?;
        let band = Band { first: header.band.0.into(), last: header.band.1.into() };
        let blocks = order.across * order.down;
        let mut history = plane.history.get_mut(..blocks).unwrap_or_default();
        let restarts = usize::from(tables.restart_interval);
        let bytes = end_of_data(data, position) - position;
        let (code, mask) = (&code, mask(map));
        let keeps_history = plane.is_refined;
        let rules = Rules { is_dc: false, keeps_history, places: band.places() };
        let first = (header.bits.0 == 0).then(|| First {
            code,
            rules,
            lookup: Lookup::new(code, rules, bytes),
            place: band.first,
            mask,
        });
        let refinement = Refinement { code, band, flips: mask != 0 };
        let mut begin = position;
        for number in 1.. {
            self.interval.read(data, begin);
            let count = if restarts == 0 { history.len() } else { restarts.min(history.len()) };
            let (blocks, later) = history.split_at_mut(count);
            match &first {
                Some(first) => {
                    first.carry(&mut self.interval, 0, count, blocks)?;
                }
                None => refinement.carry(&mut self.interval, blocks)?,
            }
            self.interval.write(out);
            if later.is_empty() {
                break;
            }
            let restart = self.interval.restart(data, number)?;
            begin = restart.end;
            out.extend(data.get(restart).unwrap_or_default());
            history = later;
        }
        Ok(self.interval.end())
    }
}

/// Of the bits that inversion flips, those that are flipped: all or none.
fn mask(map: SampleMap) -> u64 {
    u64::from_ne_bytes([map.mask(); 8])
}

fn codes(header: &Header, tables: &Tables) -> Result<Vec<Arc<Code>>, Error> {
    header.components.iter().map(|selected| tables.dc(selected.dc)).collect()
}

fn check(header: &Header) -> Result<(), Error> {
    let ((first, last), (before, bit)) = (header.band, header.bits);
    let is_band = if first == 0 { last == 0 } else { first <= last && last < 64 };
    if !is_band || bit > 13 || before > 0 && before != bit + 1 {
        return Err(broken("a progressive scan has impossible parameters"));
    }
    Ok(())
}

fn no_such_component() -> Error {
    broken("a scan names a component that is not there")
}

/// Where the next marker is that is no restart, or the end.
fn end_of_data(data: &[u8], from: usize) -> usize {
    let mut at = from;
    loop {
        let rest = data.get(at..).unwrap_or_default();
        let Some(found) = memchr::memchr(0xff, rest) else { return data.len() };
        match rest.get(found + 1) {
            Some(0x00 | 0xd0..=0xd7) => at += found + 2,
            Some(0xff) => at += found + 1,
            Some(_) => return at + found,
            None => return data.len(),
        }
    }
}
