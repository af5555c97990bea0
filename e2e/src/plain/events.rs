//! A stream of events: RecordIO in chunks, read as it comes.

use std::io::{self, BufRead, BufReader};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::http::Answer;

/// Digits of a length that no event reaches.
const LONGEST_LENGTH: usize = 12;

/// How a stream ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// With the chunk that says so: the peer closed it.
    Closed,
    /// Otherwise.
    Broken(String),
}

/// What came next on a stream.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// An event.
    Event(Value),
    /// The end; nothing comes after it.
    End(End),
    /// Nothing, within the time.
    Nothing,
}

/// The events of one subscription. The connection ends with this value.
#[derive(Debug)]
pub struct Events {
    arriving: Receiver<Result<Value, End>>,
    waiting: Vec<Value>,
    ended: Option<End>,
    socket: TcpStream,
}

impl Events {
    /// Reads the answer to a SUBSCRIBE in JSON.
    ///
    /// # Errors
    ///
    /// When the answer is no stream.
    pub fn of(answer: Answer) -> Result<Self> {
        let (chunks, socket) = answer.stream()?;
        let (sender, arriving) = mpsc::channel();
        thread::spawn(move || {
            let mut records = BufReader::new(chunks);
            loop {
                let next = next_event(&mut records);
                let last = next.is_err();
                if sender.send(next).is_err() || last {
                    return;
                }
            }
        });
        Ok(Self { arriving, waiting: Vec::new(), ended: None, socket })
    }

    /// What comes next, events that were passed over included.
    pub fn next(&mut self, within: Duration) -> Next {
        if self.waiting.is_empty() {
            self.arriving(within)
        } else {
            Next::Event(self.waiting.remove(0))
        }
    }

    /// The first event in which `find` finds something; those before it are kept for later.
    ///
    /// # Errors
    ///
    /// When it does not come within the time or the stream ends; the message says what came.
    pub fn find<T>(
        &mut self,
        what: &str,
        within: Duration,
        mut find: impl FnMut(&Value) -> Option<T>,
    ) -> Result<T> {
        if let Some(found) = self.take_waiting(&mut find) {
            return Ok(found);
        }
        let start = Instant::now();
        loop {
            match self.arriving(within.saturating_sub(start.elapsed())) {
                Next::Event(event) => match find(&event) {
                    Some(found) => return Ok(found),
                    None => self.waiting.push(event),
                },
                Next::Nothing => {
                    bail!("waited {within:?} in vain for {what}; there came {}", self.came())
                }
                Next::End(end) => {
                    bail!("the stream ended ({end:?}) before {what}; there came {}", self.came())
                }
            }
        }
    }

    /// The first event of a type.
    ///
    /// # Errors
    ///
    /// When none comes within the time or the stream ends.
    pub fn of_type(&mut self, kind: &str, within: Duration) -> Result<Value> {
        self.find(&format!("an event {kind}"), within, |it| is(it, kind).then(|| it.clone()))
    }

    /// Waits all the time, to see that nothing comes in which `find` finds something.
    ///
    /// # Errors
    ///
    /// When something does, or the stream ends.
    pub fn never<T: std::fmt::Debug>(
        &mut self,
        what: &str,
        during: Duration,
        mut find: impl FnMut(&Value) -> Option<T>,
    ) -> Result<()> {
        let start = Instant::now();
        if let Some(found) = self.take_waiting(&mut find) {
            bail!("there should not have come {what}: {found:?}");
        }
        loop {
            match self.arriving(during.saturating_sub(start.elapsed())) {
                Next::Nothing => return Ok(()),
                Next::End(end) => bail!("the stream ended ({end:?}) while no {what} came"),
                Next::Event(event) => {
                    if let Some(found) = find(&event) {
                        bail!(
                            "there should not have come {what} after {:?}: {found:?}",
                            start.elapsed()
                        );
                    }
                    self.waiting.push(event);
                }
            }
        }
    }

    /// Waits for the end, whatever comes before it.
    ///
    /// # Errors
    ///
    /// When the stream goes on.
    pub fn end(&mut self, within: Duration) -> Result<End> {
        let start = Instant::now();
        loop {
            match self.arriving(within.saturating_sub(start.elapsed())) {
                Next::End(end) => return Ok(end),
                Next::Event(event) => self.waiting.push(event),
                Next::Nothing => bail!("the stream goes on after {within:?}; {}", self.came()),
            }
        }
    }

    /// Forgets what came so far and was passed over.
    pub fn forget(&mut self) {
        while let Next::Event(_) = self.arriving(Duration::ZERO) {}
        self.waiting.clear();
    }

    fn take_waiting<T>(&mut self, find: &mut impl FnMut(&Value) -> Option<T>) -> Option<T> {
        let (index, found) =
            self.waiting.iter().enumerate().find_map(|(index, it)| Some((index, find(it)?)))?;
        self.waiting.remove(index);
        Some(found)
    }

    fn arriving(&mut self, within: Duration) -> Next {
        if let Some(end) = &self.ended {
            return Next::End(end.clone());
        }
        match self.arriving.recv_timeout(within) {
            Ok(Ok(event)) => Next::Event(event),
            Ok(Err(end)) => Next::End(self.ended.insert(end).clone()),
            Err(RecvTimeoutError::Timeout) => Next::Nothing,
            Err(RecvTimeoutError::Disconnected) => {
                Next::End(End::Broken("nobody reads the connection".to_owned()))
            }
        }
    }

    fn came(&self) -> String {
        let events = self.waiting.iter().filter(|it| !is(it, "HEARTBEAT"));
        events.map(Value::to_string).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

fn is(event: &Value, kind: &str) -> bool {
    event.get("type").and_then(Value::as_str) == Some(kind)
}

fn next_event(records: &mut impl BufRead) -> Result<Value, End> {
    let broken = |error: &dyn std::fmt::Display| End::Broken(format!("{error:#}"));
    let record = next_record(records).map_err(|error| broken(&error))?.ok_or(End::Closed)?;
    serde_json::from_slice(&record).map_err(|error| broken(&error))
}

/// The next record: its length in decimal, a line feed, its bytes. None at the end of the stream.
///
/// # Errors
///
/// When the stream ends within a record, or has something else where a length has to be.
pub fn next_record(records: &mut impl BufRead) -> Result<Option<Vec<u8>>> {
    let mut length = Vec::new();
    records.read_until(b'\n', &mut length)?;
    if length.is_empty() {
        return Ok(None);
    }
    let digits = length.strip_suffix(b"\n").context("the stream ended in a length")?;
    let digits = std::str::from_utf8(digits)?;
    let is_length = !digits.is_empty()
        && digits.len() <= LONGEST_LENGTH
        && digits.bytes().all(|digit| digit.is_ascii_digit());
    ensure!(is_length, "a length of {digits:?}");
    let mut record = vec![0; digits.parse()?];
    io::Read::read_exact(records, &mut record).context("the stream ended in a record")?;
    Ok(Some(record))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_to_the_end() {
        let mut stream = &b"3\nabc0\n10\n0123456789"[..];
        let mut records = Vec::new();
        while let Some(record) = next_record(&mut stream).unwrap() {
            records.push(record);
        }
        assert_eq!(records, [&b"abc"[..], b"", b"0123456789"]);
    }

    #[test]
    fn a_stream_that_is_no_recordio_is_an_error() {
        for broken in [&b"3\nab"[..], b"3", b"\n", b"-1\n", b" 1\na", b"1234567890123\n"] {
            assert!(next_record(&mut &*broken).is_err(), "{broken:?}");
        }
    }
}
