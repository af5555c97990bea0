//! Long JPEGs on their way take no more memory than their slots say, however fast they come and
//! however slowly they are taken.

#![cfg(test)]

#[expect(dead_code, reason = "tests use a part of it each")]
#[path = "it/common.rs"]
mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use common::{ending, info, reports, runner, task_with};
use executor::budget::SLOT_BYTES;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use mesos::v1::TaskState;
use peak_alloc::PeakAlloc;
use protocol::{Class, Limits, Task};
use sha2::{Digest, Sha256};
use tokio::time::timeout;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const IMAGES: usize = 32;
/// In pixels. More bytes come of it than the kernel keeps for two connections.
const SIDE: u16 = 1_900;
/// For the servers, whose memory is counted too.
const SMALL: usize = 1 << 10;
const IN_TIME: Duration = Duration::from_secs(120);

/// A picture of noise, which is long for its size.
fn noise() -> Vec<u8> {
    let mut noise = 0x5eed_u32;
    let mut sample = || {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        noise.to_be_bytes()[0]
    };
    let samples: Vec<u8> = (0..usize::from(SIDE).pow(2) * 3).map(|_| sample()).collect();
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, 85);
    encoder.set_sampling_factor(SamplingFactor::F_1_1);
    encoder.encode(&samples, SIDE, SIDE, ColorType::Rgb).unwrap();
    file
}

/// Answers each connection on a thread of its own.
fn serve(answer: impl Fn(TcpStream) -> Option<()> + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            thread::spawn(move || answer(stream));
        }
    });
    address
}

/// Reads the head of a request.
fn head(stream: &mut impl BufRead) -> Option<()> {
    let mut line = String::new();
    while stream.read_line(&mut line).ok()? > 2 {
        line.clear();
    }
    Some(())
}

/// How long the chunk is that begins here; 0 for the last.
fn chunk_bytes(body: &mut impl BufRead) -> Option<u64> {
    let mut line = String::new();
    body.read_line(&mut line).ok()?;
    u64::from_str_radix(line.trim_end(), 16).ok()
}

/// Sends `file` as fast as it is taken.
fn origin(file: Vec<u8>) -> SocketAddr {
    serve(move |mut stream| {
        head(&mut BufReader::with_capacity(SMALL, stream.try_clone().ok()?))?;
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", file.len()).ok()?;
        stream.write_all(&file).ok()
    })
}

/// Takes nothing of any upload until all have begun.
fn file_server() -> SocketAddr {
    let all = Barrier::new(IMAGES);
    serve(move |mut stream| {
        let mut request = BufReader::with_capacity(SMALL, stream.try_clone().ok()?);
        head(&mut request)?;
        all.wait();
        let (mut digest, mut bytes) = (Sha256::new(), 0);
        while let length @ 1.. = chunk_bytes(&mut request)? {
            bytes += length;
            let mut chunk = request.by_ref().take(length);
            while let piece @ [_, ..] = chunk.fill_buf().ok()? {
                digest.update(piece);
                let taken = piece.len();
                chunk.consume(taken);
            }
            head(&mut request)?;
        }
        head(&mut request)?;
        let digest: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let receipt = format!(r#"{{"path":"x","bytes":{bytes},"sha256":"{digest}"}}"#);
        let length = receipt.len();
        write!(stream, "HTTP/1.1 201 Created\r\nContent-Length: {length}\r\n\r\n{receipt}").ok()
    })
}

// One test, for the allocator counts what all threads do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_is_as_large_as_it_says() {
    let file = noise();
    let origin = origin(file);
    let urls: Vec<_> = (0..IMAGES).map(|number| format!("http://{origin}/{number}.jpg")).collect();
    let task = Task {
        limits: Limits { max_pixels: 0, ..Limits::default() },
        ..task_with(format!("http://{}", file_server()), &urls)
    };
    let mut runner = runner();
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    runner.launch(info("t", task.to_payload())).unwrap();
    let status = timeout(IN_TIME, ending(&mut runner)).await.unwrap();
    let bytes = MEMORY.peak_usage() - before;
    assert_eq!(status.state(), TaskState::TaskFinished, "{:?}", status.message);
    let images = reports(&status);
    assert!(images.iter().all(|image| image.class() == Class::Ok), "{images:?}");
    let each = bytes / IMAGES;
    assert!(each as u64 <= SLOT_BYTES, "each picture took {each} bytes");
}
