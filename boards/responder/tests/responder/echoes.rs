//! A line that returns what the board sends: it ends by itself, is told once, and whoever comes is served.

use crate::bench::Bench;

/// The longest that an echo may go on, in milliseconds.
const WITHIN_MS: u64 = 2_000;

/// Sends this on a line with TX on RX, and returns what the board sent until it was quiet.
#[track_caller]
fn loops(before: &str, first: &[u8]) -> String {
    let mut bench = Bench::new();
    bench.say(before);
    bench.uart.arrived.extend(first);
    let mut sent = Vec::new();
    for _ in 0..WITHIN_MS {
        bench.pass(1);
        let heard = bench.heard_bytes();
        bench.uart.arrived.extend(&heard);
        sent.extend(heard);
    }
    bench.pass(1_500);
    sent.extend(bench.heard_bytes());
    let sent = String::from_utf8(sent).expect("text");
    assert!(sent.len() < 6_000, "{} bytes: {}", sent.len(), &sent[..600]);
    assert!(sent.matches("state=echo").count() <= 1, "{sent:?}");
    let answer = bench.say("\nmode plain\nuptime\n");
    assert!(
        answer.contains("ok uptime_ms="),
        "{answer:?} behind {sent:?}"
    );
    sent
}

#[test]
fn an_echo_ends_by_itself_and_whoever_comes_is_served() {
    for first in [
        &b"bogus\n"[..],
        b"uptime\n",
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"}\n",
        b"bogus; x\xff\n",
        b"mode term\n",
    ] {
        let sent = loops("", first);
        assert_eq!(
            sent.matches("! 0 line state=echo\r\n").count(),
            1,
            "{sent:?}"
        );
    }
    loops("", b"\0noise\0");
}

#[cfg(feature = "term")]
#[test]
fn an_echo_in_the_dialect_of_people_ends_too() {
    for first in [
        &b"\r"[..],
        b"x",
        b"bogus\r",
        b"help\r",
        b"po\t",
        b"upt\x1b[D\x1b[D",
        b"\x03\x03",
        b"\x0c",
    ] {
        loops("", first);
        loops("mode term\n", first);
    }
}

/// Otherwise each boot would end with the command that the one before has echoed.
#[test]
fn a_reboot_that_comes_back_does_not_reboot_the_next_boot() {
    let mut bench = Bench::new();
    let heard = bench.exchange(b"reboot --op 7\n");
    assert_eq!(bench.hardware.fired.len(), 1);
    bench.boot_again();
    bench.hardware.fired.clear();
    bench.exchange(&heard);
    bench.pass(1_000);
    assert_eq!(bench.hardware.fired, []);
}
