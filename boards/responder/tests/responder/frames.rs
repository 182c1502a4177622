//! What programs get: sessions, and each request at most once.

use crate::application::{COMMANDS, DOUBLE, NOTHING};
use crate::bench::{ABOUT, Bench};
use crate::program::{PACKET_BYTES, Program, double, message_of};
use lastword_protocol::frame::Class;
use lastword_protocol::hello::{self, Busy, VersionRefused, Welcome};
use lastword_protocol::identity::{BoardKind, CURRENT, OLDEST};
use lastword_protocol::message::{Application as Message, Reply, Request, SCHEMA_HASH, opcode};
use lastword_protocol::power::{Operation, PowerRequest};
use lastword_protocol::refusal::{Code, Refusal};
use lastword_protocol::{Millis, Nonce, Sequence};
use lastword_responder::{About, Responder, Shell};

const ALICE: u64 = 0x0102_0304_0506_0708;
const BOB: u64 = 7;

/// A request that nobody sends by accident, and what the board makes of it.
#[track_caller]
fn check(opcode: u8, body: &[u8], expected: &Reply) {
    let mut bench = Bench::new();
    let alice = Program::welcomed(ALICE, &mut bench);
    let heard = alice.exchange(&mut bench, &alice.raw(Class::Request, 1, opcode, body));
    let replies: Vec<_> = heard.iter().map(|heard| heard.reply(1)).collect();
    assert_eq!(
        replies[..],
        *std::slice::from_ref(expected),
        "{opcode:#04x} {body:02x?}"
    );
}

fn refused(code: Code, detail: &str) -> Reply {
    Reply::Refused(Refusal::new(code, detail))
}

#[test]
fn a_session_is_opened_once_and_resumed_afterwards() {
    let mut bench = Bench::new();
    let mut alice = Program::new(ALICE);
    let welcome = alice.enter(&mut bench);
    let identity = &welcome.identity;
    assert!(!welcome.resumed);
    assert_eq!((identity.oldest, identity.current), (OLDEST, CURRENT));
    assert_eq!(
        (identity.kind, identity.schema),
        (BoardKind::Mcu, SCHEMA_HASH)
    );
    assert_eq!((identity.mtu, identity.window), (148, 1));
    assert_eq!(identity.boot, bench.responder.boot());
    let again = alice.enter(&mut bench);
    assert_eq!((again.resumed, again.nonce), (true, welcome.nonce));
}

#[test]
fn a_client_of_tomorrow_is_told_which_versions_there_are() {
    let mut bench = Bench::new();
    let hello = Program::new(ALICE).hello(Sequence(3), CURRENT + 1, false);
    let heard = Program::new(ALICE).exchange(&mut bench, &hello);
    let [answer] = &heard[..] else {
        panic!("one answer is wanted: {heard:?}");
    };
    assert_eq!(answer.header.opcode, hello::opcode::VERSION_REFUSED);
    let refused: VersionRefused = message_of(answer);
    assert_eq!((refused.oldest, refused.current), (OLDEST, CURRENT));
}

#[test]
fn a_line_has_one_owner_until_another_insists() {
    let mut bench = Bench::new();
    bench.pass(5_000);
    let alice = Program::welcomed(ALICE, &mut bench);
    let mut bob = Program::new(BOB);
    bench.pass(60_000);
    // Who owns the line already goes on owning it.
    let _: Welcome = alice.greet(&mut bench, false, hello::opcode::WELCOME);
    bench.pass(1_234);
    let busy: Busy = bob.greet(&mut bench, false, hello::opcode::BUSY);
    assert_eq!((busy.owner, busy.idle), (alice.client, Millis(1_234)));
    assert_eq!(busy.owned, Millis(61_234));
    assert_eq!(busy.name.as_str(), "desk");
    let taken: Welcome = bob.greet(&mut bench, true, hello::opcode::WELCOME);
    bob.nonce = taken.nonce;
    // Her frames are of a session that is gone.
    let hers = bob.exchange(&mut bench, &alice.packet(1, &double(1)));
    assert_eq!(hers, []);
    assert_eq!(bench.hardware.asked, []);
    bench.pass(7);
    let busy: Busy = alice.greet(&mut bench, false, hello::opcode::BUSY);
    assert_eq!((busy.owner, busy.owned), (bob.client, Millis(7)));
    // Who leaves and comes back owns it anew.
    bob.exchange(&mut bench, &hello::goodbye::<64>(bob.client).unwrap());
    bench.pass(1_000);
    let _: Welcome = bob.greet(&mut bench, false, hello::opcode::WELCOME);
    bench.pass(8);
    let busy: Busy = alice.greet(&mut bench, false, hello::opcode::BUSY);
    assert_eq!((busy.owner, busy.owned), (bob.client, Millis(8)));
}

#[test]
fn who_is_refused_may_see_and_cancel_what_is_staged_and_nothing_else() {
    let mut bench = Bench::new();
    let alice = Program::welcomed(ALICE, &mut bench);
    let staged = Request::Power(PowerRequest {
        delay: Millis(60_000),
        ..PowerRequest::plain(Operation::Reboot)
    });
    let initiated = alice.ask(&mut bench, 1, &staged);
    assert!(matches!(initiated, Reply::Initiated(_)), "{initiated:?}");
    let mut bob = Program::new(BOB);
    let busy: Busy = bob.greet(&mut bench, false, hello::opcode::BUSY);
    assert_ne!(busy.nonce, alice.nonce);
    bob.nonce = busy.nonce;
    let refused = bob.ask(&mut bench, 1, &Request::Uptime);
    assert!(
        matches!(&refused, Reply::Refused(refusal) if refusal.code == Code::Busy),
        "{refused:?}"
    );
    let status = bob.ask(&mut bench, 2, &Request::PowerStatus);
    let Reply::PowerStatus(status) = status else {
        panic!("{status:?}");
    };
    let id = status.pending.expect("it is staged").id;
    // What cannot be read cancels nothing.
    for body in [&[][..], &[5], &[2, 0x15], &[1]] {
        let heard = bob.exchange(
            &mut bench,
            &bob.raw(Class::Request, 9, opcode::POWER_CANCEL, body),
        );
        let replies: Vec<_> = heard.iter().map(|heard| heard.reply(9)).collect();
        assert!(
            matches!(&replies[..], [Reply::Refused(it)] if it.code == Code::BadValue),
            "{body:?}: {replies:?}"
        );
    }
    let cancel = Request::PowerCancel(Some(id));
    let cancelled = bob.ask(&mut bench, 3, &cancel);
    assert!(matches!(cancelled, Reply::Cancelled(_)), "{cancelled:?}");
    // Her replies are as they were.
    assert_eq!(alice.ask(&mut bench, 1, &staged), initiated);
    assert!(matches!(
        alice.ask(&mut bench, 2, &Request::Uptime),
        Reply::Uptime(_)
    ));
    // What he may ask ends with her.
    bench.exchange(&hello::goodbye::<PACKET_BYTES>(alice.client).expect("room"));
    let heard = bob.exchange(&mut bench, &bob.packet(4, &Request::PowerStatus));
    assert!(heard.is_empty(), "{heard:?}");
}

#[test]
fn a_refused_clients_nonce_lasts_until_another_is_refused_or_the_owner_is_another() {
    let mut bench = Bench::new();
    let mut alice = Program::welcomed(ALICE, &mut bench);
    let mut bob = Program::new(BOB);
    let busy: Busy = bob.greet(&mut bench, false, hello::opcode::BUSY);
    bob.nonce = busy.nonce;
    assert!(alice.enter(&mut bench).resumed, "the owner greets again");
    let status = bob.ask(&mut bench, 1, &Request::PowerStatus);
    assert!(matches!(status, Reply::PowerStatus(_)), "{status:?}");
    let mut carol = Program::new(3);
    let busy: Busy = carol.greet(&mut bench, false, hello::opcode::BUSY);
    carol.nonce = busy.nonce;
    let bobs = bob.packet(2, &Request::PowerStatus);
    assert_eq!(bob.exchange(&mut bench, &bobs), []);
    let _: Welcome = bob.greet(&mut bench, true, hello::opcode::WELCOME);
    let carols = carol.packet(1, &Request::PowerStatus);
    assert_eq!(carol.exchange(&mut bench, &carols), []);
}

#[test]
fn a_hello_that_does_not_decode_has_no_answer() {
    for body in [&b""[..], b"\x07\x01\x01\x02\x00", b"\x07\x01\x01\x00\x21"] {
        let mut bench = Bench::new();
        let bob = Program::new(BOB);
        let hello = bob.raw(Class::Hello, 1, hello::opcode::ASK, body);
        assert_eq!(bob.exchange(&mut bench, &hello), [], "{body:02x?}");
    }
}

#[test]
fn a_request_is_known_by_its_number_alone() {
    let mut bench = Bench::new();
    let alice = Program::welcomed(ALICE, &mut bench);
    let first = alice.ask(&mut bench, 1, &Request::Uptime);
    assert_eq!(alice.ask(&mut bench, 1, &Request::Reboot), first);
    bench.pass(10_000);
    assert_eq!(bench.hardware.fired, []);
}

#[test]
fn a_goodbye_gives_the_line_free_and_only_the_owners() {
    let mut bench = Bench::new();
    let alice = Program::welcomed(ALICE, &mut bench);
    let bob = Program::new(BOB);
    for (client, opcode) in [
        (bob.client, hello::opcode::BUSY),
        (alice.client, hello::opcode::WELCOME),
    ] {
        let goodbye = hello::goodbye::<PACKET_BYTES>(client).expect("room");
        assert_eq!(bench.exchange(&goodbye), b"");
        let heard = bob.exchange(&mut bench, &bob.hello(Sequence(1), CURRENT, false));
        assert_eq!(heard[0].header.opcode, opcode, "{client}");
    }
}

#[test]
fn behind_frames_a_line_is_taken_at_once_only_if_their_owner_has_said_goodbye() {
    for (leaving, taken) in [(Some(ALICE), true), (Some(BOB), false), (None, false)] {
        let mut bench = Bench::new();
        Program::welcomed(ALICE, &mut bench);
        if let Some(client) = leaving.map(|id| Program::new(id).client) {
            bench.exchange(&hello::goodbye::<PACKET_BYTES>(client).expect("room"));
        }
        let said = bench.exchange(b"uptime\n");
        let said = String::from_utf8_lossy(&said);
        assert_eq!(said.contains("ok uptime_ms="), taken, "{leaving:?}: {said}");
    }
}

#[test]
fn an_owner_silent_for_five_minutes_owns_the_line_no_more() {
    for (silent, opcode) in [
        (299_999, hello::opcode::BUSY),
        (300_000, hello::opcode::WELCOME),
    ] {
        let mut bench = Bench::new();
        Program::welcomed(ALICE, &mut bench);
        bench.hardware.now.set(silent);
        let bob = Program::new(BOB);
        let heard = bob.exchange(&mut bench, &bob.hello(Sequence(1), CURRENT, false));
        assert_eq!(heard[0].header.opcode, opcode, "{silent}");
    }
}

#[test]
fn a_session_forgotten_has_another_nonce_when_it_is_opened_anew() {
    let mut bench = Bench::new();
    let mut alice = Program::welcomed(ALICE, &mut bench);
    let first = alice.nonce;
    let bob = Program::new(BOB);
    let _: Welcome = bob.greet(&mut bench, true, hello::opcode::WELCOME);
    let welcome: Welcome = alice.greet(&mut bench, true, hello::opcode::WELCOME);
    assert!(!welcome.resumed);
    assert_ne!(welcome.nonce, first);
    alice.nonce = first;
    assert_eq!(bench.exchange(&alice.packet(1, &double(1))), b"");
}

#[test]
fn a_request_is_run_once_and_replayed_byte_for_byte() {
    let mut bench = Bench::new();
    let mut alice = Program::welcomed(ALICE, &mut bench);
    for (number, request) in [(1, Request::Uptime), (2, double(21))] {
        let packet = alice.packet(number, &request);
        let first = bench.exchange(&packet);
        assert!(!first.is_empty());
        bench.pass(5);
        assert_eq!(bench.exchange(&packet), first, "{request:?}");
        assert!(alice.enter(&mut bench).resumed);
        assert_eq!(bench.exchange(&packet), first, "{request:?}, resumed");
    }
    assert_eq!(bench.hardware.asked, [21]);
}

#[test]
fn a_request_older_than_what_is_kept_is_neither_run_nor_answered() {
    let mut bench = Bench::new();
    let alice = Program::welcomed(ALICE, &mut bench);
    alice.ask(&mut bench, 5, &double(5));
    assert_eq!(bench.exchange(&alice.packet(4, &double(4))), b"");
    alice.ask(&mut bench, 6, &double(6));
    assert_eq!(bench.exchange(&alice.packet(5, &double(5))), b"");
    assert_eq!(bench.hardware.asked, [5, 6]);
}

#[test]
fn a_request_that_is_none_is_told_so() {
    check(0x7D, b"", &Reply::Unsupported(0x7D));
    check(0xFF, b"", &Reply::Unsupported(0xFF));
    for body in [&b""[..], b"\x00", b"\x09\x00\x00\x00\x00\x00\x00"] {
        let detail = "the body of opcode 0x10 does not decode";
        check(opcode::POWER, body, &refused(Code::BadValue, detail));
    }
    let detail = "the body of opcode 0x80 does not decode";
    check(DOUBLE, &[1; 65], &refused(Code::BadValue, detail));
}

#[test]
fn an_application_answers_its_own_requests() {
    let doubled = Message::new(DOUBLE, &42_u32).expect("room");
    check(DOUBLE, &[21], &Reply::Application(doubled));
    check(NOTHING, b"", &Reply::Done);
    check(DOUBLE, b"", &refused(Code::BadValue, "a number is wanted"));
    let large = [0xFF, 0xFF, 0xFF, 0xFF, 0x0F];
    check(
        DOUBLE,
        &large,
        &refused(Code::BadValue, "its double is too large"),
    );
}

#[test]
fn frames_that_ask_nothing_are_ignored() {
    let mut bench = Bench::new();
    let alice = Program::welcomed(ALICE, &mut bench);
    for class in [Class::Reply, Class::Event, Class::Data, Class::Credit] {
        let packet = alice.raw(class, 1, DOUBLE, &[1]);
        assert_eq!(bench.exchange(&packet), b"", "{class:?}");
    }
    let unknown = alice.raw(Class::Hello, 1, 0x03, &[1]);
    assert_eq!(bench.exchange(&unknown), b"");
    assert_eq!(bench.hardware.asked, []);
}

#[test]
fn a_frame_too_long_is_dropped_whole_and_the_next_is_answered() {
    for length in [149, 160, 300, 580] {
        let mut bench = Bench::new();
        let alice = Program::welcomed(ALICE, &mut bench);
        // What looks like a line inside of it is none.
        let mut body = b"\nreboot\n".repeat(length / 8 + 1);
        body.truncate(length);
        let long = alice.raw(Class::Request, 1, DOUBLE, &body);
        assert_eq!(bench.exchange(&long), b"", "{length}");
        let reply = alice.ask(&mut bench, 1, &Request::PowerStatus);
        let Reply::PowerStatus(status) = reply else {
            panic!("{length}: {reply:?}");
        };
        assert_eq!((status.pending, status.last), (None, None), "{length}");
    }
}

#[test]
fn a_frame_of_another_session_or_damaged_does_nothing() {
    let mut bench = Bench::new();
    let alice = Program::welcomed(ALICE, &mut bench);
    let reboot = alice.packet(1, &Request::Reboot);
    for place in 1..reboot.len() - 1 {
        let mut damaged = reboot.to_vec();
        damaged[place] ^= 1 << (place % 8);
        bench.exchange(&damaged);
    }
    let stale = Program {
        nonce: Nonce(alice.nonce.0 ^ 1),
        ..alice
    };
    bench.exchange(&stale.packet(1, &Request::Reboot));
    bench.exchange(b"\nreboot\n");
    assert_eq!(bench.hardware.fired, []);
}

/// A hello of this board after an operation with the longest id there is; `FRAME` is 160.
#[track_caller]
fn check_names(about: &'static About) {
    let mut bench = Bench::new();
    bench.say("\nreboot\n");
    let mut hardware = bench.hardware;
    hardware.retained = hardware.at_fire;
    bench.responder = Responder::start(about, Shell::new(COMMANDS, 1), &mut hardware);
    bench.hardware = hardware;
    bench.turns(64);
    bench.uart.heard.clear();
    let welcome = Program::new(u64::MAX).enter(&mut bench);
    assert_eq!(welcome.identity.name.as_str(), about.name);
    assert!(welcome.identity.last.is_some());
}

#[test]
fn a_hello_fits_the_frame_that_its_board_was_told_to_have() {
    const LETTERS: &str = "0123456789abcdef0123456789ABCDEF";
    for names in 0..=66 {
        let [name, firmware, build] =
            [0, 32, 64].map(|before| &LETTERS[..names.clamp(before, before + 32) - before]);
        let about = Box::leak(Box::new(About {
            name,
            firmware,
            build,
            ..ABOUT
        }));
        assert_eq!(about.frame_bytes(), 94 + names);
        check_names(about);
    }
}
