//! A JPEG that goes through in pieces ends as it would have as a whole.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::Duration;

use crate::common::{
    Server, Stored, answer, ending, file_server, info, limits, one, receipt, reports, runner, task,
};
use imaging::Pipeline;
use mesos::resources::{Resources, Scalar};
use mesos::v1::{TaskInfo, TaskState};
use protocol::{Class, ImageReport, Limits, Outcome, Task};
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(20);

const BASELINE: &[u8] = include_bytes!("../../../samples/aurora-profile.jpg");
/// More than is held as a whole.
const LONG: usize = executor::receive::START_BYTES + 40_000;

/// A sound JPEG of at least `LONG` bytes: comments do not count as pixels.
fn long(picture: &[u8], in_front: bool) -> Vec<u8> {
    let (head, tail) = picture.split_at(if in_front { 2 } else { picture.len() - 2 });
    let mut comment = vec![0xff, 0xfe, 0xff, 0xff];
    comment.resize(2 + 0xffff, b'x');
    [head, &comment.repeat(LONG / comment.len() + 1), tail].concat()
}

/// Without an end that could be known: it has to be found out by receiving.
fn endless_head(bytes: &[u8]) -> Vec<u8> {
    [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", bytes].concat()
}

async fn pass(file: &[u8], reply: Vec<u8>, limits: Limits) -> (ImageReport, Stored) {
    let origin = Server::start(move |_, _, stream| {
        // Uneven pieces, so that every border falls anywhere.
        for piece in reply.chunks(7_919) {
            if stream.write_all(piece).is_err() {
                return;
            }
        }
    });
    let (server, stored) = file_server();
    let task = Task { limits, ..task(&server, &[origin.url("/a.jpg")]) };
    let image = one(&task).await;
    agrees(file, &image, &stored);
    (image, stored)
}

/// The outcome is that of the whole file, and the result is the same to the byte.
fn agrees(file: &[u8], image: &ImageReport, stored: &Stored) {
    let stored = stored.lock().unwrap();
    match imaging::process(file, &Pipeline::invert(), &imaging::Limits::default()) {
        Ok(output) => {
            assert_eq!(image.outcome(), Outcome::Done, "{}", image.message);
            assert_eq!(stored.len(), 1);
            assert!(stored[0].1 == output.bytes, "{} bytes", stored[0].1.len());
            assert_eq!(image.bytes_out, output.bytes.len() as u64);
            assert_eq!((image.width, image.height), (output.width, output.height));
            assert_eq!((&*image.format, image.frames, &image.notes), ("jpeg", 1, &output.notes));
            assert_eq!(image.path, output.path.to_string());
        }
        Err(error) => {
            assert_eq!(image.class().as_str(), error.class.as_str(), "{}", image.message);
            assert!(image.message.contains(&error.message), "{}: {error:?}", image.message);
            assert!(stored.is_empty());
        }
    }
    assert_eq!(image.bytes_in > 0, image.class() != Class::Empty);
}

fn roomy() -> Limits {
    Limits { max_download_bytes: 8 << 20, ..limits() }
}

fn went_in_pieces(stored: &Stored) -> bool {
    let stored = stored.lock().unwrap();
    stored[0].0.to_lowercase().contains("trailer: repr-digest")
}

#[tokio::test]
async fn a_long_one_goes_in_pieces_and_a_short_one_as_a_whole() {
    for (file, in_pieces) in [
        (BASELINE.to_vec(), false),
        // The frame is known within what is held.
        (long(BASELINE, false), true),
        // And here it is not.
        (long(BASELINE, true), false),
    ] {
        for reply in [answer("200 OK", &file), endless_head(&file)] {
            let (image, stored) = pass(&file, reply, roomy()).await;
            assert_eq!(image.path, "bits");
            assert_eq!(went_in_pieces(&stored), in_pieces, "{} bytes", file.len());
        }
    }
}

#[tokio::test]
async fn damage_has_the_class_it_has_in_a_whole_file() {
    let sound = long(BASELINE, false);
    let last = sound.len();
    let cut_offs = [last - 1, last - 2, last - 70_000, LONG - 39_999, LONG];
    let mut files: Vec<Vec<u8>> = cut_offs.map(|end| sound[..end].to_vec()).to_vec();
    for (at, with) in [
        (BASELINE.len() / 2, [0xff, 0xd8]),
        (BASELINE.len() / 3, [0xff, 0xc4]),
        (last - 66_000, [0xff, 0x00]),
        (last - 2, [0xff, 0xff]),
    ] {
        let mut file = sound.clone();
        file[at..at + 2].copy_from_slice(&with);
        files.push(file);
    }
    files.push([&sound[..], b"and a tail that is no picture"].concat());
    files.push([&sound[..], &[0; 50_000]].concat());
    for file in files {
        pass(&file, answer("200 OK", &file), roomy()).await;
    }
}

#[tokio::test]
async fn damage_behind_what_is_held_is_noticed_and_nothing_is_stored() {
    // With comments between the frame and the scan, which begins behind what is held.
    let frame = BASELINE.windows(2).position(|two| two == [0xff, 0xc0]).unwrap();
    let scan = BASELINE.windows(2).rposition(|two| two == [0xff, 0xda]).unwrap();
    assert!(frame < scan);
    let mut comment = vec![0xff, 0xfe, 0xff, 0xff];
    comment.resize(2 + 0xffff, b'x');
    let comments = comment.repeat(LONG / comment.len() + 1);
    let sound = [&BASELINE[..scan], &comments, &BASELINE[scan..]].concat();
    let (image, stored) = pass(&sound, answer("200 OK", &sound), roomy()).await;
    assert!(went_in_pieces(&stored), "{image:?}");
    let mut classes = Vec::new();
    for at in (sound.len() - 20_000..sound.len()).step_by(2_345) {
        let truncated = &sound[..at];
        classes.push(pass(truncated, answer("200 OK", truncated), roomy()).await.0.class());
        let mut damaged = sound.clone();
        damaged[at..at + 2].copy_from_slice(&[0xff, 0xd8]);
        classes.push(pass(&damaged, answer("200 OK", &damaged), roomy()).await.0.class());
    }
    assert!(classes.contains(&Class::Truncated) && classes.contains(&Class::Corrupt));
}

#[tokio::test]
async fn every_kind_of_jpeg_ends_as_it_does_as_a_whole() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/imaging/tests/data/jpeg");
    for name in ["progressive.jpg", "arithmetic.jpg", "gray.jpg", "rgb.jpg", "restart-rows.jpg"] {
        let picture = std::fs::read(format!("{folder}/{name}")).unwrap();
        let file = long(&picture, false);
        pass(&file, answer("200 OK", &file), roomy()).await;
    }
}

#[tokio::test]
async fn a_download_that_breaks_off_or_is_too_long_stores_nothing() {
    let sound = long(BASELINE, false);
    let length = sound.len() + 1000;
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").into_bytes();
    let broken = [head, sound.clone()].concat();
    let cut = sound[..sound.len() - 5000].to_vec();
    for (reply, limits, class) in [
        (broken, roomy(), Class::Transfer),
        (endless_head(&cut), Limits { max_download_bytes: 280_000, ..roomy() }, Class::TooLarge),
    ] {
        let origin = Server::start(move |_, _, stream| drop(stream.write_all(&reply)));
        let (server, stored) = file_server();
        let image = one(&Task { limits, ..task(&server, &[origin.url("/a.jpg")]) }).await;
        assert_eq!(image.class(), class, "{}", image.message);
        assert!(stored.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn an_origin_that_falls_silent_in_the_middle_is_given_up() {
    let sound = long(BASELINE, false);
    let reply = answer("200 OK", &sound);
    let origin = Server::start(move |_, _, stream| {
        let _ = stream.write_all(&reply[..reply.len() - 10]);
        thread::sleep(Duration::from_secs(60));
    });
    let (server, stored) = file_server();
    let limits = Limits { idle_timeout_ms: 200, ..roomy() };
    let image = one(&Task { limits, ..task(&server, &[origin.url("/a.jpg")]) }).await;
    assert_eq!(image.class(), Class::Timeout, "{}", image.message);
    assert!(stored.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_upload_that_breaks_in_the_middle_begins_again_with_the_download() {
    let sound = long(BASELINE, false);
    let origin = Server::saying("200 OK", &sound);
    let server = Server::start(|number, request, stream| {
        let reply = match number {
            0 => return,
            1 => answer("503 Service Unavailable", b"later"),
            _ => answer("201 Created", receipt(&request.body).as_bytes()),
        };
        drop(stream.write_all(&reply));
    });
    let image = one(&Task { limits: roomy(), ..task(&server, &[origin.url("/a.jpg")]) }).await;
    assert_eq!(image.class(), Class::Ok, "{}", image.message);
    assert_eq!(origin.requests.load(Ordering::SeqCst), 3);
    let refusing = Server::saying("413 Content Too Large", b"too much");
    let image = one(&Task { limits: roomy(), ..task(&refusing, &[origin.url("/a.jpg")]) }).await;
    assert_eq!(image.class(), Class::Upload);
    assert!(image.message.contains("413") && image.message.contains("too much"), "{image:?}");
}

/// What came of one upload: that it has begun, and at its end, all of it.
fn upload_taker() -> (String, mpsc::Receiver<()>, mpsc::Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let ((begin, begun), (end, ended)) = (mpsc::channel(), mpsc::channel());
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut taken, mut piece) = (Vec::new(), [0; 4096]);
        while let Ok(length @ 1..) = stream.read(&mut piece) {
            taken.extend_from_slice(&piece[..length]);
            if taken.len() > executor::receive::START_BYTES / 2 {
                let _ = begin.send(());
            }
        }
        let _ = end.send(taken);
    });
    (format!("http://{address}"), begun, ended)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_task_gives_up_its_half_upload_and_no_other_task_does() {
    let sound = long(BASELINE, false);
    let reply = answer("200 OK", &sound);
    let stuck = Server::start(move |_, _, stream| {
        let _ = stream.write_all(&reply[..reply.len() - 10]);
        thread::sleep(Duration::from_secs(60));
    });
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let (may_go_on, reply) = (Mutex::new(may_go_on), answer("200 OK", &sound));
    let slow = Server::start(move |_, _, stream| {
        let (start, rest) = reply.split_at(LONG);
        let _ = stream.write_all(start);
        may_go_on.lock().unwrap().recv_timeout(SOON).unwrap();
        drop(stream.write_all(rest));
    });
    let (server, stored) = file_server();
    let (taker, begun, ended) = upload_taker();
    let patient = Limits { idle_timeout_ms: 60_000, download_timeout_ms: 60_000, ..roomy() };
    let of = |origin: &Server| Task { limits: patient, ..task(&server, &[origin.url("/a.jpg")]) };
    let mut runner = runner();
    let killed = Task { file_server: taker, ..of(&stuck) };
    runner.launch(info("killed", killed.to_payload())).unwrap();
    runner.launch(info("other", of(&slow).to_payload())).unwrap();
    begun.recv_timeout(SOON).unwrap();
    assert_eq!(runner.kill(&"killed".into()), None);
    let status = timeout(SOON, runner.next_status()).await.unwrap();
    assert_eq!((&*status.task_id.value, status.state()), ("killed", TaskState::TaskKilled));
    assert!(reports(&status).is_empty());
    let half = ended.recv_timeout(SOON).unwrap();
    assert!(!half.ends_with(b"\r\n\r\n"), "the upload came to an end");
    go_on.send(()).unwrap();
    let status = timeout(SOON, ending(&mut runner)).await.unwrap();
    assert_eq!((&*status.task_id.value, status.state()), ("other", TaskState::TaskFinished));
    assert_eq!(reports(&status)[0].class(), Class::Ok);
    assert_eq!(stored.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn what_a_task_has_no_room_for_is_refused_and_says_what_helps() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../samples");
    let progressive = std::fs::read(format!("{folder}/mountains-progressive.jpg")).unwrap();
    let file = long(&progressive, false);
    let origin = Server::saying("200 OK", &file);
    let (server, _) = file_server();
    for (mib, class) in [(1.0, Class::TooLarge), (64.0, Class::Ok)] {
        let mut runner = runner();
        let resources = Resources::scalars(Scalar::from_f64(1.0), Scalar::from_f64(mib)).to_wire();
        let task = Task { limits: roomy(), ..task(&server, &[origin.url("/a.jpg")]) };
        runner.launch(TaskInfo { resources, ..info("t", task.to_payload()) }).unwrap();
        let [image] =
            reports(&timeout(SOON, ending(&mut runner)).await.unwrap()).try_into().unwrap();
        assert_eq!(image.class(), class, "{}", image.message);
        assert_eq!(image.message.contains("--mem"), class == Class::TooLarge, "{}", image.message);
    }
}
