//! The real client over lines that lose and garble: what is asked runs once at most.

use lastword_hil::client::{CallError, Client, GreetError, Options as ClientOptions, Unwelcome};
use lastword_protocol::message::{Reply, Request};
use lastword_protocol::power::{Operation, PowerRequest};
use lastword_protocol::{Millis, OperationId, Text};
use lastword_tests::board::{Board, Options};
use lastword_tests::uart::{Rates, Side, Uart};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::sleep;

fn reboot_in(delay: Millis) -> Request {
    Request::Power(PowerRequest {
        delay,
        ..PowerRequest::plain(Operation::Reboot)
    })
}

async fn greeted(uart: &Uart) -> Client {
    let mut client = Client::connect(uart, &ClientOptions::default())
        .await
        .expect("a line");
    client.greet(false).await.expect("a session");
    client
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_reply_is_lost_is_answered_again_and_runs_once() {
    let uart = Uart::new(115_200);
    let board = Board::on_uart(&uart, Options::default());
    let mut client = greeted(&uart).await;
    uart.strike(Side::Agent, Rates::deaf(), 0);
    let heal = async {
        sleep(Duration::from_millis(500)).await;
        assert_eq!(board.reset.prepared(), 1, "the request did arrive");
        uart.strike(Side::Agent, Rates::default(), 0);
    };
    let request = reboot_in(Millis(60_000));
    let (reply, ()) = tokio::join!(client.call(&request), heal);
    assert!(matches!(reply, Ok(Reply::Initiated(_))), "{reply:?}");
    board.reset.fired(1).await;
    assert_eq!(board.reset.prepared(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_lost_is_sent_again() {
    let uart = Uart::new(115_200);
    let board = Board::on_uart(&uart, Options::default());
    let mut client = greeted(&uart).await;
    uart.strike(Side::Host, Rates::deaf(), 0);
    let heal = async {
        sleep(Duration::from_millis(500)).await;
        uart.strike(Side::Host, Rates::default(), 0);
    };
    let request = reboot_in(Millis(0));
    let (reply, ()) = tokio::join!(client.call(&request), heal);
    assert!(matches!(reply, Ok(Reply::Initiated(_))), "{reply:?}");
    assert_eq!(
        (board.reset.prepared(), board.reset.fired(1).await.operation),
        (1, Operation::Reboot)
    );
}

#[tokio::test(start_paused = true)]
async fn a_cancel_whose_reply_is_lost_is_answered_with_what_it_did() {
    let uart = Uart::new(115_200);
    let _board = Board::on_uart(&uart, Options::default());
    let mut client = greeted(&uart).await;
    client.call(&reboot_in(Millis(60_000))).await.unwrap();
    uart.strike(Side::Agent, Rates::deaf(), 0);
    let heal = async {
        sleep(Duration::from_millis(500)).await;
        uart.strike(Side::Agent, Rates::default(), 0);
    };
    let (reply, ()) = tokio::join!(client.call(&Request::PowerCancel(None)), heal);
    assert!(matches!(reply, Ok(Reply::Cancelled(_))), "{reply:?}");
}

/// One conversation over a line that strikes one byte in `bytes`; whether it was answered.
async fn lossy(seed: u64, bytes: u32) -> bool {
    let uart = Uart::new(115_200);
    let board = Board::on_uart(&uart, Options::default());
    uart.strike(Side::Agent, Rates::one_in(bytes), seed);
    uart.strike(Side::Host, Rates::one_in(bytes), !seed);
    let mut client = Client::connect(&uart, &ClientOptions::default())
        .await
        .expect("a line");
    if client.greet(false).await.is_err() {
        assert_eq!(board.reset.prepared(), 0, "seed {seed}");
        return false;
    }
    let reply = client.call(&reboot_in(Millis(60_000))).await;
    sleep(Duration::from_mins(2)).await;
    let (prepared, fired) = (board.reset.prepared(), board.reset.fires().len());
    assert!(
        prepared <= 1 && fired <= prepared,
        "seed {seed}: {reply:?} {board:?}"
    );
    match reply {
        Ok(Reply::Initiated(_)) => assert_eq!((prepared, fired), (1, 1), "seed {seed}: {board:?}"),
        Ok(other) => panic!("seed {seed}: {other:?}"),
        Err(CallError::Silent) => return false,
        Err(error) => panic!("seed {seed}: {error:?}"),
    }
    true
}

#[tokio::test(start_paused = true)]
async fn over_a_lossy_line_a_request_runs_once_or_never_whatever_the_seed() {
    let mut answered = 0;
    for seed in 0..60 {
        answered += u32::from(lossy(seed, 500).await);
    }
    assert!(answered >= 40, "only {answered} of 60 were answered");
}

#[tokio::test(start_paused = true)]
async fn console_text_between_and_inside_of_frames_costs_a_retry_and_no_answer() {
    let uart = Uart::new(115_200);
    let board = Board::on_uart(&uart, Options::default());
    let console = tokio::spawn({
        let uart = uart.clone();
        async move {
            loop {
                uart.inject(Side::Agent, b"[   12.345678] usb 1-1: reboot\r\n");
                sleep(Duration::from_millis(7)).await;
            }
        }
    });
    let mut client = Client::connect(&uart, &ClientOptions::default())
        .await
        .unwrap();
    let text = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&text);
    client.on_text(Box::new(move |bytes| {
        heard.lock().unwrap().extend_from_slice(bytes);
    }));
    client.greet(false).await.unwrap();
    for _ in 0..20 {
        let reply = client.call(&Request::Uptime).await;
        assert!(matches!(reply, Ok(Reply::Uptime(_))), "{reply:?}");
    }
    let reply = client.call(&reboot_in(Millis(0))).await;
    assert!(matches!(reply, Ok(Reply::Initiated(_))), "{reply:?}");
    board.reset.fired(1).await;
    console.abort();
    let text = String::from_utf8_lossy(&text.lock().unwrap()).into_owned();
    assert!(text.contains("usb 1-1: reboot"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn text_right_behind_frames_is_no_command() {
    let uart = Uart::new(115_200);
    let board = Board::on_uart(&uart, Options::default());
    let mut client = greeted(&uart).await;
    client.call(&Request::Uptime).await.unwrap();
    uart.inject(Side::Host, b"\nreboot\n\rpower reboot --force\r\n");
    sleep(Duration::from_millis(500)).await;
    uart.inject(Side::Host, b"reboot\n");
    sleep(Duration::from_mins(1)).await;
    assert_eq!(board.reset.prepared(), 0);
    // Once the line was quiet for a second, a person may type again.
    uart.inject(Side::Host, b"\nreboot\n");
    board.reset.fired(1).await;
}

fn named(name: &str) -> ClientOptions {
    ClientOptions {
        name: Text::try_from(name).expect("a short name"),
        ..ClientOptions::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_has_one_owner_and_the_next_is_told_who() {
    let uart = Uart::new(115_200);
    let _board = Board::on_uart(&uart, Options::default());
    let mut alice = Client::connect(&uart, &named("alice")).await.unwrap();
    alice.greet(false).await.unwrap();
    sleep(Duration::from_secs(5)).await;

    let mut bob = Client::connect(&uart, &named("bob")).await.unwrap();
    match bob.greet(false).await {
        Err(GreetError::Unwelcome(Unwelcome::Busy(busy))) => {
            assert_eq!(busy.name.as_str(), "alice");
            assert!(busy.idle >= Millis(5_000), "{busy:?}");
        }
        other => panic!("{other:?}"),
    }
    bob.greet(true).await.unwrap();
    bob.call(&Request::Uptime).await.unwrap();

    // Her frames are of a session that is over: she greets, and is told.
    match alice.call(&Request::Uptime).await {
        Err(CallError::Unwelcome(Unwelcome::Busy(busy))) => assert_eq!(busy.name.as_str(), "bob"),
        other => panic!("{other:?}"),
    }
    bob.goodbye().await.unwrap();
    alice.greet(false).await.unwrap();
    alice.call(&Request::Uptime).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn two_clients_with_one_operation_id_reboot_the_board_once() {
    let uart = Uart::new(115_200);
    let board = Board::on_uart(&uart, Options::default());
    let request = Request::Power(PowerRequest {
        id: Some(OperationId(7)),
        delay: Millis(30_000),
        ..PowerRequest::plain(Operation::Reboot)
    });
    let mut alice = greeted(&uart).await;
    let first = alice.call(&request).await.unwrap();
    alice.goodbye().await.unwrap();
    let mut bob = greeted(&uart).await;
    assert_eq!(bob.call(&request).await.unwrap(), first);
    board.reset.fired(1).await;
    assert_eq!(board.reset.prepared(), 1);
}
