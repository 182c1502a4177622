//! However a stream is cut up, the same requests and commands come of it, and the same answers.

use super::{ask_hello, nonce, request};
use lastword_agent::core::clients::FRAME_BYTES;
use lastword_agent::core::session::Traits;
use lastword_protocol::message::Request;
use lastword_protocol::power::{Operation, PowerRequest};
use lastword_protocol::{Instant, Millis, Nonce, OperationId, Text};
use lastword_tests::bench::{Bench, Ran, Run, SERIAL, TCP};
use lastword_tests::dice::Dice;

/// How many streams are tried on each kind of link.
const STREAMS: u64 = 400;
/// How many pieces a stream has at most.
const PIECES: u64 = 24;

/// Bytes, and the silence behind them.
type Piece = (Vec<u8>, Millis);

/// How a piece is cut up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    Whole,
    Bytes,
    /// At random places, as the dice fall behind this seed.
    Chunks(u64),
}

const LINES: [&[u8]; 18] = [
    b"uptime\n",
    b"@7 status; uptime\n",
    b"uptime\r\n",
    b"uptime\r",
    b"hel\r",
    b"reboot\n",
    b"power reboot --in 30s --reason \"at\tlast\"\r\n",
    b"power cancel 7\r\0",
    b"mode term\n",
    b"mode plain\n",
    b"mode json\r",
    b"logout\n",
    b"\n",
    b"\r",
    b"nonsense \xC3\xA9\x08\x15\x1B[A\r",
    b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"}\n",
    b"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"power.reboot\",\"params\":{\"op\":9}}\n",
    b"\xFF\xFD\x01\xFF\xF4upt\x7F\x7F\x7Freboot\r\n",
];

fn piece(dice: &mut Dice, nonce: Nonce) -> Vec<u8> {
    let sequence = u16::try_from(1 + dice.below(12)).expect("small");
    let length = usize::try_from(dice.below(80)).expect("small");
    match dice.below(10) {
        0 => ask_hello().to_vec(),
        1 => request(nonce, sequence, &Request::Uptime).to_vec(),
        2 => request(nonce, sequence, &staged(dice)).to_vec(),
        3 => {
            // A frame that was struck.
            let mut bytes = request(nonce, sequence, &staged(dice)).to_vec();
            let at = usize::try_from(dice.below(bytes.len() as u64)).expect("small");
            bytes[at] ^= 1 << dice.below(8);
            bytes
        }
        4 => (0..length).map(|_| dice.byte()).collect(),
        5 => [&[0], &vec![b'x'; FRAME_BYTES + length][..], b"\nreboot\n\0"].concat(),
        6 => [&vec![b' '; 200 + length][..], b"reboot\n"].concat(),
        _ => LINES[usize::try_from(dice.below(LINES.len() as u64)).expect("small")].to_vec(),
    }
}

fn staged(dice: &mut Dice) -> Request {
    Request::Power(PowerRequest {
        id: Some(OperationId(1 + dice.below(1_000))),
        reason: Text::try_from("x\npower reboot\ny").expect("it fits"),
        ..PowerRequest::plain(Operation::Reboot)
    })
}

fn stream(seed: u64, nonce: Nonce) -> Vec<Piece> {
    let mut dice = Dice::new(seed);
    let silences = [0, 0, 0, 1, 19, 20, 49, 50, 999, 1_000, 2_500];
    (0..=dice.below(PIECES))
        .map(|_| {
            let bytes = piece(&mut dice, nonce);
            let silence = silences[usize::try_from(dice.below(11)).expect("small")];
            (bytes, Millis(silence))
        })
        .collect()
}

/// What ran, and what was said.
fn outcome(traits: Traits, desk: Millis, stream: &[Piece], cut: Cut) -> (Vec<Run>, String) {
    let mut bench = Bench::new(traits);
    bench.set_desk_takes(desk);
    let mut now = Instant(0);
    let mut dice = Dice::new(if let Cut::Chunks(seed) = cut { seed } else { 0 });
    for (bytes, silence) in stream {
        let mut left = bytes.as_slice();
        while !left.is_empty() {
            let length = match cut {
                Cut::Whole => left.len(),
                Cut::Bytes => 1,
                Cut::Chunks(_) => {
                    usize::try_from(1 + dice.below(left.len() as u64)).expect("small")
                }
            };
            let (head, tail) = left.split_at(length);
            bench.receive(now, head);
            left = tail;
        }
        now = bench.wait(now, now.after(*silence));
    }
    bench.wait(now, now.after(Millis(10_000)));
    let said = bench.take_said().escape_ascii().to_string();
    let runs = bench.ledger().runs().to_vec();
    (runs, said)
}

#[test]
fn any_split_of_a_stream_gives_the_same_requests_commands_and_answers() {
    let nonce = nonce();
    let (mut ran, mut asked) = (0, 0);
    for traits in [SERIAL, TCP] {
        for seed in 0..STREAMS {
            let stream = stream(seed, nonce);
            for desk in [Millis(0), Millis(30)] {
                let whole = outcome(traits, desk, &stream, Cut::Whole);
                for cut in [Cut::Bytes, Cut::Chunks(seed), Cut::Chunks(!seed)] {
                    let parts = outcome(traits, desk, &stream, cut);
                    let context = format!("seed {seed}, {cut:?}, {traits:?}, desk {desk:?}");
                    assert_eq!(parts, whole, "{context}: {stream:02x?}");
                }
                let power = |run: &&Run| matches!(run.what, Ran::Asked(_));
                asked += whole.0.iter().filter(power).count();
                ran += whole.0.len();
            }
        }
    }
    assert!(
        ran > 2_000 && asked > 1_000,
        "only {ran} ran, {asked} of them power"
    );
}
