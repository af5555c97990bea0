//! The tables that segments before a scan define, each good until the next of its number.

use std::sync::Arc;

use super::{
    huffman::Code,
    lookup::Lookup,
    scan::broken,
    standard::{known_code, known_lookup},
};
use crate::{
    Error, Format,
    cursor::Cursor,
    jpeg::segments::{self, DHT, DQT, DRI, Segment},
};

/// The tables in force.
#[derive(Debug, Clone, Default)]
pub(in crate::jpeg) struct Tables {
    quantisation: segments::Quantisation,
    dc: [Option<Arc<Code>>; 4],
    ac: [Option<Arc<Code>>; 4],
    pub(super) restart_interval: u16,
}

impl Tables {
    /// Takes what a segment defines, if anything.
    pub(in crate::jpeg) fn take(&mut self, segment: &Segment<'_>) -> Result<(), Error> {
        match segment.marker {
            DQT => segments::read_quantisation(segment.body, &mut self.quantisation),
            DHT => self.take_huffman(segment.body),
            DRI => {
                self.restart_interval = Cursor::new(segment.body, Format::Jpeg).u16_be()?;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn take_huffman(&mut self, body: &[u8]) -> Result<(), Error> {
        let mut cursor = Cursor::new(body, Format::Jpeg);
        while !cursor.rest().is_empty() {
            let kind = cursor.u8()?;
            let counts: [u8; 16] = cursor.array()?;
            let symbols = cursor.take(counts.iter().copied().map(usize::from).sum())?;
            let code = known_code(&counts, symbols)
                .or_else(|| Code::new(&counts, symbols).map(Arc::new))
                .ok_or_else(|| broken("a Huffman table has more codes than bits allow"))?;
            let class = match kind >> 4 {
                0 => &mut self.dc,
                1 => &mut self.ac,
                _ => return Err(broken("a Huffman table is of no known class")),
            };
            let slot = class.get_mut(usize::from(kind & 15));
            *slot.ok_or_else(|| broken("a Huffman table has a wrong number"))? = Some(code);
        }
        Ok(())
    }

    /// The step of a component's DC coefficients.
    pub(super) fn dc_step(&self, table: u8) -> Result<u16, Error> {
        let table = self.quantisation.get(usize::from(table)).and_then(Option::as_ref);
        let [step, ..] = table.ok_or_else(|| broken("a quantisation table is missing"))?;
        Ok(*step)
    }

    pub(super) fn dc(&self, number: usize) -> Result<Arc<Code>, Error> {
        get(&self.dc, number)
    }

    pub(super) fn ac(&self, number: usize) -> Result<Arc<Code>, Error> {
        get(&self.ac, number)
    }
}

fn get(tables: &[Option<Arc<Code>>; 4], number: usize) -> Result<Arc<Code>, Error> {
    let table = tables.get(number).and_then(Option::as_ref);
    table.cloned().ok_or_else(|| broken("a scan uses a Huffman table that is not there"))
}

/// Lookups that are made already, by the numbers of their tables: components often share theirs,
/// and then share the processor's cache too.
#[derive(Debug, Default)]
pub(super) struct Lookups(Vec<((usize, usize), Arc<Lookup>)>);

impl Lookups {
    pub(super) fn get(
        &mut self,
        (dc_number, dc): (usize, &Arc<Code>),
        (ac_number, ac): (usize, &Arc<Code>),
    ) -> Arc<Lookup> {
        let numbers = (dc_number, ac_number);
        if let Some((_, lookup)) = self.0.iter().find(|(known, _)| *known == numbers) {
            return Arc::clone(lookup);
        }
        let known = known_lookup(dc, ac);
        let lookup = known.unwrap_or_else(|| Lookup::new(dc, ac).into());
        self.0.push((numbers, Arc::clone(&lookup)));
        lookup
    }
}
