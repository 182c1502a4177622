//! The drivers: each of them does the same.

#[cfg(feature = "async")]
mod asynchronous;

use crate::bench::{Bench, ReadError, tick};
use embedded_io::ErrorKind;
use lastword_protocol::power::{Evidence, Operation};
use lastword_responder::io::{poll, turn};

/// What is said, and how the answer begins and ends.
type Exchange = (&'static str, &'static str, &'static str);

const CONVERSATION: &[Exchange] = &[
    ("\n", "", ""),
    ("uptime\n", "ok uptime_ms=", "\n"),
    ("@7 double 21\n", "ok @7 doubled=42\n", "\n"),
    ("help\n", "| command=\"help\" ", "\nok\n"),
    (
        "rebot\n",
        "err 404 unknown at=0 len=5 got=\"rebot\" want=\"reboot\"\n",
        "\n",
    ),
    ("mode term\n", "ok mode=term\n", "bench> "),
    ("up\t\r", "up\rbench> uptime \x1b[K\r\nuptime: ", "bench> "),
    ("mode plain\r", "mode plain", "plain\r\n"),
    ("power reboot --in 1h --op 6\n", "ok initiated ", "op=6\n"),
    (
        "power cancel\n",
        "ok cancelled operation=reboot op=6\n",
        "\n",
    ),
    (
        "reboot --op 7\n",
        "ok initiated operation=reboot backend=mcu op=7\n",
        "\n",
    ),
];

const FIRED: &[(Operation, Evidence)] = &[(Operation::Reboot, Evidence::UartEmpty)];

/// How long each answer may take, in milliseconds.
const PATIENCE_MS: usize = 100;

/// Whether an answer is as it has to be.
#[track_caller]
fn check(driver: &str, (said, begin, end): &Exchange, heard: &[u8]) {
    let heard = String::from_utf8_lossy(heard);
    assert!(
        heard.starts_with(begin) && heard.ends_with(end),
        "{driver} on {said:?}: {heard:?}"
    );
}

#[test]
fn polling_holds_the_conversation() {
    let mut bench = Bench::new();
    poll_through(&mut bench, CONVERSATION);
    assert_eq!(bench.hardware.fired, FIRED);
}

fn poll_through(bench: &mut Bench, conversation: &[Exchange]) {
    for exchange in conversation {
        bench.uart.arrived.extend(exchange.0.as_bytes());
        for _ in 0..PATIENCE_MS {
            poll(&mut bench.responder, &mut bench.uart, &mut bench.hardware).expect("a line");
            bench.uart.move_on();
            tick(&bench.hardware.now);
        }
        check("poll", exchange, &std::mem::take(&mut bench.uart.heard));
    }
}

#[test]
fn blocking_holds_the_conversation() {
    let mut bench = Bench::new();
    turn_through(&mut bench, CONVERSATION);
    assert_eq!(bench.hardware.fired, FIRED);
}

fn turn_through(bench: &mut Bench, conversation: &[Exchange]) {
    bench.uart.waits = true;
    for exchange in conversation {
        bench.uart.arrived.extend(exchange.0.as_bytes());
        for _ in 0..PATIENCE_MS {
            turn(&mut bench.responder, &mut bench.uart, &mut bench.hardware).expect("a line");
            tick(&bench.hardware.now);
        }
        bench.uart.move_on();
        check("turn", exchange, &std::mem::take(&mut bench.uart.heard));
    }
}

/// Behind the 26th byte, a HAL reports an overrun. The line end that had arrived before it is read
/// behind the error, and `double 4` was `power status; double 4`.
const OVERRUN: &[Exchange] = &[
    ("\ndouble 1\n", "", "ok doubled=2\n"),
    (
        "double 2\ndouble 3\ndouble 4\n",
        "ok doubled=4\nerr 429 slow_down ",
        "slower\"\n",
    ),
    // What is missing may have its place in front of this.
    ("double 5\n", "err 429 slow_down ", "slower\"\n"),
    ("double 6\n", "ok doubled=12\n", "\n"),
];

#[test]
fn what_can_be_read_behind_an_error_of_the_uart_does_not_run() {
    for kind in [ErrorKind::Other, ErrorKind::InvalidData] {
        let error = (10 + 17, ReadError(kind));
        let mut bench = Bench::new();
        bench.uart.errors.push_back(error);
        poll_through(&mut bench, OVERRUN);
        assert_eq!(bench.hardware.asked, [1, 2, 6], "poll");

        let mut bench = Bench::new();
        bench.uart.errors.push_back(error);
        turn_through(&mut bench, OVERRUN);
        assert_eq!(bench.hardware.asked, [1, 2, 6], "turn");
    }
}

#[cfg(feature = "async")]
#[test]
fn what_can_be_read_behind_an_error_of_an_async_uart_does_not_run() {
    let mut bench = asynchronous::Bench::new();
    let error = (10 + 17, ReadError(ErrorKind::Other));
    bench.uart.borrow_mut().errors.push_back(error);
    bench.hold(OVERRUN, PATIENCE_MS, |exchange, heard| {
        check("run", exchange, heard);
    });
}

#[test]
fn an_error_that_says_that_nobody_is_there_is_the_end_of_the_line() {
    let mut bench = Bench::new();
    let error = ReadError(ErrorKind::NotConnected);
    for _ in 0..2 {
        bench.uart.errors.push_back((0, error));
    }
    let polled = poll(&mut bench.responder, &mut bench.uart, &mut bench.hardware);
    assert_eq!(polled, Err(error));
    let turned = turn(&mut bench.responder, &mut bench.uart, &mut bench.hardware);
    assert_eq!(turned, Err(error));
}

#[cfg(feature = "async")]
#[test]
fn async_holds_the_conversation() {
    let mut bench = asynchronous::Bench::new();
    let fired = bench.hold(CONVERSATION, PATIENCE_MS, |exchange, heard| {
        check("run", exchange, heard);
    });
    assert_eq!(fired, FIRED);
}
