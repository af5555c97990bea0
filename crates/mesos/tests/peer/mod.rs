//! A scripted peer on loopback: reads calls, answers as the test says.

use mesos::codec::Codec;
use mesos::recordio;
use mesos::wire::Wire;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// One request as the peer read it.
pub(crate) struct Request<C, S = TcpStream> {
    pub(crate) headers: String,
    pub(crate) call: C,
    pub(crate) socket: S,
}

impl<C, S: AsyncWrite + Unpin> Request<C, S> {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    pub(crate) async fn answer(mut self, head: &str) {
        let text = format!("HTTP/1.1 {head}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        self.socket.write_all(text.as_bytes()).await.unwrap();
    }

    /// Answers with a stream that begins with `event`.
    pub(crate) async fn stream(mut self, headers: &str, event: &impl Wire) -> S {
        let head = format!("HTTP/1.1 200 OK\r\n{headers}\r\n");
        self.socket.write_all(head.as_bytes()).await.unwrap();
        send_in(codec(self.header("content-type")), &mut self.socket, event).await;
        self.socket
    }
}

pub(crate) async fn send(stream: &mut (impl AsyncWrite + Unpin), event: &impl Wire) {
    send_in(Codec::Protobuf, stream, event).await;
}

pub(crate) async fn send_in(
    codec: Codec,
    stream: &mut (impl AsyncWrite + Unpin),
    event: &impl Wire,
) {
    let record = recordio::encode(&codec.encode(event));
    stream.write_all(&record).await.unwrap();
    stream.flush().await.unwrap();
}

/// The next request of a new connection, whole.
pub(crate) async fn request<C: Wire>(listener: &TcpListener) -> Request<C> {
    let (socket, _) = listener.accept().await.unwrap();
    read(socket).await
}

/// The next request of a connection, whole.
pub(crate) async fn read<C: Wire, S: AsyncRead + AsyncWrite + Unpin>(
    mut socket: S,
) -> Request<C, S> {
    let (headers, call) = take(&mut socket, &mut Vec::new()).await;
    Request { headers, call, socket }
}

/// The next request of a connection; `bytes` is what was read of the one after it.
pub(crate) async fn take<C: Wire>(
    socket: &mut (impl AsyncRead + Unpin),
    bytes: &mut Vec<u8>,
) -> (String, C) {
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        assert_ne!(socket.read_buf(bytes).await.unwrap(), 0);
    };
    let headers = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let length: usize = header(&headers, "content-length").unwrap().parse().unwrap();
    while bytes.len() < end + length {
        assert_ne!(socket.read_buf(bytes).await.unwrap(), 0);
    }
    let body: Vec<u8> = bytes.drain(..end + length).skip(end).collect();
    let call = codec(header(&headers, "content-type")).decode(&body).unwrap();
    (headers, call)
}

fn header<'a>(headers: &'a str, name: &str) -> Option<&'a str> {
    headers.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// What a request is written in.
fn codec(content_type: Option<&str>) -> Codec {
    match content_type {
        Some("application/json") => Codec::Json,
        _ => Codec::Protobuf,
    }
}
