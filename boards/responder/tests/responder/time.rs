//! What comes with time: announcements, silences, deadlines; and what breaks in.

use crate::bench::Bench;
use crate::program::{Program, double};
use lastword_protocol::message::Request;
use lastword_protocol::power::{Evidence, Operation};

const REBOOTED: &[(Operation, Evidence)] = &[(Operation::Reboot, Evidence::UartEmpty)];
const FORCED: &[(Operation, Evidence)] = &[(Operation::Reboot, Evidence::Forced)];

/// How many announcements come within so many milliseconds.
fn announcements(bench: &mut Bench, millis: u64) -> usize {
    bench.pass(millis);
    bench.heard().matches("! 0 board state=up").count()
}

#[test]
fn a_start_is_told_three_times_to_a_line_on_which_nobody_is_heard() {
    let mut bench = Bench::new();
    let expected = [(999, 0), (1, 1), (1_999, 0), (1, 1), (600_000, 0)];
    for (millis, count) in expected {
        assert_eq!(
            announcements(&mut bench, millis),
            count,
            "{millis} ms later"
        );
    }
}

#[test]
fn a_start_is_not_told_again_to_somebody_who_speaks() {
    let mut bench = Bench::new();
    bench.say("\n");
    assert_eq!(announcements(&mut bench, 10_000), 0);
}

#[cfg(feature = "term")]
#[test]
fn a_line_silent_for_five_minutes_forgets_its_dialect() {
    for (silent, answer) in [
        (299_999, "ok uptime_ms="),
        (300_000, "uptime\r\nok uptime_ms="),
    ] {
        let mut bench = Bench::new();
        bench.say("\n");
        bench.pass(silent);
        // What is typed on a line without a dialect is echoed.
        bench.uart.arrived.push_back(b'u');
        bench.pass(30);
        let heard = bench.say("ptime\n");
        assert!(heard.starts_with(answer), "{silent}: {heard:?}");
    }
}

#[cfg(feature = "term")]
#[test]
fn a_break_drops_the_line_under_way_and_the_dialect() {
    let mut bench = Bench::new();
    bench.say("\nrebo");
    bench.responder.broken();
    bench.say("ot\n");
    assert_eq!(bench.hardware.fired, []);
    bench.responder.broken();
    bench.send(b"u");
    bench.pass(20);
    assert_eq!(bench.say("p"), "up", "a first line is echoed");
}

#[test]
fn a_break_drops_the_frame_under_way() {
    let mut bench = Bench::new();
    let alice = Program::welcomed(1, &mut bench);
    let packet = alice.packet(1, &double(1));
    let (head, tail) = packet.split_at(6);
    bench.exchange(head);
    bench.responder.broken();
    bench.exchange(tail);
    assert_eq!(bench.hardware.asked, []);
    bench.responder.broken();
    alice.ask(&mut bench, 1, &double(2));
    assert_eq!(bench.hardware.asked, [2]);
}

#[test]
fn a_candidate_that_pauses_is_no_frame() {
    for (pause, ran) in [(49, true), (50, false)] {
        let mut bench = Bench::new();
        let alice = Program::welcomed(1, &mut bench);
        let packet = alice.packet(1, &double(1));
        let (head, tail) = packet.split_at(6);
        bench.exchange(head);
        bench.pass(pause);
        bench.exchange(tail);
        assert_eq!(bench.hardware.asked == [1], ran, "{pause} ms");
    }
}

#[test]
fn text_behind_a_frame_is_no_line_until_it_was_quiet_for_a_second() {
    for (quiet, runs) in [(0, false), (999, false), (1_000, true)] {
        let mut bench = Bench::new();
        Program::welcomed(1, &mut bench);
        bench.pass(quiet);
        let heard = bench.say("\nuptime\n");
        assert_eq!(heard.contains("ok uptime_ms="), runs, "{quiet}: {heard:?}");
    }
}

#[test]
fn what_a_console_says_between_frames_is_harmless() {
    const NOISE: &[u8] = b"\r\n[   12.345678] reboot\r\n[   12.4] power reboot --force\n\xC3\xFF";
    let mut bench = Bench::new();
    let mut alice = Program::new(1);
    // In front of the first frame it is text, and answered as such.
    bench.exchange(NOISE);
    bench.exchange(b"\n");
    alice.enter(&mut bench);
    for number in 1..20_u16 {
        let packet = alice.packet(number, &double(number.into()));
        let replies = alice.exchange(&mut bench, &[NOISE, &packet, NOISE].concat());
        assert_eq!(replies.len(), 1, "{replies:?}");
        replies[0].reply(number);
    }
    assert_eq!(bench.hardware.asked, (1..20).collect::<Vec<u32>>());
    assert_eq!(bench.hardware.fired, []);
}

/// A peer that goes on talking, a byte a millisecond, from the moment it has asked for a reboot.
#[track_caller]
fn check_talking(line: &str, held: bool, millis: u64, fired: &[(Operation, Evidence)]) {
    let mut bench = Bench::new();
    bench.say("\n");
    bench.uart.held = held;
    bench.say(line);
    for _ in 0..millis {
        bench.uart.arrived.push_back(b'x');
        bench.pass(1);
    }
    assert_eq!(bench.hardware.fired, fired, "{line:?} after {millis} ms");
}

#[test]
fn a_peer_that_talks_keeps_no_deadline_from_coming() {
    check_talking("reboot\n", false, 1, REBOOTED);
    check_talking("reboot --in 1s\n", false, 990, &[]);
    check_talking("reboot --in 1s\n", false, 1_000, REBOOTED);
    check_talking("reboot --force\n", true, 249, &[]);
    check_talking("reboot --force\n", true, 250, FORCED);
    check_talking("reboot\n", true, 10_000, &[]);
}

#[test]
fn while_an_acknowledgement_is_watched_nothing_else_is_heard() {
    let mut bench = Bench::new();
    bench.say("\n");
    bench.uart.held = true;
    bench.say("reboot --op 7\nuptime\n");
    bench.pass(100);
    assert!(bench.responder.awaits_drain());
    assert_eq!(bench.uart.arrived.len(), "uptime\n".len());
    bench.pass(200);
    assert!(!bench.responder.awaits_drain(), "it has stood down");
    bench.uart.held = false;
    bench.pass(10);
    let heard = bench.heard();
    let (acknowledged, answered) = heard.split_once('\n').expect("two lines");
    assert_eq!(
        acknowledged,
        "ok initiated operation=reboot backend=mcu op=7"
    );
    assert!(answered.starts_with("ok uptime_ms="), "{heard:?}");
}

#[test]
fn a_deadline_is_told_as_long_as_something_waits_for_it() {
    let mut bench = Bench::new();
    let deadline = |bench: &Bench| bench.responder.deadline().map(|deadline| deadline.0);
    assert_eq!(deadline(&bench), Some(1_000), "the second announcement");
    bench.say("\n");
    assert_eq!(deadline(&bench), Some(300_000), "the dialect");
    bench.say("reboot --in 5s\n");
    assert_eq!(deadline(&bench), Some(5_000), "the reboot");
    bench.say("power cancel\n");
    bench.pass(300_000);
    assert_eq!(deadline(&bench), None);
    let alice = Program::welcomed(1, &mut bench);
    let packet = alice.packet(1, &Request::Uptime);
    bench.exchange(&packet[..6]);
    assert_eq!(deadline(&bench), Some(300_050), "the candidate");
}
