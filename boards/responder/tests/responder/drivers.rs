//! The drivers: each of them does the same.

#[cfg(feature = "async")]
mod asynchronous;

use crate::bench::{Bench, tick};
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
    for exchange in CONVERSATION {
        bench.uart.arrived.extend(exchange.0.as_bytes());
        for _ in 0..PATIENCE_MS {
            let Ok(()) = poll(&mut bench.responder, &mut bench.uart, &mut bench.hardware);
            bench.uart.move_on();
            tick(&bench.hardware.now);
        }
        check("poll", exchange, &std::mem::take(&mut bench.uart.heard));
    }
    assert_eq!(bench.hardware.fired, FIRED);
}

#[test]
fn blocking_holds_the_conversation() {
    let mut bench = Bench::new();
    bench.uart.waits = true;
    for exchange in CONVERSATION {
        bench.uart.arrived.extend(exchange.0.as_bytes());
        for _ in 0..PATIENCE_MS {
            let Ok(()) = turn(&mut bench.responder, &mut bench.uart, &mut bench.hardware);
            tick(&bench.hardware.now);
        }
        bench.uart.move_on();
        check("turn", exchange, &std::mem::take(&mut bench.uart.heard));
    }
    assert_eq!(bench.hardware.fired, FIRED);
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
