//! ICO: a folder of small PNGs and bitmaps, each processed in its own way.

use crate::{
    Error, Format, Output, Path, Phases, bmp::Bitmap, cursor::Cursor, png, request::Request,
};

const HEADER_BYTES: usize = 6;
const ENTRY_BYTES: usize = 16;

pub(crate) fn process(request: &Request<'_>) -> Result<Output, Error> {
    let mut cursor = Cursor::new(request.input, Format::Ico);
    cursor.take(4)?;
    let count = usize::from(cursor.u16_le()?);
    request.limits.check_frames(count as u32)?;
    request.limits.check_memory(2 * request.input.len() as u64)?;
    let entries = (0..count).map(|_| Entry::read(&mut cursor, request.input));
    let entries = entries.collect::<Result<Vec<_>, _>>()?;
    let icons = entries.iter().map(|entry| process_entry(request, entry));
    let icons = icons.collect::<Result<Vec<_>, _>>()?;
    let largest = icons.iter().max_by_key(|icon| u64::from(icon.width) * u64::from(icon.height));
    let Some(&Icon { width, height, .. }) = largest else {
        return Err(Error::corrupt(Format::Ico, "it holds no picture"));
    };
    let is_palette = icons.iter().all(|icon| icon.path == Path::Palette);
    Ok(Output {
        bytes: join(request.input, &entries, &icons),
        format: Format::Ico,
        width,
        height,
        frames: count as u32,
        path: if is_palette { Path::Palette } else { Path::Pixels },
        notes: icons.into_iter().flat_map(|icon| icon.notes).collect(),
        phases: Phases::default(),
    })
}

#[derive(Debug)]
struct Entry<'a> {
    /// Size, colours and depth as the directory has them.
    description: [u8; 8],
    data: &'a [u8],
}

impl<'a> Entry<'a> {
    fn read(cursor: &mut Cursor<'a>, input: &'a [u8]) -> Result<Self, Error> {
        let description = cursor.array()?;
        let (length, start) = (cursor.u32_le()? as usize, cursor.u32_le()? as usize);
        let data = start.checked_add(length).and_then(|end| input.get(start..end));
        let data = data.ok_or_else(|| Error::truncated(Format::Ico))?;
        Ok(Self { description, data })
    }
}

#[derive(Debug)]
struct Icon {
    bytes: Vec<u8>,
    width: u32,
    height: u32,
    path: Path,
    notes: Vec<String>,
}

fn process_entry(request: &Request<'_>, entry: &Entry<'_>) -> Result<Icon, Error> {
    if entry.data.starts_with(b"\x89PNG") {
        let output = png::process(&Request { input: entry.data, ..*request })?;
        let Output { bytes, width, height, path, notes, .. } = output;
        return Ok(Icon { bytes, width, height, path, notes });
    }
    let mut cursor = Cursor::new(entry.data, Format::Ico);
    let bitmap = Bitmap::read(&mut cursor)?.with_half_height()?;
    request.limits.check_size(bitmap.width, bitmap.height)?;
    let mut bytes = entry.data.to_vec();
    bitmap.map(request.map, &mut bytes, 0, None)?;
    let path = if bitmap.is_indexed() { Path::Palette } else { Path::Pixels };
    let (width, height) = (bitmap.width, bitmap.height);
    Ok(Icon { bytes, width, height, path, notes: Vec::new() })
}

/// The icons with a new directory, since PNGs change their length.
fn join(input: &[u8], entries: &[Entry<'_>], icons: &[Icon]) -> Vec<u8> {
    let mut bytes = input.get(..HEADER_BYTES).unwrap_or_default().to_vec();
    let mut start = HEADER_BYTES + ENTRY_BYTES * entries.len();
    for (entry, icon) in entries.iter().zip(icons) {
        bytes.extend(entry.description);
        bytes.extend((icon.bytes.len() as u32).to_le_bytes());
        bytes.extend((start as u32).to_le_bytes());
        start += icon.bytes.len();
    }
    icons.iter().for_each(|icon| bytes.extend(&icon.bytes));
    bytes
}
