//! Progressive pictures: the same coefficients in several scans, each a band of them or one more
//! bit.
//!
//! The whole file has to be there: the DC coefficients are read from all their scans before the
//! first is written (see [`dc`]). Nothing else is held but one bit for each coefficient.

mod ac;
mod dc;
mod planes;

use std::sync::Arc;

use ac::{Band, Carrier};
use planes::{Order, Plane};

use super::{
    Halt, Picture, Tables,
    huffman::Code,
    pipe::Pipe,
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
    has_dc: bool,
    /// Whether a scan got another table than the file's own.
    has_other_tables: bool,
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
    pub(in crate::jpeg) fn new(frame: &Frame, limits: &Limits) -> Result<Self, Error> {
        limits.check_memory(planes::memory_bytes(frame))?;
        Ok(Self { planes: planes::planes(frame), has_dc: false, has_other_tables: false })
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
        if !self.has_dc {
            self.read_dc(picture, (piece, tables), (data, position))?;
            self.has_dc = true;
        }
        let order = Order::new(&header, picture.frame, &self.planes)?;
        if header.band.0 > 0 {
            out.extend(piece.raw);
            return self.carry_ac(&header, &order, picture.map, tables, (data, position), out);
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

    /// Reads the DC coefficients from their scans, of which the first is `piece`, and inverts them.
    fn read_dc(
        &mut self,
        picture: &Picture<'_>,
        (piece, tables): (&Piece<'_>, &Tables),
        (data, position): (&[u8], usize),
    ) -> Result<(), Failure> {
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
        for (place, plane) in self.planes.iter_mut().enumerate() {
            if picture.map == SampleMap::Invert {
                plane.invert_dc(picture.shift(place, &tables)?);
            }
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
        let codes = if header.bits.0 == 0 { codes(&header, tables)? } else { Vec::new() };
        let interval = tables.restart_interval.into();
        dc::read(&header, &order, &codes, interval, source, &mut self.planes)?;
        for selected in &header.components {
            if let Some(plane) = self.planes.get_mut(selected.place) {
                plane.lowest_bit = header.bits.1;
            }
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
        let (code, definition) = shortest.ok_or_else(no_code)?;
        let code = Arc::new(code);
        let codes: Vec<_> = header.components.iter().map(|_| Arc::clone(&code)).collect();
        let data = dc::write_differences(header, order, &codes, interval, &self.planes);
        for selected in &header.components {
            out.extend(definition.dc_segment(selected.dc as u8));
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
        let mask = u64::from_ne_bytes([map.mask(); 8]);
        let mut carrier = Carrier { code: &code, band, mask, empty_blocks: 0 };
        let (mut pipe, interval) = (Pipe::new(position), usize::from(tables.restart_interval));
        let is_first = header.bits.0 == 0;
        order.units(|number, places| {
            if let Some(number) = dc::due_restart(number, interval) {
                pipe.restart(data, out, number)?;
                carrier.empty_blocks = 0;
            }
            for place in places {
                let Some(history) = plane.history.get_mut(place.block) else { continue };
                if is_first {
                    carrier.first(&mut pipe, (data, &mut *out), history)?;
                } else {
                    carrier.refinement(&mut pipe, (data, &mut *out), history)?;
                }
            }
            Ok::<(), Halt>(())
        })?;
        pipe.align(out);
        match pipe.drain(data, out) {
            // The end mark is missing, and nothing else.
            Ok(()) | Err(Halt::Dry) => Ok(pipe.position()),
            Err(halt) => Err(halt.into()),
        }
    }
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
        let Some(found) = rest.iter().position(|&byte| byte == 0xff) else { return data.len() };
        match rest.get(found + 1) {
            Some(0x00 | 0xd0..=0xd7) => at += found + 2,
            Some(0xff) => at += found + 1,
            Some(_) => return at + found,
            None => return data.len(),
        }
    }
}
