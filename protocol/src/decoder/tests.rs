//! What comes out of a stream, however it is cut, and what never does.

use super::*;
use crate::frame::{Class, Header, Packet, encode};
use crate::units::Sequence;
use proptest::prelude::*;

const NONCE: Nonce = Nonce(0x0BAD_CAFE);

fn packet(sequence: u16, body: &[u8]) -> Packet<256> {
    encode(
        Header::new(Class::Request, Sequence(sequence), 1),
        NONCE,
        |out| {
            out.get_mut(..body.len())?.copy_from_slice(body);
            Some(body.len())
        },
    )
    .unwrap()
}

/// The frames (by sequence number) and the text that come out of `stream`, whose pieces
/// arrive at the given times.
fn run(manner: Manner, stream: &[(u64, &[u8])]) -> (Vec<u16>, String) {
    run_holding(manner, stream, 0)
}

/// As [`run`], but has up to `run` bytes held at once where that can be.
fn run_holding(manner: Manner, stream: &[(u64, &[u8])], run: usize) -> (Vec<u16>, String) {
    let mut decoder = Decoder::<64>::new(manner);
    decoder.enter(Some(NONCE));
    let (mut frames, mut text) = (Vec::new(), String::new());
    for (at, bytes) in stream {
        decoder.tick(Instant(*at));
        text.extend(core::iter::from_fn(|| decoder.released()).map(char::from));
        let mut rest = *bytes;
        while !rest.is_empty() {
            let held = decoder.hold(Instant(*at), &rest[..run.min(rest.len())]);
            rest = &rest[held..];
            let Some((byte, behind)) = rest.split_first() else {
                break;
            };
            rest = behind;
            match decoder.push(Instant(*at), *byte) {
                Step::Frame(frame) => frames.push(frame.header.sequence.0),
                Step::Text(byte) => text.push(char::from(byte)),
                Step::Held | Step::Invalid | Step::Dropped => {}
            }
        }
    }
    decoder.end();
    text.extend(core::iter::from_fn(|| decoder.released()).map(char::from));
    (frames, text)
}

#[track_caller]
fn check(manner: Manner, stream: &[(u64, &[u8])], frames: &[u16], text: &str) {
    assert_eq!(
        run(manner, stream),
        (frames.to_vec(), text.to_owned()),
        "{stream:?}"
    );
}

#[test]
fn text_and_frames_share_a_line() {
    let (one, two) = (packet(1, b"x"), packet(2, b"y"));
    check(
        Manner::HOST,
        &[
            (0, b"boot\r\n"),
            (0, &one),
            (0, b"noise"),
            (0, &two),
            (60, b"more"),
        ],
        &[1, 2],
        "boot\r\nmore",
    );
    // Adjacent frames may share a delimiter.
    check(Manner::HOST, &[(0, &one), (0, &two[1..])], &[1, 2], "");
}

#[test]
fn a_device_takes_no_text_until_the_line_was_quiet_behind_a_frame() {
    let frame = packet(1, b"x");
    for manner in [Manner::DEVICE_SERIAL, Manner::DEVICE_STREAM] {
        check(manner, &[(0, &frame), (999, b"reboot\n")], &[1], "");
        check(
            manner,
            &[(0, &frame), (1_000, b"status\n")],
            &[1],
            "status\n",
        );
        check(
            manner,
            &[(0, &frame), (500, b"a"), (1_400, b"b"), (2_400, b"c")],
            &[1],
            "c",
        );
    }
}

#[test]
fn the_bytes_of_a_failed_candidate_never_become_text_on_a_device() {
    let mut flipped = packet(1, b"power reboot\n");
    flipped[4] ^= 0x10;
    for manner in [Manner::DEVICE_SERIAL, Manner::DEVICE_STREAM] {
        check(manner, &[(0, &flipped), (0, b"power reboot\n")], &[], "");
    }
    // The same without its opening delimiter cannot be told from text, nor with a stall in
    // its middle; but behind the stall the line has not been quiet.
    let (head, tail) = flipped.split_at(8);
    check(Manner::DEVICE_SERIAL, &[(0, head), (60, tail)], &[], "");
}

#[test]
fn a_frame_longer_than_the_buffer_is_discarded_and_the_next_one_works() {
    let next = packet(9, b"x");
    for length in [63, 64, 65, 200] {
        let mut long = vec![0];
        long.extend(std::iter::repeat_n(b'x', length));
        long.extend(b"\npower reboot\n");
        check(Manner::DEVICE_STREAM, &[(0, &long), (0, &next)], &[9], "");
    }
}

#[test]
fn a_body_longer_than_what_surely_fits_is_invalid_though_this_one_fits() {
    // A packet of 64 bytes holds any body of 52.
    for (length, frames) in [(52, &[1, 9][..]), (53, &[9]), (54, &[9]), (100, &[9])] {
        let stream = [packet(1, &vec![b'x'; length]), packet(9, b"x")].concat();
        check(Manner::DEVICE_STREAM, &[(0, &stream)], frames, "");
    }
}

#[test]
fn a_silence_ends_a_candidate_on_a_line_and_not_on_a_stream() {
    let frame = packet(1, b"x");
    let (head, tail) = frame.split_at(5);
    for (manner, frames) in [
        (Manner::HOST, &[][..]),
        (Manner::DEVICE_SERIAL, &[]),
        (Manner::HOST_STREAM, &[1]),
        (Manner::DEVICE_STREAM, &[1]),
    ] {
        let (found, _) = run(manner, &[(0, head), (50, tail)]);
        assert_eq!(found, frames, "{manner:?}");
    }
}

const MANNERS: [Manner; 4] = [
    Manner::DEVICE_SERIAL,
    Manner::DEVICE_STREAM,
    Manner::HOST,
    Manner::HOST_STREAM,
];

#[test]
fn behind_a_second_of_silence_text_is_taken_whatever_came_before() {
    let mut invalid = packet(1, b"x");
    invalid[4] ^= 0x10;
    let long = [&[0][..], &[b'x'; 200]].concat();
    let half = &packet(1, b"x")[..6];
    for before in [
        &b"\0"[..],
        b"\0\0\0",
        &invalid,
        &invalid[..6],
        half,
        &long,
        b"\0x\0y",
    ] {
        for manner in MANNERS {
            let (frames, text) = run(manner, &[(0, before), (1_000, b"status\n"), (9_000, b"x")]);
            assert_eq!(frames, []);
            assert!(
                text.ends_with("status\nx"),
                "{manner:?} {before:?}: {text:?}"
            );
        }
        let mute = &[(0, before), (999, b"reboot\n"), (1_000, b"\0")];
        check(Manner::DEVICE_STREAM, mute, &[], "");
        check(
            Manner::DEVICE_SERIAL,
            &[(0, before), (49, b"reboot\n")],
            &[],
            "",
        );
    }
}

/// A lost segment is sent again after a second and more.
#[test]
fn the_rest_of_a_frame_is_never_text_however_late_it_comes() {
    let frame = packet(1, b"\npower reboot\npower reboot\n");
    let mut invalid = frame.clone();
    invalid[4] ^= 0x10;
    let long = packet(1, &b"\npower reboot\n".repeat(8));
    for cut in 2..frame.len() {
        for late in [999, 1_000, 60_000] {
            let halves = |it: &[u8]| (it[..cut].to_vec(), it[cut..].to_vec());
            let (head, tail) = halves(&frame);
            check(
                Manner::DEVICE_STREAM,
                &[(0, &head), (late, &tail)],
                &[1],
                "",
            );
            let (head, tail) = halves(&invalid);
            check(Manner::DEVICE_STREAM, &[(0, &head), (late, &tail)], &[], "");
            let (head, tail) = halves(&long);
            check(Manner::DEVICE_STREAM, &[(0, &head), (late, &tail)], &[], "");
        }
    }
    let (head, tail) = long.split_at(100);
    check(Manner::DEVICE_STREAM, &[(0, head), (2_000, tail)], &[], "");
}

#[test]
fn a_host_finds_a_frame_behind_a_consoles_lone_return() {
    let frame = packet(1, b"x");
    check(
        Manner::HOST,
        &[(0, b"progress 50%\r"), (0, &frame)],
        &[1],
        "progress 50%\r",
    );
}

#[test]
fn a_nul_behind_a_return_is_text_and_any_other_opens_a_candidate() {
    check(
        Manner::DEVICE_STREAM,
        &[(0, b"help\r\0more\r")],
        &[],
        "help\r\0more\r",
    );
    check(Manner::DEVICE_STREAM, &[(0, b"help\0more\r")], &[], "help");
}

/// The frames that come out of `parts`, between which bytes are lost.
#[track_caller]
fn check_lost(parts: &[&[u8]], frames: &[u16]) {
    for manner in [Manner::DEVICE_SERIAL, Manner::DEVICE_STREAM] {
        let mut decoder = Decoder::<64>::new(manner);
        decoder.enter(Some(NONCE));
        let mut found = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                decoder.lost(Instant(0));
            }
            for byte in *part {
                if let Step::Frame(frame) = decoder.push(Instant(0), *byte) {
                    found.push(frame.header.sequence.0);
                }
            }
        }
        assert_eq!(found, frames, "{parts:02x?} on {manner:?}");
    }
}

#[test]
fn a_candidate_with_a_hole_is_void_and_the_next_one_is_not() {
    let [one, two] = [packet(1, b"x"), packet(2, b"y")];
    // Even if what is left of it looks whole.
    let (head, tail) = one.split_at(5);
    check_lost(&[head, &[tail, &two].concat()], &[2]);
    check_lost(&[&[0], &[&one[1..], &two[..]].concat()], &[2]);
    check_lost(&[&one[..one.len() - 1], &[&[0], &two[..]].concat()], &[2]);
    check_lost(&[head, tail, &two], &[2]);
    // Where the delimiter between two is among what is lost, neither is found.
    check_lost(&[head, &two[5..], &one], &[1]);
    // Between two.
    check_lost(&[&one, &two], &[1, 2]);
    check_lost(&[&one[..], &two[1..], &two], &[1, 2]);
    check_lost(&[b"", &two], &[2]);
}

#[test]
fn a_hole_voids_no_candidate_behind_text_that_was_released() {
    let frame = packet(1, b"x");
    let mut decoder = Decoder::<64>::new(Manner::DEVICE_STREAM);
    decoder.enter(Some(NONCE));
    decoder.push(Instant(0), 0);
    decoder.push(Instant(0), b'a');
    decoder.lost(Instant(0));
    decoder.push(Instant(1_000), b'b');
    decoder.tick(Instant(1_050));
    assert_eq!(decoder.released(), Some(b'b'));
    let mut steps = frame
        .iter()
        .filter(|byte| matches!(decoder.push(Instant(1_050), **byte), Step::Frame(_)));
    assert!(steps.next().is_some(), "the frame behind it is lost");
}

#[test]
fn a_device_hears_no_silence_where_bytes_are_missing() {
    let mut decoder = Decoder::<64>::new(Manner::DEVICE_SERIAL);
    for byte in packet(1, b"x") {
        decoder.push(Instant(0), byte);
    }
    decoder.lost(Instant(900));
    assert_eq!(decoder.push(Instant(1_100), b'a'), Step::Dropped);
    assert_eq!(decoder.push(Instant(2_100), b'a'), Step::Text(b'a'));
}

proptest! {
    #[test]
    fn any_split_of_a_stream_gives_the_same_result(
        pieces in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(any::<u8>(), 0..80),
                (any::<u16>(), prop::collection::vec(any::<u8>(), 0..40))
                    .prop_map(|(sequence, body)| packet(sequence, &body).to_vec()),
            ],
            0..12,
        ),
        cut in any::<prop::sample::Index>(),
        held in 1..100_usize,
    ) {
        let stream = pieces.concat();
        let (head, tail) = stream.split_at(cut.index(stream.len() + 1));
        for manner in [Manner::DEVICE_SERIAL, Manner::DEVICE_STREAM, Manner::HOST] {
            prop_assert_eq!(
                run(manner, &[(0, &stream)]),
                run(manner, &[(0, head), (1, tail)])
            );
            // 900 ms are a silence in a candidate, though not on every link.
            for at in [1, 900, 1_100] {
                prop_assert_eq!(
                    run(manner, &[(0, head), (at, tail)]),
                    run_holding(manner, &[(0, head), (at, tail)], held)
                );
            }
        }
    }

    #[test]
    fn a_frame_is_found_behind_any_garbage_that_a_delimiter_ends(
        garbage in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let frame = packet(77, b"x");
        let stream = [garbage.as_slice(), &[0], &frame].concat();
        let (frames, _) = run(Manner::DEVICE_STREAM, &[(0, &stream)]);
        prop_assert_eq!(frames.last(), Some(&77));
    }
}
