//! RecordIO, the framing of event streams: a decimal length, a line feed, then
//! that many bytes, and so on without an end.
//!
//! Source: "RecordIO Data Format" in the Apache Mesos documentation. The
//! document says that a length is never zero, while its own sample decoder
//! accepts one; empty records and blank lines are skipped here.

use bytes::{Buf, Bytes, BytesMut};

/// The largest record accepted by default: 64 MiB.
///
/// Mesos sets no limit, and one OFFERS event holds an offer for every agent of
/// the cluster, so the default leaves room for tens of thousands of them.
pub const DEFAULT_MAX_RECORD_BYTES: usize = 64 * 1024 * 1024;

/// The longest length line: the digits of `u64::MAX`.
const MAX_LENGTH_DIGITS: usize = 20;

/// What a stream can hold that is not RecordIO.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The length line is not a decimal number.
    #[error("the event stream is not RecordIO: a length line reads {found:?}")]
    BadLength {
        /// The beginning of what stood where the length should be.
        found: String,
    },
    /// The peer announced a record above the limit; nothing was allocated for it.
    #[error("a record of {actual_bytes} bytes is over the limit of {limit_bytes}")]
    RecordTooLarge {
        /// The decoder's limit.
        limit_bytes: usize,
        /// What the peer announced.
        actual_bytes: u64,
    },
    /// The stream ended inside a record.
    #[error("the event stream ended inside a record: {missing_bytes} bytes are missing")]
    Truncated {
        /// How many bytes of the record never came; 0 if its length line was cut.
        missing_bytes: usize,
    },
}

/// Takes records out of a growing buffer.
///
/// ```
/// use bytes::BytesMut;
/// use mesos::recordio::Decoder;
///
/// let mut decoder = Decoder::default();
/// let mut buffer = BytesMut::from("5\nhello3\nab");
/// assert_eq!(decoder.decode(&mut buffer).unwrap().unwrap(), "hello");
/// assert_eq!(decoder.decode(&mut buffer).unwrap(), None); // needs one more byte
/// buffer.extend_from_slice(b"c");
/// assert_eq!(decoder.decode(&mut buffer).unwrap().unwrap(), "abc");
/// ```
#[derive(Debug)]
pub struct Decoder {
    max_record_bytes: usize,
    /// The length of the record whose line has been read, so that it is read once.
    pending: Option<usize>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::with_max_record_bytes(DEFAULT_MAX_RECORD_BYTES)
    }
}

impl Decoder {
    /// A decoder that refuses records of more than `max_record_bytes` bytes.
    #[must_use]
    pub fn with_max_record_bytes(max_record_bytes: usize) -> Self {
        Self { max_record_bytes, pending: None }
    }

    /// The next whole record, taken out of `buffer`, or `None` until more bytes come.
    ///
    /// Call it again with the same buffer until it returns `None`.
    ///
    /// # Errors
    ///
    /// [`Error::BadLength`] and [`Error::RecordTooLarge`]. The stream cannot be
    /// read on after either.
    pub fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Bytes>, Error> {
        loop {
            let length = match self.pending {
                Some(length) => length,
                None => match take_length(buffer)? {
                    Some(length) => self.accept(length)?,
                    None => return Ok(None),
                },
            };
            if length == 0 {
                self.pending = None;
                continue;
            }
            if buffer.len() < length {
                self.pending = Some(length);
                return Ok(None);
            }
            self.pending = None;
            return Ok(Some(buffer.split_to(length).freeze()));
        }
    }

    /// Says whether the stream may end here, with `rest` undecoded.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] when it ends inside a record.
    pub fn finish(&self, rest: &BytesMut) -> Result<(), Error> {
        match self.pending {
            Some(length) => {
                Err(Error::Truncated { missing_bytes: length - rest.len().min(length) })
            }
            None if rest.iter().all(u8::is_ascii_whitespace) => Ok(()),
            None => Err(Error::Truncated { missing_bytes: 0 }),
        }
    }

    fn accept(&self, actual_bytes: u64) -> Result<usize, Error> {
        usize::try_from(actual_bytes)
            .ok()
            .filter(|length| *length <= self.max_record_bytes)
            .ok_or(Error::RecordTooLarge { limit_bytes: self.max_record_bytes, actual_bytes })
    }
}

/// Takes one length line out of `buffer`; a blank line counts as a length of zero.
fn take_length(buffer: &mut BytesMut) -> Result<Option<u64>, Error> {
    let window = buffer.get(..buffer.len().min(MAX_LENGTH_DIGITS + 2)).unwrap_or_default();
    let Some(end) = window.iter().position(|byte| *byte == b'\n') else {
        let impossible = window.len() > MAX_LENGTH_DIGITS + 1
            || window.iter().any(|byte| !byte.is_ascii_digit() && *byte != b'\r');
        return if impossible { Err(bad_length(window)) } else { Ok(None) };
    };
    let line = window.get(..end).unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let length = parse_length(line).ok_or_else(|| bad_length(line))?;
    buffer.advance(end + 1);
    Ok(Some(length))
}

fn parse_length(line: &[u8]) -> Option<u64> {
    if line.is_empty() {
        return Some(0);
    }
    if !line.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(line).ok()?.parse().ok()
}

fn bad_length(found: &[u8]) -> Error {
    Error::BadLength { found: String::from_utf8_lossy(found).into_owned() }
}

/// One record with its length line, as a server writes it.
#[must_use]
pub fn encode(record: &[u8]) -> Bytes {
    let mut framed = BytesMut::with_capacity(record.len() + MAX_LENGTH_DIGITS + 1);
    framed.extend_from_slice(record.len().to_string().as_bytes());
    framed.extend_from_slice(b"\n");
    framed.extend_from_slice(record);
    framed.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode_in_pieces(stream: &[u8], piece_bytes: usize) -> Result<Vec<Bytes>, Error> {
        let mut decoder = Decoder::with_max_record_bytes(1000);
        let mut buffer = BytesMut::new();
        let mut records = Vec::new();
        for piece in stream.chunks(piece_bytes.max(1)) {
            buffer.extend_from_slice(piece);
            while let Some(record) = decoder.decode(&mut buffer)? {
                records.push(record);
            }
        }
        decoder.finish(&buffer).map(|()| records)
    }

    /// Streams and what every way of cutting them must give.
    fn cases() -> Vec<(&'static str, Result<Vec<&'static str>, Error>)> {
        let bad = |found: &str| Err(Error::BadLength { found: found.to_owned() });
        vec![
            ("", Ok(vec![])),
            ("1\na", Ok(vec!["a"])),
            ("5\nhello6\nworld!", Ok(vec!["hello", "world!"])),
            ("0\n3\nabc", Ok(vec!["abc"])),
            ("\n3\nabc\n", Ok(vec!["abc"])),
            ("3\r\nabc", Ok(vec!["abc"])),
            ("03\nabc", Ok(vec!["abc"])),
            ("4\n1\n2\n", Ok(vec!["1\n2\n"])),
            (" 1\na", bad(" ")),
            ("\r\n1\na", Ok(vec!["a"])),
            ("-1\na", bad("-1")),
            ("1x\na", bad("1x")),
            ("5\nhel", Err(Error::Truncated { missing_bytes: 2 })),
            ("5", Err(Error::Truncated { missing_bytes: 0 })),
            ("1001\n", Err(Error::RecordTooLarge { limit_bytes: 1000, actual_bytes: 1001 })),
        ]
    }

    #[test]
    fn every_cut_of_a_stream_gives_the_same_records() {
        for (stream, wanted) in cases() {
            for piece_bytes in 1..=stream.len().max(1) {
                let found = decode_in_pieces(stream.as_bytes(), piece_bytes);
                match (&found, &wanted) {
                    // Where garbage is noticed depends on how much of the line is there.
                    (Err(Error::BadLength { .. }), Err(Error::BadLength { .. })) => {}
                    _ => assert_eq!(
                        found,
                        wanted.clone().map(|r| r.into_iter().map(Bytes::from).collect()),
                        "{stream:?} in pieces of {piece_bytes}"
                    ),
                }
            }
        }
    }

    #[test]
    fn an_absurd_length_is_refused_without_memory_for_it() {
        let mut buffer = BytesMut::from("18446744073709551615\n");
        let error = Decoder::default().decode(&mut buffer).unwrap_err();
        assert_eq!(
            error,
            Error::RecordTooLarge { limit_bytes: DEFAULT_MAX_RECORD_BYTES, actual_bytes: u64::MAX }
        );
        assert!(buffer.capacity() < 1024 * 1024);
    }

    #[test]
    fn a_length_line_without_an_end_is_refused() {
        let mut buffer = BytesMut::from(&[b'1'; 64][..]);
        let error = Decoder::default().decode(&mut buffer).unwrap_err();
        assert!(matches!(error, Error::BadLength { .. }), "{error:?}");
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(
            records in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..50), 0..8),
            piece_bytes in 1_usize..40,
        ) {
            let stream: Vec<u8> = records.iter().flat_map(|r| encode(r)).collect();
            let decoded = decode_in_pieces(&stream, piece_bytes).unwrap();
            prop_assert_eq!(decoded, records);
        }

        #[test]
        fn no_input_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), piece in 1_usize..20) {
            let _ = decode_in_pieces(&bytes, piece);
        }
    }
}
