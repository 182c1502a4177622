//! What is too long runs nothing, wherever in it a request or a command would begin, and what
//! comes next is understood.

use super::{ask_hello, nonce, request};
use lastword_agent::core::clients::{FRAME_BYTES, MTU_BYTES};
use lastword_agent::core::session::Traits;
use lastword_protocol::decoder::{Decoder, Manner};
use lastword_protocol::frame::{self, Class, DELIMITER, Header};
use lastword_protocol::message::Request;
use lastword_protocol::power::{Operation, PowerRequest};
use lastword_protocol::{Instant, Millis, Sequence};
use lastword_shell::LINE_BYTES;
use lastword_tests::bench::{Bench, SERIAL, TCP};

const MTU: usize = MTU_BYTES as usize;

/// A request whose body is filled up to so many bytes, which a board ignores.
fn padded(sequence: u16, body_bytes: usize) -> Vec<u8> {
    let request = Request::Power(PowerRequest::plain(Operation::Reboot));
    let header = Header::new(Class::Request, Sequence(sequence), request.opcode());
    let fill = [b"\npower reboot\n".as_slice(), &[0xFE]].concat();
    let packet = frame::encode::<0x4_0000>(header, nonce(), |out| {
        let body = out.get_mut(..body_bytes)?;
        body.iter_mut()
            .zip(fill.iter().cycle())
            .for_each(|(byte, fill)| *byte = *fill);
        request.encode(body).ok()?;
        Some(body_bytes)
    });
    packet.expect("room").to_vec()
}

/// A board that has welcomed the client.
fn welcoming(traits: Traits) -> Bench {
    let mut bench = Bench::new(traits);
    bench.receive(Instant(0), &ask_hello());
    bench
}

/// `bytes` run nothing, and the frame right behind them runs.
#[track_caller]
fn check_frame(traits: Traits, bytes: &[u8], context: &str) {
    let mut bench = welcoming(traits);
    bench.receive(Instant(1), bytes);
    assert!(bench.ledger().runs().is_empty(), "{context}");
    bench.receive(Instant(2), &request(nonce(), 9, &Request::Reboot));
    assert_eq!(bench.ledger().asked(), 1, "the next: {context}");
}

#[test]
fn a_body_of_the_mtu_runs_and_one_byte_more_does_not() {
    for traits in [SERIAL, TCP] {
        for length in [MTU - 1, MTU] {
            let mut bench = welcoming(traits);
            bench.receive(Instant(1), &padded(1, length));
            assert_eq!(bench.ledger().asked(), 1, "{length}");
        }
        for length in [MTU + 1, MTU + 2, MTU + 3, 600, 2 * MTU, 5_000, 100_000] {
            check_frame(traits, &padded(1, length), &format!("{length} bytes"));
        }
    }
}

#[test]
fn a_request_anywhere_within_a_frame_that_is_too_long_does_not_run() {
    let whole = request(nonce(), 1, &Request::Reboot);
    let inner = &whole[1..whole.len() - 1];
    for traits in [SERIAL, TCP] {
        for before in (1..2 * FRAME_BYTES + 40).chain([10_000, 100_000]) {
            let filler = vec![b'x'; before];
            let bytes = [&[DELIMITER], &filler[..], inner, &[DELIMITER]].concat();
            check_frame(traits, &bytes, &format!("behind {before} bytes"));
        }
    }
}

#[test]
fn a_command_anywhere_within_a_frame_that_is_too_long_does_not_run() {
    for traits in [SERIAL, TCP] {
        for before in (0..2 * FRAME_BYTES).chain([100_000]) {
            let filler = vec![b'\n'; before];
            let bytes = [
                &[DELIMITER],
                &filler[..],
                b"\npower reboot\r\npower reboot\r",
            ]
            .concat();
            check_frame(traits, &bytes, &format!("behind {before} line ends"));
        }
    }
}

#[test]
fn each_frame_that_is_too_long_is_counted_once() {
    for length in [FRAME_BYTES + 1, 2 * FRAME_BYTES, 100_000] {
        let mut decoder = Decoder::<FRAME_BYTES>::new(Manner::DEVICE_SERIAL);
        for number in 1..=3 {
            decoder.push(Instant(0), DELIMITER);
            for _ in 0..length {
                decoder.push(Instant(0), b'x');
            }
            assert_eq!(decoder.invalid(), number, "{length}");
        }
    }
}

/// How a line is ended and answered.
#[derive(Clone, Copy, Debug)]
struct Voice {
    /// What opens the dialect.
    opening: &'static str,
    command: &'static str,
    end: &'static str,
    /// What a line that is too long is answered with.
    refusal: &'static str,
}

const VOICES: [Voice; 4] = [
    Voice {
        opening: "\n",
        command: "power reboot",
        end: "\n",
        refusal: "err 413 too_long",
    },
    Voice {
        opening: "",
        command: "power reboot",
        end: "\r\n",
        refusal: "err 413 too_long",
    },
    Voice {
        opening: "mode term\n",
        command: "power reboot",
        end: "\r",
        refusal: "not run: line too long; at most 256 bytes",
    },
    Voice {
        opening: "{}\n",
        command: r#"{"jsonrpc":"2.0","id":1,"method":"power.reboot"}"#,
        end: "\n",
        refusal: r#""code":413"#,
    },
];

/// A line with the command in it, behind `before` blanks and in front of `behind` more. The whole
/// of it runs if it fits, and otherwise nothing; and the next is understood.
#[track_caller]
fn check_line(traits: Traits, voice: Voice, before: usize, behind: usize) {
    let Voice {
        opening,
        command,
        end,
        refusal,
    } = voice;
    // A JSON line is known by its first byte.
    let (before, behind) = if command.starts_with('{') {
        (0, before + behind)
    } else {
        (before, behind)
    };
    let line = [" ".repeat(before).as_str(), command, &" ".repeat(behind)].concat();
    let context = format!("{voice:?} in {} bytes on {:?}", line.len(), traits.medium);
    let mut bench = Bench::new(traits);
    bench.receive(Instant(0), opening.as_bytes());
    bench.take_said();
    bench.receive(Instant(0), format!("{line}{end}").as_bytes());
    // A lone CR is one only after a while.
    let now = bench.wait(Instant(0), Instant(100));
    let said = String::from_utf8_lossy(&bench.take_said()).into_owned();
    let fits = line.len() <= LINE_BYTES;
    assert_eq!(
        bench.ledger().asked(),
        usize::from(fits),
        "{context}: {said}"
    );
    assert_eq!(said.contains(refusal), !fits, "{context}: {said}");
    if !fits && refusal.starts_with("err") {
        let sizes = format!(" got={} max={LINE_BYTES}\n", line.len());
        assert!(said.ends_with(&sizes), "{context}: {said}");
    }
    bench.receive(now, format!("{command}{end}").as_bytes());
    bench.wait(now, now.after(Millis(100)));
    assert_eq!(
        bench.ledger().asked(),
        usize::from(fits) + 1,
        "the next: {context}"
    );
}

#[test]
fn a_line_runs_whole_or_not_at_all_wherever_the_command_is_in_it() {
    for traits in [SERIAL, TCP] {
        for voice in VOICES {
            let longest = LINE_BYTES - voice.command.len();
            // Every place of the command near the bound, and behind it.
            for before in (longest - 14..=longest + 14).chain([LINE_BYTES, 312, 512, 100_000]) {
                check_line(traits, voice, before, 0);
            }
            // The command first, in lines of 255, 256, 257, 312 and 100,000 bytes.
            for length in [255, 256, 257, 312, 100_000] {
                check_line(traits, voice, 0, length - voice.command.len());
            }
        }
    }
}

#[test]
fn a_line_that_is_too_long_does_not_go_on_as_another() {
    for traits in [SERIAL, TCP] {
        for voice in VOICES {
            for before in [
                LINE_BYTES,
                LINE_BYTES + 1,
                2 * LINE_BYTES,
                2 * LINE_BYTES + 1,
                4_096,
            ] {
                let mut bench = Bench::new(traits);
                let Voice {
                    opening,
                    command,
                    end,
                    ..
                } = voice;
                let line = format!("{opening}{}{command}{end}", "#".repeat(before));
                bench.receive(Instant(0), line.as_bytes());
                bench.wait(Instant(0), Instant(100));
                assert_eq!(bench.ledger().asked(), 0, "{voice:?} behind {before}");
            }
        }
    }
}
