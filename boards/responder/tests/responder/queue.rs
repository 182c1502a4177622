//! The transmitter's size is nobody's business: what is said is the same through any.

use crate::bench::Bench;
use crate::program::{Program, double};
use lastword_protocol::message::Request;
use proptest::prelude::*;

/// What can be said to a board.
const SAID: &[&str] = &[
    "help\n",
    "help power reboot\n",
    "hello\n",
    "@7 uptime; version; power status\n",
    "power rebot\n",
    "double 21\n",
    "mode term\n",
    "mode plain\r",
    "rebot\r",
    "up\t\r",
    "\x1b[A\x1b[D\x1b[Dx\x03",
    "po\t\t\x0c\x15",
    "power reboot --op 8 --in 1h\n",
    "power cancel\n",
    "logout\n",
    "\r",
];

/// Everything that is heard through a transmitter of so many bytes, which a byte leaves each turn.
fn heard(queue_bytes: usize, said: &[&str]) -> Vec<u8> {
    let mut bench = Bench::with_queue(queue_bytes);
    bench.say("\n");
    let mut heard = Vec::new();
    for text in said {
        bench.uart.arrived.extend(text.as_bytes());
        heard.extend(until_quiet(&mut bench));
    }
    heard
}

/// Turns, between which one byte leaves, until nothing more comes.
fn until_quiet(bench: &mut Bench) -> Vec<u8> {
    bench.uart.held = true;
    for _ in 0..40_000 {
        bench.turns(1);
        match bench.uart.queue.pop_front() {
            Some(byte) => bench.uart.heard.push(byte),
            None if bench.uart.arrived.is_empty() && bench.responder.wants_input() => {
                bench.uart.held = false;
                return std::mem::take(&mut bench.uart.heard);
            }
            None => {}
        }
    }
    panic!("it never ends");
}

#[test]
fn a_long_answer_comes_whole_through_a_transmitter_of_one_byte() {
    let through_many = heard(64, &["help\n"]);
    assert!(through_many.len() > 500);
    assert_eq!(heard(1, &["help\n"]), through_many);
}

#[test]
fn frames_come_whole_through_a_transmitter_of_any_size() {
    let exchange = |queue_bytes| {
        let mut bench = Bench::with_queue(queue_bytes);
        let alice = Program::welcomed(1, &mut bench);
        let requests = [Request::Identity, double(7), Request::PowerStatus];
        let packets = (1..).zip(requests).map(|(number, request)| {
            bench.uart.arrived.extend(alice.packet(number, &request));
            until_quiet(&mut bench)
        });
        packets.collect::<Vec<_>>()
    };
    let through_many = exchange(64);
    for queue_bytes in 1..32 {
        assert_eq!(exchange(queue_bytes), through_many, "{queue_bytes}");
    }
}

proptest! {
    #[test]
    fn what_is_said_does_not_depend_on_the_transmitter(
        queue_bytes in 1_usize..80,
        said in prop::collection::vec(prop::sample::select(SAID), 1..6),
    ) {
        prop_assert_eq!(
            String::from_utf8_lossy(&heard(queue_bytes, &said)).into_owned(),
            String::from_utf8_lossy(&heard(64, &said)).into_owned()
        );
    }
}
