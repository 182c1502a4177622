//! The client against a board in memory, with paused time.

use super::*;
use crate::endpoint::Baud;
use crate::fake_board::{FakeBoard, Fault};
use lastword_protocol::Millis;
use lastword_protocol::hello::Busy;
use lastword_protocol::units::Nonce;
use std::sync::{Arc, Mutex};

/// A client that is welcome, and the console text it hears.
async fn greeted(board: &FakeBoard) -> (Client, Arc<Mutex<Vec<u8>>>) {
    let mut client = Client::connect(board, &Options::default()).await.unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&heard);
    client.on_text(Box::new(move |text| sink.lock().unwrap().extend(text)));
    client.greet(false).await.unwrap();
    (client, heard)
}

/// Asks for the uptime while these faults befall what the board sends. The request runs once,
/// and its reply arrives; returns the console text.
async fn check(faults: &[Fault]) -> String {
    let board = FakeBoard::on_a_line();
    let (mut client, heard) = greeted(&board).await;
    board.world().faults.extend(faults);
    let reply = client.call(&Request::Uptime).await;
    assert!(
        matches!(reply, Ok(Reply::Uptime(_))),
        "{faults:?}: {reply:?}"
    );
    assert_eq!(board.world().ran, [Request::Uptime], "{faults:?}");
    client.goodbye().await.unwrap();
    String::from_utf8_lossy(&heard.lock().unwrap()).into_owned()
}

#[tokio::test(start_paused = true)]
async fn a_request_has_its_reply_and_no_console_text() {
    assert_eq!(check(&[]).await, "");
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_is_replayed_and_the_request_runs_once() {
    // The second packet after a loss is a welcome; it may be lost too.
    check(&[Fault::Lose]).await;
    check(&[Fault::Lose, Fault::Lose]).await;
    check(&[Fault::Lose, Fault::Pass, Fault::Lose]).await;
}

#[tokio::test(start_paused = true)]
async fn a_corrupted_reply_is_console_text_and_is_replayed() {
    let text = check(&[Fault::Corrupt]).await;
    assert!(!text.is_empty());
}

#[tokio::test(start_paused = true)]
async fn noise_around_a_reply_is_console_text_to_the_last_byte() {
    assert_eq!(check(&[Fault::Noise]).await, "noisemore noise\n");
}

#[tokio::test(start_paused = true)]
async fn a_board_that_reboots_in_mid_call_is_told_at_once_and_not_asked_again() {
    let board = FakeBoard::on_a_line();
    let (mut client, heard) = greeted(&board).await;
    board.world().reboot_on_uptime = true;
    let reply = client.call(&Request::Uptime).await;
    let Err(CallError::Restarted(identity)) = reply else {
        panic!("{reply:?}");
    };
    assert_eq!(*identity, board.world().identity());
    assert_eq!(board.world().ran, [Request::Uptime]);
    let heard = String::from_utf8(heard.lock().unwrap().clone()).unwrap();
    assert!(
        heard.starts_with("\x1b[0mbooting\r\n! 0 board state=up name=fake "),
        "a person reads it, too: {heard:?}"
    );

    let after = client.greet(false).await.unwrap();
    assert_eq!(after.identity.boot, identity.boot);
    assert!(client.call(&Request::Uptime).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_session_is_carried_over_to_the_next_link() {
    let board = FakeBoard::with_connections();
    let (mut client, _) = greeted(&board).await;
    client.call(&Request::Uptime).await.unwrap();
    client
        .reconnect(&board, Duration::from_secs(1))
        .await
        .unwrap();
    assert!(client.greet(false).await.unwrap().resumed);
    let reply = client.call(&Request::PowerStatus).await;
    assert!(matches!(reply, Ok(Reply::PowerStatus(_))), "{reply:?}");
}

#[tokio::test(start_paused = true)]
async fn a_board_that_does_not_answer_is_given_up_after_the_attempts() {
    let board = FakeBoard::with_connections();
    board.world().faults.extend([Fault::Lose; 5]);
    let mut client = Client::connect(&board, &Options::default()).await.unwrap();
    assert!(matches!(client.greet(false).await, Err(GreetError::Silent)));
    assert_eq!(client.clock().now(), Instant(5_000));
}

#[tokio::test(start_paused = true)]
async fn a_line_that_another_owns_is_had_by_taking_over() {
    let board = FakeBoard::on_a_line();
    board.world().owner = Some(Busy {
        owner: ClientId(7),
        idle: Millis(3_000),
        name: "alice@desk".try_into().unwrap(),
        nonce: Nonce(7),
        owned: Millis(125_000),
    });
    let mut client = Client::connect(&board, &Options::default()).await.unwrap();
    let error = client.greet(false).await.unwrap_err().to_string();
    assert_eq!(error, "line owned by alice@desk for 2 min, idle for 3 s");
    assert!(client.greet(true).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn listening_ends_in_time_and_delivers_what_no_frame_was_made_of() {
    let (near, mut far) = tokio::io::duplex(64);
    let line = FakeBoard::on_a_line();
    let mut client = Client::unconnected(&line, &Options::default());
    client.link = Some(Link::new(Box::new(near), line.baud()));
    let heard = Arc::new(Mutex::new(Vec::<u8>::new()));
    let sink = Arc::clone(&heard);
    client.on_text(Box::new(move |text| sink.lock().unwrap().extend(text)));
    tokio::io::AsyncWriteExt::write_all(&mut far, b"a\0half a frame")
        .await
        .unwrap();
    assert!(matches!(client.listen(Instant(40)).await, Ok(None)));
    assert_eq!(*heard.lock().unwrap(), b"a");
    assert!(matches!(client.listen(Instant(60)).await, Ok(None)));
    assert_eq!(*heard.lock().unwrap(), b"ahalf a frame");
    assert_eq!(client.clock().now(), Instant(60));
}

#[test]
fn a_slow_line_has_its_bytes_time_on_top() {
    let at = |baud: u32| Some(Baud(baud.try_into().unwrap()));
    assert_eq!(with_wire_time(Millis(100), None), Millis(100));
    assert_eq!(with_wire_time(Millis(100), at(115_200)), Millis(144));
    assert_eq!(with_wire_time(Millis(100), at(1_200)), Millis(4_366));
}
