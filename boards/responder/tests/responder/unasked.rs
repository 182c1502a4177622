//! What a board says unasked: one line for people and hosts alike, and no control bytes.

use crate::bench::Bench;
use crate::program::Program;
use lastword_protocol::announcement::{Announcement, AnnouncementReader};
use lastword_protocol::frame::DELIMITER;
use lastword_protocol::identity::Cause;

/// The announcements in what was heard; there may be no control bytes but line ends.
#[track_caller]
fn announced(heard: &[u8]) -> Vec<Announcement> {
    let is_shown = |byte: &u8| matches!(byte, b'\r' | b'\n' | b' '..=b'~');
    assert!(heard.iter().all(is_shown), "{}", heard.escape_ascii());
    let mut reader = AnnouncementReader::new();
    heard.iter().filter_map(|byte| reader.push(*byte)).collect()
}

#[test]
fn a_boot_is_told_in_one_printable_line() {
    let mut bench = Bench::new();
    bench.boot_again();
    bench.turns(64);
    let heard = bench.heard_bytes();
    let told = announced(&heard);
    assert_eq!(told.len(), 1, "{}", heard.escape_ascii());
    assert_eq!(told[0].name, "bench");
    assert_eq!(told[0].boot, bench.responder.boot());
    assert_eq!(told[0].cause, Cause::External);
    assert!(heard.starts_with(b"\r\n! 0 board state=up name=bench boot="));
    assert!(heard.ends_with(b"\r\n"));
}

#[test]
fn noise_is_answered_with_that_line_at_most_once_a_second() {
    let mut bench = Bench::new();
    bench.pass(1_000);
    bench.heard();
    let noise = [&[DELIMITER][..], b"noise", &[DELIMITER, DELIMITER]].concat();
    for (pass, expected) in [(0, 0), (999, 0), (1, 1), (500, 0), (500, 1)] {
        bench.pass(pass);
        let told = announced(&bench.exchange(&noise));
        assert_eq!(told.len(), expected, "{pass}");
    }
}

#[test]
fn frames_are_sent_only_to_a_peer_that_has_sent_one_in_this_boot() {
    let mut bench = Bench::new();
    Program::welcomed(1, &mut bench);
    bench.boot_again();
    bench.pass(5_000);
    for noise in [
        &b"\0\0"[..],
        b"\0x\0",
        b"uptime\n",
        b"\0\x02\x10\x02\0",
        b"\xff\xff\r\n",
    ] {
        bench.send(noise);
        bench.pass(2_000);
    }
    assert!(!bench.heard_bytes().contains(&DELIMITER));
}

#[test]
#[cfg(feature = "term")]
fn a_person_gets_the_line_that_was_being_typed_again() {
    let mut bench = Bench::new();
    bench.say("mode term\n");
    bench.pass(2_000);
    bench.say("upt");
    bench.send(b"\0noise\0");
    let heard = bench.heard();
    let (_, behind) = heard.split_once("crc=").expect("an announcement");
    assert_eq!(&behind[8..], "\r\n\rbench> upt\x1b[K", "{heard:?}");
    bench.pass(1_001);
    // What the noise has replaced is not known, so that line does not run.
    assert!(bench.say("ime\r").contains("input was lost"));
    assert!(bench.say("uptime\r").contains("uptime:"));
}
