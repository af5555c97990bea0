//! The memory that a JPEG of 100 megapixels needs when it is pushed through in pieces, in a fresh
//! process.

use std::{
    env,
    error::Error,
    fs,
    process::Command,
    time::{Duration, Instant},
};

use imaging::{JpegInverter, Limits};

use crate::corpus::jpeg::Endless;

/// The argument by which this program becomes the measured process.
pub(crate) const CHILD: &str = "--memory-child";

const SIDE: u16 = 10_000;
const PIECE_BYTES: usize = 64 << 10;

pub(crate) struct Memory {
    pub(crate) peak_kib: u64,
    pub(crate) input_bytes: u64,
    pub(crate) milliseconds: u64,
}

/// Starts the child and reads the three numbers that it prints.
pub(crate) fn measure() -> Result<Memory, Box<dyn Error>> {
    let output = Command::new(env::current_exe()?).arg(CHILD).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<u64> = text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    let &[peak_kib, input_bytes, milliseconds] = numbers.as_slice() else {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    };
    Ok(Memory { peak_kib, input_bytes, milliseconds })
}

pub(crate) fn child() -> Result<(), Box<dyn Error>> {
    let file = Endless::new(SIDE, SIDE / 16, 75);
    let mut pieces = Pieces::new(&file);
    let mut inverter = JpegInverter::new(&Limits::default());
    let mut out = Vec::new();
    let (mut input_bytes, mut busy) = (0, Duration::ZERO);
    // The peak so far is that of drawing; from here on it is that of inverting.
    fs::write("/proc/self/clear_refs", "5")?;
    let before = peak_kib()?;
    while let Some(piece) = pieces.next_piece() {
        let started = Instant::now();
        inverter.push(piece, &mut out)?;
        busy += started.elapsed();
        input_bytes += piece.len();
        out.clear();
    }
    inverter.finish(&mut out)?;
    println!("{} {input_bytes} {}", peak_kib()? - before, busy.as_millis());
    Ok(())
}

/// Equal pieces from the uneven ones of the file.
struct Pieces<'a> {
    parts: Box<dyn Iterator<Item = Vec<u8>> + 'a>,
    held: Vec<u8>,
    piece: Vec<u8>,
}

impl<'a> Pieces<'a> {
    fn new(file: &'a Endless) -> Self {
        Self { parts: Box::new(file.pieces()), held: Vec::new(), piece: Vec::new() }
    }

    fn next_piece(&mut self) -> Option<&[u8]> {
        while self.held.len() < PIECE_BYTES {
            let Some(part) = self.parts.next() else { break };
            self.held.extend(part);
        }
        let end = self.held.len().min(PIECE_BYTES);
        self.piece.clear();
        self.piece.extend(self.held.drain(..end));
        (end > 0).then_some(self.piece.as_slice())
    }
}

/// The most memory that this process had since the last reset.
fn peak_kib() -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.ok_or("the kernel tells no peak of memory")?.parse()?)
}
