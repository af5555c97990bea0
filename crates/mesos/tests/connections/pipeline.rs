//! Calls that do not wait for the answers to those before them.

use futures_util::FutureExt;
use mesos::client::CallError;
use mesos::scheduler::{Calls, Event, Events};
use mesos::v1::scheduler::{Call, call};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::loss::{Told, leads};
use crate::{accept, driver, listen, next, peer};

const TAKEN: &str = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";

/// A connection with calls, as the master has it.
struct Line {
    socket: TcpStream,
    bytes: Vec<u8>,
}

impl Line {
    async fn accept(listener: &TcpListener) -> Self {
        Self { socket: listener.accept().await.unwrap().0, bytes: Vec::new() }
    }

    async fn call(&mut self) -> call::Type {
        let (_, call) = peer::take::<Call>(&mut self.socket, &mut self.bytes).await;
        call.r#type()
    }

    async fn answer(&mut self, text: &str) {
        self.socket.write_all(text.as_bytes()).await.unwrap();
    }
}

/// A driver that has made one call, so that more than one may be on the way.
async fn used(listener: &TcpListener) -> (Events, Calls, TcpStream, Line) {
    let (mut events, calls) = driver(listener).connect().unwrap();
    let stream = accept(listener, 15.0).await;
    next(&mut events).await;
    let revive = calls.revive();
    let mut line = Line::accept(listener).await;
    assert_eq!(line.call().await, call::Type::Revive);
    line.answer(TAKEN).await;
    revive.await.unwrap();
    (events, calls, stream, line)
}

#[tokio::test]
async fn the_first_call_of_a_connection_goes_alone_and_then_more_and_more() {
    let listener = listen().await;
    let (_events, calls, _stream, mut line) = used(&listener).await;
    let mut answers: Vec<_> = (0..12).map(|_| calls.suppress()).collect();
    for at_once in [2, 8, 2] {
        for _ in 0..at_once {
            assert_eq!(line.call().await, call::Type::Suppress);
        }
        let more = line.socket.read_buf(&mut line.bytes).now_or_never();
        assert!(more.is_none(), "more than {at_once} without an answer");
        line.answer(&TAKEN.repeat(at_once)).await;
        for answer in answers.drain(..at_once) {
            answer.await.unwrap();
        }
    }
}

#[tokio::test]
async fn each_call_gets_its_own_answer() {
    let listener = listen().await;
    let (_events, calls, _stream, mut line) = used(&listener).await;
    let (refused, taken) = (calls.suppress(), calls.revive());
    line.call().await;
    line.call().await;
    line.answer("HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nwhy").await;
    let error = CallError::Rejected { status: 400, body: "why".into() };
    assert_eq!(refused.await, Err(error));
    line.answer(TAKEN).await;
    taken.await.unwrap();
}

#[tokio::test]
async fn what_a_closing_master_has_not_looked_at_goes_again_in_order() {
    let listener = listen().await;
    let (_events, calls, _stream, mut line) = used(&listener).await;
    let (first, second) = (calls.suppress(), calls.revive());
    line.call().await;
    line.call().await;
    line.answer("HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await;
    first.await.unwrap();
    let third = calls.suppress();
    let mut line = Line::accept(&listener).await;
    assert_eq!(line.call().await, call::Type::Revive);
    line.answer(TAKEN).await;
    assert_eq!(line.call().await, call::Type::Suppress);
    line.answer(TAKEN).await;
    second.await.unwrap();
    third.await.unwrap();
}

#[tokio::test]
async fn nothing_that_was_not_looked_at_overtakes_a_call_that_must_be_made_again() {
    let listener = listen().await;
    let (mut events, calls, _stream, mut line) = used(&listener).await;
    let (refused, behind) = (calls.suppress(), calls.revive());
    line.call().await;
    line.call().await;
    line.answer("HTTP/1.1 503 Later\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await;
    assert!(refused.await.unwrap_err().is_retryable());
    assert_eq!(behind.await, Err(CallError::NotSubscribed));
    assert!(matches!(next(&mut events).await, Event::Disconnected { .. }));
    let _stream = accept(&listener, 15.0).await;
    assert!(matches!(next(&mut events).await, Event::Subscribed { first: false, .. }));
}

#[tokio::test]
async fn of_calls_that_break_off_together_all_are_unknown_and_the_loss_is_told_once() {
    let listener = listen().await;
    let (mut events, calls, _stream, mut line) = used(&listener).await;
    let (first, second, third) = (calls.suppress(), calls.revive(), calls.suppress());
    line.call().await;
    line.call().await;
    drop(line);
    assert!(matches!(first.await, Err(CallError::Transport(_))));
    assert!(matches!(second.await, Err(CallError::Transport(_))));
    assert_eq!(third.await, Err(CallError::NotSubscribed), "it was not sent yet");
    assert!(matches!(next(&mut events).await, Event::Disconnected { .. }));
    let _stream = accept(&listener, 15.0).await;
    assert!(matches!(next(&mut events).await, Event::Subscribed { first: false, .. }));
}

#[tokio::test]
async fn a_connection_that_was_closed_while_nothing_was_awaited_costs_no_call() {
    let listener = listen().await;
    let (_events, calls, _stream, line) = used(&listener).await;
    drop(line);
    // The end of the connection has to arrive before the next call.
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let suppress = calls.suppress();
    let mut line = Line::accept(&listener).await;
    assert_eq!(line.call().await, call::Type::Suppress);
    line.answer(TAKEN).await;
    suppress.await.unwrap();
}

#[tokio::test]
async fn an_answer_is_read_even_where_the_connection_broke_behind_it() {
    let listener = listen().await;
    let (_events, calls, _stream, mut line) = used(&listener).await;
    let (first, second) = (calls.suppress(), calls.revive());
    line.call().await;
    line.answer("HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await;
    // With calls in it that nobody read, the connection is reset.
    drop(line);
    first.await.unwrap();
    let mut line = Line::accept(&listener).await;
    assert_eq!(line.call().await, call::Type::Revive);
    line.answer(TAKEN).await;
    second.await.unwrap();
}

#[tokio::test]
async fn bytes_behind_an_answer_are_no_answer_to_the_next_call() {
    let listener = listen().await;
    let (_events, calls, _stream, mut line) = used(&listener).await;
    let suppress = calls.suppress();
    line.call().await;
    line.answer(&[TAKEN, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"].concat())
        .await;
    suppress.await.unwrap();
    let revive = calls.revive();
    let mut line = Line::accept(&listener).await;
    assert_eq!(line.call().await, call::Type::Revive);
    line.answer(TAKEN).await;
    revive.await.unwrap();
}

#[tokio::test]
async fn calls_to_a_new_master_do_not_wait_for_the_old_one() {
    let (first, second) = (listen().await, listen().await);
    let (news, told) = mpsc::unbounded_channel();
    let (mut events, calls) = driver(&first).connect_with(Told(told)).unwrap();
    news.send(leads(&first)).unwrap();
    let _stream = accept(&first, 15.0).await;
    next(&mut events).await;
    let unanswered = calls.revive();
    let mut silent = Line::accept(&first).await;
    silent.call().await;
    news.send(leads(&second)).unwrap();
    assert!(matches!(next(&mut events).await, Event::Disconnected { .. }));
    let _stream = accept(&second, 15.0).await;
    assert!(matches!(next(&mut events).await, Event::Subscribed { first: false, .. }));
    let suppress = calls.suppress();
    let mut line = Line::accept(&second).await;
    assert_eq!(line.call().await, call::Type::Suppress);
    line.answer(TAKEN).await;
    suppress.await.unwrap();
    assert!(matches!(unanswered.await, Err(CallError::Transport(_))));
}
