//! Answers out of the bytes of a connection, one after the other. Pure.

use bytes::{Buf, BytesMut};

/// How much of a body is kept, for messages; the rest is passed over.
const MAX_BODY_KEPT_BYTES: usize = 4096;
/// How long a head may be.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// How long the line before a chunk may be.
const MAX_CHUNK_LINE_BYTES: usize = 4096;
const MAX_HEADERS: usize = 64;

/// The answer to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// Its beginning.
    pub(crate) body: String,
    pub(crate) after: After,
}

/// What comes after an answer on its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// The next answer.
    Next,
    /// Nothing, and what was sent later was not looked at
    /// ([RFC 9112, 9.6](https://www.rfc-editor.org/rfc/rfc9112#section-9.6)).
    Closed,
    /// Nothing, and nobody knows about what was sent later.
    Lost,
}

/// What came is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("what came back is not HTTP ({0})")]
    Head(httparse::Error),
    #[error("the head of what came back is longer than {MAX_HEAD_BYTES} bytes")]
    LongHead,
    #[error("what came back has a length that cannot be read")]
    Length,
    #[error("what came back is not in chunks as it says")]
    Chunk,
    #[error("the connection was closed in the middle of an answer")]
    CutOff,
}

/// Reads answers. Bytes are taken out of the buffer as soon as they are understood.
#[derive(Debug, Default)]
pub(crate) struct Responses(Option<Reading>);

/// An answer whose head is known.
#[derive(Debug)]
struct Reading {
    status: u16,
    after: After,
    body: Vec<u8>,
    rest: Rest,
}

/// What is still to come of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// So many bytes.
    Bytes(u64),
    /// The line before a chunk.
    ChunkLine,
    /// So many bytes of a chunk.
    Chunk(u64),
    /// The end of the line behind a chunk.
    ChunkEnd,
    /// Lines after the last chunk, up to an empty one.
    Trailer,
    /// All until the connection is closed.
    All,
}

impl Responses {
    /// The next answer, if it is there as a whole.
    ///
    /// # Errors
    ///
    /// When what is there is no answer; nothing more can be read then.
    pub(crate) fn next(&mut self, bytes: &mut BytesMut) -> Result<Option<Response>, Malformed> {
        loop {
            let reading = match &mut self.0 {
                Some(reading) => reading,
                None => match head(bytes)? {
                    // Not the answer yet: 100, 103.
                    Some(reading) if reading.status < 200 => continue,
                    Some(reading) => self.0.insert(reading),
                    None => return Ok(None),
                },
            };
            if !reading.read(bytes)? {
                return Ok(None);
            }
            return Ok(self.0.take().map(Reading::done));
        }
    }

    /// Whether no answer has begun.
    pub(crate) fn is_idle(&self) -> bool {
        self.0.is_none()
    }

    /// The answer that the end of the connection completes; none if there was nothing of one.
    ///
    /// # Errors
    ///
    /// When an answer is cut off; `bytes` is what was left of the last [`Self::next`].
    pub(crate) fn end(&mut self, bytes: &BytesMut) -> Result<Option<Response>, Malformed> {
        match self.0.take() {
            Some(reading) if reading.rest == Rest::All => Ok(Some(reading.done())),
            None if bytes.is_empty() => Ok(None),
            Some(_) | None => Err(Malformed::CutOff),
        }
    }
}

impl Reading {
    /// True when the body is complete.
    fn read(&mut self, bytes: &mut BytesMut) -> Result<bool, Malformed> {
        loop {
            self.rest = match self.rest {
                Rest::Bytes(0) => return Ok(true),
                Rest::Bytes(left) => {
                    let left = self.take(bytes, left);
                    if left > 0 {
                        self.rest = Rest::Bytes(left);
                        return Ok(false);
                    }
                    Rest::Bytes(0)
                }
                Rest::Chunk(0) => Rest::ChunkEnd,
                Rest::Chunk(left) => {
                    let left = self.take(bytes, left);
                    if left > 0 {
                        self.rest = Rest::Chunk(left);
                        return Ok(false);
                    }
                    Rest::ChunkEnd
                }
                Rest::ChunkLine => match chunk_line(bytes)? {
                    None => return Ok(false),
                    Some(0) => Rest::Trailer,
                    Some(size) => Rest::Chunk(size),
                },
                Rest::ChunkEnd => match line(bytes)? {
                    None => return Ok(false),
                    Some(0) => Rest::ChunkLine,
                    Some(_) => return Err(Malformed::Chunk),
                },
                Rest::Trailer => match line(bytes)? {
                    None => return Ok(false),
                    Some(0) => Rest::Bytes(0),
                    Some(_) => Rest::Trailer,
                },
                Rest::All => {
                    self.take(bytes, u64::MAX);
                    return Ok(false);
                }
            };
        }
    }

    /// Takes at most so many bytes of the body; how many are missing.
    fn take(&mut self, bytes: &mut BytesMut, most: u64) -> u64 {
        let there = usize::try_from(most).unwrap_or(usize::MAX).min(bytes.len());
        let taken = bytes.split_to(there);
        let room = MAX_BODY_KEPT_BYTES.saturating_sub(self.body.len());
        self.body.extend(taken.iter().take(room));
        most.saturating_sub(u64::try_from(there).unwrap_or(u64::MAX))
    }

    fn done(self) -> Response {
        let body = String::from_utf8_lossy(&self.body).trim().to_owned();
        Response { status: self.status, body, after: self.after }
    }
}

/// Takes the head of an answer out of the buffer, if it is there as a whole.
fn head(bytes: &mut BytesMut) -> Result<Option<Reading>, Malformed> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let length = match response.parse(bytes).map_err(Malformed::Head)? {
        httparse::Status::Complete(length) => length,
        httparse::Status::Partial if bytes.len() > MAX_HEAD_BYTES => {
            return Err(Malformed::LongHead);
        }
        httparse::Status::Partial => return Ok(None),
    };
    let status = response.code.unwrap_or_default();
    let rest = rest(status, response.headers)?;
    let after = if has(response.headers, "connection", "close") {
        After::Closed
    } else if response.version == Some(0) || rest == Rest::All {
        // Before HTTP/1.1 a connection ends with its answer; others end with a body whose length
        // is not told.
        After::Lost
    } else {
        After::Next
    };
    bytes.advance(length);
    Ok(Some(Reading { status, after, body: Vec::new(), rest }))
}

/// How long the body is: [RFC 9112, 6.3](https://www.rfc-editor.org/rfc/rfc9112#section-6.3).
fn rest(status: u16, headers: &[httparse::Header<'_>]) -> Result<Rest, Malformed> {
    if status < 200 || status == 204 || status == 304 {
        return Ok(Rest::Bytes(0));
    }
    if has(headers, "transfer-encoding", "chunked") {
        return Ok(Rest::ChunkLine);
    }
    let Some(length) = values(headers, "content-length").next() else { return Ok(Rest::All) };
    length.trim().parse().map(Rest::Bytes).map_err(|_| Malformed::Length)
}

/// Whether a header of that name has that word in its list.
fn has(headers: &[httparse::Header<'_>], name: &str, word: &str) -> bool {
    values(headers, name)
        .any(|value| value.split(',').any(|it| it.trim().eq_ignore_ascii_case(word)))
}

fn values<'a>(headers: &[httparse::Header<'a>], name: &str) -> impl Iterator<Item = &'a str> {
    let named = headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name));
    named.filter_map(|header| std::str::from_utf8(header.value).ok())
}

/// Takes a line out of the buffer, if it is there as a whole: how long it is without its end.
fn line(bytes: &mut BytesMut) -> Result<Option<usize>, Malformed> {
    let Some(length) = bytes.iter().position(|&byte| byte == b'\n') else {
        let is_too_long = bytes.len() > MAX_CHUNK_LINE_BYTES;
        return if is_too_long { Err(Malformed::Chunk) } else { Ok(None) };
    };
    let line = bytes.split_to(length + 1);
    Ok(Some(length - usize::from(line.ends_with(b"\r\n"))))
}

/// Takes the line before a chunk out of the buffer: how long the chunk is.
fn chunk_line(bytes: &mut BytesMut) -> Result<Option<u64>, Malformed> {
    match httparse::parse_chunk_size(bytes) {
        Ok(httparse::Status::Complete((length, size))) => {
            bytes.advance(length);
            Ok(Some(size))
        }
        Ok(httparse::Status::Partial) if bytes.len() <= MAX_CHUNK_LINE_BYTES => Ok(None),
        Ok(httparse::Status::Partial) | Err(_) => Err(Malformed::Chunk),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn response(status: u16, body: &str, after: After) -> Response {
        Response { status, body: body.to_owned(), after }
    }

    /// Everything that is answered on a connection that brings these bytes and is closed then.
    fn read(pieces: &[&[u8]]) -> Result<Vec<Response>, Malformed> {
        let (mut responses, mut bytes) = (Responses::default(), BytesMut::new());
        let mut all = Vec::new();
        for piece in pieces {
            bytes.extend_from_slice(piece);
            while let Some(response) = responses.next(&mut bytes)? {
                all.push(response);
            }
        }
        all.extend(responses.end(&bytes)?);
        Ok(all)
    }

    const THREE: &[u8] = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n\
        HTTP/1.1 100 Continue\r\n\r\n\
        HTTP/1.1 400 Bad Request\r\ntransfer-encoding: Chunked\r\n\r\n\
        6;x=y\r\nFailed\r\n7\r\n to say\r\n0\r\nTrailer: 1\r\n\r\n\
        HTTP/1.1 403 Forbidden\r\nConnection: Keep-Alive, Close\r\nContent-Length: 3\r\n\r\nno\n";

    fn three() -> Vec<Response> {
        vec![
            response(202, "", After::Next),
            response(400, "Failed to say", After::Next),
            response(403, "no", After::Closed),
        ]
    }

    #[test]
    fn answers_come_one_after_the_other_with_lengths_and_in_chunks() {
        assert_eq!(read(&[THREE]), Ok(three()));
    }

    proptest! {
        #[test]
        fn where_the_bytes_are_split_makes_no_difference(cuts in prop::collection::vec(0..THREE.len(), 0..6)) {
            let mut cuts = cuts;
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut begin = 0;
            for cut in cuts.into_iter().chain([THREE.len()]) {
                pieces.push(&THREE[begin..cut]);
                begin = cut;
            }
            prop_assert_eq!(read(&pieces), Ok(three()));
        }

        #[test]
        fn nothing_that_comes_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", &bytes]);
            let _ = read(&[&bytes]);
        }
    }

    #[test]
    fn a_body_without_a_length_ends_with_the_connection() {
        let all = b"HTTP/1.1 500 Internal Server Error\r\n\r\nout of order";
        assert_eq!(read(&[all]), Ok(vec![response(500, "out of order", After::Lost)]));
        let old = b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok";
        assert_eq!(read(&[old]), Ok(vec![response(200, "ok", After::Lost)]));
        let none = b"HTTP/1.1 204 No Content\r\n\r\n";
        assert_eq!(read(&[none]), Ok(vec![response(204, "", After::Next)]));
    }

    #[test]
    fn of_a_long_body_the_beginning_is_kept_and_the_next_answer_found() {
        let mut bytes = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 100000\r\n\r\n".to_vec();
        bytes.resize(bytes.len() + 100_000, b'x');
        bytes.extend_from_slice(THREE);
        let all = read(&[&bytes]).unwrap();
        assert_eq!(all[0].body.len(), MAX_BODY_KEPT_BYTES);
        assert_eq!(all[1..], three());
    }

    #[test]
    fn what_is_no_answer_is_said_so() {
        let with = |rest: &str| read(&[format!("HTTP/1.1 200 OK\r\n{rest}").as_bytes()]);
        assert!(matches!(read(&[b"SSH-2.0-OpenSSH_9.2\r\n"]), Err(Malformed::Head(_))));
        assert_eq!(with("Content-Length: many\r\n\r\n"), Err(Malformed::Length));
        assert_eq!(with("Content-Length: 5\r\n\r\nfour"), Err(Malformed::CutOff));
        assert_eq!(with("Content-Len"), Err(Malformed::CutOff));
        let chunks = "Transfer-Encoding: chunked\r\n\r\n";
        assert_eq!(with(&format!("{chunks}zz\r\n")), Err(Malformed::Chunk));
        assert_eq!(with(&format!("{chunks}1\r\nab\r\n")), Err(Malformed::Chunk));
        let endless = format!("X: {}", "y".repeat(MAX_HEAD_BYTES));
        assert_eq!(with(&endless), Err(Malformed::LongHead));
    }
}
