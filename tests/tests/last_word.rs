//! The promise: when a board resets, its acknowledgement is on the other side.

use crate::QUIET;
use lastword_agent::core::session::Traits;
use lastword_agent::edge::link::{Drain, Link};
use lastword_client::client::{Client, Options as ClientOptions};
use lastword_protocol::Millis;
use lastword_protocol::message::event::LinkKind;
use lastword_protocol::message::{Initiated, Reply, Request};
use lastword_protocol::power::{Backend, Evidence, Operation, PowerRequest};
use lastword_tests::board::{Board, Options};
use lastword_tests::reset::Fire;
use lastword_tests::terminal::Terminal;
use lastword_tests::uart::{Side, Uart, UartLink};
use std::time::Duration;

const BAUDS: [u32; 4] = [1_200, 9_600, 115_200, 3_000_000];

/// The acknowledgement was out before the board fired, but not long before.
#[track_caller]
fn check_fire(uart: &Uart, fire: Fire, context: &str) {
    let heard = uart.heard(Side::Agent);
    let (last_bit, _) = *heard.last().expect("an acknowledgement");
    assert!(last_bit <= fire.at, "{context}: fired before the last bit");
    assert_eq!(fire.evidence, Evidence::UartEmpty, "{context}");
    let late = fire.at - last_bit;
    // What is between the last bit and the fire is one round of asking the line.
    let round = Duration::from_secs(10) / uart.baud() + Duration::from_millis(2);
    assert!(late <= round, "{context}: {late:?} after the last bit");
}

async fn check_plain(baud: u32, in_front: usize) {
    let uart = Uart::new(baud);
    let board = Board::on_uart(&uart, QUIET);
    let mut terminal = Terminal::plain(uart.host_end()).await;
    let context = format!("{baud} baud, {in_front} lines in front");
    terminal
        .send(&("uptime\n".repeat(in_front) + "reboot\n"))
        .await;
    let fire = board.reset.fired(1).await;
    for _ in 0..in_front {
        assert!(
            terminal.line().await.starts_with("ok uptime_ms="),
            "{context}"
        );
    }
    let last = terminal.line().await;
    assert!(
        last.starts_with("ok initiated operation=reboot backend=linux op="),
        "{context}: {last}"
    );
    check_fire(&uart, fire, &context);
}

#[tokio::test(start_paused = true)]
async fn the_acknowledgement_of_a_line_arrives_before_the_fire_at_every_speed() {
    for baud in BAUDS {
        for in_front in [0, 1, 40] {
            check_plain(baud, in_front).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_goes_on_talking_does_not_put_the_fire_off() {
    for baud in [115_200, 3_000_000] {
        let uart = Uart::new(baud);
        let board = Board::on_uart(&uart, QUIET);
        let mut terminal = Terminal::plain(uart.host_end()).await;
        terminal.send("reboot\n").await;
        // A byte a byte time, for longer than the drain's deadline.
        let babble = "#".repeat(baud as usize / 10);
        let (fire, ()) = tokio::join!(board.reset.fired(1), terminal.send(&babble));
        check_fire(&uart, fire, &format!("{baud} baud"));
    }
}

#[tokio::test(start_paused = true)]
async fn the_acknowledgement_of_a_frame_arrives_before_the_fire_at_every_speed() {
    for baud in BAUDS {
        let uart = Uart::new(baud);
        let board = Board::on_uart(&uart, Options::default());
        let mut client = Client::connect(&uart, &ClientOptions::default())
            .await
            .unwrap();
        client.greet(false).await.unwrap();
        let request = Request::Power(PowerRequest::plain(Operation::Reboot));
        let reply = client.call(&request).await.unwrap();
        let fire = board.reset.fired(1).await;
        assert!(
            matches!(
                reply,
                Reply::Initiated(Initiated {
                    operation: Operation::Reboot,
                    backend: Backend::Linux,
                    ..
                })
            ),
            "{baud} baud: {reply:?}"
        );
        check_fire(&uart, fire, &format!("{baud} baud"));
    }
}

#[tokio::test(start_paused = true)]
async fn at_115200_baud_it_fires_within_two_milliseconds_of_the_last_bit() {
    let uart = Uart::new(115_200);
    let board = Board::on_uart(&uart, QUIET);
    let mut terminal = Terminal::plain(uart.host_end()).await;
    terminal.send("reboot\n").await;
    let fire = board.reset.fired(1).await;
    let last_bit = uart.heard(Side::Agent).last().unwrap().0;
    let late = fire.at - last_bit;
    assert!(late <= Duration::from_millis(2), "{late:?}");
}

/// A link that says of every byte that it has left.
#[derive(Debug)]
pub(crate) struct Hasty(pub(crate) UartLink);

lastword_tests::wrapper_io!(Hasty);

impl Link for Hasty {
    fn traits(&self) -> Traits {
        self.0.traits()
    }

    fn kind(&self) -> LinkKind {
        self.0.kind()
    }

    fn peer(&self) -> String {
        self.0.peer()
    }

    fn describe(&self) -> String {
        self.0.describe()
    }

    fn wire_time(&self, bytes: usize) -> Millis {
        self.0.wire_time(bytes)
    }

    fn drained(&mut self, _await_close: bool) -> std::io::Result<Drain> {
        Ok(Drain::Left(Evidence::UartEmpty))
    }
}

/// The harness can fail: the same agent, on a link that does not wait, loses its last word.
#[tokio::test(start_paused = true)]
async fn a_board_that_does_not_wait_for_the_drain_is_seen_losing_its_acknowledgement() {
    for baud in [1_200, 9_600, 115_200] {
        let uart = Uart::new(baud);
        let board = Board::on_port(&uart, QUIET, |link| Box::new(Hasty(link)));
        let mut terminal = Terminal::plain(uart.host_end()).await;
        terminal.send("reboot\n").await;
        board.reset.fired(1).await;
        let heard = terminal.listen(Duration::from_secs(10)).await;
        assert!(!heard.contains('\n'), "{baud} baud: {heard:?}");
    }
}

/// As above for the policy in common use: fire a fixed 250 ms after the request.
#[tokio::test(start_paused = true)]
async fn a_fixed_delay_is_long_enough_on_a_fast_line_and_loses_on_a_slow_one() {
    for (baud, arrives) in [(115_200, true), (1_200, false)] {
        let uart = Uart::new(baud);
        let mut agent = uart.agent_end();
        let reply = b"ok initiated operation=reboot backend=linux op=17\n";
        tokio::io::AsyncWriteExt::write_all(&mut agent, reply)
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(250)).await;
        uart.reset_agent();
        let heard = Terminal::new(uart.host_end())
            .listen(Duration::from_secs(10))
            .await;
        assert_eq!(heard.contains('\n'), arrives, "{baud} baud: {heard:?}");
    }
}
