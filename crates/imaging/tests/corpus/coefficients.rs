//! What a JPEG holds before any rounding: the quantised coefficients of all its blocks. Slow and
//! plain, after the standard (T.81), to judge what fast code made.

/// A whole JPEG of eight bits, sequential or progressive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Jpeg {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) components: Vec<Component>,
    pub(crate) is_progressive: bool,
    /// Of the Adobe segment, where there is one.
    pub(crate) adobe_transform: Option<u8>,
    pub(crate) has_jfif: bool,
    /// The last byte of each stretch of coded data is filled up with ones, as it has to be.
    pub(crate) is_filled_with_ones: bool,
    /// No table has two codes for one symbol.
    pub(crate) has_single_codes: bool,
    /// Every table for differences has codes for all that there can be.
    pub(crate) has_all_differences: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Component {
    pub(crate) id: u8,
    pub(crate) across: usize,
    pub(crate) down: usize,
    /// Steps in the order of the file.
    pub(crate) steps: [i32; 64],
    /// Blocks in a row, those that only fill the last unit among them.
    pub(crate) stride: usize,
    pub(crate) rows: usize,
    /// Row after row, in the order of the file.
    pub(crate) blocks: Vec<[i32; 64]>,
    table: usize,
}

const MOST_PIXELS: usize = 30_000_000;

type Result<T> = std::result::Result<T, String>;

fn ended() -> String {
    "the file ends too early".to_owned()
}

/// Codes by length and value.
#[derive(Clone, Default)]
struct Huffman {
    counts: [u8; 16],
    values: Vec<u8>,
}

#[derive(Default)]
struct Tables {
    steps: [Option<[i32; 64]>; 4],
    codes: [[Option<Huffman>; 4]; 2],
    restart_interval: usize,
}

/// One scan's header.
struct Scan {
    /// Component, DC table, AC table.
    parts: Vec<(usize, usize, usize)>,
    first: usize,
    last: usize,
    high: u32,
    low: u32,
}

impl Jpeg {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self> {
        let mut rest = bytes.strip_prefix(b"\xff\xd8").ok_or("no JPEG")?;
        let mut tables = Tables::default();
        let mut jpeg = Self {
            width: 0,
            height: 0,
            components: Vec::new(),
            is_progressive: false,
            adobe_transform: None,
            has_jfif: false,
            is_filled_with_ones: true,
            has_single_codes: true,
            has_all_differences: true,
        };
        loop {
            let (marker, after) = next_marker(rest)?;
            if marker == 0xd9 {
                return Ok(jpeg);
            }
            // TEM has no segment.
            if marker == 0x01 {
                rest = after;
                continue;
            }
            let (body, after) = segment(after)?;
            rest = after;
            match marker {
                0xc0..=0xc2 => jpeg.frame(body, marker)?,
                0xc4 => {
                    let (is_single, has_all) = tables.read_codes(body)?;
                    jpeg.has_single_codes &= is_single;
                    jpeg.has_all_differences &= has_all;
                }
                0xdb => tables.read_steps(body)?,
                0xdd => tables.restart_interval = usize::from(word(body, 0)?),
                0xe0 => jpeg.has_jfif |= body.starts_with(b"JFIF\0"),
                0xee if body.starts_with(b"Adobe") => jpeg.adobe_transform = body.get(11).copied(),
                0xda => rest = jpeg.scan(body, rest, &tables)?,
                0xc3 | 0xc5..=0xcf => return Err(format!("frame {marker:x}")),
                _ => {}
            }
        }
    }

    fn frame(&mut self, body: &[u8], marker: u8) -> Result<()> {
        if !self.components.is_empty() {
            return Err("two frames".to_owned());
        }
        self.is_progressive = marker == 0xc2;
        (self.height, self.width) = (word(body, 1)?.into(), word(body, 3)?.into());
        let listed: Vec<&[u8]> = body.get(6..).ok_or_else(ended)?.chunks_exact(3).collect();
        let factor = |one: &[u8]| (usize::from(one[1] >> 4), usize::from(one[1] & 15));
        let most_across = listed.iter().map(|one| factor(one).0).max().ok_or("no components")?;
        let most_down = listed.iter().map(|one| factor(one).1).max().ok_or("no components")?;
        if self.width == 0
            || self.height == 0
            || listed.iter().any(|one| factor(one).0 * factor(one).1 == 0)
        {
            return Err("a size of 0".to_owned());
        }
        if self.width * self.height > MOST_PIXELS {
            return Err("too many pixels for this decoder".to_owned());
        }
        let units = (self.width.div_ceil(8 * most_across), self.height.div_ceil(8 * most_down));
        for one in listed {
            let (across, down) = factor(one);
            let (stride, rows) = (units.0 * across, units.1 * down);
            self.components.push(Component {
                id: one[0],
                across,
                down,
                steps: [0; 64],
                stride,
                rows,
                blocks: vec![[0; 64]; stride * rows],
                table: usize::from(one[2]),
            });
        }
        Ok(())
    }

    fn largest(&self) -> (usize, usize) {
        let across = self.components.iter().map(|component| component.across).max();
        let down = self.components.iter().map(|component| component.down).max();
        (across.unwrap_or(1), down.unwrap_or(1))
    }

    /// Decodes one scan; what follows it.
    fn scan<'a>(&mut self, body: &[u8], data: &'a [u8], tables: &Tables) -> Result<&'a [u8]> {
        let scan = self.scan_header(body)?;
        for &(component, ..) in &scan.parts {
            let component = &mut self.components[component];
            let steps = tables.steps.get(component.table).copied().flatten();
            component.steps = steps.ok_or("a table of steps is missing")?;
        }
        let mut bits = Bits { data, buffer: 0, count: 0 };
        let mut state = State { predictions: [0; 4], run: 0 };
        for (index, unit) in self.units(&scan).into_iter().enumerate() {
            if tables.restart_interval > 0 && index > 0 && index % tables.restart_interval == 0 {
                self.is_filled_with_ones &= bits.is_filled_with_ones();
                bits.restart((index / tables.restart_interval - 1) % 8)?;
                state = State { predictions: [0; 4], run: 0 };
            }
            for (part, block) in unit {
                let (component, dc, ac) = scan.parts[part];
                let block = &mut self.components[component].blocks[block];
                let codes = |class: usize, index: usize| {
                    tables.codes[class]
                        .get(index)
                        .and_then(Option::as_ref)
                        .ok_or("a code is missing")
                };
                let prediction = &mut state.predictions[part];
                if !self.is_progressive {
                    sequential(&mut bits, block, prediction, codes(0, dc)?, codes(1, ac)?)?;
                } else if scan.first == 0 && scan.high == 0 {
                    *prediction += bits.difference(codes(0, dc)?)?;
                    block[0] = *prediction << scan.low;
                } else if scan.first == 0 {
                    block[0] |= (bits.bit()? as i32) << scan.low;
                } else if scan.high == 0 {
                    first_pass(&mut bits, block, &scan, codes(1, ac)?, &mut state.run)?;
                } else {
                    refinement(&mut bits, block, &scan, codes(1, ac)?, &mut state.run)?;
                }
            }
        }
        if state.run > 0 {
            return Err("a run of blocks goes on after the scan".to_owned());
        }
        self.is_filled_with_ones &= bits.is_filled_with_ones();
        Ok(bits.data)
    }

    fn scan_header(&self, body: &[u8]) -> Result<Scan> {
        let count = usize::from(*body.first().ok_or_else(ended)?);
        let mut parts = Vec::new();
        for one in body.get(1..1 + 2 * count).ok_or_else(ended)?.chunks_exact(2) {
            let component = self.components.iter().position(|known| known.id == one[0]);
            let component = component.ok_or("a scan of an unknown component")?;
            parts.push((component, usize::from(one[1] >> 4), usize::from(one[1] & 15)));
        }
        let &[first, last, bits] = body.get(1 + 2 * count..4 + 2 * count).ok_or_else(ended)? else {
            return Err(ended());
        };
        let (high, low) = (u32::from(bits >> 4), u32::from(bits & 15));
        let scan = Scan { parts, first: first.into(), last: last.into(), high, low };
        if self.is_progressive && (scan.first == 0) != (scan.last == 0)
            || scan.last > 63
            || scan.first > scan.last
            || scan.low > 13
            || scan.parts.is_empty()
            || scan.parts.len() > 4
            || self.is_progressive && scan.first > 0 && scan.parts.len() > 1
        {
            return Err("a scan with impossible values".to_owned());
        }
        Ok(scan)
    }

    /// The blocks of each unit in their order, by part of the scan and place in the component.
    fn units(&self, scan: &Scan) -> Vec<Vec<(usize, usize)>> {
        let (most_across, most_down) = self.largest();
        if let &[(component, ..)] = scan.parts.as_slice() {
            let component = &self.components[component];
            let across = (self.width * component.across).div_ceil(8 * most_across);
            let down = (self.height * component.down).div_ceil(8 * most_down);
            let places = (0..down).flat_map(|y| (0..across).map(move |x| (x, y)));
            return places.map(|(x, y)| vec![(0, y * component.stride + x)]).collect();
        }
        let (columns, rows) =
            (self.width.div_ceil(8 * most_across), self.height.div_ceil(8 * most_down));
        let mut units = Vec::new();
        for (column, row) in (0..rows).flat_map(|row| (0..columns).map(move |column| (column, row)))
        {
            let mut unit = Vec::new();
            for (part, &(component, ..)) in scan.parts.iter().enumerate() {
                let component = &self.components[component];
                for y in 0..component.down {
                    for x in 0..component.across {
                        let line = row * component.down + y;
                        unit.push((part, line * component.stride + column * component.across + x));
                    }
                }
            }
            units.push(unit);
        }
        units
    }
}

struct State {
    predictions: [i32; 4],
    /// Blocks that are still without new coefficients.
    run: u32,
}

fn sequential(
    bits: &mut Bits<'_>,
    block: &mut [i32; 64],
    prediction: &mut i32,
    dc: &Huffman,
    ac: &Huffman,
) -> Result<()> {
    *prediction += bits.difference(dc)?;
    block[0] = *prediction;
    let mut at = 1;
    while at < 64 {
        let symbol = bits.symbol(ac)?;
        let (zeros, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
        match (zeros, size) {
            (15, 0) => at += 16,
            (_, 0) => break,
            _ => {
                at += zeros;
                *block.get_mut(at).ok_or("a coefficient after the last")? = bits.amplitude(size)?;
                at += 1;
            }
        }
    }
    Ok(())
}

fn first_pass(
    bits: &mut Bits<'_>,
    block: &mut [i32; 64],
    scan: &Scan,
    codes: &Huffman,
    run: &mut u32,
) -> Result<()> {
    if *run > 0 {
        *run -= 1;
        return Ok(());
    }
    let mut at = scan.first;
    while at <= scan.last {
        let symbol = bits.symbol(codes)?;
        let (zeros, size) = (symbol >> 4, u32::from(symbol & 15));
        match (zeros, size) {
            (15, 0) => at += 16,
            (_, 0) => {
                *run = (1 << zeros) - 1 + bits.bits(zeros.into())?;
                break;
            }
            _ => {
                at += usize::from(zeros);
                if at > scan.last {
                    return Err("a coefficient after the last".to_owned());
                }
                block[at] = bits.amplitude(size)? << scan.low;
                at += 1;
            }
        }
    }
    Ok(())
}

fn refinement(
    bits: &mut Bits<'_>,
    block: &mut [i32; 64],
    scan: &Scan,
    codes: &Huffman,
    run: &mut u32,
) -> Result<()> {
    let mut at = scan.first;
    if *run == 0 {
        while at <= scan.last {
            let symbol = bits.symbol(codes)?;
            let (zeros, size) = (symbol >> 4, symbol & 15);
            let mut fresh = 0;
            match (zeros, size) {
                (15, 0) => {}
                (_, 0) => {
                    *run = (1 << zeros) + bits.bits(zeros.into())?;
                    break;
                }
                (_, 1) => fresh = if bits.bit()? == 1 { 1 } else { -1 },
                _ => return Err("a new coefficient of more than one bit".to_owned()),
            }
            at = skip_zeros(bits, block, scan, at, zeros.into())?;
            if fresh != 0 {
                if at > scan.last {
                    return Err("a coefficient after the last".to_owned());
                }
                block[at] = fresh << scan.low;
            }
            at += 1;
        }
    }
    if *run > 0 {
        *run -= 1;
        skip_zeros(bits, block, scan, at, usize::MAX)?;
    }
    Ok(())
}

/// Passes over `zeros` coefficients that are 0 and refines the others on the way; where the zero
/// after them is.
fn skip_zeros(
    bits: &mut Bits<'_>,
    block: &mut [i32; 64],
    scan: &Scan,
    mut at: usize,
    mut zeros: usize,
) -> Result<usize> {
    while at <= scan.last {
        let value = &mut block[at];
        if *value != 0 {
            *value += value.signum() * ((bits.bit()? as i32) << scan.low);
        } else if zeros == 0 {
            break;
        } else {
            zeros -= 1;
        }
        at += 1;
    }
    Ok(at)
}

impl Tables {
    fn read_steps(&mut self, mut body: &[u8]) -> Result<()> {
        while let Some((&kind, rest)) = body.split_first() {
            let width = if kind >> 4 == 0 { 1 } else { 2 };
            let (values, rest) = rest.split_at_checked(64 * width).ok_or_else(ended)?;
            let value =
                |bytes: &[u8]| bytes.iter().fold(0, |sum, &byte| sum << 8 | i32::from(byte));
            let mut steps = [0; 64];
            steps
                .iter_mut()
                .zip(values.chunks_exact(width))
                .for_each(|(step, bytes)| *step = value(bytes));
            *self.steps.get_mut(usize::from(kind & 15)).ok_or("a fifth table")? = Some(steps);
            body = rest;
        }
        Ok(())
    }

    /// Whether each symbol has one code at most.
    /// Whether no symbol has two codes, and whether all differences have one.
    fn read_codes(&mut self, mut body: &[u8]) -> Result<(bool, bool)> {
        let (mut is_single, mut has_all) = (true, true);
        while let Some((&kind, rest)) = body.split_first() {
            let (counts, rest) = rest.split_first_chunk::<16>().ok_or_else(ended)?;
            let count = counts.iter().map(|&count| usize::from(count)).sum();
            let (values, rest) = rest.split_at_checked(count).ok_or_else(ended)?;
            is_single &= (1..).zip(values).all(|(next, value)| !values[next..].contains(value));
            has_all &= kind >> 4 != 0 || (0..=11).all(|size| values.contains(&size));
            let codes = Huffman { counts: *counts, values: values.to_vec() };
            let class = self.codes.get_mut(usize::from(kind >> 4)).ok_or("a third class")?;
            *class.get_mut(usize::from(kind & 15)).ok_or("a fifth table")? = Some(codes);
            body = rest;
        }
        Ok((is_single, has_all))
    }
}

/// The coded data of a scan, bit by bit.
struct Bits<'a> {
    data: &'a [u8],
    buffer: u8,
    count: u32,
}

impl Bits<'_> {
    fn bit(&mut self) -> Result<u32> {
        if self.count == 0 {
            let (byte, rest) = match self.data {
                [0xff, 0, rest @ ..] => (0xff, rest),
                [0xff, marker, ..] => return Err(format!("marker {marker:x} within coded data")),
                [byte, rest @ ..] => (*byte, rest),
                [] => return Err(ended()),
            };
            (self.buffer, self.data, self.count) = (byte, rest, 8);
        }
        self.count -= 1;
        Ok(u32::from(self.buffer >> self.count & 1))
    }

    fn bits(&mut self, count: u32) -> Result<u32> {
        (0..count).try_fold(0, |value, _| Ok(value << 1 | self.bit()?))
    }

    fn symbol(&mut self, codes: &Huffman) -> Result<u8> {
        let (mut code, mut first, mut index) = (0, 0, 0);
        for &count in &codes.counts {
            code = code << 1 | self.bit()?;
            let count = u32::from(count);
            if code < first + count {
                let place = (index + code - first) as usize;
                return codes.values.get(place).copied().ok_or_else(|| "no such code".to_owned());
            }
            index += count;
            first = (first + count) << 1;
        }
        Err("no such code".to_owned())
    }

    /// A number of `size` bits; those below half of the range are negative.
    fn amplitude(&mut self, size: u32) -> Result<i32> {
        let value = self.bits(size)? as i32;
        let is_negative = size > 0 && value >> (size - 1) == 0;
        Ok(if is_negative { value - (1 << size) + 1 } else { value })
    }

    fn difference(&mut self, codes: &Huffman) -> Result<i32> {
        match self.symbol(codes)? {
            size @ 0..=11 => self.amplitude(size.into()),
            size => Err(format!("a difference of {size} bits")),
        }
    }

    fn is_filled_with_ones(&self) -> bool {
        let rest = (1 << self.count) - 1;
        u32::from(self.buffer) & rest == rest
    }

    fn restart(&mut self, number: usize) -> Result<()> {
        let (marker, rest) = next_marker(self.data)?;
        if usize::from(marker) != 0xd0 + number {
            return Err(format!("marker {marker:x} where restart {number} belongs"));
        }
        (self.data, self.count) = (rest, 0);
        Ok(())
    }
}

fn next_marker(data: &[u8]) -> Result<(u8, &[u8])> {
    let fill = data.iter().take_while(|&&byte| byte == 0xff).count();
    match data.get(fill..) {
        Some([marker, rest @ ..]) if fill > 0 && *marker != 0 => Ok((*marker, rest)),
        Some([]) | None => Err(ended()),
        Some(_) => Err("no marker where one belongs".to_owned()),
    }
}

fn segment(data: &[u8]) -> Result<(&[u8], &[u8])> {
    let length = usize::from(word(data, 0)?);
    let (segment, rest) = data.split_at_checked(length).ok_or_else(ended)?;
    Ok((segment.get(2..).ok_or_else(ended)?, rest))
}

fn word(bytes: &[u8], at: usize) -> Result<u16> {
    match bytes.get(at..at + 2) {
        Some(&[high, low]) => Ok(u16::from_be_bytes([high, low])),
        _ => Err(ended()),
    }
}

impl Jpeg {
    /// Red, green and blue, or gray, as the standard defines them: each sample rounded once, and
    /// small chroma widened by repetition.
    pub(crate) fn samples(&self) -> Vec<u8> {
        let planes: Vec<Vec<f32>> = self.components.iter().map(Component::plane).collect();
        let (most_across, most_down) = self.largest();
        let mut samples = Vec::with_capacity(self.width * self.height * self.components.len());
        for y in 0..self.height {
            for x in 0..self.width {
                let mut pixel = [0.0; 3];
                for ((value, component), plane) in
                    pixel.iter_mut().zip(&self.components).zip(&planes)
                {
                    let column = x * component.across / most_across;
                    let row = y * component.down / most_down;
                    *value = plane[row * component.stride * 8 + column];
                }
                let colours = if self.components.len() == 3 && !self.is_rgb() {
                    to_rgb(pixel)
                } else {
                    pixel
                };
                let count = self.components.len().min(3);
                samples.extend(
                    colours.iter().take(count).map(|value| (value + 0.5).clamp(0.0, 255.0) as u8),
                );
            }
        }
        samples
    }

    pub(crate) fn is_rgb(&self) -> bool {
        let ids: Vec<u8> = self.components.iter().map(|component| component.id).collect();
        ids.len() == 3
            && !self.has_jfif
            && (self.adobe_transform == Some(0) || ids == b"RGB" && self.adobe_transform.is_none())
    }
}

/// What is wrong with `after` as the inverse of `before`: every coefficient has to be turned round,
/// and the first of each block shifted alike within a component, by one level as near as its step
/// allows.
pub(crate) fn check_inverse(before: &Jpeg, after: &Jpeg) -> Result<()> {
    let frame = |jpeg: &Jpeg| (jpeg.width, jpeg.height, jpeg.components.len(), jpeg.is_progressive);
    if frame(before) != frame(after) {
        return Err(format!("{:?} became {:?}", frame(before), frame(after)));
    }
    let is_coloured = before.components.len() == 3 && !before.is_rgb();
    for (index, (one, other)) in before.components.iter().zip(&after.components).enumerate() {
        if (one.across, one.down, one.steps) != (other.across, other.down, other.steps) {
            return Err(format!("component {index} has another sampling or other steps"));
        }
        let wanted = if is_coloured && index > 0 { 0 } else { -8 };
        check_component(one, other, wanted, before.is_progressive)
            .map_err(|why| format!("component {index}: {why}"))?;
    }
    Ok(())
}

/// Whether the first coefficients of all blocks of a component were shifted alike. They are not where
/// a table has no code for the shift at once; then the first blocks may not come back bit by bit.
pub(crate) fn is_shifted_alike(before: &Jpeg, after: &Jpeg) -> bool {
    before.components.iter().zip(&after.components).all(|(before, after)| {
        let mut shifts =
            before.blocks.iter().zip(&after.blocks).map(|(one, other)| one[0] + other[0]);
        let first = shifts.next();
        shifts.all(|shift| Some(shift) == first)
    })
}

/// Whether all coefficients are turned round, and no first one is shifted beyond one level, nor the
/// other way: all that can be wanted where a table has no code for the shift at once.
pub(crate) fn is_shifted_in_part(before: &Jpeg, after: &Jpeg) -> bool {
    before.components.iter().zip(&after.components).all(|(before, after)| {
        let step = before.steps[0].max(1);
        let whole = (8 + step / 2) / step;
        let mut pairs = before.blocks.iter().zip(&after.blocks);
        pairs.all(|(one, other)| {
            let is_turned = one.iter().zip(other).skip(1).all(|(one, other)| *one == -other);
            is_turned && (-whole..=0).contains(&(one[0] + other[0]))
        })
    })
}

fn check_component(
    before: &Component,
    after: &Component,
    wanted: i32,
    is_progressive: bool,
) -> Result<()> {
    let mut shifts = Vec::new();
    for (place, (one, other)) in before.blocks.iter().zip(&after.blocks).enumerate() {
        let same = one.iter().zip(other).skip(1).all(|(one, other)| *one == -other);
        if !same {
            return Err(format!("block {place} {one:?} became {other:?}"));
        }
        // Blocks that no scan holds stay as they are.
        if (one, other) != (&[0; 64], &[0; 64]) {
            shifts.push(other[0] + one[0]);
        }
    }
    let (Some(&least), Some(&most)) = (shifts.iter().min(), shifts.iter().max()) else {
        return Ok(());
    };
    // A step of none is against the rules, and taken for the least there is.
    let step = before.steps[0].max(1);
    let slack = if is_progressive { 8 + step } else { (step + 1) / 2 };
    if (least * step - wanted).abs() > slack || (most * step - wanted).abs() > slack {
        return Err(format!("shifted by {least} to {most} steps of {step}"));
    }
    if least != most && !(is_progressive || least == 0 || most == 0) {
        return Err(format!("shifted by {least} and by {most}"));
    }
    Ok(())
}

fn to_rgb([luma, blue, red]: [f32; 3]) -> [f32; 3] {
    let (blue, red) = (blue - 128.0, red - 128.0);
    [luma + 1.402 * red, luma - 0.344_136 * blue - 0.714_136 * red, luma + 1.772 * blue]
}

impl Component {
    /// All samples of the component, those of filling blocks among them.
    fn plane(&self) -> Vec<f32> {
        let cosines = cosines();
        let order = order();
        let mut plane = vec![0.0; self.stride * self.rows * 64];
        for (index, block) in self.blocks.iter().enumerate() {
            let mut rows = [[0.0f32; 8]; 8];
            for ((value, step), place) in block.iter().zip(self.steps).zip(order) {
                rows[place / 8][place % 8] = *value as f32 * step as f32;
            }
            let across = rows.map(|row| transform(&row, &cosines));
            let start = index / self.stride * self.stride * 64 + index % self.stride * 8;
            for x in 0..8 {
                let column = transform(&std::array::from_fn(|y| across[y][x]), &cosines);
                for (y, value) in column.into_iter().enumerate() {
                    plane[start + y * self.stride * 8 + x] = value + 128.0;
                }
            }
        }
        plane
    }
}

fn cosines() -> [[f32; 8]; 8] {
    std::array::from_fn(|sample| {
        std::array::from_fn(|wave| {
            let angle = (2 * sample + 1) as f64 * wave as f64 * std::f64::consts::PI / 16.0;
            let scale = if wave == 0 { 0.5f64.sqrt() } else { 1.0 };
            (angle.cos() * scale / 2.0) as f32
        })
    })
}

fn transform(waves: &[f32; 8], cosines: &[[f32; 8]; 8]) -> [f32; 8] {
    cosines.map(|cosines| cosines.iter().zip(waves).map(|(cosine, wave)| cosine * wave).sum())
}

/// Where the coefficients of the file belong in rows of eight: along the diagonals.
fn order() -> [usize; 64] {
    let mut places: Vec<usize> = (0..64).collect();
    places.sort_by_key(|&place| {
        let (row, column) = (place / 8, place % 8);
        let diagonal = row + column;
        (diagonal, if diagonal % 2 == 0 { column } else { row })
    });
    std::array::from_fn(|index| places[index])
}
