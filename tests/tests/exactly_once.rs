//! The real client over lines that lose and garble: what is asked runs once at most.

use lastword_client::client::{CallError, Client, GreetError, Options as ClientOptions, Unwelcome};
use lastword_protocol::decoder::{Decoder, Manner, Step};
use lastword_protocol::frame::{self, Class, Frame, Header, Packet};
use lastword_protocol::hello::{self, Hello, Welcome};
use lastword_protocol::identity::{CURRENT, OLDEST};
use lastword_protocol::message::{Reply, Request};
use lastword_protocol::power::{Operation, PowerRequest, Standdown};
use lastword_protocol::refusal::Code;
use lastword_protocol::{ClientId, Instant, Millis, Nonce, OperationId, Sequence, Text};
use lastword_tests::board::{Board, Options};
use lastword_tests::socket::{HostSocket, Socket};
use lastword_tests::uart::{Rates, Side, Uart};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

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

/// The longest frame here, in bytes.
const ROOM: usize = 512;

/// A client that sends what it likes over a connection.
struct Peer {
    stream: HostSocket,
    decoder: Decoder<ROOM>,
}

impl Peer {
    /// Connects and greets; returns the session's nonce and whether it is resumed, too.
    async fn greet(socket: &Socket, board: &Board) -> (Self, Nonce, bool) {
        board.accept(socket.agent_end());
        let mut peer = Self {
            stream: socket.host_end(),
            decoder: Decoder::new(Manner::HOST_STREAM),
        };
        let hello = Hello {
            client: ClientId(7),
            oldest: OLDEST,
            current: CURRENT,
            take_over: false,
            name: Text::new(),
        };
        let hello = hello::ask(Sequence(1), &hello).expect("room");
        peer.send(&hello).await;
        let Welcome { nonce, resumed, .. }: Welcome = peer.next(hello::decode).await;
        peer.decoder.enter(Some(nonce));
        (peer, nonce, resumed)
    }

    async fn send(&mut self, packet: &Packet<ROOM>) {
        self.stream.write_all(packet).await.expect("a connection");
    }

    /// What `read` makes of the next frame.
    async fn next<T>(&mut self, read: impl Fn(&Frame<'_>) -> Option<T>) -> T {
        loop {
            let byte = timeout(Duration::from_mins(1), self.stream.read_u8()).await;
            let byte = byte.expect("an answer").expect("a connection");
            if let Step::Frame(frame) = self.decoder.push(Instant(0), byte) {
                return read(&frame).expect("a frame of that kind");
            }
        }
    }

    async fn reply(&mut self) -> Reply {
        self.next(|frame| Reply::decode(frame.header.opcode, frame.body).ok())
            .await
    }
}

/// While the backend is made ready, which may take seconds, the connection breaks.
#[tokio::test(start_paused = true)]
async fn a_request_whose_link_breaks_before_its_answer_is_answered_on_the_next() {
    let board = Board::without_ports(Options::default(), || {});
    board.disk.hold("Staged");
    let first = Socket::default();
    let (mut peer, nonce, _) = Peer::greet(&first, &board).await;
    let reboot = Header::new(Class::Request, Sequence(1), Request::Reboot.opcode());
    let reboot = frame::encode(reboot, nonce, |_| Some(0)).unwrap();
    peer.send(&reboot).await;
    board.disk.caught().await;
    first.reset();
    let (mut peer, again, resumed) = Peer::greet(&Socket::default(), &board).await;
    assert_eq!((again, resumed), (nonce, true));
    board.disk.let_go();
    assert_eq!(board.stood_down().await, Standdown::AckFailed);
    for _ in 0..2 {
        peer.send(&reboot).await;
        let reply = peer.reply().await;
        let told = matches!(&reply, Reply::Refused(refusal) if refusal.code == Code::Aborted);
        assert!(told, "{reply:?}");
    }
    assert_eq!((board.reset.prepared(), board.reset.fires().len()), (1, 0));
}
