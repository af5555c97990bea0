//! Which coefficients the scans have told so far: a file that ends between two scans looks like one
//! that only lacks its end mark.

use super::scan::Header;
use crate::{
    Error,
    jpeg::segments::{Frame, Segment},
};

/// For each component, the lowest bit told of each coefficient.
#[derive(Debug, Default)]
pub(in crate::jpeg) struct Told {
    components: Vec<[Option<u8>; 64]>,
}

impl Told {
    /// Takes the header of a scan.
    pub(in crate::jpeg) fn take(&mut self, scan: Segment<'_>, frame: &Frame) -> Result<(), Error> {
        let header = Header::read(scan.body, frame)?;
        self.components.resize(frame.components.len(), [None; 64]);
        let (first, last, bit) = if frame.is_progressive {
            (header.band.0, header.band.1, header.bits.1)
        } else {
            (0, 63, 0)
        };
        for selected in &header.components {
            let lowest = self.components.get_mut(selected.place).into_iter().flatten();
            let band = lowest.take(usize::from(last) + 1).skip(first.into());
            band.for_each(|lowest| *lowest = Some(bit));
        }
        Ok(())
    }

    /// Whether nothing is left for another scan.
    pub(in crate::jpeg) fn is_everything(&self) -> bool {
        !self.components.is_empty()
            && self.components.iter().flatten().all(|lowest| *lowest == Some(0))
    }
}
