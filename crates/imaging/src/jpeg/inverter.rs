//! A sequential JPEG from end to end, in pieces of any size.

use super::{
    bits::{Failure, Halt, Picture, Progressive, Scan, Tables, Told},
    metadata::Keeper,
    segments::{COM, DNL, EOI, Frame, Piece, SOI, SOS, Segment, is_frame, unsupported},
};
use crate::{Error, Format, Limits, cursor::Cursor, invert::SampleMap};

/// Inverts a sequential JPEG while it arrives: pieces in, pieces out.
///
/// It works on the entropy-coded bits (see [`Path::Bits`](crate::Path::Bits)), so its memory does
/// not grow with the picture: it holds the last piece, the segment or the block that is not whole
/// yet, and what stands before the frame header.
///
/// Baseline and extended JPEGs of eight bits with one or three components are taken. For all others
/// [`push`](Self::push) fails with [`Class::Unsupported`](crate::Class::Unsupported) before anything
/// has come out; [`process`](crate::process) takes some of them in other ways.
///
/// It may move between threads, as asynchronous programs do with it:
///
/// ```
/// fn moves<T: Send>() {}
/// moves::<imaging::JpegInverter>();
/// ```
///
/// ```no_run
/// use imaging::{JpegInverter, Limits};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let pieces: Vec<Vec<u8>> = Vec::new();
/// let mut inverter = JpegInverter::new(&Limits::default());
/// let mut output = Vec::new();
/// for piece in pieces {
///     inverter.push(&piece, &mut output)?;
///     // Send `output` on, then clear it.
/// }
/// let summary = inverter.finish(&mut output)?;
/// println!("{} x {}", summary.width, summary.height);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct JpegInverter {
    walk: Walk,
    /// Input that has come but could not be used yet.
    held: Vec<u8>,
}

/// What a [`JpegInverter`] has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JpegSummary {
    /// Width in pixels as stored, that is before the orientation tag is applied.
    pub width: u32,
    /// Height in pixels as stored.
    pub height: u32,
    /// What could not be kept, one sentence each; empty when everything was.
    pub notes: Vec<String>,
}

impl JpegInverter {
    /// Begins a picture.
    pub fn new(limits: &Limits) -> Self {
        Self::with(limits, Keeper::new(SampleMap::Invert, false))
    }

    pub(super) fn with(limits: &Limits, keeper: Keeper) -> Self {
        Self { walk: Walk::new(*limits, keeper), held: Vec::new() }
    }

    /// Inverts a file that is there as a whole, which may be progressive.
    pub(super) fn whole(
        input: &[u8],
        limits: &Limits,
        keeper: Keeper,
        out: &mut Vec<u8>,
    ) -> Result<JpegSummary, Error> {
        let mut inverter = Self::with(limits, keeper);
        inverter.walk.is_whole = true;
        inverter.push(input, out)?;
        inverter.finish(out)
    }

    /// Takes the next piece of the file and appends to `out` what is ready.
    ///
    /// # Errors
    ///
    /// When the file breaks the rules of JPEG, is of a kind that does not go by bits, or is larger
    /// than the limits allow. Nothing can be pushed after that.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        if self.held.is_empty() {
            let used = self.walk.advance(piece, out)?;
            self.held.extend(piece.get(used..).unwrap_or_default());
        } else {
            self.held.extend(piece);
            let used = self.walk.advance(&self.held, out)?;
            self.held.drain(..used);
        }
        Ok(())
    }

    /// Ends the picture and appends what is left of it to `out`.
    ///
    /// # Errors
    ///
    /// [`Class::Truncated`](crate::Class::Truncated) when the picture is not whole.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<JpegSummary, Error> {
        self.walk.finish(&self.held, out)
    }
}

#[derive(Debug)]
struct Walk {
    limits: Limits,
    keeper: Keeper,
    tables: Tables,
    frame: Option<Frame>,
    /// Whether the file comes in one piece, as progressive pictures have to.
    is_whole: bool,
    progressive: Option<Progressive>,
    state: State,
    /// Output from before the frame, held back until that is known to be suited.
    early: Vec<u8>,
    has_scan: bool,
    told: Told,
    trailing: Trailing,
}

#[derive(Debug)]
enum State {
    /// Before the mark of the beginning.
    Start,
    /// Where a segment begins.
    Segments,
    Scan(Box<Scan>),
    /// Behind the mark of the end.
    After,
}

impl Walk {
    fn new(limits: Limits, keeper: Keeper) -> Self {
        Self {
            limits,
            keeper,
            tables: Tables::default(),
            frame: None,
            is_whole: false,
            progressive: None,
            state: State::Start,
            early: Vec::new(),
            has_scan: false,
            told: Told::default(),
            trailing: Trailing::default(),
        }
    }

    /// Goes as far as the data reach and says how many bytes of them are done with.
    fn advance(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<usize, Error> {
        let mut done = 0;
        loop {
            let went_on = match &mut self.state {
                State::Start => self.start(data, &mut done)?,
                State::Segments => self.segment(data, &mut done, out)?,
                State::Scan(scan) => {
                    let outcome = scan.advance(data, out);
                    done = scan.position();
                    match outcome {
                        Ok(()) => self.state = State::Segments,
                        Err(Halt::Dry) => scan.rebase(done),
                        Err(halt) => return Err(self.refusal(halt)),
                    }
                    outcome.is_ok()
                }
                State::After => {
                    let keeps_all = self.keeper.keeps_all();
                    self.trailing.take(data.get(done..).unwrap_or_default(), keeps_all, out);
                    return Ok(data.len());
                }
            };
            if !went_on {
                return Ok(done);
            }
        }
    }

    fn start(&mut self, data: &[u8], done: &mut usize) -> Result<bool, Error> {
        match data {
            [0xff, SOI, ..] => {
                self.early.extend([0xff, SOI]);
                *done = 2;
                self.state = State::Segments;
                Ok(true)
            }
            [] | [0xff] => Ok(false),
            _ => Err(Error::corrupt(Format::Jpeg, "it does not begin like a JPEG")),
        }
    }

    /// Takes the segment at `done`; whether it was there as a whole.
    fn segment(&mut self, data: &[u8], done: &mut usize, out: &mut Vec<u8>) -> Result<bool, Error> {
        let Some(piece) = Piece::find(data.get(*done..).unwrap_or_default())? else {
            return self.check_early().map(|()| false);
        };
        *done += piece.raw.len();
        match piece.segment.marker {
            EOI => self.end(&piece, out)?,
            SOS => self.scan(&piece, data, done, out)?,
            marker if is_frame(marker) => self.frame(&piece, data.len(), out)?,
            _ => self.definition(&piece, out)?,
        }
        Ok(true)
    }

    fn definition(&mut self, piece: &Piece<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        let segment = piece.segment;
        match segment.marker {
            DNL => self.take_height(segment)?,
            SOI => return Err(corrupt("a second picture begins within it")),
            0xe0..=0xef | COM => {
                let out = if self.frame.is_some() { out } else { &mut self.early };
                self.keeper.take(&segment, piece.raw, out);
                return Ok(());
            }
            _ => self.tables.take(&segment)?,
        }
        let out = if self.frame.is_some() { out } else { &mut self.early };
        out.extend(piece.raw);
        Ok(())
    }

    fn frame(
        &mut self,
        piece: &Piece<'_>,
        input_bytes: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        if self.frame.is_some() {
            return Err(corrupt("it holds two frames"));
        }
        let frame = Frame::read(piece.segment)?;
        if !has_suited_colours(&frame) || frame.is_progressive && !self.is_whole {
            return Err(unsupported("is progressive or has four colours"));
        }
        self.limits.check_size(frame.width.into(), frame.height.into())?;
        if frame.is_progressive && frame.height == 0 {
            return Err(unsupported("is progressive and has its height behind its picture (DNL)"));
        }
        if frame.is_progressive {
            self.progressive = Some(Progressive::new(&frame, input_bytes, &self.limits)?);
        }
        self.frame = Some(frame);
        out.append(&mut self.early);
        out.extend(piece.raw);
        Ok(())
    }

    fn scan(
        &mut self,
        piece: &Piece<'_>,
        data: &[u8],
        done: &mut usize,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let frame = self.frame.as_ref().ok_or_else(|| corrupt("a scan stands before its frame"))?;
        let picture = Picture {
            frame,
            is_rgb: self.keeper.colours().is_rgb(frame),
            map: self.keeper.map(),
            most_rows: self.limits.most_rows(frame.width.into()),
        };
        self.has_scan = true;
        self.told.take(piece.segment, frame)?;
        if let Some(progressive) = &mut self.progressive {
            let scan = progressive.scan(&picture, piece, &self.tables, (data, *done), out);
            *done = scan.map_err(|failure| match failure {
                Failure::Halt(halt) => self.refusal(halt),
                Failure::Error(error) => error,
            })?;
            return Ok(());
        }
        let scan = picture.sequential_scan(&piece.segment, &self.tables, *done)?;
        out.extend(piece.raw);
        self.state = State::Scan(Box::new(scan));
        Ok(())
    }

    /// The height of a picture that did not tell it before.
    fn take_height(&mut self, segment: Segment<'_>) -> Result<(), Error> {
        let height = Cursor::new(segment.body, Format::Jpeg).u16_be()?;
        match &mut self.frame {
            Some(frame) if self.has_scan && frame.height == 0 => frame.height = height,
            Some(frame) if frame.height == height => {}
            Some(_) | None => return Err(corrupt("its height is told twice (DNL)")),
        }
        Ok(())
    }

    fn end(&mut self, piece: &Piece<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        if !self.has_scan {
            return Err(corrupt("it holds no picture"));
        }
        out.extend(piece.raw);
        self.state = State::After;
        Ok(())
    }

    /// Ends the picture; of the input, `left` was not used.
    fn finish(&mut self, left: &[u8], out: &mut Vec<u8>) -> Result<JpegSummary, Error> {
        let is_whole = self.told.is_everything();
        match &self.state {
            State::After => {}
            State::Scan(scan) if is_whole && scan.has_all_blocks() => self.end_anyway(out),
            State::Segments if is_whole && !has_marker(left) => self.end_anyway(out),
            State::Start | State::Segments | State::Scan(_) => {
                return Err(Error::truncated(Format::Jpeg));
            }
        }
        let frame = self.frame.as_ref().ok_or_else(|| Error::truncated(Format::Jpeg))?;
        if frame.height == 0 {
            return Err(corrupt("its height is missing (DNL)"));
        }
        let (width, height) = (frame.width.into(), frame.height.into());
        let mut notes = std::mem::take(&mut self.keeper).into_notes();
        notes.extend(self.trailing.note());
        Ok(JpegSummary { width, height, notes })
    }

    fn end_anyway(&mut self, out: &mut Vec<u8>) {
        out.extend([0xff, EOI]);
        self.keeper.note("the file had no end mark; it was added");
    }

    fn refusal(&self, halt: Halt) -> Error {
        match halt {
            Halt::Dry | Halt::CutOff => Error::truncated(Format::Jpeg),
            Halt::Broken(what) => corrupt(what),
            Halt::TooTall => {
                let width = self.frame.as_ref().map_or(0, |frame| frame.width);
                let too_tall = self.limits.check_size(width.into(), u16::MAX.into());
                too_tall.err().unwrap_or_else(|| corrupt("it is taller than a JPEG can be"))
            }
        }
    }

    /// What is held back before the frame counts as memory.
    fn check_early(&self) -> Result<(), Error> {
        self.limits.check_memory(self.early.len() as u64)
    }
}

/// Whether the colours of a frame can be inverted by bits.
pub(super) fn has_suited_colours(frame: &Frame) -> bool {
    matches!(frame.components.len(), 1 | 3)
}

/// Whether a segment begins.
fn has_marker(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|pair| matches!(pair, [0xff, marker] if !matches!(marker, 0 | 0xff)))
}

fn corrupt(what: &str) -> Error {
    Error::corrupt(Format::Jpeg, what)
}

/// What stands behind the picture: zeros stay, as they only fill up; anything else goes, as it may
/// show the old picture.
#[derive(Debug, Default)]
struct Trailing {
    dropped: usize,
}

impl Trailing {
    fn take(&mut self, bytes: &[u8], keeps_all: bool, out: &mut Vec<u8>) {
        let zeros = bytes.iter().take_while(|&&byte| byte == 0 || keeps_all).count();
        let kept = if self.dropped > 0 { 0 } else { zeros };
        out.extend(bytes.get(..kept).unwrap_or_default());
        self.dropped += bytes.len() - kept;
    }

    fn note(&self) -> Option<String> {
        let count = self.dropped;
        (count > 0).then(|| format!("{count} bytes after the end of the picture were left out"))
    }
}
