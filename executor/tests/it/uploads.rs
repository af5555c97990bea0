//! A result counts only once the file server has confirmed it.

use std::io::Write;
use std::net::TcpListener;
use std::sync::atomic::Ordering;

use crate::common::{PICTURE, Server, answer, file_server, one, receipt, task};
use protocol::{Class, ImageReport, Outcome, Task};

async fn upload_to(server: &Server) -> ImageReport {
    let origin = Server::saying("200 OK", PICTURE);
    let image = one(&task(server, &[origin.url("/a.ppm")])).await;
    assert_eq!(image.outcome() == Outcome::Done, image.class() == Class::Ok);
    image
}

#[tokio::test]
async fn a_wrong_token_is_final() {
    let (server, stored) = file_server();
    let origin = Server::saying("200 OK", PICTURE);
    let task =
        Task { upload_token: Some("s3cret".into()), ..task(&server, &[origin.url("/a.ppm")]) };
    let image = one(&task).await;
    assert_eq!(image.class(), Class::Upload);
    assert!(image.message.contains("401") && !image.message.contains("s3cret"), "{image:?}");
    assert_eq!(server.requests.load(Ordering::SeqCst), 1);
    assert!(stored.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_failing_server_is_tried_again() {
    let server = Server::start(|number, request, stream| {
        let reply = match number {
            0 => answer("500 Internal Server Error", b"the disk hiccuped"),
            1 => answer("507 Insufficient Storage", b""),
            _ => answer("201 Created", receipt(&request.body).as_bytes()),
        };
        drop(stream.write_all(&reply));
    });
    assert_eq!(upload_to(&server).await.class(), Class::Ok);
    assert_eq!(server.requests.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_full_disk_has_its_class_and_is_given_time() {
    let server = Server::saying("507 Insufficient Storage", b"there is no room\n");
    let image = upload_to(&server).await;
    assert_eq!((image.class(), image.retry_after_ms), (Class::DiskFull, Some(30_000)));
    assert!(image.message.contains("there is no room"), "{}", image.message);
}

#[tokio::test]
async fn no_server_at_all_fails_after_a_few_tries() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let origin = Server::saying("200 OK", PICTURE);
    let nobody = format!("http://{free}");
    let task = Task { file_server: nobody, ..task(&origin, &[origin.url("/a.ppm")]) };
    let image = one(&task).await;
    assert_eq!(image.class(), Class::Upload);
    assert!(image.message.contains("4 times"), "{}", image.message);
}

#[tokio::test]
async fn other_bytes_than_were_sent_are_not_counted_as_stored() {
    let server = Server::start(|_, request, stream| {
        let reply = answer("201 Created", receipt(&request.body[1..]).as_bytes());
        drop(stream.write_all(&reply));
    });
    let image = upload_to(&server).await;
    assert_eq!(image.class(), Class::Upload);
    assert!(image.message.contains("other bytes"), "{}", image.message);
}

#[tokio::test]
async fn something_else_that_answers_is_no_file_server() {
    let image = upload_to(&Server::saying("200 OK", b"<html>hello</html>")).await;
    assert_eq!(image.class(), Class::Upload);
    assert!(image.message.contains("not this project's file server"), "{}", image.message);
}
